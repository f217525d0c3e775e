"""What the made-up shop of the bundled sample sells: kinds of products, read from ``sample_words.json``.

Products of a kind differ in slots, such as size or material. The file writes a value of a slot as
``Title Form, Other Form = asked form, other asked form``: titles say "Stainless Steel" or "Brushed Steel", people ask
for "metal" or "steel". The first title form names the value. Without ``=`` people ask in the words of titles.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

COLOUR = "colour"
_Json = dict[str, Any]
_FILE = Path(__file__).with_name("sample_words.json")
#: A part that comes "with" a product can be asked for by its absence.
_OPPOSITES = {"with ": "without ", "con ": "sin "}


class Value(NamedTuple):
    """One value of a slot.

    Attributes:
        name: its first title form, in lower case.
        titles: how titles write it.
        asks: how people ask for it.
        absent: how people ask for a product without it, if they can.
    """

    name: str
    titles: list[str]
    asks: list[str]
    absent: list[str]


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of product.

    Attributes:
        key: its name in the file.
        locale: "us" or "es".
        department: the top level of its category.
        brands: of the department.
        care: bullet points of the department.
        shelf: the lower levels of its category.
        stock: how many products are made.
        price: lowest and highest price.
        names: what titles call it.
        asks: what people call it.
        uses: what people want it for, as whole queries.
        values: the values of every slot, "colour" last; the first slot moves the price.
        says: two or more clauses for descriptions.
        goes_with: kinds used together with it, whose products are Complements.
        alike: kinds too close to it to be called Irrelevant.
        said: whole queries and what they ask for, {query: {slot: value}}.
    """

    key: str
    locale: str
    department: str
    brands: list[str]
    care: list[str]
    shelf: str
    stock: int
    price: tuple[int, int]
    names: list[str]
    asks: list[str]
    uses: list[str]
    values: dict[str, list[Value]]
    says: list[str]
    goes_with: list[str]
    alike: list[str]
    said: dict[str, dict[str, str]]

    def is_used_with(self, other: "Kind") -> bool:
        """Whether one is an accessory of the other."""
        return other.key in self.goes_with or self.key in other.goes_with

    def is_apart_from(self, other: "Kind") -> bool:
        """Whether the two are neither alike, nor used together, nor accessories of the same thing."""
        alike = other.key in self.alike or self.key in other.alike
        shared = set(self.goes_with) & set(other.goes_with)
        return not (self is other or alike or shared or self.is_used_with(other))


@lru_cache(maxsize=1)
def kinds() -> tuple[Kind, ...]:
    """Every kind, department by department, "us" first."""
    words = json.loads(_FILE.read_text(encoding="utf-8"))
    return tuple(
        _kind(entry, department, words["colours"][department["locale"]])
        for department in words["departments"]
        for entry in department["kinds"]
    )


@lru_cache(maxsize=1)
def series() -> list[str]:
    """Names of product lines, which some titles put after the brand."""
    return json.loads(_FILE.read_text(encoding="utf-8"))["series"]


def _kind(entry: _Json, department: _Json, colours: dict[str, list[str]]) -> Kind:
    values = {slot: [_value(text) for text in texts] for slot, texts in entry["slots"].items()}
    if entry["colours"]:
        spanish = department["locale"] == "es"
        values[COLOUR] = [
            Value(name, colours[name], [f"color {name}"], [f"que no sea {name}"])
            if spanish
            else Value(name, colours[name], [name], [f"not {name}"])
            for name in entry["colours"]
        ]
    copied = ("key", "shelf", "stock", "price", "names", "asks", "uses", "says", "goes_with", "alike", "said")
    return Kind(
        locale=department["locale"],
        department=department["name"],
        brands=department["brands"],
        care=department["care"],
        values=values,
        **{name: entry[name] for name in copied},
    )


def _value(text: str) -> Value:
    titles, _, asks = text.partition("=")
    forms = _split(titles)
    asked = _split(asks) or [form.lower() for form in forms]
    parts = [word for word in _OPPOSITES if forms[0].startswith(word)]
    absent = [_OPPOSITES[word] + form.removeprefix(word) for word in parts for form in asked if form.startswith(word)]
    return Value(forms[0].lower(), forms, asked, absent)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
