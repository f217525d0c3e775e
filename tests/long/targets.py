"""Fuzzing targets: functions that pass bytes to code that reads foreign data, and check the result.

A finding is a failed assertion, or an exception that is not a ``UserError``.
"""

import atexit
import gzip
import io
import json
import shutil
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

import tests.long  # noqa: F401  (finds the tests' shop)
from space.data import catalogue_file, passages
from space.encoding.description import MAX_DIM
from space.errors import QueryError, UserError
from space.index.torch_index import TorchIndex
from space.search import uploaded_catalogue
from space.search.request import MAX_K
from space.search.roles import Roles
from space.store import manifest
from space.ui import links
from space.ui.events import export
from space.ui.html.markup import fill
from space.ui.html.picture import image_url

LONGEST_SENTENCE = 600
ROLES = Roles(("base", "tuned", "bm25", "hybrid"), ("base", "tuned"))


def sentence(error: UserError) -> None:
    """Check that an error message has a length that can be shown."""
    assert str(error) and len(str(error)) < LONGEST_SENTENCE, str(error)[:2000]


def csv(data: bytes) -> None:
    """An uploaded file."""
    try:
        found = uploaded_catalogue.parse(data, "file").products
    except UserError as error:
        sentence(error)
        return
    assert 0 < len(found) <= uploaded_catalogue.MAX_ROWS
    assert not found["product_id"].null_count and passages.has_text(found).all()


def parquet(data: bytes) -> None:
    """A catalogue, or a shard of a foreign store."""
    _catalogue(data, "parquet")


def jsonl(data: bytes) -> None:
    """A catalogue."""
    _catalogue(data, "jsonl")


def _catalogue(data: bytes, kind: str) -> None:
    path = _folder() / f"shop.{kind}"
    path.write_bytes(data)
    try:
        found = catalogue_file.load_catalogue(path)
    except UserError as error:
        assert path.name in str(error)
        return
    assert len(found) and not found["product_id"].null_count and passages.has_text(found).all()


@cache
def _folder() -> Path:
    """A folder for the file of each case, in memory where possible."""
    memory = Path("/dev/shm")
    folder = tempfile.mkdtemp(prefix="fuzz-", dir=memory if memory.is_dir() else None)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def vectors(data: bytes) -> None:
    """Any float16 bits as vectors: a row with a NaN or infinity is refused by its number, the others are ranked."""
    width = 1 + data[0] % 5 if data else 1
    kept = len(data[1:]) // (2 * width) * 2 * width
    rows = torch.from_numpy(np.frombuffer(data[1 : 1 + kept], np.float16).reshape(-1, width).copy())
    if not len(rows):
        return
    finite = rows.float().isfinite().all(dim=1)
    try:
        index = TorchIndex(rows, precision=("float16", "float32", "int8")[data[0] % 3], device="cpu")
    except ValueError as error:
        assert f"finite, row {int((~finite).nonzero()[0])} is not" in str(error)
        return
    assert finite.all()
    scores, found = index.search(torch.ones(1, width), 3)
    assert torch.equal(scores[0], scores[0].sort(descending=True).values) and scores.isfinite().all()
    assert torch.equal(scores[0], rows.float().sum(dim=1).sort(descending=True, stable=True).values[:3])
    assert len(set(found[0].tolist())) == min(3, len(rows))


def link(data: bytes) -> None:
    """A link: after parsing, writing and parsing again it has to be the same."""
    found, notes = links.parse(links.split("?" + data.decode("utf-8", "surrogateescape")), ROLES)
    assert 1 <= found.k <= MAX_K and found.tab in links.TABS and found.system in ROLES.names
    assert all(len(note) < LONGEST_SENTENCE for note in notes)
    clean, _ = links.parse(links.split(links.build(found)), ROLES)
    assert links.parse(links.split(links.build(clean)), ROLES) == (clean, [])


GOOD = manifest.signed(
    {"format": 1, "dataset": "d", "notice": "", "rows": 2, "shard_size": 2, "text": "{title}"}
    | {"files": {"base/part-00000-of-00001.parquet": {"bytes": 5, "sha256": "0" * 64}}}
    | {"encoders": {part: {"id": "m", "revision": None, "fingerprint": "f", "dim": 3, "max_seq_length": 64}
                    for part in ("base", "tuned")}}
)  # fmt: skip
_KEYS = sorted({*GOOD, "bytes", "sha256", "dim", "id", "fingerprint", "base", "tuned", *GOOD["files"]})


