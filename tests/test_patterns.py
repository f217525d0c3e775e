"""No regular expression takes more than a moment for a hostile text; ``1 by 1 by …`` of 150 characters took hours."""

import ast
import importlib
import pkgutil
import re
import time
from pathlib import Path

import regex

import space
from space.hub import faults
from space.search.near_duplicates import models_in, title_words

PIECES = """
    1 \uff11 a x e5 é ア 漢 の \u200d \u0301 . , / - _ : ; | " ' ( ) [ ] ! & # < > * + @ = ? % $ € 1. 1, 1/ 1- 1x 1x1
    1e 1' .0 &# &a; a- a. a/ x- a@ :// http:// https:// //a ]( ![ ![a]( [a]( [a](b hf_ Bearer --- """.split()
PIECES += [
    " ",
    "\n",
    "\t",
    "1 ",
    " 1",
    "a ",
    "Bearer ",
    "1 by ",
    "1 x ",
    "1 x 1 ",
    ", 1",
    "1 us ",
    "pack of ",
    "1 fl. ",
]
PIECES += [
    "size ",
    "size: ",
    "no. : ",
    "series ",
    ' "a',
    "1  x  ",
    "1  by  ",
    "1 - ",
    "00000000-0 ",
    "k ",
    "1 k ",
    "a, ",
]
STARTS, ENDS = ("", "1", "(", '"', "https://"), ("", "\0")
MOST = 0.25
#: Modules that cut or refuse a longer text before they match it.
BOUNDS = {"space.data.numbers": 200}


def patterns():
    """{where: pattern} of the compiled patterns of all modules."""
    found = {}
    for info in pkgutil.walk_packages(space.__path__, "space."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern | regex.Pattern) and info.name != "space.search.near_duplicates":
                found[f"{info.name}.{name}"] = value
    return found


#: Patterns that meet only what the user types into a terminal or what the project itself wrote.
OWN = {
    "settings/",
    "ui/first_paint.py",
    "ui/html/profile_report.py",
    "hub/hosted_space.py",
    "hub/publish.py",
    "io/memory.py",
}


def literal_patterns():
    """{where: pattern} of the texts that modules give to ``re``, ``regex`` and pandas as patterns in place."""
    found = {}
    folder = Path(space.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args):
                continue
            owner, function = call.func.value, call.func.attr
            first = call.args[0]
            if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
                continue
            library = getattr(owner, "id", "")
            is_pandas = getattr(owner, "attr", "") == "str" and function in (
                "fullmatch",
                "match",
                "contains",
                "replace",
            )
            if library in ("re", "regex") and function != "compile":
                found[f"{name}:{call.lineno}"] = (regex if library == "regex" else re).compile(first.value)
            elif is_pandas:
                found[f"{name}:{call.lineno}"] = re.compile(first.value)
    return {where: pattern for where, pattern in found.items() if not where.startswith(tuple(OWN))}


def slowest(use, most_characters):
    """(seconds, text) of the slowest hostile text. Texts grow slowly, so that an exponential one is noticed early."""
    worst = (0.0, "")
    for piece in PIECES:
        for start in STARTS:
            for end in ENDS:
                length = 20
                while length <= most_characters:
                    text = (start + piece * (length // len(piece)) + end)[: most_characters + 10]
                    begun = time.thread_time()
                    use(text)
                    seconds = time.thread_time() - begun
                    worst = max(worst, (seconds, text[:60]))
                    if seconds > MOST:
                        return worst
                    length = int(length * (1.2 if seconds > 0.01 else 4))
    return worst


def test_titles_of_strangers_are_compared_in_no_time():
    def use(title):
        models_in(title, title_words(title))

    seconds, text = slowest(use, 3_000)
    assert seconds < MOST, text


def test_answers_of_a_hub_are_made_safe_in_no_time():
    seconds, text = slowest(faults.without_secrets, 20_000)
    assert seconds < MOST, text


def test_every_pattern_is_fast():
    found = patterns() | literal_patterns()
    assert len(patterns()) > 20 and len(literal_patterns()) > 10
    slow = {}
    for where, pattern in found.items():

        def use(text, pattern=pattern):
            pattern.fullmatch(text)
            pattern.sub("", text)

        seconds, text = slowest(use, BOUNDS.get(where.rpartition(".")[0], 3_000))
        if seconds > MOST:
            slow[where] = (round(seconds, 2), text)
    assert not slow
