"""What the whole of ESCI should take on a GPU, worked out and not measured: the table of PLAN.md.

python benchmarks/plan.py

Time: 2 operations a weight and token on the way forth, 4 on the way back (Kaplan et al. 2020, section 2.1), over the
weights behind the embedding table, at the speed assumed below; a cached batch goes forth twice. Memory: float32
weights, gradients and two moments of Adam, and what the backward pass needs (Korthikanti et al. 2022, equation 1).
Needs nothing installed.
"""

from dataclasses import dataclass

#: Rows of tasksource/esci and products of all locales.
JUDGMENTS, PRODUCTS = 2_027_874, 1_814_925
#: Examples a judgment, counted in benchmarks/training.py's real rows: one for each Exact product.
EXAMPLES = 0.59
#: Tokens of a triplet and of a product. MiniLM's tokenizer made 73 and 30 of those rows; E5 adds a prefix to each text
#: and its tokenizer cuts finer, taken to be a third more.
TRIPLET, PASSAGE = 100, 40
#: What padding adds on a GPU, where a group is as large as the batch.
PADDING = 1.4
#: Copies of the catalogue embedded by train.py (before, after) and build_embeddings.py (base, tuned).
EMBEDDED = 4
#: Share of eight cards' speed that is left when gradients are exchanged after every step.
SCALING = 0.85


@dataclass(frozen=True)
class Shape:
    """An encoder.

    Attributes:
        weights: all of them.
        layers: of the transformer.
        width: of its hidden states; the inner ones are four times as wide.
        heads: of attention.
        speed: operations a second that a card of the A100's class is assumed to reach in bfloat16; its sheet says
            312e12, of which narrow layers reach little.
    """

    weights: float
    layers: int
    width: int
    heads: int
    speed: float

    @property
    def working(self) -> int:
        """Weights that every token is multiplied with."""
        return 12 * self.width**2 * self.layers


SHAPES = {
    "multilingual-e5-small": Shape(118e6, 12, 384, 12, 20e12),
    "multilingual-e5-base": Shape(278e6, 12, 768, 12, 60e12),
    "e5-base-v2": Shape(109e6, 12, 768, 12, 60e12),
}
#: Examples of a step on one card, and how many of them are in memory at a time.
BATCH, PART = 512, 64


def hours(shape: Shape, cards: int) -> tuple[float, float]:
    """(training for one epoch, embedding) on so many cards."""
    reach = shape.speed * (cards * SCALING if cards > 1 else 1)
    train = 8 * shape.working * JUDGMENTS * EXAMPLES * TRIPLET * PADDING / reach
    # train.py embeds on one card, build_embeddings.py on all.
    embed = 2 * shape.working * PRODUCTS * PASSAGE * PADDING / shape.speed
    return train / 3600, embed * (EMBEDDED / 2) * (1 + 1 / cards) / 3600


def gigabytes(shape: Shape, examples: int) -> float:
    """Memory of a card with so many examples at a time."""
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
