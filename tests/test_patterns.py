"""No regular expression takes more than a moment for a hostile text; ``1 by 1 by …`` of 150 characters took hours."""

import importlib
import pkgutil
import re
import time

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


def slowest(use, most_characters):
    """(seconds, text) of the slowest hostile text. Texts grow slowly, so that an exponential one is noticed early."""
    worst = (0.0, "")
    for piece in PIECES:
        for start in STARTS:
            for end in ENDS:
                length = 20
                while length <= most_characters:
                    text = (start + piece * (length // len(piece)) + end)[: most_characters + 10]
                    begun = time.perf_counter()
                    use(text)
                    seconds = time.perf_counter() - begun
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
    found = patterns()
    assert len(found) > 20
    slow = {}
    for where, pattern in found.items():

        def use(text, pattern=pattern):
            pattern.fullmatch(text)
            pattern.sub("", text)

        seconds, text = slowest(use, BOUNDS.get(where.rpartition(".")[0], 3_000))
        if seconds > MOST:
            slow[where] = (round(seconds, 2), text)
    assert not slow
