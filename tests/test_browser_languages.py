"""The page in a browser set to Russian, and in one set to a language without translations, which shows English."""

import re

import pytest
import small_evaluation
import small_shop
from browsing import LOW_CONTRAST, PHONE, ask, needs_chromium, open_tab, titles, unfold, width_beyond

from space.feedback.usage import Usage

pytestmark = needs_chromium

# Visible text with English words of the page's own; not names, queries, products, and not Gradio's footer.
ENGLISH = """() => {
  const found = [], page = document.querySelector('.gradio-container');
  const walk = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
  const known = ['Exact', 'Substitute', 'Complement', 'Irrelevant', 'JSON', 'nDCG', 'Recall', 'recall', 'tiny', 'data',
    'TensorBoard', 'amazon', 'science', 'esci', 'ESCI', 'float', 'title', 'name', 'brand', 'color', 'train', 'usage',
    'file', 'python', 'space', 'queries', 'triplet', 'product', 'price'];  // columns of a file among them
  while (walk.nextNode()) {
    const holder = walk.currentNode.parentElement;
    if (!holder.checkVisibility() || holder.closest('[lang]:not(html), [translate=no], q, h1, .id, .locale, .model,'
      + ' .reason, .tag, .notice, .mono, .e5-examples, footer, script, style, input, textarea, .band, option'))
      continue;
    // Quoted is what came with the query; "common.complete" is a text that Gradio 6.31 has in English only.
    const text = walk.currentNode.data.replace(/[«“].*?[»”]|common\\.complete|Made-up products for tests/g, '');
    const words = text.match(/[A-Za-z]{4,}/g) ?? [];
    if (words.some(word => !known.includes(word))) found.push(walk.currentNode.data.trim());
  }
  return found;
}"""
# Whether English was in the header in any frame that was painted.
FRAMES = """(function look() {
  window.frames_seen = (window.frames_seen ?? 0) + 1;
  window.english ||= /Did fine-tuning|Runs on/.test(document.querySelector('.masthead')?.textContent ?? '');
  requestAnimationFrame(look);
})();"""


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    usage = Usage(tmp_path_factory.mktemp("usage"))
    with small_shop.serve(small_shop.engine(small_evaluation.content(), usage=usage)) as url:
        yield url
    usage.close()


def test_russian_labels_and_results(visit):
    """Labels come with the page and results from handlers; each way could fail alone."""
    page = visit(locale="ru-RU")
    bar = page.get_by_role("tablist").first
    assert bar.get_by_role("tab").all_inner_texts()[:4] == ["Поиск", "Сравнить", "Свои товары", "Оценка"]
    box = page.get_by_role("textbox", name="Запрос")
    assert box.get_attribute("placeholder") == "Что вы ищете?"
    unfold(page)
    assert page.get_by_role("combobox", name="Бренд").input_value() == "Все"
    assert "30 товаров" in page.locator(".masthead").inner_text()
    box.fill("red running shoes")
    page.get_by_role("button", name="Поиск", exact=True).click()
    page.locator(".summary").filter(has_text="· Дообученная").wait_for()
    assert titles(page)[0] == "Red running shoes"
    assert re.search(r"10 товаров\s+по запросу\s+red running shoes", page.locator(".summary").inner_text())
    assert re.search(r"всего \d+,\d мс", page.locator(".summary").text_content())
    page.get_by_role("radio", name="Исходная").check()
    page.locator(".summary").filter(has_text="· Исходная").wait_for()
    assert page.get_by_text("без оценки", exact=True).first.is_visible()
    assert page.get_by_title("Оценка Exact (точное соответствие): отвечает запросу").first.inner_text() == "Exact"
    page.get_by_role("combobox", name="Бренд").click()
    page.get_by_role("option", name="Coppice (4)").click()
    page.locator(".only").filter(has_text="Только Coppice ×").wait_for()
    assert page.get_by_role("combobox", name="Цвет").input_value() == "Все"
    page.get_by_role("button", name="coffee mug").click()
    page.locator(".summary q").filter(has_text="coffee mug").wait_for()
    assert page.get_by_role("combobox", name="Бренд").input_value() == "Все"
    page.get_by_role("button", name="Копировать ссылку").click()
    page.locator(".copied").filter(has_text=re.compile("Ссылка скопирована|Скопируйте отсюда")).wait_for()
    page.get_by_role("button", name="Почему").first.click()
    dialog = page.get_by_role("dialog", name="Почему этот товар?")
    dialog.get_by_text("Вклад слов запроса").wait_for()
    assert page.evaluate(ENGLISH) == []


