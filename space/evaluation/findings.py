"""What an evaluation says beside its verdict, in plain sentences, the same for cards, terminal and page.

Knows evaluation.json and measures nothing. What a sentence claims is claimed of full-catalogue nDCG@10.
"""

from collections.abc import Mapping
from typing import Any

from space.evaluation import protocols, slices
from space.evaluation.bm25_tuning import parameters
from space.evaluation.protocols import CONTRASTS, HEADLINE
from space.evaluation.reading import difference, number, part, plain, signed

_METRIC = "full-catalogue nDCG@10"
_SIDES = {
    ("hybrid", "tuned"): "Fine-tuned and BM25 fused, against fine-tuned alone",
    ("hybrid", "bm25"): "Fine-tuned and BM25 fused, against BM25 alone",
    ("tuned", "bm25"): "Fine-tuned against BM25",
}
_WORDS = {"better": "better", "worse": "worse", "unclear": "no clear difference"}


def lexical(measured: Mapping[str, Any]) -> list[str]:
    """Which BM25 it was compared with, and what BM25 and the fine-tuned encoder add to each other.

    Args:
        measured: content of evaluation.json, of any age and origin.
    """
    return [*_parameters(measured), *_contrasts(measured)]


def outside(measured: Mapping[str, Any]) -> list[str]:
    """How far the encoder moved on sentences that have nothing to do with products.

    Args:
        measured: content of evaluation.json, of any age and origin.
    """
    drift = part(measured, "drift")
    found = difference(drift.get("paraphrase"))
    shares = [number(part(drift, "paraphrase").get(system)) for system in ("tuned", "base")]
    word = _WORDS.get(protocols.bearing(found)) if found else None
    if not found or not word or None in shares:
        return []
    tuned, base = (f"{100 * (share or 0):.0f}" for share in shares)
    return [
        f"On {found['n']} pairs of everyday sentences the nearest other is the paraphrase for {tuned} % with the "
        f"fine-tuned encoder and for {base} % with base: {word}, {_figures(found)}.",
        f"There the cosine of a sentence's two vectors is {plain(part(drift, 'cosine').get('mean'))} on average, and "
        f"the similarities of all sentences have a rank correlation of {plain(drift.get('rank_correlation'))}.",
    ]


def everything(measured: Mapping[str, Any]) -> list[str]:
    """All of it, and what the slices say, for where there are no headings.

    Args:
        measured: content of evaluation.json.
    """
    frame = slices.queries(measured)
    sliced = [] if frame is None else slices.conclusions(frame, slices.cut(frame))
    return [*lexical(measured), *outside(measured), *sliced]


def _parameters(measured: Mapping[str, Any]) -> list[str]:
    named = part(measured, "bm25")
    queries = number(named.get("queries"))
    if queries is None:
        return []
    k1, b = parameters(measured)
    if not queries:
        return [f"BM25 runs with the usual k1 {k1:g} and b {b:g}: too few train queries are richly judged."]
    sentences = [f"BM25 runs with k1 {k1:g} and b {b:g}, chosen on {queries:,.0f} train queries."]
    gained = difference(named.get("test"))
    if gained and gained["n"]:
        sentences.append(
            f"Against the usual k1 and b that changes its {_METRIC} on the held-out queries by {_figures(gained)}."
        )
    return sentences


def _contrasts(measured: Mapping[str, Any]) -> list[str]:
    protocol, metric = HEADLINE
    table = part(measured, "protocols", protocol, "contrasts")
    sentences = []
    for system, other in CONTRASTS:
        found = difference(part(table, system, other).get(metric))
        word = _WORDS.get(protocols.bearing(found)) if found else None
        if found and word:
            sentences.append(f"{_SIDES[system, other]}: {word}, {_METRIC} {_figures(found)}.")
    return sentences


def _figures(found: Mapping[str, Any]) -> str:
    return f"{signed(found['mean'])}, 95 % interval {signed(found['low'])} to {signed(found['high'])}"
