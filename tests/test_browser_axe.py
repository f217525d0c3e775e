"""No finding of axe, the checker of accessibility, on any view of the page, in light and in dark."""

import pytest
import small_evaluation
import small_shop
from browsing import DESK, PHONE, ask, needs_chromium, open_tab

from space.feedback.journal import Journal
from space.feedback.people import People
from space.feedback.raters import Access
from space.feedback.usage import Usage

pytestmark = needs_chromium
TABS = {
    "Search": ".first", "Compare": ".e5-out .panel", "Try your own": ".e5-own", "Vote": ".e5-ballot",
    "Judge": ".e5-question", "Evaluation": ".e5-eval section", "Data": ".data h2",
    "Statistics": ".data .tiles, .e5-data [role=status]",
}  # fmt: skip


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    open_to_all = Access("open")
    people = People(Journal(tmp_path_factory.mktemp("feedback")), open_to_all, open_to_all)
    usage = Usage(tmp_path_factory.mktemp("usage"))
    with small_shop.serve(small_shop.engine(small_evaluation.content(), usage=usage), people=people) as url:
        yield url


def findings(page):
    """What axe finds on what is shown now: the rule, and the first elements."""
    from axe_playwright_python.sync_playwright import Axe

    page.wait_for_timeout(400)  # colours that fade
    # Gradio 6.31 names the icons in its footer as the texts beside them.
    found = Axe().run(page, {"exclude": [["footer img"]]}).response["violations"]
    return [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_every_tab(visit, scheme, size):
    page = visit(size, scheme)
    found = {}
    for name, shows in TABS.items():
        open_tab(page, name)
        page.locator(shows).filter(visible=True).first.wait_for()
        found[name] = findings(page)
    assert found == dict.fromkeys(TABS, [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_results_and_what_opens_over_them(visit, scheme, size):
    page = visit(size, scheme)
    found = {}
    ask(page, "red running shoes")
    found["results"] = findings(page)
    page.locator(".card details.product summary").filter(visible=True).first.click()
    found["details"] = findings(page)
    page.locator("[popovertarget]").filter(visible=True).first.click()
    page.locator(":popover-open").wait_for()
    found["help"] = findings(page)
    page.keyboard.press("Escape")
    page.locator(".ask-why").filter(visible=True).first.click()
    page.locator("dialog .bars").first.wait_for()
    found["why"] = findings(page)
    page.keyboard.press("Escape")
    open_tab(page, "Compare")
    page.locator(".sides, .aligned").filter(visible=True).first.wait_for()
    found["comparison"] = findings(page)
    ask(page, "")
    page.get_by_role("alert").wait_for()
    found["problem"] = findings(page)
    assert found == dict.fromkeys(found, [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_vote_judge_and_the_guided_minute(visit, scheme):
    page = visit(scheme=scheme, tour=True)
    page.locator(".e5-tour-card").wait_for()
    found = {"guided minute": findings(page)}
    page.keyboard.press("Escape")
    open_tab(page, "Vote")
    page.get_by_role("button", name="Next query").click()
    page.get_by_role("button", name="A is better").click()
    page.locator(".reveal").wait_for()
    found["vote"] = findings(page)
    open_tab(page, "Judge")
    page.get_by_role("button", name="Next pair").click()
    page.locator(".judged").wait_for()
    found["judge"] = findings(page)
    assert found == dict.fromkeys(found, [])
