"""The verdict as a picture, 1200 by 630: the preview of a link in chats, and a file to send.

Drawn with Pillow in DejaVu Sans, which comes with matplotlib: Latin, Cyrillic, Greek and Arabic letters, but neither
Chinese nor Japanese ones. A query with letters that the font lacks is not chosen as an example.
"""

from collections.abc import Sequence
from functools import cache
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from starlette.requests import Request
from starlette.responses import Response

from space import i18n
from space.evaluation import findings
from space.evaluation.held_out_queries import HeldOutQuery
from space.evaluation.schema import PairedDifference
from space.i18n import gettext as _
from space.search.engine import SearchEngine
from space.ui.html.header import PRODUCT, QUESTION
from space.ui.html.names import products, short_name
from space.ui.html.numbers import signed
from space.ui.html.verdict import average, counted, verdict_text

PATH = "/verdict.png"
SIZE = (1200, 630)
_REGULAR, _BOLD = "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"
_MARGIN, _GAP = 64, 4
_INK, _QUIET, _PAPER, _LINE = "#16202c", "#51606f", "#f8fafc", "#d9e0e7"
_BETTER, _WORSE = "#16845a", "#c2410c"
_EDGES = {"better": _BETTER, "worse": _WORSE}


class VerdictCard:
    """Answers with the picture in the visitor's language; each language is drawn once."""

    def __init__(self, engine: SearchEngine) -> None:
        """Draws nothing yet."""
        self._drawn = cache(lambda code: draw(engine, code))

    def answer(self, request: Request) -> Response:
        """The picture as PNG."""
        code = i18n.preferred(request.headers.get("accept-language"))
        headers = {"cache-control": "no-cache", "vary": "Accept-Language"}
        return Response(self._drawn(code), media_type="image/png", headers=headers)


def draw(engine: SearchEngine, code: str = i18n.ENGLISH) -> bytes:
    """The picture as the bytes of a PNG file.

    Args:
        engine: for the evaluation, the test queries and what was searched.
        code: the language of the texts.
    """
    with i18n.language(code):
        picture = Image.new("RGB", SIZE, _PAPER)
        card = _Card(ImageDraw.Draw(picture))
        found = engine.evaluation.difference("tuned") if engine.evaluation else None
        card.write(PRODUCT, 34, bold=True)
        card.write(_(QUESTION), 24, _QUIET)
        card.top += 26
        if found is None or found.outcome in ("none", "few"):
            card.write(verdict_text(engine.evaluation, engine.elsewhere) or _("Nothing has been measured here."), 40)
        else:
            start = card.top
            card.write(f"{findings.conclusion(found)}.", 44, bold=True, indent=28)
            card.write(counted(found), 28, indent=28)
            card.bar(found)
            card.write(average(found, engine.evaluation), 22, _QUIET, indent=28)
            card.edge(start, _EDGES.get(found.outcome, _QUIET))
            card.top += 22
            for entry in examples(engine.held_out.entries):
                said = _("Better, {by}: {query}") if (entry.difference or 0) > 0 else _("Worse, {by}: {query}")
                card.write(said.format(by=signed(entry.difference), query=f"“{entry.query}”"), 28, lines=1)
        card.foot(" · ".join(filter(None, [short_name(engine.description.dataset), products(len(engine))])))
        file = BytesIO()
        picture.save(file, "PNG", optimize=True)
        return file.getvalue()


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
    """Whether the font has every letter of a text."""
    return all(ord(letter) in _letters() for letter in text)


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
        self._to, self.top = to, 52

    def write(
        self, text: str, size: int, colour: str = _INK, *, bold: bool = False, indent: int = 0, lines: int = 3
    ) -> None:
        """A text in at most ``lines`` lines; what does not fit ends in an ellipsis."""
        font, left = _font(size, bold), _MARGIN + indent
        for line in wrapped(text, font, SIZE[0] - _MARGIN - left, lines):
            self._to.text((left, self.top), line, colour, font)
            self.top += round(size * 1.35)

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
        for line in wrapped(text, font, SIZE[0] - 2 * _MARGIN, 1):
            self._to.text((_MARGIN, SIZE[1] - 56), line, _QUIET, font)


def wrapped(text: str, font: ImageFont.FreeTypeFont, width: int, lines: int) -> list[str]:
    """A text broken at spaces into lines that fit, at most ``lines`` of them; an ellipsis stands for what does not.

    Args:
        text: any; it may be empty.
        font: it is written in.
        width: of a line in pixels.
        lines: at least 1.
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
