"""Seeded random choices for the bundled sample, and the titles and misspellings made with them."""

import random
from collections.abc import Iterable, Sequence
from typing import TypeVar

from space.data.sample_kinds import series

T = TypeVar("T")

#: A form that starts with one of these stands after the noun, any other before it.
_AFTER_NOUN = frozenset("with without for that to in on up from no just doubles fits de con para que a sin".split())


class Dice:
    """A seeded source of choices, the same on every machine.

    It uses ``random()`` alone: Python promises the same sequence of numbers in every version for it only.
    """

    def __init__(self, seed: str) -> None:
        """Start the sequence that belongs to ``seed``."""
        self._random = random.Random(seed).random

    def chance(self, share: float) -> bool:
        """True in about ``share`` of the calls."""
        return self._random() < share

    def pick(self, options: Sequence[T]) -> T:
        """One of ``options``, all equally likely."""
        return options[int(self._random() * len(options))]

    def shuffled(self, options: Iterable[T]) -> list[T]:
        """A new list of ``options`` in random order."""
        return [option for _, _, option in sorted((self._random(), i, option) for i, option in enumerate(options))]

    def skewed(self) -> float:
        """A number in [0, 1), small ones more often."""
        return self._random() * self._random()


def is_tail(form: str) -> bool:
    """Whether a form stands after the noun."""
    return form.split()[0] in _AFTER_NOUN


def title(dice: Dice, locale: str, noun: str, forms: list[str], brand: str, shade: str) -> str:
    """What a shop would write: the same facts in one of several orders, the brand first, last or missing.

    Args:
        dice: makes the choices.
        locale: "es" puts what qualifies a noun behind it.
        noun: what the product is.
        forms: a title form for each slot but the colour.
        brand: or "".
        shade: the colour, or "".
    """
    tail = [form for form in forms if is_tail(form)]
    facts = dice.shuffled(form for form in forms if form not in tail)
    if locale == "es":
        front, rest, tail = [], [*facts, *tail[1:]], tail[:1]
    else:
        front = [form for form in facts if not form[0].isdigit() and " of " not in form][: 1 + dice.chance(0.4)]
        rest = [form for form in facts if form not in front]
    maker = f"{brand} {dice.pick(series())}" if brand and dice.chance(0.3) else brand
    core = " ".join([*front, noun, *tail])
    order = dice.pick(("first", "first", "first", "last", "by", "listed", "size first"))
    colour = [shade] if shade else []
    if order == "last" and brand:
        return f"{', '.join([core, *rest, *colour])} - {maker}"
    if order == "by" and brand:
        named = " ".join([*front, noun, "de" if locale == "es" else "by", brand])
        return ", ".join([named, *tail, *rest, *colour])
    if order == "listed":
        return " ".join(filter(None, [maker, ", ".join([noun, *front, *rest, *tail]), shade and f"({shade})"]))
    if order == "size first" and rest and locale != "es":
        core = f"{rest.pop(0)} {core}"
    return ", ".join([f"{maker} {core}".strip(), *rest, *colour])


def misspelt(dice: Dice, text: str) -> str:
    """``text`` with a slip in its longest word: a letter doubled, dropped or swapped with the next."""
    word = max(text.split(), key=len)
    if len(word) < 5:
        return text
    at = 1 + len(word) // 4
    left, letter, right = word[:at], word[at], word[at + 1 :]
    slips = (left + letter + letter + right, left + right, left + right[0] + letter + right[1:])
    return text.replace(word, dice.pick([slip for slip in slips if slip != word]), 1)
