"""Translations and number formats in the language of the visitor.

English is in the code, other languages are gettext catalogues in ``ui/locale/LANGUAGE/LC_MESSAGES/e5.po``. The current
language is English until ``language()`` sets another one for the current thread or task, so the terminal, log files,
cards and endpoints are English. Usage::

    from space.i18n import N_, gettext as _, ngettext, number

    _("no product with brand {brand}").format(brand=shown(brand))
    ngettext("{n} product", "{n} products", count).format(n=number(count))
    NAMES = {"base": N_("Base")}   # a constant is marked here, and translated where it is shown: _(NAMES["base"])

After a change of texts run ``python .ci/translate.py``, which updates the catalogues.
"""

import gettext as catalogues
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

DOMAIN = "e5"
FOLDER = Path(__file__).parent / "ui" / "locale"
ENGLISH = "en"

_SOURCE = catalogues.NullTranslations()
_current: ContextVar[catalogues.NullTranslations] = ContextVar("translations", default=_SOURCE)


def gettext(text: str) -> str:
    """``text`` in the current language; unchanged if the catalogue does not have it."""
    return _current.get().gettext(text) if text else ""  # gettext answers "" with the catalogue's header


def ngettext(one: str, many: str, count: int) -> str:
    """``one`` or ``many``, whichever form ``count`` takes, in the current language."""
    return _current.get().ngettext(one, many, count)


def pgettext(context: str, text: str) -> str:
    """Like ``gettext``, for a text that needs different translations in different places, such as "left"."""
    return _current.get().pgettext(context, text)


def N_(text: str) -> str:
    """Marks a constant for translation and returns it unchanged."""
    return text


def number(value: float, digits: int = 0, *, signed: bool = False) -> str:
    """``value`` with ``digits`` decimals: 1,234.5 in English, 1 234,5 in Russian.

    Args:
        value: a finite number.
        digits: how many decimals.
        signed: put + before a positive number. A negative one has a true minus sign (U+2212) in any case.
    """
    text = f"{abs(value):,.{digits}f}"
    whole, point, decimals = text.partition(".")
    sign = "−" if value < 0 else "+" if signed and value > 0 else ""
    point = pgettext("decimal", ".") if point else ""
    return sign + whole.replace(",", pgettext("thousands", ",")) + point + decimals


def fraction(value: float, digits: int = 3, *, signed: bool = False) -> str:
    """Like ``number``, for figures from 0 to 1: English leaves out the zero before the point, .673."""
    text = number(value, digits, signed=signed)
    return text.replace("0.", ".", 1) if abs(value) < 1 and _current.get() is _SOURCE else text


def current() -> str:
    """The code of the current language, such as "en"."""
    return _current.get().info().get("language", ENGLISH)


@contextmanager
def language(code: str) -> Iterator[None]:
    """Sets the language of the current thread or task; English if there is no catalogue for ``code``."""
    before = _current.set(_translations(code))
    try:
        yield
    finally:
        _current.reset(before)


def preferred(accept_language: str | None) -> str:
    """The language of a visitor: the first of ``Accept-Language``, if there is a catalogue for it, else English.

    Only the first counts, because Gradio chooses the language of its own labels by the browser's first as well.
    """
    first = (accept_language or "").split(",")[0].split(";")[0].split("-")[0].strip().lower()
    return first if first in languages() else ENGLISH


@cache
def languages() -> tuple[str, ...]:
    """English and every language with a catalogue."""
    return ENGLISH, *sorted(path.parts[-3] for path in FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))


@cache
def _translations(code: str) -> catalogues.NullTranslations:
    if code not in languages() or code == ENGLISH:
        return _SOURCE
    return catalogues.translation(DOMAIN, FOLDER, [code])
