"""The Evaluation tab for an evaluation with known figures, and for incomplete ones."""

import html
import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest
import small_evaluation
import small_shop

from space.evaluation.estimates import PairedDifference
from space.evaluation.protocols import PROTOCOLS
from space.evaluation.schema import Evaluation
from space.evaluation.tables import METRICS, SmallerVectors
from space.feedback.journal import Journal
from space.feedback.people import People
from space.feedback.raters import Access
from space.search.description import EngineDescription
from space.search.roles import Roles
from space.ui import links
from space.ui.html import cards, charts, comparison, explanation, names, numbers, per_query, runs, smaller, verdict
from space.ui.links import Link, parse, split
from space.ui.page import build_demo
from space.ui.tabs.evaluation import page

SERVING = small_shop.engine().description.encoders


@pytest.fixture(scope="module")
def content():
    return small_evaluation.content()


@pytest.fixture(scope="module")
def whole(content):
    return page(content, EngineDescription(encoders=SERVING))


def section(shown, kind):
    """The HTML of one section, by its class."""
    (found,) = re.findall(rf'<section class="{kind}[ "].*?</section>', shown, flags=re.DOTALL)
    return found


def text(shown):
    """The visible text."""
    return " ".join(html.unescape(re.sub(r"<title>.*?</title>|<[^>]*>", " ", shown)).split())


# -- numbers ---------------------------------------------------------------------------------------------------------


def test_ends_of_a_scale_have_no_idle_digits():
    assert [numbers.short(value) for value in (0.0, 0.8, 1.0)] == ["0", ".8", "1"]
    assert [numbers.short(value, signed=True) for value in (-0.15, 0.05, 0.0)] == ["−.15", "+.05", "0"]


def test_too_few_queries_have_no_interval():
    """With fewer than ten queries an interval would look like a finding."""
    few = PairedDifference(0.2, 0.1, 0.3, 9, wins=9, losses=0, ties=0)
    shown = text(numbers.change(few))
    assert shown == "+.200 too few 9 better · 0 worse · 0 the same"
    assert text(numbers.change(replace(few, n=10))) == "+.200 [+.100, +.300] better 9 better · 0 worse · 0 the same"


# -- charts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([0.002, 0.673], 0.0, 0.7),
        ([0.3, 0.6], 0.3, 0.6),
        ([-0.148, 0.223], -0.2, 0.3),
        ([0.5], 0.5, 0.6),
        ([], 0, 0.1),
    ],
)
def test_scale_holds_its_values(values, low, high):
    """Rounding matters: in floating point .3 / .1 is more than 3."""
    assert charts.scale(values) == charts.Scale(low, high)


def test_places_on_a_scale():
    over = charts.Scale(-0.1, 0.3)
    assert [over.at(value) for value in (-0.1, 0.0, 0.3, 9.0, -9.0)] == [
        "0.00%",
        "25.00%",
        "100.00%",
        "100.00%",
        "0.00%",
    ]


def path_of(shown, kind):
    return re.search(rf'<path class="{kind}" d="([^"]*)"', shown)[1]


def bands_of(shown):
    found = re.findall(
        r'<g class="band" data-link="([^"]*)"><rect x="([\d.]+)%" width="([\d.]+)%".*?<title>(.*?)<', shown
    )
    return [(html.unescape(link), float(x), float(width), html.unescape(title)) for link, x, width, title in found]


def test_bars_go_up_and_down_from_zero():
    bands = [charts.Band(1, title, "?") for title in "abcd"]
    shown = charts.bars(np.array([0.3, 0.1, 0.0, -0.1]), charts.Scale(-0.1, 0.3), bands, "four")
    assert path_of(shown, "up") == "M0 0V-750h80V0zM100 0V-250h80V0z"
    assert path_of(shown, "down") == "M300 0V250h80V0z"
    assert 'viewBox="0 -750 400 1000"' in shown and 'y1="75.00%"' in shown
    assert [band[1:] for band in bands_of(shown)] == [(0, 25, "a"), (25, 25, "b"), (50, 25, "c"), (75, 25, "d")]


def test_shares_add_up():
    shown = charts.shares([("up", 22), ("same", 3), ("down", 0), ("down", 75)], "t")
    found = re.findall(r'class="(\w+)" x="([\d.]+)%" width="([\d.]+)%"', shown)
    assert found == [("up", "0.00", "22.00"), ("same", "22.00", "3.00"), ("down", "25.00", "75.00")]


