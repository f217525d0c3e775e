"""Encoders: prompts, pooling, fingerprints and limits, on tiny random models and once on the packaged real one."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from encoder_folders import TEXTS, exact, load

from space.encoding import packed_encoder
from space.encoding.encoder import TextEncoder
from space.encoding.model import bert_of
from space.encoding.weights import (
    E5_PROMPTS,
    Weights,
)
from space.io.threads import in_parallel, prefetch


def by_hand(encoder, text):
    """Mean of the last hidden states over the real tokens, then unit norm, as E5's authors publish it."""
    batch = encoder.model.tokenizer([text], return_tensors="pt", truncation=True, max_length=encoder.max_seq_length)
    with torch.no_grad():
        states = encoder.model[0].auto_model(**batch).last_hidden_state[0]
    mean = states[batch["attention_mask"][0].bool()].mean(dim=0)
    return mean / mean.norm()


@pytest.mark.parametrize("kind", ["tiny_e5", "tiny_e5_base", "plain_e5"])
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


def test_queries_and_passages_differ_so_a_forgotten_prompt_would_show(tiny_e5):
    encoder = load(tiny_e5)
    assert not torch.allclose(encoder.encode_queries(["red shoes"]), encoder.encode_passages(["red shoes"]), atol=1e-3)


def test_prompts_and_fingerprint_survive_saving(tiny_e5, tmp_path):
    encoder = load(tiny_e5)
    encoder.model.save_pretrained(str(tmp_path / "m"))
    again = load(tmp_path / "m")
    assert again.model.prompts["query"] == "query: "
    assert again.fingerprint == encoder.fingerprint
    assert torch.equal(again.encode_queries(TEXTS), encoder.encode_queries(TEXTS))


def test_saved_empty_prompts_stay_empty_though_the_folder_says_e5(tiny_e5, tmp_path):
    """A model without prompts is saved to saved_e5_model by default. That name must not give it prompts."""
    encoder = load(tiny_e5)
    encoder.model.prompts = {"query": "", "document": ""}
    encoder.model.save_pretrained(str(tmp_path / "saved_e5_model"))
    again = load(tmp_path / "saved_e5_model")
    assert again.model.prompts["query"] == again.model.prompts["document"] == ""


def test_a_frozen_training_encoder_gives_the_vectors_that_are_served(tiny_e5):
    """What is evaluated is what is served, and later weights are not evaluated with the old ones."""
    trained, served = TextEncoder(Weights("e5", tiny_e5), training=True), TextEncoder(Weights("e5", tiny_e5))
    with trained.frozen():
        assert torch.equal(trained.encode_passages(TEXTS), served.encode_passages(TEXTS))
        assert trained.describe().precision == served.describe().precision
    assert trained.precision == "float32"
    with torch.no_grad():
        for layer in trained.model[0].auto_model.encoder.layer:
            layer.output.dense.weight.mul_(2)
    with trained.frozen():
        assert not torch.allclose(trained.encode_passages(TEXTS), served.encode_passages(TEXTS), atol=1e-3)


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
def test_the_fingerprint_notices(tiny_e5, change):
    encoder = load(tiny_e5)
    before = encoder.fingerprint
    assert encoder.describe(refresh=True).fingerprint == before
    change(encoder)
    assert encoder.describe(refresh=True).fingerprint != before


def test_the_sequence_limit_is_in_the_description_not_in_the_fingerprint(tiny_e5):
    short, long = load(tiny_e5, max_seq_length=8), load(tiny_e5, max_seq_length=64)
    assert short.fingerprint == long.fingerprint
    assert (short.describe().max_seq_length, long.describe().max_seq_length) == (8, 64)
    assert not torch.allclose(short.encode_passages(TEXTS[1:2]), long.encode_passages(TEXTS[1:2]), atol=1e-3)


def test_e5_base_reads_as_many_tokens_as_e5_small(tiny_e5, tiny_e5_base):
    """Its 514 position embeddings are enough for 512 tokens, as are the 512 of the small one."""
    for folder in (tiny_e5, tiny_e5_base):
        encoder = load(folder, max_seq_length=512)
        assert encoder.max_seq_length == 512
        assert encoder.encode_passages(["kettle " * 800]).isfinite().all()


def test_a_limit_beyond_the_position_embeddings_is_lowered(plain_e5):
    """XLM-R counts positions from the padding index: 66 embeddings are 64 tokens, and a 65th would crash."""
    encoder = load(plain_e5, max_seq_length=512)
    assert encoder.max_seq_length == 64
    assert encoder.encode_passages(["kettle " * 500]).isfinite().all()


def test_batches_and_order_do_not_change_vectors(tiny_e5):
    encoder = exact(tiny_e5, batch_size=2)
    texts = [f"{'word ' * (row % 7)}thing {row}" for row in range(25)]
    seen = []
    together = encoder.encode_passages(texts, seen.append)
    assert sum(seen) == len(texts) and len(seen) > 1
    alone = torch.cat([encoder.encode_passages([text]) for text in texts])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    assert encoder.encode_passages([]).shape == (0, encoder.dim)


def test_more_texts_than_are_sorted_together(tiny_e5, monkeypatch):
    """Another thread tokenizes the parts. A lost or swapped part would give products the vectors of others."""
    encoder = exact(tiny_e5)
    texts = [f"thing {row}" for row in range(10)]
    whole = encoder.encode_passages(texts)
    monkeypatch.setattr(packed_encoder, "_SORTED_TOGETHER", 3)
    torch.testing.assert_close(encoder.encode_passages(texts), whole, atol=1e-5, rtol=0)


def test_two_threads_may_ask_one_encoder(tiny_e5):
    """A tokenizer keeps its length limit as state; two threads that set it at once get "Already borrowed"."""
    encoder = load(tiny_e5)
    text = "kettle " * 2000
    with ThreadPoolExecutor(2) as threads:
        jobs = [
            threads.submit(*job) for _ in range(20) for job in ((encoder.is_cut, text), (encoder.tokenize, [text] * 4))
        ]
        assert all(job.result() for job in jobs)


@pytest.mark.skipif(torch.cuda.is_available(), reason="with a GPU it is a plain loop")
def test_a_thread_that_begins_beside_parallel_work_has_all_cores():
    """torch hands the number on to new threads, which keep it: after some requests at once each had one core."""
    before = torch.get_num_threads()

    def work(item):
        with ThreadPoolExecutor(1) as other:
            return item, torch.get_num_threads(), other.submit(torch.get_num_threads).result()

    try:
        torch.set_num_threads(3)
        assert in_parallel(work, "ab") == [("a", 1, 3), ("b", 1, 3)]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


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


def test_a_cut_text_is_known(tiny_e5):
    """A text is cut if and only if an encoder that reads more gives another vector; the prompt counts too."""
    encoder, longer = load(tiny_e5, max_seq_length=12), load(tiny_e5, max_seq_length=60)
    texts = ["red kettle and a whistle"[:length] for length in range(1, 24)]
    near, far = encoder.encode_passages(texts), longer.encode_passages(texts)
    differs = [not torch.allclose(one, other, atol=1e-5) for one, other in zip(near, far, strict=True)]
    assert any(differs) and not all(differs)
    assert [encoder.is_cut(text) for text in texts] == differs
