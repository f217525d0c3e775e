"""Export of a comparison as CSV and JSON: links that hold the files.

The files are data URLs in the page rather than values of ``gr.DownloadButton``. That button needs its file on the
server before the click, so every comparison would write two files and Gradio a copy of each, for all to read who have
the path; and once ``delete_cache`` has removed them, the button of a page that is still open answers 403. A data URL
leaves nothing on the server and works as long as the page is open.

A spreadsheet reads a cell that begins with ``=`` as a formula, and titles come from strangers. So a text that begins
with ``=``, ``+``, ``-``, ``@`` (or their full-width forms), a tab or a line break gets an apostrophe in front. Numbers
stay as they are.
"""

import base64
import csv
import io
import json
import re

from space.data.words import folded
from space.encoding.description import BASE, TUNED
from space.i18n import gettext as _
from space.search.results import Comparison, locale_json
from space.ui.html.markup import Html, fill

COLUMNS = (
    "query", "system", "rank", "product_id", "product_locale", "title", "brand", "color", "score", "esci_label",
    "move", "places",
)  # fmt: skip
#: The last column where another comparison was made than that of base and tuned.
REFERENCE = "reference"
UNJUDGED = "unjudged"
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_NAME_LENGTH = 60


def csv_of(found: Comparison) -> str:
    """A header and one row for each system and rank; a shop without locales has no ``product_locale``.

    From base to tuned, ``move`` is up, down, same or entered in rows of tuned, left in rows of base, and otherwise
    empty. ``places`` is the number of ranks gained. Other comparisons have both in the rows of every system but the
    reference, which a further column names.
    """
    moves = {name: {move.key: move for move in of_system} for name, of_system in found.moves.items()}
    if found.is_tuning:
        moves[BASE] = {key: move for key, move in moves.get(TUNED, {}).items() if move.state == "left"}
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    hits = [hit for result in found.systems.values() for hit in result.hits]
    locales = not hits or any(locale_json(hit.product_locale) for hit in hits)
    last = [] if found.is_tuning else [REFERENCE]
    rows.writerow([*(name for name in COLUMNS if locales or name != "product_locale"), *last])
    for name, result in found.systems.items():
        for hit in result.hits:
            locale = (locale_json(hit.product_locale) or "",) if locales else ()
            texts = (hit.product_id, *locale, hit.title, hit.brand or "", hit.color or "")
            row = [neutral(found.query), name, hit.rank, *map(neutral, texts), hit.score, hit.esci_label or UNJUDGED]
            move = moves.get(name, {}).get(hit.key)
            moved = (move.state, "" if move.by is None else move.by) if move else ("", "")
            rows.writerow([*row, *moved, *(found.reference for _column in last)])
    return text.getvalue()


def json_of(found: Comparison) -> str:
    """The response of ``/compare``."""
    return json.dumps(found.to_json(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def neutral(text: str) -> str:
    """A text that a spreadsheet does not read as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def file_name(query: str, ending: str) -> str:
    """``compare-red-shoes.csv``: letters and digits of any script, as "/" and ":" mean something to a file system."""
    words = re.sub(r"[\W_]+", "-", folded(query))[:_NAME_LENGTH].strip("-")
    return f"compare-{words or 'query'}.{ending}"


def downloads(found: Comparison) -> Html:
    """Two links that download the comparison as shown, timings included."""
    return fill(
        '<span class="export">{export} {csv} {json}</span>',
        export=_("Export"),
        # With a BOM a spreadsheet reads the file as UTF-8.
        csv=_link(found.query, "csv", "text/csv", csv_of(found).encode("utf-8-sig", "replace")),
        json=_link(found.query, "json", "application/json", json_of(found).encode("utf-8", "replace")),
    )


def _link(query: str, ending: str, kind: str, content: bytes) -> Html:
    return fill(
        '<a download="{name}" href="data:{kind};charset=utf-8;base64,{content}">{label}</a>',
        name=file_name(query, ending),
        kind=kind,
        content=base64.b64encode(content).decode("ascii"),
        label=ending.upper(),
    )
