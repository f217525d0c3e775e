"""The tabs Vote and Judge in a real browser: by keyboard alone, on a phone, in Russian, and without a tell."""

import pytest
import small_evaluation
import small_shop
from browsing import LOW_CONTRAST, PHONE, needs_chromium, open_tab, width_beyond

from space.feedback.journal import Journal
from space.feedback.judgments import CANNOT_TELL, Judgment
from space.feedback.machine import MachineJudgment
from space.feedback.people import People
from space.feedback.raters import Access

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    return Journal(tmp_path_factory.mktemp("feedback"))


@pytest.fixture(scope="module")
def people(journal):
    guidelines = "# Exact\n**fits** <a onclick='window.hacked = true'>a</a><script>window.hacked = true</script>"
    open_to_all = Access("open")
    return People(journal, open_to_all, open_to_all, guidelines=guidelines)


@pytest.fixture(scope="module")
def url(people):
    with small_shop.serve(small_shop.engine(small_evaluation.content()), people=people) as url:
        yield url


def test_a_vote_by_keyboard_alone(visit, people):
    """From the first button on: the next query, a vote, the reveal, and the next query."""
    page = visit()
    open_tab(page, "Vote")
    page.get_by_role("button", name="Next query").focus()
    before = len(people.votes.all())
    for number in (1, 2):
        page.keyboard.press("n")
        page.get_by_role("button", name="A is better").wait_for()
        page.wait_for_function("document.activeElement.matches('.ballot h2')")
        page.keyboard.press("2")
        page.locator(".reveal").wait_for()
        page.wait_for_function("document.activeElement.matches('.ballot h2')")
        assert "B is better" in page.locator(".reveal").inner_text()
        assert len(people.votes.all()) == before + number
        assert not page.get_by_role("button", name="A is better").is_visible()
    page.locator(".vote-result", has_text="Too few to tell").wait_for()


def test_keys_do_nothing_in_a_field(visit, people):
    """Else a query with an "n" in it could not be typed."""
    page = visit()
    open_tab(page, "Vote")
    page.get_by_role("button", name="Other systems").click()
    box = page.get_by_role("textbox", name="A query of your own")
    box.press_sequentially("neon 12")
    assert box.input_value() == "neon 12" and page.locator(".ballot").count() == 0


def test_judging_by_keys_and_changing_ones_mind(visit, people):
    page = visit()
    open_tab(page, "Judge")
    page.get_by_role("button", name="Next pair").focus()
    page.keyboard.press("n")
    page.locator(".judged").wait_for()
    page.keyboard.press("1")
    page.locator(".own-judgments .badge.exact").wait_for()
    page.get_by_role("button", name="Change").first.click()
    page.get_by_text("You said: Exact").wait_for()
    page.keyboard.press("4")
    page.locator(".own-judgments .badge.irrelevant").wait_for()
    assert [one.grade for one in people.judgments.all()] == ["Irrelevant"]
    page.get_by_role("button", name="Guidelines").click()
    page.locator(".e5-guidelines strong", has_text="fits").wait_for()
    assert page.evaluate("window.hacked") is None
    open_tab(page, "Evaluation")
    page.locator(".answer").wait_for()
    page.get_by_role("radio", name="Labels and people").check()
    page.locator(".e5-people").wait_for()
    page.get_by_role("radio", name="Labels", exact=True).check()
    page.locator(".e5-people").wait_for(state="detached")


