"""Rows quantized to int8, and how far a score computed from them can be off."""

from dataclasses import dataclass
from functools import cache

import torch
from torch.nn.functional import pad

#: Rows quantized at a time: 1,024 x 384 float32 are 1.6 MB and stay in a core's cache. Blocks of 16,384 rows take
#: several times as long.
_QUANTIZED_AT_ONCE = 1_024
#: The centre is the mean of about so many rows. A catalogue with fewer rows has none.
_SAMPLE = 4_096
#: The numbers of rows that a block of scores can have are multiples of this, so that groups of rows are whole.
GROUP = 64
#: Rows of a block of codes: 131,072 x 384 bytes are 50 MB. Half of it makes a search up to a tenth slower, since each
#: block is a call of torch. Twice as much makes it no faster.
_HEIGHT = 131_072
#: Codes multiplied as float32 at a time, by a processor without VNNI: 8,192 x 384 float32 are 13 MB.
_FLOATS_AT_ONCE = 8_192


@dataclass(frozen=True)
class QuantizedQueries:
    """Queries as int8, with what is needed to bound their scores.

    Attributes:
        codes: (p, d') int8, or uint8 and 128 higher for packed codes. On a GPU p can be larger than the number of
            queries q, and d' larger than d.
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
        self._n, dim = rows.shape
        self.height = _HEIGHT
        self._centre = _centre(rows).to(device)
        self._row_error, self._longest = 0.0, 0.0
        self._packed = device.type == "cpu" and _packed_product_is_exact()
        h = min(self.height, _multiple(self._n, GROUP))
        codes = torch.zeros(h, dim if self._packed else _multiple(dim, 8), dtype=torch.int8, device=device)
        self._blocks = []
        for start in range(0, self._n, self.height):
            scales = self._code(rows[start : start + self.height], start, codes)
            block = codes[: len(scales)]  # the memory of all blocks, so each is copied: by packing, or as it is
            kept = torch.ops.onednn.qlinear_prepack(block, None) if self._packed else block.clone()
            self._blocks.append((kept, scales))
        # Sums of d products in float32, in the approximate and in the exact score: at most d roundings each.
        longest = self._longest + self._row_error + float(self._centre.norm())
        self._rounding = 4 * (dim + 8) * 2.0**-24 * longest

    def _code(self, rows: torch.Tensor, first: int, codes: torch.Tensor) -> torch.Tensor:
        """Write the codes of a block to the first of ``codes``; its scales (h,) float32, 0 beyond the last row."""
        scales = torch.zeros(_multiple(len(rows), GROUP), device=codes.device)
        for start in range(0, len(rows), _QUANTIZED_AT_ONCE):
            part = rows[start : start + _QUANTIZED_AT_ONCE].to(codes.device, torch.float32) - self._centre
            place = slice(start, start + len(part))
            coded, scales[place] = _quantize(part)
            if not scales[place].isfinite().all():
                row = first + start + int((~scales[place].isfinite()).nonzero()[0])
                raise ValueError(f"embeddings should be finite, row {row} is not; rebuild the store")
            codes[place, : part.shape[1]] = coded
            self._longest = max(self._longest, float(part.norm(dim=1).max()))
            self._row_error = max(self._row_error, float(part.sub_(coded * scales[place, None]).norm(dim=1).max()))
        return scales

    def quantize_queries(self, queries: torch.Tensor) -> QuantizedQueries:
        """(q, d) float32 queries, ready for ``scores``."""
        q, dim = queries.shape
        codes, scales = _quantize(queries)
        norms = queries.norm(dim=1)
        query_error = (queries - codes * scales[:, None]).norm(dim=1)
        longest = self._longest + self._row_error
        error = norms * self._row_error + query_error * longest + self._rounding * (norms + query_error)
        if self._packed:
            codes = codes.view(torch.uint8) ^ 128
        else:
            more = _multiple(max(q, 32), 8) - q if codes.is_cuda else 0
            codes = pad(codes, (0, _multiple(dim, 8) - dim, 0, more))
        return QuantizedQueries(codes, scales, queries @ self._centre / scales, (error / scales).nan_to_num(torch.inf))

    def scores(self, queries: QuantizedQueries, start: int, rows: int) -> torch.Tensor:
        """Approximate scores of consecutive rows, without the centre and divided by the query's scale.

        Args:
            queries: from ``quantize_queries``.
            start: the first row, a multiple of ``height``.
            rows: how many, at most; a multiple of ``height``.

        Returns:
            (q, h) float32, -inf right of the last row; h is a multiple of ``GROUP``.
        """
        blocks = self._blocks[start // self.height : (start + rows) // self.height]
        parts = [self._products(queries.codes, *block)[: len(queries.scales)] for block in blocks]
        near = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
        near[:, self._n - start :] = float("-inf")
        return near

    def _products(self, queries: torch.Tensor, codes: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        """(p, h) float32: (p, d') codes of queries times the (h, d') codes and scales of a block."""
        if self._packed:
            return _packed_products(queries, codes, scales)
        if not codes.is_cuda:
            floats, parts = queries.float(), codes.split(_FLOATS_AT_ONCE)
            return torch.cat([floats @ part.float().T for part in parts], dim=1).mul_(scales)
        # Private, but the only int8 product of torch 2.13 on CUDA. If a later torch drops it, this raises
        # AttributeError. The second factor must have a multiple of 8 columns, as the padded queries have.
        return torch._int_mm(codes, queries.T).T * scales


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


def _packed_products(queries: torch.Tensor, packed: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """(p, h) float32: (p, d) uint8 codes of queries, less 128, times packed (h, d) codes and their (h,) scales.

    torch's compiler writes this operator into quantized models, but the manual does not have it (torch 2.13). It keeps
    the codes in the order in which a processor with VNNI multiplies them, so they are read once. ``torch._int_mm``
    sorts them anew at each product: 8 queries take twice as long.
    """
    zeros = torch.zeros(1, dtype=torch.int64)
    return torch.ops.onednn.qlinear_pointwise.default(
        queries, 1.0, 128, packed, scales, zeros, None, 1.0, 0, torch.float32, "none", [], ""
    )


@cache
def _packed_product_is_exact() -> bool:
    """Whether torch has the operator, and the processor VNNI: others add pairs of products in 16 bits and overflow.

    Without it, codes are multiplied as float32, which takes more than ten times as long.
    """
    ends = torch.full((64, 64), 127, dtype=torch.int8)
    try:
        packed = torch.ops.onednn.qlinear_prepack(ends, None)
        found = [_packed_products(ends[:rows].view(torch.uint8) ^ 128, packed, torch.ones(64)) for rows in (1, 64)]
    except (AttributeError, RuntimeError):  # a torch without oneDNN
        return False
    return all(bool(part.eq(64 * 127 * 127).all()) for part in found)


def _multiple(number: int, of: int) -> int:
    """``number`` rounded up."""
    return -(-number // of) * of
