"""Faults of the Hub in pushes and pulls: what is retried, what the user reads, and that nothing is lost.

The sentences are read from the table in docs/hub.md.
"""

import json
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import ROOT
from hub_commands import BROKEN, READ_ONLY, TOKEN, is_clean, run
from hub_repos import add_defaults, e5_files, esci_files
from hub_server import Fault, HubServer
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import hf_raise_for_status

from space.hub import client
from space.hub.faults import FAULTS, httpx, in_words, is_transient
from space.hub.publish import again
from space.io.files import sha256

NOWHERE = "http://127.0.0.1:9"  # the port of "discard", which is closed
MODEL = e5_files()
SENTENCE = {
    name: [cell.strip().replace("`", "") for cell in cells.split("|")]
    for name, cells in re.findall(r"^\| \*\*(.+?)\*\* \| (.+) \|$", (ROOT / "docs" / "hub.md").read_text(), re.M)
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with HubServer(tmp_path_factory.mktemp("hub"), {TOKEN: "alice", READ_ONLY: "alice"}, {READ_ONLY}) as server:
        add_defaults(server)
        yield server


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """A second Hub for the faults that are tried all at once; on the first one requests are counted."""
    with HubServer(tmp_path_factory.mktemp("faulty"), {TOKEN: "alice"}) as server:
        add_defaults(server)
        yield server


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "saved_e5_model"
    for name, content in MODEL.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


# -- the faults, tried all at once, since the client mostly sleeps ----------------------------------------------------

PUSHES = {
    # repository: fault, row of the table in docs/hub.md (None: it succeeds in the end)
    "p-429": (Fault("POST .*alice/p-429/commit", 429, times=2, retry_after=1), None),
    "p-503": (Fault("POST .*alice/p-503/commit", 503, times=2), None),
    "p-whoami": (Fault("GET .*alice/p-whoami", 500, times=2), None),
    "p-lost": (Fault("POST .*alice/p-lost/commit", "cut"), None),
    "p-batch": (Fault("POST .*alice/p-batch.git/info", "cut", times=2), None),
    "p-slow": (Fault("POST .*alice/p-slow/commit", "slow", seconds=2), None),
    "p-limit": (Fault("POST .*alice/p-limit/commit", 429, times=2, reset=1), None),
    "p-later": (Fault("POST .*alice/p-later/commit", 429, times=None, reset=3600), "429"),
    "p-full": (Fault("POST .*alice/p-full/commit", 403, times=None, message="Private storage limit reached"), "403"),
    "p-off": (
        Fault("POST .*alice/p-off/commit", 403, times=None, message="Access to this resource is disabled."),
        "disabled",
    ),
    "p-401": (Fault("POST .*alice/p-401/commit", 401, times=None), "401"),
    "p-403": (Fault("POST .*alice/p-403/commit", 403, times=None), "403"),
    "p-404": (Fault("POST .*alice/p-404/preupload", 404, times=None), "404"),
    "p-wait": (Fault("POST .*alice/p-wait/commit", 429, times=None, retry_after=3600), "429"),
    "p-500": (Fault("POST .*alice/p-500/commit", 500, times=None), "500"),
    "p-hang": (Fault("POST .*alice/p-hang/preupload", "slow", times=None, seconds=5), "no answer"),
    "p-cut": (Fault("POST .*alice/p-cut/preupload", "cut", times=None), "connection cut"),
    "p-bad": (Fault("PUT /cdn/", "corrupt", times=None), "damaged"),
    "p-412": (Fault("POST .*alice/p-412/commit", 412, times=None), "another push"),
}
PULLS = {
    "g-429": (Fault("GET /api/models/alice/g-429/tree", 429, times=2, retry_after=1), None),
    "g-503": (Fault("GET /cdn/.*g-503.bin", 503, times=2), None),
    "g-head": (Fault("HEAD .*alice/g-head/", "cut", times=2), None),
    "g-cut": (Fault("GET /cdn/.*g-cut.bin", "cut"), None),
    "g-short": (Fault("GET /cdn/.*g-short.bin", "short"), None),
    "g-bad": (Fault("GET /cdn/.*g-bad.bin", "corrupt"), None),
    "g-slow": (Fault("GET /api/models/alice/g-slow", "slow", seconds=2), None),
    "g-link": (Fault("GET /cdn/.*g-link.bin", 403, message="Request has expired"), None),
    "g-kept": (Fault("GET /cdn/.*g-kept.bin", 403, times=None, message="Blocked by the firewall"), "storage"),
    "g-off": (Fault("alice/g-off", 403, times=None, message="Access to this resource is disabled."), "disabled"),
    "g-401": (Fault("alice/g-401", 401, times=None), "401"),
    "g-403": (Fault("alice/g-403", 403, times=None), "403"),
    "g-404": (Fault("alice/g-404", 404, times=None), "404"),
    "g-wait": (Fault("alice/g-wait", 429, times=None, retry_after=3600), "429"),
    "g-500": (Fault("alice/g-500", 500, times=None), "500"),
    "g-hang": (Fault("GET /api/models/alice/g-hang", "slow", times=None, seconds=5), "no answer"),
    "g-gone": (Fault("alice/g-gone", "cut", times=None), "connection cut"),
    "g-worse": (Fault("GET /cdn/.*g-worse.bin", "corrupt", times=None), "damaged"),
}
TABLES = {
    "e-503": (Fault("GET /api/datasets/alice/e-503", 503, times=2), None),
    "e-404": (Fault("alice/e-404", 404, times=None), "404"),
    "e-500": (Fault("alice/e-500", 500, times=None), "500"),
}
HELPER = """
    import json, logging, sys, time
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path
    from space.encoding import weights
    from space.hub import client as hub, publish
    from space.hub.client import model_download
    from space.pipelines.inputs import open_judged
    logging.basicConfig(format="%(message)s", level=logging.WARNING)

    folders, pulls, tables = json.loads(sys.argv[1])
    out = {}

    def attempt(call, *arguments, **more):
        start = time.monotonic()
        try:
            result, text = call(*arguments, **more), ""
        except ValueError as error:  # another error fails this script
            result, text = None, str(error)
        return {"text": text, "seconds": time.monotonic() - start, "result": str(result)}

    def locate_offline(name):
        return weights.locate(name, model_download(offline=True)).notice

    for name in ("w-down", "w-hurt"):
        hub.pull(f"alice/{name}", "model")
    hurt = next(Path(weights.locate("alice/w-hurt", model_download()).folder).glob("*.safetensors")).resolve()
    hurt.write_bytes(hurt.read_bytes()[:-1] + b"!")
    jobs = {name: (publish.push_model, Path(folder), f"alice/{name}") for name, folder in folders.items()}
    jobs |= {name: (hub.pull, f"alice/{name}", "model") for name in pulls}
    jobs |= {name: (open_judged, f"alice/{name}", ["us"]) for name in tables}
    jobs |= {"w-down": (hub.pull, "alice/w-down", "model"), "w-hurt": (locate_offline, "alice/w-hurt")}
    with ThreadPoolExecutor(len(jobs)) as pool:
        running = {name: pool.submit(attempt, *job) for name, job in jobs.items()}
        out |= {name: job.result() for name, job in running.items()}
    out["w-hurt again"] = attempt(lambda: weights.locate("alice/w-hurt", model_download()).notice)
    out["public"] = attempt(publish.push_model, Path(folders["p-500"]), "alice/g-cut", private=True)
    print(json.dumps(out))
"""


@pytest.fixture(scope="module", autouse=True)
def begun(faulty, model, tmp_path_factory):
    """Starts the process that meets all faults before the first test; the tests that need it come last."""
    work, home = tmp_path_factory.mktemp("pushes"), tmp_path_factory.mktemp("home")
    for name in PUSHES:
        shutil.copytree(model, work / name)
        with (work / name / "model.safetensors").open("ab") as file:  # else one upload would do for all
            file.write(name.encode())
    corrupt = sha256(work / "p-bad" / "model.safetensors")
    PUSHES["p-bad"][0].match = f"PUT /cdn/upload/{corrupt}"
    for name in PULLS:
        faulty.commit("model", f"alice/{name}", {f"{name}.bin": name.encode() * 50_000, "config.json": b"{}"})
    for name in TABLES:
        faulty.commit("dataset", f"alice/{name}", esci_files())
    for number, name in enumerate(("w-down", "w-hurt")):
        faulty.commit("model", f"alice/{name}", e5_files(seed=number + 5))
    faults = [fault for group in (PUSHES, PULLS, TABLES) for fault, _ in group.values()]
    down = Fault("GET /api/models/alice/w-down", 503, times=None, skip=3)  # the first pull asks three times
    names = json.dumps([{name: str(work / name) for name in PUSHES}, list(PULLS), list(TABLES)])
    waits = {"HF_HUB_DOWNLOAD_TIMEOUT": "1", "HF_HUB_ETAG_TIMEOUT": "1"}
    with faulty.fault(*faults, down), (home / "out").open("w") as out, (home / "err").open("w") as err:
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(HELPER), names],
            cwd=home, env=faulty.env(home, TOKEN, PYTHONPATH=str(ROOT), **waits), stdout=out, stderr=err,
        )  # fmt: skip
        yield SimpleNamespace(process=process, work=work, home=home)
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def seen(begun):
    code, (out, log) = begun.process.wait(), ((begun.home / name).read_text() for name in ("out", "err"))
    assert code == 0 and is_clean(out + log), log[-4000:]
    faults = {name: fault for group in (PUSHES, PULLS, TABLES) for name, (fault, _) in group.items()}
    assert not [name for name, fault in faults.items() if not fault.hits], "a fault that was not met"
    print(log)
    results = json.loads(out.splitlines()[-1])
    print({name: round(result["seconds"], 1) for name, result in results.items()})
    return results | {"log": log, "work": begun.work}


