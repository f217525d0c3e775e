"""Shared fixtures: real rows, scripts run as a user runs them, trained and built folders, a browser."""

import gc
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from browsing import CHROMIUM, DESK, QUIET, TOUR_SEEN, complain_of, show_pictures
from filelock import FileLock
from hub_repos import e5_files, write_files

ROOT = Path(__file__).resolve().parent.parent
ESCI = ROOT.parent / "shared" / "esci"

# Test machines cannot reach the Hub, and no test should wait for it.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Each test embeds for itself; those of the cache give it a folder.
os.environ["E5_VECTOR_CACHE"] = "off"
# Tests unpack and keep files in a cache of their own: in that of the user they would replace what the app keeps there.
# The workers share the folder of the process that starts them.
STARTS_THE_WORKERS = "PYTEST_XDIST_WORKER" not in os.environ
if STARTS_THE_WORKERS:
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="e5-tests-")
# A shell starts a job in the background with SIGINT ignored, and the processes of a test would ignore it, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Two workers with two threads each would compete for two cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
#: Files that take more than ten seconds, in an order in which neighbours seldom wait for the same fixture.
LONGEST = """milvus hub_faults hub train browser training build vector_cache browser_languages patterns damage
    browser_search push app browser_uploaded browser_compare spaces browser_hostile browser_evaluation
    browser_data machine_run""".split()


# Importing takes a quarter less time without the garbage collector, see space.io.memory.
gc.disable()


def pytest_unconfigure():
    if STARTS_THE_WORKERS:
        shutil.rmtree(os.environ["XDG_CACHE_HOME"], ignore_errors=True)


def pytest_collection_finish():
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items):
    """Run the longest files first, so that both workers end at about the same time."""
    places = {f"test_{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONGEST)))


@pytest.fixture
def real_rows() -> Path:
    if not ESCI.is_dir():
        pytest.skip("needs the real ESCI rows in ../shared/esci, which are not part of the project")
    return ESCI


@pytest.fixture
def mounted(tmp_path):
    """``mounted(*options)`` mounts a small file system; it needs root."""
    places = []

    def mount(*options):
        place = tmp_path / f"disk{len(places)}"
        place.mkdir()
        words = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(place)]
        done = subprocess.run(words, capture_output=True, text=True, check=False) if shutil.which("mount") else None
        if done is None or done.returncode:
            pytest.skip(f"cannot mount a tmpfs here: {done.stderr.strip() if done else 'no mount'}")
        places.append(place)
        return place

    yield mount
    for place in places:
        subprocess.run(["umount", str(place)], check=False)


