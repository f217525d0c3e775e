"""Damaged, foreign and swapped artifacts, and disks that refuse: one sentence that names the file and the cure."""

import contextlib
import hashlib
import json
import os
import resource
import shutil
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import ROOT
from hub_repos import e5_files
from test_store import build, catalogue, content, rewrite_manifest

from space import manifest
from space.encoder import TextEncoder
from space.files import WriteError, atomically
from space.loading import load_engine
from space.store import MANIFEST, Store, StoreError, sha256
from space.weights import WeightsError, locate

# -- the manifest ----------------------------------------------------------------------------------------------------


def test_every_single_flipped_bit_of_a_manifest_is_refused_or_means_the_same(tmp_path):
    """In a notice, a sequence limit or a name no other check would find it."""
    build(tmp_path / "s")
    text = (tmp_path / "s" / MANIFEST).read_bytes()
    good, taken = manifest.parse(text), 0
    for at in range(len(text)):
        for bit in range(8):
            bent = bytearray(text)
            bent[at] ^= 1 << bit
            try:
                assert manifest.parse(bytes(bent)) == good  # such as another kind of white space
                taken += 1
            except manifest.ManifestError:
                pass
    assert taken < len(text)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rows": 0}, "rows cannot be 0"),
        ({"rows": 10**15}, "rows cannot be 1000000000000000"),
        ({"rows": True}, "rows cannot be True"),
        ({"rows": float("inf")}, "rows cannot be inf"),
        ({"notice": None}, "notice cannot be None"),
        ({"encoders": {"base": {}}}, "encoders cannot be"),
        ({"files": {"base/../../../etc/passwd": {"bytes": 1, "sha256": "0" * 64}}}, "files cannot be"),
        ({"files": {"/etc/passwd": {"bytes": 1, "sha256": "0" * 64}}}, "files cannot be"),
        ({"files": ["manifest.json"]}, "files cannot be"),
        ({"format": True}, "format True"),
        ({"format": 2}, "format 2, this version reads 1; update the app"),
    ],
)
def test_a_manifest_that_is_signed_and_hostile(change, said):
    """Anybody can push one with a checksum that fits: no file outside the store is read, no memory taken."""
    good = {"format": 1, "dataset": "d", "notice": "", "rows": 2, "text": "", "files": {}, "encoders": {}}
    good["encoders"] = dict.fromkeys(("base", "tuned"), {"id": "", "fingerprint": "", "dim": 2, "max_seq_length": 9})
    manifest.parse(json.dumps(manifest.signed(good)).encode())
    with pytest.raises(manifest.ManifestError, match=said):
        manifest.parse(json.dumps(manifest.signed(good | change)).encode())


SHA = "0" * 64
ENCODER = {"id": "m", "revision": "abc", "fingerprint": "f", "dim": 65_536, "max_seq_length": 2**31}
#: As large as an honest one may be, in every number.
LARGEST = {"format": 1, "dataset": "d", "notice": "n", "rows": 10**9, "text": "t"}
LARGEST |= {
    "files": {"base/a-1.parquet": {"bytes": 2**63, "sha256": SHA}, "b.json": {"bytes": 1, "sha256": "9af" + SHA[3:]}}
}
LARGEST |= {"encoders": {"base": ENCODER, "tuned": ENCODER | {"revision": None, "dim": 1, "max_seq_length": 1}}}


def of_files(name="a.json", **changes):
    return {"files": {name: {"bytes": 1, "sha256": SHA} | changes}}


def of_encoders(**changes):
    return {"encoders": {"base": ENCODER, "tuned": ENCODER | changes}}


