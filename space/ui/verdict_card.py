"""The verdict as a picture, 1200 by 630: the preview of a link in chats, and a file to send.

Drawn with Pillow in DejaVu Sans, which comes with matplotlib: Latin, Cyrillic, Greek and Arabic letters, but neither
Chinese nor Japanese ones. A query with letters that the font lacks is not chosen as an example, a product is named by
its id, and symbols that it lacks, such as emoji, are left out.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from starlette.requests import Request
from starlette.responses import Response

from space import i18n
from space.encoding.description import BASE, TUNED
from space.errors import UserError
from space.evaluation.estimates import PairedDifference
from space.evaluation.held_out_queries import HeldOutQuery, Pair
from space.feedback.people import People
from space.feedback.tally import tally
from space.i18n import gettext as _
from space.search.engine import SearchEngine
from space.search.people import lists_of, pairs
from space.search.results import SearchResult
from space.ui.html.ballot import in_short
from space.ui.html.header import PRODUCT, question
from space.ui.html.names import products, short_name, system_name
from space.ui.html.numbers import signed
from space.ui.html.verdict import average, concluded, counted, verdict_text

PATH = "/verdict.png"
SIZE = (1200, 630)
_REGULAR, _BOLD = "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"
_MARGIN, _GAP = 64, 4
_INK, _QUIET, _PAPER, _LINE = "#16202c", "#51606f", "#f8fafc", "#d9e0e7"
_BETTER, _WORSE = "#16845a", "#c2410c"
_EDGES = {"better": _BETTER, "worse": _WORSE}
#: Where the boxes of the examples begin and end, in pixels from the top; the texts above end before them.
_BOXES = (440, 572)


@dataclass(frozen=True)
class Example:
    """A test query, and the product that each list puts first; no products where they were not searched for.

    Attributes:
        pair: the system in question and the one that it is compared with, whose list comes first.
    """

    entry: HeldOutQuery
    first: Sequence[str] = ()
    pair: Pair = (TUNED, BASE)


class VerdictCard:
    """Answers with the picture in the visitor's language; it is drawn again when people have voted.

    Args:
        engine: for the evaluation, the test queries and what was searched.
        people: for their votes, if any are asked for.
    """

    def __init__(self, engine: SearchEngine, people: People | None = None) -> None:
        """Draws and searches nothing yet."""
        self._engine, self._people = engine, people
        self._examples = cache(lambda: answered(engine))
        self._drawn = lru_cache(maxsize=8)(lambda code, said: draw(engine, code, said, self._examples()))

    def answer(self, request: Request) -> Response:
        """The picture as PNG."""
        code = i18n.preferred(request.headers.get("accept-language"))
        with i18n.language(code):
            said = self._votes()
        headers = {"cache-control": "no-cache", "vary": "Accept-Language"}
        return Response(self._drawn(code, said), media_type="image/png", headers=headers)

    def _votes(self) -> str:
        """What people's votes on base and tuned say, "" where there are none."""
        if self._people is None or not (known := pairs(self._engine)):
            return ""
        pair = known[0]
        try:
            found = tally(self._people.votes_on(pair.first, pair.second, pair.made_by))
        except OSError:
            return ""
        return in_short(found, pair.first, pair.second) if found.people.votes else ""


def draw(engine: SearchEngine, code: str = i18n.ENGLISH, votes: str = "", chosen: Sequence[Example] = ()) -> bytes:
    """The picture as the bytes of a PNG file.

    Args:
        engine: for the evaluation and what was searched.
        code: the language of the texts.
        votes: what people's votes say, in that language; "" for none.
        chosen: see ``answered``.
    """
    with i18n.language(code):
        picture = Image.new("RGB", SIZE, _PAPER)
        card = _Card(ImageDraw.Draw(picture))
        measured = engine.evaluation
        found = measured.difference(measured.candidate) if measured else None
        card.write(PRODUCT, 30, bold=True)
        card.write(question(engine.description), 22, _QUIET)
        card.top += 16
        if found is None or found.outcome in ("none", "few"):
            card.write(verdict_text(engine.evaluation, engine.elsewhere) or _("Nothing has been measured here."), 40)
        else:
            start = card.top
            card.write(f"{concluded(found, measured)}.", 42, bold=True, indent=28, lines=2)
            card.write(counted(found), 26, indent=28, lines=2)
            card.bar(found)
            card.write(average(found, measured), 20, _QUIET, indent=28, lines=2)
            card.edge(start, _EDGES.get(found.outcome, _QUIET))
            card.top += 10
            card.write(votes, 20, indent=28, lines=min(2, card.room(20)))
            for place, example in enumerate(chosen):
                card.example(example, place)
        card.foot(" · ".join(filter(None, [short_name(engine.description.dataset), products(len(engine))])))
        file = BytesIO()
        picture.save(file, "PNG", optimize=True)
        return file.getvalue()


def answered(engine: SearchEngine) -> list[Example]:
    """The examples with the products that both systems of the verdict put first, base and tuned.

    On ZeroGPU an answer would take a GPU from the quota of a visitor who asked nothing, so there are no products.
    """
    found, pair = [], engine.held_out.pair[::-1]
    for entry in examples(engine.held_out.entries):
        try:
            searched = not engine.gpu_per_call and set(pair) <= set(engine.systems)
            lists = lists_of(engine, entry.locale, entry.query, pair) if searched else None
        except UserError:  # such as a locale that the catalogue lacks
            lists = None
        first = [_first(one) for one in lists.systems.values()] if lists else ()
        found.append(Example(entry, first, engine.held_out.pair))
    return found


