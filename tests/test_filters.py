"""Filters and their counts: counted by hand on six products, and by the slow way on thirty."""

import itertools
import math
import time

import numpy as np
import pyarrow as pa
import pytest
import small_shop

from space.data.filters import FILTERS, LEVEL, Facets, given
from space.errors import FilterError, QueryError

# locale, brand, colour, category, price, rating
ROWS = [
    ("us", "Acme", "red", "Shoes > Boots > Snow", 10.0, 4.5),
    ("us", "Acme", "blue", "Shoes > Boots", 20.0, 4.0),
    ("us", "Borealis", "red", "Shoes > Sandals", None, 3.0),
    ("es", "Acme", "", "Shoes Care > Boots", math.nan, None),
    ("es", None, None, None, 0.0, 4.4),
    ("jp", "アクメ", "赤", "Tea", 30.0, math.nan),
]
COLUMNS = ("product_locale", "product_brand", "product_color", "category", "price", "rating")


def table(rows=ROWS, columns=COLUMNS):
    kinds = {"price": pa.float64(), "rating": pa.float64()}
    values = zip(*rows, strict=True)
    made = {name: pa.array(part, kinds.get(name, pa.string())) for name, part in zip(COLUMNS, values, strict=True)}
    return pa.table({name: made[name] for name in columns})


@pytest.fixture(scope="module")
def facets():
    return Facets(table())


def rows(facets, **filters):
    mask = facets.mask(filters)
    assert mask is None or (mask.dtype == bool and mask.shape == (facets.rows,))
    return list(range(facets.rows)) if mask is None else np.flatnonzero(mask).tolist()


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"locale": "", "brand": None, "min_price": " "}, [0, 1, 2, 3, 4, 5]),
        ({"brand": "Acme"}, [0, 1, 3]),
        ({"brand": "Acme", "color": "red"}, [0]),
        ({"color": "赤"}, [5]),
        ({"category": "Shoes"}, [0, 1, 2]),
        ({"category": "Shoes > Boots"}, [0, 1]),
        ({"category": "Shoes > Boots > Snow"}, [0]),
        ({"min_price": 20}, [1, 5]),
        ({"max_price": 20}, [0, 1, 4]),
        ({"min_price": "10", "max_price": "20.0"}, [0, 1]),
        ({"min_price": 0}, [0, 1, 4, 5]),
        ({"min_rating": "4.4"}, [0, 4]),
        ({"min_rating": 5, "locale": "us"}, []),
    ],
)
def test_masks_leave_exactly_these(facets, filters, expected):
    """Levels match as a whole ("Shoes" is not "Shoes Care"), bounds include their value, unknown values fail."""
    assert rows(facets, **filters) == expected


def test_a_mask_is_the_caller_s_own(facets):
    """Changing the mask of one search must not change the next visitor's search."""
    facets.mask({"brand": "Acme"})[:] = False
    assert rows(facets, brand="Acme") == [0, 1, 3]


def test_counts_stand_under_the_other_filters_and_not_their_own(facets):
    assert facets.counts("brand") == [("Acme", 3), ("Borealis", 1), ("アクメ", 1)]
    assert facets.counts("brand", {"locale": "us", "brand": "Borealis"}) == [("Acme", 2), ("Borealis", 1)]
    assert facets.counts("color", {"brand": "Acme"}) == [("blue", 1), ("red", 1)]
    assert facets.counts("locale", {"max_price": 20}) == [("us", 2), ("es", 1)]


def test_the_chosen_value_is_listed_even_without_a_product(facets):
    """Otherwise the menu could not show the filter that is set."""
    assert facets.counts("brand", {"locale": "jp", "brand": "Acme"}) == [("アクメ", 1), ("Acme", 0)]
    assert facets.counts("brand", {"brand": "アクメ"}, limit=1) == [("Acme", 3), ("アクメ", 1)]
    assert facets.counts("min_rating", {"min_rating": "4.9", "locale": "us"})[0] == ("4.9", 0)
    assert ("Tea", 0) in facets.counts("category", {"locale": "us", "category": "Tea"})


