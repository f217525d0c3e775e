"""README and docs are tested: their commands, flags, versions and files are those of the code."""

import ast
import re
import shlex
import sys
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

from space import settings
from space.__main__ import parser
from space.hub import publish

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "benchmarks").glob("*.md"))]
DOCS = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
FRONT = yaml.safe_load(README.split("---")[1])
#: {package: its module}, where the names differ.
MODULES = {"pyyaml": "yaml", "pystemmer": "Stemmer", "pillow": "PIL"}
REQUIREMENTS = dict(re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text(), re.M))
SETTINGS = {
    "train.py": settings.TrainSettings,  # or RerankerSettings
    "build_embeddings.py": settings.BuildSettings,
    "app.py": settings.AppSettings,
}


def commands():
    """Every command line of ours in a code block or in backticks, without comments."""
    blocks = re.findall(r"```bash\n(.*?)```", DOCS, re.S) + re.findall(r"`([^`\n]*\.py[^`\n]*)`", DOCS)
    for block in blocks:
        for line in block.replace("\\\n", " ").splitlines():
            for part in line.split("#")[0].split("&&"):
                words = shlex.split(part)
                for place, word in enumerate(words):
                    if word in SETTINGS and place > 0:
                        yield word, words[place + 1 :]


@pytest.mark.parametrize(("script", "arguments"), list(commands()))
def test_every_command_is_one_the_script_takes(script, arguments):
    try:
        settings.parse(
            settings.RerankerSettings if settings.asks_for_reranker(arguments) else SETTINGS[script], arguments
        )
    except SystemExit as stop:
        assert stop.code == 0, (script, arguments)


def module_commands():
    """What follows ``python -m space`` in README and docs."""
    for line in re.findall(r"^ *python -m space (.+)$", DOCS, re.M):
        yield shlex.split(line)


@pytest.mark.parametrize("words", list(module_commands()))
def test_every_command_of_the_package_is_one_it_takes(words):
    assert parser().parse_args(words).command == words[0]


def test_what_errors_tell_to_type_is_in_the_readme():
    for command, repo, folder in (
        ("push-model", "USER/MODEL", "saved_e5_model"),
        ("push-store", "USER/DATASET", "artifacts"),
    ):
        assert publish.again(command, repo, Path(folder), private=False) in README
    assert {words[0] for words in module_commands()} == {
        "push-model",
        "push-store",
        "publish",
        "eda",
        "convert",
        "evaluate",
        "judgments",
        "judge",
    }


def test_the_commands_were_found():
    assert len(list(commands())) >= 8


def test_the_front_matter_is_a_gradio_space_with_the_pinned_version():
    assert FRONT["sdk"] == "gradio"
    assert FRONT["sdk_version"] == REQUIREMENTS["gradio"]
    assert (ROOT / FRONT["app_file"]).is_file()
    assert len(FRONT["short_description"]) <= 60  # the Hub refuses more


PROGRAMS = [block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "http://127.0.0.1:7860" in block]


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_client_runs_as_it_stands(program, url, capsys):
    """Copied from the README, against a page that is served: what it prints are products."""
    exec(
        compile(
            program.replace("http://127.0.0.1:7860/", url).replace("http://127.0.0.1:7860", url), "README", "exec"
        ),
        {},
    )
    assert "Coffee" in capsys.readouterr().out


def test_the_clients_were_found():
    assert PROGRAMS


def test_every_requirement_is_pinned_and_has_a_reason():
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-milvus.txt"):
        for line in (ROOT / name).read_text().splitlines():
            if line and not line.startswith(("#", "-r ")):
                assert "==" in line, line
                assert "#" in line or re.match(r"(torch|pytest|ruff)==", line), line


def test_requirements_hold_what_is_imported_and_nothing_else():
    """An unused package slows every start of a Space; a missing one breaks it, or comes in any version."""
    sources = [*ROOT.glob("*.py"), *(ROOT / "space").rglob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    modules = {MODULES.get(name, name.replace("-", "_")): name for name in REQUIREMENTS}
    for module, name in modules.items():
        used = re.search(rf"^\s*(import|from) {module}\b", text, re.M) or f'"{module}"' in text
        assert used, f"{name} is not used"
    imported = set()
    for node in (node for path in sources for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        imported |= {name.partition(".")[0] for name in names}
    imported -= sys.stdlib_module_names | {"space", "train", "build_embeddings", "app"}
    # The first is on every Space, the others are those of requirements-milvus.txt.
    assert imported - set(modules) == {"spaces", "pymilvus", "milvus_lite", "grpc"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pictures_and_files_it_links_are_there(page):
    for target in re.findall(r"\]\(((?!http)[^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_readme_is_short():
    """It is the product's face: two screens and a half; the rest is in docs/."""
    assert len(README.splitlines()) <= 220


def test_it_promises_what_the_quickstart_prints():
    from space.pipelines.quickstart import REAL_COMMANDS

    for command in REAL_COMMANDS[:2]:
        assert command in README
