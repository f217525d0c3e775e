"""One experiment: judgments and a base encoder in, a fine-tuned model with honest figures out.

Evaluates before and after on the same held-out queries; leaves the training itself to ``training``.
"""

import logging
import shlex
import shutil
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from accelerate import PartialState
from datasets import Dataset
from tqdm import tqdm

from space.data.catalogue import passages
from space.data.judgments import GAINS, Judged
from space.encoding.description import EncoderDescription
from space.encoding.encoder import TextEncoder
from space.encoding.weights import Weights, locate
from space.errors import HubError
from space.evaluation import bm25_tuning, findings, forgetting, metrics, protocols
from space.evaluation.schema import (
    HEADLINE_COLUMN,
    DatasetInfo,
    Evaluation,
    PairedDifference,
    TrainingLog,
)
from space.hub import cards, publish, push
from space.index.bm25 import Bm25Index
from space.index.torch_index import TorchIndex
from space.io import files
from space.io.files import atomically, sole_writer
from space.pipelines import inputs
from space.pipelines.build import build
from space.retrieval.baselines import Bm25System, RandomSystem
from space.retrieval.dense import DenseSystem
from space.retrieval.hybrid import HybridSystem
from space.retrieval.system import System
from space.settings import BuildSettings, DataSettings, TrainSettings
from space.training import early_stopping, hard_negatives, title_queries, trainer
from space.training.examples import exact_texts, judged_texts, training_examples
from space.training.processes import join_processes, use_all_cores

logger = logging.getLogger(__name__)


def run(settings: TrainSettings, weights: Weights, judged: Judged) -> None:
    """Evaluate, train, evaluate, save, push.

    Under several processes all train; the main one does the rest while the others wait.

    Raises:
        UserError: data, weights or the Hub do not give what the settings need.
    """
    # Here and not at the trainer, which finds the process group made: the others wait while one evaluates or pushes.
    state = join_processes()
    if state.is_main_process:
        for repo in filter(None, (settings.push_to_hub, settings.push_embeddings)):
            push.forewarn(repo)
    with sole_writer(settings.output_dir) if state.is_main_process else nullcontext():
        _train(settings, weights, judged, state)
    if settings.push_embeddings:
        _build(settings, weights, judged)


def _train(settings: TrainSettings, weights: Weights, judged: Judged, state: PartialState) -> None:
    use_all_cores(state)
    texts = passages(judged.catalogue, settings.bullets)
    learned, dev = judged, None
    if settings.dev_share:
        train, apart = early_stopping.split(judged.train, settings.dev_share, settings.seed)
        learned, dev = (
            replace(judged, train=train),
            early_stopping.DevSet(apart, judged.catalogue, texts, settings.seed),
        )
    examples, exact = learn_from(learned, texts, settings)
    encoder = TextEncoder(weights, max_seq_length=settings.max_seq_length, training=True)
    base = encoder.describe()
    if state.is_main_process:
        bench = _Bench(judged, texts, settings)
        files.undo_half_replacement(settings.output_dir)
        logger.info("%s\n%s training examples for the %s loss", bench.describe(), f"{len(examples):,}", settings.loss)
        index = bench.before_training(encoder)
        if settings.mined_negatives:
            examples = mine(examples, exact, learned, texts, encoder, index, settings)
        del index  # of a large catalogue it is what training needs
    examples = _shared(examples, settings, state)
    log = trainer.fine_tune(encoder, examples, exact, settings, dev)
    if state.is_main_process:
        tuned = bench.dense("tuned", encoder)
        bench.run(tuned)
        bench.run(HybridSystem(tuned, bench.bm25))
        bench.read_everyday("tuned", encoder)
        described = replace(
            encoder.describe(refresh=True),
            id=settings.push_to_hub or str(settings.output_dir),
            revision=None,
            reason="",
        )
        evaluation = bench.evaluation(base, described, log)
        said = "\n".join([evaluation.verdict, *findings.everything(evaluation)])
        logger.info("\nAfter training\n\n%s\n%s\n", protocols.to_markdown(evaluation.protocols), said)
        _save(encoder, evaluation, log, settings)
        _push(settings)
    state.wait_for_everyone()


