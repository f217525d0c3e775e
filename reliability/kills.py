"""Kill train, build, push, pull and the statistics at random moments, run the same command again, compare the bytes.

    python reliability/kills.py --kills 100 --seed 1

Each command runs in a process forked from this one, which has imported the libraries, so that the moments fall into
the work and not into ten seconds of imports. The encoder is the tests' random one of 32 dimensions, the data the
sample, the Hub the tests' own on 127.0.0.1. The last line of the output is JSON.
"""

import argparse
import hashlib
import json
import logging
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
COMMANDS = ("build", "train", "push", "pull", "usage")
#: Of a hundred kills: what takes longest is killed less often.
SHARES = {"build": 0.3, "train": 0.15, "push": 0.2, "pull": 0.2, "usage": 0.15}
TOKEN = "hf_" + "Aw1" * 11
USAGE_ROUNDS = 60


def forked(work: Callable[[], object], folder: Path, log: Path) -> int:
    """The process id of a child that does ``work`` in ``folder`` and ends with 0, 1 or by a signal."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.chdir(folder)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        work()
        code = 0
    except SystemExit as end:
        code = 0 if not end.code else 1
        print(end.code, flush=True)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def finished(work: Callable[[], object], folder: Path, log: Path) -> float:
    """Seconds that ``work`` took to its good end."""
    start = time.monotonic()
    _, status = os.waitpid(forked(work, folder, log), 0)
    if status:
        raise RuntimeError(f"ended with {status}: {log.read_text(errors='replace')[-2000:]}")
    return time.monotonic() - start


def killed(work: Callable[[], object], folder: Path, log: Path, after: float, sign: int) -> bool:
    """Whether the child was still at work when the signal came."""
    child = forked(work, folder, log)
    time.sleep(after)
    os.kill(child, sign)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def digest(folder: Path, names: str = "**/*") -> str:
    """One hash over the names and bytes of files; ``.lock`` files and the cache's notes are nobody's result."""
    total = hashlib.sha256()
    for path in sorted(folder.glob(names)):
        if path.is_file() and path.suffix != ".lock":
            total.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


class Build:
    """build_embeddings.py: the whole store, byte for byte; a store that opens is the whole one."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def prepare(self, folder: Path) -> None:
        shutil.copytree(self.place / "model", folder / "saved_e5_model")

    def work(self) -> None:
        import build_embeddings

        words = ["--dataset", "sample", "--base-model", str(self.place / "multilingual-e5-tiny"), "--offline"]
        build_embeddings.main([*words, "--shard-size", "300"])

    def result(self, folder: Path) -> str:
        return digest(folder / "artifacts")

    def half(self, folder: Path) -> str | None:
        """The result, if what a kill left is taken for one."""
        return self.result(folder) if (folder / "artifacts" / "manifest.json").is_file() else None


class Train(Build):
    """train.py: weights and tokenizer, byte for byte; measured times differ from run to run and are left out."""

    def prepare(self, folder: Path) -> None:
        pass

    def work(self) -> None:
        import train

        words = ["--dataset", "sample", "--base-model", str(self.place / "multilingual-e5-tiny"), "--offline"]
        train.main([*words, "--max-steps", "6", "--save-steps", "2", "--eval-queries", "12", "--resume"])

    def result(self, folder: Path) -> str:
        return digest(folder / "saved_e5_model", "**/*.safetensors") + digest(folder / "saved_e5_model", "token*")

    def half(self, folder: Path) -> str | None:
        return self.result(folder) if (folder / "saved_e5_model" / "model.safetensors").is_file() else None


class Push(Build):
    """push-store: what a reader then pulls; a manifest on the Hub means that all files are there."""

    def prepare(self, folder: Path) -> None:
        shutil.copytree(self.place / "store", folder / "artifacts")
        (folder / "repo").write_text(f"alice/d-{folder.name}")

    def work(self) -> None:
        from space.__main__ import main

        main(["push-store", Path("repo").read_text(), "artifacts"])

    def result(self, folder: Path) -> str:
        cache = folder / "pulled"
        shutil.rmtree(cache, ignore_errors=True)

        def fetch() -> None:
            from huggingface_hub import snapshot_download

            snapshot_download((folder / "repo").read_text(), repo_type="dataset", local_dir=cache)

        finished(fetch, folder, folder / "log")
        shutil.rmtree(cache / ".cache", ignore_errors=True)
        for name in (".gitattributes", "README.md"):  # the Hub's own; and the card, which names the repository
            (cache / name).unlink(missing_ok=True)
        return digest(cache)

    def half(self, folder: Path) -> str | None:
        try:
            found = self.result(folder)
        except RuntimeError:  # not even a repository yet
            return None
        return found if (folder / "pulled" / "manifest.json").is_file() else None


