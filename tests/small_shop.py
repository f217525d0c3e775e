"""A made-up shop of thirty products, with encoders whose cosines can be worked out by hand.

``BagOfWords`` gives every word its own axis. So the cosine of two texts of a and b distinct words that share s is
s / sqrt(a * b). The tuned one has a few synonyms: "sneakers" finds shoes with tuned only. Some products are hostile,
with markup, template syntax, image addresses that must not be loaded, nulls, endless words or other scripts.
"""

import contextlib
import hashlib
import re
import socket
import zlib

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from space.data.passages import passages
from space.encoding import lineup
from space.encoding.description import EncoderDescription, RerankerDescription
from space.index.bm25 import Bm25Index
from space.index.torch_index import TorchIndex
from space.retrieval.baselines import Bm25System
from space.retrieval.dense import DenseSystem
from space.retrieval.hybrid import HybridSystem
from space.retrieval.reranked import RerankedSystem, texts_of
from space.search.description import EngineDescription
from space.search.engine import SearchEngine

SYNONYMS = {"sneakers": "shoes", "trainers": "shoes", "cellphone": "phone", "notebook": "laptop", "crimson": "red"}
NOTICE = "Made-up products for tests."
SCRIPT = "<script>window.hacked = true</script> red shoes"
ONERROR = 'Mug <img src=x onerror="window.hacked = true"> \'quoted\' & "double"'
TEMPLATE = "Lamp ${window.hacked = true} {{constructor.constructor}} `tick`"
LONG_WORD = "Poster " + "x" * 300

# id, locale, title, brand, colour, image address, price, rating
_ROWS = [
    ("p01", "us", "Red running shoes", "Acme", "red", "https://images.example/p01.jpg", 59.99, 4.5),
    ("p02", "us", "Blue running shoes", "Acme", "blue", "https://images.example/p02.jpg", 54.99, 4.1),
    ("p03", "us", "Green trail running shoes", "Borealis", "green", None, 89.0, None),
    ("p04", "us", "Red leather boots", "Borealis", "red", "http://images.example/p04.jpg", 120.0, 4.8),
    ("p05", "us", "White canvas shoes", "Coppice", "white", None, None, 3.9),
    ("p06", "us", "Shoe laces, pair", "Coppice", None, None, 3.5, 4.0),
    ("p07", "us", "Red wool socks", "Coppice", "red", None, 7.5, None),
    ("p08", "us", "Phone case clear", "Dulcet", "clear", None, 12.0, 4.2),
    ("p09", "us", "Smart phone 128 GB", "Dulcet", "black", None, 499.0, 4.4),
    ("p10", "us", "Phone charger USB", "Dulcet", "white", None, 19.0, 4.3),
    ("p11", "us", "Laptop 14 inch", "Dulcet", "silver", None, 899.0, 4.6),
    ("p12", "us", "Laptop sleeve 14 inch", "Coppice", "grey", None, 25.0, 4.0),
    ("p13", "us", "Laptop stand wood", "Borealis", None, None, 39.0, None),
    ("p14", "us", "Coffee mug ceramic", "Earthen", "white", None, 9.0, 4.7),
    ("p15", "us", "Coffee maker drip", "Earthen", "black", None, 45.0, 4.1),
    ("p16", "us", "Coffee beans whole", "Earthen", None, None, 14.0, 4.9),
    ("p17", "us", "Tea kettle steel", "Earthen", "silver", None, 32.0, 4.4),
    ("p18", "us", "Garden hose 20 m", "Fernway", "green", None, 28.0, 3.8),
    ("p19", "us", "Garden gloves", "Fernway", "green", None, 8.0, 4.0),
    ("p20", "us", SCRIPT, "Acme", "red", "javascript:window.hacked=true", 1.0, 1.0),
    ("p21", "us", ONERROR, "<b>Bold</b>", "white", "data:text/html,<script>window.hacked=true</script>", 1.0, 1.0),
    ("p22", "us", TEMPLATE, "Acme", None, '" onerror="window.hacked=true', 1.0, 1.0),
    ("p23", "us", LONG_WORD, None, None, "//images.example/no-scheme.jpg", float("nan"), float("nan")),
    ("p24", "us", None, None, None, "", None, None),
    ("p01", "es", "Zapatillas rojas para correr", "Acme", "rojo", None, 55.0, 4.2),
    ("p25", "es", "Botas de cuero", "Borealis", "marrón", None, 110.0, 4.0),
    ("p26", "es", "Funda de móvil", "Dulcet", "negro", None, 10.0, 4.0),
    ("p27", "jp", "ランニングシューズ 赤", "アクメ", "赤", None, 5900.0, 4.0),
    ("p28", "jp", "ワイヤレス イヤホン", "ドゥルセ", "黒", None, 3900.0, 4.0),
    ("p29", "jp", "水筒 ステンレス", "アース", "銀", None, 2000.0, 4.0),
]
_JUDGMENTS = {
    ("us", "red running shoes"): {
        "p01": "Exact",
        "p02": "Substitute",
        "p03": "Substitute",
        "p06": "Complement",
        "p04": "Irrelevant",
    },
    ("us", "red sneakers"): {"p01": "Exact", "p20": "Irrelevant", "p07": "Irrelevant", "p02": "Substitute"},
    ("us", "cellphone"): {"p09": "Exact", "p08": "Complement", "p10": "Complement"},
    ("us", "coffee mug"): {"p14": "Exact", "p15": "Complement", "p21": "Substitute"},
    ("es", "zapatillas rojas"): {"p01": "Exact", "p25": "Irrelevant"},
    ("jp", "ランニングシューズ"): {"p27": "Exact", "p28": "Irrelevant"},
}


