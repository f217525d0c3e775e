"""A process's memory: imports without garbage collection, and mapped pages released after they were read once."""

import ctypes
import gc
import mmap
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HEAD = re.compile(r"([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ +(/.*)")
#: What this process wrote into a mapping is in no file and would be lost.
_OWN = re.compile(r"(Anonymous|Swap): +(\d+) kB")


@contextmanager
def uncollected() -> Iterator[None]:
    """Around the imports a program keeps to its end: they take a quarter less time.

    torch, transformers and gradio bring nearly a million objects, and again and again while they come Python looks
    through all that are there for cycles to free, and finds next to none. Afterwards they count as permanent, so that
    no later search for cycles looks at them either.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def release(folder: Path, suffix: str) -> int:
    """Let go of the pages of all files in a folder that are mapped and not written to; they come back when needed.

    A model's weights are all read once, to tell which they are; of its largest part, the vectors of tokens, hardly
    any is read again. Where they are still in the system's cache nothing has to come from the disk.

    Args:
        folder: with all that is in it.
        suffix: how the files' names end.

    Returns:
        How many bytes are mapped there.
    """
    maps = Path("/proc/self/smaps")
    if not (maps.is_file() and hasattr(mmap, "MADV_DONTNEED")):
        return 0
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    total = 0
    for start, end, name in _unwritten(maps.read_text(encoding="utf-8", errors="replace")):
        if name.endswith(suffix) and Path(name).is_relative_to(folder.resolve()):
            madvise(start, end - start, mmap.MADV_DONTNEED)
            total += end - start
    return total


def _unwritten(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and file of the mappings in /proc/self/smaps that are as their files are."""
    for part in re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", text):
        head = _HEAD.match(part)
        own = dict(_OWN.findall(part))
        if head and len(own) == 2 and not any(map(int, own.values())):
            yield int(head[1], 16), int(head[2], 16), head[3]
