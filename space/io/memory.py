"""Less memory and a faster start: size of pages, garbage collection, turns of threads, mapped and freed memory."""

import ctypes
import gc
import mmap
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

#: The first line of a mapping in /proc/self/smaps: addresses, flags, file.
_HEAD = re.compile(r"([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ +(/.*)")
#: Kilobytes of a mapping that this process has written. They are not in the file, so releasing would lose them.
_WRITTEN = re.compile(r"(Anonymous|Swap): +(\d+) kB")
#: Seconds after which a thread hands over Python's lock to another one that waits for it; Python's own are 5 ms.
_SHORT_TURN = 5e-4


def huge_pages() -> None:
    """Let torch have memory of 2 MB and more in pages of 2 MB, on a Linux that has them.

    The processor finds its way among them faster than among pages of 4 KB. torch looks at this once, before its first
    tensor.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


@contextmanager
def uncollected() -> Iterator[None]:
    """Import and load without garbage collection: imports take a quarter less time.

    torch and gradio create half a million objects. Python would search them again and again for unreachable cycles
    while they load. Afterwards they are frozen, so that later collections skip them, too.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def short_turns() -> Iterator[None]:
    """Within, a thread waits for Python's lock a tenth of the usual time while another one computes.

    Hashing and matrix products do not hold that lock, but need it between two steps. Beside the import of Gradio each
    step would wait for 5 ms.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SHORT_TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def trim() -> None:
    """Give freed memory back to the system, which the C library would keep for later; glibc only."""
    gc.collect()
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if give_back is not None:
        give_back(0)


def release(folders: Iterable[Path], suffix: str) -> int:
    """Release the memory of mapped files; a page is read from the file again when it is needed.

    A fingerprint reads all of a model's weights once. Their largest part, the token embeddings, is hardly read again.
    Mappings that this process has written to are left alone.

    Args:
        folders: mapped files below them are released.
        suffix: how their names end.

    Returns:
        Bytes released, or 0 on a system without /proc/self/smaps.
    """
    maps = Path("/proc/self/smaps")
    if not (maps.is_file() and hasattr(mmap, "MADV_DONTNEED")):
        return 0
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    total, folders = 0, [folder.resolve() for folder in folders]
    for start, end, name in _unwritten_mappings(maps.read_text(encoding="utf-8", errors="replace")):
        if name.endswith(suffix) and any(Path(name).is_relative_to(folder) for folder in folders):
            madvise(start, end - start, mmap.MADV_DONTNEED)
            total += end - start
    return total


def _unwritten_mappings(smaps: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, file) of each mapping that has the content of its file."""
    for mapping in re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", smaps):
        head = _HEAD.match(mapping)
        written = dict(_WRITTEN.findall(mapping))
        if head and len(written) == 2 and not any(map(int, written.values())):
            yield int(head[1], 16), int(head[2], 16), head[3]
