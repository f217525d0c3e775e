"""Which files of a folder are its judgments, its products and so on, by their names, and which are left out."""

from collections.abc import Sequence
from pathlib import Path

from space.data.catalogue import DataError
from space.data.file_tables import CSV, JSONL, PARQUET
from space.data.text_files import inner_suffix
from space.errors import listed

_SUFFIXES = (*CSV, *JSONL, *PARQUET)
#: {part of a data set: names of its file without suffix}.
ROLES = {
    "products": ("products", "product", "catalogue", "catalog", "items", "corpus", "documents", "docs"),
    "queries": ("queries", "query", "topics"),
    "judgments": ("judgments", "judgements", "labels", "label", "ratings", "clicks", "qrels"),
    "train": ("train",),
    "test": ("test",),
    "attributes": ("attributes", "product_attributes"),
    "descriptions": ("product_descriptions",),
}
CURE = (
    "a folder holds judgments (judgments, labels, ratings, clicks or qrels), products (products or catalogue) and "
    "perhaps queries, each as csv, tsv, jsonl or parquet, or train and test; or name one file with everything"
)


def role_of(path: Path) -> str:
    """Which of ``ROLES`` a file has by its name; "" for none."""
    stem = path.name.lower().split(".")[0]
    if inner_suffix(path) not in (*_SUFFIXES, ".qrels", ".json", ""):
        return ""
    return next((role for role, names in ROLES.items() if stem in names), "")


def has_text_products(folder: Path) -> bool:
    """Whether a folder has products in a file of text, such as products.csv."""
    files = [path for path in folder.iterdir() if path.is_file() and inner_suffix(path) not in PARQUET]
    return any(role_of(path) == "products" for path in files)


def by_role(folder: Path) -> dict[str, Path]:
    """{role: its file} of a folder."""
    files: dict[str, Path] = {}
    for file in sorted(one for one in folder.iterdir() if one.is_file()):
        role = role_of(file)
        if role in files:
            raise DataError(f"{folder}: {files[role].name} and {file.name} may both be the {role}; leave one of them")
        if role:
            files[role] = file
    return files


def beir_splits(folder: Path) -> list[tuple[str, Path]]:
    """(split, file) of the qrels of a BEIR folder."""
    found = [(split, folder / "qrels" / f"{split}.tsv") for split in ("train", "test")]
    return [(split, file) for split, file in found if file.is_file()]


def others_than(used: Sequence[Path], folder: Path) -> list[str]:
    """The names of what else is in a folder, and in its folder qrels if that is used; hidden files do not count."""
    folders = {folder, *(file.parent for file in used)}
    others = [path for place in sorted(folders) for path in sorted(place.iterdir()) if path not in {*used, *folders}]
    return [
        f"{path.relative_to(folder)}{'/' if path.is_dir() else ''}" for path in others if not path.name.startswith(".")
    ]


def it_has(folder: Path) -> str:
    """What is in a folder, for a message; "" for nothing."""
    names = others_than([], folder)
    return f", it has {listed(names)}" if names else ""
