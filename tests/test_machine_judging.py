"""``python -m space judge``: a language model on loopback with known mistakes, apart from what people said."""

import json

import pytest
import small_shop
from huggingface_hub import constants
from model_server import model_server

from space.__main__ import main
from space.data.scale import ESCI, parse
from space.errors import ServiceError
from space.feedback import language_model, machine
from space.feedback.journal import Journal, Reader
from space.feedback.judgments import CANNOT_TELL, Judgment, Judgments
from space.feedback.language_model import LanguageModel, read
from space.feedback.machine import MachineAgreement, MachineJudgment
from space.feedback.machine_opinion import MachineOpinions
from space.search.machine_judging import judge

AT = "2026-01-02T03:04:05+00:00"


@pytest.fixture(scope="module")
def engine():
    return small_shop.engine()


@pytest.fixture(autouse=True)
def online(monkeypatch):
    """Other tests run with HF_HUB_OFFLINE, and then the client asks no address at all."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


def people_say(folder, grades, query="coffee mug"):
    for product, grade in grades.items():
        Judgments(Journal(folder)).add(Judgment(AT, "owner", "us", query, product, grade))


def test_agreement_by_hand_and_the_pool(engine, tmp_path):
    """People: Exact, Exact, Irrelevant, Irrelevant. The model: Exact, Irrelevant, Irrelevant, Irrelevant.

    Observed 3/4; by chance 1/2 · 1/4 + 1/2 · 3/4 = 1/2; so kappa is 1/2. A fifth pair it cannot tell.
    """
    rows = {row["product_id"]: row["product_title"] for row in engine.catalogue.to_pylist() if
            row["product_locale"] == "us"}  # fmt: skip
    ids = list(rows)[:5]
    people_say(tmp_path, dict(zip(ids, ["Exact", "Exact", "Irrelevant", "Irrelevant", "Exact"], strict=True)))
    said = dict(zip(ids, ["Exact.", "irrelevant", "Irrelevant", "I say: Irrelevant", "?"], strict=True))

    def answer(asked):
        mine = [one for one in ids if asked["query"] == "coffee mug" and asked["product"].startswith(rows[one])]
        return said[mine[0]] if mine else "Substitute"

    journal = Journal(tmp_path)  # one file, so that the first line is of the first run
    with model_server(answer) as (url, seen):
        report = judge(engine, journal, LanguageModel("m", engine.scale, url, "Be *strict*."), 1_000)
        first = len(seen)
        assert "kappa 0.50 on 4 pairs, 1 unclear" in report and "pairs are left" not in report
        assert "does not offer its grades: it needs kappa 0.61 on 50 pairs" in report
        judge(engine, journal, LanguageModel("m", engine.scale, url, "Be *strict*."), 1_000)
        assert len(seen) == first > 10  # nothing is asked twice
        judge(engine, journal, LanguageModel("m", engine.scale, url, "Be mild."), 3)
        assert len(seen) == first + 3
    assert [json.loads(one["messages"][-1]["content"])["query"] for one in seen[:5]] == ["coffee mug"] * 5
    assert all("Be *strict*." in one["messages"][0]["content"] for one in seen[:first])
    assert seen[0]["model"] == "m" and seen[0]["path"] == "/v1/chat/completions"
    stored = next(iter(Reader(Journal(tmp_path), "machine_agreement").new()))
    assert (stored["kappa"], stored["pairs"], stored["unclear"]) == (0.5, 4, 1)
    assert stored["confusion"]["Exact"] == {"Exact": 1, "Substitute": 0, "Complement": 0, "Irrelevant": 1}
    assert {one.rater for one in Judgments(Journal(tmp_path)).all()} == {"owner"}
    assert len(Judgments(Journal(tmp_path)).all()) == 5


# -- what the page reads ---------------------------------------------------------------------------------------------


def answer(product, grade, at="2026-01-02", instructions="i1", model="m"):
    return MachineJudgment(at, model, "us", "Coffee  Mug", product, grade, f"{instructions} {product}", instructions)


def run(instructions="i1", at="2026-01-02", model="m"):
    return {"at": at, "model": model, "instructions": instructions}


def test_the_opinion_is_that_of_the_last_run_and_agrees_with_people_as_they_are_now(tmp_path):
    """Answers to other guidelines are another opinion; a rater who is removed no longer counts in the agreement."""
    journal = Journal(tmp_path)
    opinions, judged = MachineOpinions(journal), Judgments(journal)
    assert opinions.last({}, ESCI) is None
    for one in (answer("1", "Exact"), answer("2", "Irrelevant"), answer("3", CANNOT_TELL), answer("4", "Great"),
                answer("1", "Substitute", instructions="i2"), answer("2", "Exact", at="2026-01-01")):  # fmt: skip
        journal.append(machine.KIND, one.__dict__)
    journal.append(machine.KIND, {"grade": 7})
    assert opinions.last({}, ESCI) is None  # no run has compared them with people
    journal.append(machine.AGREEMENT, run())
    people_say(tmp_path, {"1": "Exact", "2": "Irrelevant", "3": "Exact"})
    found = opinions.last(judged.of_pairs(), ESCI)
    assert (found.agreement.model, found.agreement.kappa, found.agreement.pairs, found.agreement.unclear) == (
        "m", 1.0, 2, 1
    )  # fmt: skip
    assert found.frame[["query", "product_id", "esci_label", "rater"]].to_numpy().tolist() == [
        ["Coffee  Mug", "1", "Exact", "machine"], ["Coffee  Mug", "2", "Irrelevant", "machine"]
    ]  # fmt: skip
    journal.append("removals", {"rater": "owner", "at": "2026-02-01"})
    assert opinions.last(judged.of_pairs(), ESCI).agreement.pairs == 0
    journal.append(machine.AGREEMENT, run("i2", "2026-01-03"))
    for read_anew in (opinions, MachineOpinions(Journal(tmp_path))):
        assert read_anew.last({}, ESCI).frame["esci_label"].tolist() == ["Substitute"]


@pytest.mark.parametrize(("kappa", "pairs", "good"), [
    (0.61, 50, True), (0.609, 500, False), (1.0, 49, False), (None, 50, False), (-1.0, 50, False)
])  # fmt: skip
def test_grades_may_count_from_a_kappa_and_a_number_of_pairs_on(kappa, pairs, good):
    assert MachineAgreement("m", "i", kappa, pairs, 0, {}).is_good is good


def test_cost_is_bounded_and_the_next_run_goes_on(engine, tmp_path):
    with model_server(lambda asked: "Exact") as (url, seen):
        model = LanguageModel("m", engine.scale, url)
        report = judge(engine, Journal(tmp_path), model, 4)
        assert len(seen) == 4 and "4 new answers; 4 of" in report and "are left" in report
        assert "kappa not known on 0 pairs" in report
        assert "4 new answers; 8 of" in judge(engine, Journal(tmp_path), model, 4)
    questions = [one["messages"][-1]["content"] for one in seen]
    assert len(set(questions)) == 8


def test_what_was_answered_before_a_failure_is_kept(engine, tmp_path):
    count = iter(range(100))
    with model_server(lambda asked: "Exact" if next(count) < 3 else (400, "{}")) as (url, _seen):
        with pytest.raises(ServiceError, match="--model m: .*refused .400.; check the name, --url and E5_JUDGE_TOKEN"):
            judge(engine, Journal(tmp_path), LanguageModel("m", engine.scale, url), 50)
    assert len(list(Reader(Journal(tmp_path), "machine").new())) == 3


def test_only_the_token_of_the_endpoint_is_sent_and_none_is_written(engine, tmp_path, monkeypatch):
    """The client would send the Hub's token to any address."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with model_server(lambda asked: "Exact") as (url, seen):
        model = LanguageModel("m", engine.scale, url)
        judge(engine, Journal(tmp_path), model, 1)
        monkeypatch.setenv("E5_JUDGE_TOKEN", "mine-secret")
        judge(engine, Journal(tmp_path), model, 1)
    assert [one["token"] for one in seen] == ["Bearer none", "Bearer mine-secret"]
    assert not [path for path in tmp_path.rglob("*.jsonl") if "secret" in path.read_text()]


