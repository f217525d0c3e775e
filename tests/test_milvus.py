"""Milvus in place of the exact index: the same answers, and a load that survives a kill.

Answers and a killed load are tested with Milvus Lite and with a real server of version 2.3, where PyPI has one
for this machine.
"""

import logging
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import milvus_store
import pytest
import small_shop
import torch
from conftest import ROOT, environment
from milvus_store import BRANDS, DIM, ROWS, SHARD, catalogue, described, questions, vectors, write

from space.data.filters import Facets
from space.errors import QueryError
from space.index import milvus, milvus_client
from space.index.milvus_client import MilvusError
from space.index.torch_index import TorchIndex
from space.retrieval.baselines import RandomSystem
from space.retrieval.dense import DenseSystem
from space.retrieval.hybrid import HybridSystem
from space.search.batching import retrieve
from space.search.request import Request
from space.settings.names import is_local
from space.store import milvus_collections
from space.store.milvus_collections import collection_name, open_indexes

pytest.importorskip("pymilvus", reason="needs pip install -r requirements-milvus.txt")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return milvus_store.small(tmp_path_factory.mktemp("stores") / "store")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    if not milvus_store.SERVER:
        pytest.skip("needs the package milvus, a real server for Linux on x86-64")
    running = milvus_store.server(tmp_path_factory.mktemp("milvus") / "server")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module", params=["lite", "server"])
def place(request, tmp_path_factory):
    """``place()`` is a uri: a new file of Milvus Lite each time, or the one server."""
    if request.param == "server":
        running = request.getfixturevalue("server")
        return lambda: running.uri
    return lambda: str(tmp_path_factory.mktemp("milvus") / "shop.db")


@pytest.fixture(scope="module")
def uri(store, place):
    """A Milvus that has the whole store."""
    uri = place()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(milvus_collections, "REQUEST_BYTES", 4 * DIM * 40)  # several requests a shard
        assert milvus_collections.load(store.folder, uri) == 2 * ROWS
    return uri


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """A second store of the same products: another base, and the same tuned encoder, whose collection both share."""
    encoders = described("other") | {"tuned": described()["tuned"]}
    parts = {"base": vectors(2), "tuned": vectors(1)}
    return write(tmp_path_factory.mktemp("stores") / "other", catalogue(), parts, encoders)


@pytest.fixture(scope="module")
def pairs(store, uri):
    """{part: (exact index, Milvus)}."""
    return {
        part: (TorchIndex(store.vectors(part), device="cpu"), index)
        for part, index in open_indexes(store, uri).items()
    }


# -- the same answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["base", "tuned"])
@pytest.mark.parametrize("k", [1, 17, 300])
def test_the_same_rows_and_scores_as_the_exact_index(pairs, part, k):
    """For one query 35 products have the same score: its top 17 are the 17 lowest of their rows."""
    exact, found = pairs[part]
    queries = torch.cat([exact.vectors(torch.tensor([0, 5])), questions(3)])
    for ours, theirs in zip(found.search(queries, k), exact.search(queries, k), strict=True):
        assert torch.equal(ours, theirs)
    if k == 17:
        assert found.search(queries[:1], k)[1].tolist() == [list(range(0, 17 * 7, 7))]


FILTERED = [
    *[{"brand": brand} for brand in BRANDS if brand],
    *[{"category": path} for path in ("Shoes", "Shoes > Boots", "Shoes > Boots > Snow", "Shoes Care", 'Say "hi"')],
    {"min_price": 0},
    {"min_price": 0.1, "max_price": "19.99"},
    {"max_price": 1e-7},
    {"min_price": 1e308},
    {"min_rating": 4.5},
    {"locale": "es", "color": "red", "min_rating": 2, "max_price": 1e21, "brand": "", "category": None},
    {"locale": "es", "color": "red", "category": "Shoes Care", "min_rating": 5},
    {},
]


@pytest.mark.parametrize("filters", FILTERED, ids=str)
def test_filters_leave_in_milvus_what_they_leave_here(store, pairs, filters):
    """No mask is given, so that only Milvus applies the filters; k is large enough for all products."""
    mask = Facets(store.products()).mask(filters)
    exact, found = pairs["tuned"]
    query = questions(1)
    allowed = None if mask is None else torch.from_numpy(mask)
    for ours, theirs in zip(
        found.within(filters).search(query, ROWS), exact.search(query, ROWS, allowed), strict=True
    ):
        assert torch.equal(ours, theirs)


def test_a_mask_alone_costs_further_requests_but_no_product(pairs, monkeypatch):
    """The mask leaves only the 9 worst rows, so that all others come first and are dropped."""
    exact, found = pairs["base"]
    query = questions(2)
    mask = torch.zeros(2, ROWS, dtype=torch.bool)
    worst = exact.search(query, ROWS)[1][:, -9:]
    mask.scatter_(1, worst, True)
    for ours, theirs in zip(found.search(query, 5, mask), exact.search(query, 5, mask), strict=True):
        assert torch.equal(ours, theirs)
    monkeypatch.setattr(milvus, "_MOST", 20)
    with pytest.raises(QueryError, match="too few of the 20 products that Milvus gives"):
        found.search(query, 5, mask)


