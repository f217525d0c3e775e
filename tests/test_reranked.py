"""Reranking: a cross-encoder reorders the best of another system, and only cross-encoders that are safe are loaded."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import small_shop
import torch
from sentence_transformers import CrossEncoder
from small_shop import BagOfWords
from test_split import OLD, table

from space.__main__ import main
from space.data.passages import passages
from space.encoding.reranker import Reranker, load_cross_encoder, new_cross_encoder
from space.encoding.weights import Weights, WeightsError, locate
from space.evaluation.schema import Evaluation
from space.index.torch_index import TorchIndex
from space.retrieval.dense import DenseSystem
from space.retrieval.reranked import RerankedSystem, texts_of
from space.retrieval.system import Stopwatch
from space.search import people
from space.search.loading import load_engine
from space.ui.html.header import header

TEXTS = ["a b c d", "a b c e", "a b f g", "a h i j", "k l m n", "a b c e"]


class CountsLetters:
    """Scores a pair by how often a letter of the query is in the passage times its place in the alphabet."""

    def __init__(self):
        self.asked = []

    def scores(self, pairs):
        self.asked.extend(pairs)
        return np.array([ord(max(passage.replace(" ", ""))) for _, passage in pairs], np.float32)


@pytest.fixture
def first():
    """Cosines of "a b c" with the texts: .866 for rows 0, 1 and 5, then row 2, row 3, and 0 for row 4."""
    encoder = BagOfWords()
    return DenseSystem("tuned", encoder, TorchIndex(encoder.encode_passages(TEXTS), precision="float32"))


def reranked(first, top):
    return RerankedSystem(first, CountsLetters(), lambda rows: [TEXTS[row] for row in rows], top)


def test_the_best_n_come_in_the_order_of_the_cross_encoder_and_the_rest_stays_below(first):
    """The first system finds 0, 1, 5, 2, 3, 4. The highest letters of the first four are d, e, e and g."""
    (before,) = first.retrieve(["a b c"], 6)
    (after,) = reranked(first, 4).retrieve(["a b c"], 6)
    assert before.rows.tolist() == [0, 1, 5, 2, 3, 4]
    assert after.rows.tolist() == [2, 1, 5, 0, 3, 4]
    assert after.scores[:4].tolist() == [ord("g"), ord("e"), ord("e"), ord("d")]
    assert (np.diff(after.scores) <= 0).all()
    np.testing.assert_allclose(np.diff(after.scores[4:]), np.diff(before.scores[4:]), atol=1e-5)


def test_how_many_are_asked_for_does_not_change_the_order(first):
    """With 1 asked for, the 4 best are reordered all the same."""
    system = reranked(first, 4)
    (all_of_them,) = system.retrieve(["a b c"], 6)
    for k in range(1, 6):
        (some,) = system.retrieve(["a b c"], k)
        assert some.rows.tolist() == all_of_them.rows[:k].tolist()


def test_several_queries_are_scored_in_one_call_and_answered_as_if_asked_alone(first):
    system = reranked(first, 3)
    together = system.retrieve(["a b c", "k l m n", "h"], 3)
    asked = len(system.scorer.asked)
    alone = [system.retrieve([query], 3)[0] for query in ("a b c", "k l m n", "h")]
    assert asked == 9
    for one, other in zip(together, alone, strict=True):
        assert one.rows.tolist() == other.rows.tolist() and one.scores.tolist() == other.scores.tolist()


def test_a_mask_that_leaves_nothing_finds_nothing(first):
    (found,) = reranked(first, 3).retrieve(["a b c"], 3, np.zeros(len(TEXTS), bool))
    assert len(found.rows) == len(found.scores) == 0


def test_judged_rows_are_reordered_likewise(first):
    """Rows 3, 0, 2, 1: the first system says 0, 1, 2, 3, of which the best three are reordered to 2, 1, 0."""
    (order,) = reranked(first, 3).rank(["a b c"], [np.array([3, 0, 2, 1])])
    assert order.tolist() == [2, 3, 1, 0]


def test_the_cross_encoder_has_milliseconds_of_its_own(first):
    clock = Stopwatch()
    reranked(first, 3).retrieve(["a b c"], 3, clock=clock)
    assert set(clock.milliseconds) == {"encode", "search", "rerank"}


# -- in the engine ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop():
    return small_shop.engine(rerank=3)


def test_the_engine_answers_with_it_and_says_how_long_it_took(shop):
    """tuned finds three shoes for "running shoes" first; the share of their words that fit orders them again."""
    before, after = (shop.search("running shoes", 5, name, locale="us") for name in ("tuned", "reranked"))
    assert {hit.key for hit in before.hits[:3]} == {hit.key for hit in after.hits[:3]}
    assert [hit.score for hit in after.hits[:3]] == sorted((hit.score for hit in after.hits[:3]), reverse=True)
    assert [hit.key for hit in before.hits[3:]] == [hit.key for hit in after.hits[3:]]
    assert set(after.to_json()["timings_ms"]) == {"encode", "search", "rerank", "total"}
    assert set(before.to_json()["timings_ms"]) == {"encode", "search", "total"}
    assert sum(after.timings_ms[stage] for stage in ("encode", "search", "rerank")) <= after.timings_ms["total"] + 0.01


def test_a_comparison_has_it_beside_the_others(shop):
    found = shop.compare("running shoes", 3, ["tuned", "reranked"])
    assert list(found.systems) == ["tuned", "reranked"]


def test_more_like_a_product_reads_its_title_and_leaves_it_out(shop):
    found = shop.more_like("us", "p01", 5, "reranked")
    assert found.hits and ("us", "p01") not in {hit.key for hit in found.hits}


def test_a_score_is_explained_by_what_is_left_out(shop):
    """2 of the 4 words of "Red running shoes Acme red", 5.0; without the brand 2 of 3, 6.667."""
    found = shop.explain("red shoes", "us", "p01", "reranked")
    assert found.score == 5.0
    assert {part.name: round(part.contribution, 3) for part in found.words} == {"red": 2.5, "shoes": 2.5}
    assert {part.name: round(part.contribution, 3) for part in found.fields}["brand"] == -1.667
    assert any("3" in note for note in found.notes)


def test_the_header_says_which_model_ran(shop):
    said = str(header(len(shop), shop.description))
    assert "tiny/cross" in said and "c" * 64 in said
    assert "tiny/cross" not in str(header(30, small_shop.engine().description))


def test_votes_on_another_reranker_do_not_count_for_this_one(shop):
    """And votes on the other systems count on, with it or without."""

    def made_by(engine):
        return {(pair.first, pair.second): pair.made_by for pair in people.pairs(engine)}

    other = small_shop.engine(rerank=3)
    other.description = replace(other.description, reranker=replace(other.description.reranker, fingerprint="d" * 64))
    one, two = made_by(shop), made_by(other)
    assert one["base", "tuned"] == two["base", "tuned"] == made_by(small_shop.engine())["base", "tuned"]
    assert one["tuned", "reranked"] != two["tuned", "reranked"]


def test_its_passage_is_that_of_the_store_without_a_prompt():
    products = small_shop.catalogue()
    assert texts_of(products)(np.array([3, 0])) == [passages(products)[row] for row in (3, 0)]
    assert texts_of(products)(np.empty(0, np.int64)) == []


# -- real cross-encoders, tiny ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cross(shared, tiny_e5):
    """A random cross-encoder of 32 dimensions, as sentence-transformers saves one."""

    def make(folder):
        model = new_cross_encoder(Weights("tiny", tiny_e5), 64, seed=3)
        model.save_pretrained(str(folder), create_model_card=False)

    return shared("cross-encoder-tiny", make)


PAIRS = [("red shoes", "Red running shoes"), ("mug", "Coffee mug, white " * 4), ("x", ""), ("red shoes", "Mug " * 99)]


def test_it_scores_as_sentence_transformers_does(cross):
    """The fast forward pass gives the library's logits, for short and long pairs and an empty passage."""
    library = CrossEncoder(str(cross), device="cpu", activation_fn=torch.nn.Identity())
    ours = Reranker.load(Weights("tiny", cross))
    assert ours._packed is not None
    np.testing.assert_allclose(ours.scores(PAIRS), library.predict(PAIRS, show_progress_bar=False), atol=0.02)


