"""Hard negatives, over points on a circle, whose neighbours are easy to see."""

from types import SimpleNamespace

import numpy as np
import torch
from datasets import Dataset

from space.index.torch_index import TorchIndex
from space.pipelines import examples as pipeline
from space.settings import TrainSettings
from space.training.hard_negatives import CEILING, harden

#: Degrees from the query. "twin" is nearly as close as the product itself, "abroad" has another locale.
DEGREES = {"own": 10, "twin": 12, "judged": 30, "near": 40, "far": 120, "abroad": 35, "farther": 170}
TEXTS = list(DEGREES)
LOCALES = np.array(["jp" if text == "abroad" else "us" for text in TEXTS])


def points(degrees):
    angles = torch.deg2rad(torch.tensor(degrees, dtype=torch.float32))
    return torch.stack([angles.cos(), angles.sin()], dim=1)


class AtZero:
    def encode_queries(self, texts):
        return points([0.0] * len(texts))


def negatives(drawn, judged=(), seed=0, count=1):
    examples = Dataset.from_dict(
        {"anchor": ["q"] * count, "positive": ["own"] * count, "negative": [drawn] * count, "label": [1.0] * count}
    )
    known = {"q": frozenset(judged)}
    index = TorchIndex(points(list(DEGREES.values())), precision="float32")
    found = harden(examples, known, AtZero(), index, TEXTS, LOCALES, seed)
    assert found.column_names == examples.column_names and found["label"] == examples["label"]
    assert found["positive"] == examples["positive"]
    return set(found["negative"])


def test_a_drawn_negative_becomes_one_that_the_encoder_finds():
    """It is not the product itself, nor one as close, judged, or of another locale."""
    assert np.cos(np.deg2rad(12)) > CEILING * np.cos(np.deg2rad(10)) > np.cos(np.deg2rad(30))
    assert negatives("farther", judged={"own", "judged"}, count=60) == {"near", "far", "farther"}


def test_a_negative_chosen_by_its_label_stays():
    assert negatives("far", judged={"own", "far"}) == {"far"}


def test_the_same_seed_draws_the_same():
    assert negatives("far", seed=3) == negatives("far", seed=3)


def test_where_nothing_fits_the_old_one_stays():
    assert negatives("abroad", judged=set(TEXTS) - {"abroad"}) == {"abroad"}


def test_runs_that_share_a_folder_of_checkpoints_do_not_share_their_examples(tmp_path):
    """The second run writes its mined examples after the first wrote its own, and before that reads them."""
    found = {}

    def run(name, then=lambda: None):
        steps = iter([then, lambda: None])
        state = SimpleNamespace(num_processes=2, is_main_process=True, wait_for_everyone=lambda: next(steps)())
        settings = TrainSettings(
            dataset="sample", mined_negatives=True, output_dir=tmp_path / name, checkpoints_dir=tmp_path
        )
        found[name] = list(pipeline.share(Dataset.from_dict({"anchor": [name]}), settings, state)["anchor"])

    run("first", then=lambda: run("second"))
    assert found == {"first": ["first"], "second": ["second"]}
    assert not list(tmp_path.glob("*.parquet"))
