"""train.py as a user runs it: the files it leaves, resuming after a kill, and what it refuses."""

import hashlib
import json
import logging
import os
import re
import signal
import subprocess
import time

import pytest
from conftest import command, environment, run_script, short_training
from sentence_transformers import SentenceTransformer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import train
from space.data.passages import passages
from space.encoding.weights import PACKAGED_NAME
from space.pipelines.inputs import open_judged
from space.training.examples import training_examples


def weights_hash(folder):
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def test_the_model_folder_holds_what_it_should_and_nothing_that_can_run(trained):
    model = trained / "saved_e5_model"
    names = {str(path.relative_to(model)) for path in model.rglob("*") if path.is_file()}
    assert {"model.safetensors", "tokenizer.json", "README.md", "evaluation.json", "images/train_loss.png"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pth", ".pkl"))]
    assert (model / "images/train_loss.png").read_bytes().startswith(b"\x89PNG")
    beside = {path.name for path in trained.glob("saved_e5_model.*")}
    assert beside <= {"saved_e5_model.lock"}, "no half-written or previous model stays behind"


def test_the_saved_model_carries_its_prompts(trained):
    model = SentenceTransformer(str(trained / "saved_e5_model"), device="cpu")
    assert model.prompts["query"] == "query: "
    assert model.prompts["document"] == "passage: "


def test_evaluation_json_has_both_protocols_and_every_system(trained):
    evaluation = json.loads((trained / "saved_e5_model" / "evaluation.json").read_text())
    assert set(evaluation["protocols"]) == {"judged", "full_catalogue"}
    for table in evaluation["protocols"].values():
        assert set(table["systems"]) == {"random", "bm25", "base", "tuned", "hybrid"}
        assert {"wins", "losses", "ties", "low", "high"} <= set(table["differences"]["tuned"]["ndcg@10"])
    assert evaluation["encoders"]["base"]["fingerprint"] != evaluation["encoders"]["tuned"]["fingerprint"]
    assert evaluation["settings"]["loss"] == "mnrl"
    assert evaluation["drift"]["pairs"] == 48 and evaluation["drift"]["cosine"]["mean"] < 1
    assert evaluation["bm25"]["queries"] > 80 and evaluation["bm25"]["train"]["n"] == evaluation["bm25"]["queries"]
    assert set(evaluation["protocols"]["judged"]["contrasts"]["hybrid"]) == {"tuned", "bm25"}
    assert evaluation["training"]["steps"] == 8
    judged = open_judged("sample", [])
    from_labels = training_examples(judged.train, passages(judged.catalogue), "mnrl", negatives=1)
    assert evaluation["training"]["examples"] == len(from_labels) + 60, "one for each title query"
    assert 0.01 < evaluation["training"]["peak_memory_gb"] < 20
    assert "made-up" in evaluation["dataset"]["notice"]
    assert len(evaluation["per_query"]["query"]) == evaluation["dataset"]["queries_evaluated"] > 80
    counts = evaluation["per_query"]["labels"]
    assert sum(map(sum, counts.values())) == evaluation["dataset"]["judgments_evaluated"]


def test_the_card_says_what_happened(trained):
    card = (trained / "saved_e5_model" / "README.md").read_text()
    evaluation = json.loads((trained / "saved_e5_model" / "evaluation.json").read_text())
    front = card.split("---")[1]
    assert "pipeline_tag: sentence-similarity" in front
    for text in (
        evaluation["verdict"],
        "made-up",
        "Full catalogue",
        "Judged",
        "images/train_loss.png",
        "| loss | mnrl |",
    ):
        assert text in card, text


def test_the_log_shows_progress_the_encoder_and_both_tables(trained):
    output = (trained / "output.txt").read_text()
    assert re.search(r"train: .*examples/s.*loss=", output)
    assert "encoder: " in output
    assert output.index("Before training") < output.index("After training") < output.index("Fine-tuning")


def test_the_checkpoints_of_a_finished_run_are_gone(trained):
    """They are several times as large as the model. The killed run below keeps its own."""
    assert not [path for path in (trained / "checkpoints").rglob("*") if path.suffix != ".lock"]


def test_tensorboard_has_the_loss(trained):
    (run,) = (trained / "logs").iterdir()
    events = EventAccumulator(str(run))
    events.Reload()
    assert len(events.Scalars("train/loss")) >= 2


def test_the_model_goes_to_a_mount_point_and_others_can_read_it(mounted, tiny_e5, tmp_path):
    """Renaming a mount point ended the run with EBUSY after its training and evaluation."""
    volume, link = mounted("size=50m"), tmp_path / "volume"
    link.symlink_to(volume)
    settings = [*short_training(tiny_e5), "--max-steps", "2", "--output-dir", str(link)]
    run_script("train.py", *settings, cwd=tmp_path)
    assert link.is_symlink() and {"evaluation.json", "README.md"} <= {path.name for path in volume.iterdir()}
    assert {path.stat().st_mode & 0o777 for path in volume.rglob("*.safetensors")} == {0o666 & ~umask()}
    assert not list((tmp_path / "checkpoints").glob("*.parquet")), "the mined examples are not kept"


def umask():
    os.umask(found := os.umask(0))
    return found


@pytest.mark.parametrize("output", ["notes", "notes/diary.txt"])
def test_a_folder_of_other_files_is_not_replaced(tiny_e5, tmp_path, monkeypatch, caplog, output):
    """The finished model replaces all of --output-dir; this is said before the run, not after it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "diary.txt").write_text("mine")
    with caplog.at_level(logging.INFO), pytest.raises(SystemExit, match=r"^train\.py: .*name a"):
        train.main([*short_training(tiny_e5), "--output-dir", output])
    assert "encoder: " in caplog.text and "Before training" not in caplog.text
    assert (tmp_path / "notes" / "diary.txt").read_text() == "mine"


# -- kill and resume --------------------------------------------------------------------------------------------------


def test_a_killed_run_resumes_to_the_weights_of_an_unbroken_one(trained, tiny_e5, tmp_path):
    """Within the first epoch; tests/test_training.py resumes in later ones. Its checkpoints are to stay."""
    words = command("train.py", *short_training(tiny_e5), "--keep-checkpoints")
    quiet = {"cwd": tmp_path, "env": environment(), "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(words, start_new_session=True, **quiet)
    until = time.monotonic() + 120
    while not list(tmp_path.glob("checkpoints/*/checkpoint-4/complete.json")) and time.monotonic() < until:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "saved_e5_model").exists(), "killed too late to prove anything"
    # A kill while a checkpoint is written leaves half of its weights and no complete.json.
    (run,) = (tmp_path / "checkpoints").glob("*/")
    half = run / "checkpoint-110"
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")

    done = subprocess.run([*words, "--resume"], check=True, **quiet)
    assert re.search(r"continuing from .*checkpoint-4", done.stderr)
    assert "checkpoint-110 is incomplete" in done.stderr
    assert weights_hash(tmp_path / "saved_e5_model") == weights_hash(trained / "saved_e5_model")
    assert (run / "checkpoint-8" / "complete.json").exists()


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--triplet-margin", "2.5"], "--triplet-margin is 2.5: cosine distance lies in 0 to 2"),
        (["--loss", "hinge"], "--loss is 'hinge': choose one of triplet, mnrl, cosent"),
        (["--dataset", "no/such/place", "--offline"], "no/such/place"),
        (["--base-model", "./nowhere"], "./nowhere: no such folder"),
        (["--dataset", "sample", "--locales", "fr"], "no product in --locales 'fr'; it has 'es', 'us'"),
    ],
)
def test_bad_input_ends_in_one_sentence(tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        train.main(arguments)
    assert says in str(ended.value)
    assert str(ended.value).splitlines()[-1].startswith("train.py: ")
    assert not list(tmp_path.iterdir())


def test_without_the_hub_the_log_names_the_encoder_and_the_reason_first(tmp_path):
    """Before torch is imported, so within seconds."""
    done = run_script("train.py", "--offline", cwd=tmp_path, check=False)
    lines = done.stderr.strip().splitlines()
    assert lines[0].startswith(f"encoder: {PACKAGED_NAME}"), lines
    assert "intfloat/multilingual-e5-small is not in the cache" in lines[0]
    assert lines[-1].startswith("train.py: --dataset tasksource/esci")
    assert "--dataset sample" in lines[-1]
    assert done.returncode == 1 and "Traceback" not in done.stderr
