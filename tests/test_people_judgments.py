"""People's judgments: kept, agreed on, queued, and counted in the evaluation."""

import random

import numpy as np
import pandas as pd
import pytest
import small_evaluation
import small_shop

from space.data.catalogue import rows_of
from space.data.scale import ESCI
from space.evaluation import protocols
from space.feedback.agreement import agreement, cohens_kappa, fleiss_kappa
from space.feedback.journal import Journal
from space.feedback.judgments import CANNOT_TELL, FRAME, WITHDRAWN, Judgment, Judgments, agreed_grade, frame
from space.feedback.machine_opinion import MACHINE
from space.feedback.people_evaluation import PeopleEvaluation
from space.feedback.pool import Lists, judged_at_10, next_task
from space.feedback.raters import visit_name
from space.retrieval.reranked import RerankedSystem, texts_of


def judged(rater, product, grade, query="red shoes", at="2026-01-02T03:04:05+00:00", locale="us"):
    return Judgment(at, rater, locale, query, product, grade)


# -- keeping ---------------------------------------------------------------------------------------------------------


def test_a_judgment_can_be_changed_and_taken_back(tmp_path):
    """The last one of each rater counts, also after a restart."""
    kept = Judgments(Journal(tmp_path))
    kept.add(judged("owner", "p1", "Exact"))
    kept.add(judged("owner", "p1", "Irrelevant", query="Red  SHOES"))
    kept.add(judged("owner", "p2", "Exact"))
    kept.add(judged("owner", "p2", WITHDRAWN))
    kept.add(judged("hub:ann", "p1", CANNOT_TELL))
    for read in (kept, Judgments(Journal(tmp_path))):
        assert {(one.rater, one.product_id, one.grade) for one in read.all()} == {
            ("owner", "p1", "Irrelevant"), ("hub:ann", "p1", CANNOT_TELL)
        }  # fmt: skip


def test_the_grade_of_several_raters_is_their_median():
    """Of two grades the worse one; visits without a name are one rater; "cannot tell" is none."""

    def grade(*grades):
        return agreed_grade([judged(f"hub:{number}", "p", one) for number, one in enumerate(grades)], ESCI)

    assert (grade("Exact"), grade("Exact", "Irrelevant", "Exact")) == ("Exact", "Exact")
    assert grade("Exact", "Substitute") == "Substitute" and grade("Exact", CANNOT_TELL) == "Exact"
    assert grade(CANNOT_TELL) is None
    crowd = [judged(visit_name(str(number)), "p", "Irrelevant") for number in range(99)]
    assert agreed_grade([judged("hub:a", "p", "Exact"), judged("hub:b", "p", "Exact"), *crowd], ESCI) == "Exact"


# -- agreement -------------------------------------------------------------------------------------------------------


def test_cohens_kappa_by_hand():
    """25 yes, 25 no of 50: both yes 20, both no 15, 5 and 10 apart. Observed .7, by chance .5, so .4."""
    first = np.array([1] * 25 + [0] * 25)
    second = np.array([1] * 20 + [0] * 5 + [1] * 10 + [0] * 15)
    assert cohens_kappa(first, second) == pytest.approx(0.4)
    assert cohens_kappa(first, first) == 1.0 and cohens_kappa(np.ones(3), np.ones(3)) is None


def test_fleiss_kappa_by_hand():
    """Ten items, fourteen raters, five categories; the textbook example, .210."""
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    assert fleiss_kappa(np.array(counts)) == pytest.approx(0.210, abs=5e-4)


