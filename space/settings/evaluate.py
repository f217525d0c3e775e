"""What ``python -m space evaluate`` can be asked for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from space.settings.data import CHARACTERS, TOKENS, DatasetChoice
from space.settings.flags import DIMENSIONS, FOLDER_OR_ID, NUMBER_OR_ALL, RERANK_TOP, setting, within
from space.settings.names import DEFAULT_BASE_MODEL, SettingsError, encoder_fault, local, public_name

#: What a number of a vector can be kept in, instead of float16.
CODES = ("int8", "binary", "centred-binary")


@dataclass(frozen=True)
class EvaluateSettings(DatasetChoice):
    """The settings of an evaluation without training."""

    embeddings: Path | None = setting(
        None,
        "Evaluate the encoders of this store, a folder, with its own vectors and judgments, and put the figures into "
        "it; then --model NAME=ID only says where an encoder is.",
        (
            (lambda path: path.is_dir()),
            "name the folder of a store; fetch one from the Hub with hf download USER/DATASET --repo-type dataset "
            "--local-dir FOLDER",
        ),
    )
    model: list[str] = setting(
        (f"base={DEFAULT_BASE_MODEL}", "tuned=saved_e5_model"),
        "Encoders, each as ID or NAME=ID: a Hub id (ID@REVISION pins), a folder, or packaged-e5. May be repeated.",
        ((lambda models: len(models) > 0), "name at least one"),
        repeatable=True,
    )
    reference: str | None = setting(
        None,
        "The system that the others are compared with, by its name, or bm25, hybrid or reranked.",
        shown="base, else the first --model but tuned",
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
    dims: list[int] = setting(
        (),
        "Also evaluate the first dimensions of every encoder's vectors, scaled to length 1 again, such as 256 128 64.",
        DIMENSIONS,
    )
    codes: list[str] = setting(
        (),
        "Also evaluate int8, binary or centred-binary codes in place of float16 numbers; docs/evaluation.md explains.",
        ((lambda codes: set(codes) <= set(CODES) and len(set(codes)) == len(codes)), f"use {' or '.join(CODES)}"),
    )
    reranker: str | None = setting(
        None,
        "Also evaluate this cross-encoder, a Hub id (ID@REVISION pins) or a folder: it reorders the best products of "
        "tuned, else of the last --model. The milliseconds of all systems are measured too.",
        FOLDER_OR_ID,
    )
    rerank_top: int = setting(50, "With --reranker: how many of the best products are reordered.", RERANK_TOP)
    seed: int = setting(42, "Seed of everything drawn at random.", within(0, 2**32 - 1, "use 0 to 4294967295"))
    output: Path | None = setting(
        None,
        "The figures; the tables go beside them, into a .md file.",
        ((lambda path: path.suffix == ".json" and not path.is_dir()), "name a file that ends in .json"),
        shown="evaluation.json, with --embeddings the store",
    )

    def __post_init__(self) -> None:
        """Check that each system has a name of its own, and that the reference is one of them."""
        super().__post_init__()
        if self.embeddings is None:
            self.require_reference(list(self.models()))
        else:
            for name in self.given(*(item.name for item in fields(DatasetChoice)), "max_seq_length", "bullets"):
                self.require(name == "offline", name, "leave it out, the store of --embeddings has its own")

    def require_reference(self, names: Sequence[str]) -> None:
        """Refuse a reference that is neither one of these encoders nor another system of the evaluation.

        Raises:
            SettingsError: it is not.
        """
        systems = [*names, "bm25", "hybrid", *(["reranked"] if self.reranker else [])]
        cure = f"choose one of {', '.join(systems)}, or add its --model"
        self.require(self.reference in (None, *systems), "reference", cure)

    def models(self) -> dict[str, str]:
        """{name: id} of the encoders; without NAME= the name is the last part of the id, in letters of a name.

        With --embeddings they are those that the user has named, for the store knows its encoders.

        Raises:
            SettingsError: a name that is taken, or that a table cannot show.
        """
        found: dict[str, str] = {}
        for text in self.model if self.embeddings is None or self.given("model") else []:
            name, equals, model = ("", "", text) if local(text) else text.partition("=")
            model = model if equals else text
            if not equals:
                name = re.sub("[^a-z0-9_-]", "-", public_name(model).rpartition("/")[2].partition("@")[0].lower())
            fault = encoder_fault(name)
            if not model or not name:
                fault = "write NAME=ID, such as mine=saved_e5_model"
            elif name in found:
                fault = f"the name {name!r} is taken, write NAME=ID with another"
            if fault:
                raise SettingsError(f"--model is {text!r}: {fault}")
            found[name] = model
        return found
