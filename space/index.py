"""Exact nearest vectors: a matrix product and top-k. Tensors only; knows no product and no text."""

import torch

PRECISIONS = ("float16", "int8", "float32")
#: Rows scored at a time: 16,384 x 384 float32 is 25 MB, which bounds the memory of half-precision stores.
_BLOCK = 16_384


class TorchIndex:
    """All vectors of a catalogue, searched exhaustively.

    Args:
        embeddings: (n, d) floating point, finite; rows of unit norm make the scores cosines.
        precision: what is kept: "float16" (half the memory), "int8" (a quarter: one scale per row) or "float32".
        device: where to keep and search; None takes CUDA if there is one.

    Raises:
        ValueError: embeddings that are not two-dimensional, empty or not finite, an unknown precision.
    """

    def __init__(
        self, embeddings: torch.Tensor, *, precision: str = "float16", device: str | torch.device | None = None
    ) -> None:
        """Check the vectors and keep them in ``precision``."""
        if precision not in PRECISIONS:
            raise ValueError(f"precision should be one of {', '.join(PRECISIONS)}, is {precision!r}")
        if embeddings.ndim != 2 or not len(embeddings):
            raise ValueError(f"embeddings should be (n, d) with n >= 1, are {tuple(embeddings.shape)}")
        for start, block in _blocks(embeddings):
            bad = ~torch.isfinite(block).all(dim=1)
            if bad.any():
                row = start + int(bad.nonzero()[0])
                raise ValueError(f"embeddings should be finite, row {row} is not; rebuild the store")
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.precision = precision
        self._scale: torch.Tensor | None = None
        if precision == "int8":
            self._rows, self._scale = (part.to(self.device) for part in _quantize(embeddings))
        else:
            self._rows = embeddings.to(self.device, getattr(torch, precision)).contiguous()

    def __len__(self) -> int:
        return self._rows.shape[0]

    @property
    def dim(self) -> int:
        """Length of each vector."""
        return self._rows.shape[1]

    @torch.inference_mode()
    def scores(self, queries: torch.Tensor) -> torch.Tensor:
        """(q, n) float32 inner products of (q, d) queries with every row, computed in float32 on the kept values."""
        queries = self._checked(queries)
        out = torch.empty(len(queries), len(self), device=self.device)
        for start, block in _blocks(self._rows):
            torch.matmul(queries, block.float().T, out=out[:, start : start + len(block)])
        return out if self._scale is None else out.mul_(self._scale)

    @torch.inference_mode()
    def pair_scores(self, queries: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """(p,) float32: the score of query i with row ``rows[i]``, for (p, d) queries and (p,) int64 rows."""
        queries, rows = self._checked(queries), rows.to(self.device)
        scores = (queries * self._rows[rows].float()).sum(dim=1)
        return scores if self._scale is None else scores * self._scale[rows]

    @torch.inference_mode()
    def search(
        self, queries: torch.Tensor, k: int, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The rows with the largest inner products.

        Args:
            queries: (q, d), any floating dtype.
            k: how many per query; more than there are rows gives all rows.
            mask: (n,) or (q, n) bool, the rows that may be returned; None allows all.

        Returns:
            scores (q, k) float32 and rows (q, k) int64, both on the CPU, best first, ties by lower row. Where the mask
            leaves fewer than k rows the rest is filled with -inf and -1.

        Raises:
            ValueError: k below 1, a query of another dimension, a mask of another shape.
        """
        if k < 1:
            raise ValueError(f"k should be >= 1, is {k}")
        k = min(k, len(self))
        scores = self.scores(queries)
        if mask is not None:
            if mask.shape not in (scores.shape, scores.shape[1:]):
                raise ValueError(f"mask should be ({len(self)},) or {tuple(scores.shape)}, is {tuple(mask.shape)}")
            scores.masked_fill_(~mask.to(self.device), float("-inf"))
        best = [_top_k(row, k) for row in scores]
        return torch.stack([score for score, _ in best]).cpu(), torch.stack([rows for _, rows in best]).cpu()

    def _checked(self, queries: torch.Tensor) -> torch.Tensor:
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise ValueError(f"queries should be (q, {self.dim}), are {tuple(queries.shape)}")
        return queries.to(self.device, torch.float32)


def _top_k(scores: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Top k of (n,) scores. torch.topk leaves open which of equal scores it returns, so ties are settled here."""
    edge = torch.topk(scores, k).values[-1]
    masked = float("-inf")
    rows = (scores >= edge if edge > masked else scores > masked).nonzero().squeeze(1)
    rows = rows[torch.sort(scores[rows], descending=True, stable=True).indices[:k]]
    missing = (0, k - len(rows))
    return torch.nn.functional.pad(scores[rows], missing, value=masked), torch.nn.functional.pad(
        rows, missing, value=-1
    )


def _blocks(tensor: torch.Tensor) -> list[tuple[int, torch.Tensor]]:
    return [(start, tensor[start : start + _BLOCK]) for start in range(0, len(tensor), _BLOCK)]


def _quantize(embeddings: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows as int8 with one float32 scale each: row = int8 * scale, at most half a step off."""
    codes = torch.empty(embeddings.shape, dtype=torch.int8)
    scale = torch.empty(len(embeddings))
    for start, block in _blocks(embeddings):
        block = block.float().cpu()
        step = block.abs().amax(dim=1).clamp_min(1e-12) / 127
        codes[start : start + len(block)] = (block / step[:, None]).round().to(torch.int8)
        scale[start : start + len(block)] = step
    return codes, scale