def test_curve_goes_down_where_the_loss_does():
    """In SVG, y grows downwards."""
    shown = charts.curve([(1, 0.4), (2, 0.3), (5, 0.0)], [0.4, 0.3, 0.0], charts.Scale(0.0, 0.4), "loss")
    assert path_of(shown, "raw") == "M0 0L250 250L1000 1000"


# -- the whole -------------------------------------------------------------------------------------------------------


def test_page_is_well_formed(whole):
    """After an unclosed element the rest of the page would be inside of it."""
    ElementTree.fromstring(whole)


def test_nothing_foreign_is_markup(whole):
    assert "<script" not in whole and "&lt;script&gt;" in whole


def test_answer_comes_first_in_plain_words(content, whole):
    """The mean of CHANGES is +1.1 / 38, with zero in its interval, so nothing may claim that it helped."""
    answer = text(section(whole, "answer"))
    assert answer.startswith("Fine-tuning made no clear difference: the 95 % interval includes zero.")
    assert "Over 38 held-out queries" in answer and "from .500 to .529 : +.029 on average" in answer
    assert "22 better · 13 worse · 3 the same" in answer
    assert "a random order .050, BM25 .700" in answer
    assert "BM25, which needs no training, is above the fine-tuned encoder here." in answer
    assert whole.index("answer") < whole.index("protocol")


def test_weights_that_were_not_measured_are_told(content, whole):
    """Figures of one model beside answers of another would mislead."""
    other = {**SERVING, "tuned": replace(SERVING["tuned"], fingerprint="f00")}
    shown = page(content, EngineDescription(encoders=other))
    assert "other weights than those that answer here (Fine-tuned)" in text(section(shown, "answer"))
    assert "other weights, f00" in section(shown, "encoders")
    assert "other weights" not in whole and whole.count("the same weights") == 2


def test_protocols_are_kept_apart(whole):
    """Figures of the two protocols cannot be compared, so each has a table of its own."""
    for protocol, metrics in METRICS.items():
        shown = section(whole, f"protocol {protocol}")
        assert PROTOCOLS[protocol] in html.unescape(shown)
        assert PROTOCOLS[protocol].count(". ") + PROTOCOLS[protocol].endswith(".") == 2
        heads = re.findall(r"<h3>([^<]*)", shown)
        assert [head.strip() for head in heads] == [names.METRICS[metric] for metric in metrics]
        assert shown.count("<table>") == 2 * len(metrics)


def test_a_metric_s_table(content, whole):
    """Each system has its own figures, and its difference from base with wins, losses and ties."""
    headline = re.search(r'<article class="metric decides">.*?</article>', whole, flags=re.DOTALL)[0]
    assert "<h3>nDCG@10" in headline
    table = content.protocols["full_catalogue"]
    rows = {}
    for name, figures in re.findall(r'<th scope="row">([^<]*)</th>.*?</td><td>(.*?)</td>', headline):
        rows.setdefault(name, []).append(text(figures))
    assert list(rows) == ["Random", "BM25", "Base", "Fine-tuned", "Hybrid"]
    tuned, change = table.systems["tuned"]["ndcg@10"], table.differences["tuned"]["ndcg@10"]
    assert rows["Fine-tuned"] == [
        f"{numbers.plain(tuned.mean)} [{numbers.plain(tuned.low)}, {numbers.plain(tuned.high)}]",
        f"+.029 [{numbers.signed(change.low)}, {numbers.signed(change.high)}] unclear "
        "22 better · 13 worse · 3 the same",
    ]
    assert rows["BM25"][1] == "+.200 [+.200, +.200] better 38 better · 0 worse · 0 the same"
    assert rows["Hybrid"][1] == "−.200 [−.200, −.200] worse 0 better · 38 worse · 0 the same"
    assert len(rows["Base"]) == len(rows["Random"]) == 1
    last = re.findall(
        r'<article class="metric">.*?</article>', section(whole, "protocol full_catalogue"), flags=re.DOTALL
    )[-1]
    assert "hit@1" in last and "+.014 [" in text(last) and "−.100 [−.100, −.100]" in text(last)


def test_every_query_is_a_bar_that_can_be_read(whole):
    shown = section(whole, "queries")
    bands = bands_of(shown)
    assert len(bands) == 38
    assert bands[0][3] == "1 of 38: “query us 20” (us) +.400, from .500 to .900"
    assert bands[-1][3] == f"38 of 38: “{small_evaluation.HOSTILE}” (us) −.300, from .500 to .200"
    assert path_of(shown, "up").count("M") == 22 and path_of(shown, "down").count("M") == 13
    assert "22 above zero, 13 below" in shown


