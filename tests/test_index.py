"""Exact search against the slow, obvious way: multiply everything, then sort stably.

How far int8 codes can be off is tested in test_codes.py, the GPU's way in test_row_scan.py as well.
"""

import numpy as np
import pytest
import torch

import space.index.codes
import space.index.row_scan
import space.index.torch_index
from space.index.codes import Codes
from space.index.torch_index import PRECISIONS, TorchIndex

BLOCK = 16_384
# One row, two, an odd number, and a block of rows with a few more behind it.
SIZES = (1, 2, 17, BLOCK + 5)


def signs(rows, dim, seed=0):
    """(rows, dim) of -1, 0 and 1: exact in every precision, and their products have many ties."""
    return torch.from_numpy(np.random.default_rng(seed).integers(-1, 2, (rows, dim))).float()


def unit(rows, dim, seed=0):
    vectors = torch.from_numpy(np.random.default_rng(seed).normal(size=(rows, dim)))
    return torch.nn.functional.normalize(vectors, dim=1).float()


def index_of(vectors, precision="float32"):
    return TorchIndex(vectors, precision=precision, device="cpu")


def naive(vectors, queries, k, mask=None):
    """What ``search`` promises, the slow way."""
    scores = (queries.double() @ vectors.double().T).float()
    if mask is not None:
        scores = torch.where(mask, scores, float("-inf"))
    best, rows = torch.sort(scores, dim=1, descending=True, stable=True)
    best, rows = best[:, :k], rows[:, :k]
    return best, torch.where(best == float("-inf"), -1, rows)


def assert_same(found, expected):
    (scores, rows), (expected_scores, expected_rows) = found, expected
    assert (scores.dtype, rows.dtype) == (torch.float32, torch.int64)
    assert torch.equal(rows, expected_rows)
    torch.testing.assert_close(scores, expected_scores, rtol=1e-6, atol=0.0)


@pytest.fixture(autouse=True)
def _code_any_number_of_rows(monkeypatch):
    """Small catalogues are easy to check, so most tests code them as if they were large."""
    monkeypatch.setattr(space.index.torch_index, "_FEW", 0)


@pytest.fixture(params=["codes", "scan", "few"])
def way(request, monkeypatch):
    """Search as on a CPU, as on a GPU, and as few rows are searched on a CPU.

    The GPU's way gives the right answer on a CPU too, only more slowly.
    """
    monkeypatch.setattr(space.index.torch_index, "_is_gpu", lambda device: request.param == "scan")
    monkeypatch.setattr(space.index.torch_index, "_FEW", 1 << 20 if request.param == "few" else 0)
    if request.param == "scan":
        monkeypatch.setattr(space.index.row_scan, "_MANY", 0)
    return request.param


# -- search ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("dim", [1, 7, 384])
@pytest.mark.parametrize("n", SIZES)
def test_same_as_the_slow_way(n, dim, precision):
    """Guards block edges, the order of ties, and k above the number of rows, in every precision."""
    vectors, index = signs(n, dim), index_of(signs(n, dim), precision)
    for q, k in ((1, 1), (5, 10), (5, n + 3 if n < 100 else 100)):
        queries = signs(q, dim, seed=q)
        assert_same(index.search(queries, k), naive(vectors, queries, k))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("n", SIZES)
def test_masks(n, precision):
    """A filter that lets a row through, or loses one; with one mask for all queries and one for each."""
    vectors, queries = signs(n, 7), signs(5, 7, seed=1)
    index = index_of(vectors, precision)
    rng = np.random.default_rng(n)
    for share in (0.9, 0.1, 3 / n):
        for shape in ((n,), (5, n)):
            mask = torch.from_numpy(rng.random(shape) < share)
            assert_same(index.search(queries, 10, mask), naive(vectors, queries, 10, mask))


@pytest.mark.usefixtures("way")
def test_queries_of_any_floating_dtype():
    """Queries of a half-precision encoder must not give half-precision scores."""
    vectors, queries = signs(17, 7), signs(2, 7, seed=1)
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        assert_same(index_of(vectors, "float16").search(queries.to(dtype), 5), naive(vectors, queries, 5))


