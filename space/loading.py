"""A store and the two encoders that made it to an engine that answers. The only way from artifacts to a search."""

import logging
from pathlib import Path

from space import bm25_tuning, hub, milvus
from space.bm25 import Bm25Index
from space.calibration import calibrations
from space.catalogue import bullets_of, passages
from space.config import split_revision
from space.encoder import DEFAULT_MAX_SEQ_LENGTH, TextEncoder
from space.index import TorchIndex
from space.search import SearchEngine, Wrapper
from space.store import ENCODERS, Store, StoreError
from space.systems import Bm25System, DenseSystem, HybridSystem, System
from space.usage import Usage
from space.weights import locate

logger = logging.getLogger(__name__)


def load_engine(
    model: str,
    base_model: str,
    embeddings: str,
    *,
    offline: bool = False,
    gpu: Wrapper | None = None,
    usage: Usage | None = None,
    milvus_uri: str | None = None,
) -> SearchEngine:
    """The engine of a store and the two encoders that made it.

    Args:
        model: the fine-tuned encoder, a Hub id (ID@REVISION pins) or a folder.
        base_model: the encoder before that.
        embeddings: the store, likewise.
        offline: take what is on the Hub from the cache only.
        gpu: see ``SearchEngine``.
        usage: see ``SearchEngine``.
        milvus_uri: where the store's vectors are searched in place of this process, see ``space.milvus.Place``.

    Raises:
        MilvusError: see ``space.milvus.open_indexes``.
        WeightsError, HubError, StoreError: something is missing, damaged, or does not belong together.
    """
    store, source = _open_store(embeddings, offline)
    encoders = {}
    for part, name in zip(ENCODERS, (base_model, model), strict=True):
        limit = store.encoders[part].get("max_seq_length", DEFAULT_MAX_SEQ_LENGTH)
        weights = locate(name, offline=offline)
        logger.info("%s: %s", part, weights.notice)
        encoders[part] = TextEncoder(weights, max_seq_length=limit)
        store.require(part, encoders[part].fingerprint, name)
    catalogue = store.products()
    elsewhere = milvus.open_indexes(store, milvus_uri) if milvus_uri else {}
    systems: dict[str, System] = {}
    for part, encoder in encoders.items():
        try:
            index = elsewhere[part] if elsewhere else TorchIndex(store.vectors(part))
            systems[part] = DenseSystem(part, encoder, index)
        except StoreError:
            raise
        except ValueError as error:  # a row that is not finite
            raise StoreError(f"{store.name}: {part}: {error}") from error
    # The text of a store with bullets cannot be told from its template alone, and BM25 does well without them.
    evaluation = store.evaluation()
    k1, b = bm25_tuning.parameters(evaluation)
    systems["bm25"] = Bm25System(Bm25Index(passages(catalogue), k1=k1, b=b))
    systems["hybrid"] = HybridSystem(systems["tuned"], systems["bm25"])
    for system in systems.values():
        system.retrieve(["warm up"], 1)  # the first call allocates; that should not be a visitor's
    description = {
        "dataset": store.manifest["dataset"],
        "embeddings": source,
        "device": str(encoders["tuned"].device),
        "encoders": {part: encoder.describe() for part, encoder in encoders.items()},
    }
    judgments = store.judgments()
    return SearchEngine(
        catalogue,
        systems,
        judgments=judgments,
        notice=store.manifest["notice"],
        description=description,
        evaluation=evaluation,
        calibrations=calibrations(systems, judgments, catalogue),
        gpu=gpu,
        usage=usage,
        bullets=bullets_of(store.manifest["text"]),
    )


def _open_store(name: str, offline: bool) -> tuple[Store, dict[str, str]]:
    """The store, and which it is on the Hub: nothing for a folder, whose path is not for visitors."""
    folder = Path(name)
    if folder.is_dir():
        return Store(folder), {}
    repo, revision = split_revision(name)
    found = hub.pull(repo, "dataset", revision=revision, offline=offline)
    at = f"{repo}@{found.revision[:12]}"
    logger.info("embeddings: %s%s", at, f" ({found.note})" if found.note else "")
    return Store(found.folder, name=at), {"id": f"{repo}@{found.revision}", "note": found.note}
