"""Training: resumed runs end in the same weights, models are replaced whole."""

import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import torch
from accelerate.data_loader import BatchSamplerShard, SkipBatchSampler
from conftest import flip_bit
from hub_repos import e5_files, write_files
from sentence_transformers.base.sampler import SetEpochMixin
from torch.utils.data import BatchSampler, DataLoader
from transformers import TrainerState

from space.data.passages import passages
from space.encoding.encoder import TextEncoder
from space.encoding.weights import locate
from space.io.files import WriteError
from space.io.folders import sole_writer
from space.pipelines.inputs import open_judged
from space.settings import TrainSettings
from space.settings.train import LOSSES
from space.training import run as training_run
from space.training import trainer
from space.training.callbacks import TellEpoch
from space.training.examples import exact_texts, training_examples
from space.training.processes import use_all_cores


def test_a_launched_cpu_run_uses_every_core(monkeypatch):
    """accelerate launch sets OMP_NUM_THREADS to 1, which once made every training run take twice as long."""
    cores, before = len(os.sched_getaffinity(0)), torch.get_num_threads()
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")
    try:
        for processes in (1, cores):
            torch.set_num_threads(1)
            use_all_cores(SimpleNamespace(device=torch.device("cpu"), num_processes=processes))
            assert torch.get_num_threads() == cores // processes
    finally:
        torch.set_num_threads(before)


def test_bfloat16_can_be_asked_for_and_the_weights_stay_float32(fine_tune):
    settings = {"max_steps": 2, "dropout": False}
    whole, half = (fine_tune("mnrl", precision=precision, **settings) for precision in ("float32", "bfloat16"))
    assert {tensor.dtype for tensor in half[1].model.parameters()} == {torch.float32}
    first = [run[0].history[0]["loss"] for run in (whole, half)]
    assert first[0] != first[1] and first[0] == pytest.approx(first[1], rel=0.01)
    assert whole[0].run != half[0].run


@pytest.mark.parametrize(("fast", "gpu"), [(True, False), (False, False), (True, True), (False, True)])
def test_auto_precision_depends_on_the_hardware(monkeypatch, fast, gpu):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: fast or including_emulation)
    monkeypatch.setattr(training_run, "bfloat16_is_fast", lambda device: fast and not gpu)
    assert training_run.computes_in("auto") == ("bfloat16" if fast else "float32")
    assert [training_run.computes_in(name) for name in ("float32", "bfloat16")] == ["float32", "bfloat16"]


@pytest.mark.parametrize("share", [0.0, 0.25, 0.9])
def test_blending_mixes_base_and_tuned_by_the_share(tiny_e5, share):
    encoder = TextEncoder(locate(str(tiny_e5)), training=True, device="cpu")
    base = {name: tensor.clone() for name, tensor in encoder.model.state_dict().items()}
    with torch.no_grad():
        for parameter in encoder.model.parameters():
            parameter += 1.0
    trainer.blend(encoder.model, base, share)
    for name, parameter in encoder.model.named_parameters():
        torch.testing.assert_close(parameter.detach(), base[name] + (1 - share), msg=name)


@pytest.fixture
def fine_tune(tiny_e5, tmp_path, monkeypatch):
    """A function that trains on 100 examples of the Spanish sample, in float32; returns (log, encoder)."""
    monkeypatch.chdir(tmp_path)
    judged = open_judged("sample", ["es"])
    texts = passages(judged.catalogue)

    def run(loss, dropout=True, batch_size=16, dev=None, **settings):
        examples = training_examples(judged.train, texts, loss, negatives=1).select(range(100))
        encoder = TextEncoder(locate(str(tiny_e5)), training=True)
        for module in encoder.model.modules():
            if isinstance(module, torch.nn.Dropout) and not dropout:
                module.p = 0.0
        settings = {"precision": "float32"} | settings
        settings = TrainSettings(dataset="sample", loss=loss, batch_size=batch_size, **settings)
        return trainer.fine_tune(encoder, examples, exact_texts(judged.train, texts), settings, dev), encoder

    return run


