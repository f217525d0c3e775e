"""Exact search by one matrix product that scores all rows; the best few are then scored again exactly.

This is the fastest way on a GPU, and on a CPU for a few thousand rows.
"""

from collections.abc import Callable

import torch

#: Scores of one product at most: 2^28 float32 are 1 GB.
_SCORES_AT_ONCE = 1 << 28
#: Rows whose norms are computed at a time: 65,536 x 384 float32 are 100 MB.
_NORMS_AT_ONCE = 1 << 16
#: Rows that share one maximum: the best rows are looked for in the groups with the highest maxima.
_GROUP = 64
#: From so many rows on, looking for the best groups first is faster.
_MANY = 16_384
#: Candidates scored exactly beyond the k asked for: the float16 product can put a row a few places too low.
_SPARE = 22

_NEVER = float("-inf")
#: (queries (q, d), which query (p,), which row (p,)) to exact scores (p,) float32.
ExactScores = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


class RowScan:
    """(n, d) rows on a device, all of them scored for each query.

    The product is in the type of the rows and adds in float32, so its scores can be off by a known amount. The best k
    rows and a few more are scored exactly. If the k-th of them is not better than every row left out by more than that
    amount, more rows are scored exactly.

    Args:
        rows: (n, d) float16 or float32, finite.

    Raises:
        ValueError: a row that is not finite, with its number.
    """

    def __init__(self, rows: torch.Tensor) -> None:
        """Keep the rows, padded to whole groups, and the norm of the longest."""
        self._n = len(rows)
        norms = torch.cat([part.float().norm(dim=1) for part in rows.split(_NORMS_AT_ONCE)])
        if not norms.isfinite().all():
            row = int((~norms.isfinite()).nonzero()[0])
            raise ValueError(f"embeddings should be finite, row {row} is not; rebuild the store")
        self._longest = float(norms.max())
        self._rows = torch.nn.functional.pad(rows, (0, 0, 0, -self._n % _GROUP))

    @property
    def rows(self) -> torch.Tensor:
        """(n, d): the rows as given."""
        return self._rows[: self._n]

    def search(
        self, queries: torch.Tensor, k: int, mask: torch.Tensor | None, exact: ExactScores
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The best k rows of each query.

        Args:
            queries: (q, d) float32 on the rows' device.
            k: at most n.
            mask: (n,) or (q, n) bool, or None.
            exact: computes the scores that are returned.

        Returns:
            scores (q, k) float32 and rows (q, k) int64, best first, ties by lower row; -inf and -1 beyond the mask.
        """
        scores = queries.new_empty(len(queries), k)
        best = torch.empty_like(scores, dtype=torch.int64)
        at_once = max(1, _SCORES_AT_ONCE // len(self._rows))
        for start in range(0, len(queries), at_once):
            part = slice(start, start + at_once)
            some = queries[part]
            near = self._approximate(some, mask if mask is None or mask.ndim == 1 else mask[part])
            error, candidates = self._error(some), k
            unsure: slice | torch.Tensor = slice(None)  # queries whose best k are not certain yet
            while True:
                candidates = min(self._n, candidates + max(_SPARE, candidates))
                found, rows, lead = _best_of(some[unsure], near[unsure], candidates, k, exact)
                scores[part][unsure], best[part][unsure] = found, rows
                open_ = ~(lead > error[unsure])
                if candidates == self._n or not open_.any():
                    break
                unsure = open_.nonzero().squeeze(1) if isinstance(unsure, slice) else unsure[open_]
        return scores, best

    def _approximate(self, queries: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """(q, n') float32 scores by the product, n' being n padded to groups; -inf for padding and masked rows."""
        rounded = queries.to(self._rows.dtype)
        if rounded.is_cuda and rounded.dtype != torch.float32:
            near = torch.mm(rounded, self._rows.T, out_dtype=torch.float32)
        else:
            near = rounded.float() @ self._rows.float().T
        near[:, self._n :] = _NEVER
        if mask is not None:
            near[:, : self._n].masked_fill_(~mask, _NEVER)
        return near

    def _error(self, queries: torch.Tensor) -> torch.Tensor:
        """(q,) float32: how far an approximate score can be off.

        The query is rounded to the type of the rows: off by |query - rounded| |row| at most (Cauchy-Schwarz). A sum of
        d products adds at most d float32 roundings, and with TF32 both factors may be rounded to 8 bits as well.
        """
        rounded, norms = queries.to(self._rows.dtype), queries.norm(dim=1)
        rounding = 4 * (queries.shape[1] + 8) * 2.0**-24
        if rounded.dtype == torch.float32 and torch.get_float32_matmul_precision() != "highest":
            rounding += 2.0**-7
        return ((queries - rounded.float()).norm(dim=1) + rounding * norms) * self._longest


def _best_of(
    queries: torch.Tensor, near: torch.Tensor, candidates: int, k: int, exact: ExactScores
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Score the rows with the best approximate scores exactly.

    Args:
        queries: (q, d) float32.
        near: (q, n') float32 approximate scores.
        candidates: how many rows to score exactly.
        k: how many to return.
        exact: see ``RowScan.search``.

    Returns:
        scores (q, k), rows (q, k), and by how much the k-th exact score exceeds every approximate score left out (q,).
    """
    near, rows = best_places(near, candidates)
    # In the order of rows, so that a stable sort by score puts the lower row of a tie first.
    rows, order = rows.sort(dim=1)
    near = near.gather(1, order)
    absent = near == _NEVER
    asking = torch.arange(len(queries), device=rows.device).repeat_interleave(candidates)
    scores = exact(queries, asking, rows.masked_fill(absent, 0).flatten()).view(rows.shape)
    scores, order = scores.masked_fill_(absent, _NEVER).sort(dim=1, descending=True, stable=True)
    rows = rows.masked_fill_(absent, -1).gather(1, order)
    lowest = near.amin(dim=1)  # as high as any row left out
    lead = torch.where(lowest == _NEVER, torch.inf, scores[:, k - 1] - lowest)
    return scores[:, :k], rows[:, :k], lead


def best_places(near: torch.Tensor, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The ``number`` best scores (q, c) of (q, n') ``near`` and their places (q, c), in no order."""
    if near.shape[1] < _MANY:
        return torch.topk(near, number, sorted=False)
    groups = near.view(len(near), -1, _GROUP)
    highest = groups.amax(dim=2)
    # The best c rows lie in the c groups with the highest maxima: each of these has a row as good as any outside them.
    group = torch.topk(highest, min(number, highest.shape[1]), sorted=False).indices
    inside = groups.gather(1, group[..., None].expand(-1, -1, _GROUP)).flatten(1)
    best, place = torch.topk(inside, number, sorted=False)
    return best, group.gather(1, place // _GROUP) * _GROUP + place % _GROUP
