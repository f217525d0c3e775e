"""Rows as int8, for a fast first look at a whole catalogue. Knows how far a look can be off, not what comes of it."""

from dataclasses import dataclass
from functools import cache

import torch
from torch.nn.functional import pad

#: Rows quantized at a time: 1,024 x 384 float32 is 1.6 MB, which stays in a core's cache from step to step. In parts
#: of 16,384 the same takes several times as long.
_BLOCK = 1_024


@dataclass(frozen=True)
class Probe:
    """Queries, ready to be compared with codes.

    Attributes:
        codes: (p, d') int8, where p is the number of queries q or more: the product likes multiples of 8.
        steps: (q,) float32: query = codes * step, at most half a step off.
        margin: (q,) float32: how far ``Codes.scores`` can be from the inner product with the row itself, both in the
            query's steps.
    """

    codes: torch.Tensor
    steps: torch.Tensor
    margin: torch.Tensor


class Codes:
    """(n, d) rows as int8 with one float32 step each: row = code * step, at most half a step off.

    The margin is what Cauchy and Schwarz allow. With query q = q' + e and row r = r' + f, where q' and r' are what the
    codes stand for, q.r - q'.r' = q.f + e.r', which is at most |q| |f| + |e| |r'|. The norms of rows are known when
    they are coded, those of queries when they are asked. Sums of products of codes are whole numbers.
    """

    def __init__(self, rows: torch.Tensor, device: torch.device) -> None:
        """Code (n, d) floating ``rows``.

        Raises:
            ValueError: a row that is not finite, by its number.
        """
        n, dim = rows.shape
        self.codes = torch.empty(n, _up(dim), dtype=torch.int8, device=device)
        self.steps = torch.empty(n, device=device)
        self._off, self._longest = 0.0, 0.0
        for start in range(0, n, _BLOCK):
            block = rows[start : start + _BLOCK].to(device, torch.float32)
            codes, steps = _quantize(block)
            if not steps.isfinite().all():
                row = start + int((~steps.isfinite()).nonzero()[0])
                raise ValueError(f"embeddings should be finite, row {row} is not; rebuild the store")
            self.codes[start : start + len(block)] = pad(codes, (0, _up(dim) - dim))
            self.steps[start : start + len(block)] = steps
            self._longest = max(self._longest, float(block.norm(dim=1).max()))
            self._off = max(self._off, float((block - codes * steps[:, None]).norm(dim=1).max()))

    def probe(self, queries: torch.Tensor) -> Probe:
        """For (q, d) float32 queries."""
        q, dim = queries.shape
        codes, steps = _quantize(queries)
        norms = queries.norm(dim=1)
        query_off = (queries - codes * steps[:, None]).norm(dim=1)
        # Sums of d products in float32, here and in the scores that candidates get: at most d roundings each.
        rounding = 4 * (dim + 8) * 2.0**-24
        longest = self._longest + self._off
        margin = norms * self._off + query_off * longest + rounding * (norms + query_off) * longest
        single = q == 1 and not self.codes.is_cuda
        more = 0 if single else max(_up(q), 32 if self.codes.is_cuda else 8) - q
        return Probe(pad(codes, (0, _up(dim) - dim, 0, more)), steps, (margin / steps).nan_to_num(torch.inf))

    def scores(self, probe: Probe, rows: slice | torch.Tensor, height: int) -> torch.Tensor:
        """(height, q) float32: each query's score with the m given rows in the query's steps, at most the margin off.

        Below those m it is -inf.
        """
        codes, steps = self.codes[rows], self.steps[rows]
        out = steps.new_empty(height, len(probe.steps))
        out[: len(codes)].copy_(_dots(codes, probe.codes)[:, : len(probe.steps)]).mul_(steps[:, None])
        out[len(codes) :] = float("-inf")
        return out


def _quantize(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes (m, d) int8 and steps (m,) float32; the step of a row that is not finite is not finite either."""
    steps = rows.abs().amax(dim=1).clamp_min(1e-30) / 127
    return (rows / steps[:, None]).round_().to(torch.int8), steps


def _dots(codes: torch.Tensor, probe: torch.Tensor) -> torch.Tensor:
    """(m, p): (m, d) codes times (p, d) codes."""
    if not _whole(codes.device):
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
