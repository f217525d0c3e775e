"""Training examples from judgments, and batches without false negatives.

A product that is relevant for a query is never a negative of that query: not chosen by its label, not drawn at
random, and not as the product of another example in the same batch. Products are compared by their text, because the
same title is sold under several ids.
"""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence, Set
from itertools import cycle, islice
from typing import Any

import numpy as np
import pandas as pd
from datasets import Dataset
from sentence_transformers.base.sampler import DefaultBatchSampler

from space.data.scale import ESCI, LabelScale
from space.data.words import normalized, normalized_column
from space.errors import UserError

_DRAWS = 20


def training_examples(
    judgments: pd.DataFrame,
    passages: Sequence[str],
    loss: str,
    *,
    negatives: int = 2,
    seed: int = 42,
    scale: LabelScale = ESCI,
) -> Dataset:
    """Examples with the columns that the loss reads.

    Args:
        judgments: a checked train table of ``space.data.judgments``, with ``row``.
        passages: the text of every product of the catalogue, by row.
        loss: "triplet" and "mnrl" give anchor, positive, negative; "cosent" gives query, passage, score (the gain).
        negatives: examples for each relevant product, each with another negative, the worst grade first.
        seed: of the random draws.
        scale: of the labels.

    Raises:
        UserError: no query has a relevant product; for "cosent", no two labels to compare.
    """
    if loss == "cosent":
        return _graded_pairs(judgments, passages, seed, scale)
    rng = np.random.default_rng(seed)
    exact = exact_texts(judgments, passages, scale)
    pools = {locale: rows.to_numpy() for locale, rows in judgments.groupby("product_locale")["row"]}
    columns = defaultdict(list)
    for (locale, query), judged in judgments.groupby(["product_locale", "query"], sort=False):
        positives = [passages[row] for row in judged.loc[judged["esci_label"].isin(scale.relevant), "row"]]
        right = exact.get(normalized(query), frozenset())
        offered = cycle(_graded(judged, passages, right, rng, scale.negatives))
        known = {passages[row] for row in judged["row"]} | right
        for positive in positives:
            for _ in range(negatives):
                negative = next(offered, None) or draw_other(passages, pools[locale], known, rng)
                if negative is not None:
                    columns["anchor"].append(query)
                    columns["positive"].append(positive)
                    columns["negative"].append(negative)
    if not columns:
        names = ", ".join(sorted(scale.relevant))
        raise UserError(f"no query has a relevant product ({names}) in the catalogue: there is nothing to learn from")
    return Dataset.from_dict(dict(columns))


def exact_texts(
    judgments: pd.DataFrame, passages: Sequence[str], scale: LabelScale = ESCI
) -> dict[str, frozenset[str]]:
    """{normalized query: texts of the products that are relevant for it in any locale}."""
    return judged_texts(judgments[judgments["esci_label"].isin(scale.relevant)], passages)


def judged_texts(judgments: pd.DataFrame, passages: Sequence[str]) -> dict[str, frozenset[str]]:
    """{normalized query: texts of the products judged for it in any locale, whatever the label}."""
    groups = judgments["row"].groupby(normalized_column(judgments["query"]))
    return {query: frozenset(passages[row] for row in rows) for query, rows in groups}


def _graded(
    judged: pd.DataFrame,
    passages: Sequence[str],
    exact: frozenset[str],
    rng: np.random.Generator,
    grades: Sequence[str],
) -> list[str]:
    """The text of each negative that was judged for a query: worst grade first, else shuffled."""
    found = []
    for grade in grades:
        rows = rng.permutation(judged.loc[judged["esci_label"] == grade, "row"].tolist())
        found.extend(passages[row] for row in rows if passages[row] not in exact)
    return found


def draw_other(passages: Sequence[str], pool: np.ndarray, known: Set[str], rng: np.random.Generator) -> str | None:
    """A random text that is not known for the query.

    Args:
        passages: the text of every product, by row.
        pool: (n,) rows to draw from: the products of the query's locale.
        known: texts that may be right for the query.
        rng: the source of randomness.

    Returns:
        The text; None if 20 draws gave known texts only.
    """
    for _ in range(_DRAWS):
        text = passages[pool[rng.integers(len(pool))]]
        if text not in known:
            return text
    return None


def _graded_pairs(judgments: pd.DataFrame, passages: Sequence[str], seed: int, scale: LabelScale) -> Dataset:
    """Every judged pair with its gain. CoSENT compares the pairs of a batch, so it needs no chosen negatives."""
    if judgments["esci_label"].nunique() < 2:
        raise UserError("all judgments have the same label: the cosent loss learns from differences between labels")
    order = np.random.default_rng(seed).permutation(len(judgments))
    rows = judgments.iloc[order]
    return Dataset.from_dict(
        {
            "query": rows["query"].tolist(),
            "passage": [passages[row] for row in rows["row"]],
            "score": [scale.gains[label] for label in rows["esci_label"]],
        }
    )


class LabelAwareBatchSampler(DefaultBatchSampler):
    """Batches in which no product is relevant for the query of another example, and every query occurs once.

    Losses with in-batch negatives need this: they count the products of other examples as negatives. An example that
    clashes with the batch waits for a later one. So the last batches of an epoch can be small, and an epoch can have
    more batches than n / batch size.

    Each epoch has another order, which depends on the seed alone. The trainer counts the batches once and computes
    from that number where a resumed run continues. Every epoch therefore has as many batches as the first one: an
    epoch that needs more leaves out its last ones, and an epoch that needs fewer repeats its first ones.
    """

    def __init__(self, dataset: Dataset, batch_size: int, exact: dict[str, frozenset[str]], **kwargs: Any) -> None:
        """See ``DefaultBatchSampler``; ``exact`` is what ``exact_texts`` returns."""
        super().__init__(dataset, batch_size=batch_size, **kwargs)
        columns = [name for name in ("anchor", "positive", "negative") if name in dataset.column_names]
        self.examples = dataset.to_pandas()[columns].to_numpy()
        self.exact = exact
        self._first = self._batches(0)

    def __len__(self) -> int:
        """The number of batches of every epoch."""
        return len(self._first)

    def __iter__(self) -> Iterator[list[int]]:
        """The batches of the current epoch, as indices into the data set."""
        batches = self._first if self.epoch == 0 else self._batches(self.epoch)
        return islice(cycle(batches), len(self))

    def _batches(self, epoch: int) -> list[list[int]]:
        return [batch for batch in self._plan(epoch) if len(batch) == self.batch_size or not self.drop_last]

    def _plan(self, epoch: int) -> Iterator[list[int]]:
        waiting = deque(np.random.default_rng([self.seed, epoch]).permutation(len(self.examples)).tolist())
        while waiting:
            batch, clashing = [], []
            queries: set[str] = set()
            texts: set[str] = set()
            exact_texts: set[str] = set()  # of the batch's queries
            while waiting and len(batch) < self.batch_size:
                index = waiting.popleft()
                query, *products = self.examples[index]
                query = normalized(query)
                exact = self.exact.get(query, frozenset())
                if query in queries or not exact_texts.isdisjoint(products) or not exact.isdisjoint(texts):
                    clashing.append(index)
                    continue
                batch.append(index)
                queries.add(query)
                texts.update(products)
                exact_texts |= exact
            waiting.extendleft(reversed(clashing))
            yield batch
