"""The endpoints over HTTP as a program calls them, and how the page is put together."""

import inspect
import re
import threading
import time

import pytest
import small_shop
from conftest import ROOT
from gradio_client import Client
from gradio_client.exceptions import AppError

from space.data.filters import FILTERS
from space.index.bm25 import Bm25Index
from space.retrieval.baselines import Bm25System
from space.retrieval.system import System
from space.search.engine import SearchEngine
from space.search.request import MAX_QUERY_CHARACTERS
from space.ui.events.form import MAX_CHOICES
from space.ui.language import Texts
from space.ui.page import build_demo, launch_options

HIT_FIELDS = {"rank", "product_id", "product_locale", "title", "brand", "color", "score", "esci_label"}


class Slow(System):
    """A system that takes its time."""

    dense = True

    def __init__(self, system, seconds):
        self.system, self.seconds = system, seconds

    def retrieve(self, *arguments):
        time.sleep(self.seconds)
        return self.system.retrieve(*arguments)


class Broken(System):
    """A system with an error that a visitor cannot mend."""

    dense = True

    def retrieve(self, *arguments):
        raise RuntimeError("cannot open /secret/place")


@pytest.fixture(scope="module")
def engine():
    engine = small_shop.engine()
    engine.systems["slow"] = Slow(engine.systems["base"], 3.0)
    engine.systems["broken"] = Broken()
    return engine


@pytest.fixture(scope="module")
def url(engine):
    with small_shop.serve(engine) as url:
        yield url


@pytest.fixture(scope="module")
def client(url):
    return Client(url, verbose=False)


def without_timings(found):
    return {name: value for name, value in found.items() if name != "timings_ms"}


def test_search_returns_the_contract(engine, client):
    found = client.predict("red sneakers", k=3, system="base", api_name="/search")
    assert set(found) == {"query", "system", "hits", "timings_ms"}
    assert [set(hit) for hit in found["hits"]] == [HIT_FIELDS] * 3
    assert set(found["timings_ms"]) == {"encode", "search", "total"}
    assert without_timings(found) == without_timings(engine.search("red sneakers", 3, "base").to_json())


def test_search_takes_defaults_and_filters(client):
    assert len(client.predict("shoes", api_name="/search")["hits"]) == 10
    found = client.predict("shoes", 100, "tuned", "us", "Coppice", "white", api_name="/search")
    assert [hit["product_id"] for hit in found["hits"]] == ["p05"]
    assert client.predict("shoes", brand=None, api_name="/search")["hits"]


def test_new_filters_and_folding_come_last(engine, client):
    """Programs may pass arguments by position, so new ones are added at the end."""
    found = client.predict("shoes", 9, "base", "us", "", "", "", 5, 100.0, 4, True, api_name="/search")
    expected = engine.search("shoes", 9, "base", locale="us", min_price=5, max_price=100, min_rating=4, fold=True)
    assert without_timings(found) == without_timings(expected.to_json())
    assert found["hits"][0]["product_id"] == "p01" and found["hits"][0]["similar"][0]["product_id"] == "p02"
    found = client.predict("shoes", 9, min_price=500, api_name="/compare")
    assert [hit["product_id"] for hit in found["systems"]["base"]["hits"]] == ["p11", "p27", "p28", "p29"]


def test_more_like_returns_the_contract(engine, client):
    found = client.predict("us", "p01", 3, "base", color="blue", api_name="/more_like")
    assert set(found) == {"query", "like", "system", "hits", "timings_ms"}
    assert found["like"] == {"product_id": "p01", "product_locale": "us", "title": "Red running shoes"}
    assert [set(hit) for hit in found["hits"]] == [HIT_FIELDS]
    assert without_timings(found) == without_timings(engine.more_like("us", "p01", 3, "base", color="blue").to_json())
    with pytest.raises(AppError, match="no product 'p99' in locale 'us'"):
        client.predict("us", "p99", api_name="/more_like")


