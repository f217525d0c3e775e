"""Rows as int8, for a fast first look at a whole catalogue. Knows how far a look can be off, not what comes of it."""

from dataclasses import dataclass
from functools import cache

import torch
from torch.nn.functional import pad

from space.index import nibbles
from space.index.nibbles import Nibbles

#: Rows quantized at a time: 1,024 x 384 float32 is 1.6 MB, which stays in a core's cache from step to step. In parts
#: of 16,384 the same takes several times as long.
_BLOCK = 1_024
#: The centre is the mean of so many rows or a few more, and of catalogues of fewer there is none.
_SAMPLE = 4_096


@dataclass(frozen=True)
class Probe:
    """Queries, ready to be compared with codes.

    Attributes:
        codes: (p, d') int8, where p is the number of queries q or more: the product likes multiples of 8.
        steps: (q,) float32: query = codes * step, at most half a step off.
        shift: (q,) float32: the inner product with the centre, in the query's steps.
        margin: (q,) float32: how far ``Codes.scores`` and the shift together can be from the inner product with the
            row itself, all in the query's steps.
    """

    codes: torch.Tensor
    steps: torch.Tensor
    shift: torch.Tensor
    margin: torch.Tensor


class Codes:
    """(n, d) rows as int8 with one float32 step each: row = centre + code * step, at most half a step off.

    What all rows have in common, as those of E5 do, decides nothing between them: without their centre they are
    shorter, and so are their steps.

    The margin is what Cauchy and Schwarz allow. With query q = q' + e and row r = r' + f, where q' and r' are what the
    codes stand for, q.r - q'.r' = q.f + e.r', which is at most |q| |f| + |e| |r'|. The norms of rows are known when
    they are coded, those of queries when they are asked. Sums of products of codes are whole numbers.
    """

    def __init__(self, rows: torch.Tensor, device: torch.device, *, halved: bool = False) -> None:
        """Code (n, d) floating ``rows``.

        Args:
            rows: to code.
            device: where the codes are kept.
            halved: keep the nibbles of the codes too, where that is possible.

        Raises:
            ValueError: a row that is not finite, by its number.
        """
        n, dim = rows.shape
        self.codes = torch.zeros(n, _up(dim), dtype=torch.int8, device=device)
        self.steps = torch.empty(n, device=device)
        self.nibbles = Nibbles(n, dim) if halved and device.type == "cpu" and nibbles.available() else None
        self._centre = _centre(rows).to(device)
        self._off, self._longest = 0.0, 0.0
        for start in range(0, n, _BLOCK):
            block = rows[start : start + _BLOCK].to(device, torch.float32) - self._centre
            codes, steps = _quantize(block)
            if not steps.isfinite().all():
                row = start + int((~steps.isfinite()).nonzero()[0])
                raise ValueError(f"embeddings should be finite, row {row} is not; rebuild the store")
            self.codes[start : start + len(block), :dim] = codes
            self.steps[start : start + len(block)] = steps
            norms = block.norm(dim=1)
            off = float(block.sub_(codes * steps[:, None]).norm(dim=1).max())
            self._longest, self._off = max(self._longest, float(norms.max())), max(self._off, off)
            if self.nibbles is not None:
                self.nibbles.put(start, codes, steps, norms, off)
        # Sums of d products in float32, here and in the scores that candidates get: at most d roundings each.
        longest = self._longest + self._off + float(self._centre.norm())
        self._rounding = 4 * (dim + 8) * 2.0**-24 * longest

    def probe(self, queries: torch.Tensor) -> Probe:
        """For (q, d) float32 queries."""
        q, dim = queries.shape
        codes, steps = _quantize(queries)
        norms = queries.norm(dim=1)
        query_off = (queries - codes * steps[:, None]).norm(dim=1)
        longest = self._longest + self._off
        margin = norms * self._off + query_off * longest + self._rounding * (norms + query_off)
        single = q == 1 and not self.codes.is_cuda
        more = 0 if single else _up(max(q, 32) if self.codes.is_cuda else q) - q
        shift = queries @ self._centre / steps
        return Probe(pad(codes, (0, _up(dim) - dim, 0, more)), steps, shift, (margin / steps).nan_to_num(torch.inf))

    def ceilings(self, query: torch.Tensor) -> torch.Tensor:
        """(n',) float32 of a (d,) float32 query: no row scores more, by its nibbles. -inf beyond the n rows."""
        assert self.nibbles is not None
        rest = query @ self._centre + self._rounding * query.norm()
        return self.nibbles.ceilings(query).add_(rest)

    def scores(self, probe: Probe, rows: slice | torch.Tensor, height: int) -> torch.Tensor:
        """(height, q) float32: each query's score with the m given rows in its steps, without the shift.

        Together they are at most the margin off. Below those m it is -inf.
        """
        codes, steps = self.codes[rows], self.steps[rows]
        out = steps.new_empty(height, len(probe.steps))
        out[: len(codes)].copy_(_dots(codes, probe.codes)[:, : len(probe.steps)]).mul_(steps[:, None])
        out[len(codes) :] = float("-inf")
        return out


def _centre(rows: torch.Tensor) -> torch.Tensor:
    """(d,) float32: the mean of rows from all over, near enough; zeros where there are few, or they are not finite.

    Runs of rows rather than single ones, since they may be on a disk.
    """
    n, dim = rows.shape
    if n >= _SAMPLE:
        runs = [rows[start : start + 64] for start in range(0, n - 63, n // (_SAMPLE // 64))]
        mean = torch.cat(runs).float().mean(dim=0)
        if mean.isfinite().all():
            return mean
    return torch.zeros(dim)


def _quantize(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes (m, d) int8 and steps (m,) float32; the step of a row that is not finite is not finite either."""
    steps = rows.abs().amax(dim=1).clamp_min(1e-30) / 127
    return (rows / steps[:, None]).round_().to(torch.int8), steps


def _dots(codes: torch.Tensor, probe: torch.Tensor) -> torch.Tensor:
    """(m, p): (m, d) codes times (p, d) codes."""
    if not _whole(codes.device) or (codes.is_cuda and len(codes) <= 16):  # fewer than a GPU's product takes
        return codes.float() @ probe.float().T
    if len(probe) == 1:  # the same numbers either way round; this one reads the codes once, from front to back
        return torch._int_mm(probe, codes.T).view(-1, 1)
    return torch._int_mm(codes, probe.T)


@cache
def _whole(device: torch.device) -> bool:
    """Whether int8 products add up: processors with AVX2 but without VNNI add pairs in 16 bits, which saturates."""
    if device.type != "cpu":
        return True
    ends = torch.full((64, 64), 127, dtype=torch.int8)
    return all(torch._int_mm(ends[:rows], ends.T).eq(64 * 127 * 127).all() for rows in (1, 64))


def _up(number: int) -> int:
    """To the next multiple of 8."""
    return -(-number // 8) * 8