class BagOfWords:
    """An encoder with an axis for each word: 1 for a word of the text, 0 for others, scaled to unit norm.

    Args:
        name: the id in ``describe``.
        dim: number of axes; with 4,096 each word of ``catalogue()`` has its own, as a test checks.
        synonyms: {word: word it counts as}.
        reason: why this encoder stands in for another, in ``describe``.
    """

    max_seq_length = 64

    def __init__(self, name="tiny/bag-of-words", dim=4096, synonyms=None, reason=""):
        self.name, self.dim, self.reason = name, dim, reason
        self.synonyms = dict(synonyms or {})
        self.fingerprint = hashlib.sha256(f"{dim} {sorted(self.synonyms.items())}".encode()).hexdigest()

    def words(self, text):
        """The distinct words of a text, after synonyms; an empty text has the word ""."""
        return {self.synonyms.get(word, word) for word in re.findall(r"\w+", text.lower())} or {""}

    def axis(self, word):
        return zlib.crc32(word.encode(), 1) % self.dim  # with 1 as the start, each word has its own axis

    def encode_queries(self, texts):
        return self._encode(texts)

    def encode_passages(self, texts, show_progress=False):
        return self._encode(texts)

    def is_cut(self, passage):
        return len(self.words(passage)) > self.max_seq_length

    def describe(self):
        return EncoderDescription(
            id=self.name,
            reason=self.reason,
            fingerprint=self.fingerprint,
            dim=self.dim,
            max_seq_length=self.max_seq_length,
            prompts={"query": "", "document": ""},
        )

    def _encode(self, texts):
        vectors = torch.zeros(len(texts), self.dim)
        for row, text in enumerate(texts):
            vectors[row, [self.axis(word) for word in self.words(text)]] = 1.0
        return torch.nn.functional.normalize(vectors, dim=1)


def catalogue():
    """The thirty products as an Arrow table; the id ``p01`` is in two locales, as in ESCI."""
    ids, locales, titles, brands, colors, images, prices, ratings = zip(*_ROWS, strict=True)
    return pa.table(
        {
            "product_id": pa.array(ids, pa.string()),
            "product_locale": pa.array(locales, pa.string()),
            "product_title": pa.array(titles, pa.string()),
            "product_brand": pa.array(brands, pa.string()),
            "product_color": pa.array(colors, pa.string()),
            "image_url": pa.array(images, pa.string()),
            "price": pa.array(prices, pa.float64()),
            "rating": pa.array(ratings, pa.float64()),
        }
    )


