"""The Hub's real clients, each script in a process of its own, knowing nothing but four environment variables.

Importing the clients is slow, so one process makes many calls and prints what it saw as JSON; the tests look at that,
and at what the server then holds.
"""

import json
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from types import SimpleNamespace

from hub_repos import add_defaults
from hub_server import HubServer

TOKENS = {"hf_good": "alice", "hf_bob": "bob", "hf_read": "alice"}
WEIGHTS = bytes(range(256)) * 1200  # 300 kB: the client reads it in one chunk, a cut falls in the middle

PROLOGUE = """
import json, os, time
from pathlib import Path
out = {}

def failure(call, *args, **kwargs):
    "How a call fails: the names of the classes of the error, its status, its text."
    try:
        call(*args, **kwargs)
    except Exception as error:
        names = [kind.__module__.split(".")[0] + "." + kind.__name__ for kind in type(error).__mro__]
        response = getattr(error, "response", None)
        return {"classes": names, "status": response.status_code if response is not None else None, "text": str(error)}
    return {"classes": [], "status": None, "text": ""}
"""


def run_client(hub, home, script, token=None, **env):
    """Run a script in a fresh Python; it fills `out`."""
    code = PROLOGUE + textwrap.dedent(script) + "\nprint(json.dumps(out))\n"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=hub.env(home, token, **env),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return SimpleNamespace(**json.loads(done.stdout.splitlines()[-1]), stderr=done.stderr)


def raised(failed, name):
    """Whether a recorded failure is an error of that class."""
    return any(kind.endswith(f".{name}") for kind in failed["classes"])


@contextmanager
def serve(folder):
    """A Hub with the default repositories; at its end a client that asks for what the server does not know shows."""
    with HubServer(folder, TOKENS, read_only={"hf_read"}) as server:
        add_defaults(server)
        yield server
        assert set(server.unknown) <= {"GET /api/agent-harnesses"}  # the list of agents is not needed
