"""Push again without training, and publish the Space.

Run it with: python -m space push-model|push-store|publish …
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from space import config, publish
from space.errors import UserError


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse and do it; what fails ends in one sentence."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("space").setLevel(logging.INFO)
    given = parser().parse_args(arguments)
    try:
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


def parser() -> argparse.ArgumentParser:
    """The three commands."""
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
    for command in (model, store, space):
        command.add_argument("--private", action="store_true", help="make the repository private")
    return top


if __name__ == "__main__":
    main()
