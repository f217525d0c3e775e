"""What tests of the page share: hits and results to show, foreign text, and a parser of HTML."""

import re
from html.parser import HTMLParser

from space.data.scale import ESCI
from space.encoding.description import EncoderDescription
from space.search.results import Agreement, Comparison, Hit, SearchResult

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;{query}{0}${1}"


class Elements(HTMLParser):
    """Tags, attributes and text of a page, and the tags that were not closed."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], "", []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def assert_inert(html):
    """No markup of strangers: no script, frame, link or handler of an event, and nothing left open."""
    seen = Elements(html)
    assert not seen.open
    assert not {"script", "iframe", "a"} & set(seen.tags)
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    return seen


def without_help(html):
    """HTML without its "?" and what they open."""
    return re.sub(r'<button type="button" class="help".*?</button><span popover.*?</span>', "", html)


def hit(rank=1, title="Red shoes", label=None, product_id="p1", extra=None, **fields):
    fields = {"brand": "Acme", "color": "red", "score": 0.8731, "product_locale": "us"} | fields
    return Hit(rank=rank, product_id=product_id, title=title, grade=ESCI.grade(label), extra=extra or {}, **fields)


def described(**fields):
    return EncoderDescription(**{"fingerprint": "f" * 64, "dim": 384, "max_seq_length": 64} | fields)


def result(*hits, system="tuned", query="shoes"):
    return SearchResult(query, system, list(hits), {"encode": 8.14, "search": 1.0, "total": 9.9})


def comparison(base, tuned, moves, bm25=()):
    systems = {name: result(*hits, system=name) for name, hits in (("base", base), ("tuned", tuned), ("bm25", bm25))}
    ranks = {name: Agreement(0.5, None) for name in ("base", "bm25")}
    return Comparison("shoes", systems, "base", "tuned", {"tuned": moves}, ranks)
