"""What an evaluation without training compares: encoders with their vectors of a catalogue, and held-out queries."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch

from space.data.catalogue import rows_of
from space.data.judgments import Judged
from space.data.passages import bullets_of, passages, template
from space.data.scale import ESCI
from space.data.split import of_model, without_learned
from space.encoding.encoder import TextEncoder
from space.encoding.weights import Weights
from space.errors import UserError
from space.evaluation import bm25_tuning, provenance
from space.evaluation.provenance import Measured
from space.evaluation.schema import Bm25Parameters, Evaluation, EvaluationError
from space.pipelines.contents import trained_with
from space.pipelines.evaluation import vectors_of
from space.pipelines.inputs import open_chosen
from space.settings.data import BULLETS, MAX_SEQ_LENGTH
from space.settings.evaluate import EvaluateSettings
from space.store import encoder_folders
from space.store.reader import Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EmbeddedCatalogue:
    """An encoder with its vectors.

    Attributes:
        encoder: embeds queries.
        vectors: (n, d) float16 of the passages, by row.
    """

    encoder: TextEncoder
    vectors: torch.Tensor


@dataclass(frozen=True)
class Compared:
    """What is compared.

    Attributes:
        judged: catalogue and judgments; no encoder has learned from a query of its test.
        encoders: {name: a function that loads it}, so that one is in memory at a time.
        bm25: the parameters of BM25.
        settings: that were not given but found, by name.
        reranker: a cross-encoder for the best products of the candidate, or None.
    """

    judged: Judged
    encoders: Mapping[str, Callable[[], EmbeddedCatalogue]]
    bm25: Bm25Parameters
    settings: Mapping[str, object]
    reranker: Weights | None = None

    @property
    def bullets(self) -> int:
        """Characters of the bullet points in the passages."""
        found = self.settings["bullets"]
        return found if isinstance(found, int) else 0


def of_models(settings: EvaluateSettings, models: Mapping[str, Weights], reranker: Weights | None = None) -> Compared:
    """Models on a data set; vectors that training or build have kept are not computed again.

    Args:
        settings: of the evaluation.
        models: {name: weights of the encoder}.
        reranker: a cross-encoder, or None.

    Raises:
        UserError: the data or the weights cannot be used, or the models do not go together.
    """
    settings, text = _as_trained(settings, models)
    judged = _held_out_by_all(settings, _all(models, reranker), text)
    texts, words = passages(judged.catalogue, text.bullets), passages(judged.catalogue)

    def load(name: str) -> EmbeddedCatalogue:
        encoder = TextEncoder(models[name], max_seq_length=text.max_seq_length)
        return EmbeddedCatalogue(encoder, vectors_of(name, encoder, texts))

    return Compared(
        judged,
        {name: lambda name=name: load(name) for name in models},
        bm25_tuning.choose(judged.train, words, judged.catalogue, settings.seed, judged.scale),
        {"max_seq_length": text.max_seq_length, "bullets": text.bullets, "labels": settings.labels},
        reranker,
    )


def makers(store: Store, settings: EvaluateSettings) -> dict[str, str]:
    """{name: id or folder} of the encoders of a store, those that --model names where it says.

    Raises:
        UserError: --model names an encoder that the store does not have, --reference no system of it, or a folder
            is not here.
    """
    named = settings.models()
    for name in named.keys() - store.encoders.keys():
        known = ", ".join(store.encoders)
        raise UserError(f"--model {name}=…: {store.name} has no encoder of that name; it has {known}")
    settings.require_reference(list(store.encoders))
    return {
        name: named.get(name) or encoder_folders.maker(store, name, f"--model {name}=FOLDER")
        for name in store.encoders
    }


def of_store(store: Store, models: Mapping[str, Weights], reranker: Weights | None = None) -> Compared:
    """The encoders of a store with its vectors, on its judgments; only queries are embedded.

    Args:
        store: opened.
        models: {name of an encoder of the store: its weights}.
        reranker: a cross-encoder, or None.

    Raises:
        UserError: the store has no judgments, or an encoder did not make its vectors; the latter when it is loaded.
    """
    judgments = store.judgments()
    if judgments is None or judgments.empty:
        raise UserError(
            f"--embeddings {store.name}: it has no judgments to evaluate on; build it from judgments with "
            "build_embeddings.py --dataset"
        )
    made_of, catalogue = store.manifest, store.products()
    rows = rows_of(catalogue, judgments["product_locale"], judgments["product_id"])
    test = judgments.assign(row=rows)[rows >= 0].reset_index(drop=True)
    judged = Judged(made_of.dataset, catalogue, test.iloc[:0], test, made_of.notice, made_of.scale or ESCI)
    everyone = _all(models, reranker)
    splits = [split for name, weights in everyone.items() for split in of_model(weights.folder, name)]
    judged, said = without_learned(judged, splits)
    if said:
        logger.warning(said)
    measured = earlier(store)

    def load(name: str) -> EmbeddedCatalogue:
        limit = store.encoders[name].max_seq_length
        encoder = TextEncoder(models[name], max_seq_length=limit)
        store.require(name, encoder.fingerprint, models[name].name)
        return EmbeddedCatalogue(encoder, store.vectors(name))

    return Compared(
        judged,
        {name: lambda name=name: load(name) for name in models},
        measured.bm25 if measured else Bm25Parameters(),
        {"dataset": made_of.dataset, "bullets": bullets_of(made_of.text)},
        reranker,
    )


def _all(models: Mapping[str, Weights], reranker: Weights | None) -> dict[str, Weights]:
    """All that may have learned from a query."""
    return {**models, **({"reranked": reranker} if reranker else {})}


def earlier(store: Store) -> Measured | None:
    """The evaluation that a store has, and whether it was measured on its data."""
    content, made_of = store.evaluation(), store.manifest
    try:
        found = None if content is None else Evaluation.from_json(content)
    except EvaluationError as error:
        logger.warning(f"{store.name}/evaluation.json is left out: {error}")
        return None
    return provenance.compare(found, made_of.dataset, made_of.rows, made_of.checksums)


@dataclass(frozen=True)
class _PassageText:
    """What the encoders read of a product."""

    max_seq_length: int
    bullets: int


def _held_out_by_all(settings: EvaluateSettings, models: Mapping[str, Weights], text: _PassageText) -> Judged:
    """The data, with only those held-out queries that no model has learned from."""
    splits = [split for name, weights in models.items() for split in of_model(weights.folder, name)]
    judged = open_chosen(settings, bullets=text.bullets > 0, splits=splits)
    judged, said = without_learned(judged, splits)
    if said:
        logger.warning(said)
    return judged


def _as_trained(settings: EvaluateSettings, models: Mapping[str, Weights]) -> tuple[EvaluateSettings, _PassageText]:
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

    text = _PassageText(one("max_seq_length", int, MAX_SEQ_LENGTH), one("bullets", int, BULLETS))
    logger.info(f"text of a product: {template(text.bullets)}, {text.max_seq_length} tokens")
    return replace(settings, labels=one("labels", str, "")), text
