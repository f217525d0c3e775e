"""Early stopping: keep the weights that rank a part of the train queries best, and stop when they get no better.

The held-out queries have no part in this: they are evaluated once, at the end.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback, TrainerControl, TrainerState

from space.data.scale import ESCI, LabelScale
from space.data.words import normalized_column
from space.encoding.encoder import TextEncoder
from space.errors import UserError
from space.evaluation import protocols
from space.evaluation.tables import HEADLINE_COLUMN
from space.index.torch_index import TorchIndex
from space.io.files import atomically
from space.retrieval.dense import DenseSystem
from space.training.checkpoints import RESUME
from space.training.processes import join_processes

logger = logging.getLogger(__name__)

#: Products that are embedded at each checkpoint, so that a score does not cost as much as an epoch.
PRODUCTS = 2000
#: Checkpoints without a new best score after which a run stops.
PATIENCE = 2
_SCORES = "dev.json"


def split(train: pd.DataFrame, share: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split judgments by query (see ``normalized``) into those to learn from and those of the dev queries.

    Args:
        train: judgments with a column query.
        share: of the queries that become dev queries.
        seed: of the draw.

    Raises:
        UserError: one of the two parts would be empty.
    """
    written = normalized_column(train["query"])
    queries = np.unique(written.astype(str))
    count = round(share * len(queries))
    if not 0 < count < len(queries):
        larger = "larger" if not count else "smaller"
        raise UserError(f"--dev-share {share} takes {count} of {len(queries)} train queries: use a {larger} share")
    dev = np.isin(written.astype(str), np.random.default_rng([seed, 3]).permutation(queries)[:count])
    return train[~dev].reset_index(drop=True), train[dev].reset_index(drop=True)


class DevSet:
    """The dev queries and the products they are searched in: those judged for them and random others.

    Args:
        dev: judgments of the dev queries, with ``row``.
        catalogue: all products.
        texts: the passage of each product.
        seed: of the choice of the other products.
        scale: of the labels.
    """

    def __init__(
        self, dev: pd.DataFrame, catalogue: pa.Table, texts: list[str], seed: int, scale: LabelScale = ESCI
    ) -> None:
        """Choose up to ``PRODUCTS`` products."""
        self.scale = scale
        judged = dev["row"].unique()
        others = np.setdiff1d(np.arange(len(texts)), judged)
        others = np.random.default_rng([seed, 4]).permutation(others)[: max(0, PRODUCTS - len(judged))]
        rows = np.sort(np.concatenate([judged, others]))
        self.catalogue, self.texts = catalogue.take(rows), [texts[row] for row in rows]
        self.judgments = dev.assign(row=np.searchsorted(rows, dev["row"].to_numpy()))

    def score(self, encoder: TextEncoder) -> float:
        """The mean full-catalogue nDCG@10 of the dev queries, over these products."""
        with encoder.frozen():
            system = DenseSystem("dev", encoder, TorchIndex(encoder.encode_passages(self.texts)))
            frame = protocols.per_query(system, self.judgments, self.catalogue, self.scale)
        return float(np.nanmean(frame[HEADLINE_COLUMN]))


@contextmanager
def _undamaged(path: Path) -> Iterator[None]:
    """Turn errors of reading a file that an earlier run wrote into a sentence."""
    try:
        yield
    except (OSError, ValueError, AttributeError, TypeError, RuntimeError, SafetensorError) as error:
        raise UserError(f"{path} is missing or damaged ({error}): start again without --resume") from error


class KeepBest(TrainerCallback):
    """Scores the dev set at every checkpoint, keeps the best weights on disk, and stops the run.

    A run that resumes from a checkpoint ignores the scores of later checkpoints.
    """

    def __init__(self, encoder: TextEncoder, dev: DevSet, folder: Path) -> None:
        """``folder`` holds the checkpoints of the run."""
        self.encoder, self.dev, self.folder = encoder, dev, folder

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Score the weights before training, which may be the best."""
        if state.is_world_process_zero and state.global_step == 0:
            self._score(0)
        join_processes().wait_for_everyone()

    def on_save(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Score a checkpoint; every process calls this, the main one scores."""
        if state.is_world_process_zero:
            self._score(state.global_step)
        join_processes().wait_for_everyone()
        if self.is_over(state.global_step):
            logger.info("the dev queries got no better after step %d, stopping", self._best(state.global_step))
            control.should_training_stop = True

    def is_over(self, step: int) -> bool:
        """Whether the scores up to ``step`` stop the run there."""
        best = self._best(step)
        return sum(number > best for number in self.scores(step)) >= PATIENCE

    def scores(self, step: int) -> dict[int, float]:
        """{step: dev score} of the checkpoints up to ``step``."""
        path = self.folder / _SCORES
        if not path.is_file():
            return {}
        with _undamaged(path):
            seen = {int(number): float(score) for number, score in json.loads(path.read_bytes()).items()}
        return {number: score for number, score in seen.items() if number <= step}

    def restore(self, step: int) -> tuple[int, dict[int, float]]:
        """Load the best weights up to ``step`` into the encoder; returns their step and all scores."""
        best = self._best(step)
        with _undamaged(self._weights(best)):
            self.encoder.model.load_state_dict(load_file(str(self._weights(best))))
        return best, self.scores(step)

    def _best(self, step: int) -> int:
        """The step with the best score up to ``step``; of equal scores the earliest."""
        scores = self.scores(step)
        with _undamaged(self.folder / _SCORES):  # a run that resumes has scores
            return max(scores, key=lambda number: (scores[number], -number))

    def _score(self, step: int) -> None:
        before = self.scores(step - 1)
        self.encoder.model.eval()
        score = self.dev.score(self.encoder)
        self.encoder.model.train()
        best = max(before, key=before.__getitem__, default=None)
        if best is None or score > before[best]:
            weights = {name: tensor.cpu().clone() for name, tensor in self.encoder.model.state_dict().items()}
            with atomically(self._weights(step), RESUME) as unfinished:
                save_file(weights, str(unfinished))
            # A run that resumes from an earlier step needs the best before this one; older ones are not needed.
            for path in self.folder.glob("best-*.safetensors"):
                if path not in (self._weights(step), self._weights(-1 if best is None else best)):
                    path.unlink()
        with atomically(self.folder / _SCORES, RESUME) as unfinished:
            unfinished.write_text(json.dumps({**before, step: score}), encoding="utf-8")
        logger.info("dev queries at step %d: nDCG@10 %.4f", step, score)

    def _weights(self, step: int) -> Path:
        return self.folder / f"best-{step}.safetensors"
