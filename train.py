"""Fine-tune an E5 encoder on product-search judgments, evaluate whether it helped, and push the model.

Run it with: accelerate launch train.py
"""

import logging
import os
import sys

from space import settings as config
from space.data.people_judgments import with_people
from space.data.split import of_model, without_learned
from space.encoding.weights import locate
from space.errors import UserError
from space.hub import proxies
from space.hub.client import model_download
from space.io.memory import uncollected
from space.pipelines.inputs import open_chosen
from space.settings import TrainSettings


def main(arguments: list[str] | None = None) -> None:
    """Read the settings, name the encoder, train; an error ends the script with one sentence."""
    first = os.environ.get("RANK", "0") == "0"  # of several processes only the first one logs
    logging.basicConfig(format="%(message)s", level=logging.WARNING if first else logging.ERROR)
    logging.getLogger("space").setLevel(logging.INFO if first else logging.ERROR)
    try:
        settings = config.parse(TrainSettings, arguments, __doc__ or "")
        proxies.prepare()
        weights = locate(settings.base_model, model_download(offline=settings.offline), substitute=True)
        logging.getLogger("space").info("encoder: %s", weights.notice)
        base = of_model(weights.folder, weights.name)
        splits = [*of_model(settings.output_dir, settings.output_dir.name), *base]
        judged, said = without_learned(open_chosen(settings, bullets=settings.bullets > 0, splits=splits), base)
        if said:
            logging.getLogger("space").warning(said)
        if settings.judgments:
            judged = with_people(judged, settings.judgments)
        # Imported here because torch takes seconds, which a typing error should not cost.
        with uncollected():
            from space.pipelines.train import run

        run(settings, weights, judged)
    except (UserError, OSError) as error:
        sys.exit(f"train.py: {error}")
    except KeyboardInterrupt:
        print("\ntrain.py: stopped; the same command with --resume goes on from the last checkpoint", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