# -- as a user types it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "token", "endpoint"),
    [
        ("no token", None, ""),
        ("401", "hf_" + "Un0" * 11, ""),
        ("403", READ_ONLY, ""),
        ("out of reach", TOKEN, NOWHERE),
    ],
)
def test_the_command_ends_in_one_sentence(hub, model, tmp_path, row, token, endpoint):
    words = ("-m", "space", "push-model", "alice/typed", str(model))
    env = {"HF_ENDPOINT": endpoint} if endpoint else {}
    done = run(hub, tmp_path, *words, token=token, code=1, **env)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("push-model: model alice/typed could not be pushed")
    assert re.search(sentence(row, "push"), last.replace("`", ""))
    assert "Traceback" not in done.output
    assert ("model", "alice/typed") not in hub.repos


def test_a_token_that_cannot_even_be_sent_is_not_shown(hub, model, tmp_path):
    """The client's own error quotes the header that it cannot encode."""
    done = run(hub, tmp_path, "-m", "space", "push-model", "alice/typed", str(model), token=BROKEN, code=1)
    assert "could not be sent: check the characters in HF_TOKEN" in done.stderr
    assert "pasted" not in done.output and "Traceback" not in done.output


def test_a_pull_out_of_reach_names_what_is_missing(hub, tmp_path):
    done = run(
        hub, tmp_path, str(ROOT / "build_embeddings.py"), "--model", "alice/absent", code=1, HF_ENDPOINT=NOWHERE
    )
    last = done.stderr.strip().splitlines()[-1]
    assert re.search(sentence("out of reach", "pull"), last) and "model alice/absent is not in the cache" in last
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["push-model", "m", "."], "repository is 'm': name the repository as USER/NAME"),
        (["push-model", "alice/m", "."], "no model, it holds no .safetensors file"),
        (["push-store", "alice/d", "."], "no manifest.json, so it is not a store"),
    ],
)
def test_what_cannot_be_pushed_is_refused(hub, tmp_path, words, says):
    done = run(hub, tmp_path, "-m", "space", *words, code=1)
    assert says in done.stderr and "Traceback" not in done.output