@pytest.mark.parametrize("loss", LOSSES)
def test_a_run_resumed_past_its_first_epoch_ends_in_the_same_weights(fine_tune, loss, tmp_path):
    """Later epochs have another order, and with mnrl they once had another number of batches."""
    steps = {"max_steps": 24, "save_steps": 9}
    log, unbroken = fine_tune(loss, **steps)
    assert log.steps == 24
    (checkpoints,) = (tmp_path / "checkpoints").glob("*/")
    # Killed after its last step: there is nothing left to train.
    again, resumed = fine_tune(loss, **steps, resume=True)
    assert again.steps == 24 and again.history == log.history
    assert_same(weights((log, unbroken)), weights((again, resumed)), 0.0)
    shutil.rmtree(checkpoints / "checkpoint-24")  # so that the next run begins at step 18, in the third epoch
    again, resumed = fine_tune(loss, **steps, resume=True)
    assert again.steps == 24
    for name, tensor in unbroken.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name


def test_a_run_that_ends_within_an_epoch_is_over_when_resumed(fine_tune):
    """With --epochs .5 the trainer itself would go on to the end of the epoch."""
    log, unbroken = fine_tune("triplet", epochs=0.5)
    again, resumed = fine_tune("triplet", epochs=0.5, resume=True)
    assert again.steps == log.steps == 4 and again.history == log.history
    assert_same(weights((log, unbroken)), weights((again, resumed)), 0.0)


def test_a_run_that_ends_early_ends_the_same_when_resumed(fine_tune, tmp_path):
    """The best step is neither the first nor the last; scores after the checkpoint must be ignored."""

    class Dev:
        """A score that depends on the weights alone and is highest at step 8."""

        judgments, texts = {"query": ()}, ()  # it encodes nothing

        def score(self, encoder):
            moved = float((next(encoder.model.parameters()).detach() - self.start).norm())
            self.seen.append(moved)
            return -abs(moved - self.wanted)

    def run(**more):
        return fine_tune("triplet", max_steps=32, save_steps=4, dev=dev, learning_rate=1e-3, **more)

    dev = Dev()
    dev.start, dev.wanted, dev.seen = 0.0, 1e9, []
    run()
    dev.wanted = dev.seen[2]
    shutil.rmtree(tmp_path / "checkpoints")
    log, unbroken = run()
    assert log.best_step == 8 and log.steps == 16 and list(log.dev_scores) == ["0", "4", "8", "12", "16"]
    (checkpoints,) = (tmp_path / "checkpoints").glob("*/")
    # As if killed after training, in the evaluation: there is nothing left to train.
    again, resumed = run(resume=True)
    assert again.steps == 16 and again.dev_scores == log.dev_scores and again.history == log.history
    assert_same(weights((log, unbroken)), weights((again, resumed)), 0.0)
    shutil.rmtree(checkpoints / "checkpoint-16")
    (checkpoints / "dev.json").write_text(json.dumps(log.dev_scores | {"16": 5.0}))
    again, resumed = run(resume=True)
    assert again.best_step == 8 and again.dev_scores == log.dev_scores
    assert_same(weights((log, unbroken)), weights((again, resumed)), 0.0)


@pytest.mark.parametrize(
    ("loss", "settings"),
    [
        ("triplet", {"batch_size": 8, "gradient_accumulation": 2}),
        ("mnrl", {"mini_batch_size": 8, "matryoshka": [16, 8]}),
    ],
)
def test_a_run_with_split_batches_resumes_to_the_same_weights(fine_tune, loss, settings, tmp_path):
    """13 batches of an epoch do not divide into steps of two; cached batches draw their dropout twice."""
    steps = {"max_steps": 12, "save_steps": 5}
    unbroken = fine_tune(loss, **settings, **steps)
    (checkpoints,) = (tmp_path / "checkpoints").glob("*/")
    shutil.rmtree(checkpoints / "checkpoint-12")  # so that the next run begins at step 10, in the second epoch
    resumed = fine_tune(loss, **settings, **steps, resume=True)
    assert resumed[0].steps == 12
    assert_same(weights(unbroken), weights(resumed), 0.0)


