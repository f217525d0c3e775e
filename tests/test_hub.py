"""Train and push, embed and push, pull, serve and publish over a local Hub.

The real scripts run as processes of their own, with only ``HF_ENDPOINT`` and a token. The data set and the base model
have their default ids on this Hub, so every default of the scripts is used.
"""

import json
import re
import shlex
import subprocess
import sys
import textwrap
from dataclasses import replace
from types import SimpleNamespace

import httpx
import pytest
import yaml
from conftest import ROOT, command
from hub_repos import E5, ESCI, add_defaults
from hub_server import Fault, HubServer
from huggingface_hub import ModelCard
from test_app import serving

from space.evaluation.protocols import PROTOCOLS
from space.hub.hosted_space import DEFAULT_HARDWARE
from space.store import manifest

OWNER = "hf_" + "Aw1" * 11
FIRST = ["--push-to-hub", "alice/m", "--push-embeddings", "alice/d"]
SECOND = ["--push-to-hub", "alice/m", "--seed", "7", "--batch-size", "4", "--learning-rate", "1e-3"]
SECOND += ["--mined-negatives", "--dev-share", "0.2"]


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with HubServer(tmp_path_factory.mktemp("hub"), {OWNER: "alice"}) as server:
        add_defaults(server)
        yield server


def run(hub, home, words, cwd, token=None, code=0):
    """Run a command with the Hub's address and a token in its environment."""
    env = hub.env(home, token, PYTHONPATH=str(ROOT))
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    done.output = done.stdout + done.stderr
    assert done.returncode == code, done.output[-4000:]
    assert OWNER not in done.output, "a token was shown"
    return done


def printed_command(output):
    """The command that an error prints, for this interpreter."""
    words = shlex.split(re.search(r"again: (python -m space .*)", output)[1].split("; then")[0])
    return [sys.executable, *words[1:]]


@pytest.fixture(scope="module")
def way(hub, tmp_path_factory):
    """Two revisions of a model and of a store, pushed to the Hub as a user does it, and their folders."""
    home, work = tmp_path_factory.mktemp("author"), tmp_path_factory.mktemp("work")
    seen = SimpleNamespace(home=home, work=work)
    seen.first = run(hub, home, command("train.py", *FIRST, launch=1), work, OWNER)
    seen.commits = {kind: hub.commits(kind, name) for kind, name in (("model", "alice/m"), ("dataset", "alice/d"))}
    seen.model, seen.store = (hub.commits(*repo)[0][0] for repo in (("model", "alice/m"), ("dataset", "alice/d")))
    (work / "saved_e5_model").rename(work / "first_model")
    (work / "artifacts").rename(work / "first_artifacts")

    # Not logged in, and with two processes: the push fails, and the printed command does it.
    seen.refused = run(hub, home, command("train.py", *SECOND, launch=2), work, code=1)
    seen.kept = (work / "saved_e5_model" / "model.safetensors").read_bytes()
    seen.again = run(hub, home, printed_command(seen.refused.output), work, OWNER)
    build = command("build_embeddings.py", "--push-to-hub", "alice/d", "--shard-size", "20")
    with hub.fault(Fault("POST .*alice/d/commit", 403, times=None)):  # as if the token had been changed meanwhile
        seen.store_refused = run(hub, home, build, work, OWNER, code=1)
    seen.store_again = run(hub, home, printed_command(seen.store_refused.output), work, OWNER)
    seen.second_model, seen.second_store = (
        hub.commits(*repo)[0][0] for repo in (("model", "alice/m"), ("dataset", "alice/d"))
    )
    return seen


# -- push ------------------------------------------------------------------------------------------------------------


def test_one_command_with_every_default_pushes_the_model_and_its_store(hub, way):
    """In one commit each, so that a pull never gets a model without its card, or half a store."""
    assert f"encoder: {E5} at {hub.commits('model', E5)[0][0][:12]}" in way.first.output
    assert [len(commits) for commits in way.commits.values()] == [2, 2]  # the Hub makes the first one itself
    model = hub.files("model", "alice/m", way.model)
    assert {"model.safetensors", "tokenizer.json", "modules.json", "README.md", "evaluation.json"} <= set(model)
    assert {"config_sentence_transformers.json", "images/train_loss.png"} <= set(model)
    assert json.loads(model["config_sentence_transformers.json"])["prompts"]["query"] == "query: "
    assert not [name for name in model if name.endswith((".bin", ".pt", ".pkl")) or "/." in f"/{name}"[1:]]
    store = hub.files("dataset", "alice/d", way.store)
    on_disk = way.work / "first_artifacts"
    expected = {path.relative_to(on_disk).as_posix() for path in on_disk.rglob("*") if path.is_file()}
    assert set(store) - {".gitattributes"} == {name for name in expected if not name.startswith(".")}
    assert f"a Space for it: python -m space publish alice/SPACE --embeddings alice/d@{way.store}" in way.first.output


