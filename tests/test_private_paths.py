"""Folders of the machine stay on it: they are in no file that is pushed, and in nothing that the page sends."""

import shutil
from pathlib import Path

import pytest
from conftest import ROOT, run_script, short_training
from test_app import NO_NETWORK, serving

from space.encoding.weights import WeightsError, locate
from space.settings import TrainSettings
from space.settings.names import public_name, split_revision
from space.store.manifest import parse

SECRET = "alice-at-acme"


@pytest.fixture(scope="module")
def home(tmp_path_factory, tiny_e5):
    """Everything below one folder, and named by whole paths, as scripts do."""
    home = tmp_path_factory.mktemp("home") / SECRET
    shutil.copytree(tiny_e5, home / "models" / "multilingual-e5-tiny")
    base = str(home / "models" / "multilingual-e5-tiny")
    folders = ["--output-dir", str(home / "saved_e5_model"), "--checkpoints-dir", str(home / "checkpoints")]
    words = [base if word == str(tiny_e5) else word for word in short_training(tiny_e5)]
    run_script("train.py", *words, *folders, "--logging-dir", str(home / "logs"), cwd=home)
    build = ["--dataset", "sample", "--base-model", base, "--model", str(home / "saved_e5_model")]
    run_script("build_embeddings.py", *build, "--output-dir", str(home / "artifacts"), cwd=home)
    return home


def public(folder: Path) -> list[Path]:
    """What a push sends: no hidden files."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts)]


@pytest.mark.parametrize("folder", ["saved_e5_model", "artifacts"])
def test_no_pushed_file_names_a_folder_of_the_machine(home, folder):
    files = public(home / folder)
    assert len(files) > 5
    assert not [path.name for path in files if SECRET.encode() in path.read_bytes()]


def test_tensorboard_still_shows_the_loss(home):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = next((home / "saved_e5_model" / "runs").iterdir())
    events = EventAccumulator(str(run))
    events.Reload()
    assert len(events.Scalars("train/loss")) >= 2


def test_the_page_sends_no_folder_and_the_store_alone_still_finds_its_encoders(home, tmp_path):
    manifest = parse((home / "artifacts" / "manifest.json").read_bytes())
    assert {one.id for one in manifest.encoders.values()} == {"multilingual-e5-tiny", "saved_e5_model"}
    with serving("--embeddings", str(home / "artifacts"), cwd=tmp_path, **NO_NETWORK) as client:
        import httpx

        for path in ("", "config", "gradio_api/info"):
            assert SECRET not in httpx.get(f"{client.src}{path}").text


def test_the_last_part_of_a_path_is_public(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "user" / "shop").mkdir(parents=True)
    assert public_name(str(tmp_path / "user" / "shop")) == public_name("user/shop") == public_name("./shop/") == "shop"
    assert public_name(".") == tmp_path.name and public_name("") == ""
    assert public_name("user/model@main") == "user/model@main" and public_name("tasksource/esci") == "tasksource/esci"
    settings = TrainSettings(dataset=str(tmp_path / "user" / "shop"), output_dir=tmp_path / "m").to_json()
    assert (settings["dataset"], settings["output_dir"]) == ("shop", "m")
    assert str(ROOT) not in str(settings)
    labels = ",".join(f"grade number {number}={number / 20:g}" for number in range(20))  # too long for a path
    settings = TrainSettings(labels=labels, output_dir=Path("not") / "there" / "yet").to_json()
    assert (settings["labels"], settings["output_dir"]) == (labels, "yet")
    assert split_revision(f"user/model@{'x' * 300}")[0] == "user/model"
    with pytest.raises(WeightsError):
        locate(f"user/model@{'x' * 300}")
