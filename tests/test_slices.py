"""Slices of the held-out queries, on cases that can be counted by hand."""

import numpy as np
import pandas as pd
import pytest

from space.data.scale import ESCI
from space.evaluation import findings, protocols, slices
from space.evaluation.estimates import MIN_QUERIES, BeforeAfter
from space.evaluation.schema import Evaluation
from space.evaluation.tables import METRICS, PerQuery

HEADLINE, JUDGED = slices.FIGURES


def measured(rows, labels=True):
    """The evaluation of (locale, query, base, tuned, (E, S, C, I)) rows, one value for every metric."""
    index = pd.MultiIndex.from_tuples([row[:2] for row in rows], names=["product_locale", "query"])
    names = [f"{protocol}/{name}" for protocol, metrics in METRICS.items() for name in metrics]
    results = {
        system: pd.DataFrame({name: [float(row[place]) for row in rows] for name in names}, index=index)
        for system, place in (("base", 2), ("tuned", 3))
    }
    counts = pd.DataFrame([row[4] for row in rows], index=index, columns=list(ESCI.names))
    return Evaluation(
        protocols=protocols.summarize(results), per_query=protocols.by_query(results, counts if labels else None)
    )


def many(locale, count, change, labels=(1, 1, 0, 0), base=0.5, words="mug"):
    return [(locale, f"{words} {locale}{number}", base, base + change, labels) for number in range(count)]


def cut_of(rows):
    frame = slices.queries(measured(rows))
    return frame, slices.cut(frame)


def named(found, by):
    return {one.name: one for one in found[by]}


# -- lengths ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "name"), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (40, 2)])
def test_lengths(count, name):
    assert slices.length(" ".join(["word"] * count)) == slices.LENGTHS[name]


# -- reading ---------------------------------------------------------------------------------------------------------


def test_queries_of_an_evaluation():
    """Figures stand beside the query they belong to."""
    frame = slices.queries(measured([("us", "mug", 0.2, 0.5, (3, 2, 1, 0)), ("es", "taza", 0.4, 0.3, (0, 1, 0, 4))]))
    assert frame["query"].tolist() == ["mug", "taza"] and frame["product_locale"].tolist() == ["us", "es"]
    assert slices.difference(frame, HEADLINE).tolist() == pytest.approx([0.3, -0.1])
    assert frame[list(ESCI.names)].to_numpy().tolist() == [[3, 2, 1, 0], [0, 1, 0, 4]]


def test_an_older_evaluation_has_no_label_mix():
    """Models that were trained before the counts were kept are still served."""
    frame = slices.queries(measured(many("us", 12, 0.1), labels=False))
    assert not set(ESCI.names) & set(frame)
    assert list(slices.cut(frame)) == ["Locale", "Query length"]


def test_an_evaluation_without_base_and_tuned_has_no_slices():
    assert slices.queries(Evaluation()) is None
    assert slices.queries(Evaluation(per_query=PerQuery(["us"], ["mug"]))) is None


# -- figures ---------------------------------------------------------------------------------------------------------


def test_slices_by_hand():
    """Each query in its own slice, with its own figures, and the slices of a cut hold every query once."""
    rows = [
        *many("us", 12, 0.25, (4, 1, 1, 0), base=0.5),  # two words each
        *many("es", 11, -0.25, (1, 1, 0, 1), base=0.75, words="zapatos rojos para"),
        ("jp", "水筒", 0.25, 0.25, (0, 1, 1, 1)),
    ]
    frame, found = cut_of(rows)
    locales = named(found, "Locale")
    assert list(locales) == ["es", "jp", "us"]
    assert locales["us"].figures[HEADLINE] == BeforeAfter(
        0.25, 0.25, 0.25, 12, wins=12, losses=0, ties=0, base=0.5, tuned=0.75
    )
    assert locales["es"].figures[JUDGED].mean == -0.25 and locales["es"].figures[JUDGED].losses == 11
    assert locales["jp"].figures[HEADLINE].ties == 1
    assert {name: one.figures[HEADLINE].n for name, one in named(found, "Query length").items()} == {
        "1–2 words": 13,
        "3–4 words": 11,
    }
    assert {name: one.figures[HEADLINE].n for name, one in named(found, "Label mix").items()} == {
        "mostly relevant": 12,
        "mixed": 11,
        "few relevant": 1,
    }
    for parts in found.values():
        assert sum(one.figures[HEADLINE].n for one in parts) == len(frame)


