"""The encoder of the app, read from the files of a model: as sentence-transformers would, or left to it."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from encoder_folders import TEXTS, exact, load
from safetensors.torch import load_file, save_file

from space.encoding import bert_encoder, kept_tokenizers, query_encoders, tokenizer_files
from space.encoding.bert_encoder import BertEncoder
from space.encoding.encoder import TextEncoder
from space.encoding.fingerprint import fingerprint
from space.encoding.weights import (
    E5_PROMPTS,
    WeightsError,
    locate,
)


def load_served(folder, made, limit=None):
    """As the app loads the encoder that made some vectors."""
    made = made if limit is None else replace(made, max_seq_length=limit)
    return query_encoders.load({"tuned": query_encoders.Asked(locate(str(folder)), made)})["tuned"]


@pytest.mark.parametrize("kind", ["tiny_e5", "tiny_e5_base", "plain_e5", "saved", "first token"])
def test_a_bert_is_served_from_its_files_as_sentence_transformers_would(kind, tiny_e5, request, tmp_path):
    """The same fingerprint and the same bits, without the imports; a start takes half as long."""
    if kind in ("saved", "first token"):
        encoder = exact(tiny_e5)
        encoder.model[1].pooling_mode = "cls" if kind == "first token" else "mean"
        encoder.model.save_pretrained(str(tmp_path / "m"))
    folder = tmp_path / "m" if kind in ("saved", "first token") else request.getfixturevalue(kind)
    slow = load(folder)
    fast = load_served(folder, slow.describe())
    assert type(fast) is BertEncoder
    assert fast.describe() == slow.describe()
    for encode in ("encode_queries", "encode_passages"):
        assert getattr(fast, encode)(TEXTS).equal(getattr(slow, encode)(TEXTS))
    for limit in (4, 10_000):
        fast, slow = load_served(folder, slow.describe(), limit), load(folder, max_seq_length=limit)
        assert fast.max_seq_length == slow.max_seq_length
        assert [fast.is_cut(text) for text in TEXTS] == [slow.is_cut(text) for text in TEXTS]
        assert fast.encode_passages(TEXTS).equal(slow.encode_passages(TEXTS))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of the user, and the fingerprints that are computed in this process."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    computed = []

    def noted(*arguments):
        computed.append(fingerprint(*arguments))
        return computed[-1]

    monkeypatch.setattr(bert_encoder, "fingerprint", noted)
    return computed


def test_a_second_start_with_the_same_files_computes_no_fingerprint(tiny_e5, tmp_path, cache):
    """The cached one is of this machine; a damaged cache costs a slow start, and no wrong answer."""
    exact(tiny_e5).model.save_pretrained(str(tmp_path / "m"))
    made = load(tmp_path / "m").describe()
    first = load_served(tmp_path / "m", made)
    assert cache == [made.fingerprint]
    shutil.copytree(tmp_path / "m", tmp_path / "pulled" / "m")
    second = load_served(tmp_path / "pulled" / "m", made)
    assert cache == [made.fingerprint] and type(second) is BertEncoder
    assert second.describe() == first.describe()
    assert second.encode_passages(TEXTS).equal(first.encode_passages(TEXTS))
    (kept,) = (tmp_path / "cache").rglob("*.json")
    for damaged in ("", "[]", '{"a": 1}', kept.read_text().replace(made.fingerprint, "0" * 64)):
        kept.write_text(damaged)
        assert load_served(tmp_path / "m", made).fingerprint == made.fingerprint
        assert cache.pop() == made.fingerprint and len(cache) == 1


@pytest.mark.parametrize("as_written", [True, False])
@pytest.mark.parametrize("after", ["a build", "a start"])
def test_what_was_kept_spares_a_start_transformers(after, as_written, tiny_e5, tmp_path, cache, monkeypatch):
    """transformers makes the tokenizer of an E5 from the Hub anew; that of a saved model is what its file says."""
    exact(tiny_e5).save(tmp_path / "m")
    folder = tmp_path / "m" if as_written else tiny_e5
    encoder = load(folder)
    encoder.encode_queries(TEXTS)
    if after == "a build":
        encoder.remember()
    else:
        load_served(folder, encoder.describe())
    cache.clear()
    with monkeypatch.context() as patch:
        patch.setattr(tokenizer_files, "_by_transformers", lambda _: pytest.fail("transformers is asked"))
        served = load_served(folder, encoder.describe())
    assert cache == [] and served.describe() == encoder.describe()
    assert served.encode_passages(TEXTS).equal(encoder.encode_passages(TEXTS))
    for kept in (tmp_path / "cache").rglob("tokenizers/*"):
        kept.write_bytes(kept.read_bytes()[:-1])
        again = load_served(folder, encoder.describe())
        assert again.encode_passages(TEXTS).equal(encoder.encode_passages(TEXTS))
    assert as_written is not (tmp_path / "cache" / "e5-product-search" / "tokenizers").exists()


def test_few_tokenizers_are_kept(tmp_path, cache):
    """One has 17 MB."""
    for number in range(6):
        (tmp_path / "tokenizer.json").write_text(str(number))
        kept_tokenizers.keep(tmp_path, "{}")
    assert len([*(tmp_path / "cache").rglob("tokenizers/*")]) == 4


CHANGES = {
    "a weight": lambda folder: edit_weights(folder, **{"embeddings.LayerNorm.bias": torch.ones(32)}),
    "the prompts": lambda folder: edit(
        folder, "config_sentence_transformers.json", prompts={"query": "", "document": ""}
    ),
    "the pooling": lambda folder: edit(folder, "1_Pooling/config.json", pooling_mode="cls"),
    "the tokenizer": lambda folder: add_token(folder, "kettle"),
}


def add_token(folder, token):
    encoder = load(folder)
    encoder.model.tokenizer.add_tokens([token])
    encoder.model[0].auto_model.resize_token_embeddings(len(encoder.model.tokenizer))
    encoder.model.save_pretrained(str(folder))


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_is_not_taken_for_the_encoder_of_the_vectors(change, tiny_e5, tmp_path, cache):
    """Its queries would be searched among vectors of another encoder."""
    exact(tiny_e5).model.save_pretrained(str(tmp_path / "m"))
    made = load(tmp_path / "m").describe()
    load_served(tmp_path / "m", made)
    CHANGES[change](tmp_path / "m")
    assert load_served(tmp_path / "m", made).fingerprint == load(tmp_path / "m").fingerprint != made.fingerprint


def test_prompts_that_follow_from_the_name_are_noticed(tiny_e5, tmp_path, cache):
    """The files of an E5 without saved prompts, moved to a folder whose name does not say so, are another encoder."""
    exact(tiny_e5).model.save_pretrained(str(tmp_path / "my-e5"))
    edit(tmp_path / "my-e5", "config_sentence_transformers.json", prompts={})
    made = load(tmp_path / "my-e5").describe()
    assert load_served(tmp_path / "my-e5", made).prompts == E5_PROMPTS
    (tmp_path / "my-e5").rename(tmp_path / "mine")
    assert load_served(tmp_path / "mine", made).fingerprint != made.fingerprint


def test_encoders_that_share_a_tokenizer_cut_texts_as_alone(tiny_e5, tmp_path):
    """It keeps the length limit as state: one encoder could get the limit of the other."""
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        exact(tiny_e5).model.save_pretrained(str(folder))
    asked = {
        folder.name: query_encoders.Asked(locate(str(folder)), load(folder, max_seq_length=limit).describe())
        for folder, limit in zip(folders, (5, 9), strict=True)
    }
    alone = {name: query_encoders.load({name: one})[name] for name, one in asked.items()}
    together = query_encoders.load(asked)
    texts = [f"{word} red shoes and a blue kettle" for word in ("a", "the", "two", "three")]
    expected = {name: [encoder.tokenize([text]) for text in texts] for name, encoder in alone.items()}
    assert expected["one"] != expected["other"]
    with ThreadPoolExecutor(4) as threads:
        jobs = [
            (name, place, threads.submit(together[name].tokenize, [text]))
            for _ in range(50)
            for place, text in enumerate(texts)
            for name in asked
        ]
        assert all(job.result() == expected[name][place] for name, place, job in jobs)


def test_a_trained_model_keeps_the_tokenizer_file_of_its_base(tiny_e5, tmp_path):
    """transformers writes other bytes of the same tokenizer; then the app would read it twice."""
    load(tiny_e5).save(tmp_path / "base")
    path = tmp_path / "base" / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"truncation": None}))
    encoder = load(tmp_path / "base")
    encoder.encode_queries(TEXTS)
    encoder.save(tmp_path / "trained")
    assert (tmp_path / "trained" / "tokenizer.json").read_bytes() == path.read_bytes()
    assert load(tmp_path / "trained").fingerprint == encoder.fingerprint
    encoder.model.tokenizer.add_tokens(["kettle"])
    encoder.model[0].auto_model.resize_token_embeddings(len(encoder.model.tokenizer))
    encoder.save(tmp_path / "other")
    assert load(tmp_path / "other").fingerprint == encoder.describe(refresh=True).fingerprint


def edit(folder, name, **values):
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def edit_weights(folder, **changes):
    path = folder / "model.safetensors"
    tensors = load_file(path) | changes
    save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, path)


OTHER_KINDS = {
    "another activation": lambda folder: edit(folder, "config.json", hidden_act="relu"),
    "cut on the left": lambda folder: edit(folder, "tokenizer_config.json", truncation_side="left"),
    "shorter vectors": lambda folder: edit(folder, "config_sentence_transformers.json", truncate_dim=8),
    "the largest value": lambda folder: edit(folder, "1_Pooling/config.json", pooling_mode="max"),
    "without the prompt": lambda folder: edit(folder, "1_Pooling/config.json", include_prompt=False),
}


@pytest.mark.parametrize("change", OTHER_KINDS)
def test_a_model_of_another_kind_is_served_by_sentence_transformers(change, tiny_e5, tmp_path):
    exact(tiny_e5).model.save_pretrained(str(tmp_path / "m"))
    OTHER_KINDS[change](tmp_path / "m")
    slow = load(tmp_path / "m")
    fast = load_served(tmp_path / "m", slow.describe())
    assert type(fast) is TextEncoder
    assert fast.encode_queries(TEXTS).equal(slow.encode_queries(TEXTS))


DAMAGES = {
    "no settings": lambda folder: (folder / "config.json").unlink(),
    "settings of another kind": lambda folder: (folder / "config.json").write_text("[]"),
    "a text for a number": lambda folder: edit(folder, "config.json", num_attention_heads="two"),
    "another number of layers": lambda folder: edit(folder, "config.json", num_hidden_layers=1),
    "a billion layers": lambda folder: edit(folder, "config.json", num_hidden_layers=10**9),
    "no weights": lambda folder: (folder / "model.safetensors").write_bytes(b"0"),
    "no tokenizer": lambda folder: (folder / "tokenizer.json").write_text("{}"),
    "a weight is missing": lambda folder: edit_weights(folder, **{"embeddings.LayerNorm.bias": None}),
    "a weight of another shape": lambda folder: edit_weights(folder, **{"embeddings.LayerNorm.bias": torch.ones(3)}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_not_served_and_get_the_usual_message(damage, tiny_e5, tmp_path):
    exact(tiny_e5).model.save_pretrained(str(tmp_path / "m"))
    made = load(tmp_path / "m").describe()
    DAMAGES[damage](tmp_path / "m")
    with pytest.raises(WeightsError, match="m: "):
        load_served(tmp_path / "m", made)