def _first(found: SearchResult) -> str:
    if not found.hits:
        return "–"
    hit = found.hits[0]
    return hit.title if hit.title and can_write(hit.title) else hit.product_id


def examples(entries: Sequence[HeldOutQuery]) -> list[HeldOutQuery]:
    """The query that gained most and the one that lost most, of those that the font can write.

    Args:
        entries: the best first.
    """
    written = [entry for entry in entries if entry.difference and can_write(entry.query)]
    best = [entry for entry in written[:1] if (entry.difference or 0) > 0]
    worst = [entry for entry in written[-1:] if (entry.difference or 0) < 0]
    return best + worst


def can_write(text: str) -> bool:
    """Whether the font has every letter and digit of a text; ``written`` leaves out symbols that it lacks."""
    known = _letters()
    return all(ord(one) in known for one in text if unicodedata.category(one)[0] in "LN") and bool(written(text))


def written(text: str) -> str:
    """A text without the characters that the font lacks, such as emoji, on one line."""
    known = _letters()
    return " ".join("".join(one if ord(one) in known or one.isspace() else "" for one in text).split())


@cache
def _letters() -> frozenset[int]:
    """The code points of the font."""
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(str(_file(_REGULAR))).get_charmap())


@cache
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(_file(_BOLD if bold else _REGULAR), size)


def _file(name: str) -> Path:
    import matplotlib  # here, since no other part of the page needs it, and importing it takes a tenth of a second

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name


class _Card:
    """Writes one line below the other."""

    def __init__(self, to: ImageDraw.ImageDraw) -> None:
        self._to, self.top = to, 42

    def write(
        self, text: str, size: int, colour: str = _INK, *, bold: bool = False, indent: int = 0, lines: int = 3
    ) -> None:
        """A text in at most ``lines`` lines; what does not fit ends in an ellipsis."""
        left = _MARGIN + indent
        for line in wrapped(written(text), _font(size, bold), SIZE[0] - _MARGIN - left, lines):
            self._line(left, line, size, colour, bold)

    def room(self, size: int) -> int:
        """How many more lines fit above the examples."""
        return (_BOXES[0] - 8 - self.top) // _high(size)

    def _line(self, left: int, line: str, size: int, colour: str = _INK, bold: bool = False) -> None:
        self._to.text((left, self.top), line, colour, _font(size, bold))
        self.top += _high(size)

    def example(self, example: Example, place: int) -> None:
        """A box with a query and the products that each list puts first, the first box to the left."""
        wide, (top, bottom) = (SIZE[0] - 2 * _MARGIN - 24) // 2, _BOXES
        left = _MARGIN + place * (wide + 24)
        better = (example.entry.difference or 0) > 0
        colour = _BETTER if better else _WORSE
        self._to.rectangle((left, top, left + 4, bottom), colour)
        self.top, inside = top, left + 18
        by = signed(example.entry.difference)
        heads = [_("{system} first").format(system=system_name(name)) for name in example.pair[::-1]]
        if example.pair == (TUNED, BASE):
            heads = [_("Base first"), _("Fine-tuned first")]
        parts = [
            ((_("Better, {by}") if better else _("Worse, {by}")).format(by=by), 18, colour, True, 1),
            (f"“{example.entry.query}”", 20, _INK, False, 2),
            *((f"{said}: {title}", 18, _QUIET, False, 1) for said, title in zip(heads, example.first, strict=False)),
        ]
        for text, size, ink, bold, lines in parts:
            for line in wrapped(written(text), _font(size, bold), wide - 24, lines):
                self._line(inside, line, size, ink, bold)

    def bar(self, found: PairedDifference) -> None:
        """The shares of better, same and worse."""
        left, right, high = _MARGIN + 28, SIZE[0] - _MARGIN, 22
        self.top += 8
        whole = (right - left) / found.n
        for count, colour in ((found.wins, _BETTER), (found.ties, _LINE), (found.losses, _WORSE)):
            if count:
                end = left + count * whole
                self._to.rectangle((left, self.top, end - _GAP, self.top + high), colour)
                left = end
        self.top += high + 14

    def edge(self, start: int, colour: str) -> None:
        """The line to the left of the verdict."""
        self._to.rectangle((_MARGIN, start + 4, _MARGIN + 7, self.top - 4), colour)

    def foot(self, text: str) -> None:
        """The last line."""
        font = _font(20, False)
        for line in wrapped(written(text), font, SIZE[0] - 2 * _MARGIN, 1):
            self._to.text((_MARGIN, SIZE[1] - 46), line, _QUIET, font)


def _high(size: int) -> int:
    """Pixels of a line."""
    return round(size * 1.35)


def wrapped(text: str, font: ImageFont.FreeTypeFont, width: int, lines: int) -> list[str]:
    """A text broken at spaces into lines that fit, at most ``lines`` of them; an ellipsis stands for what does not.

    Args:
        text: any; it may be empty.
        font: it is written in.
        width: of a line in pixels.
        lines: with 0 nothing fits.
    """
    broken, words = [], text.split()
    while words and len(broken) < lines:
        count = next((n for n in range(len(words), 1, -1) if font.getlength(" ".join(words[:n])) <= width), 1)
        line, words = " ".join(words[:count]), words[count:]
        is_cut = bool(words) and len(broken) + 1 == lines
        while line and font.getlength(line + "…" * is_cut) > width:
            line, is_cut = line[:-1], True
        broken.append(line + "…" * is_cut)
    return broken
