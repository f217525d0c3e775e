"""Fuzz the code that reads foreign bytes, see targets.py, and count the cases.

    python -m tests.long fuzz --cases 1000000

Seeds are mutated at random; the last line of the output is JSON.
"""

import argparse
import json
import random
import sys
import time
import traceback
from collections.abc import Iterator

#: Share of the cases for each target: a search takes as long as twenty links.
SHARES = {"csv": 0.2, "link": 0.25, "manifest": 0.2, "query": 0.02, "text": 0.3,
          "parquet": 0.01, "jsonl": 0.01, "vectors": 0.01}  # fmt: skip
MAX_BYTES = 4_096
_ODD = [b"\0", b"\xff\xfe", b"\xed\xa0\x80", "\u202e".encode(), "\ufeff".encode(), "𐍈".encode(), b'"', b"\r", b"\n",
        b",", b"%00", b"&", b"=", b"{}", b"[" * 50, b"NaN",
        b"Infinity", b"-1", b"1e999", b"9" * 60, b"x" * 600]  # fmt: skip


def mutations(seeds: list[bytes], chance: random.Random) -> Iterator[bytes]:
    """Endless mutations of ``seeds``: pieces deleted, doubled, flipped or replaced; one in twenty is random bytes."""
    kept = list(seeds)
    while True:
        data = bytearray(chance.choice(kept) if chance.random() < 0.95 else chance.randbytes(chance.randint(0, 200)))
        for _ in range(chance.randint(1, 6)):
            at = chance.randint(0, len(data))
            end = min(len(data), at + chance.randint(0, 12))
            match chance.randint(0, 4):
                case 0:
                    del data[at:end]
                case 1:
                    data[at:at] = data[at:end] * chance.randint(1, 3)
                case 2:
                    data[at:at] = chance.choice(_ODD)
                case 3 if at < len(data):
                    data[at] ^= 1 << chance.randint(0, 7)
                case _:
                    other = chance.choice(kept)
                    data[at:end] = other[: chance.randint(0, len(other))]
        yield bytes(data[:MAX_BYTES])
        if len(kept) < 500 and chance.random() < 0.01:
            kept.append(bytes(data[:MAX_BYTES]))


def run_cases(name: str, cases: int, seed: int) -> dict[str, object]:
    """Run random mutations; returns cases, seconds, and up to five findings with their bytes."""
    from tests.long.targets import SEEDS, TARGETS

    target, findings, start = TARGETS[name], [], time.monotonic()
    for number, data in zip(range(cases), mutations(SEEDS[name], random.Random(f"{seed} {name}")), strict=False):
        try:
            target(data)
        except Exception as error:  # every exception is a finding
            findings.append({"case": number, "bytes": data.hex(), "error": f"{type(error).__name__}: {error}"[:300]})
            traceback.print_exc()
            if len(findings) == 5:
                break
    return {"cases": number + 1, "seconds": round(time.monotonic() - start, 1), "findings": findings}


def main(arguments: list[str] | None = None) -> None:
    """Fuzz every target; the exit status is 1 if there is a finding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000, help="for all targets together, at least one each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=SHARES)
    settings = parser.parse_args(arguments)
    found = {}
    for name, share in SHARES.items() if not settings.only else [(settings.only, 1.0)]:
        found[name] = run_cases(name, max(1, round(settings.cases * share)), settings.seed)
        print(name, found[name]["cases"], "cases", found[name]["seconds"], "s", flush=True)
    print(json.dumps({"seed": settings.seed, "cases": sum(one["cases"] for one in found.values()), "targets": found}))
    sys.exit(1 if any(one["findings"] for one in found.values()) else 0)
