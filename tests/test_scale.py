"""Scales of labels: words, ratings in thirds, 0 and 1, clicks."""

import pandas as pd
import pytest

from space.data.scale import BINARY, CLICKS, ESCI, WANDS, ScaleError, parse, scale_of


def graded(values: list[object], labels: str = "", clicks: bool = False) -> list[str]:
    """The grade of each value, on the scale of ``labels`` or of the values themselves."""
    column = pd.Series(values)
    return list((parse(labels) if labels else scale_of(column, clicks)).labels_of(column))


def test_esci_words_in_any_spelling_mean_the_scale_of_the_paper() -> None:
    """Letters, case and space do not count; the gains are those of the paper."""
    values = pd.Series([" exact", "S", "complement", "i"])
    assert scale_of(values) == ESCI
    assert list(ESCI.labels_of(values)) == list(ESCI.names) == ["Exact", "Substitute", "Complement", "Irrelevant"]
    assert ESCI.gains == {"Exact": 1.0, "Substitute": 0.1, "Complement": 0.01, "Irrelevant": 0.0}
    assert ESCI.relevant == {"Exact"} and ESCI.negatives == ("Irrelevant", "Complement", "Substitute")


@pytest.mark.parametrize("as_text", [str, float, lambda value: str(value).replace(".", ",")])
def test_thirds_of_a_mean_are_three_grades(as_text: type) -> None:
    """Home Depot's means of three ratings: seven values, three grades, the highest is relevant."""
    thirds = [as_text(value) for value in (1, 1.33, 1.67, 2, 2.33, 2.67, 3)]
    found = scale_of(pd.Series(thirds))
    assert str(found) == "3=1!,2=0.5,1=0"
    assert list(found.labels_of(pd.Series(thirds))) == ["1", "1", "2", "2", "2", "3", "3"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3, 4], "4=1!,3=0.6667!,2=0.3333,1=0"),
        ([0, 1, 2], "2=1!,1=0.5,0=0"),
        ([-2, 0, 1, 2, 3], "3=1!,2=0.6667!,1=0.3333,0=0,-1=0,-2=0"),
        ([0, 0.5, 1], "1=1!,0.5=0.5,0=0"),
        ([0, 0.1, 0.2, 0.3, 0.6, 0.9, 1], "1=1!,0.75=0.75!,0.5=0.5,0.25=0.25,0=0"),
        ([3, 3], "3=1!"),
        ([1.33, 2, 2.67], "3=1!,2=0.5,1=0"),
    ],
)
def test_ratings_are_ordered_grades(values: list[float], expected: str) -> None:
    """The lowest rating has no gain, the highest has all; two thirds of the way are relevant."""
    assert str(scale_of(pd.Series(values))) == expected


def test_one_and_zero_are_relevant_or_not_and_clicks_are_counts() -> None:
    """Any number of clicks above 0 is relevant."""
    assert scale_of(pd.Series(["0", "1.0"])) == BINARY
    assert graded(["0", "1.0"]) == ["not relevant", "relevant"]
    assert scale_of(pd.Series([1, 4000]), clicks=True) == CLICKS
    assert graded([0, 1, 4000], clicks=True) == ["not clicked", "clicked", "clicked"]
    assert graded(["0", "17"], "clicks") == ["not clicked", "clicked"]


def test_counts_are_not_guessed_to_be_ratings() -> None:
    """A column from 1 to 4,000 without a word about clicks is refused, and the message says the flag."""
    with pytest.raises(ScaleError, match=r"1 to 4000.*--labels clicks"):
        scale_of(pd.Series([1, 17, 4000]))


def test_labels_of_the_owner() -> None:
    """``--labels`` gives names, gains and what is relevant, in any order."""
    found = parse("irrelevant=0, Ganz genau=1!,Partial=.5")
    assert found.names == ("Ganz genau", "Partial", "irrelevant")
    assert found.relevant == {"Ganz genau"} and found.gains["Partial"] == 0.5
    assert list(found.labels_of(pd.Series(["ganz  GENAU", "IRRELEVANT "]))) == ["Ganz genau", "irrelevant"]
    assert parse(str(found)) == found and parse("wands") == WANDS
    assert graded([2.5, 2.4, 1], "3=1!,2=.5,1=0") == ["3", "2", "1"]


@pytest.mark.parametrize("text", ["", "Exact=2!", "a=1", "a=1!,A=0", "Exact", "a=1!,=0", "a=.5!,b=1", "a=nan!"])
def test_labels_that_make_no_scale_are_refused(text: str) -> None:
    """One sentence that names the flag; a relevant grade cannot be worth less than another."""
    with pytest.raises(ScaleError, match="--labels"):
        parse(text)


@pytest.mark.parametrize(
    ("values", "labels"), [(["Exact", "??"], ""), ([1, 9], "3=1!,2=.5,1=0"), (["yes", ""], "yes=1!"), (["nan"], "")]
)
def test_a_label_that_no_grade_has_is_refused_and_shown(values: list[object], labels: str) -> None:
    """A rating off the scale is not the highest grade."""
    with pytest.raises(ScaleError, match="holds"):
        graded(values, labels)
