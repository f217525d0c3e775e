"""Training runs of the E5 study: a recipe, folds and seeds in, figures of every dev query out.

Needs torch, numpy and ``space.evaluation.protocols``, and reads the file that e5_data.py wrote.
"""

import math
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from e5_model import Berts, Optimizer, Texts, weights_of

from space.data.scale import ESCI
from space.evaluation.protocols import DEPTH, query_metrics

FULL = 5
TEST = FULL + 1
COLUMNS = (
    "full_catalogue/ndcg@10",
    "judged/ndcg",
    "full_catalogue/recall@100",
    "full_catalogue/mrr@10",
    "full_catalogue/exact@1",
    "judged/ndcg@10",
)
#: A mined negative lies below so much of the positive's cosine, as in space/mining.py.
CEILING, MINED = 0.95, 50
_EMBED = 512

#: A fold and a seed.
Cell = tuple[int, int]


@dataclass(frozen=True)
class Recipe:
    """Settings of a run, by the names of train.py's flags where it has them.

    Attributes:
        titles: title queries for each judged example.
        decay: of the learning rate from layer to layer, see ``Optimizer``; train.py has no such flag.
        frozen: see ``Optimizer``; train.py has no such flag.
        dropout: train.py always has .1.
        everywhere: learn from all three locales.
        shares: of the base's weights in the finished model; each is evaluated.
    """

    loss: str = "mnrl"
    scale: float = 20.0
    learning_rate: float = 5e-5
    epochs: float = 1.0
    batch_size: int = 32
    negatives: int = 1
    titles: float = 1.0
    triplet_margin: float = 0.2
    mined_negatives: bool = False
    ceiling: float = CEILING
    decay: float = 1.0
    frozen: str = ""
    dropout: float = 0.1
    everywhere: bool = False
    shares: tuple[float, ...] = (0.0, 0.3, 0.5)


