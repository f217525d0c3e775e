"""Rules of the code that no linter has: nothing runs foreign code, and imports are light and do nothing.

Which package may import which is held by ``lint-imports``, see pyproject.toml.
"""

import ast
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENTRY_POINTS = ("app", "train", "build_embeddings")
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in [*sorted((ROOT / "space").rglob("*.py")), *(ROOT / f"{name}.py" for name in ENTRY_POINTS)]
}
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


def packages(name):
    """Top-level names of everything a file imports."""
    return {module.split(".")[0] for module, _ in imports(name)}


def test_the_walk_sees_the_project():
    """Every rule below would hold for no files at all."""
    assert {*ENTRY_POINTS, "space.errors", "space.ui.page"} <= set(FILES)
    assert "torch" in packages("space.index.torch_index")


def test_entry_points_are_never_imported():
    """What two of them need lives in ``space/``."""
    assert not [(name, module) for name in FILES for module, _ in imports(name) if module in ENTRY_POINTS]


def test_prompts_have_one_home():
    """E5's prefixes written down a second time would one day differ from the first."""
    homes = {
        name
        for name in FILES
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Constant) and node.value in ("query: ", "passage: ")
    }
    assert homes == {"space.encoding.weights"}


# -- what no module may do --------------------------------------------------------------------------------------------


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
import {}
print(sorted({} & set(sys.modules)))
"""
HEAVY = {"torch", "gradio", "transformers", "sentence_transformers", "datasets"}
#: Packages that take a second and more to import, and that answering queries does not need.
TRAINING = {
    "transformers",
    "sentence_transformers",
    "datasets",
    "accelerate",
    "sklearn",
    "scipy",
    "matplotlib",
}


@pytest.mark.parametrize(
    "name", ["space.settings, space.encoding.weights, space.pipelines.quickstart", *ENTRY_POINTS, "space.__main__"]
)
def test_entry_points_start_light(name):
    """--help and the name of the encoder come at once, not after ten seconds of imports within functions."""
    assert imported(name, HEAVY) == "[]"


def test_the_page_starts_without_the_packages_of_training():
    """They took more than half of a start."""
    modules = "space.search.loading, space.encoding.query_encoders, space.ui.page, space.ui.access"
    assert imported(modules, TRAINING) == "[]"
    assert imported("space.encoding.encoder", {"transformers"}) == "['transformers']"


def imported(names, packages):
    """Which of some packages a new process imports with some modules, as a list in text."""
    words = [sys.executable, "-c", LIGHT.format(names, packages)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


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


def test_gradio_is_imported_without_stub_files_and_matplotlib(tmp_path):
    """The files were half the time of its import, and the first answer waited for Matplotlib.

    The page's own components are classes of the kind for which the files are written.
    """
    (tmp_path / "mine.py").write_text("import gradio\n\nclass Mine(gradio.HTML):\n    EVENTS = ['click']\n")
    program = "import space.ui.importing as i, sys; before = [*sys.meta_path]; i.import_page(); import mine, gradio; "
    program += "assert sys.meta_path == before and mine.Mine.click; "
    program += "gradio.utils.MatplotlibBackendMananger().__enter__(); assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"}, check=True)
    assert not (tmp_path / "mine.pyi").exists()
