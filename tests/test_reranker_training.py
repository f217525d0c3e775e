"""The training of a reranker: its lists, and ``train.py --reranker-base`` from start to end."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import run_script

from space.data.scale import CLICKS, ESCI
from space.encoding.reranker import Reranker, new_cross_encoder
from space.encoding.weights import Weights, locate
from space.errors import UserError
from space.evaluation.schema import Evaluation
from space.evaluation.tables import METRICS
from space.pipelines.reranker import check_folders
from space.retrieval.system import Ranking
from space.settings import RerankerSettings, asks_for_reranker
from space.training import reranker_trainer, vocabulary
from space.training.ranked_lists import training_lists

TEXTS = [f"product {row}" for row in range(40)]
LOCALES = np.array(["us"] * 30 + ["de"] * 10)


class InOrder:
    """Finds the rows that a mask allows, in their order, for every query."""

    def retrieve(self, queries, k, mask):
        rows = np.flatnonzero(mask)[:k]
        return [Ranking(np.zeros(len(rows), np.float32), rows) for _ in queries]


def judged(*rows):
    table = pd.DataFrame(rows, columns=["query", "product_locale", "row", "esci_label"])
    return table.assign(product_id=table["row"].astype(str))


def lists(judgments, negatives, scale=ESCI, seed=1):
    """(query, {text: label}) of each list."""
    found = training_lists(judgments, TEXTS, LOCALES, InOrder(), negatives=negatives, seed=seed, scale=scale)
    return [(one["query"], dict(zip(one["docs"], one["labels"], strict=True))) for one in found]


SOME = judged(("a", "us", 3, "Exact"), ("a", "us", 12, "Substitute"), ("b", "de", 31, "Irrelevant"))


def test_labels_are_the_gains_of_the_scale():
    """The only product of "b" is alone in its list, which teaches no order."""
    assert lists(SOME, 0) == [("a", {TEXTS[3]: 1.0, TEXTS[12]: 0.1})]


def test_unjudged_products_of_the_query_s_locale_count_as_irrelevant():
    """From rank 11 on. Row 12 is judged for "a", whatever its label; only ten products are in locale de."""
    ((query, found),) = lists(SOME, 12)
    rows = {TEXTS.index(text): label for text, label in found.items()}
    assert query == "a" and rows.pop(3) == 1.0 and rows.pop(12) == 0.1
    assert len(rows) == 12 and set(rows.values()) == {0.0} and min(rows) >= 10 and max(rows) < 30


def test_a_long_list_is_cut_into_equal_parts_and_loses_no_product():
    many = judged(*(("a", "us", row, "Exact" if row % 2 else "Irrelevant") for row in range(30)))
    found = lists(many, 0)
    assert [len(one) for _, one in found] == [15, 15]
    assert {text: label for _, one in found for text, label in one.items()} == {
        TEXTS[row]: float(row % 2) for row in range(30)
    }


def test_the_seed_decides_which():
    assert lists(SOME, 5) == lists(SOME, 5) != lists(SOME, 5, seed=2)


def test_labels_that_are_all_the_same_teach_nothing():
    clicks = judged(("a", "us", 3, CLICKS.names[0]))
    with pytest.raises(UserError, match="--negatives 1"):
        lists(clicks, 0, CLICKS)
    ((_, found),) = lists(clicks, 2, CLICKS)
    assert sorted(found.values()) == [0.0, 0.0, 1.0]


@pytest.fixture
def cross(tiny_e5):
    return new_cross_encoder(Weights("tiny", tiny_e5), 64, seed=1)


def test_the_same_seed_gives_the_same_weights_and_words_that_do_not_occur_stay(cross, tiny_e5, tmp_path):
    settings = RerankerSettings(max_steps=3, batch_size=4, precision="float32", logging_dir=tmp_path)
    again = new_cross_encoder(Weights("tiny", tiny_e5), 64, seed=1)
    before = cross[0].auto_model.get_input_embeddings().weight.detach().clone()
    examples = training_lists(SOME, ["red kettle"] * 40, LOCALES, InOrder(), negatives=0)
    logs = [reranker_trainer.fine_tune(model, examples, settings) for model in (cross, again)]
    assert logs[0].steps == 3 and logs[0].run == logs[1].run
    for (name, one), other in zip(cross.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    occur = vocabulary.of_texts(cross, ["red kettle", "a", "b"])
    after = cross[0].auto_model.get_input_embeddings().weight
    changed = (after != before).any(dim=1).nonzero().flatten().tolist()
    assert changed and set(changed) <= set(occur.tolist())


@pytest.mark.parametrize(
    ("words", "wanted"),
    [(["--reranker-base", "x"], True), (["--reranker_base=x"], True), (["--base-model", "x"], False), ([], False)],
)
def test_one_flag_chooses_what_is_trained(words, wanted):
    assert asks_for_reranker(words) is wanted


def test_it_reads_the_text_and_labels_that_the_encoder_was_trained_on():
    assert RerankerSettings().as_trained({"bullets": 80, "labels": "a=1!,b=0"}).bullets == 80
    assert RerankerSettings(bullets=0).as_trained({"bullets": 80}).bullets == 0
    assert RerankerSettings().as_trained({"bullets": "80"}).bullets == 0
    assert RerankerSettings().as_trained({"labels": "a=1!,b=0"}).labels == "a=1!,b=0"


@pytest.fixture(scope="module")
def reranker(shared, trained, tiny_e5):
    """A folder after ``train.py --reranker-base``; read-only."""

    def make(folder):
        model = ["--reranker-base", str(tiny_e5), "--model", str(trained / "saved_e5_model"), "--offline"]
        short = ["--max-steps", "2", "--batch-size", "2", "--negatives", "1", "--eval-queries", "12"]
        done = run_script("train.py", "--dataset", "sample", *model, *short, cwd=folder)
        (folder / "output.txt").write_text(done.stderr + done.stdout)

    return shared("reranker", make)


def test_the_folder_is_a_cross_encoder_with_its_figures_and_its_card(reranker):
    folder = reranker / "saved_reranker"
    assert np.isfinite(Reranker.load(locate(str(folder))).scores([("red kettle", "Kettle, red")])).all()
    found = Evaluation.from_json((folder / "evaluation.json").read_bytes())
    assert found.reference == "tuned" and found.reranker.first == "tuned" and found.training.steps == 2
    assert found.reranker.fingerprint == Reranker.load(locate(str(folder))).fingerprint
    for protocol in METRICS:
        assert list(found.protocols[protocol].systems) == ["tuned", "reranked"]
        assert set(found.protocols[protocol].differences) == {"reranked"}
    # Reordering the best 50 loses and gains nothing among the best 100.
    assert found.protocols["full_catalogue"].differences["reranked"]["recall@100"].mean == 0
    assert found.milliseconds["reranked"]["rerank"] > 0 and "rerank" not in found.milliseconds["tuned"]
    card = (folder / "README.md").read_text()
    assert "pipeline_tag: text-ranking" in card and "| reranked − tuned |" in card and "made-up sample" in card
    assert json.loads((folder / "split.json").read_text())["held_out"]
    assert str(reranker) not in card + (folder / "evaluation.json").read_text()
    assert not [path for path in folder.rglob("*") if path.suffix in (".bin", ".pt", ".pkl", ".py")]


def test_the_folder_of_an_encoder_is_not_replaced(tiny_e5, reranker, tmp_path):
    shutil.copytree(tiny_e5, tmp_path / "saved_e5_model")
    shutil.copytree(reranker / "saved_reranker", tmp_path / "saved_reranker")
    with pytest.raises(UserError, match="saved_e5_model: it holds files and no reranker"):
        check_folders(RerankerSettings(output_dir=tmp_path / "saved_e5_model", logging_dir=tmp_path))
    check_folders(RerankerSettings(output_dir=tmp_path / "saved_reranker", logging_dir=tmp_path))
    output = ["--output-dir", str(tmp_path / "saved_reranker"), "--base-model", str(tiny_e5), "--dataset", "sample"]
    done = run_script("train.py", *output, cwd=tmp_path, check=False)
    assert "saved_reranker: it holds a reranker, which would go" in done.stderr


def test_a_flag_of_the_encoder_s_training_is_refused(tmp_path):
    done = run_script("train.py", "--reranker-base", "x", "--triplet-margin", ".2", cwd=tmp_path, check=False)
    assert done.returncode == 1 and done.stderr.strip().startswith("train.py: --triplet-margin is not a flag")
