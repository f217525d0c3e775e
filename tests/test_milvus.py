"""Milvus in place of the exact index: the same answers, a load that survives a kill, and what is refused.

Milvus Lite stands for the server: the same client and the same calls.
"""

import logging
import os
import runpy
import shutil
import signal
import subprocess
import sys
from types import SimpleNamespace
from urllib.parse import quote

import pyarrow as pa
import pytest
import small_shop
import torch
from conftest import ROOT, environment

import app
import build_embeddings
from space import settings as config
from space.data.filters import FILTERS, Facets
from space.data.passages import passages
from space.encoding.description import EncoderDescription
from space.errors import QueryError
from space.hub import proxies
from space.index import milvus, milvus_client
from space.index.bm25 import Bm25Index
from space.index.milvus import MilvusIndex, condition
from space.index.milvus_client import KINDS, MilvusConnection, MilvusError, unfinished
from space.index.torch_index import TorchIndex
from space.pipelines import quickstart
from space.retrieval.baselines import Bm25System, RandomSystem
from space.retrieval.dense import DenseSystem
from space.retrieval.hybrid import HybridSystem
from space.search.batching import retrieve
from space.search.engine import SearchEngine
from space.search.loading import load_engine
from space.search.request import Request
from space.settings import AppSettings, BuildSettings, SettingsError, without_secret
from space.store import mapped_files, milvus_collections
from space.store.milvus_collections import collection_name, open_indexes
from space.store.reader import Store
from space.store.writer import Plan, StoreWriter

pytest.importorskip("pymilvus", reason="needs pip install -r requirements-milvus.txt")

ROWS, DIM, SHARD = 240, 16, 50
BRANDS = ['A"b', "it's", "back\\slash", "new\nline\tand tab", "100 % _x", "アクメ", "", None, "\x01 > \u2028"]
CATEGORIES = ["Shoes", "Shoes > Boots", "Shoes > Boots > Snow", "Shoes Care", 'Say "hi" > there', None, ""]
PRICES = [0.0, 0.1, 19.99, 1e-7, 1e20, float("inf"), float("nan"), None]


def catalogue(rows=ROWS):
    """Products whose values would break a filter expression without escaping."""

    def cycle(values):
        return [values[row % len(values)] for row in range(rows)]

    return pa.table(
        {
            "product_id": [f"P{row}" for row in range(rows)],
            "product_locale": cycle(["us", "us", "es"]),
            "product_title": [f"thing {row}" for row in range(rows)],
            "product_brand": pa.array(cycle(BRANDS), pa.string()),
            "product_color": pa.array(cycle(["red", "blue", None, "red", "rojo"]), pa.string()),
            "category": pa.array(cycle(CATEGORIES), pa.string()),
            "price": pa.array(cycle(PRICES), pa.float64()),
            "rating": pa.array(cycle([4.5, 3.0, None, 5.0, 1.0, float("nan"), 2.0]), pa.float32()),
        }
    )


def vectors(seed, rows=ROWS):
    """Unit vectors; every seventh is the same one, so that more scores are equal than fit into one answer."""
    drawn = torch.randn(rows, DIM, generator=torch.Generator().manual_seed(seed))
    drawn[::7] = drawn[0].clone()
    return torch.nn.functional.normalize(drawn, dim=1).half()


def questions(number):
    """(number, d) float32, the same at every call."""
    return torch.randn(number, DIM, generator=torch.Generator().manual_seed(7))


def write(folder, products, parts, described):
    """A finished store."""
    writer = StoreWriter(folder, Plan(len(products), SHARD, "{title}", "toy"))
    writer.begin(resume=True)
    writer.write_products(products)
    for part, rows in parts.items():
        for shard in range(writer.plan.shards):
            start, size = writer.plan.span(shard)
            key = writer.key(shard, described[part])
            writer.write_vectors(part, shard, key, writer.products(shard), rows[start : start + size])
    writer.finish(described, None, None, "a card")
    return Store(folder)


def described(mark="x"):
    return {
        part: EncoderDescription(id="some/model", fingerprint=f"{part}-{mark}" * 4, dim=DIM, max_seq_length=64)
        for part in ("base", "tuned")
    }


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    parts = {"base": vectors(0), "tuned": vectors(1)}
    return write(tmp_path_factory.mktemp("stores") / "store", catalogue(), parts, described())


