"""A made-up store and two made-up models of real size, made in minutes because nothing is embedded.

Words of titles follow Zipf's law, so that BM25's lists are as long as real ones. Vectors are random unit vectors. The
models are BERT networks of the size of multilingual-e5-small (12 layers, 250,037 token vectors of 384 numbers, 471 MB
each) with random weights and the tokenizer of multilingual-e5-small. Search results mean nothing; time
and memory are real.

``store`` also takes other titles, such as those that ``texts`` makes of real ones, and other vectors.
"""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
import vectors
from transformers import BertConfig, BertModel

from space.encoding.description import BASE, TUNED
from space.encoding.encoder import TextEncoder
from space.encoding.weights import PACKAGED, locate
from space.store.writer import Plan, StoreWriter

DIM = 384
#: Of multilingual-e5-small.
LAYERS, TOKENS = 12, 250_037
#: As many different words as 1.2 million real titles have: with 2,000 words every list would be very long.
WORDS, BRANDS, COLORS = 400_000, 200_000, 30_000
TITLE_WORDS = (6, 26)
JUDGED_PER_QUERY = 20
#: How many invented words ``texts`` adds to a product at most, like model numbers.
INVENTED = 3


def make(folder: Path, products: int) -> None:
    """Write two models and a store of ``products`` to the folders ``e5-base``, ``e5-tuned`` and ``artifacts``."""
    folder.mkdir(parents=True, exist_ok=True)
    store(folder / "artifacts", products, models(folder))


def models(folder: Path) -> dict[str, Path]:
    """Write two models; returns {"base" and "tuned": folder}."""
    return {part: model(folder / f"e5-{part}", seed=seed) for seed, part in enumerate((BASE, TUNED))}


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


def store(
    folder: Path,
    products: int,
    made: Mapping[str, Path | str],
    titles: pa.Array | None = None,
    rows: Mapping[str, Iterable[np.ndarray]] | None = None,
) -> None:
    """Write a finished store of ``products``, with the fingerprints of the models ``made``.

    Args:
        folder: for the store.
        products: how many.
        made: {"base" and "tuned": a model's name or folder}.
        titles: (n,) string; without them words by Zipf's law.
        rows: {part: (m, d) float32 for each shard of ``vectors.CHUNK`` rows}; without them random unit vectors.
    """
    rng = np.random.default_rng(0)
    if titles is None:
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
    rows = rows or {part: vectors.random(products, DIM, seed) for seed, part in enumerate(made, 1)}
    plan = Plan(products, vectors.CHUNK, "{title} {brand} {color}", "made up", "Made up, for timings.")
    writer = StoreWriter(folder, plan)
    writer.begin(resume=False)
    writer.write_products(catalogue)
    described = {part: TextEncoder(locate(str(path)), device="cpu").describe() for part, path in made.items()}
    for part, encoder in described.items():
        for shard, block in enumerate(rows[part]):
            key = writer.key(shard, encoder)
            writer.write_vectors(part, shard, key, writer.products(shard), torch.from_numpy(block))
    writer.finish(described, judgments(rng, catalogue), '{"bm25": {"k1": 1.2, "b": 0.75}}', "made up\n")


def texts(real: list[str], products: int) -> pa.Array:
    """(products,) texts: the first half of a real one, the second half of another, and one to three invented words.

    So words occur in as many of a hundred products as in the real texts, and there are as many different ones as in
    1.2 million real titles.
    """
    rng = np.random.default_rng(0)
    split = [text.split() for text in real]
    lengths = np.array([len(found) for found in split])
    begins = np.concatenate([[0], np.cumsum(lengths)])
    half = -(-lengths // 2)
    first, second = rng.integers(0, len(real), (2, products))
    # The words of all products stand in one array. A span is a place among the words for each product, and a length.
    invented = rng.integers(1, INVENTED + 1, products)
    spans = ((begins[first], half[first]), ((begins[:-1] + lengths - half)[second], half[second]))
    ends = np.cumsum(sum(length for _, length in spans) + invented)
    places = np.empty(ends[-1], np.int64)
    filled = np.concatenate([[0], ends[:-1]])
    for starts, length in spans:
        places[_runs(filled, length)] = _runs(starts, length)
        filled = filled + length
    places[_runs(filled, invented)] = begins[-1] + drawn(rng, int(invented.sum()), WORDS)
    vocabulary = pa.array([*(word for found in split for word in found), *(f"w{rank:x}" for rank in range(WORDS + 1))])
    offsets = pa.array(np.concatenate([[0], ends]).astype(np.int32))
    return pa.compute.binary_join(pa.ListArray.from_arrays(offsets, vocabulary.take(pa.array(places))), " ")


def _runs(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """``starts[0]``, ``starts[0] + 1`` … so many as ``lengths[0]`` says, then those of the next start."""
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.repeat(starts, lengths) + within


def words(rng: np.random.Generator, lengths: np.ndarray, different: int, name: str) -> pa.Array:
    """(n,) texts of ``lengths`` words, drawn by Zipf's law from ``different`` words; null for length 0."""
    vocabulary = pa.array([f"{name}{rank:x}" for rank in range(different + 1)])
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    lists = pa.ListArray.from_arrays(offsets, vocabulary.take(pa.array(drawn(rng, int(lengths.sum()), different))))
    joined = pa.compute.binary_join(lists, " ")
    return pa.compute.if_else(pa.array(lengths > 0), joined, None)


def drawn(rng: np.random.Generator, number: int, different: int) -> np.ndarray:
    """(number,) int32 ranks of words from 1 to ``different``, by Zipf's law."""
    return np.exp(rng.random(number, np.float32) * np.log(different)).astype(np.int32)


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