def learn_from(
    judged: Judged, texts: Sequence[str], settings: TrainSettings
) -> tuple[Dataset, dict[str, frozenset[str]]]:
    """Training examples, and {query: texts that are never its negative}.

    Args:
        judged: judgments to learn from and the catalogue.
        texts: the passage of every product, by row.
        settings: the run.
    """
    examples = training_examples(
        judged.train,
        texts,
        settings.loss,
        negatives=settings.negatives,
        seed=settings.seed,
        graded=settings.graded_margins,
    )
    exact = exact_texts(judged.train, texts)
    count = settings.title_queries
    if count < 0:
        count = 0 if settings.loss == "cosent" else min(len(examples), title_queries.MOST)
    if count:
        return title_queries.add(examples, exact, judged.catalogue, texts, count, settings.seed)
    return examples, exact


def mine(
    examples: Dataset,
    exact: Mapping[str, frozenset[str]],
    judged: Judged,
    texts: Sequence[str],
    encoder: TextEncoder,
    index: TorchIndex,
    settings: TrainSettings,
) -> Dataset:
    """The examples with hard negatives in place of those drawn at random, for ``--mined-negatives``.

    Args:
        examples: of ``learn_from``.
        exact: likewise, with what each query made of titles was made of.
        judged: judgments to learn from and the catalogue.
        texts: the passage of every product, by row.
        encoder: of the base model.
        index: of the texts, by it.
        settings: the run.
    """
    locales = np.asarray(judged.catalogue["product_locale"].to_pylist())
    labelled, nothing = judged_texts(judged.train, texts), frozenset()
    known = {query: labelled.get(query, nothing) | exact.get(query, nothing) for query in {**labelled, **exact}}
    return hard_negatives.harden(examples, known, encoder, index, texts, locales, settings.seed)


def _shared(examples: Dataset, settings: TrainSettings, state: PartialState) -> Dataset:
    """What the main process has mined, for all: the others hold no index to mine with."""
    if not settings.mined_negatives or state.num_processes == 1:
        state.wait_for_everyone()
        return examples
    path = settings.checkpoints_dir / "mined.parquet"
    if state.is_main_process:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomically(path) as unfinished:
            examples.to_parquet(str(unfinished))
    state.wait_for_everyone()
    return Dataset.from_parquet(str(path))


class _Bench:
    """The systems' figures on the held-out queries, as they come in."""

    def __init__(self, judged: Judged, texts: list[str], settings: TrainSettings) -> None:
        self.judged, self.texts, self.settings = judged, texts, settings
        self.test = protocols.held_out(judged.test, settings.eval_queries, settings.seed)
        self.bm25_parameters = bm25_tuning.choose(judged.train, texts, judged.catalogue, settings.seed)
        self.bm25 = Bm25System(Bm25Index(texts, k1=self.bm25_parameters.k1, b=self.bm25_parameters.b))
        self.results: dict[str, pd.DataFrame] = {}
        self.everyday: dict[str, torch.Tensor] = {}

    def dense(self, name: str, encoder: TextEncoder) -> DenseSystem:
        with tqdm(total=len(self.texts), desc=f"embed {name}", unit=" products", dynamic_ncols=True) as bar:
            return DenseSystem(name, encoder, TorchIndex(encoder.encode_passages(self.texts, bar.update)))

    def run(self, system: System) -> None:
        self.results[system.name] = protocols.per_query(system, self.test, self.judged.catalogue)

    def before_training(self, encoder: TextEncoder) -> TorchIndex:
        """Evaluate what there is to beat; returns the index of the base model's vectors."""
        base = self.dense("base", encoder)
        for system in (RandomSystem(len(self.texts), self.settings.seed), self.bm25, base):
            self.run(system)
        self.read_everyday("base", encoder)
        logger.info("\nBefore training\n\n%s", protocols.to_markdown(protocols.summarize(self.results)))
        return base.index

    def read_everyday(self, name: str, encoder: TextEncoder) -> None:
        self.everyday[name] = encoder.encode_queries(forgetting.sentences())

    def describe(self) -> str:
        notice = f"\n{self.judged.notice}" if self.judged.notice else ""
        return (
            f"data: {self.judged.name}, {len(self.texts):,} products, {len(self.judged.train):,} judgments to learn "
            f"from, {_queries(self.test):,} of {_queries(self.judged.test):,} held-out queries{notice}"
        )

    def evaluation(self, base: EncoderDescription, tuned: EncoderDescription, log: TrainingLog) -> Evaluation:
        """Everything that was measured."""
        measured = Evaluation(
            dataset=DatasetInfo(
                name=self.judged.name,
                notice=self.judged.notice,
                locales=sorted(self.judged.catalogue["product_locale"].unique().to_pylist()),
                products=len(self.texts),
                train_judgments=len(self.judged.train),
                queries=_queries(self.judged.test),
                queries_evaluated=_queries(self.test),
                judgments_evaluated=len(self.test),
            ),
            gains=GAINS,
            encoders={"base": base, "tuned": tuned},
            drift=forgetting.measure(**self.everyday),
            bm25=replace(self.bm25_parameters, test=self._lexical_gain()),
            settings=self.settings.to_json(),
            training=log,
            protocols=protocols.summarize(self.results),
            per_query=protocols.by_query(self.results, protocols.label_counts(self.test)),
        )
        return replace(measured, verdict=findings.verdict(measured))

    def _lexical_gain(self) -> PairedDifference | None:
        """What the chosen k1 and b give on the held-out queries over the usual ones."""
        if self.bm25_parameters.usual:
            return None
        usual = protocols.per_query(Bm25System(Bm25Index(self.texts)), self.test, self.judged.catalogue)
        return metrics.paired((self.results["bm25"] - usual)[HEADLINE_COLUMN])


