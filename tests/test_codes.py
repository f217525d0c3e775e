"""Codes are a first look: how far they can be off has to be known, and to be no more than it must."""

import numpy as np
import pytest
import torch
from test_index import unit

import space.index.codes
from space.index.codes import Codes


@pytest.mark.parametrize("centre", [True, False], ids=["centred", "as they are"])
@pytest.mark.parametrize("whole", [True, False], ids=["int8", "float32"])
@pytest.mark.parametrize("q", [1, 3, 8, 40])
@pytest.mark.parametrize("dim", [1, 7, 384])
def test_codes_are_off_by_the_margin_at_most(dim, q, whole, centre, monkeypatch):
    """The search is exact as long as this holds, also with rows and queries of very unequal lengths, and also where
    the processor cannot add up int8 products in whole numbers."""
    if whole and not space.index.codes._whole(torch.device("cpu")):
        pytest.skip("this processor does not add up int8 products")
    monkeypatch.setattr(space.index.codes, "_whole", lambda device: whole)
    monkeypatch.setattr(space.index.codes, "_SAMPLE", 256 if centre else 4096)
    lengths = torch.logspace(-3, 1, 500)[:, None]
    vectors, queries = unit(500, dim) * lengths, unit(q, dim, seed=1) * lengths[:q] * 50
    codes = Codes(vectors, torch.device("cpu"))
    probe = codes.probe(queries)
    seen = codes.scores(probe, slice(100, 500), 448)
    assert (seen[400:] == -np.inf).all()
    assert bool(probe.shift.any()) == centre
    off = ((seen[:400] + probe.shift) * probe.steps - (vectors[100:].double() @ queries.double().T)).abs().amax(dim=0)
    margin = probe.margin * probe.steps
    assert (off <= margin).all()
    assert (margin <= queries.norm(dim=1) * vectors.norm(dim=1).max() * (0.2 if dim < 384 else 0.05)).all()


def test_the_centre_makes_codes_finer():
    """Cosines of E5 lie between .7 and 1: what all rows have in common must not use up the 8 bits."""
    vectors = unit(5000, 16) + 3 * unit(1, 16, seed=1)
    query = unit(1, 16, seed=2)
    margins = [
        float((probe.margin * probe.steps)[0])
        for rows in (vectors, vectors[:4000])  # few rows have no centre
        for probe in [Codes(rows, torch.device("cpu")).probe(query)]
    ]
    assert margins[0] < 0.5 * margins[1]


def test_int8_codes_each_row_by_itself():
    """One step for all would flatten the small row to zeros."""
    codes = Codes(torch.tensor([[1000.0, 0.0], [0.001, 0.002]]), torch.device("cpu"))
    probe = codes.probe(torch.tensor([[0.0, 1.0]]))
    seen = codes.scores(probe, slice(0, 2), 2) * probe.steps
    assert seen[:, 0].tolist() == pytest.approx([0.0, 0.002], rel=1e-3)


def by_the_proof(codes, vectors, probe, queries):
    """The margin as the class derives it, in double precision."""
    q, dim = queries.shape
    shorter = vectors.double() - codes._centre
    row_off = (shorter - codes.codes[:, :dim].double() * codes.steps[:, None]).norm(dim=1).max()
    query_off = (queries.double() - probe.codes[:q, :dim].double() * probe.steps[:, None]).norm(dim=1)
    norms, longest = queries.double().norm(dim=1), shorter.norm(dim=1).max() + row_off
    rounding = 4 * (dim + 8) * 2.0**-24 * (longest + codes._centre.norm())
    return norms * row_off + query_off * longest + rounding * (norms + query_off)


@pytest.mark.parametrize("scale", [1.0, 1e-3])
@pytest.mark.parametrize("centre", [True, False], ids=["centred", "as they are"])
def test_the_margin_is_what_the_proof_allows(centre, scale, monkeypatch):
    """Less would lose rows, more would look at rows for nothing."""
    monkeypatch.setattr(space.index.codes, "_SAMPLE", 256 if centre else 4096)
    vectors = (unit(3000, 24) * torch.logspace(-1, 1, 3000)[:, None] + 0.2) * scale
    queries = unit(5, 24, seed=1) * torch.logspace(-2, 2, 5)[:, None]
    codes = Codes(vectors, torch.device("cpu"))
    assert codes.nibbles is None, "only where they were asked for"
    probe = codes.probe(queries)
    margin = by_the_proof(codes, vectors, probe, queries)
    torch.testing.assert_close(probe.margin.double() * probe.steps, margin, rtol=1e-5, atol=0.0)