def test_a_hit_is_judged_in_place_by_keyboard_alone(visit, people):
    """In Search and Compare, on hits without a label; the same product in another list says so too."""
    page = visit(link="?tab=compare&q=red+sneakers&show=lists")
    first = page.locator(".sides .judge-here").first
    first.wait_for()
    assert page.locator(".sides .card:has(.badge.exact) .judge-here").count() == 0
    product, before = first.get_attribute("data-product"), len(people.judgments.all())
    first.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="How well does this product answer")
    dialog.wait_for()
    page.keyboard.press("2")
    page.locator(f".sides .judge-here[data-product={product}][data-kept=Substitute]").first.wait_for()
    dialog.wait_for(state="hidden")
    assert page.evaluate("document.activeElement.dataset.product") == product
    found = people.judgments.all()
    assert len(found) == before + 1
    assert (found[-1].query, found[-1].product_id, found[-1].grade) == ("red sneakers", product, "Substitute")
    page.keyboard.press("Enter")  # a second thought takes the place of the first
    page.locator(".e5-grades .said", has_text="You said: Substitute").wait_for()
    page.keyboard.press("0")
    page.locator(f".sides .judge-here[data-product={product}][data-kept='cannot tell']").first.wait_for()
    assert len(people.judgments.all()) == before + 1 and people.judgments.all()[-1].grade == CANNOT_TELL
    dialog.wait_for(state="hidden")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Take back (x)").wait_for()
    page.keyboard.press("x")
    page.locator(f".sides .judge-here[data-product={product}]:not([data-kept])").first.wait_for()
    assert len(people.judgments.all()) == before
    dialog.wait_for(state="hidden")
    page.keyboard.press("Enter")
    dialog.wait_for()
    assert not page.get_by_role("button", name="Take back (x)").is_visible()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    page.get_by_role("link", name="Search this query").click()
    page.locator(".results .judge-here").first.wait_for()
    assert page.locator(".results .judge-here[data-kept]").count() == 0


def test_a_models_grades_are_a_third_switch_once_it_agrees_with_people(visit, people, journal):
    """Not before: the switch has two choices, and the third comes with its agreement and confusion."""
    page = visit(PHONE, link="?tab=evaluation")
    page.locator(".answer").wait_for()
    assert page.get_by_role("radio").filter(visible=True).count() == 2
    page.close()
    products = [f"p{number:02}" for number in range(1, 20)]
    for query, grade in (("red sneakers", "Exact"), ("cellphone", "Irrelevant"), ("coffee mug", "Substitute")):
        for product in products:
            people.judgments.add(Judgment("2026-01-02", "hub:ann", "us", query, product, grade))
            journal.append("machine", MachineJudgment("2026-01-02", "<b>m</b>", "us", query, product, grade,
                                                      f"{query} {product}", "i").__dict__)  # fmt: skip
    unjudged = MachineJudgment("2026-01-02", "<b>m</b>", "us", "red sneakers", "p22", "Exact", "x", "i")
    journal.append("machine", unjudged.__dict__)
    journal.append("machine_agreement", {"at": "2026-01-02", "model": "<b>m</b>", "instructions": "i"})
    page = visit(PHONE, link="?tab=evaluation")
    page.locator(".answer").wait_for()
    page.get_by_role("radio", name="Labels, people and machine").wait_for()
    page.get_by_role("radio", name="Labels", exact=True).focus()
    page.keyboard.press("Tab")  # Gradio 6.31 gives each choice a group of its own
    page.keyboard.press("Space")
    page.locator(".e5-people").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    said = page.locator(".e5-machine")
    said.wait_for()
    assert "1 grade of the language model <b>m</b>" in said.inner_text() and "kappa +1.000" in said.inner_text()
    page.get_by_text("Where it agrees with people").click()
    assert said.locator("tbody tr").first.locator("td").all_inner_texts() == ["19", "0", "0", "0"]
    assert width_beyond(page) <= 0 and page.evaluate(LOW_CONTRAST) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_judging_in_place_on_a_phone_in_russian(visit, scheme):
    page = visit(PHONE, scheme=scheme, locale="ru-RU", link="?tab=compare&q=red+sneakers")
    page.locator(".aligned .judge-here").first.click()
    page.locator(".e5-grades[open]").wait_for()
    page.wait_for_timeout(300)
    assert "не могу" in page.locator(".e5-grades .grades").inner_text().casefold()
    assert width_beyond(page) <= 0
    assert page.evaluate(LOW_CONTRAST) == []
    page.keyboard.press("Escape")
    page.locator(".e5-grades[open]").wait_for(state="detached")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_in_russian(visit, scheme):
    """Nothing is wider than the screen, and all text can be read."""
    page = visit(PHONE, scheme=scheme, locale="ru-RU")
    for tab, begin, shown in (
        ("Голосовать", "Следующий запрос", ".ballot"),
        ("Размечать", "Следующая пара", ".judged"),
    ):
        open_tab(page, tab)
        page.get_by_role("button", name=begin).click()
        page.locator(shown).wait_for()
        page.wait_for_timeout(400)
        assert width_beyond(page) <= 0
        assert page.evaluate(LOW_CONTRAST) == []
