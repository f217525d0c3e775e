"""The command line is a contract: flags that scripts rely on, and refusals before hours of work."""

import dataclasses
import json
import math
import re
from pathlib import Path

import pytest

from space import settings as config
from space.settings import AppSettings, BuildSettings, EdaSettings, SettingsError, TrainSettings

TRAIN_FLAGS = """
    dataset locales base-model loss epochs max-steps batch-size learning-rate max-seq-length triplet-margin
    seed output-dir checkpoints-dir logging-dir resume push-to-hub push-embeddings private offline""".split()
BUILD_FLAGS = """
    dataset catalogue columns base-model model locales output-dir shard-size batch-size max-seq-length
    push-to-hub private offline""".split()
APP_FLAGS = """model base-model embeddings host port share
    usage-file usage-dataset usage-minutes log-queries""".split()
THREE = {"model": "m", "base_model": "b", "embeddings": "e"}


def words_of_help(kind, capsys):
    with pytest.raises(SystemExit) as ended:
        config.parse(kind, ["--help"], "What it does.")
    assert ended.value.code == 0
    return " ".join(capsys.readouterr().out.split())


# -- flags -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "flags"), [(TrainSettings, TRAIN_FLAGS), (BuildSettings, BUILD_FLAGS), (AppSettings, APP_FLAGS)]
)
def test_help_has_every_flag_of_the_contract(kind, flags, capsys):
    """A renamed field would break everybody's scripts; a flag without its default would be guesswork."""
    text = words_of_help(kind, capsys)
    assert "What it does." in text
    assert [flag for flag in flags if f"--{flag} " not in text and f"--{flag}]" not in text] == []
    assert text.count("(default: ") >= len(dataclasses.fields(kind))


@pytest.mark.parametrize("kind", [TrainSettings, BuildSettings, AppSettings, EdaSettings])
def test_every_setting_is_explained(kind):
    """A flag without a word of help might as well not be there."""
    silent = [field.name for field in dataclasses.fields(kind) if not field.metadata.get("help", "").endswith(".")]
    assert silent == []


def test_train_defaults():
    """What ``accelerate launch train.py`` does is documented; a changed default is a changed document."""
    settings = config.parse(TrainSettings, [])
    assert settings == TrainSettings()
    assert (settings.dataset, settings.base_model) == ("tasksource/esci", "intfloat/multilingual-e5-small")
    assert settings.locales == ["us", "es", "jp"]
    assert (settings.loss, settings.epochs, settings.max_steps, settings.seed) == ("mnrl", 1.0, -1, 42)
    assert [str(path) for path in (settings.output_dir, settings.checkpoints_dir, settings.logging_dir)] == [
        "saved_e5_model",
        "checkpoints",
        "logs",
    ]
    assert not (settings.resume or settings.push_to_hub or settings.push_embeddings or settings.offline)
    assert 0.1 <= settings.triplet_margin <= 0.3  # cosine distance; the library's own 5 is never met


def test_build_and_app_defaults():
    """The three commands work one after the other without a flag: each takes what the one before leaves."""
    build = config.parse(BuildSettings, [])
    assert build == BuildSettings()
    assert build.model == str(TrainSettings().output_dir)
    assert (build.dataset, build.base_model) == (TrainSettings().dataset, TrainSettings().base_model)
    assert (build.max_seq_length, build.bullets) == (TrainSettings().max_seq_length, TrainSettings().bullets)
    assert str(build.output_dir) == "artifacts"
    app = config.parse(AppSettings, [])
    assert (app.host, app.port, app.share) == ("127.0.0.1", 7860, False)
    assert (str(app.usage_path), app.log_queries, app.usage_dataset) == ("usage/usage.sqlite3", False, None)