def test_compare_returns_the_contract(engine, client):
    found = client.predict("red sneakers", k=5, locale="us", api_name="/compare")
    assert set(found) == {"query", "systems", "overlap", "rbo", "agreement", "moves"}
    assert list(found["systems"]) == ["base", "tuned", "bm25"]
    expected = engine.compare("red sneakers", 5, locale="us").to_json()
    assert found["moves"] == expected["moves"] and found["overlap"] == expected["overlap"]
    for name, part in found["systems"].items():
        assert without_timings(part) == without_timings(expected["systems"][name])
    assert found["rbo"] == expected["rbo"] and found["agreement"] == expected["agreement"]
    assert set(found["systems"]["tuned"]["figures"]) == {
        "k", "ndcg", "recall", "exact_at_1", "judged", "exact", "scope",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("systems", "asked"),
    [
        ("", ["base", "tuned", "bm25"]),
        (None, ["base", "tuned", "bm25"]),
        ("hybrid, tuned", ["hybrid", "tuned"]),
        (["bm25"], ["bm25"]),
    ],
)
def test_compare_takes_systems_by_commas_or_as_a_list(client, systems, asked):
    """The other parameters keep their places, for programs that pass them by position."""
    assert list(client.predict("mug", 3, "us", "", "", systems=systems, api_name="/compare")["systems"]) == asked


@pytest.mark.parametrize("systems", ["best", ["tuned", 7], 7, {"a": 1}])
def test_bad_systems_of_compare_get_a_sentence(client, systems):
    with pytest.raises(AppError, match="systems should be among base, tuned, bm25, hybrid"):
        client.predict("mug", systems=systems, api_name="/compare")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"query": 7}, "query is empty"),
        ({"query": "x" * 10_000}, f"query has 10,000 characters; use at most {MAX_QUERY_CHARACTERS}"),
        ({"k": "ten"}, "k should be a whole number from 1 to 100, is 'ten'"),
        ({"system": ["tuned"]}, "system should be one of"),
        ({"brand": "acmee"}, "no product with brand 'acmee'; did you mean Acme?"),
        ({"category": "Shoes"}, "no filter 'category' here: the products have no column 'category'; leave it empty"),
        ({"min_price": 9, "max_price": 5}, "min_price (9) is above max_price (5)"),
    ],
)
def test_bad_input_gets_a_sentence(client, arguments, said):
    """The engine's message reaches the program, and the app goes on: the next tests use the same one."""
    with pytest.raises(AppError, match=re.escape(said)):
        client.predict(**{"query": "shoes"} | arguments, api_name="/search")


def test_an_unexpected_error_reveals_nothing_about_the_machine(client):
    with pytest.raises(AppError) as caught:
        client.predict("shoes", system="broken", api_name="/search")
    assert "secret" not in str(caught.value) and "Traceback" not in str(caught.value)
    assert client.predict("shoes", k=1, api_name="/search")["hits"]


def test_light_query_does_not_wait_for_a_heavy_one(client):
    """By default Gradio runs one event at a time."""
    slow = client.submit("shoes", system="slow", api_name="/search")
    time.sleep(0.5)
    assert client.predict("shoes", api_name="/search")["hits"]
    assert not slow.done()
    assert slow.result()["hits"]


def test_many_at_once_get_their_own_answers(client):
    queries = ["red shoes", "coffee mug", "laptop", "garden hose", "phone"] * 4
    answers = {}

    def ask(place, query):
        answers[place] = client.predict(query, k=3, api_name="/search")["query"]

    threads = [threading.Thread(target=ask, args=pair) for pair in enumerate(queries)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert [answers[place] for place in range(len(queries))] == queries


def test_the_api_lists_the_endpoints_and_no_handler_of_the_page(client):
    info = client.view_api(return_format="dict")
    assert set(info["named_endpoints"]) == {"/search", "/more_like", "/compare", "/explain"}
    assert not info["unnamed_endpoints"]
    names = [parameter["parameter_name"] for parameter in info["named_endpoints"]["/search"]["parameters"]]
    assert names == ["query", "k", "system", *FILTERS, "fold"]
    names = [parameter["parameter_name"] for parameter in info["named_endpoints"]["/more_like"]["parameters"]]
    assert names == ["product_locale", "product_id", "k", "system", *FILTERS, "fold"]
    names = [parameter["parameter_name"] for parameter in info["named_endpoints"]["/compare"]["parameters"]]
    assert names == ["query", "k", *FILTERS, "systems", "reference"]
    assert list(FILTERS)[:3] == ["locale", "brand", "color"], "programs pass these by position"


def test_style_survives_gradios_prefixing():
    """Gradio splits selectors at every comma, also inside of :is(a, b), and then they mean something else."""
    for path in launch_options(small_shop.engine(), Texts())["css_paths"]:
        style = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r":(is|where|not|has)\([^)]*,", style)


