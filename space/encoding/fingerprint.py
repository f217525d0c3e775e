"""The fingerprint of an encoder: encoders with the same one make the same vectors."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

#: Texts whose token ids differ between tokenizers that share a vocabulary: case, accents, scripts, spaces, digits.
PROBES = (
    "Red Shoes, size 10½",
    "cafetière à piston",
    "ワイヤレス イヤホン",
    "  two  spaces\n",
    "x" * 40,
    "İstanbul Ñandú ß",
)


@dataclass(frozen=True)
class Modules:
    """What decides the vectors of an encoder beside weights and tokenizer.

    Attributes:
        steps: class names of the modules of sentence-transformers.
        pooling: settings of each pooling.
        prompts: {"query" and "document": what is put before each text}.
        truncated: length of a vector where ``truncate_dim`` is set, else None.
    """

    steps: Sequence[str]
    pooling: Sequence[Mapping[str, object]]
    prompts: Mapping[str, str]
    truncated: int | None = None


def fingerprint(hashed: Any, vocabulary: bytes, probes: Sequence[Sequence[int]], modules: Modules) -> str:
    """sha256 over weights, tokenizer, pooling, prompts and ``truncate_dim``, as hex.

    It is computed from what is loaded, not from the files, so saving a model again does not change it. The sequence
    limit is left out: it is a setting of a run, and a manifest has it beside the fingerprint.

    Args:
        hashed: the begun hash of ``hash_weights``; it is not changed.
        vocabulary: see ``vocabulary_json``.
        probes: the token ids of each of ``PROBES``.
        modules: the rest.
    """
    digest = hashed.copy()
    digest.update(vocabulary)
    digest.update(json.dumps([list(ids) for ids in probes]).encode())
    rest: list[object] = [list(modules.steps), [dict(one) for one in modules.pooling], dict(modules.prompts)]
    if modules.truncated is not None:
        rest.append(modules.truncated)
    digest.update(json.dumps(rest, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def hash_weights(weights: Mapping[str, torch.Tensor]) -> Any:
    """A begun ``hashlib.sha256``, over {name in sentence-transformers: tensor}; takes half a second for 500 MB."""
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return digest


def vocabulary_json(vocabulary: Mapping[str, int]) -> bytes:
    """{token: id} in the form that is hashed; takes half a second for 250,000 tokens."""
    return json.dumps(sorted(vocabulary.items())).encode()
