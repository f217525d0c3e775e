"""A made-up store and two made-up models of real size, made in minutes because nothing is embedded.

Words of titles follow Zipf's law, so that BM25's lists are as long as real ones. Vectors are random unit vectors. The
models are BERT networks of the size of multilingual-e5-small (12 layers, 250,037 token vectors of 384 numbers, 471 MB
each) with random weights and the tokenizer of multilingual-e5-small. Search results mean nothing; time
and memory are real.
"""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from transformers import BertConfig, BertModel

from space.encoding.description import ENCODERS
from space.encoding.encoder import TextEncoder
from space.encoding.weights import PACKAGED, locate
from space.store.writer import Plan, StoreWriter

DIM, SHARD = 384, 20_000
#: Of multilingual-e5-small.
LAYERS, TOKENS = 12, 250_037
#: As many different words as 1.2 million real titles have: with 2,000 words every list would be very long.
WORDS, BRANDS, COLORS = 400_000, 200_000, 30_000
TITLE_WORDS = (6, 26)
JUDGED_PER_QUERY = 20


def make(folder: Path, products: int) -> None:
    """Write two models and a store of ``products`` to the folders ``e5-base``, ``e5-tuned`` and ``artifacts``."""
    folder.mkdir(parents=True, exist_ok=True)
    store(folder / "artifacts", products, models(folder))


def models(folder: Path) -> dict[str, Path]:
    """Write two models; returns {"base" and "tuned": folder}."""
    return {part: model(folder / f"e5-{part}", seed=seed) for seed, part in enumerate(ENCODERS)}


def model(folder: Path, *, seed: int = 0, width: int = DIM, tokens: int = TOKENS) -> Path:
    """Write a BERT of that width and vocabulary to ``folder``, and return it."""
    config = BertConfig(
        vocab_size=tokens,
        hidden_size=width,
        num_hidden_layers=LAYERS,
        num_attention_heads=12,
        intermediate_size=4 * width,
    )
    torch.manual_seed(seed)
    BertModel(config).save_pretrained(folder)
    tokenizer = locate(PACKAGED).folder
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        if (tokenizer / name).is_file():
            shutil.copy(tokenizer / name, folder)
    return folder


def store(folder: Path, products: int, made: dict[str, Path]) -> None:
    """Write a finished store of ``products``, with the fingerprints of the models ``made``."""
    rng = np.random.default_rng(0)
    titles = words(rng, rng.integers(*TITLE_WORDS, products), WORDS, "w")
    catalogue = pa.table(
        {
            "product_locale": pa.array(np.full(products, "us")),
            "product_id": pa.array([f"B{row:09d}" for row in range(products)]),
            "product_title": titles,
            "product_brand": words(rng, np.ones(products, int), BRANDS, "Brand"),
            "product_color": words(rng, rng.integers(0, 2, products), COLORS, "colour"),
        }
    )
    writer = StoreWriter(folder, Plan(products, SHARD, "{title} {brand} {color}", "made up", "Made up, for timings."))
    writer.begin(resume=False)
    writer.write_products(catalogue)
    described = {part: TextEncoder(locate(str(path)), device="cpu").describe() for part, path in made.items()}
    for seed, (part, encoder) in enumerate(described.items()):
        rng = np.random.default_rng(1 + seed)
        for shard in range(writer.plan.shards):
            rows = rng.standard_normal((writer.plan.span(shard)[1], DIM), dtype=np.float32)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            key = writer.key(shard, encoder)
            writer.write_vectors(part, shard, key, writer.products(shard), torch.from_numpy(rows))
    writer.finish(described, judgments(rng, catalogue), '{"bm25": {"k1": 1.2, "b": 0.75}}', "made up\n")


def words(rng: np.random.Generator, lengths: np.ndarray, different: int, name: str) -> pa.Array:
    """(n,) texts of ``lengths`` words, drawn by Zipf's law from ``different`` words; null for length 0."""
    drawn = np.exp(rng.random(int(lengths.sum()), np.float32) * np.log(different)).astype(np.int32)
    vocabulary = pa.array([f"{name}{rank:x}" for rank in range(different + 1)])
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    lists = pa.ListArray.from_arrays(offsets, vocabulary.take(pa.array(drawn)))
    joined = pa.compute.binary_join(lists, " ")
    return pa.compute.if_else(pa.array(lengths > 0), joined, None)


def judgments(rng: np.random.Generator, catalogue: pa.Table) -> pd.DataFrame:
    """A third as many judged pairs as products, as in the us test split."""
    queries = max(10, len(catalogue) // (3 * JUDGED_PER_QUERY))
    rows = rng.integers(0, len(catalogue), (queries, JUDGED_PER_QUERY))
    rows = (
        np.array([rng.permutation(len(catalogue))[:JUDGED_PER_QUERY] for _ in rows]) if len(catalogue) < 5000 else rows
    )
    texts = catalogue["product_title"].take(pa.array(rows[:, 0])).to_pylist()
    texts = [f"{' '.join(text.split()[1:5])} {number}" for number, text in enumerate(texts)]
    flat = pa.array(rows.ravel())
    return pd.DataFrame(
        {
            "query": np.repeat(texts, JUDGED_PER_QUERY),
            "query_id": np.repeat(np.arange(queries), JUDGED_PER_QUERY),
            "product_id": catalogue["product_id"].take(flat).to_pylist(),
            "product_locale": "us",
            "esci_label": rng.choice(["Exact", "Substitute", "Complement", "Irrelevant"], rows.size),
        }
    )