@pytest.mark.parametrize(
    "change",
    [
        *({name: value} for name in ("dataset", "notice", "text") for value in (None, 1, ["x"])),
        *({"rows": value} for value in (10**9 + 1, -1, None, "7", 7.0)),
        {"files": None}, {"files": {"a.json": None}}, {"files": {"a.json": []}},
        *map(of_files, ("../a", "a/b/c", "a/", "/a", ".a", "a/.b", "-a", "a b", "\u00e4/a", "a\n", "", "a\0")),
        of_files(bytes=0), of_files(bytes=2**63 + 1), of_files(bytes="1"), of_files(bytes=True), of_files(bytes=None),
        of_files(sha256=None), of_files(sha256=SHA + "0"), of_files(sha256=SHA[1:]), of_files(sha256="A" + SHA[1:]),
        {"encoders": {"base": ENCODER}}, {"encoders": {"tuned": ENCODER}}, {"encoders": ["base", "tuned"]},
        {"encoders": {"base": ENCODER, "tuned": ENCODER, "third": {}}}, {"encoders": {"base": ENCODER, "tuned": 1}},
        of_encoders(id=None), of_encoders(fingerprint=1), of_encoders(revision=5), of_encoders(dim=0),
        of_encoders(dim=65_537), of_encoders(dim=None), of_encoders(dim=8.0), of_encoders(max_seq_length=0),
        of_encoders(max_seq_length=2**31 + 1), of_encoders(max_seq_length=None),
    ],
)  # fmt: skip
def test_the_largest_manifest_is_read_and_nothing_beyond(change):
    """One entry out of bounds, well signed: refused with the name of the entry."""
    assert manifest.parse(json.dumps(manifest.signed(LARGEST)).encode()) == LARGEST
    with pytest.raises(manifest.ManifestError, match=rf"^{next(iter(change))} cannot be "):
        manifest.parse(json.dumps(manifest.signed(LARGEST | change)).encode())


def test_a_manifest_s_checksum_is_that_of_all_other_entries():
    """Under the name that stores on the Hub have; an older one does not count, and another is refused."""
    said = hashlib.sha256(json.dumps(LARGEST, sort_keys=True).encode()).hexdigest()
    assert manifest.signed(LARGEST | {"sha256": "old"}) == LARGEST | {"sha256": said}
    for wrong in (LARGEST, LARGEST | {"sha256": SHA}, manifest.signed(LARGEST) | {"notice": "another"}):
        with pytest.raises(manifest.ManifestError, match="its own checksum differs"):
            manifest.parse(json.dumps(wrong).encode())


@pytest.mark.parametrize("text", [b"\xff", b"[1]", b'"format"', b"{}", b'{"rows": 1}'])
def test_what_is_no_manifest_at_all(text):
    with pytest.raises(manifest.ManifestError, match=r"^not a manifest \("):
        manifest.parse(text)


@pytest.mark.parametrize("number", [0, 2, "1", None, [1]])
def test_a_manifest_of_another_format(number):
    with pytest.raises(manifest.ManifestError, match="this version reads 1; update the app"):
        manifest.parse(json.dumps(manifest.signed(LARGEST | {"format": number})).encode())


def test_a_number_of_five_thousand_digits():
    with pytest.raises(manifest.ManifestError, match="not a manifest"):
        manifest.parse(b'{"format": 1, "rows": 1' + b"0" * 5000 + b"}")


def test_a_manifest_nested_without_end():
    with pytest.raises(manifest.ManifestError, match="not a manifest"):
        manifest.parse(b'{"format": 1, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")


# -- the files it names ----------------------------------------------------------------------------------------------


def replaced(folder, name, table, **options):
    """A store with another table in a file's place, checksums to match."""
    if isinstance(table, bytes):
        (folder / name).write_bytes(table)
    else:
        pq.write_table(table, folder / name, **options)
    files = json.loads((folder / MANIFEST).read_text())["files"]
    files[name] = {"bytes": (folder / name).stat().st_size, "sha256": sha256(folder / name)}
    rewrite_manifest(folder, files=files)
    return Store(folder)


BASE, PRODUCTS = "base/part-00000-of-00003.parquet", "products/part-00000-of-00003.parquet"


def vectors(values, kind=None, keys=True):
    part = catalogue().slice(0, 3)
    columns = {"embedding": pa.array(values, kind or pa.list_(pa.float16(), 5))}
    return pa.table({name: part[name] for name in ("product_id", "product_locale") if keys} | columns)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (b"PAR1 but not really PAR1", "not a readable parquet file"),
        (b"", "files cannot be"),
        (vectors([[1.0] * 5] * 3, keys=False), "no column 'product_"),
        (
            vectors([[1.0] * 4] * 3, pa.list_(pa.float16(), 4)),
            r"fixed_size_list.*\[4\], the manifest says dimension 5",
        ),
        (vectors([[1.0] * 5] * 3, pa.list_(pa.float64())), "embedding is list"),
        (vectors([None, [1.0] * 5, [1.0] * 5]), "embedding is fixed"),
        (vectors([[1.0] * 5] * 3).slice(0, 2), "6 rows in base, the manifest says 7"),
    ],
)
def test_a_file_that_is_signed_and_wrong(tmp_path, table, said):
    build(tmp_path / "s")
    with pytest.raises(StoreError, match=f"{said}.*run build_embeddings.py again"):
        replaced(tmp_path / "s", BASE, table).vectors("base")