def test_all_reasons_against_a_card_are_said_with_the_file():
    """The client lists them one a line, and once only the last was shown."""
    error = ValueError('Invalid metadata in README.md.\n- "license" must be one of [a, b]\n- "tags" must be an array')
    assert in_words(error) == 'Invalid metadata in README.md: "license" must be one of [a, b]; "tags" must be an array'


# -- what became of the faults that were tried all at once ------------------------------------------------------------


def cases(group, fails):
    return [name for name, (_, row) in group.items() if (row is not None) == fails]


def sentence(row, way):
    """A regex for a sentence of docs/hub.md, where N is a number, FILE and HOST are names."""
    text = re.escape(re.search("“(.*)”", SENTENCE[row][way == "pull"])[1])
    return re.sub(r"\bN\b", r"\\d+", text).replace("FILE", r"\S+").replace("HOST", r"\S+").replace("REASON", ".+")


@pytest.mark.parametrize("name", cases(PUSHES, fails=False))
def test_a_push_gets_over_what_passes(faulty, seen, name):
    """In one commit, also if the Hub had made it and only its answer was lost."""
    assert seen[name]["text"] == ""
    files = faulty.files("model", f"alice/{name}")
    on_disk = {path.relative_to(seen["work"] / name).as_posix() for path in (seen["work"] / name).rglob("*.*")}
    assert set(files) - {".gitattributes"} == on_disk - {"1_Pooling", ".pushed.json"}
    assert files["model.safetensors"] == (seen["work"] / name / "model.safetensors").read_bytes()
    assert len(faulty.commits("model", f"alice/{name}")) == 2