@pytest.mark.parametrize("types", [True, False])
def test_token_types_are_read_where_the_tokenizer_has_them(cross, types):
    """Those of BERT tell the query from the passage; a tokenizer like E5's has none."""
    model = load_cross_encoder(Weights("tiny", cross))
    names = ["input_ids", "attention_mask", *(["token_type_ids"] if types else [])]
    model.tokenizer.model_input_names = names
    if types:  # a template like that of BERT: 1 for the second text
        from tokenizers.processors import TemplateProcessing

        special = [(token, model.tokenizer.convert_tokens_to_ids(token)) for token in ("<s>", "</s>")]
        model.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single="<s> $A </s>", pair="<s>:0 $A:0 </s>:0 $B:1 </s>:1", special_tokens=special
        )
    library = model.predict(PAIRS, activation_fn=torch.nn.Identity(), show_progress_bar=False)
    ours = Reranker(model, Weights("tiny", cross))
    assert ours._packed is not None
    np.testing.assert_allclose(ours.scores(PAIRS), library, atol=0.02)


def test_the_app_loads_it_beside_the_encoders_of_a_store(built, cross):
    engine = load_engine(str(built / "artifacts"), offline=True, reranker=str(cross), rerank_top=5)
    before, after = (engine.search("red kettle", 8, system, locale="us") for system in ("tuned", "reranked"))
    assert {hit.key for hit in before.hits[:5]} == {hit.key for hit in after.hits[:5]}
    assert [hit.key for hit in before.hits[5:]] == [hit.key for hit in after.hits[5:]]
    found = engine.description.reranker
    assert (found.id, found.top, found.first) == (cross.name, 5, "tuned")


