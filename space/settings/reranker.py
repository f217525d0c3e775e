"""What ``train.py --reranker-base ID`` can be asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

from space.settings.data import BULLETS, CHARACTERS, TOKENS, DatasetChoice
from space.settings.flags import (
    FOLDER_OR_ID,
    NUMBER_OR_ALL,
    REPOSITORY,
    RERANK_TOP,
    at_least,
    between,
    setting,
    within,
)
from space.settings.names import DEFAULT_BASE_MODEL
from space.settings.train import OWN_FOLDER, TRAINING_PRECISIONS

#: The flag that chooses these settings.
FLAG = "--reranker-base"


@dataclass(frozen=True)
class RerankerSettings(DatasetChoice):
    """The settings of the training of a reranker."""

    reranker_base: str = setting(
        DEFAULT_BASE_MODEL,
        "Cross-encoder to train on, or an encoder, which gets a new head: a Hub id (ID@REVISION pins), a folder, or "
        "packaged-e5.",
        FOLDER_OR_ID,
    )
    model: str = setting(
        "saved_e5_model",
        "Encoder whose best products are reordered: a Hub id (ID@REVISION pins) or a folder.",
        FOLDER_OR_ID,
    )
    rerank_top: int = setting(50, "How many of its best products are reordered in the evaluation.", RERANK_TOP)
    max_seq_length: int = setting(128, "Tokens kept of a query and a passage together.", TOKENS)
    bullets: int | None = setting(
        None,
        "Characters of bullet points in the passage text.",
        CHARACTERS,
        shown="as --model was trained, else 0",
    )
    negatives: int = setting(
        4,
        "Unjudged products for each query, from ranks 11 to 50 of --model, that count as irrelevant.",
        at_least(0, "use 0 (judged products only) or more"),
    )
    epochs: float = setting(2.0, "Passes over the training lists.", between(0, inf, "use more than 0"))
    max_steps: int = setting(-1, "Stop after this many optimizer steps; -1 stops after --epochs.", NUMBER_OR_ALL)
    batch_size: int = setting(4, "Lists, each of up to 16 products, per step and process.", at_least(1))
    learning_rate: float = setting(
        5e-5,
        "Peak learning rate (AdamW, linear warm-up and decay).",
        between(0, 1, "use something like 2e-5"),
    )
    precision: str = setting(
        "auto",
        "What training computes in: float32, bfloat16, or auto, which is bfloat16 where the hardware supports it.",
        choices=TRAINING_PRECISIONS,
    )
    eval_queries: int = setting(2000, "Held-out queries to evaluate on, drawn by --seed; -1 takes all.", NUMBER_OR_ALL)
    judgments: Path | None = setting(
        None,
        "Also learn from people's judgments in this file of python -m space judgments; held-out queries stay out.",
    )
    seed: int = setting(42, "Seed of everything drawn at random.", within(0, 2**32 - 1, "use 0 to 4294967295"))
    output_dir: Path = setting(Path("saved_reranker"), "Where the finished reranker goes.", OWN_FOLDER)
    logging_dir: Path = setting(Path("logs"), "Where the TensorBoard events go.")
    push_reranker: str | None = setting(None, "Push the reranker to this Hub repository, USER/MODEL.", REPOSITORY)
    private: bool = setting(False, "Create the Hub repository as private.")

    def as_trained(self, trained: Mapping[str, object]) -> "RerankerSettings":
        """These settings with the text and the labels that the encoder was trained on, unless flags say otherwise.

        Args:
            trained: settings of the run that made the encoder, from a file; empty if they are not known.
        """
        bullets, labels = trained.get("bullets"), trained.get("labels")
        known = bullets if type(bullets) is int and CHARACTERS[0](bullets) else BULLETS
        return replace(
            self,
            bullets=known if self.bullets is None else self.bullets,
            labels=self.labels or (labels if isinstance(labels, str) else ""),
        )


def asks_for_reranker(arguments: Sequence[str]) -> bool:
    """Whether a command line of train.py trains a reranker."""
    return any(word.replace("_", "-").partition("=")[0] == FLAG for word in arguments)