# -- precision -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("precision", "error"), [("float16", 2**-11), ("int8", 0.0), ("float32", 0.0)])
@pytest.mark.parametrize("dim", [1, 7, 384])
def test_scores_are_only_off_by_the_rounding_of_the_rows(dim, precision, error):
    """float16 rounds numbers by 2^-11 of their size, so scores of unit vectors are off by 2^-11 at most. With "int8"
    they are exact. A score computed from the codes, or summed in float16, would be off by more."""
    vectors, queries = unit(500, dim), unit(5, dim, seed=1)
    exact = queries.double() @ vectors.double().T
    scores, rows = index_of(vectors, precision).search(queries, 20)
    assert (scores - exact.gather(1, rows)).abs().max() <= error + 1e-6


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("precision", PRECISIONS)
def test_scores_are_those_of_pairs(precision):
    """The judged protocol scores pairs, the full catalogue scores all rows. Both must give the same bits, alone and in
    a batch, or two lists would order the same products differently."""
    vectors, queries = unit(3000, 33), unit(40, 33, seed=1)
    index = index_of(vectors, precision)
    scores, rows = index.search(queries, 7)
    assert scores.dtype == torch.float32
    assert torch.equal(index.pair_scores(queries.repeat_interleave(7, dim=0), rows.flatten()), scores.flatten())
    assert torch.equal(index.search(queries[3:4], 7)[0][0], scores[3])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_what_it_keeps(precision):
    """Memory: a code for each number, two numbers for each row, and a copy of the rows only if the precision needs
    one."""
    vectors = unit(640, 64)
    index = index_of(vectors, precision)
    assert (len(index), index.dim, index.precision) == (640, 64, precision)
    ((codes, scales),) = index._codes._blocks
    # A packed tensor says how many numbers it has, not how much memory they take.
    coded = torch.ops.mkldnn._nbytes(codes) if index._codes._packed else codes.nbytes
    assert coded <= 640 * (64 + 4) and scales.nbytes == 640 * 4
    assert (index._rows.data_ptr() == vectors.data_ptr()) == (precision != "float16")
    assert TorchIndex(vectors).precision == "float16"
    half = vectors.half()
    assert index_of(half, "float16")._rows.data_ptr() == half.data_ptr()


# -- codes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("centre", [True, False], ids=["centred", "as they are"])
@pytest.mark.parametrize("height", [1 << 16, 64], ids=["one block", "many"])
@pytest.mark.parametrize("at_once", [1 << 21, 256], ids=["at once", "one by one"])
def test_the_error_of_codes_is_allowed_for(at_once, height, centre, monkeypatch):
    """Rows so close together that their codes put them in the wrong order, within a block and across blocks."""
    monkeypatch.setattr(space.index.torch_index, "_SCORES_AT_ONCE", at_once)
    monkeypatch.setattr(space.index.codes, "_HEIGHT", height)
    monkeypatch.setattr(space.index.codes, "_SAMPLE", 256 if centre else 4096)
    vectors = unit(1, 16) + unit(3000, 16, seed=1) * 0.01
    queries = unit(4, 16, seed=2)
    for batch in (queries, queries[:1]):
        expected = (batch.double() @ vectors.double().T).topk(9).values.float()
        torch.testing.assert_close(index_of(vectors).search(batch, 9)[0], expected, rtol=0.0, atol=1e-6)


@pytest.mark.parametrize("whole", [True, False], ids=["int8", "float32"])
@pytest.mark.parametrize("seed", range(6))
def test_any_shape(seed, whole, monkeypatch):
    """Random shapes, masks and k, many ties, and blocks so small that every edge is met. The rows are sorted so that
    each block beats the one before, or the other way round."""
    if whole and not space.index.codes._packed_product_is_exact():
        pytest.skip("this processor overflows in int8 products")
    monkeypatch.setattr(space.index.codes, "_packed_product_is_exact", lambda: whole)
    monkeypatch.setattr(space.index.codes, "_HEIGHT", 64 * (1 + seed % 3))
    monkeypatch.setattr(space.index.codes, "_FLOATS_AT_ONCE", 50)
    monkeypatch.setattr(space.index.torch_index, "_SCORES_AT_ONCE", 700)
    monkeypatch.setattr(space.index.torch_index, "_QUERIES_AT_ONCE", 5)
    monkeypatch.setattr(space.index.torch_index, "_FETCHED_AT_ONCE", 50)
    rng = np.random.default_rng(seed)
    for _ in range(12):
        n, dim, q, k = (int(rng.integers(1, most)) for most in (2000, 20, 12, 30))
        vectors, queries = signs(n, dim, seed), signs(q, dim, seed + 1)
        order = torch.argsort(vectors @ queries[0], descending=bool(rng.integers(2)))
        vectors = vectors[order]
        masks = [torch.from_numpy(rng.random(shape) < rng.random() ** 3) for shape in ((n,), (q, n))]
        for mask in (None, *masks):
            found = index_of(vectors, PRECISIONS[seed % 3]).search(queries, k, mask)
            assert_same(found, naive(vectors, queries, min(k, n), mask))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_few_rows_are_not_coded_and_give_the_same_answer(precision, monkeypatch):
    """A catalogue that grows by a product must not change its scores because it is searched in another way."""
    monkeypatch.setattr(space.index.torch_index, "_FEW", 500)
    rows, queries = unit(500, 24), unit(9, 24, seed=1)
    mask = torch.from_numpy(np.random.default_rng(0).random(500) < 0.5)
    few, many = index_of(rows[:499], precision), index_of(rows, precision)
    assert few._scan is not None and many._scan is None
    mask[499] = False
    for one, other in zip(few.search(queries, 20, mask[:499]), many.search(queries, 20, mask), strict=True):
        assert torch.equal(one, other)


