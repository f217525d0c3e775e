"""Encoders: prompts, pooling, fingerprints and limits, on tiny random models and once on the packaged real one."""

import json
import shlex
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from hub_repos import e5_files
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel, XLMRobertaConfig, XLMRobertaModel

from space.encoding import bert_encoder, packed_encoder, query_encoders
from space.encoding.bert_encoder import BertEncoder
from space.encoding.encoder import TextEncoder
from space.encoding.fingerprint import fingerprint
from space.encoding.model import bert_of
from space.encoding.packed_bert import PackedBert, batches
from space.encoding.weights import (
    E5_PROMPTS,
    Weights,
    WeightsError,
    locate,
)
from space.io.threads import prefetch

TEXTS = ["red shoes", "a much longer text about a blue kettle with a whistle", "", "ワイヤレス イヤホン"]


def write(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def e5(tmp_path_factory):
    """A tiny random model with the files that multilingual-e5-small has on the Hub."""
    return write(tmp_path_factory.mktemp("hub") / "multilingual-e5-tiny", e5_files())


@pytest.fixture(scope="module")
def e5_base(tmp_path_factory):
    """As above, for multilingual-e5-base, which is an XLM-R."""
    return write(tmp_path_factory.mktemp("hub") / "multilingual-e5-base-tiny", e5_files(base=True))


@pytest.fixture(scope="module")
def plain(tmp_path_factory, e5):
    """The same tokenizer with a random XLM-R, as a plain ``transformers`` checkpoint."""
    folder = tmp_path_factory.mktemp("plain") / "checkpoint"
    tokenizer = json.loads((e5 / "tokenizer.json").read_text())
    size = len(tokenizer["model"]["vocab"]) + len(tokenizer["added_tokens"])
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=size, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=66, pad_token_id=1,
    )  # fmt: skip
    XLMRobertaModel(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        if (e5 / name).is_file():
            shutil.copy(e5 / name, folder / name)
    return folder


def load(folder, **settings):
    return TextEncoder(locate(str(folder)), **settings)


def exact(folder, **settings):
    """On the CPU, with products in float32, so that small differences show."""
    return load(folder, training=True, device="cpu", **settings)


def by_hand(encoder, text):
    """Mean of the last hidden states over the real tokens, then unit norm, as E5's authors publish it."""
    batch = encoder.model.tokenizer([text], return_tensors="pt", truncation=True, max_length=encoder.max_seq_length)
    with torch.no_grad():
        states = encoder.model[0].auto_model(**batch).last_hidden_state[0]
    mean = states[batch["attention_mask"][0].bool()].mean(dim=0)
    return mean / mean.norm()


@pytest.mark.parametrize("kind", ["e5", "e5_base", "plain"])
def test_vectors_are_the_mean_pooled_unit_vectors_of_the_prompted_text(kind, request):
    encoder = exact(request.getfixturevalue(kind))
    assert bert_of(encoder.model)
    assert encoder.model.prompts == E5_PROMPTS
    for texts, prompt, encode in (
        (TEXTS, "query: ", encoder.encode_queries),
        (TEXTS, "passage: ", encoder.encode_passages),
    ):
        vectors = encode(texts)
        assert vectors.shape == (len(texts), encoder.dim)
        assert vectors.dtype == torch.float32
        torch.testing.assert_close(
            vectors, torch.stack([by_hand(encoder, prompt + text) for text in texts]), atol=1e-5, rtol=0
        )


def test_queries_and_passages_differ_so_a_forgotten_prompt_would_show(e5):
    encoder = load(e5)
    assert not torch.allclose(encoder.encode_queries(["red shoes"]), encoder.encode_passages(["red shoes"]), atol=1e-3)


def test_prompts_and_fingerprint_survive_saving(e5, tmp_path):
    encoder = load(e5)
    encoder.model.save_pretrained(str(tmp_path / "m"))
    again = load(tmp_path / "m")
    assert again.model.prompts["query"] == "query: "
    assert again.fingerprint == encoder.fingerprint
    assert torch.equal(again.encode_queries(TEXTS), encoder.encode_queries(TEXTS))


def test_saved_empty_prompts_stay_empty_though_the_folder_says_e5(e5, tmp_path):
    """A model without prompts is saved to saved_e5_model by default. That name must not give it prompts."""
    encoder = load(e5)
    encoder.model.prompts = {"query": "", "document": ""}
    encoder.model.save_pretrained(str(tmp_path / "saved_e5_model"))
    again = load(tmp_path / "saved_e5_model")
    assert again.model.prompts["query"] == again.model.prompts["document"] == ""


def test_a_frozen_training_encoder_gives_the_vectors_that_are_served(e5):
    """What is evaluated is what is served, and later weights are not evaluated with the old ones."""
    trained, served = TextEncoder(Weights("e5", e5), training=True), TextEncoder(Weights("e5", e5))
    with trained.frozen():
        assert torch.equal(trained.encode_passages(TEXTS), served.encode_passages(TEXTS))
        assert trained.describe().precision == served.describe().precision
    assert trained.precision == "float32"
    with torch.no_grad():
        for layer in trained.model[0].auto_model.encoder.layer:
            layer.output.dense.weight.mul_(2)
    with trained.frozen():
        assert not torch.allclose(trained.encode_passages(TEXTS), served.encode_passages(TEXTS), atol=1e-3)


def load_served(folder, made, limit=None):
    """As the app loads the encoder that made some vectors."""
    made = made if limit is None else replace(made, max_seq_length=limit)
    return query_encoders.load({"tuned": query_encoders.Asked(locate(str(folder)), made)})["tuned"]


@pytest.mark.parametrize("kind", ["e5", "e5_base", "plain", "saved", "first token"])
def test_a_bert_is_served_from_its_files_as_sentence_transformers_would(kind, e5, request, tmp_path):
    """The same fingerprint and the same bits, without the imports; a start takes half as long."""
    if kind in ("saved", "first token"):
        encoder = exact(e5)
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


def test_a_second_start_with_the_same_files_computes_no_fingerprint(e5, tmp_path, cache):
    """The cached one is of this machine; a damaged cache costs a slow start, and no wrong answer."""
    exact(e5).model.save_pretrained(str(tmp_path / "m"))
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
def test_a_changed_file_is_not_taken_for_the_encoder_of_the_vectors(change, e5, tmp_path, cache):
    """Its queries would be searched among vectors of another encoder."""
    exact(e5).model.save_pretrained(str(tmp_path / "m"))
    made = load(tmp_path / "m").describe()
    load_served(tmp_path / "m", made)
    CHANGES[change](tmp_path / "m")
    assert load_served(tmp_path / "m", made).fingerprint == load(tmp_path / "m").fingerprint != made.fingerprint


def test_prompts_that_follow_from_the_name_are_noticed(e5, tmp_path, cache):
    """The files of an E5 without saved prompts, moved to a folder whose name does not say so, are another encoder."""
    exact(e5).model.save_pretrained(str(tmp_path / "my-e5"))
    edit(tmp_path / "my-e5", "config_sentence_transformers.json", prompts={})
    made = load(tmp_path / "my-e5").describe()
    assert load_served(tmp_path / "my-e5", made).prompts == E5_PROMPTS
    (tmp_path / "my-e5").rename(tmp_path / "mine")
    assert load_served(tmp_path / "mine", made).fingerprint != made.fingerprint


def test_encoders_that_share_a_tokenizer_cut_texts_as_alone(e5, tmp_path):
    """It keeps the length limit as state: one encoder could get the limit of the other."""
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        exact(e5).model.save_pretrained(str(folder))
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


def test_a_trained_model_keeps_the_tokenizer_file_of_its_base(e5, tmp_path):
    """transformers writes other bytes of the same tokenizer; then the app would read it twice."""
    load(e5).save(tmp_path / "base")
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
def test_a_model_of_another_kind_is_served_by_sentence_transformers(change, e5, tmp_path):
    exact(e5).model.save_pretrained(str(tmp_path / "m"))
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
def test_damaged_files_are_not_served_and_get_the_usual_message(damage, e5, tmp_path):
    exact(e5).model.save_pretrained(str(tmp_path / "m"))
    made = load(tmp_path / "m").describe()
    DAMAGES[damage](tmp_path / "m")
    with pytest.raises(WeightsError, match="m: "):
        load_served(tmp_path / "m", made)


def change_weight(encoder):
    with torch.no_grad():
        next(encoder.model.parameters())[0, 0] += 1e-3


def change_prompt(encoder):
    encoder.model.prompts["query"] = "search: "


def change_pooling(encoder):
    encoder.model[1].pooling_mode = ("cls",) if isinstance(encoder.model[1].pooling_mode, tuple) else "cls"


def change_tokenizer(encoder):
    encoder.model.tokenizer.add_tokens(["kettle"])


@pytest.mark.parametrize("change", [change_weight, change_prompt, change_pooling, change_tokenizer])
def test_the_fingerprint_notices(e5, change):
    encoder = load(e5)
    before = encoder.fingerprint
    assert encoder.describe(refresh=True).fingerprint == before
    change(encoder)
    assert encoder.describe(refresh=True).fingerprint != before


def test_the_sequence_limit_is_in_the_description_not_in_the_fingerprint(e5):
    short, long = load(e5, max_seq_length=8), load(e5, max_seq_length=64)
    assert short.fingerprint == long.fingerprint
    assert (short.describe().max_seq_length, long.describe().max_seq_length) == (8, 64)
    assert not torch.allclose(short.encode_passages(TEXTS[1:2]), long.encode_passages(TEXTS[1:2]), atol=1e-3)


def test_e5_base_reads_as_many_tokens_as_e5_small(e5, e5_base):
    """Its 514 position embeddings are enough for 512 tokens, as are the 512 of the small one."""
    for folder in (e5, e5_base):
        encoder = load(folder, max_seq_length=512)
        assert encoder.max_seq_length == 512
        assert encoder.encode_passages(["kettle " * 800]).isfinite().all()


def test_a_limit_beyond_the_position_embeddings_is_lowered(plain):
    """XLM-R counts positions from the padding index: 66 embeddings are 64 tokens, and a 65th would crash."""
    encoder = load(plain, max_seq_length=512)
    assert encoder.max_seq_length == 64
    assert encoder.encode_passages(["kettle " * 500]).isfinite().all()


def test_batches_and_order_do_not_change_vectors(e5):
    encoder = exact(e5, batch_size=2)
    texts = [f"{'word ' * (row % 7)}thing {row}" for row in range(25)]
    seen = []
    together = encoder.encode_passages(texts, seen.append)
    assert sum(seen) == len(texts) and len(seen) > 1
    alone = torch.cat([encoder.encode_passages([text]) for text in texts])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    assert encoder.encode_passages([]).shape == (0, encoder.dim)


def test_more_texts_than_are_sorted_together(e5, monkeypatch):
    """Another thread tokenizes the parts. A lost or swapped part would give products the vectors of others."""
    encoder = exact(e5)
    texts = [f"thing {row}" for row in range(10)]
    whole = encoder.encode_passages(texts)
    monkeypatch.setattr(packed_encoder, "_SORTED_TOGETHER", 3)
    torch.testing.assert_close(encoder.encode_passages(texts), whole, atol=1e-5, rtol=0)


# -- the forward pass without padding ---------------------------------------------------------------------------------


def test_batches_hold_every_row_once_within_the_budget_and_equal_lengths_together():
    lengths = [3, 9, 1, 3, 20, 3, 9, 2, 1, 3]
    made = list(batches(lengths, budget=10))
    assert sorted(row for batch in made for row in batch) == list(range(len(lengths)))
    assert made[0] == [4], "a text longer than the budget goes alone"
    for batch in made[1:]:
        assert sum(lengths[row] for row in batch) <= 10
    for batch in batches(lengths, budget=10_000):
        assert [lengths[row] for row in batch] == sorted(lengths, reverse=True)
    assert list(batches([], budget=10)) == []


@pytest.mark.parametrize("kind", ["e5", "e5_base"])
def test_products_in_bfloat16_change_vectors_very_little(kind, request):
    encoder = exact(request.getfixturevalue(kind))
    read = sorted(encoder.tokenize(TEXTS), key=len)
    one, other = (
        PackedBert(bert_of(encoder.model), dtype, torch.device("cpu"))(read)
        for dtype in (torch.float32, torch.bfloat16)
    )
    assert one.dtype == other.dtype == torch.float32
    assert not torch.equal(one, other)
    assert (one * other).sum(dim=1).min() >= 0.9999


@pytest.mark.parametrize(
    ("fast", "least", "precision"),
    [(True, -1.0, "bfloat16 products"), (True, 1.1, "float32"), (False, -1.0, "float32")],
)
def test_bfloat16_is_taken_where_it_is_fast_and_close_and_said(e5, monkeypatch, fast, least, precision):
    """A model whose vectors it would change stays in float32. The description says which one ran."""
    monkeypatch.setattr(packed_encoder, "bfloat16_is_fast", lambda device: fast)
    monkeypatch.setattr(packed_encoder, "_CLOSE", least)
    encoder = load(e5, device="cpu")
    assert encoder.describe().precision == precision
    cosines = (encoder.encode_passages(TEXTS) * exact(e5).encode_passages(TEXTS)).sum(dim=1)
    assert cosines.min() >= 0.9999


def test_the_first_token_as_the_text(e5):
    """Pooling of BGE and others."""
    encoder = exact(e5)
    encoder.model[1].pooling_mode = "cls"
    batch = encoder.model.tokenizer("query: red shoes", return_tensors="pt")
    with torch.no_grad():
        first = encoder.model[0].auto_model(**batch).last_hidden_state[:, 0]
    wanted = torch.nn.functional.normalize(first, dim=1)
    torch.testing.assert_close(encoder.encode_queries(["red shoes"]), wanted, atol=1e-5, rtol=0)


def test_a_model_of_another_kind_is_left_to_sentence_transformers(e5, tmp_path):
    encoder = load(e5)
    encoder.model[1].pooling_mode = "max"
    encoder.model.save_pretrained(str(tmp_path / "m"))
    other = load(tmp_path / "m", device="cpu")
    assert bert_of(other.model) is None
    assert other.describe().precision == "float32"
    seen = []
    wanted = torch.from_numpy(other.model.encode(TEXTS, prompt_name="document"))
    torch.testing.assert_close(other.encode_passages(TEXTS, seen.append), wanted, atol=1e-6, rtol=0)
    assert seen == [len(TEXTS)]
    assert not torch.allclose(other.encode_queries(TEXTS), wanted, atol=1e-3)
    assert other.encode_passages([]).shape == (0, other.dim)


def test_weights_that_are_trained_count_at_once(e5):
    """A copy from before the training would evaluate the base twice and call it fine-tuned."""
    encoder = exact(e5)
    before = encoder.encode_passages(TEXTS)
    with torch.no_grad():
        encoder.model[0].auto_model.encoder.layer[0].attention.self.query.weight.mul_(-3)
    assert not torch.allclose(encoder.encode_passages(TEXTS), before, atol=1e-3)


def test_vectors_can_be_changed_in_place(e5):
    """Tensors made in inference mode cannot, so none must be returned."""
    encoder = load(e5)
    for vectors in (encoder.encode_queries(TEXTS), encoder.encode_passages(TEXTS)):
        vectors += 1


def test_two_threads_may_ask_one_encoder(e5):
    """A tokenizer keeps its length limit as state; two threads that set it at once get "Already borrowed"."""
    encoder = load(e5)
    text = "kettle " * 2000
    with ThreadPoolExecutor(2) as threads:
        jobs = [
            threads.submit(*job) for _ in range(20) for job in ((encoder.is_cut, text), (encoder.tokenize, [text] * 4))
        ]
        assert all(job.result() for job in jobs)


def test_prefetch_keeps_order_and_errors():
    made = []

    def items():
        for number in range(3):
            made.append(number)
            yield number
        raise OSError("the fourth cannot be read")

    coming = prefetch(items())
    assert [next(coming) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="fourth"):
        next(coming)
    assert made == [0, 1, 2]


def test_pickled_weights_are_refused(tmp_path):
    """A .bin checkpoint can run code when it is loaded."""
    BertModel(
        BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=9)
    ).save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"no \.safetensors file"):
        load(tmp_path)


