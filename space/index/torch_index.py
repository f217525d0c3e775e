"""Exact nearest vectors: a first look at int8 codes, then the rows themselves; on a GPU all rows at once.

Knows no product and no text.
"""

import torch

from space.index.codes import Codes
from space.index.gpu_scan import Scan

PRECISIONS = ("float16", "int8", "float32")
#: Scores looked at in one go, rows times queries: 2 million float32 are 8 MB, however large the catalogue is.
_LOOK = 1 << 21
#: Rows that share one maximum: only groups whose maximum is high enough are looked into.
_GROUP = 64
#: Candidates whose rows are fetched in one go: 16,384 x 384 float32 is 25 MB.
_FETCH = 16_384
#: A mask is served by the rows it leaves where these are at most one in so many, else by skipping the others. Fetching
#: codes by row costs as much as a few queries' look at them, so a batch of queries makes up for it earlier.
_NARROW, _SHARED = 32, 8

#: One query of a catalogue of at least so many rows looks at the nibbles of their codes first; so does each of a few,
#: for which together the codes take longer.
_HALVED, _FEW = 50_000, 6
#: Codes that nibbles leave are fetched by row where they are at most one in so many: more take as long as all of them.
_LEFT = 16
#: Rows that are scored to learn what the best k score at least, for each of them.
_TRIED = 4

