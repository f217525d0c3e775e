"""The page of a catalogue on which nothing was measured, in a real browser."""

import pytest
import small_shop
from browsing import DESK, PHONE, ask, needs_chromium, open_tab
from test_provenance import NOTHING_KNOWN, SHOP, measured_on

from space.data.checksums import Checksums
from space.evaluation import provenance
from space.search.engine import SearchEngine

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def url():
    shop = small_shop.engine()
    found = provenance.compare(
        measured_on(Checksums({"us": "1" * 64}, SHOP.judgments), "sample", 2524), "tiny", 30, SHOP
    )
    served = SearchEngine(shop.catalogue, shop.systems, judgments=None, description=shop.description, elsewhere=found)
    with small_shop.serve(served) as url:
        yield url


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_no_verdict_of_another_catalogue_is_shown(visit, size):
    """It said "Fine-tuning helped: 56 queries better" over 30 products that no one had measured."""
    page = visit(size)
    page.locator(".masthead").filter(has_text=NOTHING_KNOWN).wait_for()
    assert "Measured on sample" in page.locator(".masthead").inner_text()
    assert "Fine-tuning helped" not in page.locator("body").inner_text()
    assert page.locator(".example").count() == 0 and page.locator(".masthead .tide").count() == 0
    open_tab(page, "Compare")
    ask(page, "red shoes")
    assert page.locator(".e5-picker:visible, .figures:visible").count() == 0
    open_tab(page, "Evaluation")
    page.get_by_text(NOTHING_KNOWN).filter(visible=True).last.wait_for()
    assert page.locator(".band").count() == 0, "no bars of queries that another catalogue was asked"
