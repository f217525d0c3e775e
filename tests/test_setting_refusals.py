"""What the command line refuses: values, combinations and slips, each in a sentence with the cure."""

import math
from pathlib import Path

import pytest

from space import settings as config
from space.settings import AppSettings, BuildSettings, SettingsError, TrainSettings


@pytest.mark.parametrize("words", [["--offline", "maybe"], ["--epochs", "many"]])
def test_a_slip_on_the_command_line(words):
    """A value that cannot be read must not train for a night with the default in its place."""
    with pytest.raises(SettingsError) as refused:
        config.parse(TrainSettings, words)
    error = str(refused.value)
    assert words[0] in error and words[1] in error


@pytest.mark.parametrize(("name", "value", "trained"), [("bullets", 0, 100), ("max_seq_length", 64, 128)])
def test_other_text_than_was_trained_is_refused_unless_told(name, value, trained):
    """0 and the usual value are contradictions, too, where a flag gives them."""
    with pytest.raises(SettingsError, match=f"is {value}: saved_e5_model was trained with {trained}.*--other-text"):
        BuildSettings(**{name: value}).as_trained({name: trained})
    assert getattr(BuildSettings(**{name: value}, other_text=True).as_trained({name: trained}), name) == value


def refusal(kind, settings):
    with pytest.raises(SettingsError) as refused:
        kind(**settings)
    return str(refused.value)


#: {setting: (values that are refused, a piece of the cure)}
REFUSED = {
    TrainSettings: {
        "batch_size": ([0], "1 or more"),
        "gradient_accumulation": ([0], "1 or more"),
        "mini_batch_size": ([-1], "0 (off)"),
        "scale": ([0.0, 201.0, math.nan], "20 to 50"),
        "precision": (["float16"], "auto, float32, bfloat16"),
        "base_share": ([-0.1, 1.0], "less than 1"),
        "dev_share": ([-0.1, 0.6], "to .5"),
        "max_seq_length": ([4, 1024], "8 to 512"),
        "bullets": ([-1], "0 (none)"),
        "loss": (["cosine"], "triplet, mnrl, cosent"),
        "epochs": ([0.0, math.nan, math.inf], "more than 0"),
        "max_steps": ([0, -2], "-1"),
        "learning_rate": ([0.0, 5.0, math.nan], "2e-5"),
        "triplet_margin": ([5.0, 2.0, 0.0], ".05 to .3"),
        "negatives": ([0], "1 or more"),
        "title_queries": ([-2], "a number of examples"),
        "eval_queries": ([0], "-1"),
        "seed": ([-1, 2**32], "0 to 4294967295"),
        "save_steps": ([0.0, 1.5, math.inf], "whole number"),
        "push_to_hub": (["model", "a/b/c", "user/"], "USER/NAME"),
        "push_embeddings": (["/name"], "USER/NAME"),
        "output_dir": ([Path(), Path(".."), Path("/")], "a folder of its own"),
    },
    BuildSettings: {
        "shard_size": ([0], "1 or more"),
        "batch_size": ([0], "1 or more"),
        "max_seq_length": ([7], "8 to 512"),
        "bullets": ([-5], "0 (none)"),
        "push_to_hub": (["store"], "USER/NAME"),
        "locale": (["de"], "--catalogue FILE"),
    },
    AppSettings: {
        "port": ([-1, 65536], "65535"),
        "feedback_dataset": (["counts"], "USER/NAME"),
        "feedback_minutes": ([0.0, math.nan], "1 to 1440"),
    },
}


@pytest.mark.parametrize(
    ("kind", "name", "value", "cure"),
    [
        (kind, name, value, cure)
        for kind, settings in REFUSED.items()
        for name, (values, cure) in settings.items()
        for value in values
    ],
)
def test_refusals_name_flag_value_and_cure(kind, name, value, cure):
    """Refused when the settings are made, not after the model has been loaded."""
    shown = repr(str(value) if isinstance(value, Path) else value)
    message = refusal(kind, {name: value})
    assert message.startswith(f"--{name.replace('_', '-')} is {shown}: ") and cure in message


@pytest.mark.parametrize(
    ("settings", "name", "cure"),
    [
        ({"loss": "triplet", "mini_batch_size": 8}, "mini-batch-size", "--gradient-accumulation"),
        ({"mini_batch_size": 8, "gradient_checkpointing": True}, "mini-batch-size", "--gradient-checkpointing"),
        ({"loss": "cosent", "mined_negatives": True}, "mined-negatives", "--loss mnrl or triplet"),
        ({"loss": "cosent", "title_queries": 5}, "title-queries", "--loss mnrl or triplet"),
    ],
)
def test_settings_that_do_not_go_together(settings, name, cure):
    """Each would be ignored in silence, and a study would compare a recipe with itself."""
    message = refusal(TrainSettings, settings)
    assert message.startswith(f"--{name} is ") and cure in message


