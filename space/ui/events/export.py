"""A comparison as CSV and JSON, and the links that download them. Pure functions; nothing is kept on the server.

The files travel within the page, in the links themselves: what is downloaded is what is seen, timings included,
without a second search, and no path or file name ever comes from a request.

Titles come from strangers and a spreadsheet takes a cell that begins with ``=`` for a formula. So a text that begins
with ``=``, ``+``, ``-``, ``@`` (or their full-width forms), a tab or a line break gets an apostrophe before it.
Numbers are written as they are.
"""

import base64
import csv
import io
import json
import re

from space.search.results import Comparison
from space.ui.html.markup import Html, fill

COLUMNS = (
    "query", "system", "rank", "product_id", "product_locale", "title", "brand", "color", "score", "esci_label",
    "move", "places",
)  # fmt: skip
UNJUDGED = "unjudged"
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_NAME_LENGTH = 60


def csv_of(found: Comparison) -> str:
    """One row for each system and rank, after a header.

    ``move`` is up, down, same or entered in the rows of tuned, left in those of base, else empty; ``places`` counts
    the places gained from base to tuned.
    """
    moves = {(move["product_locale"], move["product_id"]): move for move in (each.to_json() for each in found.moves)}
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for name, result in found.systems.items():
        for hit in result.hits:
            move = moves.get((hit.product_locale, hit.product_id))
            told = move and (name == "tuned" or (name == "base" and move["state"] == "left"))
            texts = (hit.product_id, hit.product_locale, hit.title, hit.brand or "", hit.color or "")
            rows.writerow(
                [neutral(found.query), name, hit.rank, *map(neutral, texts), hit.score, hit.esci_label or UNJUDGED]
                + ([move["state"], "" if move["by"] is None else move["by"]] if told else ["", ""])
            )
    return text.getvalue()


def json_of(found: Comparison) -> str:
    """The response of ``/compare``."""
    return json.dumps(found.to_json(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def neutral(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def file_name(query: str, ending: str) -> str:
    """``compare-red-shoes.csv``: letters and digits of any script; all else could mean something to a file system."""
    words = re.sub(r"[\W_]+", "-", query.casefold())[:_NAME_LENGTH].strip("-")
    return f"compare-{words or 'query'}.{ending}"


def downloads(found: Comparison) -> Html:
    """Two links, each a file."""
    return fill(
        '<span class="export">Export {csv} {json}</span>',
        # The mark at the start is what makes spreadsheets read UTF-8.
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