def test_a_folder_that_is_no_model_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(WeightsError, match="cannot be loaded as an encoder"):
        load(tmp_path)


def test_a_cut_text_is_known(e5):
    """A text is cut if and only if an encoder that reads more gives another vector; the prompt counts too."""
    encoder, longer = load(e5, max_seq_length=12), load(e5, max_seq_length=60)
    texts = ["red kettle and a whistle"[:length] for length in range(1, 24)]
    near, far = encoder.encode_passages(texts), longer.encode_passages(texts)
    differs = [not torch.allclose(one, other, atol=1e-5) for one, other in zip(near, far, strict=True)]
    assert any(differs) and not all(differs)
    assert [encoder.is_cut(text) for text in texts] == differs


# -- shorter vectors, and adapters -----------------------------------------------------------------------------------


@pytest.fixture
def truncated(e5, tmp_path):
    """``truncated(value)`` is the model with that truncate_dim."""

    def make(value):
        folder = shutil.copytree(e5, tmp_path / f"e5-{value}")
        (folder / "config_sentence_transformers.json").write_text(json.dumps({"truncate_dim": value}))
        return folder

    return make


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("asked", "dim"), [(8, 8), (1, 1), (31, 31), (32, 32), (500, 32)])
def test_vectors_are_as_short_as_the_model_says(e5, truncated, asked, dim, training):
    """A Matryoshka model: its first numbers, with unit norm, in our forward pass and in the library's."""
    whole = TextEncoder(locate(str(e5)), training=training).encode_passages(TEXTS)
    encoder = TextEncoder(locate(str(truncated(asked))), training=training)
    assert encoder.dim == encoder.describe().dim == dim
    wanted = torch.nn.functional.normalize(whole[:, :dim], dim=1)
    torch.testing.assert_close(encoder.encode_passages(TEXTS), wanted, atol=1e-5, rtol=0)
    encoder._packable = False
    torch.testing.assert_close(encoder.encode_passages(TEXTS), wanted, atol=1e-2, rtol=0)


