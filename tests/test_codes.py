"""How far a score computed from int8 codes can be off: the search is exact only as long as this bound holds."""

import pytest
import torch
from test_index import unit

import space.index.codes
from space.index.codes import Codes

CPU = torch.device("cpu")


def scores_and_error(codes, queries, start=0, rows=1 << 20):
    """Approximate inner products (q, m) and how far each query's can be off (q,)."""
    coded = codes.quantize_queries(queries)
    scores = codes.scores(coded, start, rows) + coded.centre_scores[:, None]
    return scores * coded.scales[:, None], coded.error * coded.scales


def off(scores, vectors, queries):
    """(q,): the largest difference from the inner products in float64."""
    return (scores - queries.double() @ vectors.double().T).abs().amax(dim=1)


@pytest.mark.parametrize("centre", [True, False], ids=["centred", "as they are"])
@pytest.mark.parametrize("whole", [True, False], ids=["int8", "float32"])
@pytest.mark.parametrize("q", [1, 3, 8, 40])
@pytest.mark.parametrize("dim", [1, 7, 384])
def test_scores_are_off_by_the_error_at_most(dim, q, whole, centre, monkeypatch):
    """Rows and queries of very unequal lengths, and processors whose int8 products overflow. The error must also be
    small, or every row would be a candidate."""
    if whole and not space.index.codes._packed_product_is_exact():
        pytest.skip("this processor overflows in int8 products")
    monkeypatch.setattr(space.index.codes, "_packed_product_is_exact", lambda: whole)
    monkeypatch.setattr(space.index.codes, "_HEIGHT", 64)
    monkeypatch.setattr(space.index.codes, "_SAMPLE", 256 if centre else 4096)
    lengths = torch.logspace(-3, 1, 500)[:, None]
    vectors, queries = unit(500, dim) * lengths, unit(q, dim, seed=1) * lengths[:q] * 50
    codes = Codes(vectors, CPU)
    assert bool(codes._centre.any()) == centre
    scores, error = scores_and_error(codes, queries, start=64)
    assert (off(scores[:, :436], vectors[64:], queries) <= error).all()
    assert scores.shape == (q, 448) and (scores[:, 436:] == -torch.inf).all()
    assert torch.equal(scores_and_error(codes, queries, 128, 192)[0], scores[:, 64:256])
    assert (error <= queries.norm(dim=1) * vectors.norm(dim=1).max() * (0.2 if dim < 384 else 0.05)).all()


@pytest.mark.parametrize("swapped", [False, True], ids=["of the row", "of the query"])
def test_the_error_is_reached(swapped):
    """999 numbers of half a scale, which their codes lose, against a vector that adds all of them up: the worst case.
    A smaller bound would lose rows, a larger one would read rows for nothing."""
    lost, ones = torch.full((1, 1000), 0.5), torch.ones(1, 1000)
    lost[0, 0], ones[0, 0] = 127.0, 0.0
    vectors, queries = (ones, lost) if swapped else (lost, ones)
    scores, error = scores_and_error(Codes(vectors, CPU), queries)
    assert off(scores[:, :1], vectors, queries).item() == pytest.approx(999 * 0.5)
    assert 999 * 0.5 <= error.item() <= 999 * 0.5 * 1.005


