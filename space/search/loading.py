"""A store and the two encoders that made it to an engine that answers. The only way from artifacts to a search."""

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

from space.data.catalogue import bullets_of
from space.encoding.description import ENCODERS
from space.encoding.encoder import TextEncoder
from space.encoding.weights import locate
from space.evaluation.schema import Bm25Parameters, Evaluation
from space.feedback.usage import Usage
from space.hub import client
from space.hub.client import model_download
from space.index.torch_index import TorchIndex
from space.io import memory
from space.io.threads import in_parallel
from space.retrieval.systems import Bm25System, DenseSystem, HybridSystem, Index, Stopwatch, System
from space.search.device import Wrapper
from space.search.engine import SearchEngine
from space.search.score_reference import score_references
from space.settings import split_revision
from space.store import mapped_files, milvus_loading
from space.store.reader import EVALUATION, JUDGMENTS, Store, StoreError

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
    clock: Stopwatch | None = None,
) -> SearchEngine:
    """The engine of a store and the two encoders that made it.

    Args:
        model: the fine-tuned encoder, a Hub id (ID@REVISION pins) or a folder.
        base_model: the encoder before that.
        embeddings: the store, likewise.
        offline: take what is on the Hub from the cache only.
        gpu: see ``SearchEngine``.
        usage: see ``SearchEngine``.
        milvus_uri: where the store's vectors are searched in place of this process, see ``space.index.milvus.Place``.
        clock: told how long each part took, for whoever wants to know.

    Raises:
        MilvusError: see ``space.store.milvus_loading.open_indexes``.
        WeightsError, HubError, StoreError: something is missing, damaged, or does not belong together.
    """
    clock = clock or Stopwatch()
    store, source, beside = _open_store(embeddings, offline)
    store.check(name for name in (EVALUATION, JUDGMENTS) if name in store.manifest.files)
    measured, judgments = store.evaluation(), store.judgments()
    evaluation = None if measured is None else Evaluation.from_json(measured)
    bm25 = evaluation and evaluation.bm25 or Bm25Parameters()
    weighed = bm25.k1, bm25.b
    parts = () if milvus_uri else ENCODERS  # whose vectors are searched here
    with ThreadPoolExecutor(1) as beneath:
        # Reading files to check them leaves a core for the models.
        checked = beneath.submit(mapped_files.stands, store, beside, *weighed, parts=parts)
        with clock.stage("models"):
            encoders = _encoders(store, {"base": base_model, "tuned": model}, offline)
        with clock.stage("store"):
            elsewhere = milvus_loading.open_indexes(store, milvus_uri) if milvus_uri else {}
            served = mapped_files.serve(store, beside, *weighed, parts=parts, checked=checked.result())
    with clock.stage("codes"):
        systems = _systems(store, encoders, served, elsewhere)
    with clock.stage("warm up"):
        for system in systems.values():
            system.retrieve(["warm up"], 1)  # the first call allocates; that should not be a visitor's
    description = {
        "dataset": store.manifest.dataset,
        "embeddings": source,
        "device": str(encoders["tuned"].device),
        "encoders": {part: asdict(encoder.describe()) for part, encoder in encoders.items()},
    }
    with clock.stage("score references"):
        references = score_references(systems, judgments, served.products)
    with clock.stage("labels and filters"):
        return SearchEngine(
            served.products,
            systems,
            judgments=judgments,
            notice=store.manifest.notice,
            description=description,
            evaluation=evaluation,
            references=references,
            gpu=gpu,
            usage=usage,
            bullets=bullets_of(store.manifest.text),
        )


def _encoders(store: Store, names: Mapping[str, str], offline: bool) -> dict[str, TextEncoder]:
    """Those that made the vectors, and no others."""
    encoders = {}
    for part, name in names.items():
        limit = store.encoders[part].max_seq_length
        weights = locate(name, model_download(offline=offline))
        logger.info("%s: %s", part, weights.notice)
        encoders[part] = TextEncoder(weights, max_seq_length=limit)
        store.require(part, encoders[part].fingerprint, name)
        memory.release(weights.folder, ".safetensors")
    return encoders


def _systems(
    store: Store, encoders: Mapping[str, TextEncoder], served: mapped_files.Serving, elsewhere: Mapping[str, Index]
) -> dict[str, System]:
    def dense(part: str) -> DenseSystem:
        encoder = encoders[part]
        if elsewhere:
            return DenseSystem(part, encoder, elsewhere[part])
        # What is mapped stays on the disk but for its codes: the same answers from half the memory, see TorchIndex.
        precision = "float16" if encoder.device.type == "cuda" else "int8"
        try:
            index = TorchIndex(served.vectors[part], precision=precision)
        except ValueError as error:  # a row that is not finite
            raise StoreError(f"{store.name}: {part}: {error}") from error
        served.release(part)
        return DenseSystem(part, encoder, index, partial(served.release, part))

    systems: dict[str, System] = dict(zip(encoders, in_parallel(dense, encoders), strict=True))
    # The text of a store with bullets cannot be told from its template alone, and BM25 does well without them.
    systems["bm25"] = Bm25System(served.bm25)
    systems["hybrid"] = HybridSystem(systems["tuned"], systems["bm25"])
    return systems


def _open_store(name: str, offline: bool) -> tuple[Store, dict[str, str], Path]:
    """The store, not checked yet; which it is on the Hub; and where what is served of it may be kept.

    Nothing of a folder is for visitors, its path neither.
    """
    folder = Path(name)
    if folder.is_dir():
        return Store(folder, verify=False), {}, mapped_files.beside(folder)
    repo, revision = split_revision(name)
    found = client.pull(repo, "dataset", revision=revision, offline=offline)
    at = f"{repo}@{found.revision[:12]}"
    logger.info("embeddings: %s%s", at, f" ({found.note})" if found.note else "")
    # Beside the snapshots of the data set, where the cache's own tools look at nothing.
    beside = found.folder.parent.parent / "serving"
    return Store(found.folder, verify=False, name=at), {"id": f"{repo}@{found.revision}", "note": found.note}, beside
