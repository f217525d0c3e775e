"""Checks which files a foreign data set names and what they unpack to, before ``datasets`` reads them."""

import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import yaml
from huggingface_hub import DatasetCard

from space.data.parquet import check_parquet
from space.data.unpacked_size import TooLargeError, check_packed
from space.errors import shown

#: Both hold settings for ``datasets``.
_CARD, _SETTINGS = "README.md", ".huggingface.yaml"
#: Builders of ``datasets`` whose files are looked into. Those of Arrow may be packed inside.
_KINDS = ("parquet", "csv", "json")
_DAMAGED = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
_PLACES = ("data_files", "data_dir")
#: An address, a chain of them, a path from the root, a drive, a step up.
_ELSEWHERE = re.compile(r"://|::|^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)")
#: Entries that are looked at; names in YAML may stand for others, so that few lines become millions.
_MOST = 100_000
_MOST_BYTES = 5_000_000
_MESSAGE = 200


def check_places(folder: Path) -> None:
    """Refuse a data set whose card names data elsewhere: private files of this machine, or any server.

    Raises:
        ValueError: it does, or it cannot be read; the message names the place.
        OSError: a file cannot be read.
    """
    for name in (_CARD, _SETTINGS):
        if (folder / name).is_file():
            for left, place in enumerate(_places(_settings(folder / name))):
                if left > _MOST:
                    raise ValueError(f"its {name} has more than {_MOST:,} entries; use another data set")
                if _ELSEWHERE.search(place):
                    text = "its card names {place}, which is not in the repository; use another data set"
                    raise ValueError(text.format(place=shown(place)))


def _settings(path: Path) -> object:
    """What ``datasets`` reads of a file, by the same functions."""
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"its {path.name} has more than {_MOST_BYTES:,} bytes; use another data set")
    try:
        if path.name == _CARD:
            return DatasetCard.load(path).data.to_dict()
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise ValueError(f"its {path.name} is not readable: {said[:_MESSAGE]}; use another data set") from error


def _places(settings: object) -> Iterator[str]:
    """Every text below ``data_files`` and ``data_dir``, and "" for each object on the way."""
    waiting: list[tuple[object, bool]] = [(settings, False)]
    while waiting:
        value, is_place = waiting.pop()
        yield value if is_place and isinstance(value, str) else ""
        if isinstance(value, dict):
            waiting += [(inner, is_place or key in _PLACES) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(inner, is_place) for inner in value]


def check_files(folder: Path, kind: str, files: Mapping[str, Iterable[str]]) -> None:
    """Check the files that ``datasets`` has found: where they are, what they are, and how large they become.

    Args:
        folder: of the data set.
        kind: the builder's name, such as "csv".
        files: {split: paths}.

    Raises:
        ValueError: a file elsewhere, no table, damaged, or one that takes far more than its size suggests.
    """
    # Not resolved: the files of a snapshot are links to the cache's blobs, and the client never makes others.
    home = Path(os.path.abspath(folder))  # noqa: PTH100 - Path.absolute keeps "..", and Path.resolve follows links
    for file in (file for split in files.values() for file in split):
        path = Path(os.path.abspath(file))  # noqa: PTH100
        if not path.is_relative_to(home):
            raise ValueError(f"its card names {shown(file)}, which is not in the repository; use another data set")
        name = path.relative_to(home).as_posix()
        if kind not in _KINDS:
            raise ValueError(f"{shown(name)} is no table that is read here: use parquet, csv or jsonl")
        try:
            if kind == "parquet":  # packed once more it is refused as no parquet file
                check_parquet(path)
            else:
                check_packed(path)
        except (
            TooLargeError,
            OSError,
            EOFError,
            pa.ArrowException,
            zlib.error,
            lzma.LZMAError,
            zipfile.BadZipFile,
        ) as error:
            raise ValueError(f"{shown(name)}: {error}") from error
