"""Loads a search engine: a store of embeddings, and the encoders that made it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch

from space.data.passages import bullets_of
from space.data.scale import ESCI
from space.encoding import lineup, query_encoders
from space.encoding.description import BASE, TUNED
from space.encoding.packed_encoder import PackedEncoder
from space.encoding.weights import locate
from space.evaluation import provenance
from space.evaluation.schema import Bm25Parameters, Evaluation, EvaluationError
from space.feedback.usage import Usage
from space.hub import client
from space.hub.client import model_download
from space.index.torch_index import TorchIndex
from space.io import memory
from space.io.threads import in_parallel
from space.retrieval.baselines import Bm25System
from space.retrieval.dense import DenseSystem, VectorIndex
from space.retrieval.hybrid import HybridSystem
from space.retrieval.reranked import RERANK_TOP, RerankedSystem, texts_of
from space.retrieval.system import Stopwatch, System
from space.search.description import EngineDescription
from space.search.device import Wrapper
from space.search.engine import SearchEngine
from space.search.score_reference import score_references
from space.settings.names import split_revision
from space.store import encoder_folders, milvus_collections
from space.store.mapped_files import LoadedStore, MappedFiles, folder_for
from space.store.reader import EVALUATION, JUDGMENTS, Store, StoreError

if TYPE_CHECKING:
    from space.encoding.reranker import Reranker

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True)
class _OpenStore:
    """A store whose files have not been checked.

    Attributes:
        on_hub: ID@COMMIT on the Hub; "" for a folder, whose path is not for visitors.
        note: why it may not be the newest, or "".
        serving: folder for the files of ``space.store.mapped_files``.
    """

    store: Store
    on_hub: str
    note: str
    serving: Path


def load_engine(
    embeddings: str,
    models: Mapping[str, str | None] | None = None,
    *,
    only: Sequence[str] = (),
    offline: bool = False,
    gpu: Wrapper | None = None,
    usage: Usage | None = None,
    milvus_uri: str | None = None,
    kept_answers: int = 0,
    reranker: str | None = None,
    rerank_top: int = RERANK_TOP,
    clock: Stopwatch | None = None,
) -> SearchEngine:
    """The engine of a store and the encoders that made it.

    Args:
        embeddings: the store: a Hub id, pinned with ID@REVISION, or a folder.
        models: {encoder of the store: a Hub id, pinned with ID@REVISION, or a folder}; one that is missing or None is
            the encoder that the store names.
        only: load these encoders of the store, and no others; none named loads all.
        offline: take what is on the Hub from the cache only.
        gpu: ``spaces.GPU`` on ZeroGPU, see ``SearchEngine``.
        usage: counts searches, see ``SearchEngine``.
        milvus_uri: search the vectors in this Milvus, a file ending in .db or http(s)://…, instead of here.
        kept_answers: see ``SearchEngine``.
        reranker: a cross-encoder, a Hub id or a folder: the engine gets the system "reranked". None leaves it out.
        rerank_top: how many products it reorders.
        clock: measures the stages of loading.

    Raises:
        MilvusError: see ``space.store.milvus_collections.open_indexes``.
        WeightsError, HubError, StoreError: something is missing or damaged, or an encoder did not make the vectors.
    """
    clock = clock or Stopwatch()
    opened = _open_store(embeddings, offline)
    store = opened.store
    store.check(name for name in (EVALUATION, JUDGMENTS) if name in store.manifest.files)
    content, judgments = store.evaluation(), store.judgments()
    try:
        evaluation = None if content is None else Evaluation.from_json(content)
    except EvaluationError as error:
        cure = "run build_embeddings.py again, or download the store again"
        raise StoreError(f"{store.name}/{EVALUATION}: {error}; {cure}") from error
    made_of = store.manifest
    measured = provenance.compare(evaluation, made_of.dataset, made_of.rows, made_of.checksums)
    if measured and measured.sentence:
        logger.warning("%s: %s", store.name, measured.sentence)
    bm25 = measured.bm25 if measured else Bm25Parameters()
    chosen = _chosen(store, models or {}, only)
    parts = () if milvus_uri else chosen  # the vectors to search in this process
    mapped = MappedFiles(store, opened.serving, bm25.k1, bm25.b, bm25.stem, parts)
    with ThreadPoolExecutor(1) as thread:
        # Hashing and reading files and coding vectors take one core; meanwhile the other loads the encoders.
        reading = thread.submit(_read, store, mapped)
        with clock.stage("models"):
            names = {part: (models or {}).get(part) or _named_by(opened, part) for part in chosen}
            encoders = _load_encoders(store, names, offline)
            scorer = _load_reranker(reranker, offline) if reranker else None
        with clock.stage("store"):
            elsewhere = milvus_collections.open_indexes(store, milvus_uri, chosen) if milvus_uri else {}
            read, indexes = reading.result()
            served = read or mapped.load()
    with clock.stage("codes"):
        systems = _build_systems(encoders, served, elsewhere or indexes or _indexes(store, served))
    first = lineup.candidate(encoders)
    if scorer:
        texts = texts_of(served.products, bullets_of(made_of.text))
        systems["reranked"] = RerankedSystem(systems[first], scorer, texts, rerank_top)
    with clock.stage("warm up"):
        for system in systems.values():
            system.retrieve(["warm up"], 1)  # the first call allocates memory
    scale = made_of.scale or ESCI
    references = _meanwhile(partial(score_references, systems, judgments, served.products, scale))
    description = EngineDescription(
        dataset=store.manifest.dataset,
        store=opened.on_hub,
        store_note=opened.note,
        device=str(encoders[chosen[0]].device),
        encoders={part: encoder.describe() for part, encoder in encoders.items()},
        text=made_of.text,
        checksums=made_of.checksums,
        reranker=scorer.describe(rerank_top, first) if scorer else None,
    )
    with clock.stage("labels and filters"):
        return SearchEngine(
            served.products,
            systems,
            judgments=judgments,
            scale=scale,
            notice=store.manifest.notice,
            description=description,
            evaluation=measured.here if measured else None,
            elsewhere=measured if measured and not measured.here else None,
            references=references,
            gpu=gpu,
            usage=usage,
            bullets=bullets_of(made_of.text),
            kept_answers=kept_answers,
        )


def _meanwhile(work: Callable[[], Result]) -> Result | Future[Result]:
    """The result of work that a thread does while the page is built; with a GPU at once, see ``in_parallel``."""
    if torch.cuda.is_available():
        return work()
    thread = ThreadPoolExecutor(1)
    coming = thread.submit(work)
    thread.shutdown(wait=False)
    return coming


def _open_store(name: str, offline: bool) -> _OpenStore:
    folder = Path(name)
    if folder.is_dir():
        return _OpenStore(Store(folder, verify=False), "", "", folder_for(folder))
    repo, revision = split_revision(name)
    found = client.pull(repo, "dataset", revision=revision, offline=offline)
    short = f"{repo}@{found.revision[:12]}"
    logger.info("embeddings: %s%s", short, f" ({found.note})" if found.note else "")
    store = Store(found.folder, verify=False, name=short)
    # Beside the snapshots of the data set: there the tools of the Hub's cache do not look.
    return _OpenStore(store, f"{repo}@{found.revision}", found.note, found.folder.parent.parent / "serving")


def _chosen(store: Store, models: Mapping[str, str | None], only: Sequence[str]) -> list[str]:
    """The encoders to load, in the order of the store."""
    for flag, names in (("--only", only), ("--model", [name for name, given in models.items() if given])):
        unknown = [name for name in names if name not in store.encoders]
        if unknown:
            raise StoreError(
                f"{flag} is {unknown[0]!r}: {store.name} has {', '.join(store.encoders)}; name one of these"
            )
    return [name for name in store.encoders if name in only or not only]


def _load_encoders(store: Store, names: Mapping[str, str], offline: bool) -> dict[str, PackedEncoder]:
    """{name: encoder}; an encoder that did not make the store's vectors is refused."""
    asked = {}
    for part, name in names.items():
        weights = locate(name, model_download(offline=offline))
        logger.info("%s: %s", part, weights.notice)
        asked[part] = query_encoders.Asked(weights, store.encoders[part])
    encoders = query_encoders.load(asked)
    for part, encoder in encoders.items():
        store.require(part, encoder.fingerprint, names[part])
    memory.release([encoder.weights.folder for encoder in encoders.values()], ".safetensors")
    return encoders