def test_bounds_of_the_label_mix():
    """Two thirds are mostly, one third is mixed, no judgment at all is few."""
    frame = pd.DataFrame(
        [(2, 1, 0, 0), (3, 2, 0, 0), (1, 1, 1, 0), (1, 0, 0, 3), (0, 0, 0, 0)], columns=list(ESCI.names)
    )
    assert slices.mixes(frame).tolist() == ["mostly relevant", "mixed", "mixed", "few relevant", "few relevant"]


def test_undefined_metrics_do_not_count():
    """nDCG of a query without any gain is null; neither n nor the means may know it."""
    found = measured(many("us", 12, 0.1))
    found.per_query.systems["base"][HEADLINE][0] = None
    found.per_query.systems["tuned"][HEADLINE][0] = 1.0  # one-sided, so that a careless mean would show
    (one,) = slices.cut(slices.queries(found))["Locale"]
    assert one.figures[HEADLINE].n == 11 and one.figures[HEADLINE].tuned == pytest.approx(0.6)
    assert one.figures[JUDGED].n == 12


def test_intervals_agree_with_the_table_s():
    """Another seed, or values of other queries, would tell another story than the table above it."""
    rng = np.random.default_rng(0)
    rows = [
        ("us", f"mug {number}", base, base + change, (1, 1, 0, 0))
        for number, (base, change) in enumerate(zip(rng.random(60), rng.normal(0.05, 0.1, 60), strict=True))
    ]
    summary = measured(rows)
    table = summary.difference("tuned")
    (one,) = slices.cut(slices.queries(summary))["Locale"]
    figures = one.figures[HEADLINE]
    assert figures.mean == table.mean and figures.wins == table.wins
    assert figures.low == pytest.approx(table.low, abs=0.003)
    assert figures.high == pytest.approx(table.high, abs=0.003)


# -- conclusions -----------------------------------------------------------------------------------------------------


def said(rows):
    frame, cuts = cut_of(rows)
    return " ".join(findings.of_slices(slices.figures(frame), cuts))


def test_a_gain_that_a_slice_pays_for_is_said():
    """The mean hides it: 40 queries up, 12 down, all in one locale."""
    text = said([*many("us", 40, 0.1), *many("es", 12, -0.05)])
    for metric in slices.FIGURES.values():
        fall = f"over its 12 queries {metric} falls by .050, over all queries it rises by .065."
        assert f"Locale “es” pays for the gain: {fall}" in text
    assert "Clearly better in full-catalogue nDCG@10: Locale “us” (+.100)" in text
    assert "No slice" not in text


def test_a_slice_that_is_too_small_pays_for_nothing():
    """Nine queries, however bad, are no finding."""
    text = said([*many("us", 40, 0.1), *many("es", MIN_QUERIES - 1, -0.05)])
    assert "pays for" not in text and "too small to tell" in text
    assert f"No slice of at least {MIN_QUERIES} queries is clearly worse" in text


def test_a_loss_everywhere_is_no_gain_that_was_paid_for():
    text = said([*many("us", 12, -0.1), *many("es", 12, -0.05)])
    assert "pays for" not in text and "No slice" not in text


def test_an_interval_that_holds_zero_is_not_worse():
    rows = many("us", 40, 0.1) + [
        ("es", f"taza {n}", 0.5, 0.5 + (0.2 if n % 2 else -0.25), (1, 1, 0, 0)) for n in range(12)
    ]
    assert "pays for" not in said(rows)


def test_a_slice_that_leans_the_other_way_is_named_without_being_called_worse():
    """Twelve queries that fall by .025 on average prove nothing, and must not hide behind a gain of the whole."""
    rows = many("us", 40, 0.1) + [
        ("es", f"taza {n}", 0.5, 0.5 + (0.2 if n % 2 else -0.25), (1, 1, 0, 0)) for n in range(12)
    ]
    leaning = "Lower than base, but not clearly, while full-catalogue nDCG@10 rises over all queries: "
    assert f"{leaning}Locale “es” (−.025)." in said(rows)
    assert "wrong by chance" in said(rows)
    assert "Lower than base" not in said([*many("us", 12, -0.1), *rows[40:]])  # all queries lose


def test_a_cut_with_one_part_says_nothing():
    """One locale, one length and one mix are the whole again."""
    assert said(many("us", 12, -0.1)) == ""