def test_ends_of_the_list_lead_to_the_comparison(whole):
    """Five gains and five losses, largest first, linked to a comparison over the products they were measured on."""
    gains, losses = re.findall(r"<h3>(?:Largest gains|Largest losses)</h3>(.*?)</div>", section(whole, "queries"))
    found = re.findall(r'<a class="carry" href="([^"]*)".*?>(.*?)</a><span class="moved">(.*?)</span>', losses)
    assert [moved.split(",")[0] for _, _, moved in found] == ["−.300", "−.200", "−.100", "−.100", "−.100"]
    assert html.unescape(found[0][1]) == f"{small_evaluation.HOSTILE} (us)"
    assert parse(split(html.unescape(found[0][0])), Roles(("tuned",), ("tuned",))) == (
        Link(small_evaluation.HOSTILE, tab="compare", system="tuned", filters={"locale": "us"}),
        [],
    )
    assert [moved.split(",")[0] for moved in re.findall('"moved">(.*?)<', gains)] == ["+.400", "+.300"] + ["+.100"] * 3


def test_ties_are_neither_gain_nor_loss():
    """Queries that did not move are in neither list."""
    shown = per_query.chart(per_query.slices.queries(small_evaluation.content({"us": [0.0] * 12})))
    assert text(shown).endswith("Largest gains No query. Largest losses No query.")


def test_a_query_of_one_locale_is_compared_within_it():
    """All queries may be of one locale while the catalogue has more."""
    frame = per_query.slices.queries(small_evaluation.content({"us": [0.1, 0.2]}))
    for several in (False, True):
        shown = per_query.chart(frame, several=several)
        found = re.findall(r'href="(.*?)"', shown)
        assert found and all(("locale=us" in link) == several for link in found)
        assert "(us)" not in text(shown)


def test_many_queries_stay_light():
    """2,000 queries take less than 100 kB."""
    rng = np.random.default_rng(0)
    base, tuned = rng.random((2, 2000)).tolist()
    figures = {name: dict.fromkeys(per_query.FIGURES, part) for name, part in (("base", base), ("tuned", tuned))}
    held = {"product_locale": ["us"] * 2000, "query": [f"query {n}" for n in range(2000)], "systems": figures}
    shown = per_query.chart(per_query.slices.queries(Evaluation.from_json({"per_query": held})))
    bands = bands_of(shown)
    assert len(bands) == charts.MAX_BANDS
    assert sum(width for _, _, width, _ in bands) == pytest.approx(100, abs=0.2)
    assert bands[0][3].startswith("1 to 10 of 2,000: +.") and "among them “query " in bands[0][3]
    assert bands[-1][3].startswith("1,991 to 2,000 of 2,000: −.")
    assert len(shown) < 100_000


def test_slices_are_told_and_the_small_ones_are_not_judged(whole):
    shown = section(whole, "slices")
    said = text(re.search(r"<ul.*?</ul>", shown)[0])
    assert "Locale “es” pays for the gain: over its 12 queries full-catalogue nDCG@10 falls by .108" in said
    rows = {
        name: text(cells)
        for name, cells in re.findall(r'<th scope="row">(\w+)<span class="size">.*?</th>(.*?)</tr>', shown)
    }
    assert rows["es"].startswith("−.108 [") and "worse .500 → .392 · 0 better · 12 worse · 0 the same" in rows["es"]
    assert rows["jp"].startswith("+.150 too few .500 → .650 · 1 better · 0 worse · 1 the same")
    assert "Label mix all queries: mixed" in text(shown)


def test_gains_and_the_official_script(whole):
    shown = section(whole, "gains")
    assert "Exact 1, Substitute .1, Complement .01, Irrelevant 0." in text(shown)
    assert "swaps Substitute and Complement" in text(shown)
    assert re.findall(r"esci-data/issues/(\d+)", shown) == ["9", "18"]


def test_how_it_came_about(whole):
    assert "Loss by step: .1900 at the start, .1000 at the end." in text(section(whole, "training"))
    training = text(section(whole, "training"))
    assert "Time 40 s" in training and "step 1 step 10" in training and "Memory at most 2.3 GB" in training
    data = text(section(whole, "data"))
    assert "Held-out queries 38 of 100" in data and "Trained on 1,234 judgments" in data and small_shop.NOTICE in data
    encoders = text(section(whole, "encoders"))
    for encoder in SERVING.values():
        assert encoder.id in encoders and encoder.fingerprint in encoders
    settings = text(section(whole, "settings"))
    assert "--learning-rate 2e-05" in settings and "--locales us es jp" in settings and "push-to-hub" not in settings


# -- less than all ---------------------------------------------------------------------------------------------------