def test_tensorboard_runs_are_where_the_hub_shows_them(hub, way):
    """Under runs/, one folder a run, older runs beside the new one, without the machine's name."""
    import socket

    events = [name for name in hub.files("model", "alice/m") if name.startswith("runs/")]
    assert len({name.split("/")[1] for name in events}) == 2
    for name in events:
        assert re.fullmatch(r"runs/mnrl-\w+/events\.out\.tfevents\.\d+\.\d+", name)
        assert socket.gethostname() not in name


def test_the_store_names_the_pushed_model_and_its_commit(hub, way):
    """Even if it was made from a local folder, whose name is of no use on another machine."""
    for store, model in ((way.store, way.model), (way.second_store, way.second_model)):
        manifest = json.loads(hub.files("dataset", "alice/d", store)["manifest.json"])
        tuned, base = manifest["encoders"]["tuned"], manifest["encoders"]["base"]
        assert (tuned["id"], tuned["revision"]) == ("alice/m", model)
        assert (base["id"], base["revision"]) == (E5, hub.commits("model", E5)[0][0])
        assert manifest["dataset"] == f"{ESCI}@{hub.commits('dataset', ESCI)[0][0]}"
        evaluation = json.loads(hub.files("model", "alice/m", model)["evaluation.json"])
        assert evaluation["dataset"]["name"] == manifest["dataset"]
        assert evaluation["encoders"]["tuned"]["fingerprint"] == tuned["fingerprint"]
        assert evaluation["encoders"]["tuned"]["id"] == "alice/m"


def test_a_push_without_a_token_warns_early_and_loses_nothing(hub, way):
    """Training takes hours, so the warning comes first; the model stays, and the printed command works."""
    output = way.refused.output
    assert output.index("alice/m will be pushed at the end, but now that would fail") < output.index("Before training")
    assert "hf auth login" in output
    assert "The model is safe in saved_e5_model; push it without training again" in output
    assert hub.files("model", "alice/m", way.second_model)["model.safetensors"] == way.kept
    assert "train: " not in way.again.output and "Before training" not in way.again.output


def test_only_one_of_several_processes_pushes(hub, way):
    assert way.refused.output.count("2 processes on cpu") == 1
    assert way.refused.output.count("push it without training again") == 1
    assert len(hub.commits("model", "alice/m")) == 3


def test_a_store_that_could_not_be_pushed_is_pushed_by_the_printed_command(hub, way):
    """After a token that may only read. The older store's parts, which are more, are deleted."""
    output = way.store_refused.output
    assert "dataset alice/d could not be pushed" in output and "(403)" in output
    assert "The store is safe in artifacts; push it without embedding again" in output
    assert "Traceback" not in output
    parts = {name for name in hub.files("dataset", "alice/d") if name.startswith("tuned/")}
    assert parts == {f"tuned/part-0000{number}-of-00003.parquet" for number in range(3)}
    assert len(hub.commits("dataset", "alice/d")) == 3


def test_pushing_the_same_again_sends_nothing(hub, way):
    before = len(hub.requests)
    for words in (["push-model", "alice/m"], ["push-store", "alice/d"]):
        run(hub, way.home, [sys.executable, "-m", "space", *words], way.work, OWNER)
    assert not [line for line in hub.requests[before:] if line.method == "PUT" or line.path.endswith("/commit/main")]
    assert hub.commits("model", "alice/m")[0][0] == way.second_model


# -- cards -----------------------------------------------------------------------------------------------------------


def front(text):
    return yaml.safe_load(text.split("---\n")[1])


