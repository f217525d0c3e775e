"""Early stopping: some train queries are set apart, and the weights that serve them best are the ones that are kept.

Never the held-out queries, which are looked at once, at the end. Knows judgments, an encoder and the trainer's
callbacks.
"""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback, TrainerControl, TrainerState

from space.encoding.encoder import TextEncoder
from space.errors import UserError
from space.evaluation import protocols
from space.index.torch_index import TorchIndex
from space.io.files import atomically
from space.retrieval.systems import DenseSystem

logger = logging.getLogger(__name__)

#: Products that are embedded at each look, those judged for dev queries among them: a look must not cost an epoch.
PRODUCTS = 2000
#: Looks without a new best after which a run ends.
PATIENCE = 2
_SCORES = "dev.json"


def split(train: pd.DataFrame, share: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Judgments to learn from and of ``share`` of the queries, apart by query; ``row`` and columns stay.

    Raises:
        UserError: too few queries to set any apart.
    """
    queries = np.sort(train["query"].unique().astype(str))
    count = round(share * len(queries))
    if not 0 < count < len(queries):
        raise UserError(
            f"--dev-share is {share}: of {len(queries)} train queries that sets {count} apart, use another"
        )
    dev = train["query"].isin(np.random.default_rng([seed, 3]).permutation(queries)[:count])
    return train[~dev].reset_index(drop=True), train[dev].reset_index(drop=True)


class DevSet:
    """Dev queries over a part of the catalogue.

    Args:
        dev: their judgments, with ``row``.
        catalogue: all products.
        texts: the passage of each.
        seed: of the products beside the judged ones.
    """

    def __init__(self, dev: pd.DataFrame, catalogue: pa.Table, texts: list[str], seed: int) -> None:
        """Choose the products."""
        judged = dev["row"].unique()
        others = np.setdiff1d(np.arange(len(texts)), judged)
        others = np.random.default_rng([seed, 4]).permutation(others)[: max(0, PRODUCTS - len(judged))]
        rows = np.sort(np.concatenate([judged, others]))
        self.catalogue, self.texts = catalogue.take(rows), [texts[row] for row in rows]
        self.judgments = dev.assign(row=np.searchsorted(rows, dev["row"].to_numpy()))

    def score(self, encoder: TextEncoder) -> float:
        """Mean of the headline metric, over these products."""
        system = DenseSystem("dev", encoder, TorchIndex(encoder.encode_passages(self.texts)))
        frame = protocols.per_query(system, self.judgments, self.catalogue)
        return float(np.nanmean(frame["/".join(protocols.HEADLINE)]))


class KeepBest(TrainerCallback):
    """Looks at the dev set with every checkpoint, keeps the best weights on the disk, and ends the run in time.

    A look belongs to its checkpoint: what a run that is resumed from an earlier one had seen later is forgotten.
    """

    def __init__(self, encoder: TextEncoder, dev: DevSet, folder: Path) -> None:
        """``folder`` is that of the run's checkpoints."""
        self.encoder, self.dev, self.folder = encoder, dev, folder

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """The weights before training are a candidate, too; a resumed run goes on with what it had seen."""
        if state.is_world_process_zero and state.global_step == 0:
            self._look(0)
        self._wait()

    def on_save(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Called by the trainer after a checkpoint, on every process."""
        if state.is_world_process_zero:
            self._look(state.global_step)
        self._wait()
        if self.is_over(state.global_step):
            logger.info("no better on the dev queries since step %d, stopping", self._best(state.global_step))
            control.should_training_stop = True

    def is_over(self, step: int) -> bool:
        """Whether what was seen up to ``step`` ends the run there."""
        best = self._best(step)
        return sum(number > best for number in self.scores(step)) >= PATIENCE

    def scores(self, step: int) -> dict[int, float]:
        """{step: dev score} of the looks up to ``step``."""
        path = self.folder / _SCORES
        seen = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return {int(number): score for number, score in seen.items() if int(number) <= step}

    def restore(self, step: int) -> tuple[int, dict[int, float]]:
        """Put the best weights up to ``step`` back; returns their step and all scores."""
        best = self._best(step)
        weights = load_file(str(self._weights(best)))
        self.encoder.model.load_state_dict(weights)
        return best, self.scores(step)

    def _best(self, step: int) -> int:
        """The step with the best score up to this one, the earliest of equals."""
        scores = self.scores(step)
        return max(scores, key=lambda number: (scores[number], -number))

    @staticmethod
    def _wait() -> None:
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.barrier()

    def _look(self, step: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        before = self.scores(step - 1)
        self.encoder.model.eval()
        score = self.dev.score(self.encoder)
        self.encoder.model.train()
        best = max(before, key=before.__getitem__, default=None)
        if best is None or score > before[best]:
            with atomically(self._weights(step)) as unfinished:
                state = {
                    name: tensor.detach().cpu().clone() for name, tensor in self.encoder.model.state_dict().items()
                }
                save_file(state, str(unfinished))
            # The one before may be needed again, where a run resumes from before this step; others may not.
            for path in self.folder.glob("best-*.safetensors"):
                if path not in (self._weights(step), self._weights(-1 if best is None else best)):
                    path.unlink()
        with atomically(self.folder / _SCORES) as unfinished:
            unfinished.write_text(json.dumps({**before, step: score}), encoding="utf-8")
        logger.info("dev queries at step %d: nDCG@10 %.4f", step, score)

    def _weights(self, step: int) -> Path:
        return self.folder / f"best-{step}.safetensors"