def test_vectors_and_pairs(pairs):
    """Calibration, explanations and `more like this` ask for these."""
    exact, found = pairs["base"]
    rows = torch.tensor([3, 239, 0, 3])
    assert (len(found), found.dim) == (len(exact), exact.dim)
    assert torch.equal(found.vectors(rows), exact.vectors(rows))
    queries = questions(4)
    assert torch.equal(found.pair_scores(queries, rows), exact.pair_scores(queries, rows))
    with pytest.raises(QueryError, match="lacks a product"):
        found.vectors(torch.tensor([ROWS]))
    with pytest.raises(ValueError, match="k should be >= 1, is 0"):
        found.search(queries, 0)
    with pytest.raises(ValueError, match=r"queries should be \(q, 16\), are \(1, 3\)"):
        found.search(torch.zeros(1, 3), 1)


def test_only_a_system_elsewhere_is_told_the_filters(pairs):
    exact, found = pairs["base"]
    encoder = small_shop.BagOfWords()
    here, there, drawn = DenseSystem("a", encoder, exact), DenseSystem("b", encoder, found), RandomSystem(3)
    assert here.within({"brand": "Acme"}) is here and drawn.within({"brand": "Acme"}) is drawn
    assert there.within({"brand": "Acme"}).index._condition == 'product_brand == "acme"'
    fused = HybridSystem(there, here).within({"brand": "Acme"})
    assert fused.parts[0].index._condition and fused.parts[1] is here
    assert found._condition == "", "the next visitor's search must not be narrowed by this one's"


def test_filters_go_with_each_of_several_requests(store, pairs):
    """Two requests that are searched together must not get each other's filters."""
    exact, found = pairs["tuned"]
    encoder, facets = small_shop.BagOfWords(dim=DIM), Facets(store.products())
    here, there = ({"tuned": DenseSystem("tuned", encoder, index)} for index in (exact, found))
    chosen = [
        {"brand": "it's"},
        {},
        {"locale": "es"},
        {"brand": "it's", "color": ""},
        {"color": "red", "max_price": 5},
    ]
    requests = [
        Request(["tuned"], text, ROWS, filters, facets.mask(filters), row)
        for filters in chosen
        for text, row in (("red shoes", None), ("blue mug", None), ("", 3))
    ]
    for ours, theirs in zip(retrieve(there, requests), retrieve(here, requests), strict=True):
        for part in ("rows", "scores"):
            assert getattr(ours["tuned"].ranking, part).tolist() == getattr(theirs["tuned"].ranking, part).tolist()


# -- loading ---------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
import pymilvus
from space.store import milvus_collections
milvus_collections.REQUEST_BYTES = int(sys.argv[3])
send, sent = pymilvus.MilvusClient.upsert, []
def upsert(self, *given, **named):
    sent.append(send(self, *given, **named))
    if len(sent) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return sent[-1]