def test_the_model_card_is_one_the_hub_can_read(hub, way):
    text = hub.files("model", "alice/m")["README.md"].decode()
    data = front(text)
    assert data["base_model"] == E5 and data["datasets"] == [ESCI] and data["license"] == "mit"
    assert data["language"] == ["en", "es", "ja"] and data["pipeline_tag"] == "sentence-similarity"
    assert "![training loss](images/train_loss.png)" in text and "| seed | 7 |" in text
    assert re.search(r"The weights are those of step \d+", text)
    results = ModelCard(text).data.eval_results  # what huggingface_hub makes of the model-index
    evaluation = json.loads(hub.files("model", "alice/m")["evaluation.json"])
    headline = evaluation["protocols"]["full_catalogue"]["systems"]["tuned"]["ndcg@10"]
    assert results[0].metric_type == "ndcg_at_10" and results[0].metric_value == headline["mean"]
    interval = {"low": headline["low"], "high": headline["high"], "queries": headline["n"]}
    assert results[0].metric_args == interval
    assert {result.task_name for result in results} == {"Product search, judged", "Product search, full catalogue"}
    for result in results:
        assert result.dataset_type == ESCI and result.dataset_split == "test"
        assert result.dataset_args["protocol"] in PROTOCOLS.values()
        assert result.dataset_args["gains"] == {"Exact": 1.0, "Substitute": 0.1, "Complement": 0.01, "Irrelevant": 0.0}


def test_the_store_card_names_models_revisions_rows_and_licence(hub, way):
    text = hub.files("dataset", "alice/d")["README.md"].decode()
    data = front(text)
    assert [config["config_name"] for config in data["configs"]] == ["products", "base", "tuned", "judgments"]
    assert data["license"] == "apache-2.0"
    source = f"{ESCI}@{hub.commits('dataset', ESCI)[0][0]}"
    for fact in (E5, "alice/m", way.second_model, f"products of `{source}`"):
        assert fact in text


# -- pull ------------------------------------------------------------------------------------------------------------

READER_SCRIPT = """
    import contextlib, io, json, os, re, sys
    from dataclasses import asdict
    from pathlib import Path
    from datasets import load_dataset
    from huggingface_hub import hf_hub_download
    from space.search.loading import load_engine

    first_model, first_store, model, store, work, base = sys.argv[1:]
    out = {}

    def found(engine):
        answers = {}
        for system in ("tuned", "base", "bm25", "hybrid"):
            for query in ("red kettle", "tetera", "赤い やかん", "backpack cover"):
                result = engine.search(query, 20, system).to_json()
                fields = ("product_id", "product_locale", "score", "esci_label")
                answers[f"{system} {query}"] = [[hit[name] for name in fields] for hit in result["hits"]]
        return answers

    def engine(model, embeddings):
        return load_engine(embeddings, {"tuned": model, "base": base})

    os.chdir(work)
    newest = engine("alice/m", "alice/d")
    out["newest"], out["description"] = found(newest), asdict(newest.description)
    out["first"] = found(engine(f"alice/m@{first_model}", f"alice/d@{first_store}"))
    out["second"] = found(engine(f"alice/m@{model}", f"alice/d@{store}"))
    out["local"] = found(engine("saved_e5_model", "artifacts"))
    out["local_first"] = found(engine("first_model", "first_artifacts"))
    try:
        engine(f"alice/m@{first_model}", f"alice/d@{store}")
    except ValueError as error:
        out["mixed"] = str(error)

    out["configs"] = {}
    for name in ("products", "base", "tuned", "judgments"):
        for revision in (first_store, store):
            rows = load_dataset("alice/d", name, revision=revision)
            splits = {split: [part.num_rows, part.column_names] for split, part in rows.items()}
            out["configs"][f"{name} {revision}"] = splits
    tuned = load_dataset("alice/d", "tuned", split="train")
    norm = float((tuned.with_format("numpy")[0]["embedding"] ** 2).sum())
    out["vector"] = [str(tuned.features["embedding"]), norm]

    for repo, kind in (("alice/m", "model"), ("alice/d", "dataset")):
        card = Path(hf_hub_download(repo, "README.md", repo_type=kind)).read_text()
        (snippet,) = re.findall(r"```python\\n(.*?)```", card, re.S)
        scope, printed = {}, io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(snippet, scope)
        out[f"{kind} snippet"] = [snippet, printed.getvalue()]
        if kind == "dataset":
            out["rows"] = [len(scope["products"]), len(scope["tuned"])]
        else:
            prompts = [prompt for prompt in scope["model"].prompts.values() if prompt]
            out["prompts"] = prompts
    print(json.dumps(out))
"""


