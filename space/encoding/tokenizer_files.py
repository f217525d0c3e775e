"""Reads the tokenizer of a model: as its file says, and as transformers makes it of that file."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from space.encoding.fingerprint import PROBES, vocabulary_json


@dataclass(frozen=True)
class ReadTokenizer:
    """A tokenizer, and the parts of a fingerprint that come from it.

    Attributes:
        tokens: {token: id}.
        vocabulary: the same, see ``vocabulary_json``.
        probes: the token ids of each of ``PROBES``.
    """

    tokenizer: Tokenizer
    tokens: Mapping[str, int]
    vocabulary: bytes
    probes: list[list[int]]


def readings(folder: Path, before: ReadTokenizer | None = None) -> Iterator[ReadTokenizer]:
    """The tokenizer of a model in each way in which it can be read, the fastest first.

    transformers makes some tokenizers anew, such as that of XLM-R, and then they differ from the file. Importing it
    takes a second, so it is asked only if the caller wants another reading.

    Args:
        folder: of the model; a file that cannot be read, or cuts texts on the left, gives no reading.
        before: the tokenizer of another encoder; with the same tokens a reading takes half the time.
    """
    for reader in (_as_written, _by_transformers):
        try:
            tokenizer = reader(folder)
        except Exception:  # noqa: BLE001 - tokenizers raises no narrower type; TextEncoder then says what is wrong
            return
        before = _read(tokenizer, before)
        yield before


def _as_written(folder: Path) -> Tokenizer:
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    if settings.get("truncation_side", "right") != "right":
        raise ValueError("texts are cut on the left")
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def _by_transformers(folder: Path) -> Tokenizer:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True).backend_tokenizer


def _read(tokenizer: Tokenizer, before: ReadTokenizer | None) -> ReadTokenizer:
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokens, probes = tokenizer.get_vocab(), [tokenizer.encode(probe).ids for probe in PROBES]
    same = before is not None and before.tokens == tokens
    return ReadTokenizer(tokenizer, tokens, before.vocabulary if same else vocabulary_json(tokens), probes)
