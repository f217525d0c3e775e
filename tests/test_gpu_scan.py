"""All rows scored at once, on the processor, where a product of float16 rows is the same but slower."""

import numpy as np
import pytest
import torch

import space.index.gpu_scan
from space.index.gpu_scan import Scan
from space.index.torch_index import PRECISIONS, TorchIndex


def exactly(rows):
    """What scores are in the end."""
    return lambda queries, found: (queries.double()[:, None] * rows.double()[found]).sum(dim=2).float()


def best(rows, queries, k, allowed=None):
    return Scan(rows).best(queries, k, allowed, exactly(rows))


def test_what_float16_cannot_tell_apart():
    """A hundred queries' numbers between 1 and the next float16: all products say 1, so no few candidates would do."""
    order = np.random.default_rng(0).permutation(100)
    query = 1 + torch.from_numpy(order).float() * 2.0**-18
    scores, rows = best(torch.eye(100, dtype=torch.float16), query[None], 5)
    assert rows[0].tolist() == [int(np.flatnonzero(order == place)[0]) for place in (99, 98, 97, 96, 95)]
    assert scores[0].tolist() == [1 + place * 2.0**-18 for place in (99, 98, 97, 96, 95)]


def test_most_queries_need_one_look(monkeypatch):
    """The point of the margin: among 5,000 random rows the best ten are clear of the 33rd."""
    looks = []
    take = space.index.gpu_scan._take
    monkeypatch.setattr(space.index.gpu_scan, "_take", lambda *given: looks.append(len(given[0])) or take(*given))
    draw = torch.Generator().manual_seed(0)
    rows, queries = (torch.nn.functional.normalize(torch.randn(n, 64, generator=draw), dim=1) for n in (5_000, 20))
    best(rows.half(), queries, 10)
    assert looks[0] == 20
    assert sum(looks[1:]) <= 2


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("scores", "at_once"), [(3 * 192, 3), (1, 1)])
def test_queries_in_parts_get_what_they_get_together(masked, scores, at_once, monkeypatch):
    """So many that their scores fit the bound, but at least one; 130 rows are scored as 192."""
    draw = torch.Generator().manual_seed(0)
    rows, queries = torch.randn(130, 8, generator=draw).half(), torch.randn(7, 8, generator=draw)
    allowed = torch.rand(7, 130, generator=draw) < 0.5 if masked else None
    together = best(rows, queries, 9, allowed)
    parts, seen = [], Scan._seen
    monkeypatch.setattr(
        Scan, "_seen", lambda scan, some, allowed: parts.append(len(some)) or seen(scan, some, allowed)
    )
    monkeypatch.setattr(space.index.gpu_scan, "_SCORES", scores)
    for one, other in zip(best(rows, queries, 9, allowed), together, strict=True):
        assert torch.equal(one, other)
    assert max(parts) == at_once and sum(parts) == 7


def test_the_margin_holds():
    """How far the product is off, against float64; and that it is not simply huge."""
    draw = torch.Generator().manual_seed(0)
    rows, queries = torch.randn(3_000, 384, generator=draw).half(), torch.randn(16, 384, generator=draw)
    scan = Scan(rows)
    off = (scan._seen(queries, None)[:, :3_000] - queries.double() @ rows.double().T).abs().amax(dim=1)
    margin = scan._margin(queries)
    assert (off <= margin).all()
    assert (margin <= 1e-3 * queries.norm(dim=1) * rows.float().norm(dim=1).max()).all()


@pytest.mark.parametrize(("precision", "rounded"), [("highest", 0.0), ("high", 2.0**-7)])
def test_the_margin_by_hand(precision, rounded):
    """Queries of lengths 5 and 10, the longest row 2: float32 rows round no query, so that sums are all of it, unless
    torch may multiply in a coarser type; float16 rows add what they round off of each query, and nothing else."""
    queries, rows = torch.tensor([[3.0, 4.0], [6.0, 8.0]]), torch.tensor([[0.0, 2.0], [1.0, 0.0]])
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        sums = torch.tensor([10.0, 20.0]) * 4 * 10 * 2.0**-24
        torch.testing.assert_close(Scan(rows)._margin(queries), sums + torch.tensor([10.0, 20.0]) * rounded)
        torch.testing.assert_close(Scan(rows.half())._margin(queries), sums)
        off = torch.tensor([[0.0, 2.0**-12], [2.0**-12, 0.0]]) * 2
        torch.testing.assert_close(
            Scan(rows.half())._margin(queries + off),
            2 * torch.tensor([2.0**-11, 2.0**-11]) + sums,
            rtol=1e-3,
            atol=0.0,
        )
    finally:
        torch.set_float32_matmul_precision(before)


def test_the_longest_row_may_be_in_any_part(monkeypatch):
    monkeypatch.setattr(space.index.gpu_scan, "_PART", 2)
    for row in range(5):
        rows = torch.ones(5, 2)
        rows[row] = 3.0
        assert Scan(rows)._longest == pytest.approx(18**0.5)


@pytest.mark.parametrize("part", [2, 100])
def test_a_row_that_is_not_finite(part, monkeypatch):
    monkeypatch.setattr(space.index.gpu_scan, "_PART", part)
    rows = torch.ones(5, 2)
    rows[3, 1] = float("nan")
    rows[4, 1] = float("inf")
    with pytest.raises(ValueError, match="row 3 is not; rebuild the store"):
        Scan(rows)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU, whose product and sums round in their own way")
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("n", "d"), [(1, 1), (7, 3), (65, 7), (3_000, 384), (200_003, 33)])
def test_on_a_gpu(n, d, precision):
    """The naive answer from the rows as kept, alone and in a batch, with masks; ``pair_scores`` to the bit."""
    draw = torch.Generator().manual_seed(n)
    rows, queries = torch.randn(n, d, generator=draw), torch.randn(40, d, generator=draw)
    index = TorchIndex(rows, precision=precision, device="cuda")
    kept = index.vectors(torch.arange(n)).cpu().double()
    exact = (queries.double() @ kept.T).float()
    for allowed in (None, torch.rand(n, generator=draw) < 0.3, torch.rand(40, n, generator=draw) < 0.01):
        scores, found = index.search(queries, 10, allowed)
        masked = exact if allowed is None else exact.masked_fill(~allowed, float("-inf"))
        wanted = torch.topk(masked, min(10, n)).values
        torch.testing.assert_close(scores, wanted, rtol=1e-6, atol=1e-6)
        there = found >= 0
        assert torch.equal(there, wanted > float("-inf"))
        asked = queries.repeat_interleave(found.shape[1], dim=0)
        again = index.pair_scores(asked, found.clamp_min(0).flatten()).cpu().view(scores.shape)
        assert torch.equal(again[there], scores[there])
        alone = index.search(queries[3:4], 10, allowed if allowed is None or allowed.ndim == 1 else allowed[3:4])
        assert torch.equal(alone[1][0], found[3]) and torch.equal(alone[0][0], scores[3])
