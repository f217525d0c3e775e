"""Push models and stores, publish a Space, describe, convert or measure data, collect people's judgments.

Run it with: python -m space push-model|push-store|publish|eda|convert|evaluate|judgments|judge …
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from space.encoding.description import BASE, TUNED
from space.errors import UserError
from space.hub import hosted_space, proxies, publish
from space.io.memory import huge_pages
from space.settings import (
    DEFAULT_BASE_MODEL,
    ConvertSettings,
    EdaSettings,
    EvaluateSettings,
    add_flags,
    check_repository,
    from_flags,
    named_encoders,
    split_revision,
)
from space.settings.app import ANSWERING
from space.settings.flags import Parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; an error ends it with one sentence."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("space").setLevel(logging.INFO)
    huge_pages()
    given = argparse.Namespace(command="python -m space")
    try:
        parser().parse_args(arguments, given)
        proxies.prepare()
        given.run(given)
    except (UserError, OSError) as error:
        sys.exit(f"{given.command}: {error}")
    except KeyboardInterrupt:
        print(f"\n{given.command}: stopped; start it again, and what has arrived is not sent twice", file=sys.stderr)
        sys.exit(130)


def parser() -> argparse.ArgumentParser:
    """The commands and their flags; ``run`` of what is parsed is the function to call with it."""
    top = Parser("python -m space", description=(__doc__ or "").splitlines()[0])
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    model = commands.add_parser("push-model", allow_abbrev=False, help="push a finished model without training again")
    model.set_defaults(run=push_model)
    model.add_argument("repo", metavar="USER/MODEL", help="the repository, created if absent")
    model.add_argument("folder", type=Path, nargs="?", default=Path("saved_e5_model"), help="(default: %(default)s)")
    store = commands.add_parser("push-store", allow_abbrev=False, help="push a finished store without embedding again")
    store.set_defaults(run=push_store)
    store.add_argument("repo", metavar="USER/DATASET", help="the repository, created if absent")
    store.add_argument("folder", type=Path, nargs="?", default=Path("artifacts"), help="(default: %(default)s)")
    space = commands.add_parser(
        "publish", allow_abbrev=False, help="create or update a Space that serves a model and its store"
    )
    space.set_defaults(run=publish_space)
    space.add_argument("repo", metavar="USER/SPACE", help="the Space, created if absent")
    space.add_argument("--embeddings", required=True, metavar="ID", help="the store: USER/DATASET, @REVISION pins")
    space.add_argument(
        "--model",
        metavar="MODEL",
        nargs="+",
        default=[],
        help="the fine-tuned model, and NAME=ID for others of the store (default: those the store names)",
    )
    space.add_argument("--base-model", metavar="ID", help="the base model (default: the one the store names)")
    space.add_argument(
        "--only",
        metavar="NAME",
        nargs="*",
        help="load only these encoders of the store; without a name all (default: as the Space has it)",
    )
    space.add_argument(
        "--hardware", default=hosted_space.DEFAULT_HARDWARE, help="for a new Space (default: %(default)s)"
    )
    space.add_argument("--reranker", metavar="ID", help="a cross-encoder that reorders (default: as the Space has it)")
    for part, what in (("voting", "vote"), ("judging", "judge")):
        said = f"who may {what}: off, open, or login for Hub users (default: as the Space has it)"
        space.add_argument(f"--{part}", choices=ANSWERING, help=said)
    for command in (model, store, space):
        command.add_argument("--private", action="store_true", help="make the repository private")
    eda = commands.add_parser("eda", allow_abbrev=False, help="describe a data set in an HTML report")
    eda.set_defaults(run=lambda given: describe(from_flags(EdaSettings, given)))
    add_flags(eda, EdaSettings)
    comparison = commands.add_parser(
        "evaluate", allow_abbrev=False, help="measure encoders and BM25 on a data set, without training"
    )
    comparison.set_defaults(run=lambda given: evaluate(from_flags(EvaluateSettings, given)))
    add_flags(comparison, EvaluateSettings)
    conversion = commands.add_parser(
        "convert", allow_abbrev=False, help="write judgments and products in the columns and files of ESCI"
    )
    conversion.set_defaults(run=lambda given: convert(from_flags(ConvertSettings, given)))
    conversion.add_argument("dataset", metavar="IN", help="a file, a folder, a Hub id, or 'sample'")
    conversion.add_argument("output_dir", metavar="OUT", type=Path, help="the folder to write")
    add_flags(conversion, ConvertSettings, but=("dataset", "output_dir"))
    people = commands.add_parser(
        "judgments", allow_abbrev=False, help="write people's judgments to a file for train.py --judgments"
    )
    people.set_defaults(run=collect_judgments)
    people.add_argument("source", metavar="FEEDBACK", help="the folder of app.py --feedback, or USER/DATASET")
    people.add_argument(
        "--output", type=Path, default=Path("judgments.csv"), help="the file to write (default: %(default)s)"
    )
    people.add_argument("--labels", default="esci", help="the scale of the data set, as for train.py (default: esci)")
    people.add_argument(
        "--remove",
        metavar="RATER",
        help="instead: count no answer that this rater has given so far; 'visits' is all without a name",
    )
    machine = commands.add_parser(
        "judge", allow_abbrev=False, help="ask a language model for judgments, and compare it with people"
    )
    machine.set_defaults(run=ask_machine)
    machine.add_argument("source", metavar="FEEDBACK", help="the folder of app.py --feedback, or USER/DATASET")
    machine.add_argument("--model", required=True, metavar="ID", help="the language model's name at the endpoint")
    machine.add_argument(
        "--url", help="an OpenAI-compatible endpoint, such as http://127.0.0.1:8000/v1 (default: the Hub's)"
    )
    machine.add_argument(
        "--embeddings", default="artifacts", metavar="ID", help="the store that the page serves (default: %(default)s)"
    )
    machine.add_argument("--guidelines", type=Path, metavar="FILE", help="the Markdown file of app.py --guidelines")
    machine.add_argument("--most", type=int, default=200, metavar="N", help="new questions (default: %(default)s)")
    machine.add_argument("--offline", action="store_true", help="read models and store without the Hub")
    return top


def ask_machine(given: argparse.Namespace) -> None:
    """Let a language model judge."""
    if given.most < 1:
        raise UserError(f"--most {given.most}: use 1 or more questions")
    if given.url is not None and not given.url.startswith(("http://", "https://")):
        raise UserError(f"--url {given.url}: write it as http://HOST:PORT/v1 or https://HOST/v1")
    if given.guidelines and not given.guidelines.is_file():
        raise UserError(f"--guidelines {given.guidelines}: there is no such file; name a Markdown file")
    from space.feedback import machine, remote
    from space.feedback.language_model import LanguageModel
    from space.search.loading import load_engine
    from space.search.machine_judging import judge

    # Answers for a data set are kept here until they are committed, so that a kill loses none.
    source = remote.opened(given.source, Path("judged") / given.source.replace("/", "--"), writing=True)
    guidelines = given.guidelines.read_text(encoding="utf-8") if given.guidelines else ""
    engine = load_engine(given.embeddings, offline=given.offline)
    model = LanguageModel(given.model, engine.scale, given.url, guidelines)
    try:
        print(judge(engine, source.journal, model, given.most))
    finally:
        source.commit([machine.KIND, machine.AGREEMENT], f"Judgments of {given.model}")


def collect_judgments(given: argparse.Namespace) -> None:
    """Write people's judgments to a file, or remove a rater."""
    from space.data.scale import parse
    from space.feedback import collecting

    if given.remove:
        print(collecting.remove(given.source, given.remove))
    else:
        print(collecting.write(given.source, given.output, parse(given.labels)))