@pytest.mark.parametrize("name", cases(PUSHES, fails=True))
def test_a_push_that_fails_says_why_and_how_to_repeat_it(seen, name):
    """In one sentence and about a minute; the model stays where it is."""
    text, folder = seen[name]["text"], seen["work"] / name
    assert f"model alice/{name} could not be pushed to http" in text
    assert re.search(sentence(PUSHES[name][1], "push"), text.replace("`", "")), text
    assert text.endswith(f"The model is safe in {folder}; push it without training again: "
                         f"{again('push-model', f'alice/{name}', folder, False)}")  # fmt: skip
    assert "\n" not in text and "Error" not in text and "hf_" not in text
    assert seen[name]["seconds"] < 75
    assert (folder / "model.safetensors").read_bytes().startswith(MODEL["model.safetensors"])


@pytest.mark.parametrize("name", [*cases(PULLS, fails=False), *cases(TABLES, fails=False)])
def test_a_pull_gets_over_what_passes(seen, name):
    assert seen[name]["text"] == ""


@pytest.mark.parametrize("name", [*cases(PULLS, fails=True), *cases(TABLES, fails=True)])
def test_a_pull_that_fails_says_why(seen, name):
    text = seen[name]["text"]
    assert f"alice/{name}" in text
    assert re.search(sentence((PULLS | TABLES)[name][1], "pull"), text.replace("`", "")), text
    assert "\n" not in text and "Error" not in text and "hf_" not in text
    assert seen[name]["seconds"] < 75


def test_a_rate_limit_is_waited_out_as_long_as_the_hub_says(seen):
    for name in ("p-429", "g-429"):  # the second by the client itself
        assert 2 <= seen[name]["seconds"] < 30
    assert "alice/p-429: too many requests (429), the Hub asks to wait 1 s; trying again in 2 s" in seen["log"]
    assert "alice/p-limit: too many requests (429), the Hub asks to wait 1 s; trying again in 2 s" in seen["log"]
    assert "the Hub asks to wait 3600 s" in seen["p-later"]["text"]
    for name in ("p-wait", "g-wait", "p-later"):
        assert seen[name]["seconds"] < 30, "an hour is not waited out, not even tried"


