"""Who may import whom, and what nobody may do: rules that a review would forget and a walk over the code does not."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENTRY_POINTS = ("app", "train", "build_embeddings")
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in [*sorted((ROOT / "space").rglob("*.py")), *(ROOT / f"{name}.py" for name in ENTRY_POINTS)]
}
UI = {name for name in FILES if name == "space.ui" or name.startswith("space.ui.")}
#: Know no sibling, so that each can be read, tested and reused alone.
ALONE = "errors files metrics fusion nibbles postings facets sample_words counts csvfile reading".split()
ALONE += "pages threads batching ahead forward scan".split()
#: Say how things look, and are read and tested without a page.
FORMATTING = "aligned cards columns export header links markup".split()
TRAINERS = {f"space.{name}" for name in "processes training losses checkpoints experiment embedding".split()}
#: What trains, by name: sentence_transformers re-exports the trainer at its top.
TRAINER_WORDS = ("Trainer", "TrainingArguments", "losses", "trainer", "training_args")
PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
FORBIDDEN_KEYWORDS = {"allow_pickle", "trust_remote_code"}


@cache
def tree(name):
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


@cache
def imports(name):
    """(module, imported name or None) of every import in a file, those within functions included."""
    found = []
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found.extend((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} line {node.lineno}: a relative import"
            found.extend((node.module, alias.name) for alias in node.names)
    return found


@cache
def siblings(name):
    """Modules of this project that a file imports; ``from space import hub`` is space.hub and not space."""
    found = set()
    for module, imported in imports(name):
        if module in FILES or module.split(".")[0] in FILES:
            found.add(f"{module}.{imported}" if f"{module}.{imported}" in FILES else module)
    return found - {name}


@cache
def packages(name):
    """Top-level names of everything a file imports."""
    return {module.split(".")[0] for module, _ in imports(name)}


def users_of(package):
    return {name for name in FILES if package in packages(name)}


def trains(node):
    """Whether an import or an attribute of sentence_transformers reaches for what trains."""
    return any(word in part for word in TRAINER_WORDS for part in node)


# -- the walk itself -------------------------------------------------------------------------------------------------


def test_the_walk_sees_the_project():
    """Every rule below holds for nothing at all; these are imports that are known to be there."""
    assert len(FILES) >= 20
    assert set(ENTRY_POINTS) <= set(FILES)
    assert UI >= {"space.ui", "space.ui.cards"}
    assert "space.hub" in siblings("space.weights")  # from space import hub
    assert "space.errors" in siblings("space.config")  # from space.errors import UserError
    assert "space.loading" in siblings("app")  # within a function
    assert "torch" in packages("space.index")


def test_imported_names_exist():
    """Entry points import late; a renamed function would only be missed after the training, or by a visitor."""
    missing = []
    for name in FILES:
        for module, imported in imports(name):
            if module in FILES and imported and f"{module}.{imported}" not in FILES:
                defined = set()
                for node in tree(module).body:
                    if isinstance(node, ast.FunctionDef | ast.ClassDef):
                        defined.add(node.name)
                    elif isinstance(node, ast.Import | ast.ImportFrom):
                        defined |= {alias.asname or alias.name for alias in node.names}
                    else:
                        defined |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
                if imported not in defined:
                    missing.append(f"{name}: from {module} import {imported}")
    assert missing == []


# -- who imports whom ------------------------------------------------------------------------------------------------


def test_entry_points_never_import_each_other():
    """What two of them need lives in ``space/``; nor does anything there import a script."""
    assert {name: siblings(name) & set(ENTRY_POINTS) for name in FILES if siblings(name) & set(ENTRY_POINTS)} == {}


def test_no_cycle():
    """Imports go one way: a cycle means that two modules are one, and that the order of imports decides what works."""
    try:
        order = list(TopologicalSorter({name: siblings(name) for name in FILES}).static_order())
    except CycleError as error:
        pytest.fail(f"cycle: {' -> '.join(error.args[1])}")
    assert set(FILES) <= set(order)


@pytest.mark.parametrize("name", ALONE)
def test_modules_that_know_no_sibling(name):
    """Only the error type is shared."""
    assert siblings(f"space.{name}") <= {"space.errors"}


def test_gradio_is_the_page_s():
    """Search, evaluation and training must run where no page is, without ten seconds of imports."""
    assert users_of("gradio") - UI <= {"app"}
    assert users_of("gradio") & UI


@pytest.mark.parametrize("name", FORMATTING)
def test_formatting_needs_no_gradio(name):
    """Pure functions: who reaches for a component there has put a handler in the wrong place."""
    assert "gradio" not in packages(f"space.ui.{name}")


def test_figures_and_held_out_queries_need_no_engine():
    """They are what the engine hands out; knowing it, they could not be worked out by hand in a test."""
    assert siblings("space.figures") == {"space.esci", "space.metrics"}
    assert siblings("space.heldout") == {"space.evaluation", "space.labels", "space.metrics", "space.reading"}


def test_the_page_is_the_app_s():
    """Whatever else imported it would drag gradio in; a report is HTML without a page, and made without gradio."""
    users = {name: siblings(name) & UI for name in FILES if name not in UI and siblings(name) & UI}
    assert set(users) == {"app", "space.__main__"} and users["space.__main__"] == {"space.ui.data_page"}
    behind, todo = set(), ["space.ui.data_page"]
    while todo:
        behind.add(name := todo.pop())
        todo += siblings(name) - behind
    assert not behind & users_of("gradio") and "space.ui.cards" in behind


def test_accelerate_is_for_runs():
    """It starts a process group: nothing that only serves or reads may do so."""
    assert users_of("accelerate") <= TRAINERS


def test_the_trainer_is_for_runs():
    """The app encodes with sentence_transformers, but has no use for its trainer, losses or arguments."""
    found = {
        name
        for name in FILES
        for module, imported in imports(name)
        if module.split(".")[0] == "sentence_transformers" and trains((module.partition(".")[2], imported or ""))
    }
    assert found <= TRAINERS
    assert "space.training" in found


def test_the_hub_is_for_few():
    """Retries, sentences and checksums are in one place: who went past it would show a user a traceback."""
    assert users_of("huggingface_hub") == {
        f"space.{name}" for name in ("faults", "hub", "upload", "publish", "report", "backup")
    }
    asking = {name for name in FILES for module, what in imports(name) if what in ("get_token", "HfFolder")}
    assert asking == {"space.upload"}, "nobody else has to do with tokens, and that one only asks whether there is one"


def test_milvus_is_for_who_asks_for_it():
    """Its packages are optional: one module imports them, within functions; and what searches knows no product."""
    assert users_of("pymilvus") == users_of("milvus_lite") == {"space.milvus"}
    at_the_top = [
        alias.name for node in tree("space.milvus").body if isinstance(node, ast.Import) for alias in node.names
    ]
    assert "logging" in at_the_top and not {"pymilvus", "milvus_lite"} & set(at_the_top)
    assert siblings("space.milvus") == {"space.config", "space.errors", "space.facets", "space.store"}
    assert siblings("space.milvus_loading") == {"space.milvus", "space.facets", "space.store"}


def test_who_reads_a_store_cannot_write_one():
    """Where a store is served, nothing may change it; and the report only asks the plan for what there will be."""
    assert siblings("space.store_writer") == {"space.files", "space.manifest", "space.store"}
    writers = {name for name in FILES if "space.store_writer" in siblings(name)}
    assert writers == {"space.embedding", "space.report"}


def test_the_way_to_the_hub_is_one_way():
    """Faults know no repository, repositories no model, and what is published knows no trainer and no page."""
    assert siblings("space.faults") == set()
    assert siblings("space.hub") == {"space.errors", "space.faults"}
    assert siblings("space.upload") == {"space.faults", "space.hub"}
    assert siblings("space.backup") == {"space.counts", "space.errors", "space.faults", "space.hub", "space.usage"}
    assert siblings("space.usage") == {"space.counts"}
    assert not siblings("space.publish") & ({"space.search", *TRAINERS} | UI)


def test_charts_draw_and_slices_count():
    """A chart that knew a metric would soon decide what it says; slices must be had without a page."""
    assert siblings("space.ui.charts") == {"space.ui.markup"}
    assert siblings("space.slices") == {"space.esci", "space.evaluation"}


def test_the_figures_of_a_data_set_know_no_model_and_no_page():
    """They are looked at before there is a model, and also where there is no page."""
    assert siblings("space.eda") == {"space.catalogue", "space.esci"}
    assert users_of("sqlite3") == {"space.counts", "space.usage", "space.backup"}  # the last two name its errors


def test_reasons_and_own_catalogues_know_their_place():
    """An explanation compares texts and vectors that others bring; an own catalogue is searched like any other."""
    assert siblings("space.explain") == {"space.bm25", "space.catalogue", "space.fusion"}
    assert {name for name in FILES if "space.own" in siblings(name)} <= UI


def test_prompts_have_one_home():
    """E5's prefixes written down a second time would one day differ from the first."""
    homes = {
        name
        for name in FILES
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Constant) and node.value in ("query: ", "passage: ")
    }
    assert homes == {"space.encoder"}


