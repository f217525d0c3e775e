"""Slow answers in a real browser: the last question is answered, each is asked once, Russians wait in Russian."""

import threading

import pytest
import small_shop
from browsing import needs_chromium, unfold
from test_browser_languages import ENGLISH

pytestmark = needs_chromium


class Held:
    """An engine's search that notes every query and holds back the answer to one of them until the test lets it go.

    It waits after the search, since concurrent searches share a batch and would wait too.
    """

    def __init__(self, search):
        self.search, self.asked = search, []
        self.begun, self.go, self.done = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, query, *arguments, **options):
        self.asked.append(query)
        found = self.search(query, *arguments, **options)
        if query == "slow shoes":
            self.begun.set()
            assert self.go.wait(30)
            self.done.set()
        return found


@pytest.fixture(scope="module")
def engine():
    engine = small_shop.engine()
    engine.search = Held(engine.search)
    return engine


@pytest.fixture
def held(engine):
    for event in (engine.search.begun, engine.search.go, engine.search.done):
        event.clear()
    return engine.search


@pytest.fixture(scope="module")
def url(engine):
    with small_shop.serve(engine) as url:
        yield url


def test_an_older_answer_does_not_replace_a_newer_one(visit, held):
    """An older search that takes longer, here with a filter, must not replace the newer results of an example."""
    page = visit()
    page.get_by_role("textbox", name="Query").fill("slow shoes")
    page.keyboard.press("Enter")
    assert held.begun.wait(10)
    page.get_by_role("button", name="coffee mug").click()
    page.locator(".summary q").filter(has_text="coffee mug").wait_for()
    held.go.set()
    assert held.done.wait(10)
    page.wait_for_timeout(500)  # time for the older answer to arrive
    assert page.locator(".summary q").inner_text() == "coffee mug"
    assert page.get_by_role("textbox", name="Query").input_value() == "coffee mug"


def test_a_chosen_filter_is_one_search(visit, held):
    """Gradio's menu sends two events for one choice, which once made two searches and two counts."""
    page = visit(link="?q=red+shoes")
    page.locator(".summary q").wait_for()
    before = len(held.asked)
    unfold(page)
    page.get_by_role("combobox", name="Brand").click()
    page.get_by_role("option", name="Coppice (4)").click()
    page.locator(".only").filter(has_text="Only Coppice ×").wait_for()
    page.get_by_role("button", name="coffee mug").click()
    page.locator(".summary q").filter(has_text="coffee mug").wait_for()
    assert held.asked[before:] == ["red shoes", "coffee mug"]


def test_a_russian_visitor_waits_without_english(visit, held):
    """Gradio says "queue: 1/1 |" and "processing |" in English only."""
    page = visit(link="?q=red+shoes&tab=search", locale="ru-RU")
    page.locator(".summary q").wait_for()
    page.get_by_role("textbox", name="Запрос").fill("slow shoes")
    page.keyboard.press("Enter")
    assert held.begun.wait(10)
    page.locator(".wrap.minimal.translucent").filter(visible=True).first.wait_for()
    assert page.evaluate(ENGLISH) == []
    held.go.set()
    page.locator(".summary q").filter(has_text="slow shoes").wait_for()