@pytest.fixture(scope="module")
def uri(store, tmp_path_factory):
    """The file of a Milvus Lite that has the whole store."""
    uri = str(tmp_path_factory.mktemp("milvus") / "all.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(milvus_collections, "REQUEST_BYTES", 4 * 2 * DIM * 40)  # several requests a shard
        assert milvus_collections.load(store.folder, uri) == ROWS
    return uri


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


def test_every_filter_is_pushed_down():
    """A new filter that ``condition`` does not know would be ignored."""
    names = {name for name in FILTERS if condition({name: 1 if name.startswith(("min", "max")) else "a"})}
    assert names == set(FILTERS)


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


def test_the_engine_answers_as_before(tmp_path):
    """Search, filters, comparison, `more like this`, fusion and reasons; many of these products have equal scores."""
    products = small_shop.catalogue()
    encoders = {
        "base": small_shop.BagOfWords(dim=512),
        "tuned": small_shop.BagOfWords(dim=512, synonyms=small_shop.SYNONYMS),
    }
    parts = {part: encoder.encode_passages(passages(products)).half() for part, encoder in encoders.items()}
    store = write(tmp_path / "s", products, parts, {part: one.describe() for part, one in encoders.items()})
    milvus_collections.load(store.folder, uri := str(tmp_path / "small_shop.db"))
    elsewhere = open_indexes(store, uri)

    def engine(indexes):
        systems = {part: DenseSystem(part, encoders[part], indexes[part]) for part in encoders}
        systems["bm25"] = Bm25System(Bm25Index(passages(products)))
        systems["hybrid"] = HybridSystem(systems["tuned"], systems["bm25"])
        return SearchEngine(products, systems, judgments=small_shop.judgments())

    ours, exact = engine(elsewhere), engine({part: TorchIndex(rows, device="cpu") for part, rows in parts.items()})

    def hits(found):
        return [(hit.rank, hit.key, hit.score, hit.esci_label) for hit in found.hits]

    for filters in ({}, {"locale": "us", "brand": "Acme"}, {"min_rating": 4, "max_price": 50}):
        for system in ("base", "tuned", "hybrid"):
            asked = {"query": "red sneakers", "k": 5, "system": system, **filters}
            assert hits(ours.search(**asked)) == hits(exact.search(**asked))
            like = {"product_locale": "us", "product_id": "p01", "k": 4, "system": system, **filters}
            assert hits(ours.more_like(**like)) == hits(exact.more_like(**like))
        compared = [one.compare("red sneakers", 5, **filters) for one in (ours, exact)]
        assert compared[0].moves == compared[1].moves and compared[0].quality == compared[1].quality
        reasons = [one.explain("red sneakers", "us", "p01", "hybrid", **filters) for one in (ours, exact)]
        assert reasons[0] == reasons[1]


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


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "FLAT"])
def test_approximate_kinds_find_nearly_all(store, tmp_path, kind):
    """Their hits have exact scores. A second load with another kind of index is refused."""
    uri = str(tmp_path / "approximate.db")
    milvus_collections.load(store.folder, uri, kind)
    found, exact = open_indexes(store, uri)["base"], TorchIndex(store.vectors("base"), device="cpu")
    queries = questions(20)
    scores, rows = found.search(queries, 10)
    assert torch.equal(scores[:, 0], exact.pair_scores(queries, rows[:, 0]))
    best = exact.search(queries, 10)[0]
    assert (scores >= best[:, -1:]).float().mean() > 0.9  # which of 35 equal ones they find is chance
    with pytest.raises(MilvusError, match=f"--milvus-index FLAT: e5_.* has index {kind}"):
        milvus_collections.load(store.folder, uri)


def test_capacity_py_assumes_the_share_of_cells_that_is_searched():
    way = runpy.run_path(str(ROOT / "benchmarks" / "capacity.py"))["WAYS"]["Milvus IVF_SQ8"]
    built, asked = KINDS["IVF_SQ8"]
    assert way.share == asked["nprobe"] / built["nlist"]


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


