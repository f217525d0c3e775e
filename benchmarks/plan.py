"""Hours and memory that all of ESCI should take on a GPU, computed and not measured: the table of PLAN.md.

python benchmarks/plan.py
python benchmarks/plan.py --measure ../shared/esci      # tokens and word pieces, which the table assumes

Time: 2 operations per weight and token in the forward pass and 4 in the backward pass (Kaplan et al. 2020, section
2.1), for all weights but the embedding table, at the speed assumed below; a cached batch has two forward passes.
Memory: float32 weights, gradients, the two moments of Adam and the copy for --base-share, and the activations
(Korthikanti et al. 2022, equation 1). Needs nothing installed but for --measure.
"""

import argparse
import math
import random
import sys
from dataclasses import dataclass
from pathlib import Path

#: Rows of tasksource/esci and products of all locales.
JUDGMENTS, PRODUCTS = 2_027_874, 1_814_925
#: Examples per judgment: one for each Exact product, counted in the rows of --measure. Title queries, which train.py
#: takes beside them at most.
EXAMPLES, TITLES = 0.59, 10_000
#: Tokens of an example (query, relevant product, another product) and of a product, by E5's tokenizer at 64 tokens at
#: most, and the factor for the padding of examples in batches of 512 (--measure). Embedding does not pad.
TRIPLET, PASSAGE, PADDING = 94, 41, 1.64
#: How often the catalogue is embedded: before and after by train.py. build_embeddings.py takes these vectors.
EMBEDDED = 2
#: Word pieces of multilingual-e5 that occur in all of ESCI and are trained, of 250,037: extrapolated by --measure.
PIECES, ALL_PIECES = 96_000, 250_037
#: Share of the speed of eight cards that is left, because gradients are exchanged after every step.
SCALING = 0.85


@dataclass(frozen=True)
class Shape:
    """The size of an encoder.

    Attributes:
        weights: how many it has.
        layers: of the transformer.
        width: of the hidden states; the feed-forward layers are four times as wide.
        heads: of attention.
        pieces: word embeddings that are not trained, since they do not occur.
        speed: operations a second that an A100 is assumed to reach in bfloat16. Its data sheet says 312e12, which
            narrow layers do not come near.
    """

    weights: float
    layers: int
    width: int
    heads: int
    speed: float
    pieces: int = 0

    @property
    def trained(self) -> float:
        """Weights that are on the card: without the word embeddings that do not occur."""
        return self.weights - self.pieces * self.width

    @property
    def working(self) -> int:
        """Weights that every token is multiplied by."""
        return 12 * self.width**2 * self.layers


SHAPES = {
    "multilingual-e5-small": Shape(118e6, 12, 384, 12, 20e12, ALL_PIECES - PIECES),
    "multilingual-e5-base": Shape(278e6, 12, 768, 12, 60e12, ALL_PIECES - PIECES),
    "e5-base-v2": Shape(109e6, 12, 768, 12, 60e12),
}
#: Examples of a step on one card, and how many of them are in memory at a time.
BATCH, PART = 512, 64


def examples() -> float:
    """Examples of one epoch."""
    return JUDGMENTS * EXAMPLES + TITLES


def hours(shape: Shape, cards: int) -> tuple[float, float]:
    """Hours of one epoch of training, and of all embedding, on a number of cards."""
    reach = shape.speed * (cards * SCALING if cards > 1 else 1)
    train = 8 * shape.working * examples() * TRIPLET * PADDING / reach
    # train.py embeds on one card.
    embed = EMBEDDED * 2 * shape.working * PRODUCTS * PASSAGE / shape.speed
    return train / 3600, embed / 3600


def gigabytes(shape: Shape, number: int) -> float:
    """Memory of a card with a number of examples at a time."""
    length = TRIPLET / 3
    token = shape.layers * shape.width * (34 + 5 * shape.heads * length / shape.width)
    return (20 * shape.trained + token * number * TRIPLET * PADDING) / 1e9


def table() -> str:
    """Markdown."""
    lines = [
        f"| encoder | cards | steps | hours to train | hours to embed | GB, {PART} at a time | GB, all {BATCH} |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, shape in SHAPES.items():
        for cards in (1, 8):
            train, embed = hours(shape, cards)
            steps = examples() / (BATCH * cards)
            memory = " | ".join(f"{gigabytes(shape, number):.1f}" for number in (PART, BATCH))
            lines.append(f"| {name} | {cards} | {steps:,.0f} | {train:.2f} | {embed:.2f} | {memory} |")
    return "\n".join(lines)


def measure(dataset: str) -> None:
    """Print what the table assumes about texts, from real rows of all locales and the packaged E5."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from space.data.passages import passages
    from space.encoding.encoder import TextEncoder
    from space.encoding.weights import PACKAGED, locate
    from space.pipelines import examples as pipeline
    from space.pipelines.inputs import open_judged
    from space.settings import TrainSettings

    judged = open_judged(dataset, ["us", "es", "jp"], offline=True)
    encoder = TextEncoder(locate(PACKAGED), device="cpu", max_seq_length=64)
    texts = list(passages(judged.catalogue))
    tokens = encoder.tokenize(texts)
    print(f"tokens of a product: {sum(map(len, tokens)) / len(tokens):.1f}")
    whole, padded = 0.0, 0.0
    made, _ = pipeline.make(judged, texts, TrainSettings(dataset=dataset))
    for name in made.column_names:
        lengths = [len(ids) for ids in encoder.tokenize(list(made[name]), "query" if name == "anchor" else "document")]
        batches = [lengths[start : start + BATCH] for start in range(0, len(lengths), BATCH)]
        whole += sum(lengths) / len(lengths)
        padded += sum(max(batch) * len(batch) for batch in batches) / len(lengths)
    print(f"tokens of an example: {whole:.1f}; padded {padded / whole:.2f} times as many")
    # Heaps' law: pieces = c * products ** b, by the last two of doubling sizes.
    order = random.Random(0).sample(range(len(tokens)), len(tokens))
    seen: set[int] = set()
    counts = {}
    for number, row in enumerate(order, start=1):
        seen.update(tokens[row])
        counts[number] = len(seen)
    half, all_ = len(order) // 2, len(order)
    slope = math.log(counts[all_] / counts[half]) / math.log(all_ / half)
    print(f"pieces in {half:,} products: {counts[half]:,}; in {all_:,}: {counts[all_]:,}; power {slope:.2f}")
    print(f"pieces in {PRODUCTS:,} products: about {counts[all_] * (PRODUCTS / all_) ** slope:,.0f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", metavar="DATASET", help="print what the table assumes, from these rows")
    given = parser.parse_args()
    if given.measure:
        measure(given.measure)
    else:
        print(table())