def test_every_train_flag_arrives():
    """Guards types: a path that stays a string, a number that stays text."""
    settings = config.parse(
        TrainSettings,
        "--dataset sample --locales us es --base-model a/b@c --loss mnrl --epochs 2 --max-steps 7 --batch-size 8 "
        "--learning-rate 1e-4 --max-seq-length 32 --triplet-margin .1 --seed 0 --output-dir o --checkpoints-dir c "
        "--logging-dir l --resume --push-to-hub u/m --push-embeddings u/d --private --offline".split(),
    )
    given = config.to_json(settings)
    expected = {
        **{"dataset": "sample", "locales": ["us", "es"], "base_model": "a/b@c", "loss": "mnrl", "epochs": 2.0},
        **{"max_steps": 7, "batch_size": 8, "learning_rate": 1e-4, "max_seq_length": 32, "triplet_margin": 0.1},
        **{"seed": 0, "output_dir": "o", "checkpoints_dir": "c", "logging_dir": "l", "resume": True},
        **{"push_to_hub": "u/m", "push_embeddings": "u/d", "private": True, "offline": True},
    }
    assert {name: given[name] for name in expected} == expected
    assert json.loads(json.dumps(given)) == given


def test_settings_cannot_be_changed():
    """Checked once and then passed around: a later change would not be checked."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainSettings().epochs = 0


def test_unknown_flag(capsys):
    """A misspelt flag must not train for a night with the default in its place."""
    with pytest.raises(SystemExit) as ended:
        config.parse(TrainSettings, ["--epoches", "3"])
    assert ended.value.code == 2
    assert "unrecognized arguments: --epoches 3" in capsys.readouterr().err


# -- refusals --------------------------------------------------------------------------------------------------------

REFUSED = [
    ("locales", [], "--locales us"),
    ("batch_size", 0, "1 or more"),
    ("gradient_accumulation", 0, "1 or more"),
    ("mini_batch_size", -1, "0 (off)"),
    ("scale", 0.0, "20 to 50"),
    ("scale", math.nan, "20 to 50"),
    ("triplet_weight", -1.0, "0 or more"),
    ("triplet_weight", math.inf, "0 or more"),
    ("graded_margins", True, "--triplet-weight"),  # the default loss has no margin
    ("precision", "float16", "auto, float32, bfloat16"),
    ("dev_share", 0.6, "to .5"),
    ("dev_share", -0.1, "to .5"),
    ("max_seq_length", 4, "8 to 512"),
    ("max_seq_length", 1024, "8 to 512"),
    ("bullets", -1, "0 (none)"),
    ("loss", "cosine", "triplet, mnrl, cosent"),
    ("epochs", 0.0, "more than 0"),
    ("epochs", math.nan, "more than 0"),
    ("epochs", math.inf, "more than 0"),
    ("max_steps", 0, "-1"),
    ("max_steps", -2, "-1"),
    ("learning_rate", 0.0, "2e-5"),
    ("learning_rate", 5.0, "2e-5"),
    ("learning_rate", math.nan, "2e-5"),
    ("triplet_margin", 5.0, ".1 to .3"),
    ("triplet_margin", 2.0, ".1 to .3"),
    ("triplet_margin", 0.0, ".1 to .3"),
    ("negatives", 0, "1 or more"),
    ("title_queries", -2, "a number of examples"),
    ("eval_queries", 0, "-1"),
    ("seed", -1, "0 to 4294967295"),
    ("seed", 2**32, "0 to 4294967295"),
    ("save_steps", 0.0, "whole number"),
    ("save_steps", 1.5, "whole number"),
    ("save_steps", math.inf, "whole number"),
    ("push_to_hub", "model", "USER/NAME"),
    ("push_to_hub", "a/b/c", "USER/NAME"),
    ("push_to_hub", "user/", "USER/NAME"),
    ("push_embeddings", "/name", "USER/NAME"),
]


@pytest.mark.parametrize(("name", "value", "cure"), REFUSED)
def test_train_refusals(name, value, cure):
    """Refused when the settings are made, naming flag, value and cure: not after the model has been loaded."""
    with pytest.raises(SettingsError) as refused:
        TrainSettings(**{name: value})
    assert str(refused.value).startswith(f"--{name.replace('_', '-')} is {value!r}: ")
    assert cure in str(refused.value)


@pytest.mark.parametrize("folder", [".", "..", "/"])
def test_a_model_does_not_take_the_place_of_the_folder_one_is_in(folder):
    with pytest.raises(SettingsError, match=f"^--output-dir is '{re.escape(folder)}': a finished model takes"):
        TrainSettings(output_dir=Path(folder))


def test_activations_are_not_computed_three_times():
    """A cached batch runs the model twice already."""
    assert TrainSettings(loss="mnrl", mini_batch_size=8).mini_batch_size == 8
    with pytest.raises(SettingsError, match="--mini-batch-size is 8: leave out --gradient-checkpointing"):
        TrainSettings(loss="mnrl", mini_batch_size=8, gradient_checkpointing=True)


@pytest.mark.parametrize(
    ("name", "value", "cure"),
    [
        ("shard_size", 0, "1 or more"),
        ("batch_size", 0, "1 or more"),
        ("max_seq_length", 7, "8 to 512"),
        ("locales", [], "--locales us"),
        ("bullets", -5, "0 (none)"),
        ("push_to_hub", "store", "USER/NAME"),
        ("columns", "product_id=sku", "--catalogue FILE"),
    ],
)
def test_build_refusals(name, value, cure):
    """The same for the second script."""
    with pytest.raises(SettingsError) as refused:
        BuildSettings(**{name: value})
    assert str(refused.value).startswith(f"--{name.replace('_', '-')} is {value!r}: ")
    assert cure in str(refused.value)


@pytest.mark.parametrize("port", [-1, 65536])
def test_app_port(port):
    """Refused before model and catalogue are loaded."""
    with pytest.raises(SettingsError, match=f"^--port is {port}: "):
        AppSettings(port=port)
    assert AppSettings(port=0).port == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"usage_dataset": "counts"}, "--usage-dataset is 'counts': name the repository as USER/NAME"),
        ({"usage_dataset": "u/d", "usage_file": ""}, "--usage-file is '': --usage-dataset needs one"),
        ({"usage_minutes": 0.0}, "--usage-minutes is 0.0: use 1 to 1440"),
        ({"usage_minutes": math.nan}, "use 1 to 1440"),
    ],
)
def test_app_usage_refusals(given, said):
    """A data set without a file to bring back would commit nothing, and say nothing either."""
    with pytest.raises(SettingsError) as refused:
        AppSettings(**given)
    assert said in str(refused.value)


def test_counting_can_be_turned_off_and_texts_on():
    """Also by the variables of a Space, where an empty value means none was given."""
    assert AppSettings(usage_file="").usage_path is None
    given = config.environment_arguments({"E5_USAGE_FILE": "off", "E5_LOG_QUERIES": "1", "E5_USAGE_DATASET": ""})
    settings = config.parse(AppSettings, given)
    assert settings.usage_path is None and settings.log_queries and settings.usage_dataset is None
    assert not config.parse(AppSettings, config.environment_arguments({"E5_LOG_QUERIES": "0"})).log_queries


@pytest.mark.parametrize("left_out", THREE)
def test_app_needs_all_three_or_none(left_out):
    """Two of three would silently be joined by a default that was not made with them."""
    given = {name: value for name, value in THREE.items() if name != left_out}
    with pytest.raises(SettingsError) as refused:
        AppSettings(**given)
    message = str(refused.value)
    assert f"given without --{left_out.replace('_', '-')}:" in message
    assert all(f"--{name.replace('_', '-')} {value}" in message for name, value in given.items())
    assert AppSettings(**THREE).model == THREE["model"]


@pytest.mark.parametrize(
    "settings",
    [
        {"triplet_margin": 1.99, "save_steps": 1.0, "max_seq_length": 512},
        {"save_steps": 500, "max_steps": 1, "max_seq_length": 8, "seed": 2**32 - 1},
        {"push_to_hub": "user/name", "eval_queries": -1},
    ],
)
def test_what_is_just_allowed(settings):
    """A check that refuses too much is as bad as none."""
    TrainSettings(**settings)


# -- column map ------------------------------------------------------------------------------------------------------


def test_column_map(tmp_path):
    """``--columns`` as a dictionary from our names to the file's; spaces after commas are human."""
    settings = BuildSettings(catalogue=tmp_path / "c.csv", columns="product_id=sku, product_title = Item name ")
    assert settings.column_map() == {"product_id": "sku", "product_title": "Item name"}
    assert BuildSettings().column_map() == {}


