"""Mutation testing: do the tests notice a small fault in the modules that every figure depends on?

    python -m tests.long mutants --only metrics

Each fault of mutations.py is tried in a process forked from this one, which has imported the libraries. There the
tests of the module run until one fails, which "kills" the fault. The last line of the output is JSON with every fault
that no test noticed.
"""

import argparse
import importlib.abc
import importlib.util
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.long import ROOT
from tests.long.mutations import Mutant, mutants

#: Libraries to import before the first fork. The modules of the project are imported afterwards, with the fault.
LIGHT = ("pytest", "filelock", "numpy", "sklearn.metrics", "pyarrow.parquet", "tokenizers", "safetensors.numpy")
HEAVY = (*LIGHT, "torch", "pandas", "pyarrow.dataset", "pyarrow.compute", "hypothesis", "datasets", "huggingface_hub",
         "sentence_transformers.base.sampler", "gradio")  # fmt: skip
_SLOW = {"built", "trained", "model", "mounted"}


@dataclass(frozen=True)
class Target:
    """Modules to mutate, and the tests that have to notice.

    Attributes:
        modules: of ``space``, such as ``index.codes``.
        tests: arguments of pytest.
        libraries: that the tests import.
    """

    modules: Sequence[str]
    tests: Sequence[str]
    libraries: Sequence[str] = HEAVY


TARGETS = {
    "metrics": Target(["evaluation.metrics"], ["tests/test_metrics.py"], LIGHT),
    "triplets": Target(["training.examples"], ["tests/test_examples.py"]),
    "store": Target(["store.reader", "store.writer"], ["tests/test_store_reader.py", "tests/test_store_writer.py"]),
    "manifest": Target(["store.manifest"], ["tests/test_manifest.py"], LIGHT),
    "index": Target(
        ["index.torch_index"],
        [
            "tests/test_index.py",
            "tests/test_properties.py::test_the_index_equals_the_naive_answer",
        ],
    ),
    "codes": Target(["index.codes"], ["tests/test_codes.py"]),
    "search_terms": Target(["data.search_terms"], ["tests/test_search_terms.py"], LIGHT),
    "bm25": Target(["index.bm25"], ["tests/test_bm25.py"], LIGHT),
    "scan": Target(["index.row_scan"], ["tests/test_row_scan.py", "tests/test_index.py"]),
}


class _Quick:
    """A pytest plugin that skips tests with a trained model or a mounted disk, which take a minute."""

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = [item for item in items if not _SLOW & set(item.fixturenames)]


class _Instead(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """An importer that gives a module its mutated source."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self.name, self.path, self.source = name, path, source

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(name, self, origin=str(self.path)) if name == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.source, str(self.path), "exec"), module.__dict__)


def tested(name: str, path: Path, source: str, tests: Sequence[str], limit: float) -> tuple[str, float]:
    """Run the tests on a mutated module: ("survived", "killed", or "stuck" after ``limit`` seconds; the seconds)."""
    start = time.monotonic()
    child = os.fork()
    if not child:
        code = 99
        try:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            os.setpgid(0, 0)
            sys.meta_path.insert(0, _Instead(name, path, source))
            code = _pytest(tests)
        except BaseException:  # the fault broke the import
            code = 98
        finally:
            os._exit(code)
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        seconds = time.monotonic() - start
        if done:
            return "survived" if status == 0 else "killed", seconds
        if seconds > limit:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "stuck", seconds
        time.sleep(0.01)


def _pytest(tests: Sequence[str]) -> int:
    """Exit status of pytest, in a folder of its own because hypothesis keeps examples."""
    import pytest
    from hypothesis import configuration

    with tempfile.TemporaryDirectory() as folder:
        configuration.set_hypothesis_home_dir(folder)
        words = [str(ROOT / test) if test.startswith("tests/") else test for test in tests]
        options = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "--tb=no"]
        return int(pytest.main([*options, f"--rootdir={ROOT}", f"--basetemp={folder}/tmp", *words], [_Quick()]))


def look(target: Target, sample: int, seed: int) -> dict[str, object]:
    """Try every fault of a target, or ``sample`` of them drawn by ``seed``, and count the outcomes."""
    found: list[tuple[str, Path, Mutant]] = []
    for module in target.modules:
        path = ROOT / "space" / f"{module.replace('.', '/')}.py"
        found += [(f"space.{module}", path, mutant) for mutant in mutants(path.read_text(encoding="utf-8"))]
    drawn = found if not sample or sample >= len(found) else random.Random(seed).sample(found, sample)
    name, path, _ = found[0]
    untouched, seconds = tested(name, path, path.read_text(encoding="utf-8"), target.tests, 600)
    if untouched != "survived":
        raise RuntimeError(f"{' '.join(target.tests)} fails without any fault")
    counts, survivors = {"killed": 0, "stuck": 0, "survived": 0}, []
    for name, path, mutant in drawn:
        came, _ = tested(name, path, mutant.source, target.tests, 5 * seconds + 10)
        counts[came] += 1
        fault = f"{path.name}:{mutant.line}: {mutant.before} -> {mutant.after}"
        if came != "killed":
            print(came, fault, flush=True)
        if came == "survived":
            survivors.append(fault)
    share = 1 - counts["survived"] / len(drawn)
    return {"faults": len(found), "tried": len(drawn), **counts, "noticed": round(share, 4), "survivors": survivors}


def main(arguments: list[str] | None = None) -> None:
    """Try the faults; the exit status is 1 if a smaller share than ``--least`` was noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=TARGETS)
    parser.add_argument("--sample", type=int, default=0, help="faults of each target, 0 for all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least", type=float, default=0.85)
    settings = parser.parse_args(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"
    found = {}
    for name in [settings.only] if settings.only else TARGETS:
        for library in TARGETS[name].libraries:
            importlib.import_module(library)
        found[name] = look(TARGETS[name], settings.sample, settings.seed)
        print(name, {key: value for key, value in found[name].items() if key != "survivors"}, flush=True)
    print(json.dumps({"seed": settings.seed, "targets": found}))
    sys.exit(1 if any(one["noticed"] < settings.least for one in found.values()) else 0)