def test_categories_open_below_the_chosen_one(facets):
    assert facets.counts("category") == [("Shoes", 3), ("Shoes Care", 1), ("Tea", 1)]
    assert facets.counts("category", {"category": "Shoes > Boots"}) == [
        ("Shoes", 3),
        ("Shoes > Boots", 2),
        ("Shoes > Boots > Snow", 1),
        ("Shoes > Sandals", 1),
        ("Shoes Care", 1),
        ("Tea", 1),
    ]
    assert facets.counts("category", {"category": "Shoes > Sandals"}, limit=1) == [
        ("Shoes", 3),
        ("Shoes > Boots", 2),
        ("Shoes > Sandals", 1),
    ]


def test_ratings_are_counted_from_each_bound_up(facets):
    assert facets.counts("min_rating") == [("4.5", 1), ("4", 3), ("3.5", 3), ("3", 4)]
    assert facets.counts("min_rating", {"color": "blue"}) == [("4", 1), ("3.5", 1), ("3", 1)]


def test_every_count_is_what_choosing_it_leaves():
    """A count must equal the products that choosing the value leaves, for all pairs of filters."""
    shop = small_shop.catalogue()
    shelves = [f"Top {row % 3}{LEVEL}Shelf {row % 5}" if row % 7 else None for row in range(len(shop))]
    facets = Facets(shop.append_column("category", pa.array(shelves, pa.string())))
    chosen = {"locale": "us", "brand": "Acme", "color": "red", "category": "Top 1", "min_rating": "4"}
    for others in itertools.chain([()], itertools.combinations(chosen, 1), itertools.combinations(chosen, 2)):
        filters = {name: chosen[name] for name in others}
        for name in chosen:
            for value, count in facets.counts(name, filters):
                assert len(rows(facets, **filters | {name: value})) == count, (name, value, filters)


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"brand": "acmee"}, "no product with brand 'acmee'; did you mean Acme?"),
        ({"brand": "Borealsi"}, "did you mean Borealis?"),
        ({"brand": ["Acme"]}, "no product with brand"),
        ({"category": "Shoe"}, "no product with category 'Shoe'; did you mean Shoes"),
        ({"category": "Boots"}, "no product with category 'Boots'"),
        ({"category": "Shoes > "}, "no product with category"),
        ({"min_price": "cheap"}, "min_price should be a number >= 0, is 'cheap'"),
        ({"max_price": -1}, "max_price should be a number >= 0, is -1"),
        ({"max_price": "nan"}, "is 'nan'"),
        ({"max_price": "1e999"}, "is '1e999'"),
        ({"min_price": True}, "is True"),
        ({"min_price": [3]}, "min_price should be a number"),
        ({"min_rating": "6"}, "min_rating should be a number from 0 to 5, is '6'"),
        ({"min_price": "30", "max_price": "20"}, "min_price (30) is above max_price (20)"),
        ({"shape": "round"}, "no filter 'shape'; there are locale, brand, color, category"),
        ({"x" * 5_000: "round"}, "xxx…; there are locale, brand, color, category"),
        ({"shape": ""}, "no filter 'shape'"),
    ],
)
def test_impossible_values_are_refused_with_a_hint(facets, filters, said):
    with pytest.raises(QueryError) as caught:
        facets.mask(filters)
    assert said in str(caught.value) and len(str(caught.value)) < 200


def test_hints_are_few_and_short():
    """A shop may have 100,000 categories and brands, and names of any length."""
    shop = small_shop.catalogue()
    names = [f"{number} pairs of handmade leather shoes for the family" for number in range(100_000)]
    names += ["boots" * 26] * 2
    shop = shop.take(pa.array([0] * len(names))).drop_columns("product_brand")
    facets = Facets(shop.append_column("product_brand", pa.array(names)).append_column("category", pa.array(names)))
    for name in ("brand", "category"):
        started = time.perf_counter()
        for value in ("7 pairs of handmade lether shoes for the family", "boots" * 16 + "s"):
            with pytest.raises(QueryError) as caught:
                facets.mask({name: value})
            assert "did you mean" in str(caught.value) and "boots" * 17 not in str(caught.value)
        assert time.perf_counter() - started < 2.5, name