@pytest.fixture(scope="module")
def pulled(hub, way, tmp_path_factory):
    """What another machine sees: a new process, an empty cache, no token."""
    revisions = [way.model, way.store, way.second_model, way.second_store]
    words = [sys.executable, "-c", textwrap.dedent(READER_SCRIPT), *revisions, str(way.work), E5]
    done = run(hub, tmp_path_factory.mktemp("stranger"), words, tmp_path_factory.mktemp("elsewhere"))
    return json.loads(done.stdout.splitlines()[-1])


def test_what_is_pulled_finds_what_the_local_artifacts_find(pulled):
    """Hit for hit, with scores and labels, where the systems' answers differ."""
    assert pulled["newest"] == pulled["local"]
    assert all(pulled["local"].values())
    assert pulled["local"]["tuned red kettle"] != pulled["local"]["base red kettle"]


def test_each_pin_serves_its_own_revision(pulled, way):
    assert pulled["second"] == pulled["newest"]
    assert pulled["first"] == pulled["local_first"] != pulled["second"]
    assert pulled["description"]["encoders"]["tuned"]["revision"] == way.second_model


def test_a_model_and_a_store_that_do_not_belong_together_are_refused_with_both_named(pulled, way):
    assert (
        f"alice/d@{way.second_store[:12]}: its tuned vectors were made by alice/m@{way.second_model[:12]}"
        in pulled["mixed"]
    )
    assert f"not by alice/m@{way.model}" in pulled["mixed"]


def test_load_dataset_reads_every_config_of_every_revision(pulled, way):
    for revision in (way.store, way.second_store):
        tables = {name: pulled["configs"][f"{name} {revision}"] for name in ("products", "base", "tuned", "judgments")}
        assert set(tables["judgments"]) == {"test"} and tables["judgments"]["test"][0] == 15
        for name in ("base", "tuned"):
            rows, columns = tables[name]["train"]
            assert rows == tables["products"]["train"][0]
            assert columns == ["product_id", "product_locale", "embedding"]
    kind, norm = pulled["vector"]
    assert "float16" in kind and "length=32" in kind and norm == pytest.approx(1, abs=1e-2)


def test_the_cards_snippets_run_as_they_stand(pulled):
    assert 'SentenceTransformer("alice/m")' in pulled["model snippet"][0]
    assert "tensor" in pulled["model snippet"][1] and pulled["prompts"] == ["query: ", "passage: "]
    assert 'load_dataset("alice/d", "tuned"' in pulled["dataset snippet"][0]
    assert pulled["rows"][0] == pulled["rows"][1] > 0


# -- the Space -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def space(hub, way):
    """Published twice, to see that old files and variables are replaced."""
    first = ["publish", "alice/s", "--embeddings", f"alice/d@{way.store}", "--model", "alice/m", "--base-model", E5]
    first += ["--reranker", f"alice/m@{way.model}"]  # any weights: they are pinned, not loaded
    seen = [run(hub, way.home, [sys.executable, "-m", "space", *first], way.work, OWNER)]
    variables = dict(hub.repos["space", "alice/s"].variables)
    hub.commit("space", "alice/s", {"old_notes.txt": b"to be gone", "app.py": b"print()"})
    words = ["publish", "alice/s", "--embeddings", "alice/d"]
    asks = [*words, "--judging", "login", "--voting", "off"]
    seen.append(run(hub, way.home, [sys.executable, "-m", "space", *asks], way.work, OWNER))
    cards = [hub.files("space", "alice/s")["README.md"].decode()]
    answering = dict(hub.repos["space", "alice/s"].variables)
    hub.repos["space", "alice/s"].variables.pop("E5_RERANKER")
    seen.append(run(hub, way.home, [sys.executable, "-m", "space", *words], way.work, OWNER))
    cards.append(hub.files("space", "alice/s")["README.md"].decode())
    asks = [*words, "--judging", "open"]
    seen.append(run(hub, way.home, [sys.executable, "-m", "space", *asks], way.work, OWNER))
    for name in ("E5_JUDGING", "E5_VOTING"):
        hub.repos["space", "alice/s"].variables.pop(name)
    seen.append(run(hub, way.home, [sys.executable, "-m", "space", *words], way.work, OWNER))
    return SimpleNamespace(
        outputs=[one.output for one in seen], first_variables=variables, cards=cards, answering=answering
    )


