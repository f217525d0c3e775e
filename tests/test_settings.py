"""The command line is a contract: flags that scripts rely on, with their defaults, and the variables of a Space."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from space import settings as config
from space.settings import AppSettings, BuildSettings, EdaSettings, RerankerSettings, TrainSettings

#: The flags of the contract in DESIGN.md.
CONTRACT = {
    TrainSettings: "dataset locales base-model loss epochs max-steps batch-size learning-rate max-seq-length "
    "triplet-margin seed output-dir checkpoints-dir logging-dir resume push-to-hub push-embeddings private offline",
    BuildSettings: "dataset catalogue columns base-model model locales output-dir shard-size batch-size "
    "max-seq-length push-to-hub to-milvus private offline",
    AppSettings: "model base-model embeddings host port share feedback feedback-dataset feedback-minutes log-queries "
    "voting judging raters vote-queries guidelines judges-per-pair reranker rerank-top",
    RerankerSettings: "dataset locales reranker-base model rerank-top epochs learning-rate seed output-dir "
    "push-reranker private offline",
    EdaSettings: "dataset locales output baseline-queries offline",
}


THREE = {"model": "m", "base_model": "b", "embeddings": "e"}


# -- flags -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CONTRACT)
def test_help_explains_every_flag_and_its_default(kind, capsys):
    """A renamed field would break everybody's scripts."""
    with pytest.raises(SystemExit) as ended:
        config.parse(kind, ["--help"], "What it does.")
    text = capsys.readouterr().out
    assert ended.value.code == 0 and "What it does." in text
    names = {item.name.replace("_", "-") for item in dataclasses.fields(kind)}
    assert set(CONTRACT[kind].split()) <= names
    explained = dict(re.findall(r"^  --([\w-]+)((?:(?!^  --).)*?\(default:\s[^)]+\))", text, re.S | re.M))
    assert set(explained) == names
    assert all(len(words.split()) > 6 for words in explained.values())


def test_train_defaults():
    """What ``accelerate launch train.py`` does is documented; a changed default is a changed document."""
    settings = config.parse(TrainSettings, [])
    assert settings == TrainSettings()
    assert (settings.dataset, settings.base_model) == ("tasksource/esci", "intfloat/multilingual-e5-small")
    assert settings.locales == []
    assert (settings.loss, settings.epochs, settings.max_steps, settings.seed) == ("mnrl", 1.0, -1, 42)
    folders = settings.output_dir, settings.checkpoints_dir, settings.logging_dir
    assert folders == (Path("saved_e5_model"), Path("checkpoints"), Path("logs"))
    assert not (settings.resume or settings.push_to_hub or settings.push_embeddings or settings.offline)
    assert 0.1 <= settings.triplet_margin <= 0.3  # cosine distance; the library's own 5 is never met


def test_the_triplet_loss_has_defaults_of_its_own_and_flags_win(capsys):
    """They are the best that benchmarks/E5_STUDY.md found for each loss."""

    def of(*words):
        found = config.parse(TrainSettings, words)
        return found.learning_rate, found.mined_negatives, found.base_share

    assert of() == of("--loss", "cosent") == (1e-4, False, 0.3)
    assert of("--loss", "triplet") == (2e-5, True, 0.0)
    given = ["--learning-rate", "1e-4", "--mined-negatives", "false", "--base-share", ".3"]
    assert of("--loss", "triplet", *given) == (1e-4, False, 0.3)
    with pytest.raises(SystemExit):
        config.parse(TrainSettings, ["--help"])
    assert "(default: 0.0001, with --loss triplet 2e-05)" in " ".join(capsys.readouterr().out.split())


def test_the_three_commands_work_one_after_the_other_without_a_flag():
    build, train, app = BuildSettings(), TrainSettings(), AppSettings()
    assert config.parse(BuildSettings, []) == build and config.parse(AppSettings, []) == app
    assert build.model == [str(train.output_dir)]
    assert (build.dataset, build.base_model) == (train.dataset, train.base_model)
    plain = build.as_trained({})
    assert (plain.max_seq_length, plain.bullets) == (train.max_seq_length, train.bullets)
    assert (app.host, app.port, app.share) == ("127.0.0.1", 7860, False)
    assert (str(app.feedback_folder), app.log_queries, app.feedback_dataset) == ("feedback", False, None)


def test_every_train_flag_arrives():
    """Guards types: a path that stays a string, a number that stays text."""
    settings = config.parse(
        TrainSettings,
        "--dataset sample --locales us es --base-model a/b@c --loss mnrl --epochs 2 --max-steps 7 --batch-size 8 "
        "--learning-rate 1e-4 --max-seq-length 32 --triplet-margin .1 --seed 0 --output-dir o --checkpoints-dir c "
        "--logging-dir l --resume --push-to-hub u/m --push-embeddings u/d --private --offline".split(),
    )
    given = settings.to_json()
    expected = {
        **{"dataset": "sample", "locales": ["us", "es"], "base_model": "a/b@c", "loss": "mnrl", "epochs": 2.0},
        **{"max_steps": 7, "batch_size": 8, "learning_rate": 1e-4, "max_seq_length": 32, "triplet_margin": 0.1},
        **{"seed": 0, "output_dir": "o", "checkpoints_dir": "c", "logging_dir": "l", "resume": True},
        **{"push_to_hub": "u/m", "push_embeddings": "u/d", "private": True, "offline": True},
    }
    assert {name: given[name] for name in expected} == expected
    assert json.loads(json.dumps(given)) == given