def test_a_catalogue_without_the_columns_offers_no_filter_on_them():
    facets = Facets(table(columns=COLUMNS[:3]))
    assert [name for name in FILTERS if facets.offered(name)] == ["locale", "brand", "color"]
    assert facets.mask({"category": "", "min_price": None}) is None
    with pytest.raises(QueryError, match="no filter 'min_price' here: the products have no column 'price'"):
        facets.mask({"min_price": 3})


def test_a_column_known_of_few_products_is_not_offered():
    """A filter on a price that 4 of 100 products have would hide the other 96."""
    few = [("us", "Acme", None, None, 9.0 if row < 4 else None, 4.0 if row < 5 else None) for row in range(100)]
    facets = Facets(table(few))
    assert [name for name in FILTERS if facets.offered(name)] == ["locale", "brand", "min_rating"]
    assert facets.known("min_price") == 4 and facets.known("color") == 0


def test_an_empty_text_is_no_value_and_zero_is_one():
    assert not given("") and not given("  ") and not given(None)
    assert given(0) and given("0") and given([])


def test_spellings_of_a_brand_are_one_brand():
    """Written as most products have it; of equally many the first of the alphabet, whatever the order of the rows."""
    brands = [
        "ACME ",
        "Acme",
        "acme",
        "Acme",
        "ＡＣＭＥ",
        "Acme\u00a0Labs",
        "acme  labs",
        None,
        "  ",
        "STRASSE",
        "Straße",
    ]
    for order in (brands, brands[::-1]):
        facets = Facets(
            pa.table({"product_locale": ["us"] * len(order), "product_brand": pa.array(order, pa.string())})
        )
        assert facets.counts("brand") == [("Acme", 5), ("Acme\u00a0Labs", 2), ("STRASSE", 2)]
        assert facets.known("brand") == 9
        for asked in ("Acme", "acme", " ACME "):
            assert facets.mask({"brand": asked}).sum() == 5
            assert facets.as_offered("brand", asked) == "Acme"
            assert ("Acme", 5) in facets.counts("brand", {"brand": asked}, 1)


@pytest.mark.parametrize("written", ["50,5", "50.5", " 50,5 ", "$50.50", "50,50 €"])
def test_prices_are_read_as_people_write_them(facets, written):
    """A comma for the decimals was refused as no number."""
    assert (facets.mask({"min_price": written}) == facets.mask({"min_price": 50.5})).all()
    assert facets.as_offered("min_price", written) == written


def test_what_empties_a_list_is_named(facets):
    """The page said that no product passes "these filters", also where one of three was to blame."""
    wide, narrow = {"max_price": "9999"}, {"min_price": "9999"}
    assert facets.emptied_by({}) == facets.emptied_by({"brand": "", **wide}) == {}
    assert facets.emptied_by({"locale": "us", **narrow}) == narrow
    pairs = [
        {"brand": brand, "locale": locale}
        for brand, _ in facets.counts("brand")
        for locale, _ in facets.counts("locale")
    ]
    together = [pair for pair in pairs if not facets.mask(pair).any()]
    assert together and all(facets.emptied_by(pair) == pair for pair in together)


def test_a_refused_filter_is_named_as_the_reader_knows_it(facets):
    """Visitors were told of min_price, which is nowhere on the page."""
    with pytest.raises(FilterError) as refused:
        facets.mask({"min_price": "50,5", "max_price": 20})
    assert str(refused.value) == "min_price (50,5) is above max_price (20)"
    worded = refused.value.worded({"min_price": "Price from", "max_price": "Price to"})
    assert worded == "“Price from” (50,5) is above “Price to” (20)"
