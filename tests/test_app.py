"""app.py as a user starts it: what it serves, and what it refuses to serve."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import httpx
import pytest
from conftest import ROOT, command, environment, run_script
from gradio_client import Client

import app
from space.store import Store
from space.ui.share import share_server_answers


@contextmanager
def serving(*arguments, cwd, script="app.py", **variables):
    """A running app and a client of it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = cwd / "app.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command(str(script), *arguments, "--port", str(port)),
            cwd=cwd, env=environment() | variables, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        for _ in range(600):
            assert process.poll() is None, log.read_text()
            try:
                client = Client(f"http://127.0.0.1:{port}", verbose=False)
                break
            except (httpx.TransportError, ValueError):
                time.sleep(0.1)
        client.log = log
        yield client
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def three(built, tiny_e5, **instead):
    names = {"model": built / "saved_e5_model", "base_model": tiny_e5, "embeddings": built / "artifacts"} | instead
    return {name: str(value) for name, value in names.items()}


def flags(names):
    return [part for name, value in names.items() for part in (f"--{name.replace('_', '-')}", value)]


def test_configured_by_flags_it_answers_with_the_documented_json(built, tiny_e5, tmp_path):
    with serving(*flags(three(built, tiny_e5)), cwd=tmp_path) as client:
        query = Store(built / "artifacts").judgments()["query"].iloc[0]
        found = client.predict(query, 5, "tuned", "us", "", "", api_name="/search")
        assert set(found) == {"query", "system", "hits", "timings_ms"}
        assert [hit["rank"] for hit in found["hits"]] == [1, 2, 3, 4, 5]
        assert set(found["hits"][0]) == {
            "rank", "product_id", "product_locale", "title", "brand", "color", "score", "esci_label",
        }  # fmt: skip
        assert set(found["timings_ms"]) == {"encode", "search", "total"}
        assert all(hit["product_locale"] == "us" for hit in found["hits"])
        both = client.predict(query, 5, "", "", "", api_name="/compare")
        assert set(both) == {"query", "systems", "overlap", "moves"}
        assert set(both["systems"]) == {"base", "tuned", "bm25"}


def test_a_space_is_configured_by_variables(built, tiny_e5, tmp_path):
    variables = {f"E5_{name.upper()}": value for name, value in three(built, tiny_e5).items()}
    with serving(cwd=tmp_path, **variables) as client:
        assert client.predict("kettle", 3, "bm25", "", "", "", api_name="/search")["system"] == "bm25"


def test_without_settings_it_serves_what_the_other_two_commands_left_here(built):
    with serving(cwd=built) as client:
        assert "Serving what train.py and build_embeddings.py left here" in client.log.read_text()
        assert len(client.predict("kettle", 3, "tuned", "", "", "", api_name="/search")["hits"]) == 3


def refused(names, tmp_path):
    done = run_script("app.py", *flags(names), cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_base_and_tuned_swapped_are_refused_with_both_named(built, tiny_e5, tmp_path):
    names = three(built, tiny_e5, model=tiny_e5, base_model=built / "saved_e5_model")
    message = refused(names, tmp_path)
    assert f"its base vectors were made by {tiny_e5}" in message
    assert f"not by {built / 'saved_e5_model'}" in message


def test_a_damaged_store_is_refused(built, tiny_e5, tmp_path):
    store = tmp_path / "artifacts"
    shutil.copytree(built / "artifacts", store)
    shard = next(store.glob("tuned/*.parquet"))
    damaged = bytearray(shard.read_bytes())
    damaged[500] ^= 1
    shard.write_bytes(damaged)
    message = refused(three(built, tiny_e5, embeddings=store), tmp_path)
    assert shard.name in message
    assert "run build_embeddings.py again" in message


def test_half_a_configuration_is_refused(built, tmp_path):
    message = refused({"model": str(built / "saved_e5_model")}, tmp_path)
    assert "--base-model and --embeddings" in message


def test_the_help_names_every_flag_with_its_default():
    shown = subprocess.run(
        [sys.executable, str(ROOT / "app.py"), "--help"], env=environment(), capture_output=True, text=True, check=True
    ).stdout
    for flag in ("--model", "--base-model", "--embeddings", "--host", "--port", "--share"):
        assert flag in shown
    assert "(default: 7860)" in shown


@pytest.mark.parametrize("value", ["70000", "-1"])
def test_an_impossible_port_is_refused(tmp_path, value):
    assert f"--port is {value}" in refused({"port": value}, tmp_path)


# Whatever the machine's network: what goes to the outside meets a closed door, and what stays inside does not.
NO_NETWORK = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}


def test_share_without_a_network_says_so_and_serves_locally(built, tiny_e5, tmp_path):
    with serving("--share", *flags(three(built, tiny_e5)), cwd=tmp_path, **NO_NETWORK) as client:
        assert len(client.predict("kettle", 3, "tuned", "", "", "", api_name="/search")["hits"]) == 3
        said = client.log.read_text()
    assert "No public link: api.gradio.app is out of reach. The page is served locally." in said
    assert "Traceback" not in said and "Missing file" not in said


@pytest.mark.parametrize(
    ("answer", "reached"), [(b"HTTP/1.0 200 OK\r\n\r\n", True), (b"HTTP/1.0 503 No\r\n\r\n", True), (b"", False)]
)
def test_share_server_is_probed_and_not_waited_for(answer, reached):
    """One that takes the connection and says nothing would keep the page from being announced."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                if answer:
                    connection.sendall(answer)
                else:
                    stop.wait(10)

        threading.Thread(target=serve, daemon=True).start()
        start = time.monotonic()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        assert share_server_answers(address, seconds=1.0) is reached
        assert time.monotonic() - start < 3
        stop.set()


def test_on_a_space_share_is_left_out(monkeypatch, capsys):
    """It has a public address of its own, and Gradio would only warn."""
    monkeypatch.setenv("SPACE_ID", "user/space")
    assert not app.can_share()
    assert "--share is left out" in capsys.readouterr().out
