"""Loads the encoders that made some vectors, to embed queries with."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from space.encoding.bert_encoder import BertEncoder, OtherKindError
from space.encoding.description import EncoderDescription
from space.encoding.packed_encoder import PackedEncoder
from space.encoding.tokenizer_files import TokenizerFiles
from space.encoding.weights import Weights
from space.io.threads import in_parallel


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
    tokenizers = TokenizerFiles()
    read = in_parallel(partial(_read, tokenizers), asked.values())
    return {name: one or _loaded(asked[name]) for name, one in zip(asked, read, strict=True)}


def _read(tokenizers: TokenizerFiles, asked: Asked) -> PackedEncoder | None:
    try:
        return BertEncoder(asked.weights, asked.made, tokenizers)
    except OtherKindError:
        return None


def _loaded(asked: Asked) -> PackedEncoder:
    from space.encoding.encoder import TextEncoder  # here, because importing it takes seconds

    return TextEncoder(asked.weights, max_seq_length=asked.made.max_seq_length)
