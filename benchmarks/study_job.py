"""A job of the study: one recipe, seed and fold, trained and evaluated."""

import argparse
import contextlib
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from folds import some, split
from recipes import RECIPES, Recipe

from space.data.judgments import Judged
from space.data.passages import passages
from space.encoding.encoder import TextEncoder
from space.encoding.weights import locate
from space.evaluation import bm25_tuning, forgetting, protocols
from space.hub.client import model_download
from space.index.bm25 import Bm25Index
from space.index.torch_index import TorchIndex
from space.pipelines import examples as pipeline
from space.pipelines.inputs import open_judged
from space.retrieval.baselines import Bm25System
from space.retrieval.dense import DenseSystem
from space.retrieval.system import System
from space.settings import TrainSettings
from space.training import trainer

#: Arguments that jobs must have in common to be compared.
ASKED = ("dataset", "locales", "base_model", "precision")
COLUMNS = ("full_catalogue/ndcg@10", "judged/ndcg", "full_catalogue/recall@100", "full_catalogue/mrr@10")


def run(given: argparse.Namespace, name: str, seed: int, fold: int) -> dict[str, Any]:
    """Train a recipe on one fold and evaluate its models on the other: the figures of every query."""
    torch.set_num_threads(1)
    whole = open_judged(given.dataset, given.locales, offline=True)
    train, dev = split(whole.train, fold)
    train = some(train, RECIPES[name].queries, seed)
    judged = Judged(train=train, test=dev, catalogue=whole.catalogue, name=whole.name, notice=whole.notice)
    texts = passages(judged.catalogue)
    encoder = TextEncoder(locate(given.base_model, model_download(offline=True)), training=True)
    half = (
        torch.autocast(encoder.device.type, torch.bfloat16)
        if given.precision == "bfloat16"
        else contextlib.nullcontext()
    )

    def embedded() -> TorchIndex:
        with half:
            vectors = encoder.encode_passages(texts)
        return TorchIndex(vectors)

    def measured(system: System) -> dict[str, Any]:
        frame = protocols.per_query(system, dev, judged.catalogue)
        return {
            "query": frame.index.get_level_values("query").tolist(),
            "everyday": encoder.encode_queries(forgetting.sentences()).tolist() if system.dense else None,
            **{column: frame[column].tolist() for column in COLUMNS},
        }

    def judge() -> dict[str, Any]:
        return measured(DenseSystem(name, encoder, embedded()))

    recipe, found = RECIPES[name], {}
    begun = time.perf_counter()
    if name == "base":
        choice, locales = bm25_tuning.choose(train, texts, judged.catalogue), judged.catalogue["product_locale"]
        found["base"] = judge()
        found["bm25"] = measured(Bm25System(Bm25Index(texts, locales, k1=choice.k1, b=choice.b, stem=choice.stem)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            settings = TrainSettings(
                dataset=given.dataset,
                precision=given.precision,
                seed=seed,
                checkpoints_dir=Path(folder) / "checkpoints",
                logging_dir=Path(folder) / "logs",
                save_steps=1_000_000,
                **recipe.settings,
            )
            base, log = learn(encoder, recipe, settings, judged, texts, embedded)
        found[name] = judge() | {"examples": log.examples, "steps": log.steps, "seconds": log.seconds}
        found[name]["settings"] = {key: value for key, value in settings.to_json().items() if key in recipe.settings}
        found[name]["settings"] |= {"lora": recipe.lora} if recipe.lora else {}
        blended = 0.0
        for share in recipe.shares:
            trainer.blend(encoder.model, base, 1 - (1 - share) / (1 - blended))  # adds to the share before
            blended = share
            found[f"{name}, {share:.0%} base"] = judge() | {"settings": recipe.settings | {"base_share": share}}
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    minutes = (time.perf_counter() - begun) / 60
    asked = {name: getattr(given, name) for name in ASKED}
    return {"device": device, "seed": seed, "fold": fold, "minutes": minutes, "asked": asked, "found": found}


def learn(
    encoder: TextEncoder,
    recipe: Recipe,
    settings: TrainSettings,
    judged: Judged,
    texts: Sequence[str],
    embedded: Callable[[], TorchIndex],
) -> tuple[dict[str, torch.Tensor], trainer.TrainingLog]:
    """Train the encoder; returns the weights before training and the log of the last run."""
    if recipe.lora:
        from peft import LoraConfig
        from peft.tuners.tuners_utils import BaseTunerLayer

        targets = ["query", "key", "value", "dense"]
        encoder.model.add_adapter(LoraConfig(r=recipe.lora, lora_alpha=2 * recipe.lora, target_modules=targets))
    base = {key: tensor.detach().clone() for key, tensor in encoder.model.state_dict().items()}
    mixed = {key: torch.zeros_like(tensor) for key, tensor in base.items() if tensor.is_floating_point()}
    for run in range(recipe.soup):
        settings = replace(settings, seed=settings.seed + 100 * run)
        examples, exact = pipeline.make(judged, texts, settings)
        if settings.mined_negatives:
            examples = pipeline.mine(examples, exact, judged, texts, encoder, embedded(), settings)
        encoder.model.load_state_dict(base)
        log = trainer.fine_tune(encoder, examples, exact, settings)
        now = encoder.model.state_dict()
        for key, total in mixed.items():
            total += now[key].to(total.device) / recipe.soup
    encoder.model.load_state_dict(base | mixed)
    if recipe.lora:
        for module in encoder.model.modules():
            if isinstance(module, BaseTunerLayer):
                module.merge()  # add the matrices to the weights, since embedding reads only those
    return base, log