@pytest.mark.parametrize(
    "settings",
    [
        {"triplet_margin": 1.99, "save_steps": 1.0, "max_seq_length": 512},
        {"save_steps": 500, "max_steps": 1, "max_seq_length": 8, "seed": 2**32 - 1},
        {"push_to_hub": "user/name", "eval_queries": -1, "loss": "mnrl", "mini_batch_size": 8},
    ],
)
def test_what_is_just_allowed(settings):
    """A check that refuses too much is as bad as none."""
    TrainSettings(**settings)


def test_counts_are_kept_in_a_file_before_they_are_committed():
    """A data set without a file to bring back would commit nothing, and say nothing either."""
    assert refusal(AppSettings, {"feedback_dataset": "u/d", "feedback": ""}).startswith("--feedback is '': ")
    assert AppSettings(feedback="").feedback_folder is None and AppSettings(feedback="off").feedback_folder is None


def test_a_store_is_enough_for_the_app_and_an_encoder_alone_is_not():
    """The store names its encoders; an encoder without a store would silently be ignored."""
    assert AppSettings(embeddings="user/store").models() == {}
    for name, value, part in (("model", ["user/model"], "tuned"), ("base_model", "user/model", "base")):
        message = refusal(AppSettings, {name: value})
        assert f"--{name.replace('_', '-')} is {value!r}" in message and "--embeddings" in message
        assert AppSettings(**{name: value, "embeddings": "user/store"}).models() == {part: "user/model"}


@pytest.mark.parametrize(
    ("models", "cure"),
    [
        (["u/a", "u/b"], "write NAME=ID with another name"),
        (["x=u/a", "x=u/b"], "another name"),
        (["base=u/a"], "--base-model none"),
        (["Big One=u/a"], "lower-case letters"),
        (["products=u/a"], "take another name"),
        (["bm25=u/a"], "take another name"),
        (["../x=u/a"], "lower-case letters"),
        (["x="], "NAME=ID"),
        ([], "name at least one"),
    ],
)
def test_encoders_that_cannot_be_told_apart_are_refused(models, cure):
    assert cure in refusal(BuildSettings, {"model": models})


@pytest.mark.parametrize(
    ("kind", "typed", "meant"),
    [
        (TrainSettings, ["--max-step", "3"], "--max-steps"),
        (TrainSettings, ["--epoch=2"], "--epochs"),
        (TrainSettings, ["--epoches", "3"], "--epochs"),
        (BuildSettings, ["--output", "x"], "--output-dir"),
        (AppSettings, ["--embedings", "x"], "--embeddings"),
        (AppSettings, ["--zzz"], "--help"),
    ],
)
def test_an_unknown_or_shortened_flag_is_refused_with_the_one_that_is_meant(kind, typed, meant):
    """``--max-step 3`` was once ignored by a wrapper, and the run went on for all its steps."""
    with pytest.raises(SettingsError) as refused:
        config.parse(kind, typed)
    assert str(refused.value).startswith(typed[0].partition("=")[0]) and meant in str(refused.value)


@pytest.mark.parametrize("columns", ["product_id", "=sku", "product_id=sku,title"])
def test_column_map_refuses(columns, tmp_path):
    """Half a pair is a slip of the hand; the message shows how it is written."""
    message = refusal(BuildSettings, {"catalogue": tmp_path / "c.csv", "columns": columns})
    assert message.startswith(f"--columns is {columns!r}: ") and "product_id=sku" in message


@pytest.mark.parametrize("name", ["user/model@", "@main", "@"])
def test_split_revision_refuses(name):
    """An empty half would silently mean the default branch, or no model at all."""
    with pytest.raises(SettingsError, match="ID@REVISION"):
        config.split_revision(name)


@pytest.mark.parametrize(
    ("kind", "words", "said"),
    [
        (
            TrainSettings,
            "--push-to-hub folder",
            "a folder of this machine; name the repository",
        ),
        (
            BuildSettings,
            "--push-to-hub file.csv",
            "a file of this machine; name the repository",
        ),
        (TrainSettings, "--base-model file.csv", "that is a file; name its folder, or a Hub id"),
        (BuildSettings, "--model file.csv", "that is a file; name its folder, or a Hub id"),
        (AppSettings, "--embeddings file.csv", "that is a file; name its folder, or a Hub id"),
        (BuildSettings, "--batch-size many", "--batch-size is 'many': use a number"),
        (AppSettings, "--port many", "--port is 'many': use a number"),
        (TrainSettings, "--seed", "--seed: expected one argument"),
        (TrainSettings, "--offline perhaps", "--offline: 'perhaps' is neither true nor false"),
    ],
)
def test_wrong_values_end_in_one_sentence(kind, words, said, tmp_path, monkeypatch):
    """The parser printed all flags before its error; a folder for a Hub id was told the rules for names."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.csv").touch()
    with pytest.raises(SettingsError) as refused:
        config.parse(kind, words.split())
    assert said in str(refused.value) and "\n" not in str(refused.value)