@pytest.mark.parametrize("columns", ["product_id", "product_id=", "=sku", "product_id=sku,title"])
def test_column_map_refuses(columns, tmp_path):
    """Half a pair is a slip of the hand; the message shows how it is written."""
    with pytest.raises(SettingsError) as refused:
        BuildSettings(catalogue=tmp_path / "c.csv", columns=columns)
    assert str(refused.value) == f"--columns is {columns!r}: write product_id=sku,product_title=name"


# -- environment and revisions ---------------------------------------------------------------------------------------


def test_environment_arguments():
    """On a Space there is no command line: the variables must be what the flags are, and empty ones nothing."""
    environ = {"E5_MODEL": "u/m@v1", "E5_BASE_MODEL": "u/b", "E5_EMBEDDINGS": "u/d", "GRADIO_SERVER_PORT": "80"}
    settings = config.parse(AppSettings, config.environment_arguments({**environ, "GRADIO_SERVER_NAME": "", "X": "y"}))
    assert settings == AppSettings(model="u/m@v1", base_model="u/b", embeddings="u/d", port=80)
    assert config.environment_arguments({}) == []


def test_the_command_line_wins_over_the_environment():
    """The entry point puts the variables first, so that what is typed comes last and holds."""
    given = config.environment_arguments({"GRADIO_SERVER_PORT": "80", "GRADIO_SERVER_NAME": "0.0.0.0"})
    settings = config.parse(AppSettings, [*given, "--port", "81"])
    assert (settings.port, settings.host) == (81, "0.0.0.0")


