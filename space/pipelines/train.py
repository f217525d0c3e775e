"""The training run: evaluate the base model, fine-tune it, evaluate again, save and push."""

import logging
import shlex
from contextlib import nullcontext
from dataclasses import fields, replace
from pathlib import Path

from space.data.judgments import Judged
from space.data.passages import passages
from space.data.split import SPLIT, Split, of_model
from space.encoding.description import BASE, TUNED
from space.encoding.encoder import TextEncoder
from space.encoding.reranker import is_cross_encoder
from space.encoding.weights import Weights, is_model, locate
from space.errors import HubError, UserError
from space.evaluation.schema import Evaluation
from space.hub import cards, permission, publish
from space.io import folders, memory
from space.io.events import copy_scalars
from space.io.files import require_writable
from space.pipelines import contents, examples
from space.pipelines.build import build
from space.pipelines.evaluation import RunEvaluation
from space.settings import BuildSettings, DataSettings, TrainSettings
from space.store.reader import EVALUATION
from space.training import checkpoints, early_stopping, trainer
from space.training.checkpoints import RESUME
from space.training.early_stopping import DevSet
from space.training.processes import join_processes, use_all_cores

logger = logging.getLogger(__name__)


def run(settings: TrainSettings, weights: Weights, judged: Judged) -> None:
    """Do what train.py was asked for.

    Under several processes all of them train; the main one does the rest while the others wait.

    Args:
        settings: of the run.
        weights: the base model.
        judged: judgments and catalogue.

    Raises:
        UserError: the data, the weights or the Hub do not give what the settings need.
    """
    # Before the trainer, whose own timeout would be too short for the processes that wait for an evaluation or a push.
    state = join_processes()
    use_all_cores(state)
    main = state.is_main_process
    for repo, kind in ((settings.push_to_hub, "model"), (settings.push_embeddings, "dataset")):
        if main and repo:
            permission.ask_first(repo, kind, private=settings.private)
    with folders.sole_writer(settings.output_dir) if main else nullcontext():
        texts = passages(judged.catalogue, settings.bullets)
        learned, dev = _set_apart(judged, texts, settings)
        learn_from, exact = examples.make(learned, texts, settings)
        encoder = TextEncoder(weights, max_seq_length=settings.max_seq_length, training=True)
        cure = f"{weights.name} has {encoder.dim} dimensions; name smaller numbers"
        settings.require(all(dim < encoder.dim for dim in settings.matryoshka), "matryoshka", cure)
        if main:
            folders.undo_half_replacement(settings.output_dir)
            _check_folders(settings)
            evaluation = RunEvaluation(judged, texts, settings)
            logger.info(f"{len(learn_from):,} training examples for the {settings.loss} loss")
            index = evaluation.before(encoder)
            if settings.mined_negatives:
                learn_from = examples.mine(learn_from, exact, learned, texts, encoder, index, settings)
            del index  # training needs its memory
        learn_from = examples.share(learn_from, settings, state)
        log = trainer.fine_tune(encoder, learn_from, exact, settings, dev)
        memory.trim()  # what activations and optimizer took
        if main:
            split = Split.of(judged, of_model(weights.folder, weights.name))
            _save(encoder, evaluation.after(encoder, log), split, settings)
            if not settings.keep_checkpoints:
                checkpoints.discard(settings.checkpoints_dir / log.run)
            _push_model(settings)
        state.wait_for_everyone()
    if settings.push_embeddings:
        _push_embeddings(settings, weights, judged)


def _set_apart(judged: Judged, texts: list[str], settings: TrainSettings) -> tuple[Judged, DevSet | None]:
    """Judgments to learn from, and the dev queries of ``--dev-share``."""
    if not settings.dev_share:
        return judged, None
    train, dev = early_stopping.split(judged.train, settings.dev_share, settings.seed)
    return replace(judged, train=train), DevSet(dev, judged.catalogue, texts, settings.seed, judged.scale)


def _check_folders(settings: TrainSettings) -> None:
    """Refuse folders that the run could not write to at its end, or should not replace.

    Raises:
        UserError: one cannot be written, or --output-dir holds something else than a model.
    """
    output = settings.output_dir
    files = {path.name for path in output.iterdir() if path.name[0] != "."} if output.is_dir() else set()
    if files - folders.NOT_CONTENT and not is_model(output):
        raise UserError(f"--output-dir {output}: it holds files and no model, and all would go: name a new folder")
    if (output / "config.json").is_file() and is_cross_encoder(output):
        raise UserError(f"--output-dir {output}: it holds a reranker, which would go: name a new folder")
    for folder in (output if output.exists() else output.parent, settings.checkpoints_dir, settings.logging_dir):
        require_writable(folder)


def _save(encoder: TextEncoder, evaluation: Evaluation, split: Split, settings: TrainSettings) -> None:
    """Write the finished model with its figures, whole or not at all."""
    with folders.replaced(settings.output_dir, RESUME) as folder:
        encoder.save(folder)
        (folder / "README.md").write_text(cards.model_card(evaluation, settings.push_to_hub), encoding="utf-8")
        (folder / EVALUATION).write_text(evaluation.to_json(), encoding="utf-8")
        (folder / SPLIT).write_text(split.to_json(), encoding="utf-8")
        cards.loss_curve(evaluation.training.history, folder / "images" / "train_loss.png")
        run_name = evaluation.training.run
        _copy_events(settings.logging_dir / run_name, folder / "runs" / run_name)
    logger.info(
        f"model, card, evaluation.json and images/train_loss.png are in {settings.output_dir}; "
        f"TensorBoard: tensorboard --logdir {settings.logging_dir}"
    )


def _copy_events(events: Path, target: Path) -> None:
    """Copy TensorBoard events; their names hold this machine's name, which the copies leave out."""
    target.mkdir(parents=True)
    for number, path in enumerate(sorted(events.glob("events.out.tfevents.*"))):
        seconds = path.name.split(".")[3]
        copy_scalars(path, target / f"events.out.tfevents.{seconds}.{number}")


def _push_model(settings: TrainSettings) -> None:
    if not settings.push_to_hub:
        return
    try:
        publish.push_model(settings.output_dir, settings.push_to_hub, private=settings.private)
    except HubError as error:
        if not settings.push_embeddings:
            raise
        # The error says how to push the model by hand. The store comes after it, since its card names the model.
        build = ["python", "build_embeddings.py", "--dataset", settings.dataset]
        build += ["--locales", *settings.locales] if settings.locales else []
        build += ["--base-model", settings.base_model, "--model", str(settings.output_dir)]
        build += ["--labels", settings.labels] if settings.labels else []
        build += ["--columns", settings.columns] if settings.columns else []
        build += ["--encoding", settings.encoding] if settings.encoding else []
        build += ["--max-seq-length", str(settings.max_seq_length), "--bullets", str(settings.bullets)]
        build += ["--push-to-hub", settings.push_embeddings, *(["--private"] if settings.private else [])]
        raise HubError(f"{error}; then embed and push the catalogue: {shlex.join(build)}") from error


def _push_embeddings(settings: TrainSettings, base: Weights, judged: Judged) -> None:
    """Do what build_embeddings.py does, with the same processes."""
    build_settings = BuildSettings(
        **{item.name: getattr(settings, item.name) for item in fields(DataSettings)},
        model=[str(settings.output_dir)],
        push_to_hub=settings.push_embeddings,
    )
    build(build_settings, {BASE: base, TUNED: locate(str(settings.output_dir))}, contents.contents_of(judged))