def test_a_killed_load_is_not_searched_and_goes_on(store, tmp_path, pairs, caplog):
    """Killed in the third shard: the first two are not sent again, and no row is there twice."""
    uri = str(tmp_path / "killed.db")
    words = [sys.executable, "-c", KILLED, str(store.folder), uri, str(4 * 2 * DIM * 25)]
    done = subprocess.run(words, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with pytest.raises(MilvusError, match=r"is only partly loaded; load it: .*--to-milvus") as refused:
        open_indexes(store, uri)
    assert str(store.folder) in str(refused.value)
    with caplog.at_level(logging.INFO, "space"):
        assert milvus_collections.load(store.folder, uri) == ROWS - 2 * SHARD
        assert milvus_collections.load(store.folder, uri) == 0
    assert "all 240 rows are in" in caplog.text
    found = open_indexes(store, uri)["base"]
    everything = found.search(questions(1), ROWS)[1]
    assert sorted(everything[0].tolist()) == list(range(ROWS))
    rows = torch.arange(ROWS)
    assert torch.equal(found.vectors(rows), pairs["base"][0].vectors(rows))


def test_a_second_request_for_the_same_rows_doubles_none(store, uri):
    """pymilvus sends a request again if it was not acknowledged in time."""
    place, name = milvus_client.connect(uri), collection_name(store)
    start, products, parts = next(store.shards())
    place.client.upsert(name, next(milvus_collections._requests(start, products, parts)))
    assert milvus_client.count(place, name) == ROWS


def test_another_store_or_encoder_is_refused(store, uri, tmp_path):
    """Another encoder, or other products: their collection must not be used."""
    parts = {"base": vectors(0), "tuned": vectors(1)}
    retrained = write(tmp_path / "retrained", catalogue(), parts, described("y"))
    smaller = write(tmp_path / "smaller", catalogue(60), {n: rows[:60] for n, rows in parts.items()}, described())
    for other in (retrained, smaller):
        with pytest.raises(MilvusError, match=f"is not there, only {collection_name(store)} with other") as no:
            open_indexes(other, uri)
        assert "--to-milvus" in str(no.value)
    assert len({collection_name(one) for one in (store, retrained, smaller)}) == 3


def test_a_collection_that_lost_rows_or_has_others_is_refused(store, tmp_path):
    """Rows that were deleted or added by someone else: the right count alone is not enough."""
    uri = str(tmp_path / "touched.db")
    place, name = milvus_client.connect(uri), collection_name(store)
    milvus_collections._create(place.client, unfinished(name), store)
    milvus_collections._index(place, unfinished(name), "FLAT")
    _, products, parts = next(store.shards())
    foreign = next(milvus_collections._requests(1_000, products, parts))
    place.client.upsert(unfinished(name), foreign)
    with pytest.raises(MilvusError, match="has 190 of 240 rows, and 50 others; drop it and start again"):
        milvus_collections.load(store.folder, uri)
    place.client.drop_collection(unfinished(name))
    milvus_collections._create(place.client, unfinished(name), store)  # as if killed before it had an index
    milvus_collections.load(store.folder, uri)
    place.client.delete(name, ids=[3])
    with pytest.raises(MilvusError, match="has 239 of 240 rows, and 0 others; drop it and load it"):
        open_indexes(store, uri)
    place.client.upsert(name, foreign[:1])
    with pytest.raises(MilvusError, match="has 239 of 240 rows, and 1 others"):
        open_indexes(store, uri)


def test_the_index_is_waited_for_and_may_fail():
    """A server builds the index in the background."""

    class Server:
        def __init__(self, *states):
            self.states = iter(states)

        def describe_index(self, name, part, timeout):
            return next(self.states)

    done, building = {"pending_index_rows": 0, "state": "Finished"}, {"pending_index_rows": 9, "state": "InProgress"}
    for states, indexed in (((done, done), True), ((done, building), False)):
        assert milvus_collections._indexed(MilvusConnection("http://a", Server(*states)), "e5_x") is indexed
    with pytest.raises(MilvusError, match="could not build the index of e5_x"):
        milvus_collections._indexed(MilvusConnection("http://a", Server(done, building | {"state": "Failed"})), "e5_x")


def test_what_milvus_cannot_take_is_said(store):
    long = pa.chunked_array([["x" * 70_000]])
    with pytest.raises(MilvusError, match="product_brand 'xxx.* is longer than the 65,535 bytes Milvus takes"):
        milvus_collections._values("product_brand", long)
    with pytest.raises(MilvusError, match="category has more than 32 levels"):
        milvus_collections._values("category", pa.chunked_array([[" > ".join("x" * 33)]]))


# -- settings, packages, secrets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"index": "faiss"}, "--index is 'faiss': choose one of torch, milvus"),
        ({"index": "milvus"}, "--index is 'milvus': it needs --milvus-uri"),
        ({"milvus_uri": "a.db"}, "--milvus-uri needs --index milvus"),
        ({"index": "milvus", "milvus_uri": "a.sqlite"}, "--milvus-uri is 'a.sqlite': name a file ending in .db"),
        ({"index": "milvus", "milvus_uri": "ftp://me:hush@host"}, "--milvus-uri is 'ftp://host': name a file"),
        ({"index": "milvus", "milvus_uri": "http://me:hush@host:port"}, "--milvus-uri is 'http://host:port': name"),
    ],
)
def test_settings_that_cannot_work(given, message):
    with pytest.raises(SettingsError) as refused:
        AppSettings(**given)
    assert message in str(refused.value) and "hush" not in str(refused.value)


