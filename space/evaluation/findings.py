"""What an evaluation says, in plain sentences: the verdict, BM25 and fusion, and what happened outside the shop."""

from space.evaluation import slices
from space.evaluation.protocols import CONTRASTS
from space.evaluation.schema import Evaluation, PairedDifference

MISSING = "–"
_METRIC = "full-catalogue nDCG@10"
_SIDES = {
    ("hybrid", "tuned"): "Fine-tuned and BM25 fused, against fine-tuned alone",
    ("hybrid", "bm25"): "Fine-tuned and BM25 fused, against BM25 alone",
    ("tuned", "bm25"): "Fine-tuned against BM25",
}
_WORDS = {"better": "better", "worse": "worse", "unclear": "no clear difference"}


def plain(value: float | None) -> str:
    """``.673``: all these metrics lie in 0 to 1, where the zero before the point says nothing."""
    return MISSING if value is None else f"{value:.3f}".removeprefix("0")


def signed(value: float | None) -> str:
    """``+.029`` or ``−.003``; the sign stays where the digits round to nothing, unless there is nothing."""
    if not value:
        return plain(value)
    return f"{'+' if value > 0 else '−'}{plain(abs(value))}"


def conclusion(difference: PairedDifference) -> str:
    """The verdict without its figures: what the difference of tuned from base says of fine-tuning."""
    leaning = "worse, though not clearly" if (difference.mean or 0) < 0 else "no clear difference"
    return {
        "none": "Fine-tuning: nothing can be said, no held-out query has a product with a gain",
        "few": f"Fine-tuning: {difference.n} held-out queries are too few to tell",
        "better": "Fine-tuning helped",
        "worse": "Fine-tuning made it worse",
        "unclear": f"Fine-tuning: {leaning}, the interval holds zero",
    }[difference.outcome]


def verdict(difference: PairedDifference) -> str:
    """Whether fine-tuning helped, in one sentence, by the headline metric of tuned minus base."""
    if difference.outcome == "none":
        return f"{conclusion(difference)}."
    return (
        f"{conclusion(difference)}: full-catalogue nDCG@10 {difference.mean:+.4f} against base, 95 % interval "
        f"{difference.low:+.4f} to {difference.high:+.4f}, {difference.wins} queries better, "
        f"{difference.losses} worse, {difference.ties} the same."
    )


def lexical(measured: Evaluation) -> list[str]:
    """Which BM25 it was compared with, and what BM25 and the fine-tuned encoder add to each other."""
    return [*_parameters(measured), *_contrasts(measured)]


def outside(measured: Evaluation) -> list[str]:
    """How far the encoder moved on sentences that have nothing to do with products."""
    drift = measured.drift
    if drift is None or drift.paraphrase.outcome not in _WORDS:
        return []
    found = drift.paraphrase
    return [
        f"On {found.n} pairs of everyday sentences the nearest other is the paraphrase for {100 * found.tuned:.0f} % "
        f"with the fine-tuned encoder and for {100 * found.base:.0f} % with base: {_WORDS[found.outcome]}, "
        f"{_figures(found)}.",
        f"There the cosine of a sentence's two vectors is {plain(drift.cosine.mean)} on average, and "
        f"the similarities of all sentences have a rank correlation of {plain(drift.rank_correlation)}.",
    ]


def everything(measured: Evaluation) -> list[str]:
    """All of it, and what the slices say, for where there are no headings."""
    frame = slices.queries(measured)
    sliced = [] if frame is None else slices.conclusions(frame, slices.cut(frame))
    return [*lexical(measured), *outside(measured), *sliced]


def _parameters(measured: Evaluation) -> list[str]:
    bm25 = measured.bm25
    if bm25 is None:
        return []
    if not bm25.queries:
        return [f"BM25 runs with the usual k1 {bm25.k1:g} and b {bm25.b:g}: too few train queries are richly judged."]
    sentences = [f"BM25 runs with k1 {bm25.k1:g} and b {bm25.b:g}, chosen on {bm25.queries:,} train queries."]
    if bm25.test and bm25.test.n:
        sentences.append(
            f"Against the usual k1 and b that changes its {_METRIC} on the held-out queries by {_figures(bm25.test)}."
        )
    return sentences


def _contrasts(measured: Evaluation) -> list[str]:
    sentences = []
    for system, other in CONTRASTS:
        found = measured.difference(system, other)
        if found and found.outcome in _WORDS:
            sentences.append(f"{_SIDES[system, other]}: {_WORDS[found.outcome]}, {_METRIC} {_figures(found)}.")
    return sentences


def _figures(found: PairedDifference) -> str:
    return f"{signed(found.mean)}, 95 % interval {signed(found.low)} to {signed(found.high)}"
