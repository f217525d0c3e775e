"""The same answers before and after a change: keep a run on the bundled sample, then compare it with another.

python benchmarks/same_answers.py keep FOLDER      # trains, embeds, serves, asks 50 queries
python benchmarks/same_answers.py compare OLD NEW  # lists every value that differs, exit code 1 if any does
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from gradio_client import Client

ROOT = Path(__file__).resolve().parent.parent
QUERIES, HITS, SEED = 50, 10, 7
#: Clock readings and texts for people: they may differ between two equal runs, or change with the prose.
LEFT_OUT = {"timings_ms", "seconds", "examples_per_second", "versions", "notice", "description", "verdict", "remarks"}
LEFT_OUT |= {"peak_memory_gb", "sha256", "notes"}


def main() -> None:
    """Keep a run, or compare two."""
    if len(sys.argv) == 3 and sys.argv[1] == "keep":
        keep(Path(sys.argv[2]))
    elif len(sys.argv) == 4 and sys.argv[1] == "compare":
        different = list(compare(Path(sys.argv[2]), Path(sys.argv[3])))
        print("\n".join(different) or "the same answers")
        sys.exit(1 if different else 0)
    else:
        sys.exit(__doc__)


def keep(folder: Path) -> None:
    """Train on the sample, embed it, serve it, and write what the endpoints answer to ``answers.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    shared = ["--dataset", "sample", "--offline"]
    command(folder, "train.py", *shared, "--seed", str(SEED), "--max-steps", "40")
    command(folder, "build_embeddings.py", *shared, "--model", "saved_e5_model")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), "--port", str(port)], cwd=folder, start_new_session=True
    )
    try:
        answers = ask(connect(app, port), held_out_queries(folder))
    finally:
        os.killpg(app.pid, signal.SIGTERM)
        app.wait()
    (folder / "answers.json").write_text(json.dumps(answers, indent=1, ensure_ascii=False), encoding="utf-8")
    print(f"{len(answers)} answers are in {folder / 'answers.json'}")


def command(folder: Path, script: str, *arguments: str) -> None:
    """Run an entry point in ``folder``."""
    subprocess.run([sys.executable, str(ROOT / script), *arguments], cwd=folder, check=True)


def connect(app: subprocess.Popen[bytes], port: int, seconds: float = 300) -> Client:
    """A client of the page, once it answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and app.poll() is None:
        try:
            return Client(f"http://127.0.0.1:{port}", verbose=False)
        except (httpx.TransportError, ValueError):
            time.sleep(0.5)
    sys.exit("app.py does not answer")


def held_out_queries(folder: Path) -> list[str]:
    """The first held-out queries of the run's evaluation."""
    evaluation = json.loads((folder / "saved_e5_model" / "evaluation.json").read_text(encoding="utf-8"))
    return list(dict.fromkeys(evaluation["per_query"]["query"]))[:QUERIES]


def ask(client: Client, queries: list[str]) -> dict[str, Any]:
    """{endpoint, system and query: what it answers}."""
    answers: dict[str, Any] = {}
    for query in queries:
        for system in ("base", "tuned", "bm25", "hybrid"):
            found = client.predict(query, HITS, system, "", "", "", api_name="/search")
            answers[f"search {system} {query}"] = found
        answers[f"compare {query}"] = client.predict(query, HITS, "", "", "", api_name="/compare")
        first = answers[f"search tuned {query}"]["hits"][0]
        named = {"product_id": first["product_id"], "product_locale": first["product_locale"]}
        for system in ("base", "tuned", "bm25"):
            answers[f"explain {system} {query}"] = client.predict(
                query=query, system=system, **named, api_name="/explain"
            )
        answers[f"more_like {query}"] = client.predict(**named, api_name="/more_like")
    return answers


def compare(old: Path, new: Path) -> Iterator[str]:
    """One line for every value of the two runs that is not the same."""
    for name in ("answers.json", "artifacts/manifest.json", "saved_e5_model/evaluation.json"):
        first, second = (json.loads((folder / name).read_text(encoding="utf-8")) for folder in (old, new))
        yield from differences(name, first, second)


def differences(place: str, old: Any, new: Any) -> Iterator[str]:
    """Where two JSON values differ, without what ``LEFT_OUT`` names."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if key in LEFT_OUT:
                continue
            if key not in old or key not in new:
                yield f"{place}: {key!r} only in the {'old' if key in old else 'new'} run"
            else:
                yield from differences(f"{place}: {key}", old[key], new[key])
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, pair in enumerate(zip(old, new, strict=True)):
            yield from differences(f"{place}[{number}]", *pair)
    elif old != new:
        yield f"{place}: {old!r} became {new!r}"[:300]


if __name__ == "__main__":
    main()
