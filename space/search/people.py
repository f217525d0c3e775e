"""What people are asked about an engine: pairs of systems, held-out queries, and the lists of all systems for them."""

import random
import threading
from collections.abc import Collection, Sequence

from space.data.words import normalized
from space.evaluation.held_out_queries import HeldOutQuery
from space.feedback.ballots import Pair, made_by
from space.feedback.pool import DEPTH, Lists
from space.search.engine import SearchEngine
from space.search.request import COLUMNS
from space.search.results import Comparison

#: Held-out queries whose lists are pooled; a pool of more would take minutes to make.
MOST_QUERIES = 500


def pairs(engine: SearchEngine) -> list[Pair]:
    """The pairs of systems that can be compared, base and tuned first."""
    names = [name for name in COLUMNS if name in engine.systems]
    description = engine.description
    prints = {part: encoder.fingerprint for part, encoder in description.encoders.items()}
    made = made_by(prints, description.checksums.products if description.checksums else {})
    return [Pair(first, second, made) for place, first in enumerate(names) for second in names[place + 1 :]]


def next_query(engine: SearchEngine, answered: Collection[tuple[str, str]]) -> HeldOutQuery | None:
    """A held-out query, at random, that is not among ``answered`` (locale, normalized query); None if all are."""
    left = [one for one in engine.held_out.entries if (one.locale, normalized(one.query)) not in answered]
    return random.choice(left) if left else None


def lists_of(engine: SearchEngine, locale: str, query: str, systems: Sequence[str]) -> Comparison:
    """The top ten of some systems for a query; no visitor asked it, so it is not counted."""
    filters = {"locale": locale} if locale and engine.several_locales else {}
    return engine.compare(query, DEPTH, systems, counted=False, **filters)


class HeldOutPool:
    """The lists of all systems for the held-out queries, made once, when they are first asked for."""

    def __init__(self, engine: SearchEngine) -> None:
        """Searches nothing yet."""
        self._engine = engine
        self._lists: list[Lists] | None = None
        self._lock = threading.Lock()

    def lists(self) -> list[Lists]:
        """The lists; the first call searches for every query."""
        with self._lock:
            if self._lists is None:
                entries = list(self._engine.held_out.entries)
                if len(entries) > MOST_QUERIES:
                    entries = random.Random(0).sample(entries, MOST_QUERIES)
                self._lists = [self._of(one) for one in entries]
            return self._lists

    def of_query(self, query: str) -> Lists:
        """The lists for a query that is not held out, in the locale with most products.

        Raises:
            QueryError: it cannot be searched for.
        """
        locale, _ = max(self._engine.facets.counts("locale"), key=lambda item: item[1], default=("", 0))
        return self._of(HeldOutQuery(query, locale))

    def _of(self, asked: HeldOutQuery) -> Lists:
        found = lists_of(self._engine, asked.locale, asked.query, list(self._engine.systems))
        hits = {name: result.hits for name, result in found.systems.items()}
        return Lists(
            asked.locale,
            asked.query,
            {name: [hit.product_id for hit in one] for name, one in hits.items()},
            {hit.product_id for one in hits.values() for hit in one if hit.grade},
        )
