"""What ``python -m space evaluate`` can be asked for."""

import re
from dataclasses import dataclass
from pathlib import Path

from space.settings.data import CHARACTERS, TOKENS, DatasetChoice
from space.settings.flags import NUMBER_OR_ALL, setting, within
from space.settings.names import DEFAULT_BASE_MODEL, SettingsError, local, public_name

#: Systems that are evaluated beside the encoders.
BASELINES = ("random", "bm25")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class EvaluateSettings(DatasetChoice):
    """The settings of an evaluation without training."""

    model: list[str] = setting(
        (f"base={DEFAULT_BASE_MODEL}", "tuned=saved_e5_model"),
        "Encoders, each as ID or NAME=ID: a Hub id (ID@REVISION pins), a folder, or packaged-e5. May be repeated.",
        ((lambda models: len(models) > 0), "name at least one"),
        repeatable=True,
    )
    reference: str | None = setting(
        None, "The system that the others are compared with, by its name, or bm25.", shown="the first --model"
    )
    max_seq_length: int | None = setting(
        None, "Tokens kept of each text.", TOKENS, shown="as the models were trained, else 64"
    )
    bullets: int | None = setting(
        None,
        "Characters of bullet points in the passage text.",
        CHARACTERS,
        shown="as the models were trained, else 0",
    )
    eval_queries: int = setting(2000, "Held-out queries to evaluate on, drawn by --seed; -1 takes all.", NUMBER_OR_ALL)
    seed: int = setting(42, "Seed of everything drawn at random.", within(0, 2**32 - 1, "use 0 to 4294967295"))
    output: Path = setting(
        Path("evaluation.json"),
        "The figures; the tables go beside them, into a .md file.",
        ((lambda path: path.suffix == ".json" and not path.is_dir()), "name a file that ends in .json"),
    )

    def __post_init__(self) -> None:
        """Check that each system has a name of its own, and that the reference is one of them."""
        super().__post_init__()
        names = [*self.models(), *BASELINES[1:]]
        self.require(
            self.reference in (None, *names), "reference", f"choose one of {', '.join(names)}, or add its --model"
        )

    def models(self) -> dict[str, str]:
        """{name: id} of the encoders; without NAME= the name is the last part of the id.

        Raises:
            SettingsError: a name that is taken, or that a table cannot show.
        """
        found: dict[str, str] = {}
        for text in self.model:
            name, equals, model = ("", "", text) if local(text) else text.partition("=")
            model = model if equals else text
            name = name if equals else public_name(model).rpartition("/")[2].partition("@")[0]
            if not model or not _NAME.fullmatch(name):
                raise SettingsError(f"--model is {text!r}: write NAME=ID, such as mine=saved_e5_model")
            if name in found or name in BASELINES:
                raise SettingsError(f"--model is {text!r}: the name {name!r} is taken, write NAME=ID with another")
            found[name] = model
        return found