@pytest.mark.parametrize("loss", ["triplet", "mnrl"])
def test_e5_base_trains_as_e5_small_does(tmp_path, monkeypatch, loss):
    """Another architecture, recognized by the name of its folder."""
    monkeypatch.chdir(tmp_path)
    folder = write_files(tmp_path / "multilingual-e5-base", e5_files(base=True))
    judged = open_judged("sample", ["es"])
    texts = passages(judged.catalogue)
    examples = training_examples(judged.train, texts, loss, negatives=1).select(range(16))
    encoder = TextEncoder(locate(str(folder)), training=True)
    before = encoder.fingerprint
    settings = TrainSettings(dataset="sample", loss=loss, batch_size=8, max_steps=2, gradient_checkpointing=True)
    log = trainer.fine_tune(encoder, examples, exact_texts(judged.train, texts), settings)
    encoder.model.save_pretrained(str(tmp_path / "saved"))
    again = TextEncoder(locate(str(tmp_path / "saved")))
    assert log.steps == 2 and log.history[-1]["loss"] > 0
    assert again.fingerprint == encoder.describe(refresh=True).fingerprint != before
    assert again.model.prompts["query"] == "query: " and again.model[0].auto_model.config.model_type == "xlm-roberta"


@pytest.mark.parametrize("kilobytes", [0, 100, 900])
def test_a_full_disk_ends_training_in_a_sentence_and_resume_goes_on(fine_tune, mounted, kilobytes):
    """safetensors and torch.save raise errors of their own; which one is first depends on what still fits."""
    disk = mounted("size=20m")
    (disk / "filler").write_bytes(bytes(20 * 2**20 - kilobytes * 1024))
    steps = {"max_steps": 4, "save_steps": 2, "checkpoints_dir": disk / "checkpoints"}
    with pytest.raises(
        WriteError, match=r"the disk is full: free some space; then run the same command with --resume"
    ):
        fine_tune("triplet", **steps)
    (disk / "filler").unlink()
    assert fine_tune("triplet", **steps, resume=True)[0].steps == 4


def test_a_damaged_checkpoint_is_not_continued(fine_tune, tmp_path):
    """One changed byte leaves the size of a file as it is; the checkpoint before it is taken."""
    steps = {"max_steps": 6, "save_steps": 3}
    unbroken = fine_tune("triplet", **steps)
    (checkpoints,) = (tmp_path / "checkpoints").glob("*/")
    flip_bit(checkpoints / "checkpoint-6" / "model.safetensors", at=-9)
    assert_same(weights(unbroken), weights(fine_tune("triplet", **steps, resume=True)), 0.0)


def test_a_second_run_with_the_same_settings_waits_for_the_first(fine_tune, tmp_path, caplog):
    """It would remove the checkpoints that the first one needs."""
    fine_tune("triplet", max_steps=1)
    (checkpoints,) = (tmp_path / "checkpoints").glob("*/")
    with ThreadPoolExecutor(1) as thread:
        with sole_writer(checkpoints):
            second = thread.submit(fine_tune, "triplet", max_steps=1)
            until = time.monotonic() + 60
            while "waiting for it" not in caplog.text and not second.done() and time.monotonic() < until:
                time.sleep(0.05)
            assert "another process is writing" in caplog.text
            assert (checkpoints / "checkpoint-1" / "complete.json").exists()
        assert second.result()[0].steps == 1


def weights(run):
    """The parameters of what ``fine_tune`` returned."""
    return dict(run[1].model.named_parameters())


def assert_same(ones, others, tolerance):
    for name, tensor in ones.items():
        torch.testing.assert_close(
            others[name], tensor, atol=tolerance, rtol=0, msg=lambda text, name=name: name + text
        )


