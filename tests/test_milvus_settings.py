"""Milvus' settings, packages, secrets, and the scripts that use it."""

import logging
import os
import shutil
import signal
import subprocess
import sys
from types import SimpleNamespace
from urllib.parse import quote

import pytest
import torch
from conftest import ROOT
from milvus_store import DIM, catalogue, described, vectors, write

import app
import build_embeddings
from space import settings as config
from space.errors import QueryError
from space.hub import proxies
from space.index import milvus_client
from space.index.milvus import MilvusIndex
from space.index.milvus_client import KINDS, MilvusConnection, MilvusError
from space.pipelines import quickstart
from space.search.loading import load_engine
from space.settings import AppSettings, BuildSettings, SettingsError, without_secret
from space.store import mapped_files
from space.store.milvus_collections import open_indexes

pytest.importorskip("pymilvus", reason="needs pip install -r requirements-milvus.txt")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    parts = {"base": vectors(0), "tuned": vectors(1)}
    return write(tmp_path_factory.mktemp("stores") / "store", catalogue(), parts, described())


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


FIRST_IMPORT = """
import logging, sys
from space.index import milvus_client
milvus_client.PATIENCE = 0.2
try:
    milvus_client.connect("http://127.0.0.1:9")
except milvus_client.MilvusError as error:
    print(error)
for name in ("pymilvus.decorators", "pymilvus.milvus_client.milvus_client", "milvus_lite"):
    logging.getLogger(name).error("Traceback")
"""


def test_the_client_logs_no_traceback_beside_the_sentence():
    """Its first import sets the levels of its loggers anew: a full disk once ended in a sentence and 20 lines."""
    done = subprocess.run([sys.executable, "-c", FIRST_IMPORT], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Milvus at http://127.0.0.1:9 says: ") and done.stderr == ""


def test_a_full_disk_of_the_server_is_said_with_a_cure():
    """What a real server 2.3.5 answers when its disk is full."""
    import pymilvus

    said = "IO error: No space left on device: While appending to file: /data/rocksmq/000005.log"
    with pytest.raises(MilvusError, match="No space left.*; free space on the disk of the server"):
        with milvus_client.answering("http://a:19530"):
            raise pymilvus.MilvusException(message=said)


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
        MilvusIndex(place, "e5_x", (9, DIM), "FLAT").search(torch.zeros(1, DIM), 3)
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
        app.serve(AppSettings(index="milvus", milvus_uri="http://a:19530"), quickstart.Artifacts("e", {}))


def test_the_readme_s_commands(built, tiny_e5, tmp_path, monkeypatch):
    """A store of build_embeddings.py is loaded into Milvus, and the engine gives the same answers from there.

    Of a large store no vectors are mapped, because this process does not search them.
    """
    uri = str(tmp_path / "shop.db")
    build_embeddings.main(["--to-milvus", uri, "--output-dir", str(built / "artifacts")])
    shutil.copytree(built / "artifacts", tmp_path / "artifacts")
    names = str(tmp_path / "artifacts"), {"tuned": str(built / "saved_e5_model"), "base": str(tiny_e5)}
    engines = [load_engine(*names, offline=True)]
    monkeypatch.setattr(mapped_files, "MAPPED_FROM", 1)
    engines.append(load_engine(*names, offline=True, milvus_uri=uri))
    beside = {path.name for path in (tmp_path / "artifacts.serving").iterdir()}
    assert beside == {"manifest.json", "products.arrow", "terms.arrow", "lists.arrow"}
    for asked in ({"query": "warm hat"}, {"query": "warm hat", "system": "hybrid", "locale": "us"}):
        hits = [[(hit.key, hit.score, hit.standing) for hit in one.search(**asked).hits] for one in engines]
        assert hits[0] == hits[1] and len(hits[0]) == 10