pymilvus.MilvusClient.upsert = upsert
milvus_collections.load(Path(sys.argv[1]), sys.argv[2])
"""


def test_a_killed_load_is_not_searched_and_goes_on(other, place, pairs, caplog):
    """Killed in the third shard: the first two are not sent again, and no row is there twice."""
    uri = place()
    words = [sys.executable, "-c", KILLED, str(other.folder), uri, str(4 * DIM * 25)]
    done = subprocess.run(words, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with pytest.raises(MilvusError, match=r"base of .* is only partly loaded.*; load it: .*--to-milvus") as refused:
        open_indexes(other, uri)
    assert str(other.folder) in str(refused.value)
    tuned = ROWS if is_local(uri) else 0  # the server has it from the first store
    with caplog.at_level(logging.INFO, "space"):
        assert milvus_collections.load(other.folder, uri) == ROWS - 2 * SHARD + tuned
        assert milvus_collections.load(other.folder, uri) == 0
    assert "all 240 rows of base are in" in caplog.text
    found = open_indexes(other, uri)["base"]
    everything = found.search(questions(1), ROWS)[1]
    assert sorted(everything[0].tolist()) == list(range(ROWS))
    assert torch.equal(found.vectors(torch.arange(ROWS)), other.vectors("base").float())


def test_a_further_encoder_loads_its_own_vectors_alone(store, uri, tmp_path, pairs):
    """It has another dimension; the collections of the others serve both stores."""
    parts = {"base": vectors(0), "bge-small": vectors(3)[:, :8], "tuned": vectors(1)}
    small = replace(described()["base"], fingerprint="small", dim=8)
    three = write(tmp_path / "three", catalogue(), parts, described() | {"bge-small": small})
    with pytest.raises(MilvusError, match=r"bge-small of .* is not there"):
        open_indexes(three, uri)
    assert milvus_collections.load(three.folder, uri) == ROWS
    assert milvus_collections.load(three.folder, uri) == milvus_collections.load(store.folder, uri) == 0
    assert {collection_name(three, part) for part in pairs} == {collection_name(store, part) for part in pairs}
    (found,) = open_indexes(three, uri, ["bge-small"]).values()
    assert torch.equal(found.vectors(torch.arange(ROWS)), three.vectors("bge-small").float())
    assert found.search(questions(3)[:, :8], 5)[1].shape == (3, 5)


def test_a_second_request_for_the_same_rows_doubles_none(store, uri):
    """pymilvus sends a request again if it was not acknowledged in time."""
    place, name = milvus_client.connect(uri), collection_name(store, "base")
    start, products, parts = next(store.shards())
    place.client.upsert(name, next(milvus_collections._requests(start, products, parts["base"])))
    assert milvus_client.count(place, name) == ROWS


def test_rows_are_counted_up_to_the_last_write_and_then_searched_without_waiting(store, uri, monkeypatch):
    """The tests above search right after a load. A search that waits for the last write waits for a tick of .2 s."""
    levels = {}

    def spied(client, method):
        original = getattr(client, method)

        def call(self, *given, **named):
            levels.setdefault(method, set()).add(named.get("consistency_level"))
            return original(self, *given, **named)

        monkeypatch.setattr(client, method, call)

    for method in ("query", "search", "get"):
        spied(type(milvus_client.connect(uri).client), method)
    index = open_indexes(store, uri)["base"]
    index.search(questions(1), 5)
    index.vectors(torch.tensor([0]))
    assert levels == {"query": {"Strong"}, "search": {"Bounded"}, "get": {"Bounded"}}


def test_another_store_or_encoder_is_refused(store, uri, tmp_path):
    """Another encoder, or other products: their collection must not be used."""
    parts = {"base": vectors(0), "tuned": vectors(1)}
    retrained = write(tmp_path / "retrained", catalogue(), parts, described("y"))
    smaller = write(tmp_path / "smaller", catalogue(60), {n: rows[:60] for n, rows in parts.items()}, described())
    for other in (retrained, smaller):
        with pytest.raises(MilvusError, match="base of .* is not there, only .*e5_.* with other") as no:
            open_indexes(other, uri)
        assert "--to-milvus" in str(no.value)
    assert len({collection_name(one, "base") for one in (store, retrained, smaller)}) == 3
    assert collection_name(store, "base") != collection_name(store, "tuned")


def test_two_apps_on_one_milvus_do_not_mix(other, pairs, uri):
    """They ask at the same time. Both have the same tuned encoder, so one collection serves both."""
    assert milvus_collections.load(other.folder, uri) in (0, ROWS), "base, unless the test above loaded it"
    theirs = {
        part: (TorchIndex(other.vectors(part), device="cpu"), index)
        for part, index in open_indexes(other, uri).items()
    }
    queries = questions(5)
    expected = [exact.search(queries, 10) for app in (pairs, theirs) for exact, _ in app.values()]
    assert not torch.equal(expected[0][1], expected[2][1]), "the two apps have the same base, which shows nothing"
    with ThreadPoolExecutor(4) as pool:
        asked = [index for _ in range(3) for app in (pairs, theirs) for _, index in app.values()]
        answers = list(pool.map(lambda index: index.search(queries, 10), asked))
    for found, right in zip(answers, 3 * expected, strict=True):
        assert torch.equal(found[0], right[0]) and torch.equal(found[1], right[1])


# -- a server that stops ---------------------------------------------------------------------------------------------


def test_a_server_that_hangs_or_is_killed_is_said_and_comes_back(store, server, monkeypatch):
    """A visitor waits no longer than ``PATIENCE``, and the app need not be started again."""
    monkeypatch.setattr(milvus, "PATIENCE", 2.0)
    milvus_collections.load(store.folder, server.uri)
    found, query = open_indexes(store, server.uri)["base"], questions(1)
    before = found.search(query, 10)
    server.server_proc.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    with pytest.raises(QueryError, match="does not answer: try again in a minute"):
        found.search(query, 10)
    assert time.monotonic() - begun < 10
    server.server_proc.send_signal(signal.SIGCONT)
    assert answered(found, query, before)
    server.server_proc.kill()
    with pytest.raises(QueryError, match="does not answer: try again in a minute"):
        found.search(query, 10)
    server.stop()
    milvus_store.start_again(server)
    assert answered(found, query, before)


def answered(index, query, expected):
    """Whether the index gives the expected answer within a minute."""
    end = time.monotonic() + 60
    while True:
        try:
            return all(torch.equal(*pair) for pair in zip(index.search(query, 10), expected, strict=True))
        except QueryError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)