class Bench:
    """Models, texts and judgments on the device, for one recipe after another."""

    def __init__(self, path: Path, packed_attention: bool = False) -> None:
        """Read the file once; ``packed_attention`` is for ``Berts.use_flash``."""
        self.packed_attention = packed_attention
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        self.arrays = arrays
        self.weights = weights_of(arrays)
        # Products first, then anchors, in one list of texts.
        products, anchors = arrays["products/offsets"], arrays["anchors/offsets"]
        self.anchor0 = len(products) - 1
        flat, offsets = (
            np.concatenate([arrays["products"], arrays["anchors"]]),
            np.concatenate([products, anchors[1:] + products[-1]]),
        )
        self.texts = Texts(flat, offsets, self.device)
        self.row_text = torch.from_numpy(arrays["row_text"].astype(np.int64)).to(self.device)
        self.rows_of = [np.flatnonzero(arrays["row_locale"] == locale) for locale in range(3)]
        self._exact: dict[int, frozenset[int]] = {}
        self.resize(1)
        self.untuned_products = self.embed(np.arange(self.anchor0)[None])[0]
        self.untuned_everyday = self.embed(self.anchor0 + arrays["everyday"][None])[0]

    def resize(self, models: int) -> None:
        """Have so many models, untuned."""
        if not hasattr(self, "berts") or self.berts.models != models:
            self.berts = Berts(self.weights, models, self.device)
            if self.packed_attention:
                rows = np.arange(models * 8).reshape(models, 8)
                print("packed attention:", self.berts.use_flash(self.texts.batch(rows)), flush=True)
        self.berts.set(self.berts.base)

    def listed(self, name: str, number: int) -> np.ndarray:
        """One of a file's lists."""
        offsets = self.arrays[f"{name}/offsets"]
        return self.arrays[name][offsets[number] : offsets[number + 1]]

    def exact(self, anchor: int) -> frozenset[int]:
        """Products that are never a negative of a query."""
        if anchor not in self._exact:
            self._exact[anchor] = frozenset(self.listed("exact", anchor).tolist())
        return self._exact[anchor]

    @torch.no_grad()
    def embed(self, rows: np.ndarray) -> torch.Tensor:
        """(models, n, d) float32 on the device, for (models, n) texts; batches are by length, so little is padded."""
        order = np.argsort(self.texts.length[rows[0]], kind="stable")
        out = torch.empty(*rows.shape, 384, device=self.device)
        for start in range(0, len(order), _EMBED):
            part = order[start : start + _EMBED]
            out[:, torch.from_numpy(part).to(self.device)] = self.berts.embed(self.texts.batch(rows[:, part]))
        return out

    # -- training ------------------------------------------------------------------------------------------------

    def examples(self, recipe: Recipe, fold: int, seed: int) -> np.ndarray:
        """(n, 3) int: anchor, positive, negative."""
        names = ("J1", "T") if recipe.everywhere else (f"j{recipe.negatives}", "t")
        judged, titles = (self.arrays[f"examples/{fold}/{seed}/{name}"] for name in names)
        return np.concatenate([judged, titles[: round(recipe.titles * len(judged))]])

    def mine(self, examples: np.ndarray, seed: int, ceiling: float) -> np.ndarray:
        """The examples with a negative that the untuned model finds wherever the old one was drawn at random."""
        examples, rng = examples.copy(), np.random.default_rng([seed, 2])
        locale_of = np.zeros(self.anchor0, np.int64)
        locale_of[self.arrays["row_text"]] = self.arrays["row_locale"]
        drawn = np.array([n for n, row in enumerate(examples) if row[2] not in self.listed("known", row[0])])
        for part in np.array_split(drawn, max(1, len(drawn) // 2048)):
            queries = self.embed(np.repeat(self.anchor0 + examples[part, 0][None], self.berts.models, 0))[0]
            scores = queries @ self.untuned_products.T
            own = scores.gather(1, torch.from_numpy(examples[part, 1].astype(np.int64))[:, None].to(self.device))
            best, texts = scores.topk(MINED, dim=1)
            fits = (best < own * ceiling).cpu().numpy()
            for number, fit, candidates in zip(part, fits, texts.cpu().numpy(), strict=True):
                anchor, positive = examples[number, 0], examples[number, 1]
                known = {*self.listed("known", anchor).tolist(), *self.exact(int(anchor)), int(positive)}
                choice = [
                    text
                    for text in candidates[fit].tolist()
                    if text not in known and locale_of[text] == locale_of[positive]
                ]
                if choice:
                    examples[number, 2] = choice[rng.integers(len(choice))]
        return examples

    def plan(self, examples: np.ndarray, size: int, seed: list[int]) -> Iterator[np.ndarray]:
        """Batches without false negatives, as ``LabelAwareBatchSampler`` makes them."""
        waiting = deque(np.random.default_rng(seed).permutation(len(examples)).tolist())
        rows = examples[:, :3].tolist()
        while waiting:
            batch, clashing = [], []
            queries: set[int] = set()
            texts: set[int] = set()
            taboo: set[int] = set()
            while waiting and len(batch) < size:
                index = waiting.popleft()
                query, *products = rows[index]
                exact = self.exact(query)
                if query in queries or not taboo.isdisjoint(products) or not exact.isdisjoint(texts):
                    clashing.append(index)
                    continue
                batch.append(index)
                queries.add(query)
                texts.update(products)
                taboo |= exact
            waiting.extendleft(reversed(clashing))
            yield np.array(batch)

    def batches(self, recipe: Recipe, examples: np.ndarray, seed: int) -> list[np.ndarray]:
        """(at most batch size, 4) examples of every step."""
        found: list[np.ndarray] = []
        first = 0
        for epoch in range(math.ceil(recipe.epochs)):
            if recipe.loss == "triplet":
                order = np.random.default_rng([seed, epoch]).permutation(len(examples))
                found += np.split(order, range(recipe.batch_size, len(order), recipe.batch_size))
            else:
                found += self.plan(examples, recipe.batch_size, [seed, epoch])
            first = first or len(found)
        return [examples[rows] for rows in found[: math.ceil(recipe.epochs * first)]]

    def train(self, recipe: Recipe, cells: Sequence[Cell]) -> dict[str, float]:
        """Train a model for each fold and seed from the untuned weights; returns what the run was."""
        self.resize(len(cells))
        examples = [self.examples(recipe, fold, seed) for fold, seed in cells]
        if recipe.mined_negatives:
            examples = [self.mine(one, seed, recipe.ceiling) for one, (_, seed) in zip(examples, cells, strict=True)]
        plans = [self.batches(recipe, one, seed) for one, (_, seed) in zip(examples, cells, strict=True)]
        steps = min(map(len, plans))  # the folds differ by a batch or two, which are the small last ones
        torch.manual_seed(cells[0][1])
        optimizer = Optimizer(self.berts, recipe.learning_rate, steps, recipe.decay, recipe.frozen)
        begun, seen = time.perf_counter(), 0
        for number in range(steps):
            part = [plan[number] for plan in plans]
            self.loss(recipe, part).backward()
            optimizer.step()
            seen += sum(map(len, part))
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - begun
        return {"examples": seen // len(cells), "steps": steps, "seconds": round(seconds, 2)}

    def loss(self, recipe: Recipe, parts: Sequence[np.ndarray]) -> torch.Tensor:
        """Sum over the models of each one's loss of its own examples, in float32."""
        size = max(map(len, parts))
        filled = [np.concatenate([part, np.repeat(part[:1], size - len(part), 0)]) for part in parts]
        rows = np.stack(filled)
        counts = torch.tensor([len(part) for part in parts], device=self.device)
        here = torch.arange(size, device=self.device) < counts[:, None]
        mean = here / counts[:, None]
        texts = np.concatenate([self.anchor0 + rows[:, :, 0], rows[:, :, 1], rows[:, :, 2]], axis=1)
        queries, positives, negatives = self.berts.embed(self.texts.batch(texts), recipe.dropout).split(size, dim=1)
        total = queries.new_zeros(())
        if recipe.loss == "mnrl":
            scores = recipe.scale * torch.cat([queries @ positives.mT, queries @ negatives.mT], dim=2)
            scores = scores.masked_fill(~torch.cat([here, here], dim=1)[:, None], -1e4)
            own = scores.diagonal(dim1=1, dim2=2)
            total = ((scores.logsumexp(2) - own) * mean).sum()
        if recipe.loss == "triplet":
            apart = (queries * negatives).sum(2) - (queries * positives).sum(2)
            total = (functional.relu(apart + recipe.triplet_margin) * mean).sum()
        return total

    # -- figures -------------------------------------------------------------------------------------------------

    def measure(self, folds: Sequence[int], keep_ranks: bool = False) -> list[dict[str, Any]]:
        """Each model's figures over the queries of its fold; of FULL: the test queries, and all of es and jp."""
        products = self.embed(np.repeat(np.arange(self.anchor0)[None], self.berts.models, 0))
        everyday = np.repeat(self.anchor0 + self.arrays["everyday"][None], self.berts.models, 0)
        drift = (self.embed(everyday) * self.untuned_everyday).sum(2).mean(1).tolist()
        queries = self.arrays["queries"]
        sought = self.embed(np.repeat(self.anchor0 + queries[:, 0][None], self.berts.models, 0))
        found = []
        for model, fold in enumerate(folds):
            asked = queries[:, 2] == fold
            if fold == FULL:
                asked = (queries[:, 2] == TEST) | (queries[:, 1] > 0)
            vectors = products[model][self.row_text]
            figures: dict[str, Any] = {"rich": {}, "thin": {}, "es": {}, "jp": {}}
            for locale in range(3):
                part = np.flatnonzero(asked & (queries[:, 1] == locale))
                self._figures(figures, part, sought[model], vectors, locale, fold == FULL, keep_ranks)
            found.append(figures | {"everyday": round(drift[model], 5)})
        return found

    def _figures(
        self,
        figures: dict[str, Any],
        part: np.ndarray,
        sought: torch.Tensor,
        vectors: torch.Tensor,
        locale: int,
        test: bool,
        keep_ranks: bool,
    ) -> None:
        """Add the figures of one locale's queries."""
        rows, names = self.rows_of[locale], np.array(ESCI.names)
        scores = sought[torch.from_numpy(part).to(self.device)] @ vectors[int(rows[0]) : int(rows[-1]) + 1].T
        ranked = torch.sort(scores, dim=1, descending=True, stable=True).indices[:, :DEPTH].cpu().numpy() + rows[0]
        scores = scores.cpu().numpy()
        for number, query in enumerate(part.tolist()):
            judged = self.listed("judged", query)
            start = self.arrays["judged/offsets"][query]
            labels = names[self.arrays["labels"][start : start + len(judged)]]
            order = np.lexsort((judged, -scores[number, judged - rows[0]]))
            found = query_metrics(labels, judged, order, ranked[number])
            if locale == 0 and (test or self.arrays["queries"][query, 3]):
                figures["rich"][query] = [round(found[column], 5) for column in COLUMNS]
                if keep_ranks:
                    figures.setdefault("ranks", {})[query] = ranked[number].tolist()
                    figures.setdefault("order", {})[query] = judged[order].tolist()
            else:
                kind = ("thin", "es", "jp")[locale]
                figures[kind][query] = round(found["full_catalogue/mrr@10"], 5)

    def run(
        self, name: str, recipe: Recipe, cells: Sequence[Cell], keep_ranks: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Train, then evaluate at every share of the base's weights: a line a share, fold and seed."""
        log = self.train(recipe, cells)
        tuned = self.berts.flat.clone()
        for share in recipe.shares:
            self.berts.set(torch.lerp(tuned, self.berts.base, share))
            figures = self.measure([fold for fold, _ in cells], keep_ranks)
            for (fold, seed), one in zip(cells, figures, strict=True):
                yield {"name": name, "share": share, "fold": fold, "seed": seed} | log | one

    def untuned(self, cells: Sequence[Cell], keep_ranks: bool = False) -> Iterator[dict[str, Any]]:
        """Figures of the untuned model."""
        self.resize(len(cells))
        figures = self.measure([fold for fold, _ in cells], keep_ranks)
        for (fold, seed), one in zip(cells, figures, strict=True):
            yield {"name": "base", "share": 1.0, "fold": fold, "seed": seed} | one
