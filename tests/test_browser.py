"""The page in a real browser: what a visitor sees and does, on a desk and on a phone, in light and in dark."""

import re
import shutil

import pytest
import tiny

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a chromium on the PATH")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync"]  # fmt: skip
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c6360e8ef07000163010bbd1b0f"
    "e40000000049454e44ae426082"
)
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}

# Text whose contrast with the nearest opaque background is below WCAG AA, as "ratio text".
LOW_CONTRAST = """() => {
  const rgba = text => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const linear = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = rgb => [.2126, .7152, .0722].reduce((sum, weight, i) => sum + weight * linear(rgb[i] / 255), 0);
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].filter(n => n.nodeType === 3).map(n => n.textContent.trim()).join('');
    if (!own || !element.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    if (element.closest('.picture, .unseen, .sr-only, script, style, noscript')) continue;
    let back = [255, 255, 255];
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) { back = colour; break; }
    }
    const [a, b] = [light(rgba(getComputedStyle(element).color)), light(back)];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) found.push(ratio.toFixed(2) + ' ' + own.slice(0, 40));
  }
  return found;
}"""


@pytest.fixture(scope="module")
def url():
    evaluation = {"verdict": "Fine-tuning helped: nDCG@10 +0.1000.", "protocols": {}}
    with tiny.serve(tiny.engine(evaluation)) as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, url, tmp_path):
    """Opens the page; at the end nothing may stand in the console and no stranger may have been asked for anything."""
    complaints, contexts = [], []

    def open_page(viewport=DESK, scheme="light", pictures=True):
        context = browser.new_context(viewport=viewport, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)

        def outside(route):
            ours = "//images.example/" in route.request.url
            if ours and pictures:
                route.fulfill(body=PIXEL, content_type="image/png")
            else:
                complaints.extend([] if ours else [f"asked {route.request.url}"])
                route.abort()

        def console(message):
            if message.type in ("error", "warning") and "images.example" not in str(message.location):
                complaints.append(f"{message.type}: {message.text}")

        page.route(re.compile(rf"^(?!{re.escape(url)})(http|ws)"), outside)
        page.on("console", console)
        page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
        page.goto(url)
        page.get_by_role("textbox", name="Query").wait_for()
        return page

    yield open_page
    for context in contexts:
        for page in context.pages:
            page.screenshot(path=tmp_path / "last.png", full_page=True)
        context.close()
    assert complaints == []


def ask(page, query):
    box = page.get_by_role("textbox", name="Query")
    box.fill(query)
    box.press("Enter")
    page.locator(".summary q, .moves, .problem").filter(visible=True).first.wait_for()


def titles(page):
    return page.locator(".card .title:visible").all_inner_texts()


def width_beyond(page):
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


def test_header_says_what_runs_over_what(visit):
    text = visit().locator(".masthead").inner_text()
    for said in ("30 products", "tiny/base", "stand-in: the Hub is out of reach", tiny.NOTICE, "Fine-tuning helped"):
        assert said in text


def test_enter_searches(visit):
    page = visit()
    assert "Type a query" in page.locator(".e5-out").filter(visible=True).first.inner_text()
    ask(page, "red running shoes")
    assert titles(page)[0] == "Red running shoes" and len(titles(page)) == 10
    first = page.locator(".card:visible").first
    assert "Exact" in first.inner_text() and "unjudged" in page.locator(".cards").inner_text()
    assert re.search(r"encode [\d.]+ ms · search [\d.]+ ms · total", page.locator(".timings").first.inner_text())
    assert first.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 1


def test_system_and_filter_take_effect_at_once(visit):
    page = visit()
    ask(page, "shoes phone")
    page.get_by_role("radio", name="BM25").check()
    page.get_by_text("by BM25").wait_for()
    page.get_by_role("combobox", name="Brand").click()
    page.get_by_role("option", name="Coppice (4)").click()
    page.locator(".summary").filter(has_text="1 product ").wait_for()
    assert titles(page) == ["White canvas shoes"]
    page.get_by_role("radio", name="Fine-tuned").check()
    page.get_by_text("4 products").wait_for()


def test_options_before_any_query_ask_for_nothing(visit):
    """A changed filter must not scold a visitor who has not typed yet."""
    page = visit()
    page.get_by_role("radio", name="Base").check()
    page.wait_for_timeout(500)
    assert page.locator(".problem").count() == 0