def push_model(given: argparse.Namespace) -> None:
    """Push the model in a folder."""
    check_repository("repository", given.repo)
    publish.push_model(given.folder, given.repo, private=given.private)


def push_store(given: argparse.Namespace) -> None:
    """Push the store in a folder."""
    check_repository("repository", given.repo)
    publish.push_store(given.folder, given.repo, private=given.private)


def publish_space(given: argparse.Namespace) -> None:
    """Create or update a Space."""
    check_repository("repository", given.repo)
    check_repository("--embeddings", split_revision(given.embeddings)[0])
    models = named_encoders("--model", given.model, TUNED)
    for model in models.values():
        check_repository("--model", split_revision(model)[0])
    if given.base_model is not None:
        if BASE in models:
            raise UserError(f"--base-model is {given.base_model!r}: base is a --model too; name it once")
        models[BASE] = given.base_model
    if given.reranker is not None:
        check_repository("--reranker", split_revision(given.reranker)[0])
    hosted_space.publish_space(
        given.repo,
        given.embeddings,
        models=models,
        only=given.only,
        private=given.private,
        hardware=given.hardware,
        voting=given.voting,
        judging=given.judging,
        reranker=given.reranker,
    )


def describe(settings: EdaSettings) -> None:
    """Write a report of a data set as one HTML file."""
    # Imported here because the other commands do not need them.
    from space.data.profile import describe
    from space.evaluation.lexical_baseline import lexical_baseline
    from space.io.files import atomically
    from space.pipelines.inputs import open_chosen
    from space.ui.html.profile_report import document, report

    judged = open_chosen(settings)
    logging.getLogger("space").info(
        "%s: %d products, %d judgments to learn from, %d held out",
        judged.name,
        len(judged.catalogue),
        len(judged.train),
        len(judged.test),
    )
    figures = describe(judged.catalogue, {"train": judged.train, "test": judged.test}, judged.scale)
    protocols, remark = lexical_baseline(judged, settings.baseline_queries)
    body = report(figures, protocols=protocols, notice=judged.notice, remark=remark)
    page = document("What is in the data", body, judged.name)
    with atomically(settings.output) as path:
        path.write_text(page, encoding="utf-8")
    print(f"written: {settings.output}")