def test_accumulated_batches_are_one_large_batch(fine_tune):
    """With the triplet loss, which does not compare across examples."""
    one = fine_tune("triplet", dropout=False, batch_size=32, max_steps=2)
    two = fine_tune("triplet", dropout=False, batch_size=8, gradient_accumulation=4, max_steps=2)
    assert one[0].steps == two[0].steps == 2 and one[0].run != two[0].run
    assert two[0].history[0]["loss"] == pytest.approx(one[0].history[0]["loss"], abs=1e-6)
    assert_same(weights(one), weights(two), 1e-6)
    assert_trained(two)


def test_checkpointed_gradients_are_the_same(fine_tune, recwarn):
    """The second computation of an activation has to draw the same dropout; the libraries' own calls are no news."""
    kept = fine_tune("triplet", max_steps=2)
    again = fine_tune("triplet", max_steps=2, gradient_checkpointing=True)
    assert again[1].model[0].auto_model.is_activation_checkpointing and again[0].run != kept[0].run
    assert_same(weights(kept), weights(again), 1e-7)
    assert not [str(one.message) for one in recwarn if one.category is FutureWarning]


@pytest.mark.parametrize("matryoshka", [[], [16, 8]])
def test_a_cached_batch_is_the_whole_batch(fine_tune, matryoshka):
    """Every example has the products of all others as negatives, also those of other mini-batches."""
    settings = {"dropout": False, "max_steps": 2, "learning_rate": 5e-5, "matryoshka": matryoshka}
    whole = fine_tune("mnrl", **settings)
    parts = fine_tune("mnrl", **settings, mini_batch_size=5)
    assert parts[0].run != whole[0].run
    assert parts[0].history[0]["loss"] == pytest.approx(whole[0].history[0]["loss"], abs=1e-5)
    assert_same(weights(whole), weights(parts), 2e-6)
    assert_trained(parts)


def assert_trained(run):
    """Two runs that trained nothing would agree as well."""
    untrained = dict(TextEncoder(run[1].weights).model.named_parameters())
    assert max((tensor - untrained[name]).abs().max() for name, tensor in weights(run).items()) > 1e-5


def test_a_log_counts_examples_of_accumulated_batches(fine_tune):
    """Otherwise the speed would be a quarter of the real one."""
    log, _ = fine_tune("triplet", batch_size=8, gradient_accumulation=4, epochs=1)
    assert log.steps == 4  # 100 examples in batches of 8: 13, in groups of four
    # Both figures are rounded to a tenth.
    assert 128 / (log.seconds + 0.05) - 0.05 <= log.examples_per_second <= 128 / (log.seconds - 0.05) + 0.05
    assert log.peak_memory_gb > 0.01


def test_another_run_s_checkpoints_are_never_continued(fine_tune, tmp_path, caplog):
    """A resumed cosent run must not continue the checkpoints of a triplet run."""
    caplog.set_level("INFO", "space")
    fine_tune("triplet", max_steps=2)
    fine_tune("cosent", max_steps=2, resume=True)
    assert "starting from the beginning" in caplog.text
    assert sorted(run.name.split("-")[0] for run in (tmp_path / "checkpoints").glob("*/")) == ["cosent", "triplet"]


def test_every_sampler_under_the_loader_is_told_the_epoch():
    """A run that resumed under two processes once repeated the batches of the first epoch."""
    sampler = SetEpochMixin()
    loader = DataLoader(range(10), batch_sampler=SkipBatchSampler(BatchSamplerShard(FullBatches(sampler), 2, 0)))
    TellEpoch().on_epoch_begin(None, TrainerState(epoch=3.4), None, train_dataloader=loader)
    assert sampler.epoch == 3


class FullBatches(BatchSampler):
    """A batch sampler over the sampler that needs the epoch."""

    def __init__(self, sampler):
        super().__init__(sampler, batch_size=2, drop_last=True)

    def __len__(self):
        return 5