def test_no_evaluation_says_how_to_make_one():
    shown = page(None, EngineDescription())
    ElementTree.fromstring(shown)
    assert "Nothing has been measured here." in shown and "accelerate launch train.py" in shown


def test_an_older_evaluation_says_what_it_does_not_hold():
    """There are models on the Hub from before evaluations had label counts."""
    shown = page(small_evaluation.content(labels=False), EngineDescription(encoders=SERVING))
    assert "No slices by label mix" in section(shown, "slices") and "Query length" in section(shown, "slices")


@pytest.mark.parametrize("instead", ["missing", None, "text", [1, "two", None], {"x": {"y": "z"}}, 7])
def test_any_part_may_be_missing_or_bent(content, instead, monkeypatch):
    """A store may come from a stranger or a later version: the tab shows the parts that it can read."""
    monkeypatch.setattr(per_query.slices, "RESAMPLES", 10)
    whole = json.loads(content.to_json())
    for part in whole:
        bent = {name: value for name, value in whole.items() if name != part}
        if instead != "missing":
            bent[part] = instead
        shown = page(Evaluation.from_json(bent), EngineDescription(encoders=SERVING))
        ElementTree.fromstring(shown)
        assert "What a label is worth" in shown


def test_bare_evaluation():
    shown = page(Evaluation(verdict="Fine-tuning helped: much."), EngineDescription())
    assert "<h2>Fine-tuning helped: much.</h2>" in shown
    assert shown.count("no figures of this protocol") == 2
    assert "no figures of single queries" in shown and "says nothing about the training" in shown


@pytest.mark.parametrize("history", [[], [{"step": 1, "loss": 0.5}], [{"loss": 0.5}, {"step": 2}]])
def test_a_training_without_a_curve(content, history):
    training = replace(content.training, history=history)
    assert "Too few steps" in runs.training(replace(content, training=training))


def test_a_level_loss_is_drawn(content):
    training = replace(content.training, history=[{"step": n, "loss": 0.5} for n in range(5)])
    ElementTree.fromstring(runs.training(replace(content, training=training)))


# -- the page around it ----------------------------------------------------------------------------------------------


def test_tabs_are_those_that_links_know(content, tmp_path):
    """Every tab has a link, and every link a tab."""
    people = People(Journal(tmp_path), Access("open"), Access("open"))
    demo = build_demo(small_shop.engine(content), people=people)
    found = {
        block.id: block.label.key.removeprefix("e5:")
        for block in demo.blocks.values()
        if type(block).__name__ == "Tab"
    }
    assert found == links.TABS and list(found) == list(links.TABS)
    assert set(links.ASKING) <= set(links.TABS)


def test_figures_between_0_and_1_have_one_format():
    """Scores were written 0.857 beside a quality of .857."""
    evaluation = small_evaluation.content()
    engine = small_shop.engine(evaluation)
    found = engine.compare("red sneakers", 5, ["base", "tuned", "bm25", "hybrid"])
    hit = found.systems["tuned"].hits[0]
    explained = [engine.explain("red sneakers", hit.product_locale, hit.product_id, name) for name in found.systems]
    shown = [
        page(evaluation, engine.description),
        comparison.comparison(found),
        *(cards.results(result) for result in found.systems.values()),
        *(explanation.reasons(one) for one in explained),
        verdict.verdict(evaluation, None, engine.description),
    ]
    assert re.search(r"\s\.\d{3}", text("".join(shown)))
    for one in shown:
        words = text(re.sub(r'<span class="timings">.*?</span>', "", one))  # milliseconds
        assert not re.findall(r"(?<![\d.])0\.\d+", words)


def test_smaller_vectors_have_a_row_each_and_no_section_without_them(content):
    whole = {part: table.systems["base"] for part, table in content.protocols.items()}
    less = {part: table.differences["bm25"] for part, table in content.protocols.items()}
    sizes = [
        SmallerVectors("base", 384, "float16", False, 768, whole),
        SmallerVectors("base", 64, "centred-binary", True, 8, whole, less),
        SmallerVectors(small_evaluation.HOSTILE, 64, small_evaluation.HOSTILE, False, 8, {}),
    ]
    shown = smaller.section(replace(content, smaller=sizes))
    rows = [[" ".join(cell.itertext()) for cell in row] for row in ElementTree.fromstring(shown).iter("tr")]
    assert len(rows) == 4 and rows[1][1:4] == ["384", "float16", "768"] and rows[1][5] == ""
    assert rows[2][1:4] == ["64", "binary, centred, rescored", "8"] and rows[3][4] == "–"
    assert numbers.change(less["full_catalogue"]["ndcg@10"]) in shown
    assert "<script" not in shown and smaller.section(content) == ""