def test_the_space_has_the_files_it_needs_and_no_others(hub, space):
    files = hub.files("space", "alice/s")
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "space").rglob("*") if path.is_file()}
    package = {name for name in package if "__pycache__" not in name}
    pictures = {
        name
        for name in re.findall(r"!\[.*?\]\(([^)h][^)]*)\)", (ROOT / "README.md").read_text())
        if (ROOT / name).is_file()
    }
    assert set(files) == {".gitattributes", "app.py", "requirements.txt", "README.md"} | package | pictures
    for name in ("app.py", "requirements.txt", "space/hub/client.py"):
        assert files[name] == (ROOT / name).read_bytes()
    linked = set(re.findall(r"\]\((?!https?:|#)([^)]+)\)", files["README.md"].decode()))
    assert linked and linked <= set(files)


def test_its_variables_pin_what_belongs_together(hub, way, space):
    """The first time an older pair was asked for; without --model it is the one that the store names."""
    base = f"{E5}@{hub.commits('model', E5)[0][0]}"
    assert space.first_variables == {
        "E5_MODEL": f"alice/m@{way.model}",
        "E5_BASE_MODEL": base,
        "E5_EMBEDDINGS": f"alice/d@{way.store}",
        "E5_RERANKER": f"alice/m@{way.model}",
    }
    assert space.answering["E5_RERANKER"] == f"alice/m@{way.model}"  # it stays where no flag names another
    assert hub.repos["space", "alice/s"].variables == {
        "E5_MODEL": f"alice/m@{way.second_model}",
        "E5_BASE_MODEL": base,
        "E5_EMBEDDINGS": f"alice/d@{way.second_store}",
    }


def test_a_login_is_asked_for_where_answering_needs_one(hub, space):
    """By flag, and where the Space has the variable already: else the next push would take the login away."""
    assert space.answering["E5_JUDGING"] == "login" and space.answering["E5_VOTING"] == "off"
    assert [front(card).get("hf_oauth") for card in space.cards] == [True, True]
    assert "hf_oauth" not in front(hub.files("space", "alice/s")["README.md"].decode())


def test_its_front_matter_links_to_what_it_shows(hub, space):
    text = hub.files("space", "alice/s")["README.md"].decode()
    ours = (ROOT / "README.md").read_text()
    data = front(text)
    assert data["models"] == ["alice/m", E5] and data["datasets"] == ["alice/d", ESCI]
    assert data["suggested_hardware"] == hub.repos["space", "alice/s"].hardware == DEFAULT_HARDWARE
    assert data == front(ours) | {name: data[name] for name in ("models", "datasets", "suggested_hardware")}
    said, asked = (re.sub(r"\[([^][]+)\]\([^)]*\)", r"\1", page.split("---\n", 2)[2]) for page in (text, ours))
    assert said.strip() == asked.strip()  # links apart: the pages of docs/ are not in a Space


def test_the_space_serves_from_its_files_and_variables_alone(hub, space, pulled, tmp_path):
    """A duplicate of the Space has no more: an empty cache, no token, no other file of this project."""
    for name, content in hub.files("space", "alice/s").items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    variables = hub.repos["space", "alice/s"].variables
    env = hub.env(tmp_path / "home") | {"HF_HUB_OFFLINE": "0", "PYTHONPATH": str(tmp_path)} | variables
    with serving(cwd=tmp_path, script=tmp_path / "app.py", **env) as client:
        for query in ("red kettle", "赤い やかん"):
            hits = client.predict(query, 20, "tuned", "", "", "", api_name="/search")["hits"]
            answer = [[hit["product_id"], hit["product_locale"], hit["score"], hit["esci_label"]] for hit in hits]
            assert answer == pulled["local"][f"tuned {query}"]
        log = client.log.read_text()
    for part in ("m", "d"):
        assert re.search(rf"alice/{part}( at |@)[0-9a-f]{{12}}\n", log)

    # Without the Hub the Space starts again from the cache, and says so.
    with serving(cwd=tmp_path, script=tmp_path / "app.py", **env | {"HF_ENDPOINT": "http://127.0.0.1:9"}) as client:
        hits = client.predict("red kettle", 20, "tuned", "", "", "", api_name="/search")["hits"]
        assert [hit["score"] for hit in hits] == [hit[2] for hit in pulled["local"]["tuned red kettle"]]
        log = client.log.read_text()
        shown = httpx.get(f"{client.src}config").text
    assert log.count("(from the cache, the Hub is out of reach)") == 3
    assert "from the cache, the Hub is out of reach" in shown, "the page's header does not say it"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--embeddings", "alice/none"], "dataset alice/none could not be pulled"),
        (["--embeddings", ESCI], f"dataset {ESCI}: no manifest.json, so it is no store"),
        (["--embeddings", "alice/d", "--model", "alice/m@FIRST"], "its tuned vectors were made by alice/m@"),
        (["--embeddings", "alice/d", "--base-model", "alice/m"], f"its base vectors were made by {E5}@"),
        (["--embeddings", "alice/d@nothing"], "the repository has no such revision"),
        (["--embeddings", "alice/d", "--model", f"base={E5}", "--base-model", E5], "base is a --model too"),
        (["--embeddings", "alice/d", "--only", "gone"], "--only gone: dataset alice/d has base, tuned"),
        (["--embeddings", "alice/d", "--only", "tuned", "--base-model", E5], "the Space would not load base"),
    ],
)
def test_a_space_that_could_not_start_is_not_published(hub, way, words, says):
    words = [word.replace("FIRST", way.model) for word in words]
    done = run(hub, way.home, [sys.executable, "-m", "space", "publish", "alice/bad", *words], way.work, OWNER, code=1)
    assert says in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.output
    assert ("space", "alice/bad") not in hub.repos


