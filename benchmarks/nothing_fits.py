"""How often the page says "Nothing here fits well": on held-out queries, on nonsense, and on what the shop lacks.

python benchmarks/nothing_fits.py --model saved_e5_model --base-model ID --embeddings artifacts

Each query is searched as the page does it, held-out ones in their own locale. The figures are shares of relevant pairs
below the best score, and how many queries fall under each threshold; the one that is used is FITS_FROM in
space/search/results.py. Nonsense and absent wishes are written for the sample. The last line is JSON.
"""

import argparse
import json
import sys
from pathlib import Path

from machine import describe

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from space.search.engine import SearchEngine
from space.search.loading import load_engine
from space.search.results import FITS_FROM

THRESHOLDS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
NONSENSE = (
    "asdkjhaskd zzz", "qwerty uiop", "xxyyzz 123", "blorf snarg wibble", "lkjhgfdsa", "zzzzzz", "hgfd jkl trew",
    "dfgdfg", "12345 67890", "!!! ???", "aaaaaa bbbbb", "mxqvt", "foo bar baz", "jjjjj kkkkk", "wqe rty", "плфыва",
    "あああああ", "glimfor tangwist", "vbnm", "tsrqpo",
)  # fmt: skip
ABSENT = (
    "mortgage interest rates", "capital of france", "laptop 16gb ram", "car tyres 205/55", "ibuprofen tablets",
    "flight to new york", "wedding dress size 12", "iphone 15 case", "baby diapers size 4", "divorce lawyer",
    "chainsaw oil", "printer ink cartridge", "acoustic guitar strings", "fresh salmon", "bitcoin wallet",
    "contact lenses", "lawn mower blade", "usb-c hub", "who won the election", "piano lessons", "garage door opener",
    "dental floss", "washing machine", "vinyl record player", "hiking in nepal visa", "swimming pool pump",
    "kitchen sink faucet", "bridal shoes", "toilet paper", "motorcycle jacket",
)  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "base-model", "embeddings"):
        parser.add_argument(f"--{name}", required=True)
    given = parser.parse_args()
    engine = load_engine(given.embeddings, {"base": given.base_model, "tuned": given.model}, offline=True)
    several = engine.several_locales
    held_out = [(one.query, one.locale if several else "") for one in engine.held_out.entries]
    groups = {
        "held_out": held_out,
        "nonsense": [(one, "") for one in NONSENSE],
        "absent": [(one, "") for one in ABSENT],
    }
    result: dict[str, object] = {"benchmark": "nothing_fits", "fits_from": FITS_FROM, "thresholds": THRESHOLDS}
    for system in ("base", "tuned"):
        shares = {name: [share(engine, system, *query) for query in queries] for name, queries in groups.items()}
        result[system] = {
            name: {"queries": len(found), "below": [sum(one < edge for one in found) for edge in THRESHOLDS]}
            for name, found in shares.items()
        }
        print(f"{system}: {result[system]}")
    result["machine"] = describe()
    print(json.dumps(result))


def share(engine: SearchEngine, system: str, query: str, locale: str) -> float:
    """The share of relevant pairs below the best score of a query."""
    standing = engine.search(query, 1, system, locale=locale).hits[0].standing
    if standing is None:
        sys.exit(f"{system} has no scores of relevant pairs: the store needs judgments")
    return standing.share


if __name__ == "__main__":
    main()