def test_agreement_takes_pairs_with_two_grades():
    """Two raters are Cohen's, three Fleiss'; who could not tell did not rate."""
    pairs = {("us", "q", "1"): [judged("a", "1", "Exact"), judged("b", "1", "Exact")],
             ("us", "q", "2"): [judged("a", "2", "Irrelevant"), judged("b", "2", "Irrelevant")],
             ("us", "q", "3"): [judged("a", "3", "Exact"), judged("b", "3", CANNOT_TELL)]}  # fmt: skip
    found = agreement(pairs, ESCI.names)
    assert (found.kind, found.kappa, found.pairs, found.raters) == ("cohen", 1.0, 2, 2)
    pairs["us", "q", "4"] = [judged("b", "4", "Exact"), judged("c", "4", "Irrelevant")]
    found = agreement(pairs, ESCI.names)
    # Agreement 1, 1, 0; shares 3/6 Exact, 3/6 Irrelevant: (2/3 - 1/2) / (1/2) = 1/3.
    assert (found.kind, found.pairs, found.raters) == ("fleiss", 3, 3) and found.kappa == pytest.approx(1 / 3)
    assert agreement({}, ESCI.names) is None


# -- the queue -------------------------------------------------------------------------------------------------------

POOL = [
    Lists("us", "worst", {"base": ["a", "b"], "tuned": ["b", "c"]}, {"a"}),  # 1 of 3 is labelled
    Lists("us", "better", {"base": ["a", "b"], "tuned": ["a", "d"]}, {"a", "d"}),  # 2 of 3
    Lists("us", "done", {"base": ["a"], "tuned": []}, {"a"}),
]


def test_the_worst_covered_query_comes_first_and_all_its_pairs_come():
    drawn = {next_task(POOL, {}, set(), rng=random.Random(seed)).product_id for seed in range(20)}
    assert drawn == {"b", "c"}
    task = next_task(POOL, {}, set(), rng=random.Random(1))
    assert task.lists.query == "worst" and task.best_rank == {"b": 1, "c": 2}[task.product_id]


def test_every_pair_is_asked_once_and_skipped_ones_do_not_come_back():
    judged_pairs, mine, order = {}, set(), []
    while task := next_task(POOL, judged_pairs, mine, rng=random.Random(3)):
        key = task.lists.key(task.product_id)
        mine.add(key)
        if len(order) != 1:  # the second one is skipped
            judged_pairs[key] = 1
        order.append(key[1:])
    assert sorted(order) == [("better", "b"), ("worst", "b"), ("worst", "c")]
    assert next_task(POOL, judged_pairs, set()) is not None  # for another rater the skipped pair is open


def test_several_raters_may_be_wanted_for_a_pair():
    one = {POOL[0].key("b"): 1, POOL[0].key("c"): 1, POOL[1].key("b"): 1}
    assert next_task(POOL, one, set()) is None
    assert next_task(POOL, one, set(), raters=2) is not None
    assert next_task(POOL, one, set(one), raters=2) is None


def test_progress_is_the_judged_share_of_each_systems_top_ten():
    assert judged_at_10(POOL, set()) == {"base": (1 / 2 + 1 / 2 + 1) / 3, "tuned": (0 + 1) / 2}
    assert judged_at_10(POOL, {POOL[0].key("b")})["tuned"] == (1 / 2 + 1) / 2


# -- what it changes -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop():
    return small_shop.engine(small_evaluation.content())


def evaluation_of(shop):
    return PeopleEvaluation(shop.systems, shop.judgments, shop.catalogue, shop.scale, shop.evaluation)


def test_labels_and_people_are_evaluated_as_one_set_of_labels(shop):
    """The fast path, which remembers what each system found, against the protocols over systems that do not."""
    people = frame({one.pair: [one] for one in [
        judged("owner", "p04", "Exact", "Red  sneakers"),  # written otherwise
        judged("owner", "p01", "Irrelevant", "red sneakers"),  # has a label, which stays
        judged("owner", "p05", "Substitute", "cellphone"),
        judged("owner", "p05", "Exact", "never asked"),
        judged("owner", "gone", "Exact", "cellphone"),
    ]}, ESCI)  # fmt: skip
    kept = evaluation_of(shop)
    kept.with_people(people.head(0))
    found = kept.with_people(people)
    assert (found.pairs, found.raters) == (2, {"owner": 2})
    more = pd.DataFrame([("red sneakers", 2, "p04", "us", "Exact"), ("cellphone", 3, "p05", "us", "Substitute")],
                        columns=["query", "query_id", "product_id", "product_locale", "esci_label"])  # fmt: skip
    labels = pd.concat([shop.judgments, more], ignore_index=True)
    labels = labels.assign(row=rows_of(shop.catalogue, labels["product_locale"], labels["product_id"]))
    for name, system in shop.systems.items():
        slow = protocols.per_query(system, labels, shop.catalogue, ESCI)
        for column in slow:
            np.testing.assert_allclose(found.evaluation.per_query.values(name, column), slow[column], atol=1e-6)
    assert found.evaluation.per_query.labels["Exact"] == protocols.label_counts(labels)["Exact"].tolist()