# -- what nobody may do ----------------------------------------------------------------------------------------------


def test_nothing_that_can_run_foreign_code():
    """Models and data come from strangers: a pickle, or a repository's own code, would run on loading."""
    found = []
    for name in FILES:
        found += [f"{name}: import {package}" for package in packages(name) & PICKLES]
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("torch.load", "np.load", "pd.read_pickle"):
                found.append(f"{name} line {node.lineno}: {ast.unparse(node)}")
            if isinstance(node, ast.keyword) and node.arg in FORBIDDEN_KEYWORDS and ast.unparse(node.value) != "False":
                found.append(f"{name} line {node.value.lineno}: {node.arg}")
        found += [f"{name}: from torch import load" for one in imports(name) if one == ("torch", "load")]
    assert found == []


LIGHT = """
import sys
import space.config, space.weights, space.quickstart
print(sorted({"torch", "gradio", "transformers", "sentence_transformers", "datasets"} & set(sys.modules)))
"""


def test_settings_and_quickstart_take_no_torch():
    """--help and the first words of the quickstart must come at once, not after ten seconds of imports."""
    done = subprocess.run([sys.executable, "-c", LIGHT], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", [*ENTRY_POINTS, "space.__main__"])
def test_entry_points_start_light(name):
    """They say which encoder runs before anything heavy is imported: the heavy imports are within functions."""
    done = subprocess.run(
        [sys.executable, "-c", LIGHT.replace("space.config, space.weights, space.quickstart", name)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_no_module_does_work_at_import():
    """Statements at the top are definitions: no download, no model, no file read, no argument parsed by an import."""
    doing = []
    for name in FILES:
        for node in tree(name).body:
            guarded = isinstance(node, ast.If) and ast.unparse(node.test) in (
                "__name__ == '__main__'",
                "TYPE_CHECKING",
            )
            if isinstance(node, ast.For | ast.While | ast.With | ast.Try) or (
                isinstance(node, ast.If) and not guarded
            ):
                doing.append(f"{name} line {node.lineno}: {type(node).__name__}")
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                doing.append(f"{name} line {node.lineno}: {ast.unparse(node)}")
    assert doing == []