def test_the_reason_of_a_refusal_is_shown(seen):
    """A full storage is not cured by another token."""
    assert "it says: Private storage limit reached" in seen["p-full"]["text"]


def test_a_file_that_the_storage_keeps_back_is_asked_for_once(seen):
    """Not every 403 of another host is an expired link, which would be fetched again."""
    assert "it says: Blocked by the firewall" in seen["g-kept"]["text"] and "expired" not in seen["g-kept"]["text"]
    assert PULLS["g-kept"][0].hits == 1


@pytest.mark.parametrize(
    ("url", "said", "expired"),
    [
        ("https://cas.example/f?Expires=1700000000&Signature=x", "Access denied", True),
        ("https://cas.example/f?Expires=99999999999&Signature=x", "Access denied", False),
        ("https://cas.example/f?Expires=soon&Signature=x", "Access denied", False),
        ("https://s3.example/f?X-Amz-Date=20240101T000000Z&X-Amz-Expires=3600", "Access denied", True),
        ("https://s3.example/f?X-Amz-Date=20240101T000000Z&X-Amz-Expires=99999999999999", "Access denied", False),
        ("https://s3.example/f?X-Amz-Date=today&X-Amz-Expires=3600", "Access denied", False),
        ("https://s3.example/f?Signature=x", "<Error><Message>Request has expired</Message></Error>", True),
        ("https://s3.example/f?sig=x", "Signature not valid in the specified time frame", True),
        ("https://s3.example/f?sig=x", "", False),
        ("https://s3.example/f", "Request has expired", False),
        ("https://hub.example/api/f?page=2", "Your token has expired", False),
    ],
)
def test_a_link_is_expired_if_it_or_the_storage_says_so(url, said, expired, monkeypatch):
    monkeypatch.setattr(client.constants, "ENDPOINT", "https://hub.example")
    response = httpx.Response(403, text=said, request=httpx.Request("GET", url))
    with pytest.raises(HfHubHTTPError) as caught:
        hf_raise_for_status(response)
    assert is_transient(caught.value) == expired
    assert ("the link to the file has expired" in in_words(caught.value)) == expired


def test_a_slow_front_page_is_not_a_hub_out_of_reach(hub, tmp_path):
    """With an empty cache the command failed, and with a warm one it served an older commit."""
    hub.commit("dataset", "alice/slow-front", esci_files())
    with hub.fault(Fault("(GET|HEAD) /$", "slow", times=None, seconds=6)):
        run(hub, tmp_path, "-m", "space", "eda", "--dataset", "alice/slow-front", "--output", "report.html")
    assert (tmp_path / "report.html").is_file()


@pytest.mark.parametrize("variable", ["HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT"])
def test_the_probe_waits_as_long_as_the_client_is_told_to(hub, tmp_path, variable):
    hub.commit("dataset", "alice/slow-api", esci_files())
    words = ("-m", "space", "eda", "--dataset", "alice/slow-api", "--output", "report.html")
    slow = Fault("GET /api/whoami-v2", "slow", times=None, seconds=4)
    with hub.fault(slow):
        assert "out of reach" in run(hub, tmp_path, *words, code=1).output
        assert "out of reach" in run(hub, tmp_path, *words, code=1, HF_HUB_ETAG_TIMEOUT="1").output
        run(hub, tmp_path, *words, **{variable: "15"})


