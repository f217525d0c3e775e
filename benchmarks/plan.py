"""Hours and memory that all of ESCI should take on a GPU, computed and not measured: the table of PLAN.md.

python benchmarks/plan.py

Time: 2 operations per weight and token in the forward pass and 4 in the backward pass (Kaplan et al. 2020, section
2.1), for all weights but the embedding table, at the speed assumed below; a cached batch has two forward passes.
Memory: float32 weights, gradients and the two moments of Adam, and the activations (Korthikanti et al. 2022, equation
1). Needs nothing installed.
"""

from dataclasses import dataclass

#: Rows of tasksource/esci and products of all locales.
JUDGMENTS, PRODUCTS = 2_027_874, 1_814_925
#: Examples per judgment: one for each Exact product, counted in the rows of benchmarks/training.py.
EXAMPLES = 0.59
#: Tokens of a triplet and of a product. MiniLM's tokenizer gave 73 and 30; E5 adds a prefix to each text and cuts it
#: into smaller pieces, assumed to be a third more.
TRIPLET, PASSAGE = 100, 40
#: Factor for the padding on a GPU, where a group is as large as the batch.
PADDING = 1.4
#: How often the catalogue is embedded: before and after by train.py, base and tuned by build_embeddings.py.
EMBEDDED = 4
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
        speed: operations a second that an A100 is assumed to reach in bfloat16. Its data sheet says 312e12, which
            narrow layers do not come near.
    """

    weights: float
    layers: int
    width: int
    heads: int
    speed: float

    @property
    def working(self) -> int:
        """Weights that every token is multiplied by."""
        return 12 * self.width**2 * self.layers


SHAPES = {
    "multilingual-e5-small": Shape(118e6, 12, 384, 12, 20e12),
    "multilingual-e5-base": Shape(278e6, 12, 768, 12, 60e12),
    "e5-base-v2": Shape(109e6, 12, 768, 12, 60e12),
}
#: Examples of a step on one card, and how many of them are in memory at a time.
BATCH, PART = 512, 64


def hours(shape: Shape, cards: int) -> tuple[float, float]:
    """Hours of one epoch of training, and of all embedding, on a number of cards."""
    reach = shape.speed * (cards * SCALING if cards > 1 else 1)
    train = 8 * shape.working * JUDGMENTS * EXAMPLES * TRIPLET * PADDING / reach
    # train.py embeds on one card, build_embeddings.py on all.
    embed = 2 * shape.working * PRODUCTS * PASSAGE * PADDING / shape.speed
    return train / 3600, embed * (EMBEDDED / 2) * (1 + 1 / cards) / 3600


def gigabytes(shape: Shape, examples: int) -> float:
    """Memory of a card with a number of examples at a time."""
    length = TRIPLET / 3
    token = shape.layers * shape.width * (34 + 5 * shape.heads * length / shape.width)
    return (16 * shape.weights + token * examples * TRIPLET * PADDING) / 1e9


def table() -> str:
    """Markdown."""
    lines = [
        f"| encoder | cards | steps | hours to train | hours to embed | GB, {PART} at a time | GB, all {BATCH} |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, shape in SHAPES.items():
        for cards in (1, 8):
            train, embed = hours(shape, cards)
            steps = JUDGMENTS * EXAMPLES / (BATCH * cards)
            memory = " | ".join(f"{gigabytes(shape, examples):.1f}" for examples in (PART, BATCH))
            lines.append(f"| {name} | {cards} | {steps:,.0f} | {train:.2f} | {embed:.2f} | {memory} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
