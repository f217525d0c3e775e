"""Properties that hold for every input, tried on random inputs; `python -m tests.long fuzz` runs longer."""

import csv
import io
import json
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from space.data.filters import FILTERS
from space.data.texts import is_missing
from space.errors import QueryError, UserError, shown
from space.index.torch_index import PRECISIONS, TorchIndex
from space.search import uploaded_catalogue
from space.search.roles import Roles
from space.store import manifest
from space.ui import links
from space.ui.events import export
from tests.long import fuzz
from tests.long.targets import GOOD, SEEDS, TARGETS, _bent

few = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
# Every plane, lone surrogates, right to left, nulls.
anything = st.text(st.characters(codec=None), max_size=40)
value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | anything | st.just(10**400) | st.just("x" * 100_000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("name", TARGETS)
def test_a_few_thousand_mutations(name):
    """A short version of the long run, with the same cases every time."""
    found = fuzz.run_cases(name, {"query": 300}.get(name, 1_500), seed=7)
    assert found["findings"] == []


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_do_what_they_are_there_for(name):
    for data in SEEDS[name]:
        TARGETS[name](data)


@few
@given(
    query=value, k=value, system=value, filters=st.dictionaries(st.sampled_from(sorted(FILTERS)), value, max_size=3)
)
def test_a_request_of_any_values_is_answered_or_refused_in_a_sentence(engine, query, k, system, filters):
    try:
        found = engine.search(query, k, system, **filters)
    except QueryError as error:
        assert len(str(error)) < 600
    else:
        assert len(found.hits) <= k


@few
@given(value)
def test_what_is_shown_of_a_value_is_short(value):
    assert len(shown(value)) <= 81


@few
@given(query=anything, k=st.integers(1, 100), brand=anything, like=anything, tab=st.sampled_from(links.ASKING))
def test_a_link_comes_back_as_it_went(query, k, brand, like, tab):
    link = links.Link(query, k, tab, "base", {"brand": brand} if brand else {}, like=f"us:{like}" if like else "")
    roles = Roles(("base", "tuned"), ("base", "tuned"))
    once, _ = links.parse(links.split(links.build(link)), roles)
    assert links.parse(links.split(links.build(once)), roles) == (once, [])
    assert (once.k, once.tab) == (k, tab)


cell = st.text(st.characters(codec="utf-8", exclude_characters="\0&"), max_size=15)


@few
@given(
    titles=st.lists(cell.filter(str.strip), min_size=1, max_size=8),
    brand=cell,
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_a_table_comes_back_as_it_was_written(titles, brand, delimiter, end):
    """Quotes, delimiters and line breaks inside a cell, in every script."""
    text = io.StringIO()
    rows = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    rows.writerow(["title", "brand"])
    rows.writerows([title, brand] for title in titles)
    written = [title for title in titles if not is_missing(title) or not is_missing(brand)]
    assume(written)  # a file without any text is refused
    found = uploaded_catalogue.parse(text.getvalue().encode(), "file").products
    assert found["product_title"].to_pylist() == [None if is_missing(title) else title.strip() for title in written]
    assert found["product_brand"].to_pylist() == [None if is_missing(brand) else brand.strip()] * len(written)


@few
@given(anything)
def test_no_cell_of_an_export_is_a_formula(text):
    assert not export.neutral(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))


@few
@given(data=st.binary(min_size=2, max_size=60))
def test_a_bent_manifest_never_names_what_lies_outside(data):
    bent = _bent(GOOD, data)
    try:
        found = manifest.parse(json.dumps(manifest.signed(bent)).encode())
    except UserError:
        return
    assert all(".." not in name and not name.startswith("/") for name in found.files)


# -- the index -------------------------------------------------------------------------------------------------------


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    n=st.integers(1, 300),
    d=st.integers(1, 40),
    q=st.integers(1, 5),
    k=st.integers(1, 330),
    precision=st.sampled_from(PRECISIONS),
    kind=st.sampled_from(["gauss", "ties", "zeros", "huge", "tiny"]),
    masked=st.sampled_from(["none", "one", "each", "empty"]),
    seed=st.integers(0, 2**31),
    way=st.sampled_from(["codes", "scan", "few"]),
)
def test_the_index_equals_the_naive_answer(n, d, q, k, precision, kind, masked, seed, way):
    """Any shape, mask, k and precision, searched in each way; of equal scores the lower row is first."""
    draw = torch.Generator().manual_seed(seed)
    rows = torch.randn(n, d, generator=draw)
    if kind == "ties":
        rows = rows.sign().round()
    rows = rows * {"zeros": 0.0, "huge": 1e3, "tiny": 1e-3}.get(kind, 1.0)
    queries = torch.randn(q, d, generator=draw)
    mask = {"none": None, "one": torch.rand(n, generator=draw) < 0.3, "each": torch.rand(q, n, generator=draw) < 0.5,
            "empty": torch.zeros(n, dtype=torch.bool)}[masked]  # fmt: skip
    with (
        mock.patch("space.index.torch_index._is_gpu", lambda device: way == "scan"),
        mock.patch("space.index.torch_index._FEW", 1 << 20 if way == "few" else 0),
        mock.patch("space.index.row_scan._MANY", 1 << 20 if way == "few" else 0),
    ):
        index = TorchIndex(rows, precision=precision, device="cpu")
    scores, found = index.search(queries, k, mask)
    everyone = torch.arange(n)
    exact = torch.stack([index.pair_scores(query.expand(n, d), everyone) for query in queries])
    if mask is not None:
        exact = exact.masked_fill(~mask, float("-inf"))
    order = torch.sort(exact, dim=1, descending=True, stable=True)
    k = min(k, n)
    assert torch.equal(scores, order.values[:, :k])
    assert torch.equal(found, order.indices[:, :k].where(order.values[:, :k] > float("-inf"), -1))


# -- the evaluation --------------------------------------------------------------------------------------------------


gains = st.lists(st.sampled_from([0.0, 0.01, 0.1, 1.0]), min_size=1, max_size=30).map(np.array)
