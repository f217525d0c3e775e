"""Codes are a first look: how far they can be off has to be known, and to be no more than it must."""

import numpy as np
import pytest
import torch
from test_index import unit

import space.codes
from space.codes import Codes


@pytest.mark.parametrize("centre", [True, False], ids=["centred", "as they are"])
@pytest.mark.parametrize("whole", [True, False], ids=["int8", "float32"])
@pytest.mark.parametrize("q", [1, 3, 8, 40])
@pytest.mark.parametrize("dim", [1, 7, 384])
def test_codes_are_off_by_the_margin_at_most(dim, q, whole, centre, monkeypatch):
    """The search is exact as long as this holds, also with rows and queries of very unequal lengths, and also where
    the processor cannot add up int8 products in whole numbers."""
    if whole and not space.codes._whole(torch.device("cpu")):
        pytest.skip("this processor does not add up int8 products")
    monkeypatch.setattr(space.codes, "_whole", lambda device: whole)
    monkeypatch.setattr(space.codes, "_SAMPLE", 256 if centre else 4096)
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


@pytest.mark.parametrize("centre", [True, False], ids=["centred", "as they are"])
def test_the_margin_is_what_cauchy_and_schwarz_allow(centre, monkeypatch):
    """Written out in double precision: less would lose rows, more would look at rows for nothing."""
    monkeypatch.setattr(space.codes, "_SAMPLE", 256 if centre else 4096)
    vectors = unit(3000, 24) * torch.logspace(-1, 1, 3000)[:, None] + 0.2
    queries = unit(5, 24, seed=1) * torch.logspace(-2, 2, 5)[:, None]
    codes = Codes(vectors, torch.device("cpu"))
    assert codes.nibbles is None, "only where they were asked for"
    probe = codes.probe(queries)
    shorter = vectors.double() - codes._centre
    row_off = (shorter - codes.codes.double() * codes.steps[:, None]).norm(dim=1).max()
    query_off = (queries.double() - probe.codes[:5].double() * probe.steps[:, None]).norm(dim=1)
    norms, longest = queries.double().norm(dim=1), shorter.norm(dim=1).max() + row_off
    margin = norms * row_off + query_off * longest
    margin += 4 * (24 + 8) * 2.0**-24 * (longest + codes._centre.norm()) * (norms + query_off)
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


@pytest.mark.parametrize("n", [255, 256, 257, 1000])
def test_the_centre_is_that_of_rows_from_all_over(n, monkeypatch):
    """Of 4,096 and more, here 256: few runs are read, the last of them near the end, and the mean is theirs."""
    monkeypatch.setattr(space.codes, "_SAMPLE", 256)
    vectors = unit(n, 8) + torch.arange(n)[:, None] / n
    centre = space.codes._centre(vectors)
    if n < 256:
        assert not centre.any()
    else:
        assert (centre - vectors.mean(dim=0)).norm() < 0.3
    vectors[n // 2] = torch.nan
    assert space.codes._centre(vectors[: n // 2 + 1]).isfinite().all()
