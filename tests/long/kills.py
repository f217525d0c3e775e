"""Kill every command, the app and the quickstart at random moments, run them again, and compare the results.

    python -m tests.long kills --kills 100 --seed 1

Every command runs in a process forked from this one, which has imported the libraries, so that a kill hits the work
and not ten seconds of imports. It uses the random encoder of the tests with 32 dimensions, the sample, and the Hub of
the tests on 127.0.0.1. The last line of the output is JSON.
"""

import argparse
import importlib
import json
import logging
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.long.child_processes import finished, killed
from tests.long.commands import Build, Pull, Push, Train, UsageFile, prepare
from tests.long.servers import App, Quickstart

KINDS = {"build": Build, "train": Train, "push": Push, "pull": Pull, "usage": UsageFile,
         "quickstart": Quickstart, "app": App}  # fmt: skip
#: Share of the kills for each command: slow ones are killed less often.
SHARES = {"build": 0.24, "train": 0.12, "push": 0.16, "pull": 0.16, "usage": 0.12, "quickstart": 0.08, "app": 0.12}
TOKEN = "hf_" + "Aw1" * 11
_SIGNALS = (signal.SIGKILL, signal.SIGTERM)


def trial(kind: Build, place: Path, name: str, seconds: float, chance: random.Random, whole: str) -> Counter:
    """Kill a command up to three times, run it to the end, and compare its result with that of an unbroken run."""
    seen: Counter = Counter()
    folder = place / name
    folder.mkdir()
    kind.prepare(folder)
    for _ in range(chance.randint(1, 3)):
        sign = chance.choice([signal.SIGKILL, signal.SIGTERM])
        if not killed(kind.work, folder, folder / "log", chance.uniform(0, seconds), sign):
            seen["finished before"] += 1
            break
        seen["kills"] += 1
        seen[sign.name] += 1
        half = kind.half(folder)
        seen["whole when killed"] += half == whole
        seen["corrupt"] += half not in (None, whole)
    finished(kind.work, folder, folder / "log")
    seen["same"] += kind.result(folder) == whole
    seen["different"] += kind.result(folder) != whole
    kind.clear(folder)
    return seen


def lives(kind: App, place: Path, kills: int, seconds: float, chance: random.Random) -> Counter:
    """Kill the app while it starts or answers. After every two kills it has to start, answer the same and stop."""
    seen: Counter = Counter()
    number = 0
    while seen["kills"] < kills:
        folder = place / f"app-{number}"
        number += 1
        folder.mkdir()
        kind.prepare(folder)
        found: set[tuple[str, ...]] = set()
        for _ in range(min(2, kills - seen["kills"])):
            sign = chance.choice(_SIGNALS)
            early = chance.random() < 0.25
            ended, answers = kind.life(folder, -chance.uniform(0, seconds) if early else chance.uniform(0, 6), sign)
            found |= answers
            seen.update({"kills": int(ended), sign.name: int(ended), "while starting": int(ended and early)})
        ended, answers = kind.life(folder, 3, signal.SIGTERM)
        counted = kind.counted(folder)
        print(f"app: {len(answers)} answers after the kills, statistics {counted}", flush=True)
        first = {query: ids for query, *ids in sorted(found)}
        same = bool(answers) and all(ids == first.get(query, ids) and ids for query, *ids in sorted(answers | found))
        seen["same"] += int(same and ended and counted == "whole")
        seen["different"] += int(not (same and ended and counted == "whole"))
        shutil.rmtree(folder)
    return seen


def loop(place: Path, commands: tuple[str, ...], kills: int, seed: int) -> dict[str, dict[str, int]]:
    """Kill every command; returns {command: counts of what happened}."""
    chance, found = random.Random(seed), {}
    for command in commands:
        kind, want = KINDS[command](place), max(1, round(kills * SHARES[command]))
        folder = place / f"{command}-whole"
        folder.mkdir()
        kind.prepare(folder)
        seconds = finished(kind.work, folder, folder / "log")
        if command == "app":
            seen = lives(kind, place, want, seconds, chance)
            found[command] = {"seconds to start": round(seconds, 2)} | dict(seen)
            print(command, found[command], flush=True)
            continue
        whole, seen, number = kind.result(folder), Counter(), 0
        while seen["kills"] < want and number < 4 * want:
            seen += trial(kind, place, f"{command}-{number}", seconds, chance, whole)
            number += 1
        found[command] = {"seconds unbroken": round(seconds, 2)} | dict(seen)
        print(command, found[command], flush=True)
    return found


def served_hub(place: Path) -> tuple[int, dict[str, str]]:
    """Start the Hub of the tests in a process of its own; returns its id and the environment of its clients."""
    from hub_server import HubServer

    read, write = os.pipe()
    child = os.fork()
    if not child:
        with HubServer(place / "hub", {TOKEN: "alice"}) as server:
            os.write(write, json.dumps(server.env(place / "home", TOKEN)).encode())
            os.close(write)
            parent = os.getppid()
            while os.getppid() == parent:
                time.sleep(0.2)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        return child, json.loads(said.read())


def ready(place: Path) -> None:
    """Import and make what the children need. It must not start a thread of torch, which a fork would lose."""
    for name in (
        "build_embeddings",
        "space.store.embedding",
        "space.pipelines.train",
        "space.search.loading",
        "space.ui.page",
        "train",
    ):
        importlib.import_module(name)
    logging.disable(logging.NOTSET)
    prepare(place)


def main(arguments: list[str] | None = None) -> None:
    """Prepare, kill, report; the exit status is 1 if anything was lost or wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--commands", nargs="+", choices=KINDS, default=list(KINDS))
    settings = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        server, env = served_hub(place)
        os.environ.clear()
        os.environ.update(env | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"})
        os.environ["E5_VECTOR_CACHE"] = "vectors"  # in the folder of each trial
        try:
            if set(settings.commands) != {"usage"}:
                ready(place)
            found = loop(place, tuple(settings.commands), settings.kills, settings.seed)
        finally:
            os.kill(server, signal.SIGTERM)
            os.waitpid(server, 0)
    total = Counter()
    for seen in found.values():
        total.update({name: value for name, value in seen.items() if not name.startswith("seconds ")})
    print(json.dumps({"seed": settings.seed, "total": total, "commands": found}))
    sys.exit(1 if total["corrupt"] or total["different"] else 0)
