"""Embed the whole catalogue with the base and the fine-tuned encoder, and push the embeddings as a data set.

Run it with: python build_embeddings.py, or: accelerate launch --num_processes N build_embeddings.py
"""

import logging
import os
import sys

from space import config
from space.config import BuildSettings
from space.errors import UserError
from space.imports import uncollected
from space.source import open_contents
from space.weights import locate


def main(arguments: list[str] | None = None) -> None:
    """Parse, say which encoders run, then embed; bad input ends in one sentence."""
    first = os.environ.get("RANK", "0") == "0"  # of several processes only one speaks
    logging.basicConfig(format="%(message)s", level=logging.WARNING if first else logging.ERROR)
    logging.getLogger("space").setLevel(logging.INFO if first else logging.ERROR)
    try:
        settings = config.parse(BuildSettings, arguments, __doc__ or "")
        if settings.to_milvus:
            from space.milvus_loading import load

            if first:
                load(settings.output_dir, settings.to_milvus, settings.milvus_index)
            return
        base = locate(settings.base_model, offline=settings.offline, substitute=True)
        tuned = locate(settings.model, offline=settings.offline)
        logging.getLogger("space").info("base: %s\ntuned: %s", base.notice, tuned.notice)
        contents = open_contents(settings)
        # Only now: torch and its kin take seconds to import, and nobody should wait that long for a typing error.
        with uncollected():
            from space.embedding import build

        build(settings, base, tuned, contents)
    except (UserError, OSError) as error:
        sys.exit(f"build_embeddings.py: {error}")


if __name__ == "__main__":
    main()