def test_environment_is_read_when_asked(monkeypatch):
    """And not at import, when a test or a Space may not have set it yet."""
    for variable in config.APP_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("E5_MODEL", "u/m")
    assert config.environment_arguments() == ["--model", "u/m"]


def test_split_revision(tmp_path, monkeypatch):
    """A pinned revision must reach the Hub; a folder with an @ in its name is a folder."""
    assert config.split_revision("user/model") == ("user/model", None)
    assert config.split_revision("user/model@main") == ("user/model", "main")
    assert config.split_revision("user/m@refs/pr/1") == ("user/m", "refs/pr/1")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model@home").mkdir()
    assert config.split_revision("model@home") == ("model@home", None)


@pytest.mark.parametrize("name", ["user/model@", "@main", "@"])
def test_split_revision_refuses(name):
    """An empty half would silently mean the default branch, or no model at all."""
    with pytest.raises(SettingsError, match="is not ID@REVISION: write e.g. user/model@main"):
        config.split_revision(name)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"loss": "triplet", "mini_batch_size": 8}, "--mini-batch-size is 8: .*--gradient-accumulation"),
        ({"loss": "triplet", "triplet_weight": 0.5}, "--triplet-weight is 0.5: it adds to --loss mnrl"),
        ({"mini_batch_size": 8, "triplet_weight": 0.5}, "--triplet-weight is 0.5: .*without --mini-batch-size"),
        ({"loss": "cosent", "graded_margins": True}, "--graded-margins is True: only the triplet loss has a margin"),
        ({"loss": "cosent", "mined_negatives": True}, "--mined-negatives is True: the cosent loss"),
    ],
)
def test_settings_that_do_not_go_together(settings, said):
    """Each would be ignored in silence, and a study would compare a recipe with itself."""
    with pytest.raises(SettingsError, match=said):
        TrainSettings(**settings)


def test_title_queries_have_no_grades_for_cosent_to_compare():
    with pytest.raises(SettingsError, match="--title-queries is 5: the cosent loss compares grades"):
        TrainSettings(loss="cosent", title_queries=5)
