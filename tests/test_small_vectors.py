"""First dimensions and codes: equal to the obvious slow way, with awkward sizes, ties and masks."""

import numpy as np
import pytest
import torch

from space.index import small_vectors
from space.index.small_vectors import RESCORED, BinaryCodes, Int8Codes, bytes_of, first_dimensions
from space.retrieval.smaller import VectorSize, sizes

SHAPES = [(1, 8), (5, 3), (200, 12), (333, 64), (150, 100)]


def made(n, dim, seed=0):
    """(n, dim) float16 of unit norm, every third row a copy of the row before, and (4, dim) float32 queries."""
    draw = torch.Generator().manual_seed(seed)
    rows = torch.nn.functional.normalize(torch.randn(n, dim, generator=draw), dim=1)
    rows[2::3] = rows[1::3][: len(rows[2::3])]
    return rows.half(), torch.nn.functional.normalize(torch.randn(4, dim, generator=draw), dim=1)


def centred(queries, rows):
    """Both less the mean of the rows."""
    mean = rows.float().mean(dim=0)
    return queries - mean, rows.float() - mean


def hamming(queries, rows):
    """(q, n) numbers of signs that differ."""
    return ((queries[:, None] > 0) != (rows[None] > 0)).sum(dim=2)


def int8_values(rows):
    """What the codes stand for: 255 steps between the lowest and the highest value of each dimension."""
    rows = rows.float()
    low, high = rows.amin(dim=0), rows.amax(dim=0)
    step = torch.where(high == low, 1.0, (high - low) / 255)
    return low + ((rows - low) / step).floor().clamp(0, 255) * step


def in_order(scores, allowed, k):
    """The allowed rows by falling score, ties by lower row."""
    rows = [row for row in range(len(scores)) if allowed[row]]
    return sorted(rows, key=lambda row: (-float(scores[row]), row))[:k]


@pytest.fixture(params=[7, 1 << 20], ids=["blocks of 7", "one block"])
def blocks(request, monkeypatch):
    monkeypatch.setattr(small_vectors, "_BLOCK", request.param)
    monkeypatch.setattr(small_vectors, "_SCORES_AT_ONCE", 500)


@pytest.mark.parametrize(("n", "dim"), SHAPES)
@pytest.mark.parametrize(("k", "centre"), [(1, True), (10, False), (1000, True)])
def test_binary_codes_are_ordered_by_the_signs_that_differ(blocks, n, dim, k, centre):
    rows, queries = made(n, dim)
    index = BinaryCodes(rows, centred=centre)
    distances = hamming(*centred(queries, rows)) if centre else hamming(queries, rows)
    for mask in (None, torch.arange(n) % 2 == 0, torch.zeros(n, dtype=torch.bool)):
        scores, found = index.search(queries, k, mask)
        assert scores.shape == found.shape == (4, min(k, n))
        for place in range(4):
            wanted = in_order(-distances[place], [True] * n if mask is None else mask, k)
            assert found[place].tolist() == wanted + [-1] * (min(k, n) - len(wanted))
            assert scores[place, : len(wanted)].tolist() == (-distances[place, wanted]).tolist()
            assert scores[place, len(wanted) :].isneginf().all()
    pairs = index.pair_scores(queries[:2], torch.tensor([n - 1, 0]))
    assert pairs.tolist() == [-distances[0, n - 1], -distances[1, 0]]


@pytest.mark.parametrize(("n", "dim"), SHAPES)
@pytest.mark.parametrize("centre", [False, True])
def test_rescored_binary_codes_are_ordered_by_the_whole_query(blocks, n, dim, centre):
    """The candidates are still those of the signs; k of them are left, in the order of the inner products."""
    rows, queries = made(n, dim)
    index = BinaryCodes(rows, centred=centre, rescore=True)
    if centre:
        asked, rows = centred(queries, rows)
    else:
        asked = queries
    distances, products = hamming(asked, rows), asked @ torch.where(rows > 0, 1.0, -1.0).T
    for k in (1, 6):
        scores, found = index.search(queries, k)
        for place in range(4):
            candidates = in_order(-distances[place], [True] * n, min(k, n) * RESCORED)
            best = products[place, candidates].sort(descending=True).values[: min(k, n)]
            assert set(found[place].tolist()) <= set(candidates)
            torch.testing.assert_close(scores[place], best)
            torch.testing.assert_close(products[place, found[place]], scores[place])
    pairs = index.pair_scores(queries[:2], torch.tensor([n - 1, 0]))
    torch.testing.assert_close(pairs, torch.stack([products[0, n - 1], products[1, 0]]))


