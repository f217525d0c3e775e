"""Drawn pictures: every product of the sample has one, of safe markup; products of other catalogues have none."""

import re
from xml.etree import ElementTree

import pytest

from space.data import sample
from space.search.results import Product
from space.ui.html.drawing import drawing, drawings
from space.ui.html.picture import picture

ATTRIBUTES = {"class", "d", "cx", "cy", "r", "rx", "ry", "transform"}


def product(product_id="S000001", title="Red mug", color=None, category="Kitchen > Drinkware > Travel Mugs", **extra):
    return Product(
        product_id=product_id,
        product_locale="us",
        title=title,
        brand="Acme",
        color=color,
        extra={"category": category, **extra},
    )


def test_every_product_of_the_sample_has_a_drawing_in_its_colour():
    rows = sample.catalogue().to_pylist()
    for row in rows:
        drawn = drawing(
            product(row["product_id"], row["product_title"], row["product_color"], category=row["category"])
        )
        assert drawn, row
        if row["product_color"]:
            assert drawings().colors[row["product_color"]] in drawn
    assert {row["category"] for row in rows} == drawings().categories.keys()


def test_shapes_are_plain_svg_and_all_are_used():
    """The one markup that is not escaped can neither load nor run anything."""
    used = {
        shape
        for shapes in drawings().categories.values()
        for shape in (shapes.values() if isinstance(shapes, dict) else [shapes])
    }
    assert used == drawings().shapes.keys()
    for shape in drawings().shapes.values():
        for element in ElementTree.fromstring(f"<g>{shape['svg']}</g>"):
            assert element.tag in ("path", "circle", "ellipse") and element.attrib.keys() <= ATTRIBUTES
            assert not len(element)
    for color in (*drawings().colors.values(), *(shape["color"] for shape in drawings().shapes.values())):
        assert re.fullmatch("#[0-9a-f]{6}", color)


@pytest.mark.parametrize("other", [
    {"product_id": "B07XJ8C8F5"}, {"product_id": "S000001x"}, {"category": "Kitchen"}, {"category": None},
    {"category": ["Kitchen"]}, {"category": "<svg onload=alert(1)>"},
])  # fmt: skip
def test_products_of_other_catalogues_keep_their_letter(other):
    assert not drawing(product(**other)) and ">R<" in picture(product(**other))


def test_no_text_of_a_product_reaches_the_drawing():
    hostile = product(title='"><script>alert(1)</script> Onyx', color='red;background:url("//x")')
    assert drawing(hostile) == drawing(product(title="Onyx"))


def test_a_colour_missing_in_the_data_is_read_from_the_title():
    colors = drawings().colors
    assert colors["Jet Black"] in drawing(product(title="Mug, Jet Black"))
    assert colors["Negro Mate"] in drawing(product(title="Taza, Negro Mate"))
    assert drawings().shapes["mug"]["color"] in drawing(product(title="Mug"))


def test_a_photograph_stands_over_the_drawing():
    shown = picture(product(image_url="https://images.example/a.jpg"))
    assert shown.index("<svg") < shown.index("<img")