def test_settings_of_a_space_and_of_a_build():
    found = config.environment_arguments({"E5_INDEX": "milvus", "E5_MILVUS_URI": "http://a:19530"})
    assert config.parse(AppSettings, found).milvus_uri == "http://a:19530"
    assert tuple(KINDS) == config.MILVUS_INDEXES
    with pytest.raises(SettingsError, match="--milvus-index is 'flat': choose one of FLAT, HNSW, IVF_SQ8"):
        BuildSettings(milvus_index="flat")
    with pytest.raises(SettingsError, match="--to-milvus is 'x': name a file ending in .db, or a server"):
        BuildSettings(to_milvus="x")


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://user:pa@ss@host:1/db", "https://host:1/db"),
        ("https://token@host", "https://host"),
        ("http://user:pa/ss@host:19530/db", "http://host:19530/db"),
        ("http://user:pa?s#s@host", "http://host"),
        ("http://user:p@/s@host", "http://host"),
        ("http://host:1/db?token=secret#secret", "http://host:1/db"),
        ("user:secret@http://host", "http://host"),
        ("dir/me@home.db", "dir/me@home.db"),
        ("me@home.db", "me@home.db"),
        ("user:secret@host:19530", "host:19530"),
    ],
)
def test_an_address_without_its_secret(uri, shown):
    assert without_secret(uri) == shown


def test_a_milvus_on_this_machine_is_not_asked_through_a_proxy(monkeypatch, tmp_path):
    """grpc follows http_proxy too, also for Milvus Lite, which answers on a port of this machine."""
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9" if name.lower() == "http_proxy" else "")
    proxies.prepare()
    assert milvus_client.connect(str(tmp_path / "shop.db")).client.list_collections() == []


#: Passwords that people have, with what makes each awkward in an address.
AWKWARD = ["pa/ss", "pa?ss", "pa#ss", "pa@ss", "pa:ss", "pa%ss", "p%2Fs", "/@:?#", "пароль", "a b", "[x]", "e"]


@pytest.mark.parametrize("password", AWKWARD)
def test_an_awkward_password_reaches_milvus_as_it_is_and_no_message(password, monkeypatch, store):
    """Percent-encoded it is accepted; as it stands it is accepted or refused, and never printed."""
    given = {}

    class Client:
        def __init__(self, uri, **named):
            given.update(named, uri=uri)

    pymilvus = SimpleNamespace(MilvusClient=Client, MilvusException=OSError)
    monkeypatch.setattr(milvus_client, "package", lambda: pymilvus)
    uri = f"http://root:{quote(password, safe='')}@host:19530/db"
    BuildSettings(to_milvus=uri)
    milvus_client.connect(uri)
    assert (given["uri"], given["token"]) == ("http://host:19530/db", f"root:{password}")
    plain = f"http://root:{password}@host:19530"
    try:
        BuildSettings(to_milvus=plain)
    except SettingsError as refused:
        assert (password == "e" or password not in str(refused)) and "/ is %2F" in str(refused)
    with pytest.raises(SettingsError, match="--to-milvus is 'http://host:port'") as refused:
        BuildSettings(to_milvus=f"http://root:{password}@host:port")
    assert password == "e" or password not in str(refused.value)