def test_shorter_vectors_have_another_fingerprint_that_survives_saving(e5, truncated, tmp_path):
    encoder = TextEncoder(locate(str(truncated(8))), training=True)
    encoder.model.save_pretrained(str(tmp_path / "saved"))
    again = TextEncoder(locate(str(tmp_path / "saved")))
    others = [TextEncoder(locate(str(folder))).fingerprint for folder in (e5, truncated(9))]
    assert again.fingerprint == encoder.fingerprint not in others and again.dim == 8


@pytest.mark.parametrize("value", [0, -1, "8", 2.5, [8]])
def test_a_length_that_cannot_be_is_refused(truncated, value):
    with pytest.raises(WeightsError, match="truncate_dim"):
        TextEncoder(locate(str(truncated(value))))


@pytest.mark.parametrize("config", ['{"base_model_name_or_path": "intfloat/multilingual-e5-small"}', "{}", "[", "[]"])
@pytest.mark.parametrize("place", ["", "0_Transformer"])
def test_an_adapter_is_refused_with_the_command_that_merges_it(e5, tmp_path, config, place):
    """It ended with an ImportError, and without its base it is no model."""
    folder = tmp_path / "it's lora"
    (folder / place).mkdir(parents=True)
    (folder / place / "adapter_config.json").write_text(config)
    (folder / place / "adapter_model.safetensors").write_bytes(b"x")
    with pytest.raises(WeightsError, match=r"an adapter \(LoRA\), not a whole model; merge it") as refused:
        locate(str(folder))
    program, flag, code = shlex.split(str(refused.value).partition("&& ")[2])
    assert (program, flag) == ("python", "-c")
    compile(code, "command", "exec")
    assert f"{str(folder / place)!r}" in code and f"{'it' + chr(39) + 's lora-merged'!r}" in code
    assert ("passage: " in code) == ("e5" in config)


def test_a_model_that_needs_a_package_says_which(e5, monkeypatch):
    def load(*_, **__):
        raise ImportError("install einops")

    monkeypatch.setattr("space.encoding.model.SentenceTransformer", load)
    with pytest.raises(WeightsError, match="a package that is not installed: install einops"):
        TextEncoder(locate(str(e5)))