def test_an_endpoint_that_fails_for_a_moment_is_asked_again(monkeypatch):
    monkeypatch.setattr(language_model, "_PAUSES", (0.0,))
    count = iter(range(9))
    with model_server(lambda asked: "Exact" if next(count) else (503, "{}")) as (url, seen):
        assert LanguageModel("m", ESCI, url).grade("mug", "Mug") == "Exact" and len(seen) == 2


def test_an_endpoint_that_is_none_is_named(monkeypatch):
    monkeypatch.setattr(language_model, "_PAUSES", ())
    with model_server(lambda asked: (201, '{"x": 1}')) as (url, _):
        with pytest.raises(ServiceError, match="does not answer as an OpenAI-compatible endpoint"):
            LanguageModel("m", ESCI, url).grade("mug", "Mug")
    with model_server(lambda asked: (200, None)) as (url, _):
        assert LanguageModel("m", ESCI, url).grade("mug", "Mug") == CANNOT_TELL
    with pytest.raises(ServiceError, match=f"{url} is out of reach"):
        LanguageModel("m", ESCI, url).grade("mug", "Mug")


def test_offline_nothing_is_asked(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with model_server(lambda asked: "Exact") as (url, seen):
        with pytest.raises(ServiceError, match="HF_HUB_OFFLINE is set"):
            LanguageModel("m", ESCI, url).grade("mug", "Mug")
    assert seen == []


@pytest.mark.parametrize(("answer", "grade"), [
    ("Exact", "Exact"), (" **exact** ", "Exact"), ("Grade: Substitute.", "Substitute"), ("?", CANNOT_TELL),
    ("", CANNOT_TELL),     ("Exact or Substitute", CANNOT_TELL), ("Exactly", CANNOT_TELL),
])  # fmt: skip
def test_an_answer_counts_where_it_names_one_grade(answer, grade):
    assert read(answer, ESCI) == grade


def test_numbers_are_grades_too():
    scale = parse("2=1!,1=.5,0=0")
    assert (read("2", scale), read("I give 1.", scale), read("12", scale)) == ("2", "1", CANNOT_TELL)


@pytest.mark.parametrize(("words", "said"), [
    (["--most", "0"], "--most 0: use 1"),
    (["--url", "localhost"], "--url localhost: write it as"),
    (["--guidelines", "gone.md"], "--guidelines gone.md: there is no such file"),
    (["--embeddings", "./gone"], "gone"),
])  # fmt: skip
def test_what_cannot_be_done_is_said_in_one_sentence(tmp_path, words, said):
    with pytest.raises(SystemExit) as stopped:
        main(["judge", str(tmp_path), "--model", "m", "--offline", *words])
    assert said in str(stopped.value) and "\n" not in str(stopped.value)
