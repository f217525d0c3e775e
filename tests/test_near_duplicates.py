"""What counts as the same listing but for its size, and what must not."""

import pytest

from space.search.near_duplicates import Listing, fold, overlap, title_words


def listing(title, brand="Acme", color=None, locale="us"):
    return Listing(title, brand, color, locale)


def same(first, second, **fields):
    return len(fold([listing(first, **fields), listing(second, **fields)])) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Steel Water Bottle, 12 oz", "Steel Water Bottle 32oz"),
        ("Paper Napkins (Pack of 6)", "Paper Napkins - 2 Packs"),
        ("Hand Cream, 3.4 ounce Jar, (Pack of 2)", "Hand Cream 6,8 Ounce Jar"),
        ("Wall Art Print 12 x 18 in", "Wall-Art Print, 24x36 inch"),
        ('Foam Mattress 10"', "Foam Mattress 14 Inch"),
        ("Wool Slipper, Black, 7", "Wool Slipper, Grey, 10.5 W US"),
        ("Knit Cardigan X-Large", "Knit Cardigan Small"),
        ("Running Shoes size 9", "Running Shoes Size: 42"),
        ("USB Stick 64 GB", "USB Stick 128GB"),
        ("Botella de acero, 500 ml, azul", "Botella de Acero 1 litro Roja"),
        ("水筒 ステンレス 500ml ブラック", "水筒 ステンレス 750ml ホワイト"),
        ("“Canvas” Tote: Bag!", "canvas tote bag"),
    ],
)
def test_size_colour_quantity_and_punctuation_make_no_other_product(first, second):
    assert same(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Wireless Earbuds X200 with Charging Case and Deep Bass Sound", "Wireless Earbuds X300 with Charging Case "
         "and Deep Bass Sound"),
        ("Phone Case 11", "Phone Case 12"),
        ("Plastic Water Bottle with Sip Straw", "Glass Water Bottle with Sip Straw"),
        ("Coffee Mug", "Coffee Maker"),
        ("", "Coffee Mug"),
        ("水筒 ステンレス", "水筒 プラスチック"),
    ],
)  # fmt: skip
def test_models_and_materials_do(first, second):
    """Nine words of ten in common are no help where the tenth names the model."""
    assert not same(first, second)


def test_a_colour_is_what_the_product_says_it_is():
    """Shops invent colours, which no list knows."""
    first, second = listing("Canvas Bag Onyx", color="Onyx"), listing("Canvas Bag Sunset Mist", color="Sunset Mist")
    assert len(fold([first, second])) == 1
    assert len(fold([first._replace(color=None), second._replace(color=None)])) == 2


@pytest.mark.parametrize("field", [{"brand": "Borealis"}, {"brand": None}, {"locale": "es"}])
def test_brand_and_locale_must_agree(field):
    one = listing("Canvas Bag")
    assert len(fold([one, one._replace(**field)])) == 2
    assert len(fold([one, one._replace(brand=" ACME")])) == 1


def test_one_word_of_ten_may_differ_and_not_two_of_nine():
    """The edge of the rule: 9 shared of 11 is above four fifths, 7 shared of 11 below, 8 of 10 on it."""
    words = "alpha bravo charlie delta echo foxtrot golf hotel india juliet".split()
    text = " ".join(words)
    assert same(text, " ".join([*words[:9], "kilo"]))
    assert not same(" ".join(words[:9]), " ".join([*words[:7], "kilo", "lima"]))
    assert same(" ".join(words[:8]), text)
    assert overlap(frozenset("ab"), frozenset("bc")) == 1 / 3 and overlap(frozenset(), frozenset()) == 0


def test_groups_are_led_by_the_best_and_do_not_drift():
    """c is like b but not like a, which leads: through b it would stand under a title that it is unlike."""
    a = "one two three four five six seven eight nine ten"
    b = "one two three four five six seven eight nine zulu"
    c = "one two three four five six seven eight yankee zulu"
    other = "Something else"
    assert fold([listing(title) for title in (a, other, b, c, a)]) == [[0, 2, 4], [1], [3]]
    assert fold([]) == []


def test_words_without_a_size_and_a_title_of_sizes_only():
    assert title_words("Steel Bottle, 12 oz, Red (Pack of 2)") == {"steel", "bottle"}
    assert title_words("12 oz Red") == {"12", "oz", "red"}
    assert title_words("Lamp E27 60W") == {"lamp", "e27", "60w"}, "what it needs is no size"
