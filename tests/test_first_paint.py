"""What the first answer of the page holds before any script has run: title, previews, verdict; and its picture."""

import gzip
import io
import re

import brotli
import httpx
import pytest
import small_evaluation
import small_shop
from gradio.routes import templates
from PIL import Image
from starlette.requests import Request

from space.evaluation.held_out_queries import HeldOut
from space.feedback.ballots import Ballot
from space.feedback.journal import Journal
from space.feedback.people import People
from space.feedback.raters import Access
from space.feedback.tally import tally
from space.i18n import language
from space.search.people import pairs
from space.ui import first_paint, verdict_card
from space.ui.first_paint import KEPT, NOT_WAITING, complete
from space.ui.html.ballot import in_short
from space.ui.html.markup import Html
from space.ui.html.verdict import verdict_text


@pytest.fixture(scope="module")
def engine():
    return small_shop.engine(small_evaluation.content())


@pytest.fixture(scope="module")
def url(engine):
    with small_shop.serve(engine) as url:
        yield url


def metas(page):
    """{property or name: every content}; a second value would leave the choice to the reader."""
    found = {}
    for name, content in re.findall(r'<meta (?:property|name)="([^"]+)"\s+content="([^"]*)"', page):
        found.setdefault(name, []).append(content)
    return found


def test_the_verdict_is_in_the_page_before_any_script(url, engine):
    page = httpx.get(url).text
    visible = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    visible = re.sub(r'<button type="button" class="help".*?</button><span popover.*?</span>', "", visible)
    verdict = verdict_text(engine.evaluation, engine.elsewhere)
    assert verdict in " ".join(re.sub("<[^>]+>", "", visible).split())
    assert page.index('id="first-paint"') < page.index("window.gradio_config = ") < page.index("<gradio-app")


def test_previews_are_of_this_page(url, engine):
    page = httpx.get(url).text
    found = metas(page)
    assert re.findall("<title>(.*?)</title>", page) == ["E5 product search"]
    assert found["og:title"] == ["E5 product search"]
    assert found["og:url"] == [url]
    assert found["og:description"] == found["description"] == [verdict_text(engine.evaluation, None)]
    assert "Gradio" not in " ".join(content for one in found.values() for content in one)
    assert len(found["og:image"]) == 1
    picture = httpx.get(found["og:image"][0])
    assert picture.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(picture.content)) as image:
        size = [int(found[f"og:image:{side}"][0]) for side in ("width", "height")]
        assert list(image.size) == size == [1200, 630]


def test_behind_a_proxy_the_previews_name_its_address(url):
    page = httpx.get(url, headers={"x-forwarded-host": "shop.example", "x-forwarded-proto": "https"}).text
    assert metas(page)["og:url"] == ["https://shop.example/"]
    assert metas(page)["og:image"] == ["https://shop.example/verdict.png"]


def test_the_language_is_that_of_the_visitor(url, engine):
    russian = httpx.get(url, headers={"accept-language": "ru-RU,ru;q=0.9"})
    with language("ru"):
        said = verdict_text(engine.evaluation, None)
    assert said != verdict_text(engine.evaluation, None)
    assert 'lang="ru"' in russian.text and metas(russian.text)["og:description"] == [said]
    assert "Accept-Language" in russian.headers["vary"]


@pytest.mark.parametrize("encoding", ["br", "identity"])
def test_compressed_and_plain_pages_are_the_same(url, encoding):
    """The length in the headers is that of the body that is sent."""
    with httpx.stream("GET", url, headers={"accept-encoding": encoding}) as answer:
        body = b"".join(answer.iter_raw())
    assert int(answer.headers["content-length"]) == len(body)
    text = brotli.decompress(body) if encoding == "br" else body
    assert b"<gradio-app" in text
    assert encoding != "br" or len(body) < len(gzip.compress(text, 1))


