"""Exact search by scoring all rows at once, as a GPU does it faster than it could choose rows. Knows vectors only."""

from collections.abc import Callable

import torch

#: Scores of one product at most: 2^28 float32 are 1 GB.
_SCORES = 1 << 28
#: Rows whose lengths are taken at a time: 65,536 x 384 float32 are 100 MB.
_PART = 1 << 16
#: Rows that share one maximum: the best rows are looked for among the groups with the best of these.
_GROUP = 64
#: Candidates beyond the k asked for: what is scored like the best by a product of float16 is soon among them.
_SPARE = 22

_NONE = float("-inf")
#: Scores (p, c) float32 of (p, d) queries with the rows (p, c) int64.
Exact = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Scan:
    """(n, d) rows on a device, each of them scored for every query.

    The product is in the type of the rows and adds up in float32, so what it says of a row is a proven margin off.
    The best k and a few more are scored exactly; where the k-th of these is not clear of what is left out, more are.

    Args:
        rows: (n, d) float16 or float32, finite.

    Raises:
        ValueError: a row that is not finite, by its number.
    """

    def __init__(self, rows: torch.Tensor) -> None:
        """Keep the rows, and how long the longest is."""
        self._n = len(rows)
        norms = torch.cat([part.float().norm(dim=1) for part in rows.split(_PART)])
        if not norms.isfinite().all():
            row = int((~norms.isfinite()).nonzero()[0])
            raise ValueError(f"embeddings should be finite, row {row} is not; rebuild the store")
        self._longest = float(norms.max())
        self._rows = torch.nn.functional.pad(rows, (0, 0, 0, -self._n % _GROUP))

    @property
    def rows(self) -> torch.Tensor:
        """(n, d): as they were given."""
        return self._rows[: self._n]

    def best(
        self, queries: torch.Tensor, k: int, allowed: torch.Tensor | None, exact: Exact
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores (q, k) float32 and rows (q, k) int64, best first, ties by lower row; -inf and -1 where there is none.

        Args:
            queries: (q, d) float32 on the rows' device.
            k: at most n.
            allowed: (n,) or (q, n) bool, or None.
            exact: what scores are in the end.
        """
        scores = queries.new_empty(len(queries), k)
        best = torch.empty_like(scores, dtype=torch.int64)
        at_once = max(1, _SCORES // len(self._rows))
        for start in range(0, len(queries), at_once):
            part = slice(start, start + at_once)
            some = queries[part]
            seen = self._seen(some, allowed if allowed is None or allowed.ndim == 1 else allowed[part])
            margin, wide = self._margin(some), k
            left = torch.arange(len(some), device=queries.device)
            while len(left):
                wide = min(self._n, wide + max(_SPARE, wide))
                found, rows, clear = _take(some[left], seen[left] if len(left) < len(some) else seen, wide, k, exact)
                scores[part][left], best[part][left] = found, rows
                left = left[~(clear > margin[left])] if wide < self._n else left[:0]
        return scores, best

    def _seen(self, queries: torch.Tensor, allowed: torch.Tensor | None) -> torch.Tensor:
        """(q, n') float32 by the product; -inf where a row is not allowed, or none."""
        near = queries.to(self._rows.dtype)
        if near.is_cuda and near.dtype != torch.float32:
            seen = torch.mm(near, self._rows.T, out_dtype=torch.float32)
        else:
            seen = near.float() @ self._rows.float().T
        seen[:, self._n :] = _NONE
        if allowed is not None:
            seen[:, : self._n].masked_fill_(~allowed, _NONE)
        return seen

    def _margin(self, queries: torch.Tensor) -> torch.Tensor:
        """(q,) float32: how far ``_seen`` can be off: the query's rounding (Cauchy and Schwarz) and that of sums."""
        near, norms = queries.to(self._rows.dtype), queries.norm(dim=1)
        rounding = 4 * (queries.shape[1] + 8) * 2.0**-24
        if near.dtype == torch.float32 and torch.get_float32_matmul_precision() != "highest":
            rounding += 2.0**-7  # both factors of a product may be rounded to bfloat16, by 2^-9 each
        return ((queries - near.float()).norm(dim=1) + rounding * norms) * self._longest


def _take(
    queries: torch.Tensor, seen: torch.Tensor, wide: int, k: int, exact: Exact
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The best k of the ``wide`` that look best: scores, rows, and how far the last is from all that is left out."""
    groups = seen.view(len(seen), -1, _GROUP)
    highest = groups.amax(dim=2)
    # As many groups as rows are wanted hold them: each has one that looks at least as good as any row of the others.
    group = torch.topk(highest, min(wide, highest.shape[1]), sorted=False).indices
    inside = groups.gather(1, group[..., None].expand(-1, -1, _GROUP)).flatten(1)
    looks, place = torch.topk(inside, wide, sorted=False)
    rows = group.gather(1, place // _GROUP) * _GROUP + place % _GROUP
    # By row, so that a stable sort by score leaves the lower of equals first.
    rows, order = rows.sort(dim=1)
    looks = looks.gather(1, order)
    absent = looks == _NONE
    scores = exact(queries, rows.masked_fill(absent, 0)).masked_fill_(absent, _NONE)
    scores, order = scores.sort(dim=1, descending=True, stable=True)
    rows = rows.masked_fill_(absent, -1).gather(1, order)
    least = looks.amin(dim=1)
    clear = torch.where(least == _NONE, torch.inf, scores[:, k - 1] - least)
    return scores[:, :k], rows[:, :k], clear