def evaluate(settings: EvaluateSettings) -> None:
    """Measure encoders on the held-out queries of a data set or a store."""
    from space.encoding.weights import locate
    from space.hub.client import model_download
    from space.pipelines import compared
    from space.pipelines.comparison import compare, report, with_training, write, write_into
    from space.store.reader import Store

    store = None if settings.embeddings is None else Store(settings.embeddings)
    names = settings.models() if store is None else compared.makers(store, settings)
    download = model_download(offline=settings.offline)
    models = {name: locate(model, download, substitute=model == DEFAULT_BASE_MODEL) for name, model in names.items()}
    for name, weights in models.items():
        logging.getLogger("space").info("%s: %s", name, weights.notice)
    reranker = locate(settings.reranker, download) if settings.reranker else None
    if reranker:
        logging.getLogger("space").info("reranked: %s", reranker.notice)
    found = compare(
        compared.of_models(settings, models, reranker)
        if store is None
        else compared.of_store(store, models, reranker),
        settings,
    )
    print(report(found))
    written = []
    if store is not None:
        found = with_training(found, store)
        written.append(write_into(store, found))
    if store is None or settings.output:
        written += write(found, settings.output or Path("evaluation.json"))
    print(f"written: {' and '.join(map(str, written))}")


def convert(settings: ConvertSettings) -> None:
    """Write a data set in the ESCI layout."""
    from space.data.esci_folder import SCALE, require_own, write
    from space.io.folders import replaced
    from space.pipelines.inputs import open_chosen

    require_own(settings.output_dir)
    judged = open_chosen(settings, bullets=settings.bullets > 0)
    with replaced(settings.output_dir) as folder:
        write(judged, folder)
    print(
        f"written: {settings.output_dir}/train.parquet ({len(judged.train):,} judgments), test.parquet "
        f"({len(judged.test):,}), products.parquet ({len(judged.catalogue):,} products), {SCALE}"
        f" ({judged.scale})"
    )


if __name__ == "__main__":
    main()