def test_no_queries():
    """An evaluation of nothing."""
    scores, rows = index_of(torch.ones(3, 2)).search(torch.ones(0, 2), 2)
    assert scores.shape == rows.shape == (0, 2)


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
@pytest.mark.parametrize("precision", PRECISIONS)
def test_read_only_memory(precision):
    """The rows of a memory-mapped store cannot be written to, and the caller's rows must not change."""
    vectors = unit(20, 7).numpy().astype({"float16": np.float16}.get(precision, np.float32))
    before = vectors.copy()
    vectors.flags.writeable = False
    mask = torch.zeros(20, dtype=torch.bool)
    mask[3] = True
    _, rows = index_of(torch.from_numpy(vectors), precision).search(unit(2, 7, seed=1), 2, mask)
    assert rows.tolist() == [[3, -1], [3, -1]]
    assert np.array_equal(vectors, before)


def test_int8_never_copies_all_rows_to_the_gpu(monkeypatch):
    """The rows may be in a file larger than the GPU's memory."""
    monkeypatch.setattr(space.index.torch_index, "_is_gpu", lambda device: True)
    for precision in PRECISIONS:
        assert (index_of(unit(5, 6), precision)._scan is None) == (precision == "int8")


def test_pairs_by_hand(way):
    """2^24 + 1 + 1 depends on the order of a float32 sum. A GPU's order varies, so there the sum is in float64."""
    index = index_of(torch.tensor([[2.0**24, 1.0, 1.0], [3.0, 0.0, 0.0]]))
    found = index.pair_scores(torch.tensor([[1.0, 1.0, 1.0], [2.0, 5.0, 5.0]]), torch.tensor([0, 1]))
    assert found.dtype == torch.float32 and found[1] == 6
    assert found[0] == 2.0**24 + 2 or way != "scan"


# -- what it costs ---------------------------------------------------------------------------------------------------


@pytest.fixture
def scored(monkeypatch):
    """(rows, shape of the scores) of each time that codes are compared."""
    seen, scores = [], Codes.scores

    def noted(codes, queries, start, rows):
        found = scores(codes, queries, start, rows)
        seen.append((min(rows, codes._n - start), tuple(found.shape)))
        return found

    monkeypatch.setattr(Codes, "scores", noted)
    return seen


