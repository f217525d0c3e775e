"""Mapped pages are released without losing what was written; imports run without the garbage collector; huge pages."""

import gc
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from space.io.memory import release, short_turns, trim, uncollected

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def file(tmp_path):
    torch.arange(1 << 20, dtype=torch.float32).numpy().tofile(tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors"


def mapped(file):
    return torch.from_file(str(file), shared=False, size=1 << 20, dtype=torch.float32)


def in_memory(kind="RssFile"):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kind))


def test_pages_are_released_and_read_again(file):
    tensor = mapped(file)
    expected = torch.arange(1 << 20, dtype=torch.float32)
    assert torch.equal(tensor, expected)
    before = in_memory()
    assert release([file.parent], ".safetensors") >= 4 << 20
    assert in_memory() <= before - 3500
    assert torch.equal(tensor, expected)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked")
def test_freed_memory_goes_back_to_the_system():
    """A block that is still held lies above the freed ones, so the C library keeps them of itself."""
    blocks = [bytearray(b"x" * (64 << 10)) for _ in range(2_000)]
    last = blocks[-1]
    full = in_memory("RssAnon")
    del blocks
    trim()
    assert in_memory("RssAnon") < full - 100_000 and last[0] == ord("x")


def test_written_pages_are_kept(file):
    """Written pages are not in the file: releasing them would bring the old numbers back."""
    tensor = mapped(file)
    tensor[5] = -1.0
    assert release([file.parent], ".safetensors") == 0
    assert tensor[5] == -1.0


def test_other_files_are_left_alone(file, tmp_path):
    tensor = mapped(file)
    assert release([tmp_path / "elsewhere"], ".safetensors") == release([tmp_path], ".other") == 0
    assert tensor[7] == 7.0


def test_the_collector_pauses_and_runs_again_afterwards():
    before = gc.get_freeze_count()
    with uncollected():
        assert not gc.isenabled()
        kept = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= before + len(kept)


def test_collector_and_turns_are_as_before_after_a_failed_import():
    """The page is served with Python's own turns: shorter ones cost a little of every request."""
    before = sys.getswitchinterval()
    with pytest.raises(ModuleNotFoundError), uncollected(), short_turns():
        assert sys.getswitchinterval() < before
        import absent_from_every_machine  # noqa: F401
    assert gc.isenabled() and sys.getswitchinterval() == before


HUGE = """
import app
try:
    app.main(["--port", "none"])
except SystemExit:
    pass
import torch
vectors = torch.ones(64 << 20, dtype=torch.int8)
rollup = open("/proc/self/smaps_rollup").read()
print(rollup.partition("AnonHugePages:")[2].split()[0])
"""


def test_large_tensors_lie_in_huge_pages():
    """Vectors are read faster. The app asks Linux for such pages before its first tensor."""
    offered = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not offered.is_file() or "[never]" in offered.read_text():
        pytest.skip("this system has no huge pages")
    environment = {name: value for name, value in os.environ.items() if name != "THP_MEM_ALLOC_ENABLE"}
    command = [sys.executable, "-c", HUGE]
    found = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert int(found.stdout) >= 32 << 10  # kilobytes: half of them, as Linux may be short of some