def products(titles, brands=None, colors=None, locale="us"):
    """A catalogue with these titles, and ids "0", "1", …; without brands and colours unless given."""
    texts = {"product_title": titles, "product_brand": brands, "product_color": colors}
    empty = [None] * len(titles)
    return pa.table(
        {"product_id": [str(row) for row in range(len(titles))], "product_locale": [locale] * len(titles)}
        | {name: pa.array(values or empty, pa.string()) for name, values in texts.items()}
    )


def judgments():
    """Judged pairs with the columns of ``space.data.judgments.JUDGMENT_COLUMNS``."""
    rows = [
        (query, number, product, locale, label)
        for number, ((locale, query), labels) in enumerate(_JUDGMENTS.items())
        for product, label in labels.items()
    ]
    return pd.DataFrame(rows, columns=["query", "query_id", "product_id", "product_locale", "esci_label"])


class SharesWords:
    """A cross-encoder: the share of a passage's words that the query has, times 10."""

    def scores(self, pairs):
        words = BagOfWords().words
        return np.array([10 * len(words(q) & words(p)) / len(words(p)) for q, p in pairs], np.float32)


def two():
    """base and tuned."""
    return {
        "base": BagOfWords("tiny/base", reason="not from the Hub: the Hub is out of reach"),
        "tuned": BagOfWords("tiny/tuned", synonyms=SYNONYMS),
    }


def four():
    """Encoders of three dimensions and of names that are classes of the page's style sheet elsewhere."""
    synonyms = {"sneakers": "boots", "cellphone": "phone"}
    return two() | {"mini-v2": BagOfWords("tiny/mini", 512), "card": BagOfWords("tiny/card", 1024, synonyms)}


def engine(evaluation=None, notice=NOTICE, device="cpu", gpu=None, usage=None, rerank=0, encoders=None):
    """A ``SearchEngine`` over the shop.

    It has base and tuned unless other encoders are given, bm25, hybrid, and the best ``rerank`` of tuned reranked.
    """
    products = catalogue()
    texts = passages(products)
    encoders = encoders or two()
    systems = {
        part: DenseSystem(
            part, encoder, TorchIndex(encoder.encode_passages(texts), precision="float32", device=device)
        )
        for part, encoder in encoders.items()
    }
    systems["bm25"] = Bm25System(Bm25Index(texts, products["product_locale"]))
    candidate = lineup.candidate(encoders)
    systems["hybrid"] = HybridSystem(systems[candidate], systems["bm25"])
    reranker = None
    if rerank:
        systems["reranked"] = RerankedSystem(systems[candidate], SharesWords(), texts_of(products), rerank)
        reranker = RerankerDescription(
            id="tiny/cross", fingerprint="c" * 64, max_seq_length=128, precision="float32", top=rerank, first=candidate
        )
    description = EngineDescription(
        dataset="tiny",
        device="cpu",
        encoders={part: encoder.describe() for part, encoder in encoders.items()},
        reranker=reranker,
    )
    return SearchEngine(
        products,
        systems,
        judgments=judgments(),
        notice=notice,
        description=description,
        evaluation=evaluation,
        gpu=gpu,
        usage=usage,
    )


@contextlib.contextmanager
def serve(served, port=None, people=None):
    """Serve the page of an engine on ``port`` or a free one, perhaps with votes and judging; yields its address."""
    from space.ui.page import launch

    if port is None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    demo = launch(served, server_name="127.0.0.1", server_port=port, quiet=True, people=people)
    try:
        yield demo.local_url
    finally:
        demo.close()


def ids(found):
    """(locale, id) of each hit."""
    return [(hit.product_locale, hit.product_id) for hit in found.hits]
