"""``python -m space judgments`` and ``train.py --judgments``: what people judged goes into the next training."""

import csv
import logging

import pytest

from space.__main__ import main
from space.data.catalogue import DataError
from space.data.people_judgments import with_people
from space.feedback.journal import Journal
from space.feedback.judgments import Judgment, Judgments
from space.feedback.votes import Vote, Votes
from space.pipelines.inputs import open_judged

AT = "2026-01-02T03:04:05+00:00"


@pytest.fixture(scope="module")
def sample():
    return open_judged("sample", [])


def add(folder, query, locale, product, grade, rater="owner"):
    Judgments(Journal(folder)).add(Judgment(AT, rater, locale, query, product, grade))


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_judgments_become_a_file_with_rater_and_time(tmp_path, capsys):
    """Zeros in front of ids, commas, quotes and line ends survive; visits have no names of their own there."""
    folder, output = tmp_path / "feedback", tmp_path / "judgments.csv"
    add(folder, 'mug, "big"', "us", "007", "Exact")
    add(folder, 'mug, "big"', "us", "007", "Exact", "visit-1")
    add(folder, "nan", "us", "1e5", "Irrelevant", "hub:ann")
    add(folder, "cup", "us", "1", "?")
    main(["judgments", str(folder), "--output", str(output)])
    assert sorted(tuple(row.values()) for row in rows(output)) == [
        ('mug, "big"', "us", "007", "Exact", "owner,visits", AT), ("nan", "us", "1e5", "Irrelevant", "hub:ann", AT)
    ]  # fmt: skip
    said = capsys.readouterr().out
    assert "2 pairs" in said and "hub:ann: 1 judgments, 0 votes" in said


def test_a_removed_rater_no_longer_counts(tmp_path, capsys):
    folder, output = tmp_path / "feedback", tmp_path / "judgments.csv"
    add(folder, "mug", "us", "1", "Irrelevant", "visit-1")
    add(folder, "mug", "us", "2", "Exact")
    Votes(Journal(folder)).add(Vote(AT, "visit-1", "us", "mug", "base", "tuned", "first", "m", True))
    main(["judgments", str(folder), "--remove", "visit-1"])
    assert "1 votes and 1 judgments no longer count" in capsys.readouterr().out
    assert Votes(Journal(folder)).all() == []
    main(["judgments", str(folder), "--output", str(output)])
    assert [row["product_id"] for row in rows(output)] == ["2"]
    with pytest.raises(SystemExit, match="no answer of this rater"):
        main(["judgments", str(folder), "--remove", "visit-1"])


@pytest.mark.parametrize(("words", "said"), [
    (["gone"], "no folder of answers here"),
    (["{folder}", "--labels", "wands"], "no grade of Exact=1!"),
    (["{folder}", "--labels", "x"], "--labels"),
    (["a/b/c", "--remove", "owner"], "no folder of answers here"),
    (["a/b", "--remove", "owner"], "dataset a/b is not in the cache"),
    (["{folder}", "--remove", "visits"], "no answer of this rater"),
])  # fmt: skip
def test_what_cannot_be_done_is_said_in_one_sentence(tmp_path, words, said):
    add(tmp_path / "feedback", "mug", "us", "1", "Substitute")
    with pytest.raises(SystemExit) as stopped:
        main(["judgments", *(word.format(folder=tmp_path / "feedback") for word in words)])
    assert said in str(stopped.value) and "\n" not in str(stopped.value)


def collected(tmp_path):
    main(["judgments", str(tmp_path / "feedback"), "--output", str(tmp_path / "judgments.csv")])
    return tmp_path / "judgments.csv"


def test_a_training_takes_new_judgments_along_and_none_for_held_out_queries(sample, tmp_path, caplog):
    """Learning from a held-out query would flatter the test; a pair with a label keeps it."""
    product = sample.catalogue.slice(5, 1).to_pylist()[0]
    locale, identifier = product["product_locale"], product["product_id"]
    train = sample.train[sample.train["product_locale"] == locale]
    labelled = train.iloc[0]
    folder = tmp_path / "feedback"
    add(folder, "a query of one's own", locale, identifier, "Substitute")
    add(folder, labelled["query"].upper(), locale, labelled["product_id"], "Irrelevant")
    held_out = sample.test[sample.test["product_locale"] == locale].iloc[0]
    add(folder, f" {held_out['query'].upper()} ", locale, identifier, "Exact")
    add(folder, "a query of one's own", locale, "gone", "Exact")
    with caplog.at_level(logging.INFO, "space"):
        found = with_people(sample, collected(tmp_path))
    assert "1 judgments of people to learn from; left out: 1 for held-out queries, 1 of pairs with a label, 1 of" in (
        caplog.text
    )
    assert found.test is sample.test and len(found.train) == len(sample.train) + 1
    new = found.train.iloc[-1]
    assert (new["query"], new["product_id"], new["esci_label"], new["row"]) == (
        "a query of one's own", identifier, "Substitute", 5
    )  # fmt: skip
    assert new["query_id"] not in set(sample.train["query_id"])
    assert (found.train["esci_label"].dtype, list(found.train)) == (
        sample.train["esci_label"].dtype,
        list(sample.train),
    )


def test_an_empty_file_changes_nothing(sample, tmp_path):
    (tmp_path / "feedback").mkdir()
    found = with_people(sample, collected(tmp_path))
    assert found.train.equals(sample.train)


@pytest.mark.parametrize(("content", "said"), [
    ("query,product_id\nmug,1\n", "column 'product_locale' is missing"),
    ("", "cannot be read"),
    (None, "cannot be read"),
    ("query,product_locale,product_id,esci_label,rater,judged_at\nmug,us,1,Great,owner,x\n", "Great"),
])  # fmt: skip
def test_files_that_are_none_are_refused(sample, tmp_path, content, said):
    path = tmp_path / "judgments.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=f"--judgments .*{said}"):
        with_people(sample, path)
