"""app.py as a user starts it: what it serves and what it refuses."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from conftest import command, environment, run_script
from gradio_client import Client

import app
from space import settings
from space.encoding.packed_file import PACKAGE
from space.encoding.weights import PACKAGED_NAME, locate
from space.evaluation.schema import Evaluation
from space.search import loading
from space.settings import AppSettings
from space.store.reader import Store
from space.ui.html.verdict import verdict_text
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


# Connections to other machines fail, whatever network this one has; those to itself do not.
NO_NETWORK = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}


def test_a_store_alone_serves_its_encoders_with_the_documented_json(built, tmp_path):
    """``--embeddings X`` is what someone types who was sent a store; the model lies beside it.

    --share once waited a minute for a server that is out of reach.
    """
    with serving("--share", "--embeddings", str(built / "artifacts"), cwd=tmp_path, **NO_NETWORK) as client:
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
        assert set(both) == {"query", "systems", "overlap", "rbo", "agreement", "moves"}
        assert set(both["systems"]) == {"base", "tuned", "bm25"}
        said = client.log.read_text()
    assert "No public link: api.gradio.app is out of reach. The page is served locally." in said
    assert "Traceback" not in said and "Missing file" not in said
    # The start ends with what to do next, and not with advice of Gradio about --share.
    *_, where, verdict, tab, _programs = said.splitlines()
    evaluation = Evaluation.from_json(Store(built / "artifacts").evaluation())
    assert re.search(r"http://127\.0\.0\.1:\d+/$", where) and verdict == verdict_text(evaluation, None)
    assert "Compare" in tab and "share=True" not in said


def configured(*arguments):
    """What the app would serve."""
    return app.artifacts(settings.parse(AppSettings, [*settings.environment_arguments(), *arguments], ""))


def test_a_space_is_configured_by_variables_and_flags_win(built, tiny_e5, monkeypatch):
    names = three(built, tiny_e5)
    for name, value in names.items():
        monkeypatch.setenv(f"E5_{name.upper()}", value)
    models = {"tuned": names["model"], "base": names["base_model"]}
    assert configured() == (names["embeddings"], models)
    assert configured("--model", "other/model") == (names["embeddings"], models | {"tuned": "other/model"})


@pytest.mark.skipif(find_spec(PACKAGE) is None, reason=f"{PACKAGE} has no wheel for this machine")
def test_a_store_made_by_the_packaged_encoder_leads_back_to_it():
    """Its name is neither a folder nor a repository; the quickstart's store has to be served without other flags."""
    made_by = SimpleNamespace(pinned=PACKAGED_NAME)
    store = SimpleNamespace(name="artifacts", folder=Path("quickstart/artifacts"), encoders={"base": made_by})
    assert locate(loading._named_by(SimpleNamespace(store=store, on_hub=True), "base")).name == PACKAGED_NAME


def test_a_store_whose_model_is_elsewhere_says_which_flag_names_it(built, tiny_e5, tmp_path, refused):
    store = tmp_path / "elsewhere" / "artifacts"
    shutil.copytree(built / "artifacts", store, ignore=shutil.ignore_patterns(".encoders.json"))  # as it is pushed
    assert (
        "saved_e5_model" in (message := refused({"embeddings": str(store), "base_model": str(tiny_e5)}))
        and "--model FOLDER" in message
    )


def test_without_settings_it_serves_what_the_other_two_commands_left_here(built, tiny_e5, monkeypatch, capsys):
    monkeypatch.chdir(built)
    assert configured() == ("artifacts", {"tuned": "saved_e5_model"})
    assert "Serving what train.py and build_embeddings.py left here" in capsys.readouterr().out


@pytest.fixture
def refused(monkeypatch, tmp_path):
    """The sentence with which app.py ends, within this process."""
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)

    def run(names):
        with pytest.raises(SystemExit) as ended:
            app.main([*flags(names), "--port", "0"])
        return str(ended.value)

    yield run
    signal.signal(signal.SIGTERM, before)


def test_base_and_tuned_swapped_are_refused_with_both_named(built, tiny_e5, refused):
    message = refused(three(built, tiny_e5, model=tiny_e5, base_model=built / "saved_e5_model"))
    assert f"its base vectors were made by {tiny_e5.name} " in message
    assert f"not by {built / 'saved_e5_model'}" in message


def test_a_damaged_store_is_refused(built, tiny_e5, tmp_path, refused):
    store = tmp_path / "artifacts"
    shutil.copytree(built / "artifacts", store)
    shard = next(store.glob("tuned/*.parquet"))
    damaged = bytearray(shard.read_bytes())
    damaged[500] ^= 1
    shard.write_bytes(damaged)
    message = refused(three(built, tiny_e5, embeddings=store))
    assert shard.name in message
    assert "run build_embeddings.py again" in message


def test_half_a_configuration_ends_in_one_sentence(built, tmp_path):
    done = run_script("app.py", "--model", str(built / "saved_e5_model"), cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "--embeddings" in done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("answer", "reached"), [(b"HTTP/1.0 200 OK\r\n\r\n", True), (b"HTTP/1.0 503 No\r\n\r\n", True), (b"", False)]
)
def test_share_server_is_probed_and_not_waited_for(answer, reached):
    """A server that accepts the connection and does not answer must not delay the start of the page."""
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


def test_on_a_space_share_is_ignored(monkeypatch, capsys):
    """A Space has a public address, and Gradio would only warn."""
    monkeypatch.setenv("SPACE_ID", "user/space")
    assert not app.can_share()
    assert "--share is ignored" in capsys.readouterr().out
