"""The cards of a model and of a store as Markdown, and the loss curve."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub.repocard_data import CardData
from matplotlib.figure import Figure

from space.encoding.description import EncoderDescription
from space.evaluation import findings
from space.evaluation.protocols import PROTOCOLS, to_markdown
from space.evaluation.schema import HEADLINE, METRICS, Evaluation, TrainingLog
from space.settings.names import DEFAULT_DATASET, SAMPLE
from space.store.writer import Plan

LANGUAGES = {"us": "en", "es": "es", "jp": "ja"}
#: By repository, or all of an owner's; nothing is claimed of others.
_MODEL_LICENCES = {"intfloat/": "mit", "sentence-transformers/all-MiniLM-L6-v2": "apache-2.0"}
_TASKS = {"judged": "text-ranking", "full_catalogue": "information-retrieval"}
_DATA_LICENCES = {DEFAULT_DATASET: "apache-2.0", SAMPLE: "apache-2.0"}


def loss_curve(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """The training loss by step as a PNG.

    Args:
        history: the trainer's log, entries with "step" and "loss" count.
        path: where to.
    """
    points = [(entry["step"], entry["loss"]) for entry in history if "loss" in entry]
    figure = Figure(figsize=(7, 3.5), layout="constrained")  # not pyplot's, which would look for a screen
    axes = figure.subplots()
    axes.plot([step for step, _ in points], [loss for _, loss in points], color="#3b5bdb", marker=".")
    axes.set(xlabel="step", ylabel="training loss", title="Training loss")
    axes.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    # No date inside: the same run should give the same bytes.
    figure.savefig(path, dpi=110, metadata={"Software": None})


def model_card(evaluation: Evaluation, repo: str | None) -> str:
    """README.md of a trained model.

    Args:
        evaluation: what training measured, complete.
        repo: USER/MODEL if it goes to the Hub.
    """
    settings, training, data = evaluation.settings, evaluation.training, evaluation.dataset
    base = evaluation.encoders["base"]
    short = base.id.rpartition("/")[2]
    front = {
        "language": sorted({LANGUAGES.get(locale, locale) for locale in data.locales}),
        "license": _licence(base.id, _MODEL_LICENCES),
        "library_name": "sentence-transformers",
        "pipeline_tag": "sentence-similarity",
        "tags": ["sentence-transformers", "feature-extraction", "product-search", "esci", "e5"],
        "base_model": base.id if _on_hub(base.id) else None,
        "datasets": [_repository(settings["dataset"])] if _on_hub(settings["dataset"]) else None,
        "model-index": [{"name": f"{short} for product search", "results": _results(evaluation)}],
    }
    rows = "\n".join(f"| {name} | {value} |" for name, value in settings.items() if value is not None)
    name = repo or "saved_e5_model"
    return _with_front_matter(
        front,
        f"""# {short} fine-tuned for product search

{evaluation.verdict}

{_notice(data.notice)}Judgments: `{data.name}`, {data.train_judgments:,} to learn from; evaluated on
{data.queries_evaluated} of {data.queries} held-out queries over {data.products:,} products.

## Results

Gains: Exact 1, Substitute .1, Complement .01, Irrelevant 0. Each cell: mean [95 % bootstrap interval]; differences are
paired, with queries won/lost/tied.