def test_products_without_a_title_column(tmp_path):
    build(tmp_path / "s")
    table = catalogue().slice(0, 3).drop_columns(["product_title"])
    with pytest.raises(StoreError, match=r"part-00000-of-00003.parquet: no column 'product_"):
        replaced(tmp_path / "s", PRODUCTS, table).products()


def test_text_that_is_no_utf_8(tmp_path):
    """Arrow reads it without a word, and the page would fail on it in the middle of an answer."""
    build(tmp_path / "s")
    table = catalogue().slice(0, 3)
    titles = pa.array([b"m\xf4g"] * 3).view(pa.string())
    table = table.set_column(table.column_names.index("product_title"), "product_title", titles)
    with pytest.raises(StoreError, match=r"part-00000-of-00003.parquet: not a readable parquet file.*Invalid UTF8"):
        replaced(tmp_path / "s", PRODUCTS, table).products()


def test_metadata_in_a_parquet_file_is_not_believed(tmp_path):
    """pandas' own note can name an index that is not there, and Arrow's an extension type that was once unpickled."""
    build(tmp_path / "s")
    columns = ("query", "query_id", "product_id", "product_locale", "esci_label")
    evil = b"\x80\x04cposix\nsystem\nX\x0b\x00\x00\x00touch hackedtR."
    hostile = pa.field("query", pa.string(), metadata={b"ARROW:extension:name": b"arrow.py_extension_type",
                                                       b"ARROW:extension:metadata": evil})  # fmt: skip
    fields = [hostile, *(pa.field(name, pa.string()) for name in columns[1:])]
    schema = pa.schema(fields, {b"pandas": b'{"index_columns": ["absent"], "columns": []}'})
    (tmp_path / "s" / "judgments").mkdir()
    table = pa.table([pa.array(["x"])] * 5, schema=schema)
    found = replaced(tmp_path / "s", "judgments/test.parquet", table).judgments()
    assert list(found.columns) == list(columns) and found["query"].tolist() == ["x"]
    assert not list(tmp_path.rglob("hacked")) and not (ROOT / "hacked").exists()


# -- models ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path):
    for name, data in e5_files().items():
        (tmp_path / "e5-tiny" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "e5-tiny" / name).write_bytes(data)
    return tmp_path / "e5-tiny"


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


