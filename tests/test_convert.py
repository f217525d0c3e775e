"""``python -m space convert`` writes what was read so that it is read again as it was."""

import json
from pathlib import Path

import pandas as pd
import pytest
from test_judgment_formats import FORMATS

from space.__main__ import main
from space.data.catalogue import DataError
from space.data.judgments import Judged
from space.data.passages import has_text
from space.pipelines.inputs import open_judged

LOCALES = ["us", "es", "jp"]


def same(one: Judged, other: Judged) -> None:
    """All that training, the store and the page take from a data set."""
    assert other.catalogue.to_pylist() == one.catalogue.to_pylist()
    assert (other.scale, other.notice) == (one.scale, one.notice)
    for split in ("train", "test"):
        wanted = getattr(one, split).drop(columns="example_id", errors="ignore")
        pd.testing.assert_frame_equal(getattr(other, split), wanted, check_like=True)


def convert(source: str, out: Path, *flags: str) -> str:
    """The converted folder."""
    main(["convert", source, str(out), *flags])
    return str(out)


@pytest.mark.parametrize("name", FORMATS)
def test_a_converted_data_set_is_read_as_it_was(name: str, tmp_path: Path) -> None:
    """From every format: judgments, rows, catalogue, and the owner's words with their gains."""
    make, flags, _, _ = FORMATS[name]
    source = str(make(tmp_path))
    flags = flags | ({} if name == "BEIR" else {"test_share": "0.4"})
    words = [word for flag, value in flags.items() for word in (f"--{flag.replace('_', '-')}", value)]
    share = None if name == "BEIR" else 0.4
    read = open_judged(source, LOCALES, **(flags | {"test_share": share}))
    out = convert(source, tmp_path / "out", *words)
    same(read, open_judged(out, LOCALES))
    same(read, open_judged(convert(out, tmp_path / "again"), LOCALES))


def test_the_samples_locales_and_notice_stay(tmp_path: Path) -> None:
    """Made-up products must be called so wherever they are shown."""
    read = open_judged("sample", LOCALES)
    found = open_judged(convert("sample", tmp_path / "out"), LOCALES)
    same(read, found)
    assert found.notice and has_text(found.catalogue).all()
    assert set(open_judged(str(tmp_path / "out"), ["es"]).catalogue["product_locale"].to_pylist()) == {"es"}


def test_bullet_points_are_kept_where_they_are_wanted(tmp_path: Path) -> None:
    read = open_judged("sample", ["us"], bullets=True)
    out = convert("sample", tmp_path / "out", "--bullets", "1", "--locales", "us")
    same(read, open_judged(out, ["us"], bullets=True))
    assert "product_bullet_point" not in open_judged(out, ["us"]).catalogue.column_names


def test_several_ratings_and_their_contradictions_stay_counted(tmp_path: Path) -> None:
    """The Data tab says how many pairs have contradicting ratings; a mean alone would hide it."""
    path = tmp_path / "j.csv"
    rows = ["a,1,x,3,4,train", "a,1,x,1,1,train", "a,2,y,3,2,train", "b,1,x,2,1,test"]
    path.write_text("\n".join(["query,sku,title,relevance,num_judges,split", *rows]))
    read = open_judged(str(path), ["us"])
    found = open_judged(convert(str(path), tmp_path / "out"), ["us"])
    same(read, found)
    assert found.train[["ratings", "contradiction"]].to_numpy().tolist() == [[5, "3 / 1"], [2, ""]]


def test_a_scale_of_the_owner_stays_and_a_flag_goes_before_it(tmp_path: Path) -> None:
    """``--labels`` at the conversion decides once; a later one decides again."""
    path = tmp_path / "j.csv"
    path.write_text("query,sku,title,label,split\na,1,x,gut,train\na,2,y,schlecht,train\nb,1,x,gut,test\n")
    out = convert(str(path), tmp_path / "out", "--labels", "gut=.9!,schlecht=.1")
    assert str(open_judged(out, ["us"]).scale) == "gut=0.9!,schlecht=0.1"
    assert str(open_judged(out, ["us"], labels="gut=1!,schlecht=0").scale) == "gut=1!,schlecht=0"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"scale": {"grades": []}}', '{"scale": {"grades": [{"gain": 2}]}}']
)
def test_a_damaged_scale_is_refused(text: str, tmp_path: Path) -> None:
    """Labels read on another scale would give other figures without a word."""
    out = convert("sample", tmp_path / "out", "--locales", "es")
    (tmp_path / "out" / "scale.json").write_text(text)
    with pytest.raises(DataError, match=r"scale\.json: .*delete it, and say --labels"):
        open_judged(out, ["es"])


def test_a_folder_with_other_files_is_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A conversion replaces its own files only; what it wrote before is replaced."""
    (tmp_path / "diary.txt").write_text("mine")
    for out in (tmp_path, tmp_path / "diary.txt"):
        with pytest.raises(SystemExit, match=r"^convert: .*name a new folder"):
            convert("sample", out, "--locales", "es")
    assert (tmp_path / "diary.txt").read_text() == "mine"
    for _ in range(2):
        convert("sample", tmp_path / "out", "--locales", "es")
    assert "judgments" in capsys.readouterr().out


def test_a_converted_file_has_escis_columns(tmp_path: Path) -> None:
    """Other tools read it, and people can look at it."""
    out = Path(convert("sample", tmp_path / "out"))
    columns = ["query", "query_id", "product_id", "product_locale", "esci_label"]
    for split in ("train", "test"):
        frame = pd.read_parquet(out / f"{split}.parquet")
        assert list(frame.columns) == columns and len(frame)
        assert set(frame["esci_label"]) <= {"Exact", "Substitute", "Complement", "Irrelevant"}
    assert [grade["name"] for grade in json.loads((out / "scale.json").read_text())["scale"]["grades"]][0] == "Exact"
