"""No request makes the page fetch an address or read a file."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from conftest import ROOT, environment
from starlette.exceptions import HTTPException

from space.ui import file_data

SCRIPT = Path(__file__).with_name("strange_network.py")


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """What the page and a stranger's server saw in a network of their own."""
    for options in (["-n"], ["-rn"]):  # as root, or where users may have namespaces of their own
        done = subprocess.run(["unshare", *options, "true"], capture_output=True, check=False) if _unshare() else None
        if done is not None and done.returncode == 0:
            break
    else:
        pytest.skip("cannot make a network namespace here: it needs unshare, and root or namespaces for users")
    folder = tmp_path_factory.mktemp("strange")
    done = subprocess.run(
        ["unshare", *options, sys.executable, str(SCRIPT)],
        cwd=ROOT,
        env=environment() | {"GRADIO_TEMP_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def _unshare():
    return shutil.which("unshare")


def test_no_public_address_is_fetched(network):
    """Whatever place of whatever event names it. Gradio alone fetches it, which the control shows."""
    assert network["control"] == ["GET /control"]
    assert network["asked"] == []


def test_file_data_is_refused_before_gradio_sees_it(network):
    said = network["said"]
    assert len(said) > 50
    assert {name: status for name, status in said.items() if status != 400} == {"file=": 404}


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]}',
        b'{"data": [{"path": "x", "meta": 1}]}',
        b'{"data": [[{"a": {"path": "x", "meta": {"_type": "gradio.FileData"}}}]]}',
        b'{"data": [{"p": 1, "_type": "gradio.FileData"}]}',
        b'{"data": ' + b"[" * 100_000,
        b"data=1",
        b"\xff\xfe{",
    ],
)
def test_a_body_that_is_refused(body):
    with pytest.raises(HTTPException) as error:
        file_data.check(body)
    assert error.value.status_code == 400


@pytest.mark.parametrize(
    "text", ['{"path": "/a", "meta": 1}', "gradio.FileData", "path meta _type", '{"_type": "gradio.FileData"}']
)
def test_texts_about_files_are_searched(url, text):
    body = {"data": [text, 3, "bm25", *[""] * 4, *[None] * 3, False]}
    assert httpx.post(f"{url}gradio_api/call/search", json=body).status_code == 200
