"""What ``accelerate launch train.py`` can be asked for."""

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from space.settings.data import DataSettings
from space.settings.flags import DIMENSIONS, NUMBER_OR_ALL, REPOSITORY, Check, at_least, between, setting, within

LOSSES = ("triplet", "mnrl", "cosent")
#: Defaults that depend on the loss: the best on dev in benchmarks/E5_STUDY.md. cosent takes those of mnrl.
LOSS_DEFAULTS: dict[str, dict[str, Any]] = {
    "mnrl": {"learning_rate": 1e-4, "mined_negatives": False, "base_share": 0.3},
    "triplet": {"learning_rate": 2e-5, "mined_negatives": True, "base_share": 0.0},
}
TRAINING_PRECISIONS = ("auto", "float32", "bfloat16")

_STEPS_OR_SHARE: Check = (
    (lambda steps: steps > 0 and (steps < 1 or float(steps).is_integer())),
    "use a share below 1 such as .2, or a whole number of steps",
)
OWN_FOLDER: Check = (
    (lambda folder: folder.resolve() not in (Path.cwd(), *Path.cwd().parents)),
    "the finished model replaces everything in this folder, so use a folder of its own",
)


def _shown(name: str) -> str:
    """The default of a setting, as ``--help`` shows it."""
    mnrl, triplet = (str(LOSS_DEFAULTS[loss][name]) for loss in ("mnrl", "triplet"))
    return f"{mnrl}, with --loss triplet {triplet}".replace("True", "on").replace("False", "off")


@dataclass(frozen=True)
class TrainSettings(DataSettings):
    """The settings of a training run."""

    loss: str = setting("mnrl", "Training loss; docs/training.md says what each learns from.", choices=LOSSES)
    epochs: float = setting(1.0, "Passes over the training examples.", between(0, inf, "use more than 0"))
    max_steps: int = setting(-1, "Stop after this many optimizer steps; -1 stops after --epochs.", NUMBER_OR_ALL)
    batch_size: int = setting(32, "Examples per step and process.", at_least(1))
    gradient_accumulation: int = setting(
        1,
        "Batches whose gradients are added up before a step. For mnrl this is not the same as one larger batch, since "
        "its negatives come from within a batch: see --mini-batch-size.",
        at_least(1),
    )
    gradient_checkpointing: bool = setting(
        False, "Compute activations again in the backward pass instead of keeping them: less memory, more time."
    )
    mini_batch_size: int = setting(
        0,
        "With --loss mnrl: examples in memory at a time, so that a large --batch-size fits; 0 takes the whole batch.",
        at_least(0, "use 0 (off) or 1 or more"),
    )
    learning_rate: float = setting(
        None,
        "Peak learning rate (AdamW, linear warm-up and decay).",
        between(0, 1, "use something like 2e-5"),
        _shown("learning_rate"),
    )
    triplet_margin: float = setting(
        0.1,
        "Cosine-distance margin of the triplet loss.",
        between(0, 2, "cosine distance lies in 0 to 2, so a margin of 2 or more is never met; .05 to .3 works well"),
    )
    scale: float = setting(
        50.0,
        "With --loss mnrl: factor of the cosines, which is 1 / temperature.",
        ((lambda scale: 0 < scale <= 200), "use more than 0 and at most 200; 20 to 50 works well"),
    )
    mined_negatives: bool = setting(
        None,
        "Where a query has no judged negative, use a product that the base model finds for it, not a random one.",
        shown=_shown("mined_negatives"),
    )
    matryoshka: list[int] = setting(
        (),
        "Train the first dimensions of a vector to be good vectors by themselves, such as 256 128 64: the loss is "
        "summed over all dimensions and each of these.",
        DIMENSIONS,
    )
    precision: str = setting(
        "auto",
        "What training computes in: float32, bfloat16, or auto, which is bfloat16 where the hardware supports it.",
        choices=TRAINING_PRECISIONS,
    )
    base_share: float = setting(
        None,
        "Share of the base model's weights in the finished model, against forgetting; 0 leaves them out.",
        ((lambda share: 0 <= share < 1), "use 0 or more and less than 1"),
        _shown("base_share"),
    )
    negatives: int = setting(1, "Negatives for each relevant product.", at_least(1))
    title_queries: int = setting(
        -1,
        "Extra examples whose query is a random part of a product's title; -1 takes as many as there are judged "
        "examples, at most 10,000, and none for cosent.",
        at_least(-1, "use 0 (none), a number of examples, or -1"),
    )
    dev_share: float = setting(
        0.0,
        "Share of the train queries to set apart for early stopping: the checkpoint that ranks them best is kept, and "
        "training stops after two checkpoints without an improvement; 0 trains on all queries to the end.",
        within(0, 0.5, "use 0 (none) to .5"),
    )
    eval_queries: int = setting(2000, "Held-out queries to evaluate on, drawn by --seed; -1 takes all.", NUMBER_OR_ALL)
    judgments: Path | None = setting(
        None,
        "Also learn from people's judgments in this file of python -m space judgments; held-out queries stay out.",
    )
    seed: int = setting(42, "Seed of everything drawn at random.", within(0, 2**32 - 1, "use 0 to 4294967295"))
    save_steps: float = setting(
        0.2, "Steps between two checkpoints; below 1 it is a share of the run.", _STEPS_OR_SHARE
    )
    output_dir: Path = setting(Path("saved_e5_model"), "Where the finished model goes.", OWN_FOLDER)
    checkpoints_dir: Path = setting(Path("checkpoints"), "Where the checkpoints go.")
    keep_checkpoints: bool = setting(False, "Keep the checkpoints when the run is finished.")
    logging_dir: Path = setting(Path("logs"), "Where the TensorBoard events go.")
    resume: bool = setting(False, "Continue from the last complete checkpoint.")
    push_to_hub: str | None = setting(None, "Push the model to this Hub repository, USER/MODEL.", REPOSITORY)
    push_embeddings: str | None = setting(None, "Also embed the catalogue and push it, USER/DATASET.", REPOSITORY)

    def __post_init__(self) -> None:
        """Fill in the defaults of the loss, check the values, refuse what does not work together or has no effect."""
        for name, value in (LOSS_DEFAULTS.get(self.loss, LOSS_DEFAULTS["mnrl"])).items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)  # the class is frozen
        super().__post_init__()
        cached, mnrl, cosent = self.mini_batch_size > 0, self.loss == "mnrl", self.loss == "cosent"
        for holds, name, cure in (
            (mnrl or not cached, "mini_batch_size",
             "only the mnrl loss needs it, use --gradient-accumulation with the others"),
            (not (cached and self.gradient_checkpointing), "mini_batch_size",
             "leave out --gradient-checkpointing, both compute activations twice"),
            (not (cosent and self.mined_negatives), "mined_negatives",
             "the cosent loss learns from judged pairs alone; use --loss mnrl or triplet"),
            (not (cosent and self.title_queries > 0), "title_queries",
             "the cosent loss compares grades, and a title has none; use --loss mnrl or triplet"),
        ):  # fmt: skip
            self.require(holds, name, cure)
