"""The commands that are killed: what each needs, what it does, and the bytes it has to leave."""

import json
import shutil
from pathlib import Path

from tests.long.child_processes import digest, finished

USAGE_ROUNDS = 60


class Build:
    """build_embeddings.py: the store, byte for byte. A store with a manifest has to be complete."""

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
        """The result after a kill, if other commands would take it for finished; else None."""
        return self.result(folder) if (folder / "artifacts" / "manifest.json").is_file() else None

    def clear(self, folder: Path) -> None:
        """Remove the folder."""
        shutil.rmtree(folder)


class Train(Build):
    """train.py: weights and tokenizer, byte for byte. The rest holds measured times, which differ."""

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
    """push-store: the files that a reader pulls. If the manifest is on the Hub, all files have to be."""

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
        for name in (".gitattributes", "README.md"):  # the Hub writes one, the other has the repository's name
            (cache / name).unlink(missing_ok=True)
        return digest(cache)

    def half(self, folder: Path) -> str | None:
        try:
            found = self.result(folder)
        except RuntimeError:  # no repository yet
            return None
        return found if (folder / "pulled" / "manifest.json").is_file() else None


class Pull(Build):
    """The files that ``space.hub.client.pull`` brings into an empty cache."""

    def prepare(self, folder: Path) -> None:
        pass

    def work(self) -> None:
        from huggingface_hub import constants

        from space.hub import client as hub
        from space.store.reader import Store

        # The client reads its cache folder when it is imported, and the folder differs from run to run.
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


def whole_lines(path: Path) -> list[str]:
    """The lines of a file that have an end; a kill may have left half of a last one."""
    return path.read_text(encoding="utf-8").split("\n")[:-1]


class UsageFile(Build):
    """The statistics: after every kill the files hold what was written."""

    def prepare(self, folder: Path) -> None:
        pass

    def work(self) -> None:
        from space.feedback.usage import Usage

        usage, done = Usage(Path("feedback"), seconds=60), Path("done")
        begun = int(done.read_text()) if done.is_file() else 0
        for number in range(begun, USAGE_ROUNDS):
            usage.shown([("us", f"p{place}") for place in range(50)], f"query {number}")
            usage.flush()
            Path("new").write_text(f"{number + 1}")
            Path("new").replace(done)

    def result(self, folder: Path) -> str:
        lines = [line for path in (folder / "feedback" / "counts").glob("*.jsonl") for line in whole_lines(path)]
        shown = sum(json.loads(line)["searches"] for line in lines)
        # A kill between a write and its note repeats the write: one search too many for each of up to three kills.
        return f"{'as written' if USAGE_ROUNDS <= shown <= USAGE_ROUNDS + 3 else shown}"

    def half(self, folder: Path) -> str | None:
        return None


def prepare(place: Path) -> None:
    """Make the small model, a copy as the trained one, and their store, on disk and on the Hub."""
    from hub_repos import e5_files, write_files

    shutil.copytree(write_files(place / "multilingual-e5-tiny", e5_files()), place / "model")
    folder = place / "first"
    folder.mkdir()
    build = Build(place)
    build.prepare(folder)
    finished(build.work, folder, folder / "log")
    shutil.copytree(folder / "artifacts", place / "store")
    (folder / "repo").write_text("alice/ready")
    finished(Push(place).work, folder, folder / "log")
