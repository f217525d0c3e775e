"""Draws the held-out queries of a data set that has no test part, and keeps them in the model's folder."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from space.data.catalogue import DataError
from space.data.checksums import Checksums, checksums
from space.data.judgments import Judged
from space.data.words import normalized_column
from space.errors import shown
from space.io.typed_json import read

#: The file in a model's folder.
SPLIT = "split.json"
#: Share of the queries to hold out where no flag and no model says another.
TEST_SHARE = 0.2
_SEED = 20


@dataclass(frozen=True)
class Split:
    """The queries of a model's data: which are held out, and which it learned from.

    A query is ``space.data.words.normalized``. Those learned from are hashed, so that a model can be pushed without
    them; the held-out ones are in its evaluation.json anyway.

    Attributes:
        dataset: the data set as the user named it.
        test_share: of the queries, as they were drawn; None where the data set has a held-out part of its own.
        held_out: queries in order.
        learned: 16 hexadecimal digits of the sha256 of each query, in order.
        checksums: of the catalogue and the held-out judgments.
        seed: of the draw.
    """

    dataset: str
    test_share: float | None
    held_out: list[str]
    learned: list[str]
    checksums: Checksums
    seed: int = _SEED

    @classmethod
    def of(cls, judged: Judged, base: Sequence["ModelSplit"] = ()) -> "Split":
        """The split of data as they were read.

        Args:
            judged: what a model learns from and is tested on.
            base: of the model that it starts from, whose queries it has learned from, too.
        """
        learned = {_hash(query) for query in normalized_column(judged.train["query"])}
        learned |= {query for one in base for query in one.split.learned}
        return cls(
            judged.name,
            judged.test_share,
            sorted(set(normalized_column(judged.test["query"]))),
            sorted(learned),
            checksums(judged.catalogue, judged.test),
        )

    def to_json(self) -> str:
        """Text of the file."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class ModelSplit:
    """The split of a model, and what to call the model in messages."""

    model: str
    split: Split


def of_model(folder: Path, name: str) -> list[ModelSplit]:
    """The split in a model's folder, as a list of one; empty if the model has none.

    Raises:
        DataError: the file is damaged. To go on without it could test the model on queries that it learned from.
    """
    path = folder / SPLIT
    try:
        return [ModelSplit(name, read(Split, json.loads(path.read_bytes())))]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{name}/{SPLIT} cannot be read, it says which queries are held out: {error}; restore it, or train again "
            f"with another --output-dir"
        ) from error


def share_of(share: float | None, splits: Sequence[ModelSplit]) -> float:
    """The share of the queries to hold out: that of ``--test-share``, else that of the models, else ``TEST_SHARE``.

    Args:
        share: what the user asks for; None without the flag.
        splits: of the models.

    Raises:
        DataError: a model has another share than the flag says.
    """
    drawn = [one for one in splits if one.split.test_share is not None]
    for one in drawn:
        if share not in (None, one.split.test_share):
            raise DataError(
                f"--test-share is {share:g}: {one.model}/{SPLIT} holds out {one.split.test_share:g} of the queries, "
                f"and its test would hold queries that {one.model} learned from; leave the flag out, or train with "
                f"another --output-dir"
            )
    return share or (drawn[0].split.test_share if drawn else TEST_SHARE)


def held_out(
    judgments: pd.DataFrame, share: float, name: str, splits: Sequence[ModelSplit] = ()
) -> tuple[pd.DataFrame, str]:
    """Judgments with column "split", which is the same in each run, and a sentence for the log.

    Queries are held out whole, with all their spellings (``space.data.words.normalized``), in equal shares of those
    with few and those with many judgments. What a model held out stays held out, and what it learned from is never
    held out; ``share`` counts for the other queries, such as those that came since.

    Args:
        judgments: with "query".
        share: of the queries, above 0 and below 1.
        name: the data set, for messages.
        splits: of the models; a query that one held out and another learned from is not held out.

    Raises:
        DataError: too few queries.
    """
    queries = pd.Series(normalized_column(judgments["query"]), index=judgments.index)
    counts = queries.value_counts().sort_index()
    learned = _learned(counts.index, splits)
    kept = ~learned & counts.index.isin([query for one in splits for query in one.split.held_out])
    new = ~learned & ~kept
    test = kept.copy()
    test[new] = _drawn(counts[new].to_numpy(), share)
    models = " and ".join(f"{one.model}/{SPLIT}" for one in splits)
    if not 0 < test.sum() < len(test):
        known = f"{models} holds out {kept.sum()} of {len(test)} queries and learned from {learned.sum()}, and "
        raise DataError(
            f"{name}: {known if splits else ''}--test-share {share:g} holds out {test.sum()} of {len(test)} queries; "
            f"{'add queries, or use another --output-dir' if splits else 'use another share'}"
        )
    said = f"{test.sum()} of {len(test)} queries are held out"
    if kept.any() or learned.any():
        said += f", {kept.sum()} of them by {models}"
        said += f" and {test[new].sum()} of {new.sum()} new ones" if new.any() else ""
    return judgments.assign(split=np.where(queries.isin(counts.index[test]), "test", "train")), (
        f"{name}: {said} (--test-share {share:g})"
    )


def without_learned(judged: Judged, splits: Sequence[ModelSplit]) -> tuple[Judged, str]:
    """The data without held-out judgments of queries that a model learned from, and a warning or "".

    Raises:
        DataError: no query is left.
    """
    queries = pd.Index(normalized_column(judged.test["query"]))
    learned = _learned(queries, splits)
    if not learned.any():
        return judged, ""
    models = " or ".join(one.model for one in splits)
    said = (
        f"{judged.name}: {len(set(queries[learned]))} of {len(set(queries))} held-out queries are left out, since "
        f"{models} learned from them, such as {shown(queries[learned][0])}"
    )
    if learned.all():
        raise DataError(f"{said}; none is left, so name data with other queries, or another model")
    return replace(judged, test=judged.test[~learned].reset_index(drop=True)), said


def _learned(queries: pd.Index, splits: Sequence[ModelSplit]) -> np.ndarray:
    """(n,) bool: whether some model learned from each of (n,) queries."""
    found = np.zeros(len(queries), dtype=bool)
    if splits:
        hashes = np.array([_hash(query) for query in queries], dtype=object)
        for one in splits:
            # A data set with a held-out part of its own may have a text in it, and learn from it in another locale.
            found |= np.isin(hashes, one.split.learned) & ~queries.isin(one.split.held_out)
    return found


def _drawn(counts: np.ndarray, share: float) -> np.ndarray:
    """(n,) bool: which of n queries in order are held out, by their numbers of judgments."""
    generator = np.random.default_rng(_SEED)
    order = np.lexsort([generator.random(len(counts)), counts])
    steps = np.floor(np.arange(len(counts) + 1) * share + generator.random())
    drawn = np.zeros(len(counts), dtype=bool)
    drawn[order[np.diff(steps) > 0]] = True
    return drawn


def _hash(query: str) -> str:
    return hashlib.sha256(query.encode("utf-8", "surrogatepass")).hexdigest()[:16]
