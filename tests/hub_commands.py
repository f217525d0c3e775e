"""Runs commands of the project against the Hub of `hub_server`, and looks that they print no secret."""

import subprocess
import sys

from conftest import ROOT

TOKEN, READ_ONLY = "hf_" + "Gd4" * 11, "hf_" + "Ro7" * 11
BROKEN = "hf_pasted\u201dquote"


def is_clean(output):
    return not [secret for secret in (TOKEN, READ_ONLY, BROKEN, "signature=") if secret in output]


def run(hub, home, *words, token=TOKEN, code=0, cwd=None, **env):
    done = subprocess.run(
        [sys.executable, *words],
        cwd=cwd or home, env=hub.env(home, token, PYTHONPATH=str(ROOT), **env),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    done.output = done.stdout + done.stderr
    assert done.returncode == code, done.output[-4000:]
    assert is_clean(done.output)
    return done
