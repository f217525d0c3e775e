"""The cards of a model and of a store: front matter that the Hub reads, and what people read."""

from dataclasses import replace

import pytest
import small_evaluation
import yaml
from markdown_it import MarkdownIt

from space.encoding.description import BASE, TUNED, EncoderDescription
from space.encoding.weights import PACKAGED, PACKAGED_NAME
from space.hub import cards, hosted_space
from space.store.writer import Plan


def model_card(training=None, encoder=None, **settings):
    found = small_evaluation.content()
    base = replace(found.encoders["base"], **(encoder or {}))
    found = replace(
        found,
        training=replace(found.training, **(training or {})),
        settings=found.settings | {"dataset": "sample"} | settings,
        encoders=found.encoders | {"base": base},
    )
    return cards.model_card(found, "alice/model")


def front_of(card):
    return yaml.safe_load(card.split("---\n")[1])


def test_the_hub_reads_the_figures_of_both_protocols_apart():
    """Two protocols have an nDCG@10; under one task the Hub would show one of them as the other."""
    found = small_evaluation.content()
    (index,) = front_of(model_card())["model-index"]
    full, judged = index["results"]
    assert (full["task"]["type"], judged["task"]["type"]) == ("information-retrieval", "text-ranking")
    assert [len(part["metrics"]) for part in (full, judged)] == [4, 2]
    tuned = found.protocols["full_catalogue"].systems["tuned"]["ndcg@10"]
    assert full["metrics"][0] == {
        "type": "ndcg_at_10", "name": "ndcg@10 (full catalogue)", "value": tuned.mean,
        "args": {"low": tuned.low, "high": tuned.high, "queries": 38},
    }  # fmt: skip
    assert full["dataset"]["type"] == "made-up" and full["dataset"]["args"]["gains"]["Substitute"] == 0.1


@pytest.mark.parametrize(
    ("given", "repository"),
    [("alice/data@0123abc", "alice/data"), ("alice/data", "alice/data"), ("./alice/data", None), ("data.csv", None)],
)
def test_the_card_links_what_is_on_the_hub(given, repository):
    front = front_of(model_card(encoder={"id": given}, dataset=given))
    assert front.get("base_model") == repository and front.get("datasets") == (repository and [repository])


def test_packaged_weights_are_named_and_lead_to_the_model_they_are_a_copy_of():
    card = model_card(encoder={"id": PACKAGED_NAME})
    front = front_of(card)
    assert (front["base_model"], front["license"]) == ("intfloat/multilingual-e5-small", "mit")
    assert "\n# multilingual-e5-small fine-tuned" in card and f"Fine-tuned from `{PACKAGED_NAME}`" in card


def test_a_space_takes_packaged_weights_from_the_package():
    """Their name is no repository. A Space has the package from requirements.txt, and finds it by this flag."""
    made_by = replace(small_evaluation.content().encoders["base"], id=PACKAGED_NAME)
    assert hosted_space._pinned("base", None, made_by, "alice/store") == PACKAGED


def test_a_folder_is_no_repository(tmp_path, monkeypatch):
    (tmp_path / "alice" / "data").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert "datasets" not in front_of(model_card(dataset="alice/data"))


def test_what_training_did():
    card = model_card()
    for said in ("640 examples", "20 steps", "16.2 examples/s", "2.3 GB", 'SentenceTransformer("alice/model")'):
        assert said in card
    assert "examples/s" not in model_card({"examples_per_second": None}), "a run resumed at its end trained nothing"
    assert "0.0 examples/s" in model_card({"examples_per_second": 0.0}), "a run that slow did train"
    assert "the weights are those of step 12" in model_card({"best_step": 12}).lower()
    assert "| locales | us es jp |" in card and "push_to_hub" not in card


def test_the_prompts_are_told():
    assert "no prompts" in model_card(encoder={"prompts": {"query": "", "document": ""}})
    assert "`query: ` before a query" in model_card(encoder={"prompts": {"query": "query: ", "document": "passage: "}})


@pytest.mark.parametrize(
    ("data", "licence"),
    [
        ("sample", "apache-2.0"),
        ("tasksource/esci@0123abc", "apache-2.0"),
        ("sample_products.csv", None),
        ("fresci.csv", None),
        ("alice/esci", None),
    ],
)
def test_no_licence_is_claimed_for_what_others_made(data, licence):
    encoder = EncoderDescription(id="e", fingerprint="f" * 64, dim=2, max_seq_length=8)
    card = cards.store_card(Plan(2, 1, "{title}", data), dict.fromkeys((BASE, TUNED), encoder), False, None)
    assert front_of(card).get("license") == licence
    assert [config["config_name"] for config in front_of(card)["configs"]] == ["products", "base", "tuned"]


EVIL = (
    "x` | **b** [a](https://evil.example) <img src=x>\n---\n\n# Title\n| a | b |\u2028"
    "![i](http://evil.example/i.png) $x$"
)


@pytest.mark.parametrize("text", [EVIL, "\n---\nlicense: mit", "a: b # c", "``` \n```python\nprint()"])
def test_texts_of_strangers_add_no_markup_and_no_line_to_a_card(text):
    """The same blocks and inline elements stand in the card as with a harmless text."""
    plan = Plan(rows=12, shard_size=10, dataset=text, text=text, notice=text)
    encoder = replace(small_evaluation.content().encoders["base"], id=text, revision=text)
    stores = [
        cards.store_card(
            replace(plan, dataset=one, text=one, notice=one), {"base": replace(encoder, id=one)}, True, None
        )
        for one in (text, "harmless")
    ]
    models = [
        model_card(encoder={"id": one, "prompts": {"query": one, "document": one}}, note=one, dataset=one)
        for one in (text, "harmless")
    ]
    for strange, harmless in (stores, models):
        assert structure(strange) == structure(harmless)
        assert front_of(strange).keys() == front_of(harmless).keys()


@pytest.mark.parametrize("part", ["verdict", "label", "locale", "notice"])
def test_texts_of_an_evaluation_add_no_markup(part):
    def card(text):
        found = small_evaluation.content({text: [0.1] * 20} if part == "locale" else None)
        if part == "verdict":
            found = replace(found, protocols={**found.protocols}, verdict=text)
        elif part == "label":
            found = replace(found, gains=found.gains | {text: 0.5})
        elif part == "notice":
            found = replace(found, dataset=replace(found.dataset, notice=text))
        return cards.model_card(replace(found, settings=found.settings | {"dataset": "sample"}), "alice/model")

    # As many words, since queries are sliced by their length.
    assert structure(card(EVIL)) == structure(card(" ".join(["harmless"] * len(EVIL.split()))))


def structure(card):
    """The elements of a card in their order, without their texts."""
    body = card.split("---\n", 2)[2]
    tokens = MarkdownIt("commonmark", {"linkify": False}).enable(["table", "strikethrough"]).parse(body)
    flat = [inner for token in tokens for inner in (token, *(token.children or []))]
    return [token.type for token in flat if token.type not in ("text", "text_special")]