@pytest.mark.parametrize("q", [1, 9])
def test_a_mask_that_leaves_few_rows_reads_only_them(q, scored, monkeypatch):
    """A filter such as one brand would otherwise cost a search of the whole catalogue. More rows than are fetched at a
    time would take gigabytes."""
    n, most = 100 * space.index.torch_index._NARROW, 100
    vectors, queries = signs(n, 4), signs(q, 4, seed=1)
    index = index_of(vectors)
    for at_once, left in ((most, 1), (most, most), (most, most + 1), (most - 1, most)):
        scored.clear()
        monkeypatch.setattr(space.index.torch_index, "_FEW_LEFT", at_once)
        mask = torch.arange(n) % (n // left) == 0
        mask[left * (n // left) :] = False
        assert int(mask.count_nonzero()) == left
        assert_same(index.search(queries, 3, mask), naive(vectors, queries, 3, mask))
        assert bool(scored) == (left > min(most, at_once))


@pytest.mark.parametrize("q", [1, 3, 7, 12, 70])
def test_blocks_fill_the_memory_they_may_take(q, scored, monkeypatch):
    """Larger ones would take gigabytes for a large catalogue, smaller ones more time."""
    monkeypatch.setattr(space.index.torch_index, "_SCORES_AT_ONCE", 5_000)
    monkeypatch.setattr(space.index.codes, "_HEIGHT", 64)
    vectors, queries = signs(3_000, 4), signs(q, 4, seed=1)
    assert_same(index_of(vectors).search(queries, 3), naive(vectors, queries, 3))
    parts = [min(32, q - start) for start in range(0, q, 32)]
    expected = [(part, max(64, 5_000 // part // 64 * 64)) for part in parts]
    assert {shape for rows, shape in scored if rows % 64 == 0} == {
        (part, height) for part, height in expected if height <= 3_000
    }
    assert sum(rows * part for rows, (part, _) in scored) == 3_000 * q


@pytest.mark.parametrize(("least", "expected"), [(-np.inf, [0, 1, 70]), (7.9, [0, 1, 70]), (8.0, [0, 1]), (11.0, [])])
def test_places_that_score_enough_by_hand(least, expected):
    """A score equal to the least is enough; places without a row never are."""
    near = torch.full((2, 128), -np.inf)
    near[0, [0, 1, 70]] = torch.tensor([10.0, 8.0, 7.9])
    near[1, 5] = 1.0  # another query, with a least of its own
    places, asking = space.index.torch_index._at_least(near, torch.tensor([least, 0.5]))
    assert places.tolist() == [*expected, 5] and asking.tolist() == [0] * len(expected) + [1]


@pytest.mark.parametrize("masked", [False, True])
def test_the_kth_score_is_one_that_k_rows_reach(masked):
    """By the rows that look best; too high a score would lose rows. A filter may leave fewer than k."""
    rows, queries = unit(300, 8), unit(3, 8, seed=1)
    index = index_of(rows)
    near = torch.full((3, 320), -np.inf)
    near[:, 100:300] = queries @ rows[100:].T
    if masked:
        near[1, 105:] = -np.inf
    exact = (queries @ rows[100:].T).topk(7).values[:, -1]
    found = index._kth_score(queries, near.roll(-100, 1), 7, 100)
    assert found[1] == (-np.inf if masked else pytest.approx(float(exact[1])))
    torch.testing.assert_close(found[::2], exact[::2])
    assert (index._kth_score(queries, near, 321, 0) == -np.inf).all()


def test_near_duplicates_do_not_make_it_score_everything(monkeypatch):
    """Rows that look as good as the k-th within one error are scored exactly, not within two."""
    rows = torch.nn.functional.normalize(unit(1, 64) + 0.05 * unit(40, 64, seed=1), dim=1).repeat_interleave(200, 0)
    rows = torch.nn.functional.normalize(rows + 0.002 * unit(len(rows), 64, seed=2), dim=1)
    index, query, counted = index_of(rows), unit(1, 64, seed=3), []
    exact = index._exact_scores
    monkeypatch.setattr(
        index, "_exact_scores", lambda q, asking, found: counted.append(len(found)) or exact(q, asking, found)
    )
    index.search(query, 10)
    coded = index._codes.quantize_queries(query)
    off = float(coded.error * coded.scales)
    scores = (query @ rows.T)[0]
    kth = float(scores.topk(10).values[-1])
    within = [int((scores >= kth - margin * off).sum()) for margin in (0, 2)]
    assert 10 + within[0] <= sum(counted) <= 10 + within[1] < len(rows)


# -- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("row", [0, BLOCK + 3])
def test_not_finite(row, value, precision):
    """One NaN would come first in every result, or never. The row number says which product to look at."""
    vectors = torch.zeros(BLOCK + 5, 2)
    vectors[row, 1] = vectors[BLOCK + 4, 0] = value
    with pytest.raises(ValueError, match=f"row {row} is not"):
        index_of(vectors, precision)


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (0, 4)])
def test_embeddings_of_another_shape(shape):
    """A single vector, a stack, a catalogue without products."""
    with pytest.raises(ValueError, match="embeddings should be .*" + r", ".join(map(str, shape))):
        index_of(torch.zeros(shape))


def test_unknown_precision():
    """A typo must not fall back to float32."""
    with pytest.raises(ValueError, match="precision should be one of .* is 'int4'"):
        index_of(torch.zeros(2, 2), "int4")


@pytest.mark.parametrize("shape", [(3,), (1, 4), (1, 3, 1)])
def test_queries_of_another_shape(shape):
    """Queries of another model, or one query without its batch dimension."""
    index = index_of(torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"queries should be \(q, 3\), are"):
        index.search(torch.zeros(shape), 1)
    with pytest.raises(ValueError, match=r"queries should be \(q, 3\), are"):
        index.pair_scores(torch.zeros(shape), torch.zeros(1, dtype=torch.int64))


@pytest.mark.parametrize("shape", [(3,), (1, 4), (3, 2), ()])
def test_mask_of_another_shape(shape):
    """A mask that torch could broadcast would filter by the wrong rows."""
    with pytest.raises(ValueError, match="mask should be"):
        index_of(torch.zeros(4, 2)).search(torch.zeros(2, 2), 1, torch.ones(shape, dtype=torch.bool))


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one(k):
    """-1 does not mean "all"."""
    with pytest.raises(ValueError, match=f"k should be >= 1, is {k}"):
        index_of(torch.zeros(4, 2)).search(torch.zeros(2, 2), k)


@pytest.mark.parametrize(("precision", "error"), [("float32", 0.0), ("float16", 1e-3), ("int8", 0.0)])
def test_vectors_are_the_kept_ones(precision, error):
    """More-like-this searches with them: rows, not codes, in the order asked for."""
    rows = unit(5, 16)
    found = index_of(rows, precision).vectors(torch.tensor([4, 0, 4]))
    assert found.dtype == torch.float32 and found.shape == (3, 16)
    assert (found - rows[[4, 0, 4]]).abs().max() <= error