def test_a_page_is_made_once_for_each_language_and_address(url, monkeypatch):
    """Each visitor once cost 17 ms in which hardly anything else was answered; two hundred came at once."""
    made = []
    monkeypatch.setattr(first_paint, "MOST_MADE", 2)
    monkeypatch.setattr(first_paint, "complete", lambda *given: made.append(given[-1]) or complete(*given))

    def get(host, code="en", **query):
        answer = httpx.get(url, params=query, headers={"x-forwarded-host": host, "accept-language": code})
        assert metas(answer.text)["og:url"] == [f"http://{host}/"] and f'lang="{code}"' in answer.text
        return answer

    first, again = get("a.example"), get("a.example", q="red", deep_link="x")
    assert first.content == again.content
    same = lambda answer: sorted(set(answer.headers.multi_items()) - {("date", answer.headers["date"])})  # noqa: E731
    assert same(first) == same(again)
    get("a.example", "ru")
    get("b.example")
    get("a.example")  # of the two that are kept, none is this one
    addresses = ["http://a.example", "http://a.example", "http://b.example", "http://a.example"]
    assert made == addresses


def test_head_has_the_headers_of_get_and_no_body(url):
    answer = httpx.head(url)
    assert (answer.status_code, answer.content) == (200, b"")


def test_scripts_are_kept_and_answers_are_not(url):
    page = httpx.get(url)
    scripts = re.findall(r'src="\./(assets/[^"]+\.js)"', page.text)
    assert scripts
    assert all(httpx.get(url + path).headers["cache-control"] == KEPT for path in scripts)
    for path in ("", "config", "theme.css", "assets/nothing-here.js", "healthz"):
        assert httpx.get(url + path).headers.get("cache-control") != KEPT, path


def test_gradio_s_page_still_has_the_places_that_are_completed():
    """A new version of Gradio with another page would lose verdict or previews without a word."""
    page = templates.get_template("frontend/index.html").render(config={"title": "x"}, gradio_api_info={})
    done = complete(page, "ru", 'It helped "a lot".', Html("<p>front</p>"), "https://a.example")
    assert done.index("<body") < done.index("<p>front</p>") < done.index("window.gradio_config") < done.index("</body")
    assert metas(done)["og:description"] == ["It helped &quot;a lot&quot;."]
    assert 'lang="ru"' in done
    scripts = lambda text: sorted(re.findall(r"<(?:script|link)\b[^>]*>", text))  # noqa: E731
    assert scripts(done.replace(NOT_WAITING, "<link ")) == scripts(page)
    # Style sheets that Gradio loads later are put at the end of the head, and have to come after its own.
    assert done.index('rel="stylesheet"') < done.index("</head>")


def colours(png):
    with Image.open(io.BytesIO(png)) as image:
        return {colour: count for count, colour in image.getcolors(1 << 20)}


def rgb(text):
    return tuple(bytes.fromhex(text[1:]))


def test_the_bar_of_the_picture_has_the_shares_of_the_queries(engine):
    found = engine.evaluation.difference("tuned")
    drawn = colours(verdict_card.draw(engine))
    same, worse = drawn[rgb(verdict_card._LINE)], drawn[rgb(verdict_card._WORSE)]
    # Each part lacks the gap of 4 px on its right, 23 px high.
    gap = 23 * verdict_card._GAP
    assert (same + gap) / (worse + gap) == pytest.approx(found.ties / found.losses, rel=0.1)


@pytest.mark.parametrize("code", ["en", "ru"])
def test_a_picture_without_an_evaluation_says_so(code):
    drawn = verdict_card.draw(small_shop.engine(), code)
    assert rgb(verdict_card._BETTER) not in colours(drawn) and rgb(verdict_card._WORSE) not in colours(drawn)


def test_queries_that_the_font_lacks_are_no_examples(engine):
    """A card full of empty boxes tells nothing: the next query in line stands in."""
    entries = engine.held_out.entries
    best = entries[0]
    assert verdict_card.examples(entries)[0] == best
    japanese = type(best)(**{**vars(best), "query": "ランニングシューズ"})
    chosen = verdict_card.examples([japanese, *entries[1:]])
    assert japanese not in chosen and chosen[0] == entries[1]