def test_a_space_of_a_store_without_a_base_keeps_none_of_an_earlier_one(hub, way):
    """It would not start: the store has no encoder base. Each encoder is pinned."""
    found = manifest.parse(hub.files("dataset", "alice/d")["manifest.json"])
    runs = {"run-1": found.encoders["base"], "tuned": found.encoders["tuned"]}
    others = {name: entry for name, entry in found.files.items() if not name.startswith("base/")}
    hub.create_repo("dataset", "alice/runs", False)
    hub.commit("dataset", "alice/runs", {"manifest.json": replace(found, encoders=runs, files=others).to_bytes()})
    hub.create_repo("space", "alice/runs", False).variables |= {"E5_BASE_MODEL": f"{E5}@main", "E5_MODEL": "alice/m"}
    words = ["publish", "alice/runs", "--embeddings", "alice/runs"]
    run(hub, way.home, [sys.executable, "-m", "space", *words], way.work, OWNER)
    assert hub.repos["space", "alice/runs"].variables == {
        "E5_MODEL": f"run-1={E5}@{hub.commits('model', E5)[0][0]} alice/m@{way.second_model}",
        "E5_EMBEDDINGS": f"alice/runs@{hub.commits('dataset', 'alice/runs')[0][0]}",
    }


def test_a_space_loads_the_encoders_that_are_named_until_others_are(hub, way):
    """E5_ONLY of an earlier store would name an encoder that this one does not have, and the Space would not start."""
    variables = hub.create_repo("space", "alice/few", False).variables
    variables |= {"E5_ONLY": "tuned, gone"}
    words = [sys.executable, "-m", "space", "publish", "alice/few", "--embeddings", f"alice/d@{way.second_store}"]
    done = run(hub, way.home, words, way.work, OWNER)
    assert "E5_ONLY" not in variables and "has no gone: it will load all encoders" in done.output
    everything = dict(variables)
    for more in (["--only", "tuned"], []):  # without the flag it stays
        run(hub, way.home, [*words, *more], way.work, OWNER)
        few = {name: value for name, value in everything.items() if name != "E5_BASE_MODEL"}
        assert variables == few | {"E5_ONLY": "tuned"}
    run(hub, way.home, [*words, "--only"], way.work, OWNER)
    assert variables == everything


def test_a_space_over_a_private_store_is_told_to_have_a_token(hub, way, space):
    """The Space does not get its owner's rights, so it would not start."""
    words = [sys.executable, "-m", "space", "publish", "alice/hidden", "--embeddings", f"alice/d@{way.second_store}"]
    hub.repos["dataset", "alice/d"].private = True
    try:
        done = run(hub, way.home, words, way.work, OWNER)
    finally:
        hub.repos["dataset", "alice/d"].private = False
    assert "dataset alice/d is private" in done.output and "HF_TOKEN" in done.output


def test_no_request_was_unknown(hub, way, pulled, space):
    assert set(hub.unknown) <= {"GET /api/agent-harnesses"}