def test_an_evaluation_has_it_with_its_milliseconds(cross, tiny_e5, tmp_path):
    data = table(tmp_path / "data.csv", OLD)
    words = ["evaluate", "--offline", "--dataset", data, "--test-share", ".5", "--model", f"one={tiny_e5}"]
    words += [f"two={tiny_e5}", "--reranker", str(cross), "--rerank-top", "3", "--reference", "reranked"]
    main([*words, "--output", str(tmp_path / "figures.json")])
    found = Evaluation.from_json((tmp_path / "figures.json").read_bytes())
    for tables in found.protocols.values():
        assert "reranked" in tables.systems and set(tables.contrasts["reranked"]) == {"two"}
    assert set(found.milliseconds) == set(found.protocols["judged"].systems) - {"random"}
    assert found.milliseconds["reranked"]["rerank"] > 0 and found.milliseconds["one"]["encode"] > 0
    assert (found.reranker.first, found.reranker.top, found.reranker.id) == ("two", 3, cross.name)
    text = (tmp_path / "figures.md").read_text()
    assert "| reranked |" in text and str(cross.parent) not in text + (tmp_path / "figures.json").read_text()


def test_a_head_that_can_be_worked_out_by_hand(cross):
    """With a weight of zero and a bias of 7 every pair scores 7, and the order stays as it was."""
    model = load_cross_encoder(Weights("tiny", cross))
    torch.nn.init.zeros_(model[0].auto_model.classifier.weight)
    torch.nn.init.constant_(model[0].auto_model.classifier.bias, 7.0)
    ours = Reranker(model, Weights("tiny", cross))
    assert ours.scores(PAIRS).tolist() == [7.0] * len(PAIRS)


def test_a_new_head_follows_the_seed(tiny_e5):
    made = [new_cross_encoder(Weights("tiny", tiny_e5), 64, seed)[0].auto_model for seed in (1, 1, 2)]
    for name in ("classifier.weight", "bert.pooler.dense.weight"):
        one, same, other = (model.get_parameter(name) for model in made)
        assert torch.equal(one, same) and not torch.equal(one, other), name
    assert torch.equal(made[0].bert.embeddings.word_embeddings.weight, made[2].bert.embeddings.word_embeddings.weight)


def test_a_cross_encoder_keeps_its_head_when_it_is_trained_on(cross):
    again = new_cross_encoder(Weights("tiny", cross), 64, seed=9)[0].auto_model
    before = load_cross_encoder(Weights("tiny", cross))[0].auto_model
    assert torch.equal(again.classifier.weight, before.classifier.weight)


def test_an_encoder_is_not_taken_for_a_cross_encoder(tiny_e5):
    """Its head would be random numbers."""
    with pytest.raises(WeightsError, match="tiny: .*not a cross-encoder.*train.py --reranker-base"):
        load_cross_encoder(Weights("tiny", tiny_e5))


def test_one_with_several_scores_is_refused(cross, tmp_path):
    folder = shutil.copytree(cross, tmp_path / "three")
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(cross, num_labels=3, ignore_mismatched_sizes=True)
    model.save_pretrained(folder)
    with pytest.raises(WeightsError, match=r"^three: it gives 3 scores for a pair \(num_labels\).* gives 1: .*$"):
        load_cross_encoder(Weights("three", folder))


def test_pickled_weights_are_refused(cross, tmp_path):
    """Alone, and beside safetensors in a folder that a look at the files alone would take for those of the model."""
    folder = shutil.copytree(cross, tmp_path / "pickled")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="no .safetensors file"):
        locate(str(folder))
    shutil.copytree(cross, folder / "decoy")
    with pytest.raises(WeightsError, match="pytorch_model.bin is a pickle"):
        load_cross_encoder(locate(str(folder)))


def test_weights_that_are_missing_are_refused(cross, tmp_path):
    """A head without weights would be drawn at random: a silently useless order."""
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(cross, tmp_path / "headless")
    kept = {name: one for name, one in load_file(cross / "model.safetensors").items() if "classifier" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match="classifier.*random numbers"):
        load_cross_encoder(Weights("headless", folder))


def test_a_model_with_code_of_its_own_does_not_run_it(cross, tmp_path):
    folder = shutil.copytree(cross, tmp_path / "code")
    (folder / "evil.py").write_text("raise SystemExit('it ran')")
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["type"] = "evil.Evil"
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(WeightsError, match="code"):
        load_cross_encoder(Weights("code", folder))


def test_scores_that_are_not_finite_are_refused(cross):
    model = load_cross_encoder(Weights("tiny", cross))
    torch.nn.init.constant_(model[0].auto_model.classifier.bias, float("nan"))
    with pytest.raises(WeightsError, match="not finite"):
        Reranker(model, Weights("tiny", cross))