class Pull(Build):
    """What ``space.hub.pull`` gives the app, into an empty cache."""

    def prepare(self, folder: Path) -> None:
        pass

    def work(self) -> None:
        from huggingface_hub import constants

        from space import hub
        from space.store import Store

        # The client reads its settings when it is imported, and the folder is another one each time.
        constants.HF_HUB_CACHE = str(Path("cache").resolve())
        import huggingface_hub._snapshot_download as client

        client.constants.HF_HUB_CACHE = constants.HF_HUB_CACHE
        found = hub.pull("alice/ready", "dataset")
        Store(found.folder)
        Path("found").write_text(str(found.folder))

    def result(self, folder: Path) -> str:
        return digest(Path((folder / "found").read_text()))

    def half(self, folder: Path) -> str | None:
        return self.result(folder) if (folder / "found").is_file() else None


class UsageFile(Build):
    """The statistics: the file is whole after every kill, and holds no more and no less than was written."""

    def prepare(self, folder: Path) -> None:
        pass

    def work(self) -> None:
        from space.usage import Usage

        usage, done = Usage(Path("usage.sqlite3"), seconds=60), Path("done")
        begun = int(done.read_text()) if done.is_file() else 0
        for number in range(begun, USAGE_ROUNDS):
            usage.shown([("us", f"p{place}") for place in range(50)], f"query {number}")
            usage.flush()
            Path("new").write_text(f"{number + 1}")
            Path("new").replace(done)

    def result(self, folder: Path) -> str:
        file = sqlite3.connect(folder / "usage.sqlite3")
        (state,) = file.execute("PRAGMA integrity_check").fetchone()
        (shown,) = file.execute("SELECT sum(searches) FROM days").fetchone()
        file.close()
        # A kill between the write and the note of it counts one search twice; more would be a fault.
        return f"{state}, {'as written' if USAGE_ROUNDS <= shown <= USAGE_ROUNDS + 3 else shown}"

    def half(self, folder: Path) -> str | None:
        return None


KINDS = {"build": Build, "train": Train, "push": Push, "pull": Pull, "usage": UsageFile}


def trial(kind: Build, place: Path, name: str, seconds: float, chance: random.Random, whole: str) -> Counter:
    """One folder: killed up to three times, run to the end, compared."""
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
    shutil.rmtree(folder)
    return seen


def loop(place: Path, commands: tuple[str, ...], kills: int, seed: int) -> dict[str, dict[str, int]]:
    """{command: what was seen}."""
    chance, found = random.Random(seed), {}
    for command in commands:
        kind, want = KINDS[command](place), max(1, round(kills * SHARES[command]))
        folder = place / f"{command}-whole"
        folder.mkdir()
        kind.prepare(folder)
        seconds = finished(kind.work, folder, folder / "log")
        whole, seen, number = kind.result(folder), Counter(), 0
        while seen["kills"] < want and number < 4 * want:
            seen += trial(kind, place, f"{command}-{number}", seconds, chance, whole)
            number += 1
        found[command] = {"seconds unbroken": round(seconds, 2)} | dict(seen)
        print(command, found[command], flush=True)
    return found


def prepare(place: Path) -> None:
    """The model, a trained one, and a store of theirs, on the disk and on the Hub."""
    from hub_repos import e5_files

    tiny = place / "multilingual-e5-tiny"
    for name, content in e5_files().items():
        (tiny / name).parent.mkdir(parents=True, exist_ok=True)
        (tiny / name).write_bytes(content)
    shutil.copytree(tiny, place / "model")
    folder = place / "first"
    folder.mkdir()
    build = Build(place)
    build.prepare(folder)
    finished(build.work, folder, folder / "log")
    shutil.copytree(folder / "artifacts", place / "store")
    (folder / "repo").write_text("alice/ready")
    finished(Push(place).work, folder, folder / "log")


def served_hub(place: Path) -> tuple[int, dict[str, str]]:
    """The tests' Hub in a process of its own: its id, and the environment of its clients."""
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


def main(arguments: list[str] | None = None) -> None:
    """Prepare, kill, report; ends with 1 if anything was lost or wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=COMMANDS)
    settings = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        server, env = served_hub(place)
        os.environ.clear()
        os.environ.update(env | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"})
        # Everything a child needs, before the first fork; nothing here may start a thread of torch.
        import build_embeddings  # noqa: F401
        import space.embedding
        import space.experiment  # noqa: F401
        import train  # noqa: F401

        logging.disable(logging.NOTSET)
        try:
            prepare(place)
            found = loop(place, tuple(settings.commands), settings.kills, settings.seed)
        finally:
            os.kill(server, signal.SIGTERM)
            os.waitpid(server, 0)
    total = Counter()
    for seen in found.values():
        total.update({name: value for name, value in seen.items() if name != "seconds unbroken"})
    print(json.dumps({"seed": settings.seed, "total": total, "commands": found}))
    sys.exit(1 if total["corrupt"] or total["different"] else 0)


if __name__ == "__main__":
    main()