def test_every_handler_of_the_page_answers_in_the_visitor_s_language():
    """A handler without the decorator would answer everybody in English."""
    without = []
    for number, handler in build_demo(small_shop.engine()).fns.items():
        private = handler.fn is not None and handler.api_visibility == "private"
        if private and next(iter(inspect.signature(handler.fn).parameters), None) != "sender":
            without.append((number, handler.fn.__name__))
    assert without == []


def test_endpoints_are_english_in_every_language(url):
    """Programs compare messages, whatever language the machine they run on is set to."""
    client = Client(url, verbose=False, headers={"accept-language": "ru"})
    with pytest.raises(AppError, match="query is empty"):
        client.predict("", api_name="/search")


def said(block):
    """A component's label in English."""
    return getattr(getattr(block, "label", None), "key", "").removeprefix("e5:")


def test_demo_of_a_bare_engine():
    """Without judgments, brands, colours and hybrid the page has no examples, and hides these filters and systems."""
    products = small_shop.catalogue()
    for name in ("product_brand", "product_color"):
        place = products.column_names.index(name)
        products = products.set_column(place, name, small_shop.pa.nulls(len(products), small_shop.pa.string()))
    systems = {name: system for name, system in small_shop.engine().systems.items() if name != "hybrid"}
    blocks = build_demo(SearchEngine(products, systems)).blocks.values()
    shown = {said(block): block.visible for block in blocks if type(block).__name__ == "Dropdown"}
    assert shown == {"Locale": True, "Brand": False, "Colour": False, "Category": False, "Rating": True}
    assert {said(block) for block in blocks if "e5-price" in (block.elem_classes or [])} == {"Price from", "Price to"}
    (radio,) = (block for block in blocks if type(block).__name__ == "Radio" and said(block) == "System")
    assert [value for _, value in radio.choices] == ["tuned", "base", "bm25"]


def test_long_menus_are_cut_and_the_rest_can_be_typed():
    rows = MAX_CHOICES + 40
    products = small_shop.products(["thing"] * rows, [f"Brand {row:04}" for row in range(rows)])
    system = Bm25System(Bm25Index(["thing"] * rows, products["product_locale"]))
    blocks = build_demo(SearchEngine(products, {"bm25": system})).blocks.values()
    brand = next(block for block in blocks if said(block) == "Brand")
    locale = next(block for block in blocks if said(block) == "Locale")
    assert len(brand.choices) == MAX_CHOICES + 1 and brand.allow_custom_value
    assert brand.choices[0][1] == "" and brand.choices[1] == ("Brand 0000 (1)", "Brand 0000")
    assert not locale.allow_custom_value


def test_no_selector_has_a_comma_in_brackets():
    """Gradio splits selectors at every comma, and a rule for :is(a, b) would hold for other elements."""
    css = re.sub(r"/\*.*?\*/", "", (ROOT / "space/ui/static/style.css").read_text(encoding="utf-8"), flags=re.DOTALL)
    selectors = [text.strip() for text in re.findall(r"([^{}]+)\{", css)]
    assert len(selectors) > 300
    assert not [one for one in selectors if not one.startswith("@") and re.search(r"\([^()]*,[^()]*\)", one)]


def test_the_style_sheet_is_whole():
    """A lost brace would put everything after it into a media query for phones, unnoticed on a desktop."""
    depth = 0
    for sign in re.findall("[{}]", (ROOT / "space/ui/static/style.css").read_text(encoding="utf-8")):
        depth += 1 if sign == "{" else -1
        assert depth in (0, 1, 2)
    assert depth == 0