def test_a_revision_that_is_not_there_is_refused_with_those_that_are(hub, tmp_path):
    hub.commit("dataset", "alice/tagged", esci_files())
    hub.repos["dataset", "alice/tagged"].tags = {"v1.0": hub.commits("dataset", "alice/tagged")[0][0]}
    words = ("-m", "space", "eda", "--output", "report.html", "--dataset")
    run(hub, tmp_path, *words, "alice/tagged@v1.0")
    last = run(hub, tmp_path, *words, "alice/tagged@nope", code=1).stderr.splitlines()[-1]
    assert "alice/tagged@nope" in last and "has no such revision; it has 'main', 'v1.0'" in last
    assert "train.parquet" not in last, "a folder is no cure for a wrong revision"
    hub.repos["dataset", "alice/tagged"].tags |= {f"v{number}": "0" * 40 for number in range(2, 99)}
    last = run(hub, tmp_path, *words, f"alice/tagged@{'f' * 40}", code=1).stderr.splitlines()[-1]
    assert "it has 'main', 'v1.0', 'v2'" in last and "87 more" in last and "v50" not in last
    with hub.fault(Fault("GET .*/refs", 500, times=None)):  # the sentence stands without them
        last = run(hub, tmp_path, *words, "alice/tagged@nope", code=1).stderr.splitlines()[-1]
    assert "has no such revision" in last and "500" not in last


def test_a_renamed_repository_is_found_and_its_new_name_said(hub, tmp_path):
    hub.commit("dataset", "alice/new-name", esci_files())
    hub.renamed["dataset", "alice/old-name"] = "alice/new-name"
    done = run(hub, tmp_path, "-m", "space", "eda", "--dataset", "alice/old-name", "--output", "report.html")
    assert done.output.count("dataset alice/old-name is called alice/new-name now: use that name") == 1


def test_a_damaged_file_is_fetched_again(seen):
    """The client compares sizes only and would keep the damaged file."""
    assert "model alice/g-bad: g-bad.bin is damaged, fetching it again" in seen["log"]
    folder = re.search(r"PosixPath\('(.+?)'\)", seen["g-bad"]["result"])[1]
    assert (Path(folder) / "g-bad.bin").read_bytes() == b"g-bad" * 50_000


def test_what_is_damaged_in_the_cache_is_refused_offline_and_mended_online(seen):
    assert re.search(r"alice/w-hurt: model\.safetensors in the cache is damaged", seen["w-hurt"]["text"])
    assert seen["w-hurt again"]["text"] == "" and "alice/w-hurt at" in seen["w-hurt again"]["result"]


def test_a_failing_hub_gives_way_to_the_cache_and_it_is_said(seen):
    assert seen["w-down"]["text"] == ""
    assert "note='from the cache, the Hub failed (503)" in seen["w-down"]["result"]


def test_a_public_repository_does_not_take_what_should_be_private(seen):
    assert "it exists already and is public" in seen["public"]["text"]


def test_no_log_line_holds_a_token_or_a_signed_link(seen):
    """The client's warnings contain links to the storage, whose query string is a key."""
    assert "/cdn/" in seen["log"] and "signature" not in seen["log"] and TOKEN not in seen["log"]


@pytest.mark.parametrize("error", [ValueError, RuntimeError, OSError])
def test_an_error_of_our_own_is_not_reported_as_one_of_the_hub(error):
    assert not isinstance(error(), FAULTS)


def test_every_row_of_the_readme_is_a_case():
    shown = {row for group in (PUSHES, PULLS, TABLES) for _, row in group.values()} - {None}
    assert set(SENTENCE) == shown | {"no token", "out of reach"}


@pytest.mark.parametrize("endpoint", ["https://user:hush@hub.example", "https://user:hu/sh@hub.example"])
def test_a_password_in_the_address_of_the_hub_is_not_shown(endpoint, monkeypatch):
    monkeypatch.setattr(client.constants, "ENDPOINT", endpoint)
    assert client.endpoint() == "https://hub.example"
    with pytest.raises((httpx.InvalidURL, httpx.HTTPError)) as failed:
        httpx.get(f"{endpoint}/api", timeout=5)
    said = (in_words(failed.value), in_words(httpx.HTTPError("404 for url https://user:hush@hub.example/api")))
    assert not [text for text in said if re.search("hush|user|'hu'", text)]
