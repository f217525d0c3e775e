"""Train only the word embeddings whose tokens occur in the data.

Most weights of a multilingual encoder are word embeddings, and a catalogue uses a tenth of them. A row whose token
never occurs gets no gradient, and Adam without weight decay does not move it. So training with the rows that occur
comes to the same weights, with less memory and smaller checkpoints.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from sentence_transformers import CrossEncoder, SentenceTransformer
from torch.nn import functional

from space.encoding.encoder import TextEncoder
from space.encoding.fingerprint import PROBES


class OccurringEmbedding(torch.nn.Embedding):
    """The rows of an embedding whose token ids occur. It takes ids of the full vocabulary.

    An id that was not listed is an ``IndexError``.
    """

    def __init__(self, full: torch.nn.Embedding, ids: torch.Tensor) -> None:
        """Copy the rows ``ids``, (n,) int64, of ``full``."""
        rows = torch.full((full.num_embeddings,), -1)
        rows[ids] = torch.arange(len(ids))
        padding = None if full.padding_idx is None else int(rows[full.padding_idx])
        super().__init__(len(ids), full.embedding_dim, padding_idx=padding, _weight=full.weight.detach()[ids].clone())
        # Not in the state dict, so that a checkpoint is an ordinary model with a small vocabulary.
        self.register_buffer("rows", rows, persistent=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """(…, d) embeddings of token ids of the full vocabulary."""
        return functional.embedding(self.rows[ids], self.weight, self.padding_idx)


def occurring(encoder: TextEncoder, queries: Iterable[str], passages: Iterable[str]) -> torch.Tensor | None:
    """The token ids of texts with their prompts, and the special ones: (n,) int64, in order.

    Those of ``PROBES`` are among them, since an encoder is checked with these before it embeds.

    None if sentence-transformers runs the model in a way of its own.
    """
    found = set(encoder.model.tokenizer.all_special_ids)
    for texts, prompt in ((queries, "query"), ((*passages, *PROBES), "document")):
        for part in _parts(sorted(set(texts))):
            tokenized = encoder.tokenize(part, prompt)
            if isinstance(tokenized[0], str):
                return None
            for ids in tokenized:
                found.update(ids)
    return torch.tensor(sorted(found))


def of_texts(model: CrossEncoder, texts: Iterable[str]) -> torch.Tensor:
    """The token ids of texts without prompts, and the special ones: (n,) int64, in order."""
    found = set(model.tokenizer.all_special_ids)
    for part in _parts(sorted(set(texts))):
        for ids in model.tokenizer(part, truncation=False)["input_ids"]:
            found.update(ids)
    return torch.tensor(sorted(found))


def _parts(texts: Sequence[str], size: int = 10_000) -> Iterator[list[str]]:
    for start in range(0, len(texts), size):
        yield list(texts[start : start + size])


def digest(ids: torch.Tensor | None) -> str:
    """A short hash of the rows, since checkpoints of other rows do not fit."""
    return "" if ids is None else hashlib.sha256(ids.numpy().tobytes()).hexdigest()[:16]


@contextmanager
def only_occurring(model: SentenceTransformer | CrossEncoder, ids: torch.Tensor | None) -> Iterator[None]:
    """Within, the model has the word embeddings ``ids`` only; afterwards it has all, those of ``ids`` as trained.

    Args:
        model: a BERT or RoBERTa if there are ids.
        ids: from ``occurring`` or ``of_texts``; None changes nothing.
    """
    if ids is None:
        yield
        return
    bert = model[0].auto_model
    full, size = bert.get_input_embeddings(), bert.config.vocab_size
    small = OccurringEmbedding(full.to("cpu"), ids).to(model.device)
    bert.set_input_embeddings(small)
    bert.config.vocab_size = len(ids)
    try:
        yield
    finally:
        bert.set_input_embeddings(full)
        bert.config.vocab_size = size
    with torch.no_grad():
        full.weight[ids] = small.weight.to("cpu", full.weight.dtype)
    full.to(small.weight.device)