def test_each_example_names_the_product_that_each_list_puts_first(engine):
    """ "red sneakers" finds the shoes with the fine-tuned encoder only."""
    shop = small_shop.engine(small_evaluation.content())
    entry = type(engine.held_out.entries[0])
    shop.held_out = HeldOut([entry("red sneakers 👟", "us", 0.5), entry("coffee mug", "us", -0.1)])
    won, lost = verdict_card.answered(shop)
    assert (won.entry.difference, lost.entry.difference) == (0.5, -0.1)
    for example in (won, lost):
        found = shop.compare(example.entry.query, 1, ["base", "tuned"], counted=False, locale="us")
        assert list(example.first) == [one.hits[0].title for one in found.systems.values()]
    plain = colours(verdict_card.draw(shop))
    drawn = colours(verdict_card.draw(shop, "en", "", [won, lost]))
    for colour in (verdict_card._BETTER, verdict_card._WORSE):  # the edges of the boxes are 4 px wide
        assert drawn[rgb(colour)] >= plain.get(rgb(colour), 0) + 4 * 100
    without = small_shop.engine(small_evaluation.content(), gpu=lambda run: run)
    without.held_out = shop.held_out
    assert [one.first for one in verdict_card.answered(without)] == [(), ()]


@pytest.mark.parametrize(
    "text", ["word " * 200, "x" * 900, "🛒👟\u200d🧦 mug", "", "\n\t", "水筒", "\ud800 \x00", "Кружка " * 99]
)
def test_texts_of_any_length_and_script_stay_in_their_place(text):
    """Left of the foot's line and between the boxes nothing is drawn, and the picture keeps its size."""
    shop = small_shop.engine(small_evaluation.content())
    entry = type(shop.held_out.entries[0])
    chosen = [verdict_card.Example(entry(text, "us", by), (text, text)) for by in (0.5, -0.5)]
    drawn = Image.open(io.BytesIO(verdict_card.draw(shop, "ru", text, chosen))).convert("RGB")
    assert drawn.size == (1200, 630)
    paper = [(drawn.width, rgb(verdict_card._PAPER))]
    for box in ((0, 0, 1200, 36), (0, 0, 64, 630), (1136, 0, 1200, 630), (590, 440, 612, 573), (0, 432, 1200, 440)):
        assert [colour for _, colour in drawn.crop(box).getcolors()] == [paper[0][1]], box


def test_symbols_that_the_font_lacks_are_left_out():
    assert verdict_card.written("red 🛒 shoes\n 👟") == "red shoes" and verdict_card.can_write("red 👟")
    assert (
        not verdict_card.can_write("👟") and not verdict_card.can_write("水筒 mug") and not verdict_card.can_write("")
    )


def test_the_picture_has_peoples_votes_as_they_are(tmp_path):
    """It is kept for a language, but drawn anew after a vote."""
    shop, people = small_shop.engine(small_evaluation.content()), People(Journal(tmp_path), Access("open"), Access())
    card, pair = verdict_card.VerdictCard(shop, people), pairs(shop)[0]
    request = Request({"type": "http", "headers": []})
    before = card.answer(request).body
    assert card.answer(request).body == before
    ballot = Ballot("n", pair, False, "us", "red sneakers", True)
    people.votes.add(ballot.vote("b", "owner"))
    after = card.answer(request).body
    assert after != before and card.answer(request).body == after
    said = in_short(tally(people.votes.all()), pair.first, pair.second)
    assert said == "Blind votes on 1 query: 1 better, 0 equal, 0 worse. Too few to tell: 1 query."


def test_long_lines_are_cut_and_broken_within_the_width():
    font = verdict_card._font(24, False)
    for text in ("", "one", "word " * 80, "x" * 500, "short " + "y" * 300 + " end"):
        for most in (1, 3):
            lines = verdict_card.wrapped(text, font, 400, most)
            assert bool(text) <= len(lines) <= most
            assert all(font.getlength(line) <= 400 for line in lines)
            whole = " ".join(lines) == " ".join(text.split())
            assert whole or any(line.endswith("…") for line in lines)
