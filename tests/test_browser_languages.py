"""The page in Russian and, for everybody else, in English: what a visitor with such a browser sees."""

import re

import pytest
import small_evaluation
import small_shop
from browsing import LOW_CONTRAST, PHONE, needs_chromium, open_tab, titles, width_beyond

pytestmark = needs_chromium

# English of the page's own, where a product, a query or a model has no part in it.
ENGLISH = """() => {
  const found = [], ours = '.e5-head, .e5-out, .e5-list, .e5-more, .e5-try, .e5-picker > button, .e5-reasons';
  for (const root of document.querySelectorAll(ours)) {
    const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const holder = walk.currentNode.parentElement;
      if (holder.closest('[lang]:not(html), [translate=no], q, h1, .id, .locale, .encoder, .badge, .notice'))
        continue;
      const words = walk.currentNode.data.match(/[A-Za-z]{4,}/g) ?? [];
      if (words.some(word => !['Exact', 'Substitute', 'Complement', 'Irrelevant', 'JSON', 'nDCG', 'Recall', 'tiny']
        .includes(word))) found.push(walk.currentNode.data.trim());
    }
  }
  return found;
}"""
# Whether English stood in the header in any frame that was painted.
FRAMES = """(function look() {
  window.frames_seen = (window.frames_seen ?? 0) + 1;
  window.english ||= /Did fine-tuning|Runs on/.test(document.querySelector('.masthead')?.textContent ?? '');
  requestAnimationFrame(look);
})();"""


@pytest.fixture(scope="module")
def url():
    with small_shop.serve(small_shop.engine(small_evaluation.content())) as url:
        yield url


def ask(page, query):
    box = page.locator(".e5-query textarea, .e5-query input").filter(visible=True)
    box.fill(query)
    box.press("Enter")
    page.locator(".summary q, .moves, .problem").filter(visible=True).first.wait_for()


def test_russian_labels_and_results(visit):
    """Labels by Gradio and HTML by our script: each could stay English alone, or be put back by the next results."""
    page = visit(locale="ru-RU")
    bar = page.get_by_role("tablist").first
    assert bar.get_by_role("tab").all_inner_texts()[:4] == ["Поиск", "Сравнить", "Свои товары", "Оценка"]
    box = page.get_by_role("textbox", name="Запрос")
    assert box.get_attribute("placeholder") == "Что вы ищете?"
    assert page.get_by_role("combobox", name="Бренд").input_value() == "Все"
    assert "товаров: 30" in page.locator(".masthead").inner_text()
    box.fill("red running shoes")
    page.get_by_role("button", name="Поиск", exact=True).click()
    page.locator(".summary").filter(has_text="· Дообученная").wait_for()
    assert titles(page)[0] == "Red running shoes"
    assert re.search(r"товаров: 10\s+по запросу\s+red running shoes", page.locator(".summary").inner_text())
    page.get_by_role("radio", name="Исходная").check()
    page.locator(".summary").filter(has_text="· Исходная").wait_for()
    assert page.get_by_text("без оценки", exact=True).first.is_visible()
    assert page.get_by_title("Оценка Exact (точное соответствие): отвечает запросу").first.inner_text() == "Exact"
    page.get_by_role("combobox", name="Бренд").click()
    page.get_by_role("option", name="Coppice (4)").click()
    page.locator(".only").filter(has_text="Только Coppice").wait_for()
    page.get_by_role("button", name="coffee mug").click()
    page.locator(".summary q").filter(has_text="coffee mug").wait_for()
    assert page.get_by_role("combobox", name="Бренд").input_value() == "Все"
    page.get_by_role("button", name="Копировать ссылку").click()
    page.locator(".copied").filter(has_text=re.compile("Ссылка скопирована|Скопируйте отсюда")).wait_for()
    page.get_by_role("button", name="Почему").first.click()
    page.get_by_role("dialog").get_by_text("Вклад слов запроса").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Сравнить по этому запросу").click()
    page.locator(".moves").filter(has_text="От исходной к дообученной").wait_for()
    assert page.locator(".side h2").all_inner_texts() == ["Исходная", "Дообученная", "BM25"]
    bar.get_by_role("tab", name="Оценка").click()
    page.get_by_role("heading", name="Полный каталог").wait_for()
    bar.get_by_role("tab", name="Данные").click()
    page.get_by_role("heading", name="Локали, бренды, цвета").wait_for()


def test_no_english_is_left_over_and_no_data_is_translated(visit):
    """A brand, a title or a query may well be one of our words: "new", "Base", "Search"."""
    page = visit(locale="ru-RU", link="?q=new+left+shoes&tab=compare")
    page.locator(".moves").wait_for()
    assert page.evaluate(ENGLISH) == []
    page = visit(locale="ru-RU", link="?q=Search&tab=search")
    page.locator(".summary").wait_for()
    assert page.locator(".summary q").inner_text() == "Search"
    page.locator(".card .title").first.evaluate("title => title.textContent = 'Search'")
    about = page.locator(".card .about").first
    about.evaluate("about => about.textContent = 'Base'")
    page.locator(".card .tail .badge, .card .tail .score").first.evaluate("own => own.textContent = 'unjudged'")
    page.locator(".card .tail").filter(has_text="без оценки").first.wait_for()
    assert page.locator(".card .title").first.inner_text() == "Search" and about.inner_text() == "Base"
    assert page.evaluate(ENGLISH) == []


@pytest.mark.parametrize(("locale", "english"), [("ru-RU", False), ("en-US", True)])
def test_no_english_is_painted_first(visit, locale, english):
    """Seen for a moment, it would move all that is below it when Russian takes its place."""
    page = visit(locale=locale, prepare=lambda context: context.add_init_script(FRAMES))
    page.locator(".masthead").wait_for()
    assert page.evaluate("window.frames_seen > 3 && window.english") is english


def test_russian_fits_a_phone(visit):
    page = visit(PHONE, locale="ru-RU")
    assert width_beyond(page) == 0
    page.get_by_role("button", name="Ещё параметры").click()
    page.get_by_role("button", name="Скрыть параметры").wait_for()
    ask(page, "red running shoes")
    assert width_beyond(page) == 0 and page.evaluate(LOW_CONTRAST) == []
    page = visit(PHONE, locale="ru-RU", link="?q=red+running+shoes&tab=compare", shows=".moves")
    for tab, seen in (
        ("Сравнить", ".moves"),
        ("Оценка", ".evaluation"),
        ("Данные", ".data"),
        ("Статистика", ".panel"),
    ):
        open_tab(page, tab)
        page.locator(seen).filter(visible=True).first.wait_for()
        assert width_beyond(page) == 0, tab


def test_everybody_else_reads_english(visit):
    page = visit(locale="de-DE")
    assert page.get_by_role("tablist").first.get_by_role("tab").all_inner_texts()[:2] == ["Search", "Compare"]
    assert page.get_by_role("textbox", name="Query").get_attribute("placeholder") == "What are you looking for?"
    ask(page, "red running shoes")
    assert not re.search("[а-яА-Я]", page.locator(".gradio-container").inner_text())
