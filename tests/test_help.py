"""The "?" of terms: what each opens, and that it does so by tap and keyboard."""

import re

import pytest
from browsing import DESK, PHONE, ask, needs_chromium, open_tab

from space.i18n import language
from space.ui.html.help import TERMS, help_for


@pytest.mark.parametrize("key", TERMS)
@pytest.mark.parametrize("code", ["en", "ru"])
def test_a_term_is_explained_in_two_sentences(key, code):
    with language(code):
        shown = help_for(key)
    meaning = re.search(r"</b> (.*)</span>", shown)[1]
    assert len(re.findall(r"[.!](?= |$)", meaning)) == 2
    assert bool(re.search("[а-я]", meaning)) is (code == "ru")


def test_each_button_opens_its_own_text():
    """The same term may stand in two tabs: with one id the button would open the text in the hidden one."""
    shown = [help_for("quality") for _ in range(50)]
    targets = [re.search('popovertarget="([^"]+)"', one)[1] for one in shown]
    assert len(set(targets)) == len(shown)
    assert all(f'popover="auto" id="{target}"' in one for target, one in zip(targets, shown, strict=True))


def test_a_further_sentence_is_escaped():
    assert "<script>" not in help_for("rbo", "<script>")


@needs_chromium
@pytest.mark.parametrize("size", [DESK, PHONE])
def test_help_opens_by_click_and_key_and_closes_by_escape(visit, size):
    page = visit(size)
    open_tab(page, "Compare")
    ask(page, "red running shoes")
    page.get_by_role("button", name="Lists", exact=True).click()
    button = page.locator(".side .help").filter(visible=True).first
    text = page.locator(f"#{button.get_attribute('popovertarget')}")
    assert not text.is_visible()
    for open_by in (button.click, lambda: button.press("Enter"), lambda: button.press("Space")):
        open_by()
        text.wait_for()
        box = text.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= size["width"]
        page.keyboard.press("Escape")
        text.wait_for(state="hidden")
        assert button.evaluate("e => e === document.activeElement")