def _load_reranker(name: str, offline: bool) -> "Reranker":
    from space.encoding.reranker import Reranker  # here, since most pages have none, and transformers takes a second

    weights = locate(name, model_download(offline=offline))
    logger.info("reranker: %s", weights.notice)
    found = Reranker.load(weights)
    memory.release([weights.folder], ".safetensors")
    return found


def _named_by(opened: _OpenStore, part: str) -> str:
    cure = {BASE: "--base-model FOLDER", TUNED: "--model FOLDER"}.get(part, f"--model {part}=FOLDER")
    return encoder_folders.maker(opened.store, part, cure, on_hub=bool(opened.on_hub))


def _read(store: Store, mapped: MappedFiles) -> tuple[LoadedStore | None, dict[str, VectorIndex]]:
    """The store if no file has to be made for it, and without a GPU the indexes of its vectors, else none."""
    served = mapped.load_finished()
    return served, {} if served is None or torch.cuda.is_available() else _indexes(store, served)


def _indexes(store: Store, served: LoadedStore) -> dict[str, VectorIndex]:
    """{encoder: the index of its vectors}."""

    def index(part: str) -> TorchIndex:
        # On a CPU the int8 codes are in memory and the float16 rows stay mapped on disk: the same answers from half
        # the memory, see ``TorchIndex``.
        precision = "float16" if torch.cuda.is_available() else "int8"
        try:
            made = TorchIndex(served.vectors[part], precision=precision)
        except ValueError as error:  # a row that is not finite
            raise StoreError(f"{store.name}: {part}: {error}") from error
        served.release(part)
        return made

    return dict(zip(served.vectors, in_parallel(index, served.vectors), strict=True))


def _build_systems(
    encoders: Mapping[str, PackedEncoder], served: LoadedStore, indexes: Mapping[str, VectorIndex]
) -> dict[str, System]:
    """The encoders, bm25 and hybrid."""
    systems: dict[str, System] = {
        part: DenseSystem(part, encoder, indexes[part], partial(served.release, part))
        for part, encoder in encoders.items()
    }
    # BM25 reads title, brand and colour. It does well without bullet points, even if the encoders read them.
    systems["bm25"] = Bm25System(served.bm25)
    systems["hybrid"] = HybridSystem(systems[lineup.candidate(encoders)], systems["bm25"])
    return systems
