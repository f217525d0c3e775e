"""The manifest of a store: its schema, how it is read and checked, and how it is written.

A store may come from a stranger, and its manifest says which files are read and how much memory they take. So every
entry is checked. The manifest has the sha256 of each file, and of itself.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from space.data.checksums import Checksums
from space.data.scale import LabelScale
from space.encoding.description import BASE, TUNED, EncoderDescription
from space.errors import UserError, shown
from space.io import json_values
from space.io.typed_json import read
from space.settings.names import encoder_fault

MANIFEST, EVALUATION = "manifest.json", "evaluation.json"
#: Format 1 has the encoders base and tuned, format 2 any. A store gets the lowest that can say what it has, so that
#: older versions of the app read it where they can.
FORMATS = 1, 2
#: More rows are damage, or an attempt to fill the memory.
MAX_ROWS = 10**9
_MAX_INT = 2**63
_CHECKSUM = "sha256"


class ManifestError(UserError):
    """A manifest that cannot be used; the message names the entry."""


@dataclass(frozen=True)
class FileEntry:
    """Size and checksum of a file of a store."""

    bytes: int
    sha256: str

    @classmethod
    def from_json(cls, value: object, name: str) -> "FileEntry":
        """Read and check the entry of the file ``name``.

        Raises:
            JsonValueError: its size or its checksum cannot be used, or ``name`` is not a path inside a store.
        """
        if not re.fullmatch(r"(\w[\w.-]*/)?\w[\w.-]*", name, re.ASCII):
            raise json_values.JsonValueError(f"files should be paths inside the store, one is {shown(name)}")
        entry = json_values.mapping(value, f"files.{name}")
        sha256 = json_values.text(entry.get("sha256"), f"files.{name}.sha256")
        if not re.fullmatch("[0-9a-f]{64}", sha256):
            raise json_values.JsonValueError(f"files.{name}.sha256 should be 64 hex digits, is {shown(sha256)}")
        return cls(json_values.count(entry.get("bytes"), f"files.{name}.bytes", _MAX_INT), sha256)


@dataclass(frozen=True)
class Plan:
    """What a store will hold.

    Attributes:
        rows: products.
        shard_size: products in a shard.
        text: the passage text in words, see ``space.data.passages.template``.
        dataset: what is embedded; a Hub data set as ID@COMMIT.
        notice: what must be said wherever the data is shown, or "".
        checksums: of the products and judgments, to compare with those of an evaluation; None in older stores.
        scale: of the labels; None in older stores, which have ESCI's, and without judgments.
    """

    rows: int
    shard_size: int
    text: str
    dataset: str
    notice: str = ""
    checksums: Checksums | None = None
    scale: LabelScale | None = None

    @property
    def shards(self) -> int:
        """Number of files of each part."""
        return -(-self.rows // self.shard_size)

    def span(self, shard: int) -> tuple[int, int]:
        """(first row, number of rows) of a shard."""
        start = shard * self.shard_size
        return start, min(self.shard_size, self.rows - start)

    def file(self, part: str, shard: int) -> str:
        """Path of a shard inside the store."""
        return f"{part}/part-{shard:05d}-of-{self.shards:05d}.parquet"


@dataclass(frozen=True, kw_only=True)
class Manifest(Plan):
    """What is in a finished store.

    Attributes:
        encoders: {name: which encoder made its vectors}, at least one, in the order in which they were given.
        files: {path inside the store: its size and checksum}.
    """

    encoders: Mapping[str, EncoderDescription]
    files: Mapping[str, FileEntry]

    def to_bytes(self) -> bytes:
        """The content of its file, checksum included."""
        values = asdict(self)
        if self.scale is None:  # as older stores have it
            del values["scale"]
        content = signed({"format": FORMATS[set(self.encoders) != {BASE, TUNED}], **values})
        return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def parse(data: bytes) -> Manifest:
    """The manifest in the bytes of its file.

    Raises:
        ManifestError: not JSON, another format, another checksum, or an entry that cannot be used.
    """
    try:
        content = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, a number of 5,000 digits, nested too deep
        raise ManifestError(f"not a manifest ({error})") from error
    if not isinstance(content, dict) or "format" not in content:
        raise ManifestError("not a manifest (no format)")
    if content["format"] not in FORMATS or isinstance(content["format"], bool):
        known = " and ".join(map(str, FORMATS))
        raise ManifestError(f"format {shown(content['format'])}, this version reads {known}; update the app")
    if content.get(_CHECKSUM) != signed(content)[_CHECKSUM]:
        raise ManifestError("changed after it was written: its own checksum differs")
    try:
        return _checked(content)
    except json_values.JsonValueError as error:
        raise ManifestError(str(error)) from error


def signed(content: Mapping[str, object]) -> dict[str, object]:
    """``content`` with the sha256 of all its other entries as the last one."""
    rest = {name: value for name, value in content.items() if name != _CHECKSUM}
    try:
        text = json.dumps(rest, sort_keys=True)
    except RecursionError as error:
        raise ManifestError("not a manifest (nested too deep)") from error
    return rest | {_CHECKSUM: hashlib.sha256(text.encode()).hexdigest()}


def _checked(content: Mapping[str, object]) -> Manifest:
    encoders = json_values.mapping(content.get("encoders"), "encoders")
    files = json_values.mapping(content.get("files"), "files")
    missing = [name for name in (BASE, TUNED) if name not in encoders] if content["format"] == 1 else []
    if missing:
        raise ManifestError(f"encoders should have {missing[0]!r}, has {shown(list(encoders))}")
    if not encoders:
        raise ManifestError("encoders should have at least one, has none")
    for name in encoders:
        if fault := encoder_fault(name):
            raise ManifestError(f"encoders has the name {shown(name)}: {fault}")
    return Manifest(
        dataset=json_values.text(content.get("dataset"), "dataset"),
        notice=json_values.text(content.get("notice"), "notice"),
        rows=json_values.count(content.get("rows"), "rows", MAX_ROWS),
        shard_size=json_values.count(content.get("shard_size"), "shard_size", _MAX_INT),
        text=json_values.text(content.get("text"), "text"),
        encoders={part: EncoderDescription.from_json(entry, f"encoders.{part}") for part, entry in encoders.items()},
        files={name: FileEntry.from_json(entry, name) for name, entry in files.items()},
        checksums=Checksums.from_json(content.get("checksums"), "checksums"),
        scale=_scale(content.get("scale")),
    )


def _scale(value: object) -> LabelScale | None:
    try:
        return None if value is None else read(LabelScale, value)
    except ValueError as error:
        raise ManifestError(f"scale cannot be used: {error}") from error