def _queries(judgments: pd.DataFrame) -> int:
    return len(judgments[["product_locale", "query"]].drop_duplicates())


def _save(encoder: TextEncoder, evaluation: Evaluation, log: TrainingLog, settings: TrainSettings) -> None:
    with files.replaced(settings.output_dir) as folder:
        encoder.model.save_pretrained(str(folder), create_model_card=False)
        (folder / "README.md").write_text(cards.model_card(evaluation, settings.push_to_hub), encoding="utf-8")
        (folder / "evaluation.json").write_text(evaluation.to_json(), encoding="utf-8")
        cards.loss_curve(log.history, folder / "images" / "train_loss.png")
        _copy_events(settings.logging_dir / log.run, folder / "runs" / log.run)
    logger.info(
        f"model, card, evaluation.json and images/train_loss.png are in {settings.output_dir}; "
        f"TensorBoard: tensorboard --logdir {settings.logging_dir}"
    )


def _copy_events(events: Path, target: Path) -> None:
    """Copy TensorBoard events without this machine's name, which the trainer puts into the names of its files."""
    target.mkdir(parents=True)
    for number, path in enumerate(sorted(events.glob("events.out.tfevents.*"))):
        time = path.name.split(".")[3]
        shutil.copyfile(path, target / f"events.out.tfevents.{time}.{number}")


def _push(settings: TrainSettings) -> None:
    if not settings.push_to_hub:
        return
    try:
        publish.push_model(settings.output_dir, settings.push_to_hub, private=settings.private)
    except HubError as error:
        if not settings.push_embeddings:
            raise
        # By hand the second half is another command; the model comes first, so that the store can name it.
        build = ["python", "build_embeddings.py", "--dataset", settings.dataset, "--locales", *settings.locales]
        build += ["--base-model", settings.base_model, "--model", str(settings.output_dir)]
        build += ["--max-seq-length", str(settings.max_seq_length), "--bullets", str(settings.bullets)]
        build += ["--push-to-hub", settings.push_embeddings, *(["--private"] if settings.private else [])]
        raise HubError(f"{error}; then embed and push the catalogue: {shlex.join(build)}") from error


def _build(settings: TrainSettings, base: Weights, judged: Judged) -> None:
    """``--push-embeddings``: what build_embeddings.py does, over the same processes."""
    build_settings = BuildSettings(
        **{item.name: getattr(settings, item.name) for item in fields(DataSettings)},
        model=str(settings.output_dir),
        push_to_hub=settings.push_embeddings,
    )
    build(build_settings, base, locate(str(settings.output_dir)), inputs.contents_of(judged))
