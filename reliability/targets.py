"""What a stranger's bytes reach, as functions of bytes: each returns or ends in a sentence, and keeps its promise.

An exception that is no ``UserError`` is a finding, and so is an assertion that fails here.
"""

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from space import manifest, own
from space.errors import QueryError, UserError
from space.search import MAX_K, SYSTEMS
from space.ui import export, links
from space.ui.cards import image_url
from space.ui.markup import fill

LONGEST_SENTENCE = 600


def sentence(error: UserError) -> None:
    """A message can be shown: one line, of a length that can be read."""
    assert str(error) and len(str(error)) < LONGEST_SENTENCE, str(error)[:2000]


def csv(data: bytes) -> None:
    """An uploaded file."""
    try:
        found = own.parse(data, "file")
    except UserError as error:
        sentence(error)
        return
    assert 0 < len(found) <= own.MAX_ROWS
    assert not any(column.null_count for column in (found["product_id"], found["product_title"]))


def link(data: bytes) -> None:
    """The address bar; what is understood is written and read back the same."""
    found, notes = links.parse(links.split("?" + data.decode("utf-8", "surrogateescape")), SYSTEMS)
    assert 1 <= found.k <= MAX_K and found.tab in links.TABS and found.system in SYSTEMS
    assert all(len(note) < LONGEST_SENTENCE for note in notes)
    clean, _ = links.parse(links.split(links.build(found)), SYSTEMS)
    assert links.parse(links.split(links.build(clean)), SYSTEMS) == (clean, [])


GOOD = manifest.signed(
    {"format": 1, "dataset": "d", "notice": "", "rows": 2, "shard_size": 2, "text": "{title}"}
    | {"files": {"base/part-00000-of-00001.parquet": {"bytes": 5, "sha256": "0" * 64}}}
    | {"encoders": {part: {"id": "m", "revision": None, "fingerprint": "f", "dim": 3, "max_seq_length": 64}
                    for part in ("base", "tuned")}}
)  # fmt: skip
_KEYS = sorted({*GOOD, "bytes", "sha256", "dim", "id", "fingerprint", "base", "tuned", *GOOD["files"]})


def bent_manifest(data: bytes) -> None:
    """A manifest as raw bytes; and a good one with entries replaced and signed again, as a hostile author would."""
    for text in (data, json.dumps(manifest.signed(_bent(GOOD, data))).encode()):
        try:
            found = manifest.parse(text)
        except UserError as error:
            sentence(error)
            continue
        assert 1 <= found["rows"] <= manifest.MOST_ROWS
        for name in found["files"]:
            assert not name.startswith("/") and ".." not in Path(name).parts
        for encoder in found["encoders"].values():
            assert 1 <= encoder["dim"] <= manifest.MOST_DIMENSIONS and encoder["fingerprint"] is not None


def _bent(content: Any, data: bytes) -> Any:
    """``content`` with the entry that the first bytes name replaced by the JSON, or else the text, of the rest."""
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
    import tiny

    return tiny.engine()


def query(data: bytes) -> None:
    """A query with its options, as a program sends them: any JSON value in any place."""
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
    """A product's texts, on the page and in an export."""
    foreign = data.decode("utf-8", "surrogateescape")
    shown = fill('<p title="{foreign}">{foreign}</p>', foreign=foreign)
    assert not set(shown.removeprefix('<p title="').removesuffix("</p>").replace('">', "", 1)) & set("<>\"'")
    assert not export.neutral(foreign).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert set(export.file_name(foreign, "csv")) & set('/\\:*?"<>|\0') == set()
    if address := image_url(foreign):
        assert address.lower().startswith(("http://", "https://")) and not set(address) & set(" \\\n\t\0")


TARGETS = {"csv": csv, "link": link, "manifest": bent_manifest, "query": query, "text": text}
#: Where mutation starts from.
SEEDS = {
    "csv": [
        own.EXAMPLE.encode(),
        b'id;name\n1;"a ""b"" c"\n',
        "\ufefftitle\tbrand\nx\ty".encode(),
        b"title,price\na,1e400\n",
    ],
    "link": [b"q=red%20shoes&k=5&tab=compare&systems=base,tuned", b"q=%ff&k=-1&like=us:p01&fold=1&min_price=1e9"],
    "manifest": [json.dumps(GOOD).encode(), b"\x03\x00-1", b"\x07\x01../../x", b"\x05\x00{}"],
    "query": [
        b'{"query":"red shoes","k":3,"system":"hybrid","min_price":1e308,"brand":"Acme"}',
        "赤\0\u202e".encode(),
    ],
    "text": [b"=cmd|' /C calc'!A0", b"https://images.example/a.png", "\uff1d\u202e<b>".encode()],
}
