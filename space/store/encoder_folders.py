"""Where the encoders of a store are on this machine: noted in a hidden file of the store's folder, never pushed.

The manifest, which is public, has only the last part of a folder's path.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from space.encoding.weights import PACKAGED_NAME
from space.io.files import atomically
from space.settings.names import is_repository, split_revision
from space.store.reader import Store, StoreError

_FILE = ".encoders.json"


def remember(store: Path, names: Mapping[str, str]) -> None:
    """Note the folders of encoders.

    Args:
        store: its folder.
        names: {encoder: Hub id or folder}; only folders are noted.
    """
    folders = {part: str(Path(name).resolve()) for part, name in names.items() if Path(name).is_dir()}
    with atomically(store / _FILE) as unfinished:
        unfinished.write_text(json.dumps(folders, indent=1), encoding="utf-8")


def recall(store: Path, part: str) -> Path | None:
    """The folder of an encoder, if it was noted and is still there."""
    try:
        folder = Path(json.loads((store / _FILE).read_text(encoding="utf-8"))[part])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return folder if folder.is_dir() else None


def maker(store: Store, part: str, cure: str, *, on_hub: bool = False) -> str:
    """The encoder that made a part of a store: ID@REVISION, or its folder, here or beside the store.

    Args:
        store: opened.
        part: name of the encoder.
        cure: how to name the encoder, for the message.
        on_hub: the store may come from a stranger, and names no folder of this machine.

    Raises:
        StoreError: a folder that is not here made it.
    """
    name = store.encoders[part].pinned
    places = [] if on_hub else [recall(store.folder, part), Path(name), store.folder.parent / Path(name).name]
    for place in places:
        if place and place.is_dir():
            return str(place)
    if name == PACKAGED_NAME or is_repository(split_revision(name)[0]):
        return name
    raise StoreError(f"{store.name}: {part} was made by {name}, a folder that is not here; name it: {cure}")