_NONE = float("-inf")
#: Scores (p,) float32, queries (p,) int64 and rows (p,) int64 of candidates.
_Found = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class TorchIndex:
    """All vectors of a catalogue, searched exhaustively.

    Each search looks at int8 codes of all rows, a quarter or half of their bytes; that of a single query on a
    processor at the upper four bits of the codes, and at the codes of what these leave. What lies within a proven
    margin of the best k is then scored with the rows themselves. So the answer is the one that scoring every row would
    give, and every score is that of ``pair_scores``. A GPU multiplies all rows in less time than such a choice takes:
    there they are scored at once, unless they lie elsewhere.

    Args:
        embeddings: (n, d) floating point, finite; rows of unit norm make the scores cosines.
        precision: what the scores are computed with. "float16" and "float32": copies of the rows in that type on
            the device (no copy where they are so already). "int8": the embeddings as they were given and where they
            lie, so that of a memory-mapped store only the codes are in memory.
        device: where to keep and search; None takes CUDA if there is one.
        halved: whether to keep the upper four bits of the codes beside them, half a byte for each number, where this
            torch and the device can use them. Without them a single query takes longer and gets the same answer.

    Raises:
        ValueError: embeddings that are not two-dimensional, empty or not finite, an unknown precision.
    """

    def __init__(
        self,
        embeddings: torch.Tensor,
        *,
        precision: str = "float16",
        device: str | torch.device | None = None,
        halved: bool = True,
    ) -> None:
        """Check the vectors, code them, and keep them in ``precision``."""
        if precision not in PRECISIONS:
            raise ValueError(f"precision should be one of {', '.join(PRECISIONS)}, is {precision!r}")
        if embeddings.ndim != 2 or not embeddings.numel():
            raise ValueError(f"embeddings should be (n, d) with n >= 1, are {tuple(embeddings.shape)}")
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.precision = precision
        self._rows = embeddings
        if precision != "int8":
            self._rows = embeddings.to(self.device, getattr(torch, precision)).contiguous()
        self._scan: Scan | None = None
        self._codes: Codes | None = None
        if precision != "int8" and _scans(self.device):
            self._scan = Scan(self._rows)
            self._rows = self._scan.rows
        else:
            self._codes = Codes(self._rows, self.device, halved=halved and len(embeddings) >= _HALVED)

    def __len__(self) -> int:
        return self._rows.shape[0]

    @property
    def dim(self) -> int:
        """Length of each vector."""
        return self._rows.shape[1]

    @torch.inference_mode()
    def pair_scores(self, queries: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """(p,) float32: the inner product of query i with row ``rows[i]``, for (p, d) queries and (p,) int64 rows."""
        queries, vectors = self._checked(queries), self.vectors(rows)
        if _scans(self.device):
            # A GPU adds up in an order that depends on how many sums there are; float64 rounds that away again.
            return (queries.double() * vectors).sum(dim=1).float()
        return (queries * vectors).sum(dim=1)

    def vectors(self, rows: torch.Tensor) -> torch.Tensor:
        """(m, d) float32: the kept vectors of (m,) int64 rows, on the index's device."""
        return self._rows[rows.to(self._rows.device)].to(self.device, torch.float32)

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
        queries, k = self._checked(queries), min(k, len(self))
        allowed = self._allowed(mask, len(queries))
        if self._scan is not None:
            scores, best = self._scan.best(queries, k, allowed, self._table)
            return scores.cpu(), best.cpu()
        assert self._codes is not None
        only = None  # the rows worth looking at, all of them if None
        if allowed is not None and allowed.ndim == 1:
            narrow = int(allowed.count_nonzero()) * _NARROW <= len(self) * min(len(queries), _SHARED)
            only = allowed.nonzero().squeeze(1) if narrow else None
        halved = self._codes.nibbles is not None and len(self) >= 4 * _TRIED * k * _GROUP
        if only is not None or not halved or not 1 <= len(queries) <= _FEW:
            scores, best = self._look(queries, k, allowed, only)
            return scores.cpu(), best.cpu()
        masks = [None] * len(queries) if allowed is None else allowed.expand(len(queries), -1)
        alone = [
            self._look(query[None], k, own, *self._worth(query, k, own))
            for query, own in zip(queries, masks, strict=True)
        ]
        scores, best = (torch.cat(part) for part in zip(*alone, strict=True))
        return scores, best

    def _table(self, queries: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """(q, c) float32: each of (q, d) queries with its rows (q, c)."""
        asking = torch.arange(len(queries), device=self.device).repeat_interleave(rows.shape[1])
        parts = zip(asking.split(_FETCH), rows.flatten().split(_FETCH), strict=True)
        return torch.cat([self.pair_scores(queries[some], these) for some, these in parts]).view(rows.shape)

    def _look(
        self,
        queries: torch.Tensor,
        k: int,
        allowed: torch.Tensor | None,
        only: torch.Tensor | None,
        floor: float = _NONE,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """``search`` among rows ``only``, or else among those allowed; the best k are known to score ``floor``."""
        scores = torch.full((len(queries), k), _NONE, device=self.device)
        best = torch.full((len(queries), k), -1, device=self.device)
        if not len(queries):
            return scores, best
        probe = self._codes.probe(queries)
        total = len(self) if only is None else len(only)
        height = (min(_LOOK // len(queries), total) // _GROUP + 1) * _GROUP
        for start in range(0, total, height):
            part = slice(start, min(start + height, total))
            seen = self._codes.scores(probe, part if only is None else only[part], height)
            if only is None and allowed is not None:
                bar = _bar(allowed[..., part])
                seen[: bar.shape[-1]] += bar.T if bar.ndim == 2 else bar[:, None]
            known = scores[:, -1].clamp_min(floor) / probe.steps - probe.shift
            places, asking = _candidates(seen, k, probe.margin, known)
            rows = start + places if only is None else only[start + places]
            parts = zip(asking.split(_FETCH), rows.split(_FETCH), strict=True)
            found = torch.cat([self.pair_scores(queries[some], these) for some, these in parts])
            _merge(scores, best, (found, asking, rows))
        return scores, best

    def _worth(self, query: torch.Tensor, k: int, allowed: torch.Tensor | None) -> tuple[torch.Tensor | None, float]:
        """Rows (m,) int64, rising, that may be among the best k of a (d,) query, and what these k score at least.

        By their nibbles; None in place of rows where they are too many to be fetched by row.
        """
        ceilings = self._codes.ceilings(query)
        if allowed is not None:
            ceilings[: len(self)] += _bar(allowed)
        groups = ceilings.view(-1, _GROUP)
        highest = groups.amax(dim=1)
        # What looks best of as many groups: the k-th of their scores is one that the best k have at least.
        group = torch.topk(highest, _TRIED * k, sorted=False).indices
        rows = (group * _GROUP + groups[group].argmax(dim=1)).clamp_max(len(self) - 1)
        scores = self.pair_scores(query.expand(len(rows), -1), rows)
        floor = float(torch.topk(scores.masked_fill_(~(highest[group] > _NONE), _NONE), k).values[-1])
        # "Not lower" rather than "higher", for the sake of what is not a number.
        group = (~(highest < floor)).nonzero().squeeze(1)
        within, place = (~(groups[group] < floor)).nonzero(as_tuple=True)
        rows = group[within] * _GROUP + place
        return (rows, floor) if len(rows) * _LEFT <= len(self) else (None, _NONE)

    def _allowed(self, mask: torch.Tensor | None, q: int) -> torch.Tensor | None:
        if mask is not None and mask.shape not in ((len(self),), (q, len(self))):
            raise ValueError(f"mask should be ({len(self)},) or {(q, len(self))}, is {tuple(mask.shape)}")
        return None if mask is None else mask.to(self.device)

    def _checked(self, queries: torch.Tensor) -> torch.Tensor:
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise ValueError(f"queries should be (q, {self.dim}), are {tuple(queries.shape)}")
        return queries.to(self.device, torch.float32)


def _scans(device: torch.device) -> bool:
    """Whether all rows are scored at once rather than those that codes leave."""
    return device.type == "cuda"


def _bar(allowed: torch.Tensor) -> torch.Tensor:
    """0 where it is true and -inf where not, float32; ``torch.where`` takes ten times as long on masks of no order."""
    return allowed.contiguous().view(torch.int8).float().reciprocal_().neg_().add_(1.0)


def _candidates(
    seen: torch.Tensor, k: int, margin: torch.Tensor, floor: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the best k of each query may be: every place that could hold one of them, and few others.

    k rows of this block look no worse than ``edge``, so k rows score at least edge - margin, and a row that scores as
    much looks like edge - 2 margin at least. From blocks before, k rows are known to score ``floor`` or more. In a
    block of fewer rows than k the edge is the lowest of all, which leaves none out.

    Args:
        seen: (h, q) float32 scores at most a margin off, -inf where there is no row; h a multiple of the group.
        k: how many are wanted.
        margin: (q,) float32.
        floor: (q,) float32, -inf where nothing is known.

    Returns:
        places (p,) int64 in ``seen`` and their queries (p,) int64, by rising place for each query.
    """
    width = _GROUP if len(seen) >= 4 * k * _GROUP else 1
    groups = seen.view(-1, width, seen.shape[1])
    highest = groups.amax(dim=1).T.contiguous()
    edge = torch.topk(highest, min(k, highest.shape[1]), sorted=False).values.amin(dim=1)
    least = torch.maximum(edge - 2 * margin, floor - margin).clamp_min(torch.finfo(torch.float32).min)
    asking, group = (highest >= least[:, None]).nonzero(as_tuple=True)
    pair, place = (groups[group, :, asking] >= least[asking, None]).nonzero(as_tuple=True)
    return group[pair] * width + place, asking[pair]


def _merge(scores: torch.Tensor, best: torch.Tensor, found: _Found) -> None:
    """Take new candidates into the (q, k) best so far, in place. Rows found are higher than those there already."""
    q, k = scores.shape
    old = torch.arange(q, device=scores.device).repeat_interleave(k)
    values, asking, rows = (
        torch.cat([kept, new]) for kept, new in zip((scores.flatten(), old, best.flatten()), found, strict=True)
    )
    # Stable sorts, the last key first: equal scores stay in the order of rows, old ones before new ones.
    order = torch.sort(values, descending=True, stable=True).indices
    order = order[torch.sort(asking[order], stable=True).indices]
    counts = torch.bincount(asking)  # those kept are of all queries
    first = counts.cumsum(0) - counts
    order = order[first[:, None] + torch.arange(k, device=scores.device)]
    scores.copy_(values[order])
    best.copy_(rows[order])