{to_markdown(evaluation.protocols)}
{_listed(findings.everything(evaluation))}## Use

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("{name}")
queries = model.encode_query(["red running shoes"])
passages = model.encode_document(["Trail runner for women Northpeak red"])
print(model.similarity(queries, passages))
```

The prompts {base.prompts} are saved with the model; `encode_query` and `encode_document` add them.

## Training

{training.examples:,} examples, {training.steps} steps{_speed(training)} on
{training.device} in {training.precision}, {training.peak_memory_gb:.1f} GB at most.{_kept(training)}
The TensorBoard events are in `runs/`, the figures of every query in `evaluation.json`.

![training loss](images/train_loss.png)

| setting | value |
| --- | --- |
{rows}
""",
    )


def _speed(training: TrainingLog) -> str:
    speed = training.examples_per_second
    return f", {speed:.1f} examples/s" if speed else ""  # a run resumed at its end did none


def _results(evaluation: Evaluation) -> list[dict[str, Any]]:
    """The fine-tuned model's figures as the Hub reads them; one entry a protocol, since they do not compare."""
    settings, data = evaluation.settings, evaluation.dataset
    on_hub = _on_hub(settings["dataset"])
    results = []
    for protocol, table in evaluation.protocols.items():
        figures = {name: table.systems["tuned"][name] for name in METRICS[protocol]}
        results.append(
            {
                "task": {"type": _TASKS[protocol], "name": f"Product search, {protocol.replace('_', ' ')}"},
                "dataset": {
                    "type": _repository(settings["dataset"]) if on_hub else "made-up" if data.notice else "local",
                    "name": f"{settings['dataset']} ({', '.join(data.locales)})",
                    "split": "test",
                    "args": {"protocol": PROTOCOLS[protocol], "gains": dict(evaluation.gains)},
                },
                "metrics": [
                    {
                        "type": name.replace("@", "_at_").replace("exact", "accuracy"),
                        "name": f"{name} ({protocol.replace('_', ' ')})",
                        "value": figure.mean,
                        "args": {"low": figure.low, "high": figure.high, "queries": figure.n},
                    }
                    for name, figure in figures.items()
                    if figure.mean is not None
                ],
            }
        )
    headline = HEADLINE[0].replace("_", " ")
    return sorted(results, key=lambda result: not result["task"]["name"].endswith(headline))


def store_card(
    plan: Plan,
    encoders: Mapping[str, EncoderDescription],
    judgments: bool,
    evaluation: Evaluation | None,
    repo: str | None = None,
) -> str:
    """README.md of a store, as a Hub data set with one config a part.

    Args:
        plan: rows, text and data of the store.
        encoders: {"base" and "tuned": what ``TextEncoder.describe`` says}.
        judgments: whether the store holds the held-out judgments.
        evaluation: what training measured, or None.
        repo: USER/DATASET if it goes to the Hub.
    """
    parts = ["products", *encoders]
    configs: list[dict[str, Any]] = [{"config_name": part, "data_files": f"{part}/*.parquet"} for part in parts]
    if judgments:
        configs.append(
            {"config_name": "judgments", "data_files": [{"split": "test", "path": "judgments/test.parquet"}]}
        )
    front = {
        "license": _licence(plan.dataset, _DATA_LICENCES),
        "pretty_name": "Product embeddings before and after fine-tuning",
        "task_categories": ["sentence-similarity"],
        "tags": ["esci", "product-search", "embeddings"],
        "size_categories": [_size(plan.rows)],
        "configs": configs,
    }
    rows = "\n".join(
        f"| {part} | {encoder.id} | {encoder.revision or '–'} | {encoder.dim} | "
        f"{encoder.max_seq_length} | `{encoder.fingerprint[:12]}` |"
        for part, encoder in encoders.items()
    )
    measured = f"\n## Results\n\n{results(evaluation)}" if evaluation else ""
    return _with_front_matter(
        front,
        f"""# Product embeddings before and after fine-tuning

{_notice(plan.notice)}{plan.rows:,} products of `{plan.dataset}`, embedded by two encoders;
rows of `products`, `base` and `tuned` line up. Vectors are float16 of unit norm. Text of a product: `{plan.template}`.

| part | encoder | revision | dimension | tokens | fingerprint |
| --- | --- | --- | --- | --- | --- |
{rows}

```python
from datasets import load_dataset

products = load_dataset("{repo or "artifacts"}", "products", split="train")
tuned = load_dataset("{repo or "artifacts"}", "tuned", split="train")
```

`manifest.json` has the sha256 of every file and the whole fingerprints; the app refuses a model that did not make
these vectors.
{measured}""",
    )


def results(evaluation: Evaluation) -> str:
    """The verdict and the tables."""
    return f"{evaluation.verdict}\n\n{to_markdown(evaluation.protocols)}"


def _listed(sentences: Sequence[str]) -> str:
    return "".join(f"- {sentence}\n" for sentence in sentences) + "\n" if sentences else ""


def _with_front_matter(front: Mapping[str, Any], text: str) -> str:
    fields = {name: value for name, value in front.items() if value}
    return f"---\n{CardData(**fields).to_yaml()}\n---\n\n{text}"


def _repository(name: str) -> str:
    return name.partition("@")[0]


def _on_hub(name: str) -> bool:
    """Whether a name can be a repository: USER/NAME, and no folder of that name."""
    return name.count("/") == 1 and not name.startswith((".", "/", "~")) and not Path(name).exists()


def _size(rows: int) -> str:
    """The Hub's word for a number of rows."""
    steps = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
    return next((word for limit, word in steps if rows < limit), "1M<n<10M")


def _licence(name: str, known: Mapping[str, str]) -> str | None:
    repo, owner = name.partition("@")[0], name.partition("/")[0]
    return known.get(repo, known.get(f"{owner}/"))


def _notice(notice: str) -> str:
    return f"> {notice}\n\n" if notice else ""


def _kept(training: TrainingLog) -> str:
    """Which weights these are, after early stopping."""
    step = training.best_step
    if step is None:
        return ""
    return f" The weights are those of step {step}, the best on train queries set apart."