class CountingScorer:
    """A cross-encoder that likes titles with late letters, and remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def scores(self, pairs):
        self.asked += pairs
        return np.array([sum(map(ord, text)) % 101 for _, text in pairs], np.float32)


def test_a_cross_encoder_scores_each_pair_once(shop):
    """It is a thousand times slower than counting: judgments that change must not have all lists scored again."""
    scorer = CountingScorer()
    system = RerankedSystem(shop.systems["tuned"], scorer, texts_of(shop.catalogue), 5)
    kept = PeopleEvaluation(shop.systems | {"reranked": system}, shop.judgments, shop.catalogue, ESCI, None)
    for grade in ("Exact", "Irrelevant"):
        one = judged("owner", "p05", grade, "cellphone")
        found = kept.with_people(frame({one.pair: [one]}, ESCI))
    assert len(scorer.asked) == len(set(scorer.asked)) > 20
    more = pd.DataFrame([("cellphone", 3, "p05", "us", "Irrelevant")], columns=list(shop.judgments.columns))
    labels = pd.concat([shop.judgments, more], ignore_index=True)
    labels = labels.assign(row=rows_of(shop.catalogue, labels["product_locale"], labels["product_id"]))
    slow = protocols.per_query(system, labels, shop.catalogue, ESCI)
    for column in slow:
        np.testing.assert_allclose(found.evaluation.per_query.values("reranked", column), slow[column], atol=1e-6)


def test_grades_of_a_model_count_where_neither_a_label_nor_people_say_anything(shop):
    """And only where they are asked for: with them, without them, and with them again."""
    fits = [judged("owner", "p04", "Exact", "red sneakers")]
    people = frame({one.pair: [one] for one in fits}, ESCI)
    grades = [("us", "Red  Sneakers", "p04", "Irrelevant"), ("us", "red sneakers", "p01", "Irrelevant"),
              ("us", "cellphone", "p05", "Substitute")]  # fmt: skip
    machine = pd.DataFrame([(*one, MACHINE, "2026-01-02") for one in grades], columns=list(FRAME))
    kept = evaluation_of(shop)
    alone, found = kept.with_people(people), kept.with_people(people, machine)
    assert (alone.pairs, alone.machine, found.pairs, found.raters, found.machine) == (1, 0, 1, {"owner": 1}, 1)
    as_people = [*fits, judged("owner", "p05", "Substitute", "cellphone")]
    same = evaluation_of(shop).with_people(frame({one.pair: [one] for one in as_people}, ESCI))
    assert found.evaluation == same.evaluation != alone.evaluation
    assert kept.with_people(people).evaluation == alone.evaluation
    assert kept.with_people(people, machine).evaluation == found.evaluation


def test_judgments_of_people_can_turn_the_verdict(shop):
    """Products that fine-tuning brought in and that have no label count once people say that they fit."""
    found = evaluation_of(shop)
    nothing = frame({}, ESCI)
    before = found.with_people(nothing).evaluation.protocols["full_catalogue"].systems["tuned"]["ndcg@10"].mean
    fits = {(one := judged("owner", "p03", "Exact", "red sneakers")).pair: [one]}
    after = (
        found.with_people(frame(fits, ESCI)).evaluation.protocols["full_catalogue"].systems["tuned"]["ndcg@10"].mean
    )
    assert before != after
    assert found.with_people(nothing).evaluation.protocols["full_catalogue"].systems["tuned"]["ndcg@10"].mean == before
