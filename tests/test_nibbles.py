"""Nibbles leave out what cannot be among the best: a ceiling below a row's score would lose it."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_index import assert_same, index_of, naive, signs, unit

import space.index.codes
import space.index.nibbles
import space.index.torch_index
from space.index.codes import Codes
from space.index.nibbles import Nibbles
from space.index.torch_index import PRECISIONS, TorchIndex

halved = pytest.mark.skipif(not space.index.nibbles.available(), reason="this torch has no product of four bits")


@pytest.fixture
def searched(monkeypatch):
    """Nibbles for any number of rows; how many rows each look at them left, None where they were too many."""
    monkeypatch.setattr(space.index.torch_index, "_HALVED", 1)
    left, worth = [], TorchIndex._worth

    def noted(*given):
        rows, floor = worth(*given)
        left.append(None if rows is None else len(rows))
        return rows, floor

    monkeypatch.setattr(TorchIndex, "_worth", noted)
    return left


@halved
@pytest.mark.parametrize("centre", [True, False], ids=["centred", "as they are"])
@pytest.mark.parametrize("n", [1, 63, 64, 1500])
@pytest.mark.parametrize("dim", [1, 7, 32, 100, 384])
def test_no_row_scores_more_than_its_ceiling(dim, n, centre, monkeypatch):
    """The search is exact as long as this holds; a ceiling far too high would be true and of no use."""
    monkeypatch.setattr(space.index.codes, "_SAMPLE", 64 if centre else 4096)
    vectors = unit(n, dim) * torch.logspace(-3, 1, n)[:, None] + 0.1
    codes = Codes(vectors, torch.device("cpu"), halved=True)
    for seed in range(5):
        query = unit(1, dim, seed=seed + 1)[0] * 7
        ceilings = codes.ceilings(query)
        scores = vectors.double() @ query.double()
        assert (ceilings[:n] >= scores).all() and (ceilings[n:] == -np.inf).all()
        assert ((ceilings[:n] - scores).amax() <= 7 * 10 * (0.35 if dim >= 32 else 1.2)).all()


@halved
@pytest.mark.parametrize("precision", PRECISIONS)
def test_nibbles_leave_few_rows_and_the_right_ones(precision, searched):
    """Neighbours among many rows that are none: alone and together, with one mask, with masks, and without."""
    vectors, queries = unit(6000, 64), unit(4, 64, seed=1)
    near = torch.arange(12)[:, None] * 500 + torch.arange(4)
    vectors[near.flatten()] = torch.nn.functional.normalize(queries.repeat(12, 1) + 0.4 * unit(48, 64, seed=2), dim=1)
    index = index_of(vectors, precision)
    kept = index.vectors(torch.arange(6000))
    one = torch.from_numpy(np.random.default_rng(0).random(6000) < 0.5)
    each = torch.from_numpy(np.random.default_rng(1).random((4, 6000)) < 0.7)
    for q in (1, 4):
        for mask in (None, one, each[:q]):
            before = len(searched)
            assert_same(index.search(queries[:q], 3, mask), naive(kept, queries[:q], 3, mask))
            assert len(searched) == before + q
    assert all(rows is not None and rows < 6000 / 16 for rows in searched)


@halved
def test_nibbles_and_ties(searched):
    """Twelve equal rows are best: the lower ones are taken, as without nibbles."""
    vectors = unit(5000, 32) * 0.1
    vectors[7::400] = torch.eye(32)[0]
    query = torch.eye(32)[:1]
    _, rows = index_of(vectors).search(query, 4)
    assert rows.tolist() == [[7, 407, 807, 1207]] and searched == [13]


@halved
@pytest.mark.parametrize(("equal", "left"), [(100, 100), (101, None)])
def test_at_most_one_row_in_so_many_is_fetched(equal, left, searched):
    n = 100 * space.index.torch_index._LEFT
    vectors = unit(n, 32) * 0.1
    vectors[torch.arange(equal) * 15] = torch.eye(32)[0]
    assert index_of(vectors).search(torch.eye(32)[:1], 1)[1].tolist() == [[0]] and searched == [left]


@halved
def test_where_nibbles_leave_too_many(searched):
    """All rows alike, a query of zeros, one that is not a number, and a mask that leaves nothing to compare with."""
    index = index_of(torch.ones(3000, 4))
    assert index.search(torch.ones(1, 4), 2)[1].tolist() == [[0, 1]]
    assert index.search(torch.zeros(1, 4), 2)[1].tolist() == [[0, 1]]
    each = torch.zeros(2, 3000, dtype=torch.bool)
    each[0, 2999] = True
    assert index.search(torch.ones(2, 4), 2, each)[1].tolist() == [[2999, -1], [-1, -1]]
    assert index.search(torch.full((1, 4), torch.nan), 2)[0].shape == (1, 2)
    assert searched == [None] * 5


@halved
def test_a_query_whose_length_overflows(searched):
    """Infinity less infinity: the places beyond the last row look best, and are none."""
    index = index_of(torch.ones(3000, 4))
    assert index.search(torch.full((1, 4), 1e30), 2)[1].tolist() == [[0, 1]] and searched == [None]


@halved
@pytest.mark.parametrize("seed", range(4))
def test_any_shape_with_nibbles(seed, searched, monkeypatch):
    """Every answer is that of the codes alone, to the last bit: lengths, centres, masks and k drawn at random."""
    monkeypatch.setattr(space.index.codes, "_SAMPLE", 1000)
    rng = np.random.default_rng(seed)
    for _ in range(6):
        n, dim, q, k = (int(rng.integers(*ends)) for ends in ((1100, 6000), (2, 70), (1, 5), (1, 4)))
        vectors = unit(n, dim, seed) * torch.from_numpy(rng.random((n, 1))).float() + rng.random()
        queries = unit(q, dim, seed + 1) + vectors[:q]
        there, without = (
            TorchIndex(vectors, precision="float32", device="cpu", halved=kept) for kept in (True, False)
        )
        masks = [torch.from_numpy(rng.random(shape) < 0.1 + rng.random()) for shape in ((n,), (q, n))]
        for mask in (None, *masks):
            pairs = zip(there.search(queries, k, mask), without.search(queries, k, mask), strict=True)
            assert all(torch.equal(one, other) for one, other in pairs)
    assert searched.count(None) < len(searched)


def test_nibbles_only_where_they_work(monkeypatch):
    """Without the product, or with one that is wrong, the codes do it all; so do they where memory is dear."""
    monkeypatch.setattr(space.index.torch_index, "_HALVED", 1)
    vectors, query = unit(2000, 32), unit(1, 32, seed=1)
    expected = naive(vectors, query, 1)
    lean = TorchIndex(vectors, precision="float32", device="cpu", halved=False)
    assert lean._codes.nibbles is None
    assert_same(lean.search(query, 1), expected)
    wrong = space.index.nibbles.Nibbles.ceilings
    monkeypatch.setattr(space.index.nibbles.Nibbles, "ceilings", lambda *given: wrong(*given) - 1e6)
    space.index.nibbles.available.cache_clear()
    try:
        assert not space.index.nibbles.available()
        assert_same(index_of(vectors).search(query, 1), expected)
    finally:
        space.index.nibbles.available.cache_clear()


@halved
@pytest.mark.parametrize(("dim", "shared"), [(384, 3), (192, 3), (96, 3), (64, 1), (30, 1), (128, 1)])
def test_what_nibbles_take(dim, shared, monkeypatch):
    """Half a byte a number, up to a multiple of 32, and 4 bytes a row for how far it is off and for each scale."""
    monkeypatch.setattr(space.index.torch_index, "_HALVED", 1)
    nibbles = index_of(unit(640, dim))._codes.nibbles
    taken = sum(part.nbytes for part in vars(nibbles).values() if isinstance(part, torch.Tensor))
    assert taken == 640 * (-(-dim // 32) * 16 + 4 * (1 + shared))


@halved
@pytest.mark.parametrize("scale", [1.0, 2.0**-13])
@pytest.mark.parametrize("more", [0.0, 2.0**-8], ids=["exact", "rounded"])
def test_ceilings_by_hand(more, scale):
    """Numbers that bfloat16 holds, but for half of its last bit in the query: what is left is what is allowed for."""
    rng = np.random.default_rng(0)
    codes = torch.from_numpy(rng.integers(-127, 128, (130, 40))).to(torch.int8)
    steps = scale * 2.0 ** torch.from_numpy(rng.integers(-3, 4, 130)).float()
    rows = codes.double() * steps[:, None]
    nibbles = Nibbles(130, 40)
    for part in (slice(0, 64), slice(64, 130)):
        nibbles.put(part.start, codes[part], steps[part], rows[part].norm(dim=1).float(), 0.25)
    query = torch.zeros(40)
    query[3] = 2 + more
    stand = ((codes.double() / 16).floor() * 16 + 7.5) * steps[:, None]
    off = (rows - stand).norm(dim=1) + 0.25
    lengths = rows.norm(dim=1) + off
    above = (2 + more) * (off + lengths / 256) + (more + 2 * (2 + more) / 256) * lengths.max()
    found = nibbles.ceilings(query)
    assert found.shape == (192,) and (found[130:] == -np.inf).all()
    torch.testing.assert_close(found[:130].double() - 2 * stand[:, 3], above, rtol=1e-5, atol=1e-4 * scale)


@halved
def test_ceilings_allow_for_the_centre_and_for_roundings(monkeypatch):
    """Beyond what nibbles allow for: codes are of what rows have apart from their centre."""
    monkeypatch.setattr(space.index.codes, "_SAMPLE", 64)
    vectors = torch.from_numpy(np.random.default_rng(0).integers(-127, 128, (640, 384))).float()
    codes = Codes(vectors, torch.device("cpu"), halved=True)
    query = torch.zeros(384)
    query[5] = 2.0
    longest = (vectors - codes._centre).norm(dim=1).max() + codes._off + codes._centre.norm()
    rest = 2 * codes._centre[5] + 4 * (384 + 8) * 2.0**-24 * longest * 2
    found = codes.ceilings(query) - codes.nibbles.ceilings(query)
    torch.testing.assert_close(found, rest.expand(640), rtol=0.0, atol=1e-3)


@halved
def test_a_query_of_zeros_is_no_division_by_nothing():
    nibbles = Nibbles(64, 32)
    nibbles.put(0, torch.ones(64, 32, dtype=torch.int8), torch.ones(64), torch.full((64,), 32**0.5), 0.0)
    assert (nibbles.ceilings(torch.zeros(32)).abs() < 1e-20).all()


@pytest.fixture
def asked_again():
    """``available`` forgets its answer, before and after."""
    space.index.nibbles.available.cache_clear()
    yield
    space.index.nibbles.available.cache_clear()


def test_the_product_is_used_where_it_works(asked_again):
    """Or all tests of it would be left out without a word: here it is tried by itself."""
    try:
        packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(torch.full((64, 32), 9, dtype=torch.int32), 1)
        query, scales = torch.ones(1, 32).bfloat16(), torch.ones(1, 64, 2).bfloat16()
        found = torch.ops.aten._weight_int4pack_mm_for_cpu(query, packed, 32, scales)
    except (AttributeError, RuntimeError):
        pytest.skip("this torch has no product of four bits")
    works = bool((found == 32 * (9 - 8 + 1)).all())  # 8 stands for the offset
    drawing = torch.get_rng_state()
    assert space.index.nibbles.available() is works
    assert torch.equal(torch.get_rng_state(), drawing), "what others draw is not changed by the question"


@halved
@pytest.mark.parametrize("wrong", [-0.1, 0.1, torch.nan])
def test_a_product_that_is_wrong_is_not_used(wrong, asked_again, monkeypatch):
    """Too low would lose rows; far too high, or not a number, would leave none out."""
    right = Nibbles.ceilings
    monkeypatch.setattr(Nibbles, "ceilings", lambda nibbles, query: right(nibbles, query) + wrong * 1e4)
    assert not space.index.nibbles.available()


@halved
@pytest.mark.parametrize("error", [RuntimeError, NotImplementedError])
def test_a_torch_without_the_product_is_no_error(error, asked_again, monkeypatch, caplog):
    """torch raises the first for another signature, the second where its build has no such kernel."""

    def fails(*given):
        raise error("not built with it")

    monkeypatch.setattr(Nibbles, "put", fails)
    with caplog.at_level(logging.DEBUG, "space.index.nibbles"):
        assert space.index.nibbles.available() is False
    assert caplog.messages == ["no first look at four bits here: not built with it"]


@pytest.mark.parametrize("there", [[], ["_weight_int4pack_mm_for_cpu"], ["_convert_weight_to_int4pack_for_cpu"]])
def test_a_torch_that_never_heard_of_it(there, asked_again, monkeypatch):
    lacking = SimpleNamespace(ops=SimpleNamespace(aten=SimpleNamespace(**dict.fromkeys(there))))
    monkeypatch.setattr(space.index.nibbles, "torch", lacking)
    assert space.index.nibbles.available() is False


@halved
def test_nibbles_are_for_few_queries_of_large_catalogues(searched, monkeypatch):
    """For k far below the number of groups, too. Elsewhere the codes are as fast."""
    least, few = 4 * space.index.torch_index._TRIED * space.index.torch_index._GROUP, space.index.torch_index._FEW
    for n, k, q, looks in [
        (least, 1, 1, 1), (least - 1, 1, 1, 0), (2 * least, 2, few, few), (2 * least - 1, 2, 1, 0),
        (least, 1, few + 1, 0), (least, 1, 0, 0),
    ]:  # fmt: skip
        searched.clear()
        scores, _ = index_of(signs(n, 4)).search(signs(q, 4, seed=1), k)
        assert (len(searched), scores.shape) == (looks, (q, k))
    monkeypatch.setattr(space.index.torch_index, "_HALVED", 100)
    assert [index_of(signs(n, 4))._codes.nibbles is None for n in (99, 100)] == [True, False]


@halved
def test_a_hidden_row_says_nothing_of_the_best(searched):
    """The last rows of a catalogue, of which the mask leaves only one: the other would be the best of all."""
    for n in (1984, 1999):
        vectors = unit(n, 32) * 0.1
        vectors[-2:] = torch.tensor([[1.0], [0.5]]) * torch.eye(32)[0]
        each = torch.ones(1, n, dtype=torch.bool)
        each[0, -2] = False
        query = torch.eye(32)[:1]
        assert_same(index_of(vectors).search(query, 1, each), naive(vectors, query, 1, each))
    assert None not in searched