@pytest.mark.parametrize(("n", "dim"), SHAPES)
def test_int8_codes_score_what_they_stand_for(blocks, n, dim):
    rows, queries = made(n, dim)
    index, values = Int8Codes(rows), int8_values(rows)
    scores, found = index.search(queries, 10, torch.arange(n) != 1)
    exact = queries @ values.T
    for place in range(4):
        assert len(set(found[place].tolist())) == min(10, n)
        kept = found[place] >= 0
        assert 1 not in found[place] and kept.sum() == min(10, max(n - 1, 1))
        # The library's codes stand for values that are all half a step too low: the same amount for all rows.
        shift = (scores[place] - exact[place, found[place]])[kept]
        torch.testing.assert_close(shift, torch.zeros_like(shift), atol=1e-5, rtol=0)
        allowed = exact[place, torch.arange(n) != 1]
        torch.testing.assert_close(exact[place, found[place]][kept], allowed.topk(int(kept.sum())).values)
    torch.testing.assert_close(index.vectors(torch.tensor([n - 1])), values[[n - 1]])
    torch.testing.assert_close(index.pair_scores(queries[:1], torch.tensor([n - 1])), exact[0, [n - 1]])


def test_int8_is_close_and_signs_are_rough():
    """int8 changes a cosine by less than .001, and rescoring finds more of the exact top ten than signs alone."""
    rows, queries = made(2_000, 384)
    exact = (queries @ rows.float().T).topk(10).indices

    def shared(index):
        found = index.search(queries, 10)[1]
        return np.mean([len(set(a.tolist()) & set(b.tolist())) for a, b in zip(found, exact, strict=True)])

    assert (queries @ (int8_values(rows) - rows.float()).T).std(dim=1).max() < 0.001
    signs, rescored, int8 = shared(BinaryCodes(rows)), shared(BinaryCodes(rows, rescore=True)), shared(Int8Codes(rows))
    assert signs < rescored < int8 and int8 >= 9


def test_centred_signs_find_more_in_a_narrow_cone():
    """E5's vectors have most of their length in common, so many of their signs are the same in all rows."""
    rows, _ = made(2_000, 64)
    rows = torch.nn.functional.normalize(rows[::3].float() + 0.5, dim=1)
    noise = torch.randn(rows.shape, generator=torch.Generator().manual_seed(1))
    queries = torch.nn.functional.normalize(rows + 0.02 * noise, dim=1)

    def found_itself(index):
        return (index.search(queries, 1)[1].flatten() == torch.arange(len(rows))).float().mean()

    for rescore in (False, True):
        assert found_itself(BinaryCodes(rows, rescore=rescore)) < 0.5
        assert found_itself(BinaryCodes(rows, centred=True, rescore=rescore)) > 0.9


def test_first_dimensions_have_unit_norm_and_their_type(blocks):
    rows, _ = made(50, 12)
    short = first_dimensions(rows, 5)
    assert short.shape == (50, 5) and short.dtype == torch.float16
    wanted = rows[:, :5].float() / rows[:, :5].float().norm(dim=1, keepdim=True)
    torch.testing.assert_close(short.float(), wanted, atol=1e-3, rtol=0)


def test_sizes_begin_with_the_whole_vectors_and_leave_out_what_is_not_smaller():
    assert list(sizes(128, [64, 256, 128], ["centred-binary", "int8"])) == [
        VectorSize(dim, code, rescored)
        for dim in (128, 64)
        for code, rescored in (
            ("float16", False),
            ("centred-binary", False),
            ("centred-binary", True),
            ("int8", False),
        )
    ]
    assert [bytes_of(100, code) for code in ("float16", "int8", "binary", "centred-binary")] == [200, 100, 13, 13]