def flip_bit(path: Path, at: int | None = None) -> None:
    """Change one bit of a file, in the middle or at byte ``at``."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 1
    path.write_bytes(data)


def run_script(*arguments: str, cwd: Path, check: bool = True, launch: int = 0) -> subprocess.CompletedProcess:
    """Run a script of the project in a process of its own."""
    done = subprocess.run(
        command(*arguments, launch=launch), cwd=cwd, env=environment(), capture_output=True, text=True, check=False
    )
    assert not check or done.returncode == 0, done.stderr[-4000:]
    return done


def command(script: str, *arguments: str, launch: int = 0, restarts: int = 0) -> list[str]:
    """``python SCRIPT …``, or ``accelerate launch`` with ``launch`` processes that restart together if one dies."""
    start = [sys.executable]
    if launch:
        start += ["-m", "accelerate.commands.launch", "--num_processes", str(launch)]
        # Without a GPU the launcher needs this flag to start several processes.
        start += ["--multi_gpu"] if launch > 1 else ["--cpu"]
        start += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
        start += ["--main_process_port", "0", "--max_restarts", str(restarts)]
    return [*start, str(ROOT / script), *arguments]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="session")
def shared(tmp_path_factory, worker_id):
    """``shared(name, make)``: a folder that is made once for all workers of a run."""
    base = tmp_path_factory.getbasetemp()
    root = base if worker_id == "master" else base.parent

    def once(name, make):
        with FileLock(root / f"{name}.lock"):
            if not (root / f"{name}.made").exists():
                (root / name).mkdir()
                make(root / name)
                (root / f"{name}.made").touch()
        return root / name

    return once


@pytest.fixture(scope="session")
def tiny_e5(shared) -> Path:
    """A random model with the files of multilingual-e5-small and 32 dimensions: fast, but finds nothing sensible."""

    def make(folder):
        write_files(folder, e5_files())

    return shared("multilingual-e5-tiny", make)


@pytest.fixture(scope="session")
def tiny_e5_base(tmp_path_factory) -> Path:
    """A random model with the files of multilingual-e5-base, which is an XLM-R."""
    return write_files(tmp_path_factory.mktemp("hub") / "multilingual-e5-base-tiny", e5_files(base=True))


@pytest.fixture(scope="session")
def plain_e5(tmp_path_factory, tiny_e5) -> Path:
    """The same tokenizer with a random XLM-R, as a plain ``transformers`` checkpoint."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaModel

    folder = tmp_path_factory.mktemp("plain") / "checkpoint"
    tokenizer = json.loads((tiny_e5 / "tokenizer.json").read_text())
    size = len(tokenizer["model"]["vocab"]) + len(tokenizer["added_tokens"])
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=size, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=66, pad_token_id=1,
    )  # fmt: skip
    XLMRobertaModel(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        if (tiny_e5 / name).is_file():
            shutil.copy(tiny_e5 / name, folder / name)
    return folder


def short_training(tiny_e5: Path) -> list[str]:
    """Arguments of train.py for a run that takes seconds and writes two checkpoints."""
    settings = ["--title-queries", "60", "--mined-negatives", "--max-steps", "8", "--save-steps", "4"]
    return ["--dataset", "sample", "--base-model", str(tiny_e5), *settings]


@pytest.fixture(scope="session")
def trained(shared, tiny_e5) -> Path:
    """A folder after train.py; read-only. test_hub.py runs train.py under the launcher."""

    def make(folder):
        done = run_script("train.py", *short_training(tiny_e5), cwd=folder)
        (folder / "output.txt").write_text(done.stderr + done.stdout)

    return shared("trained", make)


@pytest.fixture(scope="session")
def built(shared, trained, tiny_e5) -> Path:
    """The same folder after build_embeddings.py; read-only."""

    def make(folder):
        shutil.copytree(trained, folder, dirs_exist_ok=True)
        arguments = ("--dataset", "sample", "--base-model", str(tiny_e5), "--shard-size", "300")
        run_script("build_embeddings.py", *arguments, cwd=folder)

    return shared("built", make)


@pytest.fixture(scope="module")
def engine():
    """A small shop's engine; modules that need another one override it."""
    import small_shop

    return small_shop.engine()


@pytest.fixture
def people(tmp_path):
    """Votes and judgments of the owner of a page, which start empty."""
    from space.feedback.journal import Journal
    from space.feedback.people import People
    from space.feedback.raters import Access

    return People(Journal(tmp_path), Access("open", owner=True), Access("open", owner=True))


@pytest.fixture(scope="module")
def url():
    """The address of a small shop's page; modules that need another shop override it."""
    import small_shop

    from space.evaluation.schema import Evaluation

    evaluation = Evaluation(verdict="Fine-tuning helped: nDCG@10 +0.1000.")
    with small_shop.serve(small_shop.engine(evaluation)) as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def profile(browser, url):
    """``profile(locale)``: a browser context with a warm cache and a process that has compiled the page."""
    contexts = {}

    def of(locale):
        if locale not in contexts:
            contexts[locale] = browser.new_context(locale=locale)
            # Stays open: without a page the process would end, and every visit would take a second longer to compile.
            contexts[locale].new_page().goto(f"{url}theme.css")
        return contexts[locale]

    return of


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.failed = report.failed
    return report


@pytest.fixture
def visit(browser, profile, url, tmp_path, request):
    """Opens the page. The test fails if there is anything in the console or a request to another server.

    In a new tab of a browser that has been here before; with ``prepare`` or ``anew`` in a new browser context, and
    with ``tour`` in one in which the guided minute has not been ended yet.
    """
    complaints, contexts, kept = [], {}, []

    def open_page(
        viewport=DESK,
        tour=False,
        scheme="light",
        pictures=True,
        link="",
        address=url,
        anew=False,
        prepare=None,
        locale="en-US",
        shows="",
    ):
        context = browser.new_context(locale=locale) if anew or prepare or tour else profile(locale)
        kept.extend(context.pages[:1])  # of a profile
        contexts[context] = None
        if prepare:
            prepare(context)
        page = context.new_page()
        if not tour:
            page.add_init_script(TOUR_SEEN)
        page.set_default_timeout(10_000)
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=scheme)
        complain_of(page, address, complaints)
        if pictures:
            show_pictures(page)
        page.goto(address + link)
        shown = (
            page.locator(shows).filter(visible=True).first
            if shows
            else page.get_by_role("textbox", name=re.compile("^(Query|Запрос)$"))
        )
        shown.wait_for()
        return page

    yield open_page
    for page in (page for context in contexts for page in context.pages if page not in kept):
        if getattr(request.node, "failed", False):
            page.screenshot(path=tmp_path / "last.png", full_page=True)
        page.close()
    for context in (context for context in contexts if not context.pages):
        context.close()
    assert complaints == []
