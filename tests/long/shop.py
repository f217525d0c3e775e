"""A store of the real size without embedding: real products and judgments, and random vectors.

A query takes as long as on embedded products; its answers mean nothing.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch


class Drawn:
    """The packaged encoder's name and fingerprint, and unit vectors at random in the place of its own."""

    def __init__(self, encoder: Any, seed: int) -> None:
        self._encoder, self._random = encoder, torch.Generator().manual_seed(seed)

    def describe(self) -> Any:
        return self._encoder.describe()

    def tokenize(self, texts: Sequence[str]) -> list[str]:
        return list(texts)

    def embed(self, texts: Sequence[str], progress: Callable[[int], object]) -> torch.Tensor:
        progress(len(texts))
        vectors = torch.randn(len(texts), self._encoder.dim, generator=self._random)
        return torch.nn.functional.normalize(vectors, dim=1)


def make(folder: Path, dataset: str, locales: Sequence[str]) -> list[str]:
    """Write the store; what app.py is to be started with."""
    from space.data.passages import template
    from space.encoding.description import BASE, TUNED
    from space.encoding.encoder import TextEncoder
    from space.encoding.weights import PACKAGED, locate
    from space.pipelines.contents import contents_of
    from space.pipelines.inputs import open_judged
    from space.store.embedding import embed_catalogue
    from space.store.writer import Plan
    from space.training.processes import join_processes

    contents = contents_of(open_judged(dataset, locales, offline=True))
    encoder = TextEncoder(locate(PACKAGED))
    plan = Plan(len(contents.catalogue), 5_000, template(0), contents.name, contents.notice)
    loads = {part: lambda seed=seed: Drawn(encoder, seed) for seed, part in enumerate((BASE, TUNED))}
    embed_catalogue(contents.catalogue, loads, folder, plan, join_processes(), judgments=contents.judgments, card=str)
    return ["--model", PACKAGED, "--base-model", PACKAGED, "--embeddings", str(folder), "--offline"]
