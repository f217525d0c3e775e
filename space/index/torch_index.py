"""Exact nearest-neighbour search over dense vectors, on CPU or GPU.

On a GPU, and for a few thousand rows, every row is multiplied with the query, see ``row_scan``. For more rows a CPU
would read too much memory that way: int8 codes of all rows are compared first, and only rows that can still be among
the best k are scored exactly. The few rows that look best by their codes come first: their exact scores are what the
others have to reach. How far a code's score can be off is known, so no such row is missed.
"""

import torch
from torch.nn.functional import pad

from space.index.codes import GROUP, Codes
from space.index.row_scan import RowScan, best_places

PRECISIONS = ("float16", "int8", "float32")
#: Approximate scores held at a time, rows times queries: 2 million float32 are 8 MB for a catalogue of any size.
_SCORES_AT_ONCE = 1 << 21
#: Queries compared with the codes at a time. Scores of more do not stay in the cache.
_QUERIES_AT_ONCE = 32
#: Candidates scored exactly at a time: 2,048 x 384 float32 are 3 MB and stay in the cache.
_FETCHED_AT_ONCE = 2_048
#: A mask for all queries that leaves at most 1 row in 64, and at most 16,384 rows (25 MB in float32), is applied by
#: fetching these rows; any other by scoring all codes and hiding the rest.
_NARROW, _FEW_LEFT = 64, 16_384
#: Fewer rows than this are not coded: one float32 product is faster (benchmarks/small.py has the measurement).
_FEW = 3_000

_NEVER = float("-inf")


