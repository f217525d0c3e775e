"""Push a model over the Hub of the tests and pull it: unbroken, with cut connections, and killed in the middle.

    python -m tests.long hub

The model is the packaged E5, 471 MB, unless --model names another folder. Its weights go up in parts, as the Hub asks
for large files. The clients are processes of their own, which say how much memory they took; they need Linux. The last
line of the output is JSON.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hub_server import Fault, HubServer

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "hf_" + "Aw1" * 11
REPO = "alice/large"
WEIGHTS = "model.safetensors"
_WAIT_SECONDS = 120
#: What a client runs. VmHWM is the most memory that the process has taken, in kB.
CLIENT = """
import json, logging, re, sys, time
from pathlib import Path
from space.hub import client, publish

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1000

logging.basicConfig(format="%(message)s", level=logging.INFO)
command, repo, folder = sys.argv[1:]
before, start = peak(), time.monotonic()
if command == "push":
    publish.push_model(Path(folder), repo)
else:
    Path("pulled").write_text(str(client.pull(repo, "model").folder))
print(json.dumps({"seconds": round(time.monotonic() - start, 1), "MB before": round(before), "MB": round(peak())}))
"""


class Trial:
    """A Hub without files, and clients of it.

    Args:
        place: an empty folder.
        model: the folder to push.
        part_bytes: of an upload; larger files are divided.
    """

    def __init__(self, place: Path, model: Path, part_bytes: int) -> None:
        self.model, self.home = model, place / "home"
        self.home.mkdir(parents=True)
        self.hub = HubServer(place / "hub", {TOKEN: "alice"}, part_bytes=part_bytes)
        self.parts = -(-(model / WEIGHTS).stat().st_size // part_bytes)  # of the weights

    def start(self, command: str) -> subprocess.Popen:
        words = [sys.executable, "-c", CLIENT, command, REPO, str(self.model)]
        env = self.hub.env(self.home, TOKEN, PYTHONPATH=str(ROOT), HF_HUB_DISABLE_PROGRESS_BARS="1")
        log = (self.home / "log").open("a")
        return subprocess.Popen(words, env=env, cwd=self.home, stdout=subprocess.PIPE, stderr=log, text=True)

    def run(self, command: str) -> dict:
        """Push or pull to the end; what the client says.

        Raises:
            RuntimeError: it failed.
        """
        process = self.start(command)
        out, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{command}: {(self.home / 'log').read_text()[-4000:]}")
        return json.loads(out.splitlines()[-1])

    def kill(self, command: str, fault: Fault) -> None:
        """Push or pull, and kill the client once it has met ``fault``, which makes it wait."""
        with self.hub.fault(fault):
            process, until = self.start(command), time.monotonic() + _WAIT_SECONDS
            while not fault.hits and process.poll() is None and time.monotonic() < until:
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        if not fault.hits:
            raise RuntimeError(f"{command} was not killed in the middle: {(self.home / 'log').read_text()[-4000:]}")

    def answers(self, method: str, path: str) -> list[int]:
        """The statuses of all requests for the weights; 0 is a connection that was cut."""
        return [one.status for one in list(self.hub.requests) if one.method == method and path in one.path]

    def is_same(self) -> bool:
        """Whether the files that were pulled are those of the model; the card names the repository."""
        names = {path.relative_to(self.model) for path in self.model.rglob("*") if path.is_file()}
        names = {name for name in names if name.name != "README.md" and name.name[0] != "."}
        folder = Path((self.home / "pulled").read_text())
        return all((folder / name).read_bytes() == (self.model / name).read_bytes() for name in names)


def unbroken(trial: Trial) -> dict:
    """Push, then pull."""
    pushed, pulled = trial.run("push"), trial.run("pull")
    return {"push": pushed, "pull": pulled, "same": trial.is_same()}


def cut(trial: Trial) -> dict:
    """A part is cut twice and refused once, the last word of the upload too; the download is cut twice."""
    middle = trial.parts // 2 + 1
    faults = [Fault(f"PUT /cdn/part/.*/{middle}$", "cut", times=2), Fault(f"PUT /cdn/part/.*/{middle - 1}$", 503)]
    with trial.hub.fault(*faults, Fault("POST /api/complete_multipart", 503)):
        pushed = trial.run("push")
    with trial.hub.fault(Fault(f"GET /cdn/.*{WEIGHTS}", "cut", times=2)):
        pulled = trial.run("pull")
    return {"push": pushed, "pull": pulled, "same": trial.is_same()}


def killed(trial: Trial) -> dict:
    """Push and pull are killed in the middle and started again."""
    trial.kill("push", Fault(f"PUT /cdn/part/.*/{trial.parts // 2 + 1}$", "slow", seconds=_WAIT_SECONDS))
    pushed = trial.run("push")
    # Half of it has arrived when the client asks for the rest.
    with trial.hub.fault(Fault(f"GET /cdn/.*{WEIGHTS}", "cut")):
        trial.kill("pull", Fault(f"GET /cdn/.*{WEIGHTS}", "slow", seconds=_WAIT_SECONDS))
    pulled = trial.run("pull")
    return {"push": pushed, "pull": pulled, "same": trial.is_same()}


TRIALS = {"unbroken": unbroken, "cut": cut, "killed": killed}


def measure(place: Path, model: Path, part_bytes: int) -> dict[str, dict]:
    """Every trial; {its name: what the clients said, whether the same files came back, and what was sent}."""
    found = {}
    for name, steps in TRIALS.items():
        trial = Trial(place / name, model, part_bytes)
        with trial.hub:
            seen = found[name] = steps(trial)
            seen |= {"parts of the weights": trial.parts, "parts sent": len(trial.answers("PUT", "/cdn/part/"))}
            seen["downloads"] = trial.answers("GET", WEIGHTS)
        pieces = (trial.home / "hub").rglob("*.incomplete")
        seen["MB of unfinished files"] = round(sum(path.stat().st_size for path in pieces) / 1e6, 1)
        shutil.rmtree(place / name)
    return found


def main(arguments: list[str] | None = None) -> None:
    """Run all trials; the exit status is 1 if a file came back as another one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="a folder with model.safetensors; without it the packaged E5")
    parser.add_argument("--part-megabytes", type=float, default=16)
    settings = parser.parse_args(arguments)
    if settings.model is None:
        from space.encoding import packaged_e5

        settings.model = packaged_e5.unpack()
    with tempfile.TemporaryDirectory() as temporary:
        found = measure(Path(temporary), settings.model, int(settings.part_megabytes * 1e6))
    print(json.dumps({"MB": round((settings.model / WEIGHTS).stat().st_size / 1e6, 1), "trials": found}))
    sys.exit(0 if all(seen["same"] for seen in found.values()) else 1)
