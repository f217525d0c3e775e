"""The training recipes that the study compares."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """Settings of train.py to compare.

    Attributes:
        why: the reason to try them.
        settings: fields of ``TrainSettings`` that differ from the defaults.
        shares: the finished model is also evaluated with these shares of the base's weights, in rising order.
        lora: rank of the matrices that are trained instead of the weights (Hu et al. 2021); 0 trains the weights.
        queries: share of the train queries to learn from, drawn by the seed.
        soup: runs with different seeds whose weights are averaged (Wortsman et al. 2022, "Model soups").
    """

    why: str
    settings: dict[str, Any] = field(default_factory=dict)
    shares: tuple[float, ...] = ()
    lora: int = 0
    queries: float = 1.0
    soup: int = 1


_PLAIN = {"learning_rate": 2e-5, "base_share": 0.0, "scale": 20.0, "triplet_margin": 0.2, "mined_negatives": False}
_TITLES = _PLAIN | {"title_queries": 3500}
_FASTER = _TITLES | {"learning_rate": 5e-5}
_EVEN = _FASTER | {"title_queries": -1}
RECIPES = {
    "base": Recipe("the untuned model; BM25 is evaluated with it, its parameters chosen on the other fold"),
    "titles": Recipe("in-batch ranking, and three queries made of titles to two judged examples", _TITLES, (0.3,)),
    "triplet": Recipe("the plain triplet loss", _PLAIN | {"loss": "triplet", "title_queries": 0}),
    "mnrl": Recipe("in-batch ranking from the labels alone", _PLAIN | {"title_queries": 0}, (0.3,)),
    "titles, mined": Recipe("hard negatives in place of random ones", _TITLES | {"mined_negatives": True}),
    "titles, 5e-5": Recipe("a higher learning rate", _FASTER, (0.3,)),
    "titles, 1e-4": Recipe("a still higher one", _TITLES | {"learning_rate": 1e-4}, (0.3, 0.5)),
    "7,000 titles": Recipe("more of them", _FASTER | {"title_queries": 7000}, (0.3,)),
    "titles, 2 epochs": Recipe("longer", _FASTER | {"epochs": 2.0}, (0.3, 0.5)),
    "titles, 64, 1e-4": Recipe(
        "larger batches, more negatives for each", _TITLES | {"batch_size": 64, "learning_rate": 1e-4}, (0.3, 0.5)
    ),
    "titles, scale 50": Recipe("a lower temperature", _FASTER | {"scale": 50.0}, (0.3,)),
    "titles, 4 negatives": Recipe(
        "four products of each query to be told from its own", _FASTER | {"negatives": 4}, (0.3,)
    ),
    "titles, soup": Recipe("the mean of three runs", _FASTER, (0.3,), soup=3),
    "titles, LoRA": Recipe("few weights, against overfitting", _TITLES | {"learning_rate": 5e-4}, lora=16),
    "titles, a third of the queries": Recipe("what more judgments are worth", _FASTER, (0.3,), queries=1 / 3),
    "titles, a tenth of the queries": Recipe("what more judgments are worth", _FASTER, (0.3,), queries=0.1),
    "even titles": Recipe("as many title queries as judged examples, as train.py takes them", _EVEN, (0.3,)),
    "even titles, a third of the queries": Recipe("what more judgments are worth", _EVEN, (0.3,), queries=1 / 3),
    "even titles, a tenth of the queries": Recipe("what more judgments are worth", _EVEN, (0.3,), queries=0.1),
    "titles by triplet": Recipe("the triplet loss over the same examples", _FASTER | {"loss": "triplet"}),
    "cosent": Recipe("grades alone", _PLAIN | {"loss": "cosent"}),
}
#: The defaults of train.py when this study was made. Every recipe is compared with them and with base.
DEFAULT = "even titles, 30% base"