def test_example_fills_the_box_and_clears_filters(visit):
    page = visit()
    page.get_by_role("combobox", name="Brand").click()
    page.get_by_role("option", name="Fernway (2)").click()
    page.get_by_role("button", name="coffee mug").click()
    page.locator(".summary q").filter(has_text="coffee mug").wait_for()
    assert page.get_by_role("textbox", name="Query").input_value() == "coffee mug"
    assert titles(page)[0] == "Coffee mug ceramic"
    assert page.get_by_role("combobox", name="Brand").input_value() == "Any"


def test_wrong_queries_are_answered_in_the_page(visit):
    page = visit()
    ask(page, "")
    assert page.get_by_role("alert").inner_text() == "Query is empty: type what you are looking for"
    ask(page, "x" * 10_000)
    page.get_by_role("alert").filter(has_text="10,000 characters; use at most 500").wait_for()
    assert width_beyond(page) == 0
    ask(page, "shoes")
    page.locator(".card").first.wait_for()


def test_compare_lays_three_systems_side_by_side(visit):
    page = visit()
    page.get_by_role("tab", name="Compare").click()
    ask(page, "cellphone")
    sides = page.locator(".side")
    assert sides.locator("h2").all_inner_texts() == ["Base", "Fine-tuned", "BM25"]
    boxes = [sides.nth(place).bounding_box() for place in range(3)]
    assert len({round(box["y"]) for box in boxes}) == 1 and boxes[0]["x"] < boxes[1]["x"] < boxes[2]["x"]
    summary = page.locator(".moves").inner_text()
    assert "3 moved up, 7 moved down" in summary and "Overlap@10 100%" in summary
    assert page.get_by_title("Up 7 places against base").inner_text().startswith("▲7")
    assert "No product shares a word" in sides.nth(2).inner_text()
    ask(page, "phone notebook")
    page.locator(".moves").filter(has_text="3 new, 3 left").wait_for()
    assert "left" in sides.nth(0).inner_text() and "new" in sides.nth(1).inner_text()


def test_phone_stacks_and_never_scrolls_sideways(visit):
    """A 300-letter word, long badges and three columns on 390 pixels."""
    page = visit(PHONE)
    assert width_beyond(page) == 0
    page.get_by_role("spinbutton").first.fill("100")
    ask(page, "poster red running shoes")
    page.locator(".title").filter(has_text="Poster").wait_for()
    assert width_beyond(page) == 0
    page.get_by_role("tab", name="Compare").click()
    ask(page, "red running shoes")
    assert width_beyond(page) == 0
    boxes = [page.locator(".side").nth(place).bounding_box() for place in range(3)]
    assert len({round(box["x"]) for box in boxes}) == 1 and boxes[0]["y"] < boxes[1]["y"] < boxes[2]["y"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(visit, scheme):
    page = visit(scheme=scheme)
    ask(page, "red running shoes")
    background = page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 200) == (scheme == "dark")
    assert page.evaluate(LOW_CONTRAST) == []
    page.get_by_role("tab", name="Compare").click()
    ask(page, "red sneakers")
    assert page.evaluate(LOW_CONTRAST) == []
    ask(page, "")
    page.get_by_role("alert").wait_for()
    assert page.evaluate(LOW_CONTRAST) == []


def test_hostile_titles_are_shown_and_not_run(visit):
    page = visit()
    page.get_by_role("spinbutton").first.fill("100")
    ask(page, "script red shoes mug lamp <img src=x onerror='window.hacked=true'> ${window.hacked=true} {{this}}")
    page.locator(".card").nth(29).wait_for()
    shown = titles(page)
    for title in (tiny.SCRIPT, tiny.ONERROR, tiny.TEMPLATE):
        assert title in shown
    page.get_by_role("tab", name="Compare").click()
    ask(page, tiny.SCRIPT)
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    sources = page.locator(".picture img").evaluate_all("images => images.map(image => image.getAttribute('src'))")
    assert sources and all(source.startswith(("http://", "https://")) for source in sources)


def test_broken_picture_leaves_its_placeholder(visit):
    page = visit(pictures=False)
    ask(page, "red running shoes")
    page.locator(".card img").first.wait_for(state="detached")
    assert page.locator(".picture:visible").first.inner_text() == "R"


def test_keyboard_alone_is_enough(visit):
    page = visit()
    page.get_by_role("textbox", name="Query").focus()
    page.keyboard.type("garden hose")
    page.keyboard.press("Tab")
    focused = page.locator(":focus-visible")
    assert focused.inner_text() == "Search"
    assert focused.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.locator(".summary q").filter(has_text="garden hose").wait_for()
    assert titles(page)[0] == "Garden hose 20 m"
