"""Loads the encoders that made some vectors, to embed queries with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from space.encoding.bert_encoder import BertEncoder, OtherKindError
from space.encoding.description import EncoderDescription
from space.encoding.packed_encoder import PackedEncoder
from space.encoding.tokenizer_files import ReadTokenizer, readings
from space.encoding.weights import Weights


@dataclass(frozen=True)
class Asked:
    """An encoder to load.

    Attributes:
        weights: its files.
        made: the description of the encoder that made the vectors.
    """

    weights: Weights
    made: EncoderDescription


def load(asked: Mapping[str, Asked]) -> dict[str, PackedEncoder]:
    """{name: encoder}. The caller compares fingerprints: the files may be of another encoder than the vectors.

    An encoder that ``BertEncoder`` reads, and that then has the fingerprint of the vectors, needs no
    sentence-transformers. Every other one is loaded with it: it knows more kinds, and it says what is wrong.

    Raises:
        WeightsError: the files are not an encoder.
    """
    loaded: dict[str, PackedEncoder] = {}
    before: list[ReadTokenizer] = []
    for name, one in asked.items():
        try:
            loaded[name] = BertEncoder(one.weights, one.made, _noted(one.weights.folder, before))
        except OtherKindError:
            from space.encoding.encoder import TextEncoder  # here, because importing it takes seconds

            loaded[name] = TextEncoder(one.weights, max_seq_length=one.made.max_seq_length)
    return loaded


def _noted(folder: Path, before: list[ReadTokenizer]) -> Iterator[ReadTokenizer]:
    """The readings of a tokenizer; the last one stays in ``before``, for the next encoder."""
    for read in readings(folder, *before):
        before[:] = [read]
        yield read