@pytest.mark.parametrize(
    ("words", "resume"),
    [
        ("--resume", True),
        ("--resume true", True),
        ("--resume=0", False),
        ("--no-resume", False),
        ("--no_resume", False),
    ],
)
def test_a_switch_is_turned_on_and_off(words, resume):
    """Variables of a Space need a value, and ``--no-`` is for switches that are on."""
    assert config.parse(BuildSettings, words.split()).resume is resume


def test_an_underscore_is_taken_for_a_hyphen():
    """As the parser of transformers took it, which scripts may rely on."""
    assert config.parse(BuildSettings, ["--batch_size", "7", "--no_resume"]) == BuildSettings(
        batch_size=7, resume=False
    )


def test_settings_cannot_be_changed():
    """Checked once and then passed around: a later change would not be checked."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainSettings().epochs = 0


@pytest.mark.parametrize(
    ("given", "trained", "text"),
    [
        ({}, {"max_seq_length": 128, "bullets": 100}, (128, 100)),
        ({}, {"max_seq_length": 128, "bullets": 0}, (128, 0)),
        ({"bullets": 100}, {"max_seq_length": 128, "bullets": 100}, (128, 100)),
        ({"bullets": 0, "other_text": True}, {"max_seq_length": 128, "bullets": 100}, (128, 0)),
        ({"other_text": True}, {"max_seq_length": 128, "bullets": 100}, (128, 100)),
        ({"max_seq_length": 32}, {}, (32, 0)),
        ({}, {"max_seq_length": "long", "bullets": True}, (64, 0)),
        ({}, {"max_seq_length": 5000, "bullets": -1}, (64, 0)),
        ({"bullets": 7}, {"bullets": None}, (64, 7)),
    ],
)
def test_the_build_takes_over_the_text_that_was_trained(given, trained, text):
    """After ``train.py --bullets 100 --max-seq-length 128`` the plain build embedded 64 tokens, no bullet points."""
    settings = BuildSettings(**given).as_trained(trained)
    assert (settings.max_seq_length, settings.bullets) == text


def test_encoders_beside_base_and_tuned():
    """Each has a name of its own; a base model can be left out."""
    given = config.parse(BuildSettings, ["--base-model", "u/a", "--model", "u/b", "bge=u/c", "--model", "small-2=u/d"])
    assert list(given.encoders().items()) == [("base", "u/a"), ("tuned", "u/b"), ("bge", "u/c"), ("small-2", "u/d")]
    assert BuildSettings(base_model="none", model=["bge=u/c"]).encoders() == {"bge": "u/c"}
    served = config.environment_arguments({"E5_EMBEDDINGS": "u/d", "E5_MODEL": "u/b bge=u/c", "E5_ONLY": "base, bge"})
    app = config.parse(AppSettings, served)
    assert app.models() == {"tuned": "u/b", "bge": "u/c"} and app.only == ["base", "bge"]
    assert config.parse(AppSettings, [*served, "--model", "u/e"]).models() == {"tuned": "u/e"}


# -- column map ------------------------------------------------------------------------------------------------------


def test_column_map(tmp_path):
    """``--columns`` as a dictionary from our names to the file's; spaces after commas are human."""
    settings = BuildSettings(catalogue=tmp_path / "c.csv", columns="product_id=sku, product_title = Item name ")
    assert settings.column_map() == {"product_id": "sku", "product_title": "Item name"}
    assert BuildSettings().column_map() == {}


# -- variables of a Space, and revisions -----------------------------------------------------------------------------


def test_variables_of_a_space(monkeypatch):
    """On a Space there is no command line; an empty variable is none, and what is typed wins."""
    for variable in config.APP_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    assert config.environment_arguments() == []
    given = {"E5_MODEL": "u/m@v1", "E5_BASE_MODEL": "u/b", "E5_EMBEDDINGS": "u/d", "GRADIO_SERVER_PORT": "80"}
    for variable, value in {**given, "GRADIO_SERVER_NAME": "", "E5_USAGE_FILE": "off", "E5_LOG_QUERIES": "1"}.items():
        monkeypatch.setenv(variable, value)
    wanted = AppSettings(
        model=["u/m@v1"], base_model="u/b", embeddings="u/d", port=80, feedback="off", log_queries=True
    )
    assert config.parse(AppSettings, config.environment_arguments()) == wanted
    typed = config.parse(AppSettings, [*config.environment_arguments(), "--port", "81"])
    assert typed == dataclasses.replace(wanted, port=81)
    assert not config.parse(AppSettings, config.environment_arguments({"E5_LOG_QUERIES": "0"})).log_queries


def test_split_revision(tmp_path, monkeypatch):
    """A pinned revision must reach the Hub; a folder with an @ in its name is a folder."""
    assert config.split_revision("user/model") == ("user/model", None)
    assert config.split_revision("user/model@main") == ("user/model", "main")
    assert config.split_revision("user/m@refs/pr/1") == ("user/m", "refs/pr/1")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model@home").mkdir()
    assert config.split_revision("model@home") == ("model@home", None)


@pytest.mark.parametrize("kind", [AppSettings, BuildSettings, TrainSettings, EdaSettings])
def test_help_spells_each_flag_one_way_and_lists_choices(kind, capsys):
    """Placeholders were BASE_MODEL and the flag --base-model, and choices stood nowhere or in the prose."""
    with pytest.raises(SystemExit):
        config.parse(kind, ["--help"])
    text = capsys.readouterr().out
    usage = text[: text.index("options:")]
    assert not re.search(r"--[a-z-]*_|[A-Z]_[A-Z]", usage.replace("IVF_SQ8", ""))
    for item in dataclasses.fields(kind):
        if choices := item.metadata["choices"]:
            assert "|".join(choices) in text.replace("\n", "")
        if item.default is True:
            assert f"--no-{item.name}" in text and item.metadata["off"]
