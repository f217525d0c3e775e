"""All rows scored at once, as on a GPU; on a CPU the same float16 product is right too, only slower."""

import numpy as np
import pytest
import torch

import space.index.row_scan
from space.index.row_scan import RowScan
from space.index.torch_index import PRECISIONS, TorchIndex


@pytest.fixture(autouse=True, params=[0, 1 << 20], ids=["by groups", "all at once"])
def many(request, monkeypatch):
    """The best few are looked for in the best groups of many rows, and among all of fewer rows."""
    monkeypatch.setattr(space.index.row_scan, "_MANY", request.param)


def search(rows, queries, k, mask=None):
    def exact(queries, asking, found):
        return (queries.double()[asking] * rows.double()[found]).sum(dim=1).float()

    return RowScan(rows).search(queries, k, mask, exact)


def test_rows_that_float16_cannot_tell_apart():
    """Every product rounds to 1, so the few best by the product need not hold the best five."""
    order = np.random.default_rng(0).permutation(100)
    query = 1 + torch.from_numpy(order).float() * 2.0**-18
    scores, rows = search(torch.eye(100, dtype=torch.float16), query[None], 5)
    assert rows[0].tolist() == [int(np.flatnonzero(order == place)[0]) for place in (99, 98, 97, 96, 95)]
    assert scores[0].tolist() == [1 + place * 2.0**-18 for place in (99, 98, 97, 96, 95)]


def test_most_queries_are_certain_after_the_first_candidates(monkeypatch):
    """An error bound that is too wide would score ever more rows exactly: right, but slow."""
    asked = []
    best_of = space.index.row_scan._best_of
    monkeypatch.setattr(
        space.index.row_scan, "_best_of", lambda *given: asked.append(len(given[0])) or best_of(*given)
    )
    draw = torch.Generator().manual_seed(0)
    rows, queries = (torch.nn.functional.normalize(torch.randn(n, 64, generator=draw), dim=1) for n in (5_000, 20))
    search(rows.half(), queries, 10)
    assert asked[0] == 20
    assert sum(asked[1:]) <= 2


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("scores", "together"), [(3 * 192, 3), (1, 1)])
def test_queries_in_parts_get_what_they_get_together(masked, scores, together, monkeypatch):
    """As many queries as fit the memory for scores, at least one; 130 rows are padded to 192."""
    draw = torch.Generator().manual_seed(0)
    rows, queries = torch.randn(130, 8, generator=draw).half(), torch.randn(7, 8, generator=draw)
    mask = torch.rand(7, 130, generator=draw) < 0.5 if masked else None
    expected = search(rows, queries, 9, mask)
    parts, approximate = [], RowScan._approximate
    monkeypatch.setattr(
        RowScan, "_approximate", lambda scan, some, mask: parts.append(len(some)) or approximate(scan, some, mask)
    )
    monkeypatch.setattr(space.index.row_scan, "_SCORES_AT_ONCE", scores)
    for one, other in zip(search(rows, queries, 9, mask), expected, strict=True):
        assert torch.equal(one, other)
    assert max(parts) == together and sum(parts) == 7


def test_products_are_off_by_the_error_at_most():
    """Against float64; and the error must be small, or all rows would be candidates."""
    draw = torch.Generator().manual_seed(0)
    rows, queries = torch.randn(3_000, 384, generator=draw).half(), torch.randn(16, 384, generator=draw)
    scan = RowScan(rows)
    off = (scan._approximate(queries, None)[:, :3_000] - queries.double() @ rows.double().T).abs().amax(dim=1)
    error = scan._error(queries)
    assert (off <= error).all()
    assert (error <= 1e-3 * queries.norm(dim=1) * rows.float().norm(dim=1).max()).all()


@pytest.mark.parametrize(("precision", "rounded"), [("highest", 0.0), ("high", 2.0**-7)])
def test_the_error_by_hand(precision, rounded):
    """Queries of norm 5 and 10, the longest row 2. Float32 rows round no query, so only sums are off, unless torch may
    multiply in TF32. Float16 rows add what rounding takes off each query."""
    queries, rows = torch.tensor([[3.0, 4.0], [6.0, 8.0]]), torch.tensor([[0.0, 2.0], [1.0, 0.0]])
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        sums = torch.tensor([10.0, 20.0]) * 4 * 10 * 2.0**-24
        torch.testing.assert_close(RowScan(rows)._error(queries), sums + torch.tensor([10.0, 20.0]) * rounded)
        torch.testing.assert_close(RowScan(rows.half())._error(queries), sums)
        lost = torch.tensor([[0.0, 2.0**-11], [2.0**-11, 0.0]])  # too little for float16 beside 4 and 6
        expected = sums + 2 * 2.0**-11
        torch.testing.assert_close(RowScan(rows.half())._error(queries + lost), expected, rtol=1e-3, atol=0.0)
    finally:
        torch.set_float32_matmul_precision(before)


def test_the_longest_row_may_be_in_any_part(monkeypatch):
    """Norms are computed in parts; a part left out would make the error too small."""
    monkeypatch.setattr(space.index.row_scan, "_NORMS_AT_ONCE", 2)
    for row in range(5):
        rows = torch.ones(5, 2)
        rows[row] = 3.0
        assert RowScan(rows)._longest == pytest.approx(18**0.5)


@pytest.mark.parametrize("part", [2, 100])
def test_the_first_row_that_is_not_finite_is_named(part, monkeypatch):
    monkeypatch.setattr(space.index.row_scan, "_NORMS_AT_ONCE", part)
    rows = torch.ones(5, 2)
    rows[3, 1] = float("nan")
    rows[4, 1] = float("inf")
    with pytest.raises(ValueError, match="row 3 is not"):
        RowScan(rows)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU, whose products and sums round differently")
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("n", "d"), [(1, 1), (7, 3), (65, 7), (3_000, 384), (200_003, 33)])
def test_on_a_gpu(n, d, precision):
    """Scores of the slow way, from the rows as kept, alone and in a batch, with masks; ``pair_scores`` to the bit."""
    draw = torch.Generator().manual_seed(n)
    rows, queries = torch.randn(n, d, generator=draw), torch.randn(40, d, generator=draw)
    index = TorchIndex(rows, precision=precision, device="cuda")
    kept = index.vectors(torch.arange(n)).cpu().double()
    exact = (queries.double() @ kept.T).float()
    for mask in (None, torch.rand(n, generator=draw) < 0.3, torch.rand(40, n, generator=draw) < 0.01):
        scores, found = index.search(queries, 10, mask)
        masked = exact if mask is None else exact.masked_fill(~mask, float("-inf"))
        wanted = torch.topk(masked, min(10, n)).values
        torch.testing.assert_close(scores, wanted, rtol=1e-6, atol=1e-6)
        there = found >= 0
        assert torch.equal(there, wanted > float("-inf"))
        asked = queries.repeat_interleave(found.shape[1], dim=0)
        again = index.pair_scores(asked, found.clamp_min(0).flatten()).cpu().view(scores.shape)
        assert torch.equal(again[there], scores[there])
        alone = index.search(queries[3:4], 10, mask if mask is None or mask.ndim == 1 else mask[3:4])
        assert torch.equal(alone[1][0], found[3]) and torch.equal(alone[0][0], scores[3])
