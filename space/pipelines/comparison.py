"""Evaluates without training: encoders, BM25 and their hybrids on the same held-out queries."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from space.encoding import lineup
from space.encoding.description import BASE, TUNED, RerankerDescription
from space.evaluation import findings, latency, protocols, significance
from space.evaluation import smaller as smaller_vectors
from space.evaluation.schema import Bm25Parameters, Evaluation
from space.io.files import atomically
from space.pipelines.compared import Compared, earlier
from space.pipelines.evaluation import dataset_info
from space.pipelines.measurement import Measurement
from space.retrieval.hybrid import hybrid_of
from space.settings.evaluate import EvaluateSettings
from space.store.mapped_files import MappedFiles, folder_for
from space.store.reader import EVALUATION, Store
from space.store.writer import replace_evaluation

logger = logging.getLogger(__name__)


def compare(compared: Compared, settings: EvaluateSettings) -> Evaluation:
    """Measure every encoder, BM25, their hybrids and a random order; returns what evaluation.json holds.

    Raises:
        UserError: an encoder cannot be loaded.
    """
    judged, names = compared.judged, list(compared.encoders)
    reference = settings.reference or lineup.reference(names)
    test = protocols.held_out(judged.test, settings.eval_queries, settings.seed)
    info = dataset_info(judged, test)
    logger.info(f"data: {judged.name}, {info.products:,} products, {info.queries_evaluated:,} held-out queries")

    measured = Measurement(compared, settings, test)
    for name, load in compared.encoders.items():
        measured.encoder(name, load())
    reranker, results = measured.reranker, measured.results
    tables = protocols.summarize(results, reference, _contrasts(names, reranked=reranker is not None))
    p_values = significance.corrected(results, reference)
    models = [f"{name}={one.pinned}" for name, one in measured.encoders.items()]  # without the folders above it
    found = Evaluation(
        dataset=info,
        gains=judged.scale.gains,
        scale=judged.scale,
        encoders=measured.encoders,
        bm25=compared.bm25,
        settings=settings.to_json() | dict(compared.settings) | {"reference": reference, "model": models},
        protocols={name: replace(table, p_values=p_values[name]) for name, table in tables.items()},
        per_query=protocols.by_query(results, protocols.label_counts(test, judged.scale)),
        smaller=measured.smaller,
        reference=reference,
        reranker=reranker.describe(settings.rerank_top, lineup.candidate(names)) if reranker else None,
        milliseconds=measured.milliseconds,
    )
    # The verdict is on fine-tuning.
    return replace(found, verdict=findings.verdict(found)) if reference == BASE else found


def _contrasts(names: Sequence[str], *, reranked: bool) -> list[tuple[str, str]]:
    """The pairs of systems that are compared in addition to those with the reference."""
    pairs = [(hybrid_of(name, names), other) for name in names for other in (name, "bm25")]
    if TUNED in names:
        pairs.append((TUNED, "bm25"))
    if reranked:
        pairs.append(("reranked", lineup.candidate(names)))
    return pairs


def report(evaluation: Evaluation) -> str:
    """The evaluation as Markdown: what was compared, a sentence for each system, and the tables."""
    data, names = evaluation.dataset, list(evaluation.encoders)
    lines = [
        f"# {data.name}: {data.queries_evaluated:,} held-out queries, {data.products:,} products",
        *([data.notice] if data.notice else []),
        f"Labels: {evaluation.label_scale}; ! marks the relevant.",
        "\n".join(
            [
                *(
                    f"- **{name}** is {one.pinned}, {one.dim} dimensions, {one.max_seq_length} tokens, {one.precision}"
                    + (f" ({one.reason})" if one.reason else "")
                    for name, one in evaluation.encoders.items()
                ),
                f"- **hybrid** is {lineup.candidate(names)} fused with BM25 by rank",
                *_reranked(evaluation.reranker),
            ]
        ),
        "\n".join(f"- {sentence}" for sentence in findings.against_reference(evaluation)),
        protocols.to_markdown(evaluation.protocols, evaluation.reference),
        *([latency.to_markdown(evaluation.milliseconds)] if evaluation.milliseconds else []),
        *([smaller_vectors.to_markdown(evaluation.smaller)] if evaluation.smaller else []),
    ]
    return "\n\n".join(lines) + "\n"


def _reranked(reranker: RerankerDescription | None) -> list[str]:
    if reranker is None:
        return []
    return [
        f"- **reranked** is the best {reranker.top} of {reranker.first} in the order of {reranker.pinned}, "
        f"{reranker.max_seq_length} tokens, {reranker.precision}"
        + (f" ({reranker.reason})" if reranker.reason else "")
    ]


def write(evaluation: Evaluation, path: Path) -> list[Path]:
    """Write the figures to ``path`` and the tables beside it; returns both paths."""
    tables = path.with_suffix(".md")
    for target, text in ((path, evaluation.to_json()), (tables, report(evaluation))):
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomically(target) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    return [path, tables]


def with_training(found: Evaluation, store: Store) -> Evaluation:
    """The figures with what the evaluation in a store says of the training, if the fine-tuned encoder is the same."""
    measured = earlier(store)
    before = measured.here if measured else None

    def same(name: str) -> bool:
        both = [one.encoders[name] for one in (found, before) if one and name in one.encoders]
        return len(both) == 2 and both[0].fingerprint == both[1].fingerprint

    if before is None or before.dataset is None or found.dataset is None or not same(TUNED):
        return found
    return replace(
        found,
        dataset=replace(found.dataset, train_judgments=before.dataset.train_judgments),
        drift=before.drift if same(BASE) else None,
        training=before.training,
        # The page compares the bullet points with those of the store.
        settings=before.settings if before.settings.get("bullets") == found.settings["bullets"] else found.settings,
    )


def write_into(store: Store, evaluation: Evaluation) -> Path:
    """Put the figures into the store that they were measured on, for the page; returns the path of its file.

    Raises:
        WriteError: the store cannot be written.
    """
    replace_evaluation(store.folder, evaluation.to_json())
    bm25 = evaluation.bm25 or Bm25Parameters()
    # The files that the app maps are for one manifest.
    now = Store(store.folder, verify=False)
    MappedFiles(now, folder_for(store.folder), bm25.k1, bm25.b, bm25.stem).prepare()
    return store.folder / EVALUATION