def test_no_secret_is_said_or_logged(monkeypatch, caplog, capfd, store):
    """Not if the server does not answer, and not if it repeats the password in its error."""
    monkeypatch.setattr(milvus_client, "PATIENCE", 0.2)
    uri = "http://root:hush-hush@127.0.0.1:9"
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(MilvusError, match=r"Milvus at http://127.0.0.1:9 says") as said,
    ):
        open_indexes(store, uri)
    import pymilvus

    with pytest.raises(MilvusError, match="says: no user …, token …") as repeated, milvus_client.answering(uri):
        raise pymilvus.MilvusException(message="no user root, token root:hush-hush")
    printed = "".join(capfd.readouterr())
    import grpc

    class Refused(grpc.RpcError):
        def details(self):
            return "root:hush-hush may not"

    with pytest.raises(MilvusError, match="says: … may not"), milvus_client.answering(uri):
        raise Refused
    for text in (str(said.value), str(repeated.value), repr(said.value.__cause__), caplog.text, printed):
        assert "hush" not in text


def test_a_visitor_is_not_told_where_the_database_is(store, caplog):
    class Gone:
        def search(self, *given, **named):
            import pymilvus

            raise pymilvus.MilvusException(message="connection refused by db.internal")

    place = MilvusConnection("http://root:hush@db.internal:19530", Gone())
    with pytest.raises(QueryError, match="^the vector database does not answer: try again in a minute$"):
        MilvusIndex(place, "e5_x", "base", (9, DIM), "FLAT").search(torch.zeros(1, DIM), 3)
    assert "connection refused" in caplog.text and "hush" not in caplog.text


def test_without_the_package_one_sentence(monkeypatch, store):
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(MilvusError, match="needs the packages pymilvus.*: pip install -r requirements-milvus.txt$"):
        milvus_client.connect("http://127.0.0.1:19530")
    with pytest.raises(SystemExit, match="build_embeddings.py: Milvus needs the packages pymilvus"):
        build_embeddings.main(["--to-milvus", "a.db", "--output-dir", str(store.folder)])


def test_a_file_that_cannot_be_opened(store, tmp_path):
    with pytest.raises(MilvusError, match="there is no such file; load it: .*--to-milvus"):
        open_indexes(store, str(tmp_path / "none.db"))
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("no database")
    with pytest.raises(MilvusError, match="text.db cannot be opened: .* or it is not a Milvus file"):
        open_indexes(store, str(tmp_path / "text.db"))


def test_the_quickstart_is_kept_where_milvus_is_at_fault(monkeypatch):
    """An error of Milvus must not make the quickstart train again."""
    forgotten = []
    monkeypatch.setattr(quickstart, "forget", lambda: forgotten.append(1))
    monkeypatch.setattr(app, "artifacts", lambda settings: quickstart.artifacts())

    def serve(*given):
        raise MilvusError("no answer")

    monkeypatch.setattr(app, "serve", serve)
    monkeypatch.setattr(signal, "signal", lambda *given: None)
    with pytest.raises(SystemExit, match="app.py: no answer"):
        app.main([])
    assert forgotten == []


def test_zero_gpu_is_refused(monkeypatch):
    """Its searches run in forked processes, where a connection made before the fork hangs."""
    monkeypatch.setitem(os.environ, "SPACES_ZERO_GPU", "true")
    with pytest.raises(MilvusError.__bases__[0], match="--index milvus does not work on ZeroGPU"):
        app.serve(AppSettings(index="milvus", milvus_uri="http://a:19530"), quickstart.Artifacts("m", "b", "e"))


def test_the_readme_s_commands(built, tiny_e5, tmp_path, monkeypatch):
    """A store of build_embeddings.py is loaded into Milvus, and the engine gives the same answers from there.

    Of a large store no vectors are mapped, because this process does not search them.
    """
    uri = str(tmp_path / "shop.db")
    build_embeddings.main(["--to-milvus", uri, "--output-dir", str(built / "artifacts")])
    shutil.copytree(built / "artifacts", tmp_path / "artifacts")
    names = (str(built / "saved_e5_model"), str(tiny_e5), str(tmp_path / "artifacts"))
    engines = [load_engine(*names, offline=True)]
    monkeypatch.setattr(mapped_files, "MAPPED_FROM", 1)
    engines.append(load_engine(*names, offline=True, milvus_uri=uri))
    beside = {path.name for path in (tmp_path / "artifacts.serving").iterdir()}
    assert beside == {"manifest.json", "products.arrow", "terms.arrow", "lists.arrow"}
    for asked in ({"query": "warm hat"}, {"query": "warm hat", "system": "hybrid", "locale": "us"}):
        hits = [[(hit.key, hit.score, hit.standing) for hit in one.search(**asked).hits] for one in engines]
        assert hits[0] == hits[1] and len(hits[0]) == 10
