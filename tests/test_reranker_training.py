"""The training of a reranker: its pairs, its loss, and ``train.py --reranker-base`` from start to end."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import run_script
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss

from space.data.scale import CLICKS, ESCI
from space.encoding.reranker import Reranker, new_cross_encoder
from space.encoding.weights import Weights, locate
from space.errors import UserError
from space.evaluation.schema import METRICS, Evaluation
from space.retrieval.system import Ranking
from space.settings import RerankerSettings, asks_for_reranker
from space.training import reranker_trainer, vocabulary
from space.training.pair_examples import training_pairs

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


def pairs(judgments, negatives, scale=ESCI, seed=1):
    found = training_pairs(judgments, TEXTS, LOCALES, InOrder(), negatives=negatives, seed=seed, scale=scale)
    return list(zip(found["query"], found["passage"], found["label"], strict=True))


SOME = judged(("a", "us", 3, "Exact"), ("a", "us", 12, "Substitute"), ("b", "de", 31, "Irrelevant"))


def test_labels_are_the_gains_of_the_scale():
    assert pairs(SOME, 0) == [("a", TEXTS[3], 1.0), ("a", TEXTS[12], 0.1), ("b", TEXTS[31], 0.0)]


def test_unjudged_products_of_the_query_s_locale_count_as_irrelevant():
    """From rank 11 on. Row 12 is judged for "a", whatever its label; only ten products are in locale de."""
    found = pairs(SOME, 18)[3:]
    assert {query for query, _, _ in found} == {"a"} and {label for _, _, label in found} == {0.0}
    rows = sorted(TEXTS.index(passage) for _, passage, _ in found)
    assert rows == [row for row in range(10, 30) if row != 12][: len(rows)] or len(set(rows)) == 18
    assert not {3, 12} & set(rows) and min(rows) >= 10 and max(rows) < 30


def test_the_seed_decides_which():
    assert pairs(SOME, 5) == pairs(SOME, 5) != pairs(SOME, 5, seed=2)


def test_labels_that_are_all_the_same_teach_nothing():
    clicks = judged(("a", "us", 3, CLICKS.names[0]))
    with pytest.raises(UserError, match="label 1.*--negatives 1"):
        pairs(clicks, 0, CLICKS)
    assert len(pairs(clicks, 2, CLICKS)) == 3


@pytest.fixture
def cross(tiny_e5):
    return new_cross_encoder(Weights("tiny", tiny_e5), 64, seed=1)


def test_the_loss_is_that_of_the_library_without_its_padding(cross):
    """20 pairs in an order of lengths that is not sorted, so that labels and scores could come apart."""
    cross.eval()  # without dropout
    queries = [f"query {'long ' * (number * 7 % 20)}" for number in range(20)]
    passages = [f"passage {'word ' * (number * 3 % 11)}" for number in range(20)]
    labels = torch.linspace(0, 1, 20)
    ours = reranker_trainer.GainLoss(cross)([queries, passages], labels)
    theirs = BinaryCrossEntropyLoss(cross)([queries, passages], labels)
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)


def test_the_same_seed_gives_the_same_weights_and_words_that_do_not_occur_stay(cross, tiny_e5, tmp_path):
    settings = RerankerSettings(max_steps=3, batch_size=4, precision="float32", logging_dir=tmp_path)
    again = new_cross_encoder(Weights("tiny", tiny_e5), 64, seed=1)
    before = cross[0].auto_model.get_input_embeddings().weight.detach().clone()
    examples = training_pairs(SOME, ["red kettle"] * 40, LOCALES, InOrder(), negatives=0)
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
        short = ["--max-steps", "2", "--batch-size", "8", "--negatives", "1", "--eval-queries", "12"]
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


def test_a_flag_of_the_encoder_s_training_is_refused(tmp_path):
    done = run_script("train.py", "--reranker-base", "x", "--triplet-margin", ".2", cwd=tmp_path, check=False)
    assert done.returncode == 1 and done.stderr.strip().startswith("train.py: --triplet-margin is not a flag")
