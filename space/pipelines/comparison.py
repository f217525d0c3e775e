"""An evaluation without training: any encoders and BM25 on the same held-out queries, compared with one of them."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from space.data.judgments import Judged
from space.data.passages import passages, template
from space.data.split import of_model, without_learned
from space.encoding.description import EncoderDescription
from space.encoding.encoder import TextEncoder
from space.encoding.weights import Weights
from space.errors import UserError
from space.evaluation import bm25_tuning, findings, protocols, significance
from space.evaluation.schema import Evaluation
from space.index.bm25 import Bm25Index
from space.io.files import atomically
from space.pipelines.contents import trained_with
from space.pipelines.evaluation import dataset_info, dense_system
from space.pipelines.inputs import open_chosen
from space.retrieval.baselines import Bm25System, RandomSystem
from space.settings.data import BULLETS, MAX_SEQ_LENGTH
from space.settings.evaluate import EvaluateSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PassageText:
    """What the encoders read of a product."""

    max_seq_length: int
    bullets: int


def compare(settings: EvaluateSettings, models: Mapping[str, Weights]) -> Evaluation:
    """Measure every encoder, BM25 and a random order; returns what evaluation.json holds.

    Args:
        settings: of the evaluation.
        models: {name: weights of the encoder}.

    Raises:
        UserError: the data or the weights cannot be used, or the models do not go together.
    """
    settings, text = _as_trained(settings, models)
    judged = _held_out_by_all(settings, models, text)
    test = protocols.held_out(judged.test, settings.eval_queries, settings.seed)
    texts, words = passages(judged.catalogue, text.bullets), passages(judged.catalogue)
    chosen = bm25_tuning.choose(judged.train, words, judged.catalogue, settings.seed, judged.scale)
    index = Bm25Index(words, judged.catalogue["product_locale"], k1=chosen.k1, b=chosen.b, stem=chosen.stem)
    info = dataset_info(judged, test)
    logger.info(f"data: {judged.name}, {info.products:,} products, {info.queries_evaluated:,} held-out queries")

    results: dict[str, pd.DataFrame] = {}
    for baseline in (RandomSystem(len(texts), settings.seed), Bm25System(index)):
        results[baseline.name] = protocols.per_query(baseline, test, judged.catalogue, judged.scale)
    encoders: dict[str, EncoderDescription] = {}
    for name, weights in models.items():
        encoder = TextEncoder(weights, max_seq_length=text.max_seq_length)
        encoders[name] = encoder.describe()
        system = dense_system(name, encoder, texts)
        results[name] = protocols.per_query(system, test, judged.catalogue, judged.scale)
    reference = settings.reference or next(iter(models))
    tables = protocols.summarize(results, reference)
    p_values = significance.corrected(results, reference)
    return Evaluation(
        dataset=info,
        gains=judged.scale.gains,
        scale=judged.scale,
        encoders=encoders,
        bm25=chosen,
        settings=settings.to_json()
        | {"max_seq_length": text.max_seq_length, "bullets": text.bullets, "reference": reference}
        | {"model": [f"{name}={one.pinned}" for name, one in encoders.items()]},  # without the folders above it
        protocols={name: replace(table, p_values=p_values[name]) for name, table in tables.items()},
        per_query=protocols.by_query(results, protocols.label_counts(test, judged.scale)),
        reference=reference,
    )


def report(evaluation: Evaluation) -> str:
    """The evaluation as Markdown: what was compared, a sentence for each system, and both tables."""
    data = evaluation.dataset
    lines = [
        f"# {data.name}: {data.queries_evaluated:,} held-out queries, {data.products:,} products",
        *([data.notice] if data.notice else []),
        f"Labels: {evaluation.label_scale}; ! marks the relevant.",
        "\n".join(
            f"- **{name}** is {one.pinned}, {one.dim} dimensions, {one.max_seq_length} tokens, {one.precision}"
            + (f" ({one.reason})" if one.reason else "")
            for name, one in evaluation.encoders.items()
        ),
        "\n".join(f"- {sentence}" for sentence in findings.against_reference(evaluation)),
        protocols.to_markdown(evaluation.protocols, evaluation.reference),
    ]
    return "\n\n".join(lines) + "\n"


def write(evaluation: Evaluation, path: Path) -> Path:
    """Write the figures to ``path`` and the tables beside it; returns the path of the tables."""
    tables = path.with_suffix(".md")
    for target, text in ((path, evaluation.to_json()), (tables, report(evaluation))):
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomically(target) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    return tables


def _held_out_by_all(settings: EvaluateSettings, models: Mapping[str, Weights], text: PassageText) -> Judged:
    """The data, of whose held-out queries no model has learned."""
    splits = [split for name, weights in models.items() for split in of_model(weights.folder, name)]
    judged = open_chosen(settings, bullets=text.bullets > 0, splits=splits)
    judged, said = without_learned(judged, splits)
    if said:
        logger.warning(said)
    return judged


def _as_trained(settings: EvaluateSettings, models: Mapping[str, Weights]) -> tuple[EvaluateSettings, PassageText]:
    """The settings with the --labels of the models, and the text that they were trained on.

    Raises:
        UserError: they were trained on different ones, and no flag says which to take.
    """
    trained = {name: trained_with(weights.folder) for name, weights in models.items()}
    trained = {name: found for name, found in trained.items() if found}

    def one(setting: str, kind: type, otherwise: int | str) -> int | str:
        given = getattr(settings, setting)
        if given not in (None, ""):
            return given
        values = {name: found.get(setting, otherwise) for name, found in trained.items()}
        values = {name: value for name, value in values.items() if type(value) is kind}
        if len(set(values.values())) > 1:
            flag, said = setting.replace("_", "-"), ", ".join(f"{name}: {value}" for name, value in values.items())
            raise UserError(f"the models were trained with different --{flag} ({said}); say which to take: --{flag} …")
        return next(iter(values.values()), otherwise)

    text = PassageText(one("max_seq_length", int, MAX_SEQ_LENGTH), one("bullets", int, BULLETS))
    logger.info(f"text of a product: {template(text.bullets)}, {text.max_seq_length} tokens")
    return replace(settings, labels=one("labels", str, "")), text
