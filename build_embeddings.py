"""Embed the whole catalogue with the base and the fine-tuned encoder, or any others, and push the embeddings.

Run it with: python build_embeddings.py, or: accelerate launch --num_processes N build_embeddings.py
"""

import logging
import os
import sys

from space import settings as config
from space.encoding import lineup
from space.encoding.description import BASE
from space.encoding.weights import locate
from space.errors import UserError
from space.hub import proxies
from space.hub.client import model_download
from space.io.memory import huge_pages, uncollected
from space.pipelines.contents import as_trained, open_contents
from space.settings import BuildSettings


def main(arguments: list[str] | None = None) -> None:
    """Read the settings, name the encoders, embed; an error ends the script with one sentence."""
    first = os.environ.get("RANK", "0") == "0"  # of several processes only the first one logs
    logging.basicConfig(format="%(message)s", level=logging.WARNING if first else logging.ERROR)
    logging.getLogger("space").setLevel(logging.INFO if first else logging.ERROR)
    huge_pages()
    try:
        settings = config.parse(BuildSettings, arguments, __doc__ or "")
        proxies.prepare()
        if settings.to_milvus:
            from space.store.milvus_collections import load

            if first:
                load(settings.output_dir, settings.to_milvus, settings.milvus_index)
            return
        download = model_download(offline=settings.offline)
        encoders = {
            name: locate(model, download, substitute=name == BASE) for name, model in settings.encoders().items()
        }
        for name, weights in encoders.items():
            logging.getLogger("space").info("%s: %s", name, weights.notice)
        tuned = encoders[lineup.candidate(encoders)]
        settings = as_trained(settings, tuned)
        contents = open_contents(settings, tuned)
        # Imported here because torch takes seconds, which a typing error should not cost.
        with uncollected():
            from space.pipelines.build import build

        build(settings, encoders, contents)
    except (UserError, OSError) as error:
        sys.exit(f"build_embeddings.py: {error}")
    except KeyboardInterrupt:
        print("\nbuild_embeddings.py: stopped; the same command goes on from the last shard", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
