"""Codes halved: the upper four bits of each, for one query's first look. Knows how high a row can score, no more.

Half the bytes of a code say too little to rank by, but enough to leave nearly all rows of a catalogue out.
"""

import logging
from functools import cache

import torch
from torch.nn.functional import pad

logger = logging.getLogger(__name__)

#: Rows lie in blocks of so many, in an order that the product of the processor knows.
_ROWS = 64
#: Numbers of a row that share a scale and an offset: the largest size that the product takes and that fits is used.
_SHARED = (128, 64, 32)
#: Sums of products come rounded to bfloat16, as scales and offsets are: 8 bits, half of the last one off.
_ROUNDING = 2.0**-8


class Nibbles:
    """The upper four bits of (n, d) int8 codes, and how far each row is from what they stand for.

    A code c between 16 j and 16 j + 15 stands for 16 j + 7.5. With row r and what its nibbles stand for r', the score
    of query q is q.r = q.r' + q.(r - r'), which is at most q.r' + |q| |r - r'|, by Cauchy and Schwarz.
    """

    def __init__(self, n: int, dim: int) -> None:
        """Room for (n, dim) codes; all rows must be ``put`` before the first query."""
        rows, wide = _up(n, _ROWS), _up(dim, _SHARED[-1])
        self._group = next(size for size in _SHARED if wide % size == 0)
        self._packed = torch.empty(rows, wide // 2, dtype=torch.uint8)
        self._scales = torch.zeros(wide // self._group, rows, 2, dtype=torch.bfloat16)
        # What is no row is infinitely far below all that is.
        self._off = torch.full((rows,), float("-inf"))
        self._longest = 0.0

    def put(self, start: int, codes: torch.Tensor, steps: torch.Tensor, norms: torch.Tensor, off: float) -> None:
        """Keep rows of codes.

        Args:
            start: the number of the first, a multiple of 64.
            codes: (m, d) int8; but for the last rows, m is a multiple of 64.
            steps: (m,) float32, what a code is multiplied by.
            norms: (m,) float32, of the rows.
            off: how far rows can be from their codes.
        """
        m, dim = codes.shape
        end, wide = start + _up(m, _ROWS), 2 * self._packed.shape[1]
        bits = codes.view(torch.uint8) ^ 128  # codes from -128 to 127 in order, as 0 to 255
        rest = (bits & 15).float().sub_(7.5).norm(dim=1).mul_(steps).add_(off)
        lengths = norms + rest
        upper = bits.bitwise_right_shift_(4).int()
        if upper.shape != (end - start, wide):
            upper = pad(upper, (0, wide - dim, 0, end - start - m))
        self._packed[start:end] = torch.ops.aten._convert_weight_to_int4pack_for_cpu(upper, 1)
        self._scales[:, start : start + m, 0] = steps * 16
        self._scales[:, start : start + m, 1] = steps * 7.5
        self._off[start : start + m] = rest + lengths * _ROUNDING
        self._longest = max(self._longest, float(lengths.max()))

    def ceilings(self, query: torch.Tensor) -> torch.Tensor:
        """What rows score at most.

        Args:
            query: (d,) float32.

        Returns:
            (n',) float32, where n' is n or a little more: -inf where there is no row.
        """
        rounded = query.bfloat16()
        wide = pad(rounded[None], (0, 2 * self._packed.shape[1] - len(query)))
        seen = torch.ops.aten._weight_int4pack_mm_for_cpu(wide, self._packed, self._group, self._scales)[0].float()
        norm = float(query.norm().clamp_min(1e-30))
        # Of the query as it is rounded, and of the sums.
        rest = float((query - rounded.float()).norm()) + 2 * norm * _ROUNDING
        return seen.add_(self._off, alpha=norm).add_(rest * self._longest)


@cache
def available() -> bool:
    """Whether this torch has the product and it gives what it should here."""
    product = "_weight_int4pack_mm_for_cpu"
    if not all(hasattr(torch.ops.aten, name) for name in (product, "_convert_weight_to_int4pack_for_cpu")):
        return False
    draw = torch.Generator().manual_seed(0)
    codes = torch.randint(-127, 128, (_ROWS, 160), generator=draw, dtype=torch.int8)
    nibbles = Nibbles(*codes.shape)
    try:
        nibbles.put(0, codes, torch.ones(_ROWS), codes.float().norm(dim=1), 0.0)
        query = torch.randn(codes.shape[1], generator=draw)
        ceilings = nibbles.ceilings(query)
    except RuntimeError as error:
        # Built without the product, or with another signature: it is no part of torch's public interface, so it is
        # asked, and what it answers is checked below. A single query takes longer then and gets the same answer.
        logger.debug("no first look at four bits here: %s", error)
        return False
    scores = codes.float() @ query
    # No lower than the score, and no further above it than twice what is allowed for.
    widest = 2 * (nibbles._off * query.norm() + nibbles._longest * query.norm() * 3 * _ROUNDING)
    return bool((ceilings >= scores).all() and (ceilings - scores <= widest).all())


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
