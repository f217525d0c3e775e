"""Fine-tune an E5 encoder on product-search judgments, evaluate whether it helped, and push the model.

Run it with: accelerate launch train.py
With --reranker-base ID it trains a reranker for the model instead: train.py --reranker-base ID --help
"""

import logging
import os
import sys
from collections.abc import Sequence

from space import settings as config
from space.data.judgments import Judged
from space.data.people_judgments import with_people
from space.data.split import of_model, without_learned
from space.encoding.weights import Weights, locate
from space.errors import UserError
from space.hub import proxies
from space.hub.client import model_download
from space.io.memory import huge_pages, uncollected
from space.pipelines.contents import trained_with
from space.pipelines.inputs import open_chosen
from space.settings import RerankerSettings, TrainSettings


def main(arguments: list[str] | None = None) -> None:
    """Read the settings, name the encoder, train; an error ends the script with one sentence."""
    first = os.environ.get("RANK", "0") == "0"  # of several processes only the first one logs
    logging.basicConfig(format="%(message)s", level=logging.WARNING if first else logging.ERROR)
    logging.getLogger("space").setLevel(logging.INFO if first else logging.ERROR)
    huge_pages()
    try:
        given = sys.argv[1:] if arguments is None else arguments
        if config.asks_for_reranker(given):
            train_reranker(config.parse(RerankerSettings, given, __doc__ or ""))
        else:
            train_encoder(config.parse(TrainSettings, given, __doc__ or ""))
    except (UserError, OSError) as error:
        sys.exit(f"train.py: {error}")
    except KeyboardInterrupt:
        goes_on = (
            "starts anew" if config.asks_for_reranker(given) else "with --resume goes on from the last checkpoint"
        )
        print(f"\ntrain.py: stopped; the same command {goes_on}", file=sys.stderr)
        sys.exit(130)


def train_encoder(settings: TrainSettings) -> None:
    """Fine-tune an encoder."""
    proxies.prepare()
    weights = locate(settings.base_model, model_download(offline=settings.offline), substitute=True)
    logging.getLogger("space").info("encoder: %s", weights.notice)
    judged = _judged(settings, settings.bullets, [weights])
    # Imported here because torch takes seconds, which a typing error should not cost.
    with uncollected():
        from space.pipelines.train import run

    run(settings, weights, judged)


def train_reranker(settings: RerankerSettings) -> None:
    """Train a reranker."""
    proxies.prepare()
    download = model_download(offline=settings.offline)
    first = locate(settings.model, download)
    settings = settings.as_trained(trained_with(first.folder))
    base = locate(settings.reranker_base, download, substitute=True)
    logging.getLogger("space").info("encoder: %s\nreranker: %s", first.notice, base.notice)
    judged = _judged(settings, settings.bullets, [first, base])
    with uncollected():
        from space.pipelines.reranker import run

    run(settings, base, first, judged)


def _judged(settings: TrainSettings | RerankerSettings, bullets: int, models: Sequence[Weights]) -> Judged:
    """The data, of whose held-out queries the models have not learned."""
    learned = [split for weights in models for split in of_model(weights.folder, weights.name)]
    splits = [*of_model(settings.output_dir, settings.output_dir.name), *learned]
    judged, said = without_learned(open_chosen(settings, bullets=bullets > 0, splits=splits), learned)
    if said:
        logging.getLogger("space").warning(said)
    return with_people(judged, settings.judgments) if settings.judgments else judged


if __name__ == "__main__":
    main()