def test_the_margin_of_what_codes_say_least_of():
    """One large number, and a thousand of half a step each: all they have is how far they are off."""
    vectors = torch.full((3, 1000), 0.5)
    vectors[:, 0] = 127
    codes = Codes(vectors, torch.device("cpu"))
    probe = codes.probe(vectors)
    margin = by_the_proof(codes, vectors, probe, vectors)
    torch.testing.assert_close(probe.margin.double() * probe.steps, margin, rtol=1e-5, atol=0.0)


@pytest.mark.parametrize("dim", [1, 3, 40])
def test_where_codes_are_exact_only_roundings_are_left(dim):
    """Whole numbers up to 127: d roundings and a few more, of the longest row and the query."""
    rng = np.random.default_rng(dim)
    vectors, queries = (torch.from_numpy(rng.integers(-127, 128, (rows, dim))).float() for rows in (50, 3))
    vectors[:, 0] = queries[:, 0] = 127
    codes = Codes(vectors, torch.device("cpu"))
    probe = codes.probe(queries)
    assert torch.equal(codes.codes[:, :dim].float(), vectors) and (codes.steps == 1).all()
    rounding = 4 * (dim + 8) * 2.0**-24 * vectors.norm(dim=1).max() * queries.norm(dim=1)
    torch.testing.assert_close(probe.margin, rounding, rtol=1e-5, atol=0.0)


@pytest.mark.parametrize("n", [255, 256, 1027])
def test_the_centre_is_that_of_a_few_runs_from_all_over(n, monkeypatch):
    """Of 4,096 rows and more, here 256, no others are read. Of fewer, or where one is no number, there is none."""
    monkeypatch.setattr(space.index.codes, "_SAMPLE", 256)
    vectors, runs = torch.full((n, 3), torch.nan), [slice(n // 4 * run, n // 4 * run + 64) for run in range(4)]
    for number, run in enumerate(runs):
        vectors[run] = unit(64, 3, seed=number)[: n - run.start] + number
    expected = torch.cat([vectors[run] for run in runs]).mean(dim=0) if n >= 256 else torch.zeros(3)
    torch.testing.assert_close(space.index.codes._centre(vectors), expected)
    vectors[runs[2].start + 5] = torch.inf
    assert not space.index.codes._centre(vectors).any()


def test_queries_are_padded_to_what_the_product_likes():
    """A single one is not: its product is read another way round."""
    codes = Codes(unit(20, 5), torch.device("cpu"))
    shapes = [tuple(codes.probe(unit(q, 5)).codes.shape) for q in (1, 2, 8, 9)]
    assert shapes == [(1, 8), (8, 8), (8, 8), (16, 8)]


@pytest.mark.parametrize("whole", [True, False], ids=["int8", "float32"])
def test_products_of_int8_are_used_only_where_they_add_up(whole, monkeypatch):
    asked = []
    monkeypatch.setattr(space.index.codes, "_whole", lambda device: whole)
    monkeypatch.setattr(torch, "_int_mm", lambda a, b: asked.append(a.shape) or (a.float() @ b.float()).int())
    codes = torch.full((24, 16), 3, dtype=torch.int8)
    for queries in (1, 8):
        assert space.index.codes._dots(codes, codes[:queries]).tolist() == [[144.0] * queries] * 24
    assert asked == ([(1, 16), (24, 16)] if whole else [])


@pytest.mark.parametrize("wrong", [None, 1, 64])
def test_a_processor_is_asked_whether_products_of_int8_add_up(wrong, monkeypatch):
    """For one query and for many: these are different products. A graphics card need not be asked."""
    product = torch._int_mm

    def seen(a, b):
        whole = (a.double() @ b.double()).int() if wrong else product(a, b)
        return whole - 1 if len(a) == wrong else whole

    monkeypatch.setattr(torch, "_int_mm", seen)
    space.index.codes._whole.cache_clear()
    ends = torch.full((64, 64), 127, dtype=torch.int8)
    right = all((seen(ends[:rows], ends) == 64 * 127**2).all() for rows in (1, 64))
    try:
        assert space.index.codes._whole(torch.device("cpu")) is right
        assert space.index.codes._whole(torch.device("cuda")) is True
    finally:
        space.index.codes._whole.cache_clear()


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_the_first_row_that_is_not_finite_is_named(value):
    vectors = torch.zeros(1100, 3)
    vectors[[1030, 1050], [1, 2]] = value
    with pytest.raises(ValueError, match="embeddings should be finite, row 1030 is not; rebuild the store"):
        Codes(vectors, torch.device("cpu"))
