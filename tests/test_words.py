"""The Russian words: each is used, each fits its English, and no label is without one."""

import ast
import re
from pathlib import Path

import pytest

from space.ui import links, words
from space.ui.events import form
from space.ui.html import cards

UI = Path(words.__file__).parent
#: Put together on the page of parts that stand apart in the code, such as a number, its noun and an "s".
BUILT = {
    "ms · search", "ms · total", "place against base", "places against base",
    "near-duplicate like it by", "near-duplicates like it by", "near-duplicates for", "like it by",
    "above all of", "above none of", "for scale: a random order", "· price",
    "fine-tuning: no clear difference, the interval holds zero",
    "fine-tuning: worse, though not clearly, the interval holds zero",
    "judged queries",
    "held-out queries: fine-tuned minus base in full-catalogue ndcg@",
}  # fmt: skip
HOLE = re.compile(r"\{\w+\}")


def texts_of_the_page():
    """Every string in the code of the page, parts of f-strings and templates included, with words.py left out."""
    found = [path.read_text(encoding="utf-8") for path in UI.rglob("*.js")]
    for path in [
        *UI.rglob("*.py"),
        *(
            UI.parent / name
            for name in (
                "evaluation/slices.py",
                "data/sample.py",
                "search/request.py",
                "evaluation/protocols.py",
                "evaluation/findings.py",
            )
        ),
    ]:
        if path.name != "words.py":
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            found += [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return re.sub(r"\s+", " ", "\n".join(found)).lower()


def test_every_phrase_is_somewhere_on_the_page():
    """English that is changed in the code and not here would silently stay English."""
    page = texts_of_the_page()
    page += re.sub(r"<[^>]*>|\{[^}]*\}", " ", page)  # sentences with values or elements in them
    parts = {
        part.strip(" .,:%()").lower()
        for text in words.LABELS | words.PHRASES
        for part in re.split(r"\{\w+\}|\b10\b", text)
    }
    missing = {part for part in parts if part not in page}
    assert missing <= BUILT, missing - BUILT
    assert BUILT <= missing, "these are found after all"


@pytest.mark.parametrize("text", words.LABELS | words.PHRASES)
def test_a_phrase_and_its_russian_have_the_same_holes(text):
    """A number that is lost would be missed by nobody who reads Russian only."""
    russian = (words.LABELS | words.PHRASES)[text]
    assert sorted(HOLE.findall(text)) == sorted(HOLE.findall(russian))
    assert re.search("[а-яА-Я]", russian) or text in ("BM25", "{n} → {m} · {RECORD}", "{SENTENCE}.", "by {SYSTEM}")


def test_both_languages_have_the_same_keys():
    """Gradio shows the key itself where a language lacks it; labels with braces would be read as a format."""
    english, russian = words.I18N.translations["en"], words.I18N.translations["ru"]
    assert set(english) == set(russian) and len(russian) > 30
    assert not [text for text in [*english.values(), *russian.values()] if set(text) & set("{}'<>")]
    assert not set(words.LABELS) & set(words.PHRASES)


def test_every_name_that_is_looked_up_has_its_russian():
    """These come from tables elsewhere; one that is added there would stop the page from being built."""
    for text in [*links.TABS.values(), *form.LABELS.values(), *cards.NAMES.values()]:
        assert words.label(text).key == text
    with pytest.raises(KeyError):
        words.label("No such label")
