"""Near-duplicates: which titles count as the same product in another size or colour, and which do not."""

import pytest

from space.search.near_duplicates import group_near_duplicates, overlap, title_words
from space.search.results import Hit


def hit(title, brand="Acme", color=None, locale="us", rank=1):
    return Hit(
        rank=rank,
        product_id=str(rank),
        product_locale=locale,
        title=title,
        brand=brand,
        color=color,
        score=1.0,
        grade=None,
    )


def grouped(*hits):
    return len(group_near_duplicates(hits)) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Steel Water Bottle, 12 oz", "Steel Water Bottle 32oz"),
        ("Paper Napkins (Pack of 6)", "Paper Napkins - 2 Packs"),
        ("Hand Cream, 3.4 ounce Jar, (Pack of 2)", "Hand Cream 6,8 Ounce Jar"),
        ("Wall Art Print 12 x 18 in", "Wall-Art Print, 24x36 inch"),
        ('Foam Mattress 10"', "Foam Mattress 14 Inch"),
        ("Wool Slipper, Black, 7 US", "Wool Slipper, Grey, 10.5 W US"),
        ("Ethernet Cable 2 m", "Ethernet Cable, 10 m (Black)"),
        ("Photo Frame 12 in - Black", "Photo Frame 14 IN, White"),
        ("6 Pack Paper Napkins", "12 Pack Paper Napkins"),
        ("Ｃａｎｖａｓ Tote, ５００ｍｌ", "Canvas Tote 750 ml"),
        ("Knit Cardigan X-Large", "Knit Cardigan Small"),
        ("Running Shoes size 9", "Running Shoes Size: 42"),
        ("USB Stick 64 GB", "USB Stick 128GB"),
        ("Botella de acero, 500 ml, azul", "Botella de Acero 1 litro Roja"),
        ("水筒 ステンレス 500ml ブラック", "水筒 ステンレス 750ml ホワイト"),
        ("“Canvas” Tote: Bag!", "canvas tote bag"),
    ],
)
def test_size_colour_quantity_and_punctuation_are_ignored(first, second):
    assert grouped(hit(first), hit(second))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Wireless Earbuds X200 with Charging Case and Deep Bass Sound", "Wireless Earbuds X300 with Charging Case "
         "and Deep Bass Sound"),
        ("Phone Case 11", "Phone Case 12"),
        ("Plastic Water Bottle with Sip Straw", "Glass Water Bottle with Sip Straw"),
        ("Coffee Mug", "Coffee Maker"),
        ("Slim Case for iPhone 12 in Black", "Slim Case for iPhone 13 in Black"),
        ("PlayStation 4 in White", "PlayStation 5 in White"),
        ("Galaxy Tab 7 in Clear", "Galaxy Tab 8 in Clear"),
        ("Toner Cartridge 201 X 304", "Toner Cartridge 201 X 305"),
        ("Toner Cartridge 201 x 304 in Black", "Toner Cartridge 201 x 305 in Black"),
        ("Ultra Filter, 10", "Ultra Filter, 20"),
        ("Case for iPhone 12 Pack of 2", "Case for iPhone 13 Pack of 2"),
        ("Case for iPhone 12 Packs of 2", "Case for iPhone 13 packs of 2"),
        ("Smart Phone 5G", "Smart Phone 4G"),
        ("Phone 5 g, Black", "Phone 4 g, Black"),
        ("Cover for “iPad 9” and Pencil", "Cover for “iPad 8” and Pencil"),
        ("Funda para iPhone 12 m\u00e1s cable", "Funda para iPhone 13 más cable"),
        ("Xbox Series S Console, White", "Xbox Series L Console, White"),
        ("Floor Mats for the Sedan Model S with Clips and Storage Bag Set", "Floor Mats for the Sedan Model M with "
         "Clips and Storage Bag Set"),
        ("Leather Case with Strap for iPhone Pro with Ring and Card Slot Wallet", "Leather Case with Strap for iPhone "
         "Max with Ring and Card Slot Wallet"),
        ("Vitamin C Drops with Real Fruit for Kids and Adults Family", "Vitamin D Drops with Real Fruit for Kids and "
         "Adults Family"),
        ("Case for Pixel 6's Camera", "Case for Pixel 7's Camera"),
        ("", "Coffee Mug"),
        ("水筒 ステンレス", "水筒 プラスチック"),
    ],
)  # fmt: skip
def test_models_and_materials_are_not(first, second):
    """X200 and X300 share nine words of ten, but the tenth names the model."""
    assert not grouped(hit(first), hit(second))


def test_the_words_of_a_products_colour_are_ignored():
    """Shops make up colours that no list has."""
    assert grouped(hit("Canvas Bag Onyx", color="Onyx"), hit("Canvas Bag Sunset Mist", color="Sunset Mist"))
    assert not grouped(hit("Canvas Bag Onyx"), hit("Canvas Bag Sunset Mist"))


@pytest.mark.parametrize("field", [{"brand": "Borealis"}, {"brand": None}, {"locale": "es"}])
def test_brand_and_locale_must_agree(field):
    assert not grouped(hit("Canvas Bag"), hit("Canvas Bag", **field))
    assert grouped(hit("Canvas Bag"), hit("Canvas Bag", brand=" ACME"))


def test_titles_may_differ_in_a_fifth_of_their_words():
    """9 words of 11 shared are above .8, 8 of 10 exactly .8, 7 of 11 below."""
    words = "alpha bravo charlie delta echo foxtrot golf hotel india juliet".split()
    text = " ".join(words)
    assert grouped(hit(text), hit(" ".join([*words[:9], "kilo"])))
    assert grouped(hit(" ".join(words[:8])), hit(text))
    assert not grouped(hit(" ".join(words[:9])), hit(" ".join([*words[:7], "kilo", "lima"])))
    assert overlap(frozenset("ab"), frozenset("bc")) == 1 / 3 and overlap(frozenset(), frozenset()) == 0


def test_hits_are_compared_with_the_leader_of_a_group():
    """c is like b but not like a, so it must not join the group of a and b."""
    a = "one two three four five six seven eight nine ten"
    b = "one two three four five six seven eight nine zulu"
    c = "one two three four five six seven eight yankee zulu"
    titles = (a, "Something else", b, c, a)
    groups = group_near_duplicates([hit(title, rank=rank) for rank, title in enumerate(titles, start=1)])
    assert [[one.rank for one in (leader, *leader.similar)] for leader in groups] == [[1, 3, 5], [2], [4]]
    assert group_near_duplicates([]) == []


def test_words_of_a_title():
    assert title_words("Steel Bottle, 12 oz, Red (Pack of 2)") == {"steel", "bottle"}
    assert title_words("12 oz Red") == {"12", "oz", "red"}, "nothing else is left"
    assert title_words("Lamp E27 60W") == {"lamp", "e27", "60w"}, "a watt is not a size"
