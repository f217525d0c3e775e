"""Push again without training, publish the Space, and describe a data set.

Run it with: python -m space push-model|push-store|publish|eda …
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from space import settings as config
from space.errors import UserError
from space.hub import publish
from space.settings import EdaSettings


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse and do it; what fails ends in one sentence."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("space").setLevel(logging.INFO)
    given = parser().parse_args(arguments)
    try:
        if given.command == "eda":
            describe(EdaSettings(**{item.name: getattr(given, item.name) for item in fields(EdaSettings)}))
            return
        config.check_repository("repository", given.repo)
        if given.command == "publish":
            publish.publish_space(
                given.repo,
                given.embeddings,
                model=given.model,
                base_model=given.base_model,
                private=given.private,
                hardware=given.hardware,
            )
        else:
            push = publish.push_model if given.command == "push-model" else publish.push_store
            push(given.folder, given.repo, private=given.private)
    except (UserError, OSError) as error:
        sys.exit(f"{given.command}: {error}")


def describe(settings: EdaSettings) -> None:
    """A report of a data set, as one HTML file."""
    # Only now: the other commands do without these.
    from space.data.profile import describe
    from space.evaluation.lexical_baseline import lexical_baseline
    from space.io.files import atomically
    from space.pipelines.inputs import open_judged
    from space.ui.html.profile_report import document, report

    judged = open_judged(settings.dataset, settings.locales, offline=settings.offline)
    logging.getLogger("space").info(
        "%s: %d products, %d judgments to learn from, %d held out",
        judged.name,
        len(judged.catalogue),
        len(judged.train),
        len(judged.test),
    )
    figures = describe(judged.catalogue, {"train": judged.train, "test": judged.test})
    protocols, remark = lexical_baseline(judged, settings.baseline_queries)
    body = report(figures, protocols=protocols, notice=judged.notice, remark=remark)
    page = document("What is in the data", body, judged.name)
    with atomically(settings.output) as path:
        path.write_text(page, encoding="utf-8")
    print(f"written: {settings.output}")


def parser() -> argparse.ArgumentParser:
    """The four commands."""
    top = argparse.ArgumentParser("python -m space", description=(__doc__ or "").splitlines()[0])
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    model = commands.add_parser("push-model", help="push a finished model, without training again")
    model.add_argument("repo", metavar="USER/MODEL", help="the repository, made if absent")
    model.add_argument("folder", type=Path, nargs="?", default=Path("saved_e5_model"), help="(default: %(default)s)")
    store = commands.add_parser("push-store", help="push a finished store, without embedding again")
    store.add_argument("repo", metavar="USER/DATASET", help="the repository, made if absent")
    store.add_argument("folder", type=Path, nargs="?", default=Path("artifacts"), help="(default: %(default)s)")
    space = commands.add_parser("publish", help="make or update a Space that serves a model and its store")
    space.add_argument("repo", metavar="USER/SPACE", help="the Space, made if absent")
    space.add_argument("--embeddings", required=True, metavar="ID", help="the store: USER/DATASET, @REVISION pins")
    space.add_argument("--model", metavar="ID", help="the fine-tuned model (default: the one the store names)")
    space.add_argument("--base-model", metavar="ID", help="the model before that (default: likewise)")
    space.add_argument("--hardware", default=publish.DEFAULT_HARDWARE, help="for a new Space (default: %(default)s)")
    eda = commands.add_parser("eda", help="describe a data set in an HTML report")
    eda.add_argument("--dataset", **_flag("dataset"))
    eda.add_argument("--locales", nargs="+", **_flag("locales"))
    eda.add_argument("--output", type=Path, **_flag("output"))
    eda.add_argument("--baseline-queries", type=int, metavar="N", **_flag("baseline_queries"))
    eda.add_argument("--offline", action="store_true", **_flag("offline"))
    for command in (model, store, space):
        command.add_argument("--private", action="store_true", help="make the repository private")
    return top


def _flag(name: str) -> dict[str, Any]:
    """Default and help of a setting, as its dataclass has them."""
    item = EdaSettings.__dataclass_fields__[name]
    default = item.default if item.default is not MISSING else item.default_factory()
    shown = "" if default is None else f" (default: {' '.join(default) if isinstance(default, list) else default})"
    return {"default": default, "help": item.metadata["help"] + shown}


if __name__ == "__main__":
    main()
