"""Building HTML in which every value is escaped.

``fill`` and ``join`` escape each value unless it is ``Html``, so an unescaped text would need an explicit
``Html(text)``.
"""

from collections.abc import Iterable, Sequence
from html import escape


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


EMPTY = Html("")


def fill(template: str, **values: object) -> Html:
    """``template`` with each ``{name}`` replaced; values that are not ``Html`` are escaped, quotes included."""
    return Html(template.format_map({name: _escaped(value) for name, value in values.items()}))


def join(parts: Iterable[Html | str], between: str = "") -> Html:
    """The parts that are not empty, one after the other, escaped like the values of ``fill``."""
    return Html(_escaped(between).join(_escaped(part) for part in parts if part))


def section(kind: str, title: str, body: Html) -> Html:
    """A section of a report under its heading; ``kind`` is its CSS class."""
    return fill('<section class="{kind}"><h2>{title}</h2>{body}</section>', kind=kind, title=title, body=body)


def absent(text: str) -> Html:
    """A sentence in place of figures that an evaluation does not have."""
    return fill('<p class="absent">{text}</p>', text=text)


def conclusions(sentences: Sequence[str]) -> Html:
    """Findings in words, as a list."""
    items = join(fill("<li>{sentence}</li>", sentence=sentence) for sentence in sentences)
    return fill('<ul class="conclusions">{items}</ul>', items=items)


def _escaped(value: object) -> str:
    return value if isinstance(value, Html) else escape(str(value), quote=True)
