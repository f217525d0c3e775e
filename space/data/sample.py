"""The bundled sample: a small made-up catalogue with judgments, in the columns of ESCI.

Every command of the project runs on it with nothing downloaded. Code writes all of it: first products, each with a
value for every slot of its kind, then queries, each with a kind and constraints on slots. So the label of a pair
follows from the two and is not an opinion. The draws are the same on every machine.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, combinations, zip_longest
from typing import NamedTuple

import pandas as pd
import pyarrow as pa

from space.data.sample_draws import Dice, is_tail, misspelt, title
from space.data.sample_kinds import COLOUR, Kind, Value, kinds
from space.i18n import N_

NOTICE = N_("This is a made-up sample: its shop, products, brands, prices, queries and judgments are all invented.")

SCHEMA = pa.schema(
    [(f"product_{name}", pa.string()) for name in "id locale title description bullet_point brand color".split()]
    + [("image_url", pa.string()), ("price", pa.float64()), ("category", pa.string())]
    + [("rating", pa.float64()), ("rating_count", pa.float64())]
)

MIN_EXACT, MAX_EXACT = 4, 16  # every Exact product is judged, since unjudged products count 0
MIN_JUDGED, MAX_JUDGED = 12, 24
BIG_STOCK = 20  # kinds with at least this many products get most of the queries
UNSEEN_KINDS = frozenset({"pack rain cover", "hose reel", "puzzle mat", "mat strap"})  # only test queries ask for them
KNOWN_WORDS = 0.7  # share of test queries that use a word for the kind that a train query uses
PLAIN_WORDS = 0.55  # share of constraints in the words of titles
TWINS = 14  # products listed twice under different ids, as in real shops


@dataclass(frozen=True, eq=False)
class Product:
    """A product; ``traits`` is {slot: name of the value} that its texts were written from."""

    kind: Kind
    traits: dict[str, str]
    row: dict[str, object]
    product_id: str = ""


class Want(NamedTuple):
    """A constraint of a query: the slot must have this value, or must not."""

    slot: str
    value: str
    wanted: bool = True


@dataclass(frozen=True, eq=False)
class Query:
    """A query and what it asks for."""

    kind: Kind
    wants: tuple[Want, ...]
    split: str
    text: str
    query_id: int = 0

    def label(self, product: Product) -> str:
        """The label of a pair.

        Exact: same kind, all constraints met. Substitute: same kind, one constraint not met. Complement: a kind that
        is used together with this one. Irrelevant: anything else.
        """
        if product.kind is self.kind:
            return {0: "Exact", 1: "Substitute"}.get(_broken(self.wants, product), "Irrelevant")
        return "Complement" if self.kind.is_used_with(product.kind) else "Irrelevant"


def _broken(wants: tuple[Want, ...], product: Product) -> int:
    return sum((product.traits.get(want.slot) == want.value) != want.wanted for want in wants)


def _row(dice: Dice, kind: Kind, chosen: dict[str, Value]) -> dict[str, object]:
    """The catalogue row of a product, without its key."""
    brand = "" if dice.chance(0.05) else dice.pick(kind.brands)
    shade = dice.pick(chosen[COLOUR].titles) if COLOUR in chosen else ""
    color = "" if dice.chance(0.04) else shade
    forms = [dice.pick(value.titles) for slot, value in chosen.items() if slot != COLOUR]
    shown = shade if not color or dice.chance(0.65) else ""
    written = title(dice, kind.locale, dice.pick(kind.names), forms, brand, shown)
    says = [clause[0].upper() + clause[1:] for clause in kind.says]
    bullets = dice.shuffled([*(form[0].upper() + form[1:] for form in forms), *says, *kind.care])
    both = f"{says[0]} {'y' if kind.locale == 'es' else 'and'} {kind.says[1]}."
    description = dice.pick((both, both, f"{says[0]}. {dice.pick(kind.care)}.", f"{dice.pick(says)}."))
    (low, high), steps = kind.price, next(iter(kind.values.values()))
    reach = (dice.skewed() + steps.index(next(iter(chosen.values()))) / len(steps)) / 2
    unrated = dice.chance(0.06)
    return {
        "product_title": written,
        "product_description": None if dice.chance(0.12) else description,
        "product_bullet_point": "\n".join(bullets[: dice.pick((2, 3, 3, 4))]),
        "product_brand": brand or None,
        "product_color": color or None,
        "price": int(low + (high - low) * reach) + dice.pick((0.99, 0.99, 0.95, 0.49)),
        "category": f"{kind.department} > {kind.shelf}",
        "rating": None if unrated else round(5 - 2.5 * dice.skewed(), 1),
        "rating_count": None if unrated else float(1 + int(6000 * dice.skewed() * dice.skewed())),
    }


@lru_cache(maxsize=1)
def _products() -> tuple[Product, ...]:
    """All products, in the order of the catalogue."""
    made = []
    for kind in kinds():
        dice = Dice(f"products {kind.locale} {kind.key}")  # a sequence for each kind: an edit changes only that kind
        slots = kind.values.items()
        # Dealt out evenly, so that one constraint leaves a page of products at most.
        dealt = {slot: dice.shuffled(values[i % len(values)] for i in range(kind.stock)) for slot, values in slots}
        for i in range(kind.stock):
            chosen = {slot: values[i] for slot, values in dealt.items() if slot != COLOUR or dice.chance(0.96)}
            traits = {slot: value.name for slot, value in chosen.items()}
            made.append(Product(kind, traits, _row(dice, kind, chosen)))
    dice = Dice("catalogue")
    for twin in dice.shuffled(made)[:TWINS]:
        made.append(replace(twin, row={**twin.row, "rating": None, "rating_count": None}))
    ordered = sorted(dice.shuffled(made), key=lambda product: product.kind.locale, reverse=True)
    return tuple(replace(product, product_id=f"S{i:06d}") for i, product in enumerate(ordered, start=1))


@lru_cache(maxsize=1)
def _groups() -> tuple[dict[Kind, list[Product]], dict[str, list[Product]]]:
    """The products of each kind, and those with each word in the title."""
    by_kind, by_word = defaultdict(list), defaultdict(list)
    for product in _products():
        by_kind[product.kind].append(product)
        for word in set(str(product.row["product_title"]).lower().split()):
            by_word[word].append(product)
    return dict(by_kind), dict(by_word)


def _wants(dice: Dice, kind: Kind) -> list[tuple[Want, ...]]:
    """Sets of constraints that leave ``MIN_EXACT`` to ``MAX_EXACT`` Exact products, in the order of use."""
    values = [(slot, value) for slot, values in kind.values.items() for value in values]
    single = [Want(slot, value.name) for slot, value in values]
    absent = [Want(slot, value.name, False) for slot, value in values if value.absent]
    pairs = [pair for pair in combinations(single, 2) if pair[0].slot != pair[1].slot]
    without = [(one, no) for one in single for no in absent if one.slot != no.slot]

    def usable(options: Iterable[tuple[Want, ...]]) -> list[tuple[Want, ...]]:
        counts = ((wants, sum(not _broken(wants, product) for product in _groups()[0][kind])) for wants in options)
        return dice.shuffled(wants for wants, count in counts if MIN_EXACT <= count <= MAX_EXACT)

    # Sizes and colours have so many values that they would crowd out other constraints.
    alone = usable((want,) for want in single if want.slot not in ("size", "tamaño", COLOUR) or dice.chance(0.5))
    if kind.stock < BIG_STOCK:
        return [(), *alone]
    mixed = chain.from_iterable(zip_longest(alone[::2], usable(pairs), alone[1::2]))
    return [*usable(without)[: dice.chance(0.4)], *filter(None, mixed)]


def _text(dice: Dice, kind: Kind, head: str, wants: tuple[Want, ...]) -> str:
    """The text of a query: a name or use of the product, with the constraints before or after it."""
    is_use = head in kind.uses
    before, after = [], []
    for want in wants:
        value = next(value for value in kind.values[want.slot] if value.name == want.value)
        plain = want.slot != COLOUR and (dice.chance(PLAIN_WORDS) or (is_use and want.slot == "size"))
        words = [form.lower() for form in value.titles] if plain else value.asks
        form = dice.pick(words if want.wanted else value.absent)
        (after if is_tail(form) or kind.locale == "es" or not want.wanted else before).append(form)
    if is_use:
        return ", ".join([head, *before, *after])
    noun = misspelt(dice, head) if dice.chance(0.07) else head
    return " ".join([noun, *before, *after] if dice.chance(0.15) else [*before, noun, *after])


def _plan(kind: Kind) -> list[Query]:
    """The queries of one kind. No two have the same constraints, so train and test differ in them, too."""
    dice = Dice(f"queries {kind.locale} {kind.key}")
    big = kind.stock >= BIG_STOCK
    count = {"us": (3, 7), "es": (2, 3)}[kind.locale][big]
    tests = count if kind.key in UNSEEN_KINDS else int(big) + (kind.locale == "us" and dice.chance(0.6))
    said = {tuple(Want(slot, value) for slot, value in wants.items()): text for text, wants in kind.said.items()}
    asked = [wants for wants in dict.fromkeys(_wants(dice, kind)) if wants not in said]
    called = [*kind.asks[:4], *(name.lower() for name in kind.names[:2])]
    heads = dice.shuffled(dict.fromkeys([*called, *kind.uses]))
    queries = []
    for i, wants in enumerate(dice.shuffled([*said, *asked[: count - len(said)]])):
        in_test = i >= count - tests
        known = heads[: count - tests] if in_test and dice.chance(KNOWN_WORDS) else heads[i : i + 1]
        head = dice.pick(known or heads)
        text = said.get(wants) or _text(dice, kind, head, wants)
        queries.append(Query(kind, wants, "test" if in_test else "train", text))
    return queries


@lru_cache(maxsize=1)
def _queries() -> tuple[Query, ...]:
    """All queries, train and test mixed; no text occurs twice in a locale."""
    planned = [query for kind in kinds() for query in _plan(kind)]
    unique = {(query.kind.locale, query.text): query for query in planned}
    return tuple(replace(q, query_id=i) for i, q in enumerate(Dice("queries").shuffled(unique.values()), start=1))


@lru_cache(maxsize=256)
def _around(kind: Kind) -> tuple[list[Product], list[Product], list[Product]]:
    """Products used with a kind; unrelated products of its department; unrelated products of other departments."""
    by_kind = _groups()[0]
    used = [p for other, group in by_kind.items() if kind.is_used_with(other) for p in group]
    strange = [group for other, group in by_kind.items() if kind.is_apart_from(other)]
    apart = [p for p in chain.from_iterable(strange) if p.kind.locale == kind.locale]
    near = [p for p in apart if p.kind.department == kind.department]
    return used, near, [p for p in apart if p.kind.department != kind.department]


def _judged(query: Query) -> list[Product]:
    """The products judged for a query: every Exact one, and some of each other label.

    Some of the Irrelevant ones share a word with the query, so that they are hard to tell apart.
    """
    dice = Dice(f"judged {query.kind.locale} {query.text}")
    used, near, far = _around(query.kind)
    by_kind, by_word = _groups()
    exact = [product for product in by_kind[query.kind] if not _broken(query.wants, product)]
    others = dice.shuffled(product for product in by_kind[query.kind] if _broken(query.wants, product) == 1)
    picked = exact + others[: max(3, round(0.6 * len(exact)) + dice.pick((-1, 0, 1)))]
    picked = (picked + dice.shuffled(used)[: dice.pick((0, 1, 1, 2))])[: MAX_JUDGED - 3]
    goal = min(MAX_JUDGED, max(MIN_JUDGED, len(picked) + dice.pick((2, 3, 3, 4))))
    apart = {product.kind for product in chain(near, far)}
    words = [word for word in query.text.split() if len(word) > 3 and not is_tail(word)]
    sharing = [product for word in words for product in by_word.get(word, ()) if product.kind in apart]
    pools = [pool for pool in (sharing, near, far) if pool]
    drawn = dict.fromkeys(dice.pick(pool) for _ in range(MAX_JUDGED) for pool in pools)
    return sorted([*picked, *list(drawn)[: goal - len(picked)]], key=lambda product: product.product_id)


def catalogue() -> pa.Table:
    """The products of the sample, one row each, in the columns of `SCHEMA`."""
    rows = [{"product_id": p.product_id, "product_locale": p.kind.locale, **p.row} for p in _products()]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def judgments() -> pd.DataFrame:
    """The judged pairs: `example_id, query, query_id, product_id, product_locale, esci_label, split`."""
    rows = [
        (query.text, query.query_id, product.product_id, query.kind.locale, query.label(product), query.split)
        for query in _queries()
        for product in _judged(query)
    ]
    frame = pd.DataFrame(rows, columns=["query", "query_id", "product_id", "product_locale", "esci_label", "split"])
    frame.insert(0, "example_id", range(1, len(frame) + 1))
    return frame


@lru_cache(maxsize=1)
def _by_text() -> dict[tuple[str, str], Query]:
    return {(query.kind.locale, query.text): query for query in _queries()}


@lru_cache(maxsize=1)
def _by_id() -> dict[str, Product]:
    return {product.product_id: product for product in _products()}


def label(locale: str, query: str, product_id: str) -> str:
    """The label of any pair of the sample, judged or not: it follows from how the two were made.

    Raises:
        KeyError: the sample has no such query or product.
    """
    return _by_text()[locale, query].label(_by_id()[product_id])
