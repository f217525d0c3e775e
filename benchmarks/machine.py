"""The machine that a benchmark ran on, how busy it was with other work, and memory of processes, for its JSON.

The time of import counts as the start of the benchmark.
"""

import os
import platform
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

#: More than this share of the usable cores lost to other work makes the figures doubtful.
BUSY = 0.05
#: Kernel's clock ticks a second in /proc/stat.
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Load:
    """What else the machine did during a benchmark.

    Attributes:
        load_before: average number of processes at work in the minute before it.
        others: share of the usable cores that other processes took.
        steal: share of them that the host took for other virtual machines.
        busy: whether that is so much that times are too long.
    """

    load_before: float
    others: float
    steal: float
    busy: bool


@dataclass(frozen=True)
class Counters:
    """Seconds since the machine started, summed over the usable cores, and those of this process and its children."""

    all: float
    idle: float
    steal: float
    own: float
    load: float

    @classmethod
    def now(cls) -> "Counters | None":
        """The counters of this moment; None where there is no /proc/stat."""
        cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
        rows = [line.split() for line in _lines("/proc/stat")]
        # user, nice, system, idle, iowait, irq, softirq, steal; the two behind them are part of user and nice.
        columns = [[int(cell) / _TICKS for cell in row[1:9]] for row in rows if row and row[0] in _names(cores)]
        if not columns:
            return None
        total = [sum(column) for column in zip(*columns, strict=True)]
        own = os.times()
        return cls(sum(total), total[3] + total[4], total[7], sum(own[:4]), os.getloadavg()[0])


def load(before: Counters, after: Counters) -> Load:
    """What other work took between two moments. Children count as own once they have ended."""
    span = max(after.all - before.all, 1e-9)
    steal = (after.steal - before.steal) / span
    working = span - (after.idle - before.idle) - (after.steal - before.steal)
    others = max(0.0, working - (after.own - before.own)) / span
    return Load(round(before.load, 2), round(others, 3), round(steal, 3), others + steal > BUSY)


def load_since(before: Counters | None) -> dict[str, dict[str, float]]:
    """{"load": see ``Load``}, or nothing where it cannot be known. Prints a warning if the machine was busy."""
    after = Counters.now()
    if before is None or after is None:
        return {}
    found = load(before, after)
    if found.busy:
        print(
            f"warning: the machine was busy: other processes took {found.others:.0%} of the cores, the host "
            f"{found.steal:.0%}, load {found.load_before:g} before; times are too long, compare ratios only",
            file=sys.stderr,
            flush=True,
        )
    return {"load": asdict(found)}


def describe() -> dict[str, object]:
    """Processor, usable cores, memory in GB, the GPU if there is one, versions of libraries, and the load.

    Prints a warning if the machine was busy.
    """
    import torch  # here, so that a benchmark that measures memory can do without it

    found = load_since(_BEFORE)
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return {
        **({"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}),
        "processor": names[0] if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(memory / 1e6, 1),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("torch", "sentence-transformers", "gradio")},
        "date": time.strftime("%Y-%m-%d"),
        **found,
    }


def memory(process: int | str = "self") -> dict[str, int]:
    """MB of a process: its own, of mapped files, and the peak of both. Only Linux tells them."""
    names = {"RssAnon": "own", "RssFile": "mapped", "VmHWM": "peak"}
    rows = [line.partition(":") for line in _lines(f"/proc/{process}/status")]
    return {names[name]: int(kb.split()[0]) * 1024 // 10**6 for name, _, kb in rows if name in names}


def _names(cores: set[int]) -> set[str]:
    return {f"cpu{core}" for core in cores}


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []


_BEFORE = Counters.now()
