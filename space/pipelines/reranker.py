"""The training of a reranker: lists from judgments and an encoder's list, training, evaluation, saving and pushing."""

import logging
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np

from space.data.judgments import Judged
from space.data.passages import passages
from space.data.split import SPLIT, Split, of_model
from space.encoding.description import TUNED
from space.encoding.encoder import TextEncoder
from space.encoding.reranker import Reranker, is_cross_encoder, new_cross_encoder
from space.encoding.weights import Weights, is_model
from space.errors import UserError
from space.evaluation import findings, latency, protocols, significance
from space.evaluation.schema import Evaluation, TrainingLog
from space.hub import cards, permission, publish
from space.index.torch_index import TorchIndex
from space.io import folders, memory
from space.io.events import copy_scalars
from space.io.files import require_writable
from space.pipelines.contents import trained_with
from space.pipelines.evaluation import dataset_info, vectors_of
from space.retrieval.dense import DenseSystem
from space.retrieval.reranked import RerankedSystem
from space.settings import RerankerSettings
from space.settings.data import MAX_SEQ_LENGTH, TOKENS
from space.store.reader import EVALUATION
from space.training import ranked_lists, reranker_trainer
from space.training.processes import join_processes, use_all_cores

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Start:
    """What a run begins with: the weights of the reranker, those of the encoder, and the data."""

    base: Weights
    first: Weights
    judged: Judged


def run(settings: RerankerSettings, base: Weights, first: Weights, judged: Judged) -> None:
    """Do what ``train.py --reranker-base`` was asked for.

    Under several processes all of them train; the main one does the rest while the others wait.

    Args:
        settings: of the run, as ``as_trained`` returned them.
        base: the cross-encoder or encoder to train on.
        first: the encoder whose products are reordered.
        judged: judgments and catalogue.

    Raises:
        UserError: the data, the weights or the Hub do not give what the settings need.
    """
    state = join_processes()
    use_all_cores(state)
    main, output = state.is_main_process, settings.output_dir
    if main and settings.push_reranker:
        permission.ask_first(settings.push_reranker, "model", private=settings.private)
    with folders.sole_writer(output) if main else nullcontext():
        if main:
            folders.undo_half_replacement(output)
            check_folders(settings)
        texts = passages(judged.catalogue, settings.bullets)
        with state.main_process_first():  # the others then find its vectors
            encoder = TextEncoder(first, max_seq_length=_tokens(first))
            system = DenseSystem(TUNED, encoder, TorchIndex(vectors_of(TUNED, encoder, texts)))
        lists = ranked_lists.training_lists(
            judged.train,
            texts,
            np.asarray(judged.catalogue["product_locale"].to_pylist()),
            system,
            negatives=settings.negatives,
            seed=settings.seed,
            scale=judged.scale,
        )
        products = sum(map(len, lists["docs"]))
        logger.info(f"{len(lists):,} training lists of {products:,} products, of {len(judged.train):,} judgments")
        model = new_cross_encoder(base, settings.max_seq_length, settings.seed)
        log = reranker_trainer.fine_tune(model, lists, settings)
        memory.trim()  # what activations and optimizer took
        if main:
            named = Weights(settings.push_reranker or output.resolve().name, output)
            reranker = Reranker(model, named, device=str(model.device))
            start = _Start(base, first, judged)
            _save(reranker, _evaluate(start, system, reranker, texts, log, settings), start, settings)
            if settings.push_reranker:
                publish.push_model(output, settings.push_reranker, private=settings.private)
        state.wait_for_everyone()


def check_folders(settings: RerankerSettings) -> None:
    """Refuse folders that the run could not write to at its end, or should not replace, such as that of an encoder.

    Raises:
        UserError: one cannot be written, or --output-dir holds something else than a reranker.
    """
    output = settings.output_dir
    files = {path.name for path in output.iterdir() if path.name[0] != "."} if output.is_dir() else set()
    replaceable = is_model(output) and (output / "config.json").is_file() and is_cross_encoder(output)
    if files - folders.NOT_CONTENT and not replaceable:
        raise UserError(f"--output-dir {output}: it holds files and no reranker, and all would go: name a new folder")
    for folder in (output if output.exists() else output.parent, settings.logging_dir):
        require_writable(folder)


def _tokens(encoder: Weights) -> int:
    """How many tokens of a text the encoder was trained on; its file may come from a stranger."""
    found = trained_with(encoder.folder).get("max_seq_length")
    return found if type(found) is int and TOKENS[0](found) else MAX_SEQ_LENGTH


def _evaluate(
    start: _Start,
    first: DenseSystem,
    reranker: Reranker,
    texts: list[str],
    log: TrainingLog,
    settings: RerankerSettings,
) -> Evaluation:
    """The encoder by itself and reranked, in both protocols, on the held-out queries."""
    judged = start.judged
    test = protocols.held_out(judged.test, settings.eval_queries, settings.seed)
    reranked = RerankedSystem(first, reranker, lambda rows: [texts[row] for row in rows], settings.rerank_top)
    systems = {TUNED: first, reranked.name: reranked}
    results = {
        name: protocols.per_query(system, test, judged.catalogue, judged.scale) for name, system in systems.items()
    }
    queries = test["query"].drop_duplicates().tolist()
    p_values = significance.corrected(results, TUNED)
    found = Evaluation(
        dataset=dataset_info(judged, test),
        gains=judged.scale.gains,
        scale=judged.scale,
        encoders={TUNED: first.encoder.describe()},
        settings=settings.to_json(),
        training=log,
        protocols={
            name: replace(table, p_values=p_values[name])
            for name, table in protocols.summarize(results, TUNED).items()
        },
        per_query=protocols.by_query(results, protocols.label_counts(test, judged.scale)),
        reference=TUNED,
        reranker=reranker.describe(settings.rerank_top, TUNED),
        milliseconds={name: latency.milliseconds(system, queries) for name, system in systems.items()},
    )
    verdict = "; ".join(findings.against_reference(found))
    logger.info(
        "\nAfter training\n\n%s\n%s\n\n%s\n",
        protocols.to_markdown(found.protocols, TUNED),
        latency.to_markdown(found.milliseconds),
        verdict,
    )
    return replace(found, verdict=verdict)


def _save(reranker: Reranker, evaluation: Evaluation, start: _Start, settings: RerankerSettings) -> None:
    """Write the finished reranker with its figures, whole or not at all."""
    bases = [*of_model(start.base.folder, start.base.name), *of_model(start.first.folder, start.first.name)]
    with folders.replaced(settings.output_dir) as folder:
        reranker.model.save_pretrained(str(folder), create_model_card=False)
        card = cards.reranker_card(evaluation, start.base, settings.push_reranker)
        (folder / "README.md").write_text(card, encoding="utf-8")
        (folder / EVALUATION).write_text(evaluation.to_json(), encoding="utf-8")
        (folder / SPLIT).write_text(Split.of(start.judged, bases).to_json(), encoding="utf-8")
        cards.loss_curve(evaluation.training.history, folder / "images" / "train_loss.png")
        events = settings.logging_dir / evaluation.training.run
        target = folder / "runs" / evaluation.training.run
        target.mkdir(parents=True)
        for number, path in enumerate(sorted(events.glob("events.out.tfevents.*"))):
            copy_scalars(path, target / f"events.out.tfevents.{path.name.split('.')[3]}.{number}")
    logger.info(
        f"reranker, card, evaluation.json and images/train_loss.png are in {settings.output_dir}; "
        f"serve it: python app.py --reranker {settings.output_dir}"
    )
