"""Update the translations after a change of texts.

python .ci/translate.py

Collects every text that is marked for translation in space/, brings each space/ui/locale/*/LC_MESSAGES/e5.po up to
date, compiles it to e5.mo, and lists the texts that still need a translation. A new language begins with an empty
folder: mkdir -p space/ui/locale/es/LC_MESSAGES && python .ci/translate.py
"""

import io
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

SPACE = Path(__file__).resolve().parent.parent / "space"
LOCALE = SPACE / "ui" / "locale"
KEYWORDS = {"_": None, "gettext": None, "N_": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2), "label": None}
#: Dates would be a change in every run; what has changed and when is in the history of the repository.
DATE = datetime(2026, 1, 1, tzinfo=UTC)


def extracted() -> Catalog:
    """Every text of space/ that is marked for translation."""
    found = Catalog(project="e5-product-search", version="1", msgid_bugs_address="", creation_date=DATE)
    for _, _, text, comments, context in extract_from_dir(
        SPACE, [("**.py", "python")], keywords=KEYWORDS, comment_tags=("Translators:",), strip_comment_tags=True
    ):
        found.add(text, auto_comments=comments, context=context)
    return found


def update(folder: Path, texts: Catalog) -> Catalog:
    """The catalogue of one language with exactly ``texts``; translations it had are kept."""
    po = folder / "e5.po"
    locale = folder.parent.name
    if po.exists():
        with po.open("rb") as file:
            catalogue = read_po(file, locale=locale)
    else:
        catalogue = Catalog(locale=locale)
    catalogue.update(texts, no_fuzzy_matching=True)
    catalogue.fuzzy = False
    catalogue.project, catalogue.version = texts.project, texts.version
    catalogue.creation_date = catalogue.revision_date = DATE
    catalogue.header_comment = "# E5 product search in another language than English; see .ci/translate.py."
    return catalogue


def untranslated(catalogue: Catalog) -> list[str]:
    """The texts without a translation, or with one for too few plural forms."""
    return [str(message.id) for message in catalogue if message.id and not (message.string and all(message.string))]


def po_bytes(catalogue: Catalog) -> bytes:
    """The catalogue as a .po file, in the order of the texts, so that two branches seldom change the same lines."""
    file = io.BytesIO()
    write_po(file, catalogue, width=110, no_location=True, sort_output=True, ignore_obsolete=True)
    return file.getvalue()


def mo_bytes(catalogue: Catalog) -> bytes:
    """The catalogue as a .mo file."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def main() -> None:
    """Update every language; ends with 1 if texts are left to translate."""
    texts, left = extracted(), 0
    for folder in sorted(LOCALE.glob("*/LC_MESSAGES")):
        catalogue = update(folder, texts)
        (folder / "e5.po").write_bytes(po_bytes(catalogue))
        (folder / "e5.mo").write_bytes(mo_bytes(catalogue))
        missing = untranslated(catalogue)
        left += len(missing)
        print(f"{folder.parent.name}: {len(catalogue) - len(missing)} of {len(catalogue)} texts are translated")
        print(*(f"  {text}" for text in missing), sep="\n")
    sys.exit(1 if left else 0)


if __name__ == "__main__":
    main()