class TorchIndex:
    """All vectors of a catalogue, searched exhaustively.

    The answer is the one that scoring every row would give, and each score is that of ``pair_scores``.

    Args:
        embeddings: (n, d) floating point, finite. If the rows have unit norm, scores are cosines.
        precision: what the scores are computed with. "float16" and "float32" copy the rows to the device in that type
            (without a copy if they are there already). "int8" keeps the embeddings as they are and where they are, so
            for a memory-mapped store only the codes take memory.
        device: where to keep and search; None takes CUDA if there is one.

    Raises:
        ValueError: embeddings that are not two-dimensional, empty or not finite, or an unknown precision.
    """

    def __init__(
        self, embeddings: torch.Tensor, *, precision: str = "float16", device: str | torch.device | None = None
    ) -> None:
        """Check and keep the vectors; on a CPU, or with "int8", code them unless they are few."""
        if precision not in PRECISIONS:
            raise ValueError(f"precision should be one of {', '.join(PRECISIONS)}, is {precision!r}")
        if embeddings.ndim != 2 or not embeddings.numel():
            raise ValueError(f"embeddings should be (n, d) with n >= 1, are {tuple(embeddings.shape)}")
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.precision = precision
        self._rows = embeddings
        if precision != "int8":
            self._rows = embeddings.to(self.device, getattr(torch, precision)).contiguous()
        self._scan: RowScan | None = None
        if precision != "int8" and _is_gpu(self.device):
            self._scan = RowScan(self._rows)
            self._rows = self._scan.rows
        elif len(self) < _FEW and not _is_gpu(self.device):
            self._scan = RowScan(self._rows.float())
        else:
            self._codes = Codes(self._rows, self.device)

    def __len__(self) -> int:
        return self._rows.shape[0]

    @property
    def dim(self) -> int:
        """Length of each vector."""
        return self._rows.shape[1]

    @torch.inference_mode()
    def pair_scores(self, queries: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """(p,) float32: the inner product of query i with row ``rows[i]``, for (p, d) queries and (p,) int64 rows."""
        queries, vectors = self._checked_queries(queries), self.vectors(rows)
        if _is_gpu(self.device):
            # The order in which a GPU adds depends on how many sums it computes; float64 rounds the difference away.
            return (queries.double() * vectors).sum(dim=1).float()
        return vectors.mul_(queries).sum(dim=1)

    def vectors(self, rows: torch.Tensor) -> torch.Tensor:
        """(m, d) float32: the kept vectors of (m,) int64 rows, on the index's device."""
        # Five times as fast as self._rows[rows] for some thousand rows.
        return self._rows.index_select(0, rows.to(self._rows.device)).to(self.device, torch.float32)

    @torch.inference_mode()
    def search(
        self, queries: torch.Tensor, k: int, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The rows with the largest inner products.

        Args:
            queries: (q, d), any floating dtype.
            k: how many per query; if k is larger than n, all rows are returned.
            mask: (n,) or (q, n) bool, the rows that may be returned; None allows all.

        Returns:
            scores (q, k) float32 and rows (q, k) int64, both on the CPU, best first, ties by lower row. If the mask
            leaves fewer than k rows, the rest is filled with -inf and -1.

        Raises:
            ValueError: k below 1, a query of another dimension, or a mask of another shape.
        """
        if k < 1:
            raise ValueError(f"k should be >= 1, is {k}")
        queries, k = self._checked_queries(queries), min(k, len(self))
        mask = self._checked_mask(mask, len(queries))
        if self._scan is not None:
            scores, rows = self._scan.search(queries, k, mask, self._exact_scores)
        elif mask is not None and self._is_narrow(mask):
            scores, rows = self._search_few(queries, k, mask.nonzero().squeeze(1))
        else:
            scores, rows = self._search_codes(queries, k, mask)
        return scores.cpu(), rows.cpu()

    def _search_few(self, queries: torch.Tensor, k: int, allowed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """``search`` of the (m,) rows ``allowed``, which are fetched; m >= 1."""
        absent = (0, k - min(k, len(allowed)))
        k -= absent[1]
        if len(queries) == 1:
            exact = self._exact_scores(queries, torch.zeros_like(allowed), allowed)
            good = (exact >= exact.topk(k).values[-1]).nonzero().squeeze(1)
            scores, order = exact[good].sort(descending=True, stable=True)
            scores, places = scores[None, :k], good[order[None, :k]]
        else:
            scores, places = RowScan(self.vectors(allowed)).search(
                queries, k, None, lambda q, asking, at: self._exact_scores(q, asking, allowed[at])
            )
        return pad(scores, absent, value=_NEVER), pad(allowed[places], absent, value=-1)

    def _search_codes(
        self, queries: torch.Tensor, k: int, mask: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """``search`` by int8 codes, in blocks of queries and rows."""
        scores = torch.full((len(queries), k), _NEVER, device=self.device)
        best = torch.full((len(queries), k), -1, device=self.device)
        for first in range(0, len(queries), _QUERIES_AT_ONCE):
            part = slice(first, first + _QUERIES_AT_ONCE)
            some = mask if mask is None or mask.ndim == 1 else mask[part]
            self._search_blocks(queries[part], some, scores[part], best[part])
        return scores, best

    def _search_blocks(
        self, queries: torch.Tensor, mask: torch.Tensor | None, scores: torch.Tensor, best: torch.Tensor
    ) -> None:
        """Merge the best rows of all blocks into the (q, k) scores and rows."""
        coded, k = self._codes.quantize_queries(queries), scores.shape[1]
        height = max(1, _SCORES_AT_ONCE // len(queries) // self._codes.height) * self._codes.height
        for start in range(0, len(self), height):
            near = self._codes.scores(coded, start, height)
            if mask is not None:
                hidden = _minus_infinity_where_false(mask[..., start : start + height])
                near[:, : hidden.shape[-1]] += hidden
            kth_best = torch.maximum(scores[:, -1], self._kth_score(queries, near, k, start))
            places, asking = _at_least(near, kth_best / coded.scales - coded.centre_scores - coded.error)
            exact = self._exact_scores(queries, asking, start + places)
            # Sorting takes long, and of near-duplicates only a hundredth can still be among the best.
            good = (exact >= kth_best[asking]).nonzero().squeeze(1)
            _merge(scores, best, exact[good], asking[good], start + places[good])

    def _kth_score(self, queries: torch.Tensor, near: torch.Tensor, k: int, start: int) -> torch.Tensor:
        """(q,) float32: k rows of a block score at least as much, exactly; -inf if it has fewer.

        They are the rows that look best by their codes, so this is close to the k-th best score of the block.

        Args:
            queries: (q, d) float32.
            near: (q, h) float32 approximate scores of the block, -inf where there is no row.
            k: how many.
            start: the first row of the block.
        """
        q, height = near.shape
        if k > height:
            return near.new_full((q,), _NEVER)
        approximate, places = best_places(near, k)
        absent = approximate == _NEVER
        asking = torch.arange(q, device=near.device).repeat_interleave(k)
        exact = self._exact_scores(queries, asking, start + places.masked_fill(absent, 0).flatten()).view(q, k)
        return exact.masked_fill_(absent, _NEVER).amin(dim=1)

    def _exact_scores(self, queries: torch.Tensor, asking: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """(p,) float32: ``pair_scores`` of query ``asking[i]`` with row ``rows[i]``, in parts that fit in memory."""
        parts = zip(asking.split(_FETCHED_AT_ONCE), rows.split(_FETCHED_AT_ONCE), strict=True)
        if len(queries) == 1:
            return torch.cat([self.pair_scores(queries.expand(len(row), -1), row) for _, row in parts])
        return torch.cat([self.pair_scores(queries.index_select(0, query), row) for query, row in parts])

    def _is_narrow(self, mask: torch.Tensor) -> bool:
        """Whether a mask for all queries leaves so few rows that only they should be read; a GPU reads all faster."""
        if mask.ndim > 1 or _is_gpu(self.device):
            return False
        return 0 < int(mask.count_nonzero()) <= min(len(self) // _NARROW, _FEW_LEFT)

    def _checked_mask(self, mask: torch.Tensor | None, q: int) -> torch.Tensor | None:
        if mask is not None and mask.shape not in ((len(self),), (q, len(self))):
            raise ValueError(f"mask should be ({len(self)},) or {(q, len(self))}, is {tuple(mask.shape)}")
        return None if mask is None else mask.to(self.device)

    def _checked_queries(self, queries: torch.Tensor) -> torch.Tensor:
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise ValueError(f"queries should be (q, {self.dim}), are {tuple(queries.shape)}")
        return queries.to(self.device, torch.float32)


def _is_gpu(device: torch.device) -> bool:
    return device.type == "cuda"


def _minus_infinity_where_false(mask: torch.Tensor) -> torch.Tensor:
    """float32: 0 where true, -inf where false; on a scattered mask ``torch.where`` takes ten times as long."""
    return mask.contiguous().view(torch.int8).float().reciprocal_().neg_().add_(1.0)


def _at_least(near: torch.Tensor, least: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Every place of a block whose approximate score is high enough.

    Args:
        near: (q, h) float32 approximate scores, -inf where there is no row; h is a multiple of ``GROUP``.
        least: (q,) float32. Rows of the best k have an exact score of the k-th at least, so their approximate score is
            at least that less the error.

    Returns:
        places (p,) int64 in ``near`` and their queries (p,) int64, for each query by rising place.
    """
    groups = near.view(len(near), -1, GROUP)
    least = least.clamp_min(torch.finfo(torch.float32).min)
    asking, group = (groups.amax(dim=2) >= least[:, None]).nonzero(as_tuple=True)
    inside = groups.view(-1, GROUP).index_select(0, asking * groups.shape[1] + group)
    pair, place = (inside >= least[asking, None]).nonzero(as_tuple=True)
    return group[pair] * GROUP + place, asking[pair]


def _merge(
    scores: torch.Tensor, best: torch.Tensor, new_scores: torch.Tensor, asking: torch.Tensor, new_rows: torch.Tensor
) -> None:
    """Merge candidates into the (q, k) best scores and rows so far, in place.

    Args:
        scores: (q, k) float32, best first.
        best: (q, k) int64, their rows.
        new_scores: (p,) float32 of candidates from a later block.
        asking: (p,) int64, the query of each.
        new_rows: (p,) int64, higher than any row in ``best``.
    """
    q, k = scores.shape
    old = torch.arange(q, device=scores.device).repeat_interleave(k)
    values = torch.cat([scores.flatten(), new_scores])
    query = torch.cat([old, asking])
    rows = torch.cat([best.flatten(), new_rows])
    # Sort by query, then by falling score. Both sorts are stable, so equal scores stay in the order of rows.
    order = torch.sort(values, descending=True, stable=True).indices
    order = order[torch.sort(query[order], stable=True).indices]
    counts = torch.bincount(query)  # at least k for each query
    first = counts.cumsum(0) - counts
    order = order[first[:, None] + torch.arange(k, device=scores.device)]
    scores.copy_(values[order])
    best.copy_(rows[order])