DAMAGES = {
    "weights cut": lambda folder: os.truncate(folder / "model.safetensors", 5_000),
    "weights empty": lambda folder: os.truncate(folder / "model.safetensors", 0),
    "tokenizer cut": lambda folder: os.truncate(folder / "tokenizer.json", 100),
    "settings cut": lambda folder: os.truncate(folder / "config.json", 30),
    "settings of another kind": lambda folder: (folder / "config_sentence_transformers.json").write_text("[]"),
    "another dimension": lambda folder: edit(folder / "config.json", hidden_size=16),
    "a module of its own": lambda folder: (
        (folder / "evil.py").write_text("open('hacked', 'w')\nclass Evil: pass\n"),
        (folder / "modules.json").write_text('[{"idx": 0, "name": "0", "path": "", "type": "evil.Evil"}]'),
    ),
    "a model class of its own": lambda folder: (
        (folder / "evil.py").write_text("open('hacked', 'w')\nclass Evil: pass\n"),
        edit(folder / "config.json", model_type="evil", auto_map={"AutoModel": "evil.E", "AutoConfig": "evil.E"}),
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_model_is_refused_and_runs_nothing(model, damage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    DAMAGES[damage](model)
    with pytest.raises(
        WeightsError, match=r"(?s)e5-tiny: not a loadable encoder.*train it again, or copy or pull it anew"
    ):
        TextEncoder(locate(str(model)))
    assert not (tmp_path / "hacked").exists()


@pytest.fixture
def served(built, tiny_e5, tmp_path):
    """Model, base model and store as the app gets them, each to be damaged."""
    shutil.copytree(built / "saved_e5_model", tmp_path / "model")
    shutil.copytree(built / "artifacts", tmp_path / "store")
    return str(tmp_path / "model"), str(tiny_e5), str(tmp_path / "store")


def test_base_and_tuned_swapped(served):
    model, base, store = served
    with pytest.raises(StoreError, match=r"its base vectors were made by .*, not by .*/model .*name the model"):
        load_engine(base, model, store, offline=True)


def test_one_flipped_bit_in_the_weights(served, tmp_path):
    weights = tmp_path / "model" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-100] ^= 1
    weights.write_bytes(data)
    with pytest.raises(StoreError, match=r"its tuned vectors were made by .*, not by .*/model"):
        load_engine(*served, offline=True)


def test_vectors_that_are_not_finite(served, tmp_path):
    """NaN in a row would come out on top of every search, or nowhere."""
    store, name = tmp_path / "store", "tuned/part-00001-of-00009.parquet"
    name = sorted(json.loads((store / MANIFEST).read_text())["files"])[-1] if not (store / name).exists() else name
    table = pq.read_table(store / name)
    values = table["embedding"].combine_chunks().flatten().to_numpy(zero_copy_only=False).copy()
    values[7] = float("nan")
    rows = pa.FixedSizeListArray.from_arrays(pa.array(values), 32)
    table = table.set_column(table.column_names.index("embedding"), "embedding", rows)
    replaced(store, name, table)
    with pytest.raises(StoreError, match=r"store: tuned: embeddings should be finite, row \d+ is not; rebuild"):
        load_engine(*served, offline=True)


# -- disks that refuse -----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def files_of_at_most(size):
    """As ``ulimit -f`` does it; Python turns the signal into an error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_that_may_not_grow_leaves_nothing_half_written(tmp_path):
    """The message names file and cure, and the next build ends as if nothing had been."""
    with files_of_at_most(2_000), pytest.raises(WriteError, match=r"/s/.*parquet: a file may not grow so large here"):
        build(tmp_path / "s", rows=400, shard_size=200)
    assert not [path for path in (tmp_path / "s").rglob("*") if ".tmp-" in path.name]
    build(tmp_path / "s", rows=400, shard_size=200)
    build(tmp_path / "whole", rows=400, shard_size=200)
    assert content(tmp_path / "s") == content(tmp_path / "whole")


@pytest.fixture
def mounted(tmp_path):
    """``mounted(*options)``: a small file system of its own; needs root, and the right to mount."""
    places = []

    def mount(*options):
        place = tmp_path / f"disk{len(places)}"
        place.mkdir()
        words = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(place)]
        done = subprocess.run(words, capture_output=True, text=True, check=False) if shutil.which("mount") else None
        if done is None or done.returncode:
            pytest.skip(f"cannot mount a tmpfs here: {done.stderr.strip() if done else 'no mount'}")
        places.append(place)
        return place

    yield mount
    for place in places:
        subprocess.run(["umount", str(place)], check=False)


def test_a_full_disk(mounted):
    folder = mounted("size=64k")
    (folder / "filler").write_bytes(bytes(60 * 1024))
    with pytest.raises(WriteError, match=r"the disk is full: free some space; then run the same command again"):
        build(folder / "s", rows=400, shard_size=200)
    (folder / "filler").unlink()
    assert not (folder / "s" / MANIFEST).exists()
    build(folder / "s", rows=40, shard_size=20)
    assert Store(folder / "s").rows == 40


def test_a_read_only_disk(mounted):
    folder = mounted("ro")
    with (
        pytest.raises(WriteError, match=r"part: the disk is read-only: name another folder"),
        atomically(folder / "part"),
    ):
        (folder / f"part.tmp-{os.getpid()}").write_text("x")