def bent_manifest(data: bytes) -> None:
    """A manifest as raw bytes, and a good one with an entry replaced and signed again, as an attacker would."""
    for text in (data, json.dumps(manifest.signed(_bent(GOOD, data))).encode()):
        try:
            found = manifest.parse(text)
        except UserError as error:
            sentence(error)
            continue
        assert 1 <= found.rows <= manifest.MAX_ROWS
        for name in found.files:
            assert not name.startswith("/") and ".." not in Path(name).parts
        for encoder in found.encoders.values():
            assert 1 <= encoder.dim <= MAX_DIM and isinstance(encoder.fingerprint, str)


def _bent(content: Any, data: bytes) -> Any:
    """``content`` with one entry replaced: the first bytes choose the entry, the rest is its JSON or text."""
    try:
        value = json.loads(data[2:])
    except (ValueError, RecursionError):
        value = data[2:].decode("utf-8", "replace")
    content = json.loads(json.dumps(content))
    spots = []

    def walk(node: Any) -> None:
        for name in list(node) if isinstance(node, dict) else ():
            spots.append((node, name))
            walk(node[name])

    walk(content)
    node, name = spots[(data[0] if data else 0) % len(spots)]
    if len(data) > 1 and data[1] % 2:
        node[value if isinstance(value, str) else _KEYS[data[1] % len(_KEYS)]] = node.pop(name)
    else:
        node[name] = value
    return content


@cache
def _engine() -> Any:
    import small_shop

    return small_shop.engine()


def query(data: bytes) -> None:
    """A query with options as a program sends them: any JSON value for each."""
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        values = {"query": data.decode("utf-8", "surrogateescape")}
    if not isinstance(values, dict):
        values = {"query": values}
    text, k, system = values.pop("query", "red"), values.pop("k", 3), values.pop("system", "bm25")
    try:
        found = _engine().search(
            text, k, system, **{str(name): value for name, value in values.items() if name != "fold"}
        )
    except QueryError as error:
        sentence(error)
        return
    assert len(found.hits) <= k and [hit.rank for hit in found.hits] == sorted(hit.rank for hit in found.hits)


def text(data: bytes) -> None:
    """The text of a product, on the page and in an export."""
    foreign = data.decode("utf-8", "surrogateescape")
    shown = fill('<p title="{foreign}">{foreign}</p>', foreign=foreign)
    assert not set(shown.removeprefix('<p title="').removesuffix("</p>").replace('">', "", 1)) & set("<>\"'")
    assert not export.neutral(foreign).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert set(export.file_name(foreign, "csv")) & set('/\\:*?"<>|\0') == set()
    if address := image_url(foreign):
        assert address.lower().startswith(("http://", "https://")) and not set(address) & set(" \\\n\t\0")


def _bombs() -> list[bytes]:
    """A megabyte of zeros in a thousand bytes: as zip and as gzip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("shop.csv", bytes(1_000_000))
    return [packed.getvalue(), gzip.compress(bytes(1_000_000))]


def _parquet() -> bytes:
    sink = io.BytesIO()
    table = pa.table({"product_id": ["1", "2"], "product_title": ["red mug", None], "price": [1.5, float("nan")]})
    pq.write_table(table, sink)
    return sink.getvalue()


def _float16(*values: float) -> bytes:
    return np.array(values, np.float16).tobytes()


TARGETS = {
    "csv": csv, "parquet": parquet, "jsonl": jsonl, "vectors": vectors,
    "link": link, "manifest": bent_manifest, "query": query, "text": text,
}  # fmt: skip
#: The inputs that are mutated.
SEEDS = {
    "csv": [
        uploaded_catalogue.EXAMPLE.encode(),
        b'id;name\n1;"a ""b"" c"\n',
        "\ufefftitle\tbrand\nx\ty".encode(),
        b"title,price\na,1e400\n",
        *_bombs(),
    ],
    "parquet": [_parquet(), *_bombs()],
    "jsonl": [b'{"product_id": "1", "product_title": "mug", "price": 1}\n{"product_id": 2, "product_title": null}\n'],
    "vectors": [
        b"\1" + _float16(*np.linspace(-1, 1, 64)),
        b"\4" + _float16(1, float("nan"), float("inf"), 0, -0.0, 6e-8),
    ],
    "link": [b"q=red%20shoes&k=5&tab=compare&systems=base,tuned", b"q=%ff&k=-1&like=us:p01&fold=1&min_price=1e9"],
    "manifest": [json.dumps(GOOD).encode(), b"\x03\x00-1", b"\x07\x01../../x", b"\x05\x00{}"],
    "query": [
        b'{"query":"red shoes","k":3,"system":"hybrid","min_price":1e308,"brand":"Acme"}',
        "赤\0\u202e".encode(),
    ],
    "text": [b"=cmd|' /C calc'!A0", b"https://images.example/a.png", "\uff1d\u202e<b>".encode()],
}
