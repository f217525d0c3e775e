"""Mutation testing: would the tests notice a small fault in what every figure rests on?

    python -m tests.long mutants --only metrics

Each fault of mutations.py is tried in a process forked from this one, which has imported the libraries, so that a
fault costs its tests and not ten seconds of imports. There the module's tests run in full, until one fails: killed.
The last line of the output is JSON, with every fault that no test noticed.
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

#: Imported before the first fork; the project's own modules are not, since they are what differs.
LIGHT = ("pytest", "filelock", "numpy", "sklearn.metrics", "pyarrow.parquet", "tokenizers", "safetensors.numpy")
HEAVY = (*LIGHT, "torch", "pandas", "pyarrow.dataset", "pyarrow.compute", "hypothesis", "datasets", "huggingface_hub",
         "sentence_transformers.base.sampler", "gradio")  # fmt: skip
_SLOW = {"built", "trained", "model", "mounted"}


@dataclass(frozen=True)
class Target:
    """What is mutated, and which tests have to notice.

    Attributes:
        modules: of ``space``, such as ``index.codes``.
        tests: arguments of pytest.
        libraries: what these import.
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
    "scan": Target(["index.gpu_scan"], ["tests/test_gpu_scan.py", "tests/test_index.py"]),
}


class _Quick:
    """Leaves out the tests that load or train a model, or mount a disk: they would take a minute for each fault."""

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = [item for item in items if not _SLOW & set(item.fixturenames)]


class _Instead(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the mutated source to whoever imports the module."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self.name, self.path, self.source = name, path, source

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(name, self, origin=str(self.path)) if name == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.source, str(self.path), "exec"), module.__dict__)


def tested(name: str, path: Path, source: str, tests: Sequence[str], limit: float) -> tuple[str, float]:
    """(what came of it, seconds): "survived", "killed", or "stuck" beyond ``limit`` seconds, which is noticed too."""
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
        except BaseException:  # whatever the fault did to the import
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
    """0 where all tests pass; in a folder of its own, since some tests keep examples."""
    import pytest
    from hypothesis import configuration

    with tempfile.TemporaryDirectory() as folder:
        configuration.set_hypothesis_home_dir(folder)
        words = [str(ROOT / test) if test.startswith("tests/") else test for test in tests]
        options = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "--tb=no"]
        return int(pytest.main([*options, f"--rootdir={ROOT}", f"--basetemp={folder}/tmp", *words], [_Quick()]))


def look(target: Target, sample: int, seed: int) -> dict[str, object]:
    """Every fault, or ``sample`` of them drawn by ``seed``, and what came of it."""
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
    """Try the faults; ends with 1 where fewer than ``--least`` are noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=TARGETS)
    parser.add_argument("--sample", type=int, default=0, help="so many faults of each, 0 for all")
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
