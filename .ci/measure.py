"""The size of a checkout in nine figures, so that two commits can be compared: python .ci/measure.py [FOLDER]."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

#: Phrases of sentences that have to be read twice.
READ_TWICE = re.compile(r"[Kk]nows? (no|nothing|neither|only)|nobody|whoever|who (is|are|has|needs|asks|waits) ")


def main() -> None:
    """Print one figure a line."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    names = subprocess.run(["git", "ls-files"], cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout
    texts = {name: (folder / name).read_text("utf-8", "replace") for name in names.splitlines() if "." in name}
    texts.pop(".ci/measure.py", None)  # holds the phrases it looks for
    space = {name: text for name, text in texts.items() if name.startswith("space/") and "sample_words" not in name}
    python = {name: text for name, text in space.items() if name.endswith(".py")}
    scripts = {name: text for name, text in space.items() if name.endswith((".js", ".css"))}
    # reliability/ is where tests/long was before.
    tests = {name: text for name, text in texts.items() if re.match(r"(tests|reliability)/.*\.py$", name)}
    print("modules in space/                    ", sum(not name.endswith("__init__.py") for name in python))
    print("lines of Python in space/            ", lines(python))
    print("lines of JavaScript and CSS in space/", lines(scripts))
    print("lines of Python in tests/            ", lines(tests))
    print("longest import chain, modules        ", longest_chain(python))
    print("[str, Any] in space/                 ", sum(text.count("[str, Any]") for text in python.values()))
    print("private attributes, no comment       ", sum(len(list(private(text))) for text in python.values()))
    print("lines of README.md                   ", len(texts["README.md"].splitlines()))
    print("lines to read twice                  ", sum(len(read_twice(text)) for text in texts.values()))


def lines(texts: dict[str, str]) -> int:
    """How many lines files have together."""
    return sum(len(text.splitlines()) for text in texts.values())


def read_twice(text: str) -> list[str]:
    """The lines with a phrase of ``READ_TWICE``."""
    return [line for line in text.splitlines() if READ_TWICE.search(line)]


def private(text: str) -> Iterator[str]:
    """Accesses such as ``other._x``: of anything but self and cls, without a comment on or above the line."""
    source = ["", *text.splitlines()]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and re.match("_[^_]", node.attr):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            explained = "#" in source[node.lineno] or source[node.lineno - 1].lstrip().startswith("#")
            if owner not in ("self", "cls") and not explained:
                yield f"{owner}.{node.attr}"


def longest_chain(python: dict[str, str]) -> int:
    """Modules along the longest path of imports inside ``space``; imports within functions count."""
    trees = {
        re.sub(r"(/__init__)?\.py$", "", name).replace("/", "."): ast.parse(text) for name, text in python.items()
    }

    def imported(module: str) -> set[str]:
        found = set()
        for node in ast.walk(trees[module]):
            if isinstance(node, ast.ImportFrom):
                named = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= named & trees.keys() or {node.module}
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
        return (found & trees.keys()) - {module}

    graph = {module: imported(module) for module in trees}

    @cache
    def depth(module: str) -> int:
        return 1 + max((depth(other) for other in graph[module]), default=0)

    return max(depth(module) for module in trees)


if __name__ == "__main__":
    main()
