"""Translations: the language of a thread, numbers, and catalogues that are whole and up to date."""

import importlib.util
import re
import string
import threading

import pytest
from babel.messages.pofile import read_po
from conftest import ROOT

from space import i18n
from space.i18n import fraction, gettext, language, number


@pytest.fixture(scope="module")
def translate():
    """.ci/translate.py as a module."""
    spec = importlib.util.spec_from_file_location("translate", ROOT / ".ci" / "translate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=i18n.languages()[1:])
def catalogue(request):
    folder = i18n.FOLDER / request.param / "LC_MESSAGES"
    with (folder / "e5.po").open("rb") as file:
        return folder, read_po(file, locale=request.param)


@pytest.mark.parametrize(
    ("value", "digits", "signed", "english", "russian"),
    [
        (1234567, 0, False, "1,234,567", "1\u202f234\u202f567"),
        (1234.5, 1, False, "1,234.5", "1\u202f234,5"),
        (0.8731, 3, False, "0.873", "0,873"),
        (-0.0004, 3, True, "−0.000", "−0,000"),
        (0.0, 3, True, "0.000", "0,000"),
        (12, 0, True, "+12", "+12"),
    ],
)
def test_numbers(value, digits, signed, english, russian):
    assert number(value, digits, signed=signed) == english
    with language("ru"):
        assert number(value, digits, signed=signed) == russian


@pytest.mark.parametrize(
    ("value", "english", "russian"),
    [(0.673, ".673", "0,673"), (-0.02, "−.020", "−0,020"), (1.0, "1.000", "1,000"), (10.5, "10.500", "10,500")],
)
def test_fractions(value, english, russian):
    """Only English drops the zero before the point."""
    assert fraction(value) == english
    with language("ru"):
        assert fraction(value) == russian


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("RU", "ru"),
        ("de,ru;q=0.9", "en"),
        ("en-US", "en"),
        ("*", "en"),
        ("", "en"),
        (None, "en"),
        ("../../etc", "en"),
        ("ru;q=1;x=" + "y" * 10_000, "ru"),
    ],
)
def test_the_first_language_of_the_browser_counts(header, code):
    assert i18n.preferred(header) == code


def test_a_language_is_of_one_thread():
    """Two visitors are answered at the same time, each in a thread of its own."""
    seen = []
    with language("ru"):
        assert number(0.5, 1) == "0,5"
        thread = threading.Thread(target=lambda: seen.append(number(0.5, 1)))
        thread.start()
        thread.join()
        with language("xx"):
            assert number(0.5, 1) == "0.5", "a language without a catalogue is English"
        assert number(0.5, 1) == "0,5"
    assert seen == ["0.5"] and number(0.5, 1) == "0.5"


def test_an_empty_text_stays_empty():
    """gettext's own answer to it is the catalogue's header."""
    with language("ru"):
        assert gettext("") == ""


def test_every_text_has_a_translation_and_no_other(catalogue, translate):
    """What fails here is mended by: python .ci/translate.py"""
    folder, known = catalogue
    texts = translate.extracted()
    assert {(one.id, one.context) for one in known} == {(one.id, one.context) for one in texts}
    assert translate.untranslated(known) == []
    assert translate.mo_bytes(known) == (folder / "e5.mo").read_bytes()


def holes(text):
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def test_translations_have_the_same_holes_and_elements(catalogue):
    """A missing number or an unclosed element is not seen by a reader of one language."""
    wrong = []
    for message in catalogue[1]:
        originals = [message.id] if isinstance(message.id, str) else message.id
        translated = [message.string] if isinstance(message.string, str) else message.string
        for text in translated if message.id else []:
            same = holes(text) in map(holes, originals)
            tags = [sorted(re.findall(r"</?\w+[^>]*>", one)) for one in (text, originals[-1])]
            if not same or tags[0] != tags[1]:
                wrong.append(text)
    assert wrong == []
