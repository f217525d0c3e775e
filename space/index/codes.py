"""Rows quantized to int8, and how far a score computed from them can be off."""

from dataclasses import dataclass
from functools import cache

import torch
from torch.nn.functional import pad

#: Rows quantized at a time: 1,024 x 384 float32 are 1.6 MB and stay in a core's cache. Blocks of 16,384 rows take
#: several times as long.
_BLOCK = 1_024
#: The centre is the mean of about so many rows. A catalogue with fewer rows has none.
_SAMPLE = 4_096


@dataclass(frozen=True)
class QuantizedQueries:
    """Queries as int8, with what is needed to bound their scores.

    Attributes:
        codes: (p, d') int8. p can be larger than the number of queries q: int8 products are fast for multiples of 8.
        scales: (q,) float32: query = codes * scale, each number at most half a scale off.
        centre_scores: (q,) float32: the inner product of query and centre, divided by the scale.
        error: (q,) float32: the largest difference between ``Codes.scores`` + ``centre_scores`` and the exact inner
            product, divided by the scale.
    """

    codes: torch.Tensor
    scales: torch.Tensor
    centre_scores: torch.Tensor
    error: torch.Tensor


class Codes:
    """(n, d) rows as int8 with one float32 scale each: row = centre + code * scale.

    The centre is subtracted first, because it is the same for all rows and does not change their order. E5's cosines
    lie between .7 and 1, so its rows have most of their length in common, and without it the scales are smaller.

    The error follows from the Cauchy-Schwarz inequality. For a query q = q' + e and a centred row r = r' + f, where q'
    and r' are what the codes stand for, |q.r - q'.r'| = |q.f + e.r'| <= |q| |f| + |e| |r'|. The largest |f| and |r'|
    are measured when the rows are coded, |q| and |e| when a query comes. Products of codes are whole numbers, so they
    add no rounding.
    """

    def __init__(self, rows: torch.Tensor, device: torch.device) -> None:
        """Code (n, d) floating ``rows``; the codes are kept on ``device``.

        Raises:
            ValueError: a row that is not finite, with its number.
        """
        n, dim = rows.shape
        self.codes = torch.zeros(n, _multiple_of_8(dim), dtype=torch.int8, device=device)
        self.scales = torch.empty(n, device=device)
        self._centre = _centre(rows).to(device)
        self._row_error, self._longest = 0.0, 0.0
        for start in range(0, n, _BLOCK):
            block = rows[start : start + _BLOCK].to(device, torch.float32) - self._centre
            codes, scales = _quantize(block)
            if not scales.isfinite().all():
                row = start + int((~scales.isfinite()).nonzero()[0])
                raise ValueError(f"embeddings should be finite, row {row} is not; rebuild the store")
            self.codes[start : start + len(block), :dim] = codes
            self.scales[start : start + len(block)] = scales
            self._longest = max(self._longest, float(block.norm(dim=1).max()))
            self._row_error = max(self._row_error, float(block.sub_(codes * scales[:, None]).norm(dim=1).max()))
        # Sums of d products in float32, in the approximate and in the exact score: at most d roundings each.
        longest = self._longest + self._row_error + float(self._centre.norm())
        self._rounding = 4 * (dim + 8) * 2.0**-24 * longest

    def quantize_queries(self, queries: torch.Tensor) -> QuantizedQueries:
        """(q, d) float32 queries, ready for ``scores``."""
        q, dim = queries.shape
        codes, scales = _quantize(queries)
        norms = queries.norm(dim=1)
        query_error = (queries - codes * scales[:, None]).norm(dim=1)
        longest = self._longest + self._row_error
        error = norms * self._row_error + query_error * longest + self._rounding * (norms + query_error)
        padded = 1 if q == 1 and not self.codes.is_cuda else _multiple_of_8(max(q, 32) if self.codes.is_cuda else q)
        return QuantizedQueries(
            pad(codes, (0, _multiple_of_8(dim) - dim, 0, padded - q)),
            scales,
            queries @ self._centre / scales,
            (error / scales).nan_to_num(torch.inf),
        )

    def scores(self, queries: QuantizedQueries, rows: slice | torch.Tensor, height: int) -> torch.Tensor:
        """Approximate scores of the m given rows, without the centre and divided by the query's scale.

        Returns:
            (q, height) float32, -inf right of the m rows.
        """
        if isinstance(rows, slice):
            codes, scales = self.codes[rows], self.scales[rows]
        else:
            codes, scales = self.codes.index_select(0, rows), self.scales.index_select(0, rows)
        q, m = len(queries.scales), len(codes)
        out = scales.new_empty(q, height)
        out[:, :m].copy_(_products(queries.codes, codes)[:q]).mul_(scales)
        out[:, m:] = float("-inf")
        return out


def _centre(rows: torch.Tensor) -> torch.Tensor:
    """(d,) float32: the mean of 64 runs of 64 rows from all over; zeros for few rows, or if one is not finite.

    Runs rather than single rows, because the rows may be in a memory-mapped file.
    """
    n, dim = rows.shape
    if n >= _SAMPLE:
        runs = [rows[start : start + 64] for start in range(0, n - 63, n // (_SAMPLE // 64))]
        mean = torch.cat(runs).float().mean(dim=0)
        if mean.isfinite().all():
            return mean
    return torch.zeros(dim)


def _quantize(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes (m, d) int8 and scales (m,) float32; the scale of a row that is not finite is not finite either."""
    scales = rows.abs().amax(dim=1).clamp_min(1e-30) / 127
    return (rows / scales[:, None]).round_().to(torch.int8), scales


def _products(queries: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """(p, m): (p, d) codes times (m, d) codes, as int32 where that is exact and else as float32."""
    if not _int8_product_is_exact(codes.device) or (codes.is_cuda and len(codes) <= 16):
        return queries.float() @ codes.float().T  # _int_mm on CUDA refuses 16 rows and fewer
    # Private, but the only int8 product of torch 2.13. If a later torch drops it, this raises AttributeError; then let
    # _int8_product_is_exact return False: the line above gives the same scores and takes more than ten times as long.
    if codes.is_cuda:  # where the second factor must have a multiple of 8 columns, as the padded queries have
        return torch._int_mm(codes, queries.T).T
    return torch._int_mm(queries, codes.T)


@cache
def _int8_product_is_exact(device: torch.device) -> bool:
    """False on processors with AVX2 but without VNNI: they add pairs of products in 16 bits, which overflows."""
    if device.type != "cpu":
        return True
    ends = torch.full((64, 64), 127, dtype=torch.int8)
    return all(torch._int_mm(ends[:rows], ends.T).eq(64 * 127 * 127).all() for rows in (1, 64))


def _multiple_of_8(number: int) -> int:
    """``number`` rounded up."""
    return -(-number // 8) * 8
