"""Where the encoders of a store are on this machine: a hidden file beside the store's own, which is never pushed.

The manifest, which is public, has only the last part of a folder's path.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from space.io.files import atomically

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
