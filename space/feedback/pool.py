"""The queue of pairs to judge: unjudged products among the top ten of any system, worst-covered queries first."""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from space.data.words import normalized
from space.feedback.judgments import PairKey

#: How deep the lists are that are judged.
DEPTH = 10


@dataclass(frozen=True)
class Lists:
    """What the systems answer to a held-out query.

    Attributes:
        locale: of the query.
        query: its text.
        found: {system: product ids, best first, ``DEPTH`` at most}.
        labelled: product ids that the labels of the data set judge for it.
    """

    locale: str
    query: str
    found: Mapping[str, Sequence[str]]
    labelled: Collection[str]

    def key(self, product_id: str) -> PairKey:
        """The pair of this query and a product."""
        return self.locale, normalized(self.query), product_id

    @property
    def pooled(self) -> list[str]:
        """The product ids of all lists, each once."""
        return list(dict.fromkeys(product for products in self.found.values() for product in products))

    def unjudged(self, judged: Collection[PairKey]) -> list[str]:
        """The pooled products without a label and without a judgment in ``judged``."""
        return [product for product in self.pooled if product not in self.labelled and self.key(product) not in judged]

    def coverage(self, judged: Collection[PairKey]) -> float:
        """The share of the pooled products that is judged, 0 to 1."""
        return 1 - len(self.unjudged(judged)) / max(len(self.pooled), 1)


@dataclass(frozen=True)
class Task:
    """A pair to judge. The system is not told; its rank only on request."""

    lists: Lists
    product_id: str

    @property
    def best_rank(self) -> int:
        """The best rank of the product in any list, from 1."""
        return min(
            products.index(self.product_id) + 1
            for products in self.lists.found.values()
            if self.product_id in products
        )


def next_task(
    pool: Sequence[Lists],
    judged: Mapping[PairKey, int],
    mine: Collection[PairKey],
    *,
    raters: int = 1,
    rng: random.Random | None = None,
) -> Task | None:
    """The next pair for a rater: of the worst-covered query that still has one, at random; None where all is done.

    Args:
        pool: the held-out queries.
        judged: {pair: how many raters have judged it}.
        mine: pairs that this rater has judged or skipped.
        raters: how many should judge each pair.
        rng: draws.
    """
    rng = rng or random.Random()
    done = {key for key, number in judged.items() if number >= raters}
    open_ones = []
    for lists in pool:
        products = [product for product in lists.unjudged(done) if lists.key(product) not in mine]
        if products:
            open_ones.append((lists.coverage(done), lists, products))
    if not open_ones:
        return None
    worst = min(coverage for coverage, _, _ in open_ones)
    _, lists, products = rng.choice([one for one in open_ones if one[0] <= worst + 1e-9])
    return Task(lists, rng.choice(products))


def judged_at_10(pool: Sequence[Lists], judged: Collection[PairKey]) -> dict[str, float]:
    """{system: the mean share of its top ten that is judged, 0 to 1}, over the queries to which it found anything."""
    shares: dict[str, list[float]] = {}
    for lists in pool:
        for system, products in lists.found.items():
            if products:
                known = sum(product in lists.labelled or lists.key(product) in judged for product in products)
                shares.setdefault(system, []).append(known / len(products))
    return {system: sum(values) / len(values) for system, values in shares.items()}
