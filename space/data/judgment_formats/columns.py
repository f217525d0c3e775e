"""Finds the columns of a table of judgments by the names that people give them; two candidates are refused."""

from collections.abc import Mapping, Sequence

from space.data.catalogue import COLUMN_TYPES, DataError
from space.data.column_names import plain_name, require_columns
from space.errors import listed

#: Labels that are counts; more than 0 is relevant.
COUNTS = ("clicks", "click_count", "clicked", "purchases", "orders", "add_to_carts")
#: {column of judgments: names in files, without case and with _ for spaces and hyphens}.
NAMES = {
    "query": ("query", "search_term", "search_query", "query_text", "query_string", "keyword", "keywords", "search"),
    "query_id": ("query_id", "qid", "queryid"),
    "product_id": (
        "product_id", "product_uid", "productid", "sku", "asin", "docid", "doc_id", "document_id", "corpus_id",
        "item_id", "article",
    ),
    "product_locale": ("product_locale", "query_locale", "locale"),
    "label": (
        "esci_label", "label", "relevance", "median_relevance", "relevance_label", "rating", "grade", "judgment",
        "judgement", "score", *COUNTS,
    ),
    "split": ("split",),
    # "ratings" itself is how many stars of customers a product has.
    "ratings": (
        "judgment_count", "judgement_count", "label_count", "num_judgments", "num_judgements", "num_labels", "raters",
        "num_raters", "annotators", "num_annotators", "judges", "num_judges",
    ),
}  # fmt: skip
#: Names that a jsonl keeps for a table of judgments, of queries, or of products of a BEIR folder.
ALL_NAMES = frozenset(name for names in NAMES.values() for name in names) | {"_id", "text"}


def known_columns(given: Mapping[str, str]) -> dict[str, str]:
    """What --columns says, with "label" for "esci_label".

    Args:
        given: {column of ours: name in the files}.

    Raises:
        DataError: a name that is not one of ours, which would be passed over.
    """
    known = {"label" if ours == "esci_label" else ours: theirs for ours, theirs in given.items()}
    for ours, theirs in known.items():
        if ours not in NAMES and ours not in COLUMN_TYPES:
            names = ", ".join(dict.fromkeys([*NAMES, *COLUMN_TYPES]))
            raise DataError(f"--columns {ours}={theirs}: {ours!r} is not one of {names}")
    return known


def find_judgment_columns(header: Sequence[str], given: Mapping[str, str], source: str) -> dict[str, int]:
    """Which column of a table is which of ``NAMES``.

    Args:
        header: names in the file.
        given: as --columns says: {column of ours: name in the file}; it goes first, and "" leaves a column out.
        source: the file, for messages.

    Returns:
        {column of ours: position in ``header``}; what is not there is not in it.

    Raises:
        DataError: two columns may be the same one of ours, or ``given`` names a column that is not there.
    """
    plain = [plain_name(name) for name in header]
    require_columns({ours: theirs for ours, theirs in given.items() if ours in NAMES}, plain, header, source)
    found: dict[str, int] = {}
    for ours, names in NAMES.items():
        theirs = given.get(ours)
        if theirs == "":
            continue
        wanted = (plain_name(theirs),) if theirs else names
        places = [place for place, name in enumerate(plain) if name in wanted]
        if len(places) > 1:
            several = listed([header[place] for place in places])
            raise DataError(
                f"{source}: {several} may each be the {ours}; say which: --columns {ours}={header[places[0]]}"
            )
        if places:
            found[ours] = places[0]
    return found


def need(found: Mapping[str, int], ours: str, header: Sequence[str], source: str) -> None:
    """Check that a column was found.

    Raises:
        DataError: it was not; the message has the flag that names it.
    """
    if ours not in found:
        raise DataError(f"{source}: no column for the {ours}, only {listed(header)}; name it with --columns {ours}=…")
