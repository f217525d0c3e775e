"""Results as HTML: foreign text is escaped, pictures are from public addresses, labels and moves have words."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from space.data.scale import ESCI
from space.encoding.description import EncoderDescription
from space.encoding.weights import PACKAGED_NAME
from space.errors import FilterError, QueryError
from space.evaluation.estimates import PairedDifference
from space.evaluation.schema import Evaluation
from space.i18n import language
from space.search.description import EngineDescription
from space.search.list_quality import ListQuality
from space.search.results import Agreement, Comparison, Hit, Move, SearchResult, Standing
from space.ui.html import cards, moves, panels
from space.ui.html import comparison as columns
from space.ui.html.header import header
from space.ui.html.labels import badge, tally
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.html.picture import image_url, picture
from space.ui.html.rank_table import rank_table, ranks_of
from space.ui.html.verdict import plain_verdict

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


def test_each_answer_has_an_element_of_its_own():
    """Else the browser patches it into the one before, card by card. The same answer again is patched."""

    def name(query, *hits):
        page = columns.comparison(Comparison(query, {"tuned": result(*hits, query=query)}, None, []))
        return re.search(r"<(e5-columns-[0-9a-f]+) class=\"sides", page)[1]

    first = name("shoes", hit(), hit(2, product_id="p2"))
    assert name("shoes", hit(), hit(2, product_id="p2", label="Exact")) == first
    others = [name("boots", hit(), hit(2, product_id="p2")), name("shoes", hit(), hit(2, product_id="p3"))]
    assert len({first, *others}) == 3


def test_a_title_carries_what_the_counts_are_kept_by():
    """results.js reads both; by the id alone a product of another locale could be counted."""
    seen = dict(Elements(cards.results(result(hit(product_id="p9", product_locale="jp")))).attributes)
    assert (seen["data-product"], seen["data-locale"]) == ("p9", "jp")


def test_fill_escapes_all_but_html():
    assert fill("<b>{x}</b>{y}", x="<i>'\"&", y=Html("<hr>")) == "<b>&lt;i&gt;&#x27;&quot;&amp;</b><hr>"
    assert join(["<", Html("<br>"), EMPTY, ""], "&") == "&lt;&amp;<br>"


def test_no_foreign_text_becomes_markup():
    """Markup in every field, wherever it is shown: titles come from strangers, queries from links."""
    evil = hit(
        title=EVIL,
        brand=EVIL,
        color=EVIL,
        product_id=EVIL,
        product_locale=EVIL,
        label=EVIL,
        extra={"category": EVIL, "image_url": "https://x.example/" + '"onerror="alert(1)', "price": EVIL},
    )
    folded = replace(evil, similar=(evil, evil), standing=Standing(0.5, EVIL, 9))
    encoder = described(id=EVIL, revision=EVIL, reason=EVIL, fingerprint=EVIL, precision=EVIL)
    about = EngineDescription(EVIL, EVIL, EVIL, EVIL, {"base": encoder, "tuned": encoder})
    pages = [
        cards.results(result(evil, hit(label="Exact"), system=EVIL, query=EVIL)),
        cards.results(replace(result(folded, hit(label="Exact"), system=EVIL, query=EVIL), like=evil)),
        cards.results(replace(result(system=EVIL), like=evil)),
        columns.comparison(comparison([evil], [evil], [Move(EVIL, EVIL, 1, 1)])),
        panels.problem(EVIL),
        panels.welcome(EVIL),
        header(1, about, EVIL, Evaluation(verdict=EVIL)),
    ]
    for page in pages:
        assert "<script>alert(1)</script>" in assert_inert(page).text
    assert Elements(pages[0]).tags.count("img") == 1  # ours; the one of the title is text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://images.example/a.jpg", "https://images.example/a.jpg"),
        ("http://images.example:80/a.jpg?x=1&y=2", "https://images.example/a.jpg?x=1&y=2"),
        ("HTTPS://images.example/ü.jpg", "https://images.example/ü.jpg"),
        ("https://my-nip.io/a.jpg", "https://my-nip.io/a.jpg"),
        ("https://fritz.box.example/a.jpg", "https://fritz.box.example/a.jpg"),
    ],
)
def test_pictures_are_shown_over_https(url, shown):
    """The policy of the page allows no other, and a page on https would show no other."""
    seen = Elements(picture(hit(title='A "quoted" title', extra={"image_url": url})))
    attributes = dict(seen.attributes)
    assert attributes["src"] == shown
    assert attributes["alt"] == ""  # the title stands beside it
    assert attributes["loading"] == "lazy"
    assert attributes["referrerpolicy"] == "no-referrer"


@pytest.mark.parametrize(
    "url",
    [
        "java\nscript:alert(1)",
        "data:image/svg+xml,<svg onload=alert(1)>",
        "//images.example/a.jpg",
        "file:///etc/passwd",
        "https://",
        "https://[broken",
        "https://a b.example/",
        "http://router.l%6fcal/x.png",
        "https://127.0.0.1.nip.io/x.png",
        "https://192-168-1-1.sslip.io/x.png",
        "https://localtest.me/x.png",
        "https://a.LocalTest.me./x.png",
        "https://fritz.box/x.png",
        "https://speedport.ip/x.png",
        "https://www.routerlogin.net/x.png",
        "http://router.\uff4cocal/x.png",
        "",
        None,
        float("nan"),
    ],
)
def test_other_addresses_leave_the_placeholder(url):
    assert image_url(url) is None
    assert "img" not in Elements(picture(hit(extra={"image_url": url}))).tags


def test_placeholder_is_the_same_each_time_and_survives_any_title():
    assert picture(hit()) == picture(hit())
    assert ">R<" in picture(hit(title="«red» shoes"))
    assert ">ラ<" in picture(hit(title="ランニング"))
    assert ">?<" in picture(hit(title=""))
    assert ">?<" in picture(hit(title="\ud800"))


@pytest.mark.parametrize("label", ["Exact", "Substitute", "Complement", "Irrelevant"])
def test_badge_says_the_label_in_words(label):
    seen = Elements(badge(ESCI.grade(label)))
    assert seen.text == label
    assert ESCI.grade(label).colour in dict(seen.attributes)["class"]
    assert label in dict(seen.attributes)["title"]


def test_unjudged_is_said_only_where_the_query_was_judged():
    """Unjudged does not mean irrelevant; for a query without any judgment the word says nothing."""
    judged = cards.results(result(hit(1, label="Exact"), hit(2)))
    assert Elements(judged).text.count("not rated") == 2  # badge and tally
    assert "not rated" not in cards.results(result(hit(1), hit(2)))


def test_scores_are_no_percentages():
    """E5 cosines lie between .7 and 1, so as percentages all products would look like matches."""
    page = cards.results(result(hit(score=0.8731)))
    assert "%" not in page and "cosine .873" in Elements(page).text
    assert "12.500" in cards.card(hit(score=12.5, standing=Standing(0.5, "x", 9)), "base", judged=False, brief=True)
    assert "BM25 score 12.500" in Elements(cards.results(result(hit(score=12.5), system="bm25"))).text


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.834, "closer than 83 % of"),
        (0.0, "less close than all"),
        (1.0, "closer than all"),
        (0.0001, "closer than 1 % of"),
        (0.9999, "closer than 99 % of"),
    ],
)
def test_a_standing_says_above_how_many_of_what(share, said):
    """A share is never rounded to all or none."""
    shown = Elements(cards.score(hit(standing=Standing(share, "relevant pairs", 1500)), "tuned"))
    assert shown.text == f"{said} known good matches"
    tooltip = dict(shown.attributes[:2])["title"]
    assert tooltip.startswith(f"cosine .8731: {said} 1,500 known good matches (") and "judged relevant" in tooltip
    assert ("style", f"--share:{100 * share:.1f}%") in shown.attributes


def test_near_duplicates_stand_under_their_card():
    twins = (hit(3, title="Red shoes, 9"), hit(7, title="Red shoes, 10", label="Exact", color=None))
    page = cards.results(result(hit(1, similar=twins), hit(2, similar=())))
    assert "2 products and 2 near-duplicates" in Elements(page).text
    assert page.count('<details class="similar"') == 1 and "+2 similar" in page
    (folded,) = re.findall('<details class="similar".*?</details>', page)
    assert re.findall(r"Rank </span>(\d+)<", folded) == ["3", "7"] and "Red shoes, 10" in folded
    assert "near-duplicate" not in cards.results(result(hit(1, similar=())))
    assert "and 1 near-duplicate for" in Elements(cards.results(result(hit(1, similar=twins[:1])))).text


def test_what_others_are_like_stands_above_them_even_if_there_are_none():
    like = hit(0, title="Blue boots", product_id="B7")
    text = Elements(cards.results(replace(result(hit(1)), like=like))).text
    assert text.startswith("BMore likeBlue bootsAcme · red · us · B7") and "1 product like it by Fine-tuned" in text
    nothing = Elements(cards.results(replace(result(), like=like))).text
    assert "Blue boots" in nothing and "Nothing found" in nothing


def test_a_category_shows_its_last_levels():
    page = cards.card(hit(extra={"category": "Wear > Shoes > Boots"}), "tuned", judged=False)
    assert 'title="Wear › Shoes › Boots"><span>Shoes</span> › <span>Boots</span></p>' in page


def test_extras_show_only_what_is_known():
    extra = {"price": 1299.5, "rating": 4.46, "rating_count": 12345.0, "category": "Shoes"}
    assert "★ 4.5 (12,345) · price 1,299.50Shoes" in Elements(cards.results(result(hit(extra=extra)))).text
    nothing = {
        "price": float("nan"),
        "rating": None,
        "rating_count": float("inf"),
        "category": None,
        "image_url": None,
    }
    page = cards.results(result(hit(extra=nothing, brand=None, color=None)))
    assert not {"nan", "None", "inf"} & set(re.findall(r"\w+", Elements(page).text))
    assert 'class="about"' not in page and 'class="extra"' not in page


def test_timings_leave_out_what_did_not_happen():
    took = replace(result(), timings_ms={"encode": 8.14, "search": 1.0, "total": 9.96})
    assert Elements(cards.timings(took)).text == "Detailsencode 8.1 ms · search 1.0 ms · total 10.0 ms"
    took = replace(result(), timings_ms={"encode": 0.0, "search": 0.4, "total": 0.8})
    assert "encode" not in cards.timings(took) and "earlier" not in cards.timings(took)


def test_a_kept_answer_says_so_beside_its_time():
    took = replace(result(), timings_ms={"encode": 0.0, "search": 0.0, "total": 0.8}, kept=True)
    assert Elements(cards.timings(took)).text == "Detailstotal 0.8 ms · found for an earlier, equal search"


def test_nothing_found_says_why():
    assert "filter" in cards.results(result(system="tuned"))
    assert "shares a word" in cards.results(result(system="bm25"))
    assert "filter" in columns.comparison(comparison([], [], []))


@pytest.mark.parametrize(
    ("move", "sign", "meaning"),
    [
        (Move("p", "us", 5, 2), "▲3", "Up 3 places against base"),
        (Move("p", "us", 1, 2), "▼1", "Down 1 place against base"),
        (Move("p", "us", 2, 2), "=", "Same rank as base"),
        (Move("p", "us", None, 2), "came in", "Not in the list of base"),
    ],
)
def test_moves_are_signs_to_see_and_words_to_hear(move, sign, meaning):
    marked = moves.mark(move)
    assert f'<span aria-hidden="true">{sign}</span>' in marked
    assert f'<span class="unseen">{meaning.lower()}</span>' in marked.lower()
    assert f'title="{meaning}"' in marked
    both = comparison([hit(5)], [hit(2)], [replace(move, product_id=hit().product_id)])
    assert set(moves.marks(both, ranks_of(both))["base"].values()) == {""}


def test_left_is_marked_in_the_column_of_base():
    left = Move("p", "us", 2, None)
    assert ">dropped out<" in moves.mark(left)
    assert moves.mark(None) == ""


def test_comparison_counts_and_keeps_locales_apart():
    """In ESCI the same id in two locales means two products."""
    base = [hit(1, product_id="a"), hit(2, product_id="b"), hit(3, product_id="c")]
    tuned = [hit(1, product_id="b"), hit(2, product_id="a"), hit(3, product_id="a", product_locale="es")]
    moves = [
        Move("b", "us", 2, 1),
        Move("a", "us", 1, 2),
        Move("a", "es", None, 3),
        Move("c", "us", 3, None),
    ]
    page = columns.comparison(comparison(base, tuned, moves))
    text = Elements(page).text
    assert "1 up, 1 down, 0 unchanged, 1 came in, 1 dropped out." in text
    assert "2 of 3 products are the same" in text
    assert [name for name, value in re.findall(r'<section class="side (\w+)" aria-label="([^"]+)"', page)] == [
        "base",
        "tuned",
        "bm25",
    ]
    assert "No product shares a word" in text


def test_a_list_beside_says_where_its_products_stand_in_the_others():
    """The rank in tuned's list comes before that in base's; "only here" is for products in no other list."""
    ranks = {
        "base": {("us", "a"): 2, ("us", "b"): 1},
        "tuned": {("us", "a"): 3},
        "bm25": {("us", "a"): 1, ("us", "b"): 2, ("us", "c"): 3, ("es", "a"): 4},
        "hybrid": {("us", "c"): 1},
    }
    said = {key: Elements(moves.elsewhere(key, "bm25", ranks)).text for key in ranks["bm25"]}
    assert said == {
        ("us", "a"): "Fine-tuned 3also at 3 in Fine-tuned",
        ("us", "b"): "Base 1also at 1 in Base",
        ("us", "c"): "Hybrid 1also at 1 in Hybrid",
        ("es", "a"): "only herein no other list beside this one",
    }
    assert moves.elsewhere(("us", "a"), "bm25", {"bm25": ranks["bm25"]}) == "", "alone there is nothing to compare"


def figures(ndcg, recall, exact, scope="locale"):
    return ListQuality(10, ndcg, recall, exact, 20, 6, scope)


def test_figures_stand_beside_their_difference_from_base():
    found = comparison([hit(label="Exact")], [hit()], [], [hit()])
    measured = {"base": figures(0.5, None, 1.0), "tuned": figures(0.75, 0.5, 0.0), "bm25": figures(0.5, 0.5, None)}
    page = columns.comparison(replace(found, quality=measured))
    heads = [Elements(without_help(head)).text for head in re.findall(r'<dl class="figures">.*?</dl>', page)]
    assert heads == [
        "Quality .500Found –First fits yes",
        "Quality .750 +.250Found .500First fits no",
        "Quality .500 .000Found .500First fits –",
    ]
    assert "20 products were rated for this query, 6 as fitting; one without a rating counts as 0." in page
    # Without base there is nothing to differ from.
    systems = {"tuned": found.systems["tuned"]}
    page = columns.comparison(Comparison("q", systems, None, "tuned", quality={"tuned": measured["tuned"]}))
    assert "change" not in page and "Turn on both Base and Fine-tuned" in page


@pytest.mark.parametrize(
    ("scope", "said"), [("locale", "one shop"), ("catalogue", "All locales"), ("filtered", "do not compare")]
)
def test_figures_say_of_what_they_are(scope, said):
    assert said in columns.basis({"tuned": figures(0.5, 0.5, 1.0, scope)})
    assert "No score" in columns.basis({"tuned": None}) and columns.basis({}) == ""


def test_table_has_each_product_once_by_tuned_then_by_best_rank():
    base = [hit(1, product_id="a"), hit(2, product_id="b"), hit(3, product_id="c")]
    tuned, bm25 = [hit(1, product_id="c"), hit(2, product_id="d")], [hit(1, product_id="e"), hit(2, product_id="c")]
    page = rank_table(comparison(base, tuned, [], bm25), {"base": {}, "tuned": {}, "bm25": {}}, judged=False)
    found = re.findall(r'<tr data-same="us/(\w)" .*?</th>(.*?)</tr>', page)
    rows = {product: re.findall(r"<b>(\d+)</b>|>(–)<", cells) for product, cells in found}
    rows = {product: ["".join(rank) for rank in ranks] for product, ranks in rows.items()}
    assert list(rows) == ["c", "d", "a", "e", "b"]
    assert rows["c"] == ["3", "1", "2"] and rows["a"] == ["1", "–", "–"] and rows["e"] == ["–", "–", "1"]
    assert "Label" not in page


def test_tally_counts_labels_in_their_order():
    hits = [hit(label="Irrelevant"), hit(), hit(label="Exact"), hit(label="Exact")]
    assert tally(hits) == "2 Exact · 1 Irrelevant · 1 not rated"


def test_header_says_what_stands_in_and_what_was_measured():
    base, tuned = (
        described(id="tiny/base", revision="0123456789abcdef", reason="not from the Hub: gone"),
        described(id="user/model"),
    )
    about = EngineDescription(dataset="sample", device="cuda", encoders={"base": base, "tuned": tuned})
    text = Elements(header(2524, about, "All made up.", Evaluation(verdict="Fine-tuning helped."))).text
    for said in (
        "2,524 products",
        "sample",
        "GPU",
        "tiny/base",
        "@0123456",
        "not from the Hub: gone",
        "All made up.",
    ):
        assert said in text
    assert "Fine-tuning helped." in text and "None" not in text


@pytest.mark.parametrize(
    ("low", "high", "n", "said", "bar"),
    [
        (0.057, 0.127, 105, "Fine-tuning helped.", [67, 24]),
        (-0.127, -0.057, 105, "Fine-tuning made search worse.", [67, 24]),
        (-0.2, 0.3, 105, "no clear difference", [67, 24]),
        (0.1, 0.2, 9, "9 held-out queries are too few", []),
    ],
)
def test_the_verdict_claims_no_more_than_the_interval(low, high, n, said, bar):
    """Too few queries get neither an interval nor counts, which would look like a finding."""
    wins, losses = (67, 24) if n > 10 else (6, 2)
    found = PairedDifference((low + high) / 2, low, high, n, wins, losses, n - wins - losses)
    page = Elements(plain_verdict(found)).text
    assert said in page
    assert all(f" {count} " in page for count in bar) and ("test queries" in page) == bool(bar)


def test_header_without_a_description():
    text = Elements(header(1, EngineDescription())).text
    assert "1 product" in text and "Measured" not in text and "None" not in text


def test_header_names_commits_in_short_and_says_what_may_be_old():
    """A store from the cache may not be the newest, if the Hub is down; only the log said so once."""
    tuned = described(id="/srv/alice/saved_e5_model")
    local = EngineDescription(dataset="/home/alice/esci", encoders={"tuned": tuned})
    text = Elements(header(1, local)).text
    assert "esci" in text and "saved_e5_model" in text and "alice" not in text
    stale = EngineDescription(dataset=f"a/b@{'5' * 40}", store=f"c/d@{'7' * 40}", store_note="from the cache, 500")
    text = Elements(header(1, stale)).text
    assert "a/b@5555555" in text and "5" * 8 not in text
    assert "c/d@7777777, from the cache, 500" in text


@pytest.mark.parametrize(("code", "said"), [("en", PACKAGED_NAME), ("ru", "4-битные веса из пакета")])
def test_the_header_names_the_packaged_weights_for_what_they_are(code, said):
    base = described(id=PACKAGED_NAME)
    about = EngineDescription(dataset="sample", device="cpu", encoders={"base": base, "tuned": base})
    with language(code):
        assert said in Elements(header(1, about)).text


@pytest.mark.parametrize(
    ("share", "among", "label", "poor"),
    [
        (0.0, "relevant pairs", None, True),
        (0.24, "relevant pairs", "Complement", True),
        (0.25, "relevant pairs", None, False),
        (0.24, "relevant pairs", "Exact", False),
        (0.0, "random pairs", None, False),
    ],
)
def test_a_list_in_which_nothing_fits_says_so(share, among, label, poor):
    """Ten products for "asdkjhaskd zzz" looked like ten good answers."""
    found = result(hit(1, standing=Standing(share, among, 500)), hit(2, label=label))
    said = "Nothing here fits well."
    assert found.fits_poorly is poor
    assert (said in Elements(cards.results(found)).text) is poor
    both = comparison([], [hit(1)], [])
    both = replace(both, systems={"base": replace(found, system="base"), "tuned": result(hit(1))})
    assert (said in Elements(columns.comparison(both)).text) is poor


def test_nothing_fits_badly_where_nothing_is_known():
    assert not result().fits_poorly and not result(hit(1)).fits_poorly


@pytest.mark.parametrize("system", ["tuned", "bm25"])
def test_an_empty_list_names_the_filters_that_emptied_it(system):
    """BM25's list blamed the words where the price was the reason."""
    found = result(system=system)
    text = Elements(cards.results(found, emptied={"max_price": "5"})).text
    assert "“Price to” (5)" in text and "shares a word" not in text
    both = Comparison("shoes", {system: found})
    assert "“Price to” (5)" in Elements(columns.comparison(both, {"max_price": "5"})).text
    assert ("shares a word" in Elements(cards.results(found)).text) is (system == "bm25")


def test_a_refused_filter_is_named_by_its_label():
    error = FilterError("{name} ({low}) is above", {"name": "min_price"}, low=50)
    assert "“Price from” (50) is above" in Elements(panels.refused(error)).text
    with language("ru"):
        assert "“Price from”" not in Elements(panels.refused(error)).text
    assert "K is too large" in Elements(panels.refused(QueryError("k is too large"))).text