@pytest.mark.parametrize("exact", [False, True], ids=["rounded codes", "exact codes"])
@pytest.mark.parametrize("centre", [True, False], ids=["centred", "as they are"])
def test_the_error_is_the_bound_of_the_proof(centre, exact, monkeypatch):
    """In float64, for lengths from .1 to 10 and a centre. Codes that are exact leave the rounding of float32 sums."""
    monkeypatch.setattr(space.index.codes, "_SAMPLE", 256 if centre else 4096)
    vectors = unit(1500, 24) * torch.logspace(-1, 1, 1500)[:, None] + 0.2
    queries = unit(5, 24, seed=1) * torch.logspace(-2, 2, 5)[:, None]
    if exact:
        vectors, queries = (rows.sign() * 127 for rows in (vectors, queries))
    codes = Codes(vectors, CPU)
    coded = codes.quantize_queries(queries)
    shorter = vectors.double() - codes._centre
    row_error, query_error = (
        (given.double() - made.double() * scales[:, None]).norm(dim=1)
        for given in (shorter, queries)
        for made, scales in [space.index.codes._quantize(given.float())]
    )
    row_error = row_error.max()
    norms, longest = queries.double().norm(dim=1), shorter.norm(dim=1).max() + row_error
    rounding = 4 * (24 + 8) * 2.0**-24 * (longest + codes._centre.norm())
    bound = norms * row_error + query_error * longest + rounding * (norms + query_error)
    torch.testing.assert_close(coded.error.double() * coded.scales, bound, rtol=1e-5, atol=0.0)


def test_the_centre_makes_codes_finer():
    """Cosines of E5 lie between .7 and 1: the part that all rows have in common must not use up the 8 bits."""
    vectors = unit(5000, 16) + 3 * unit(1, 16, seed=1)
    query = unit(1, 16, seed=2)
    with_centre, without = (scores_and_error(Codes(rows, CPU), query)[1] for rows in (vectors, vectors[:4000]))
    assert with_centre < 0.5 * without


def test_each_row_has_its_own_scale():
    """One scale for all would turn the small row into zeros."""
    codes = Codes(torch.tensor([[1000.0, 0.0], [0.001, 0.002]]), CPU)
    scores, _ = scores_and_error(codes, torch.tensor([[0.0, 1.0]]))
    assert scores[0, :2].tolist() == pytest.approx([0.0, 0.002], rel=1e-3)


@pytest.mark.parametrize("n", [255, 256, 1027])
def test_the_centre_reads_a_few_runs_of_rows(n, monkeypatch):
    """All other rows are NaN here, so reading one would leave no centre. Few rows have none, nor has a row of inf."""
    monkeypatch.setattr(space.index.codes, "_SAMPLE", 256)
    vectors, runs = torch.full((n, 3), torch.nan), [slice(n // 4 * run, n // 4 * run + 64) for run in range(4)]
    for number, run in enumerate(runs):
        vectors[run] = unit(64, 3, seed=number)[: n - run.start] + number
    expected = torch.cat([vectors[run] for run in runs]).mean(dim=0) if n >= 256 else torch.zeros(3)
    torch.testing.assert_close(space.index.codes._centre(vectors), expected)
    vectors[runs[2].start + 5] = torch.inf
    assert not space.index.codes._centre(vectors).any()


@pytest.mark.parametrize("dim", [1, 3, 5, 16, 33, 1030])
@pytest.mark.parametrize("q", [1, 2, 31, 33])
def test_products_of_codes_are_whole_numbers(q, dim):
    """With every code from -127 to 127, at sizes that do not fill a register; packed codes must not lose the last."""
    if not space.index.codes._packed_product_is_exact():
        pytest.skip("this processor overflows in int8 products")
    draw = torch.Generator().manual_seed(dim)
    vectors, queries = (torch.randint(-127, 128, (n, dim), generator=draw).float() for n in (130, q))
    vectors[:, 0] = queries[:, 0] = 127  # so that all scales are 1
    codes = Codes(vectors, CPU)
    found = codes.scores(codes.quantize_queries(queries), 0, 1 << 20)[:, :130]
    assert torch.equal(found, queries @ vectors.T)


@pytest.mark.parametrize("wrong", [None, 0, 1, 64])
def test_a_processor_whose_products_overflow_is_found_out(wrong, monkeypatch):
    """For one query and for many, since torch runs different code for them. A torch may also lack the operator."""

    def product(queries, packed, scales):
        if wrong is None:
            raise AttributeError("no such operator")
        return torch.full((len(queries), len(scales)), 64.0 * 127 * 127 - (len(queries) == wrong))

    monkeypatch.setattr(space.index.codes, "_packed_products", product)
    assert space.index.codes._packed_product_is_exact.__wrapped__() is (wrong == 0)
