"""The Statistics tab, and the event that counts an opened product."""

import threading

import httpx
import pytest
import small_shop
from gradio_client import Client
from result_pages import EVIL, Elements, assert_inert, hit

from space.feedback.counts import Report, TopProduct
from space.feedback.usage import Usage
from space.ui.html import cards
from space.ui.page import build_demo
from space.ui.tabs.statistics import EMPTY_YET, NO_QUERIES, OFF, UNREADABLE, show, statistics, titles


@pytest.fixture
def usage(tmp_path):
    made = Usage(tmp_path / "feedback", seconds=60)
    yield made
    made.close()


def test_it_says_why_there_is_nothing(usage, tmp_path):
    """Turned off, not used yet and not readable are different things to the owner of the page."""
    assert OFF in show(small_shop.engine())
    assert EMPTY_YET in show(small_shop.engine(usage=usage))
    (tmp_path / "file").write_text("in the way")
    broken = Usage(tmp_path / "file" / "feedback", seconds=60)
    engine = small_shop.engine(usage=broken)
    assert engine.search("shoes").hits
    said = show(engine)
    assert UNREADABLE in said and str(tmp_path) not in said
    broken._waiting = type(broken._waiting)()  # nothing left to try
    broken.close()


def test_what_was_shown_and_opened_is_said_with_titles(usage):
    """A visitor's own search and click are counted at once, before they are written to the file."""
    engine = small_shop.engine(usage=usage)
    engine.search("red running shoes", 2, "bm25")
    engine.compare("red running shoes", 3)
    usage.opened("us", "p01")
    usage.shown([("us", "gone")], "x")
    seen = Elements(show(engine))
    assert not seen.open
    for said in ("Red running shoes", "us · p01", "(no longer in the catalogue)", "Opened most", NO_QUERIES):
        assert said in seen.text
    assert "Searches3" in seen.text and "Products opened1" in seen.text


def test_titles_are_those_of_the_locale():
    """p01 is a different product in es."""
    found = titles(small_shop.catalogue(), [TopProduct("es", "p01", 1, 0), TopProduct("us", "p24", 1, 0)])
    assert found["es", "p01"] == "Zapatillas rojas para correr" and found["us", "p24"] == ""
    assert titles(small_shop.catalogue(), []) == {}


def report(**fields):
    top = [TopProduct("us", "p01", 3, 1)]
    given = {"since": "2026-03-05", "searches": 9, "shown": 90, "opened": 1, "most_shown": top, "most_opened": top}
    return Report(**given | {"queries": None, "days": [("2026-03-05", 9)]} | fields)


def test_rare_queries_are_not_shown():
    """A text that one visitor typed may identify that visitor, and the tab is public."""
    page = statistics(report(queries=[("red shoes", 3), ("john doe 12 elm street", 2)]), {})
    assert "red shoes" in page and "john doe" not in page
    assert "No query was asked 3 times yet" in statistics(report(queries=[("john doe", 1)]), {})


def test_days_without_a_search_are_gaps():
    """Two busy days a week apart must not look like neighbours; a single day has no chart."""
    page = statistics(report(days=[("2026-02-27", 4), ("2026-03-02", 2)]), {})
    assert [day for day in ("27 February 2026: 4", "28 February 2026: 0", "1 March 2026: 0", "2 March 2026: 2")
            if f'title="{day}"' not in page] == []  # fmt: skip
    assert "Searches a day" not in statistics(report(), {})


def test_no_foreign_text_becomes_markup():
    """Titles, ids and queries come from strangers and are shown to every visitor."""
    top = [TopProduct(EVIL, EVIL, 3, 1)]
    page = statistics(report(queries=[(EVIL, 5)], most_shown=top, most_opened=top), {(EVIL, EVIL): EVIL})
    page += cards.details(hit(brand=EVIL, color=EVIL, product_id=EVIL, product_locale=EVIL,
                                extra={"category": EVIL, "product_bullet_point": EVIL}))  # fmt: skip
    seen = assert_inert(page)
    assert EVIL in seen.text and "img" not in seen.tags


def test_details_are_every_column_with_a_value():
    """NaN, blanks and addresses of pictures are left out; a long text is cut."""
    extra = {"price": 1234.5, "rating": float("nan"), "category": " ", "image_url": "https://x.example/a.png",
             "rating_count": 1024.0, "product_bullet_point": "one\ntwo" + "x" * 5000}  # fmt: skip
    text = Elements(cards.details(hit(extra=extra))).text
    assert text.startswith("Productp1LocaleusBrandAcmeColourredPrice1,234.5Ratings1,024Bullet pointsone\ntwo")
    assert len(text) < 2200 and "nan" not in text and "https" not in text


def test_an_opened_product_is_counted_over_http(usage):
    """The event as the page sends it, and as a forged request may: without data or with the wrong type."""
    engine = small_shop.engine(usage=usage)
    engine.search("red running shoes", 1, "bm25")
    with small_shop.serve(engine) as url:
        client = Client(url, verbose=False)
        config = client.config
        number = next(one["id"] for one in config["dependencies"] if any(t[1] == "opened" for t in one["targets"]))
        sent = [{"locale": "us", "product": "p01"}, {"locale": "us", "product": "p99"}, {"locale": ["us"]}, None]
        for data in sent:
            body = {"data": [], "event_data": data, "fn_index": number, "session_hash": "x"}
            reply = httpx.post(f"{url}gradio_api/run/predict", json=body)
            assert reply.status_code == 200, reply.text
        assert "opened" not in str(client.view_api(return_format="dict"))
    assert usage.report().opened == 1
    assert [(one.product_id, one.opened) for one in usage.report().most_opened] == [("p01", 1)]


def test_without_a_folder_nothing_is_counted(tmp_path, monkeypatch):
    """No event, no file and no thread."""
    monkeypatch.chdir(tmp_path)
    before = set(threading.enumerate())
    engine = small_shop.engine()
    demo = build_demo(engine)
    assert not [fn for fn in demo.fns.values() if any(event == "opened" for _, event in fn.targets)]
    engine.search("red shoes")
    assert list(tmp_path.iterdir()) == []
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "usage"]