def test_russian_errors(visit):
    page = visit(locale="ru-RU", link="?q=shoes")
    page.locator(".summary").wait_for()
    ask(page, "")
    page.get_by_role("alert").filter(has_text="Запрос пуст").wait_for()
    unfold(page)
    page.get_by_label("Цена от").fill("cheap")
    ask(page, "shoes")
    page.get_by_role("alert").filter(has_text="число не меньше 0").wait_for()


def test_no_english_on_any_tab(visit):
    page = visit(locale="ru-RU", link="?q=red+shoes&tab=search&k=1000")
    page.locator(".bent").wait_for()
    assert page.evaluate(ENGLISH) == []
    ask(page, "red running shoes")
    page.locator(".product summary").first.click()
    assert page.evaluate(ENGLISH) == []
    page.get_by_role("link", name="Сравнить по этому запросу").click()
    page.locator(".moves").filter(has_text="От исходной к дообученной").wait_for()
    page.locator(".e5-picker button").first.click()
    page.locator(".pick").first.wait_for()
    page.get_by_role("button", name="Таблица").click()
    assert page.evaluate(ENGLISH) == []
    for tab, seen in (
        ("Свои товары", ".about-own"),
        ("Оценка", ".answer"),
        ("Данные", ".data"),
        ("Статистика", ".data"),
    ):
        open_tab(page, tab)
        page.locator(seen).filter(visible=True).first.wait_for()
        assert page.evaluate(ENGLISH) == [], tab
    open_tab(page, "Свои товары")
    page.get_by_role("textbox", name="Ваша таблица").fill("brand\nAcme")
    page.get_by_role("button", name="Загрузить").click()
    page.get_by_role("alert").filter(visible=True).wait_for()
    page.get_by_role("button", name="Взять пример").click()
    page.locator(".side:visible, .aligned:visible").first.wait_for()
    assert page.evaluate(ENGLISH) == []


def test_data_is_not_translated(visit):
    """A query, a title or a brand may be equal to a text of the page."""
    page = visit(locale="ru-RU", link="?q=Search&tab=search")
    page.locator(".summary").wait_for()
    assert page.locator(".summary q").inner_text() == "Search"
    assert page.get_by_role("textbox", name="Запрос").input_value() == "Search"


@pytest.mark.parametrize(("locale", "english"), [("ru-RU", False), ("en-US", True)])
def test_the_first_paint_is_in_the_right_language(visit, locale, english):
    """English that is replaced a moment later would move everything below it."""
    page = visit(locale=locale, prepare=lambda context: context.add_init_script(FRAMES))
    page.locator(".masthead").wait_for()
    assert page.evaluate("window.frames_seen > 3 && window.english") is english


def test_russian_fits_a_phone(visit):
    page = visit(PHONE, locale="ru-RU")
    assert width_beyond(page) == 0
    unfold(page)
    page.get_by_role("button", name="Скрыть фильтры и настройки").wait_for()
    ask(page, "red running shoes")
    assert width_beyond(page) == 0 and page.evaluate(LOW_CONTRAST) == []
    page = visit(PHONE, locale="ru-RU", link="?q=red+running+shoes&tab=compare", shows=".moves")
    for tab, seen in (
        ("Сравнить", ".moves"),
        ("Оценка", ".evaluation"),
        ("Данные", ".data"),
        ("Статистика", ".data"),
    ):
        open_tab(page, tab)
        page.locator(seen).filter(visible=True).first.wait_for()
        assert width_beyond(page) == 0, tab


def test_other_languages_see_english(visit):
    page = visit(locale="de-DE")
    assert page.get_by_role("tablist").first.get_by_role("tab").all_inner_texts()[:2] == ["Search", "Compare"]
    assert page.get_by_role("textbox", name="Query").get_attribute("placeholder") == "What are you looking for?"
    ask(page, "red running shoes")
    assert not re.search("[а-яА-Я]", page.locator(".gradio-container").inner_text())
