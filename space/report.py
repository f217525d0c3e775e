"""Figures to Markdown: the cards of a model and of a store, and the loss curve. Measures nothing itself."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # no screen where training runs
import matplotlib.pyplot as plt
from huggingface_hub.repocard_data import CardData

from space.evaluation import to_markdown
from space.store import Plan

LANGUAGES = {"us": "en", "es": "es", "jp": "ja"}
#: By what the id of the base or the data set holds; nothing is claimed of others.
_MODEL_LICENCES = {"intfloat/": "mit", "all-MiniLM-L6-v2": "apache-2.0"}
_DATA_LICENCES = {"esci": "apache-2.0", "sample": "apache-2.0"}


def loss_curve(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """The training loss by step as a PNG.

    Args:
        history: the trainer's log, entries with "step" and "loss" count.
        path: where to.
    """
    points = [(entry["step"], entry["loss"]) for entry in history if "loss" in entry]
    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
    axes.plot([step for step, _ in points], [loss for _, loss in points], color="#3b5bdb", marker=".")
    axes.set(xlabel="step", ylabel="training loss", title="Training loss")
    axes.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    # No date inside: the same run should give the same bytes.
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def model_card(evaluation: Mapping[str, Any], repo: str | None) -> str:
    """README.md of a trained model.

    Args:
        evaluation: content of evaluation.json.
        repo: USER/MODEL if it goes to the Hub.
    """
    settings, training, data = evaluation["settings"], evaluation["training"], evaluation["dataset"]
    base = evaluation["encoders"]["base"]
    front = {
        "language": sorted({LANGUAGES.get(locale, locale) for locale in settings["locales"]}),
        "license": _licence(base["id"], _MODEL_LICENCES),
        "library_name": "sentence-transformers",
        "pipeline_tag": "sentence-similarity",
        "tags": ["sentence-transformers", "feature-extraction", "product-search", "esci", "e5"],
        "base_model": base["id"] if "/" in base["id"] and not Path(base["id"]).exists() else None,
        "datasets": [settings["dataset"]] if settings["dataset"].count("/") == 1 else None,
    }
    rows = "\n".join(f"| {name} | {value} |" for name, value in settings.items() if value is not None)
    name = repo or "saved_e5_model"
    return _with_front_matter(
        front,
        f"""# {name.rpartition("/")[2]}: {base["id"]} fine-tuned for product search

{evaluation["verdict"]}

{_notice(data["notice"])}Judgments: `{settings["dataset"]}`, {data["train_judgments"]:,} to learn from; evaluated on
{data["queries_evaluated"]} of {data["queries"]} held-out queries over {data["products"]:,} products.

## Results

Gains: Exact 1, Substitute .1, Complement .01, Irrelevant 0. Each cell: mean [95 % bootstrap interval]; differences are
paired, with queries won/lost/tied.

{to_markdown(evaluation)}
## Use

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("{name}")
queries = model.encode_query(["red running shoes"])
passages = model.encode_document(["Trail runner for women Northpeak red"])
print(model.similarity(queries, passages))
```

The prompts {base["prompts"]} are saved with the model; `encode_query` and `encode_document` add them.

## Training

{training["examples"]:,} examples, {training["steps"]} steps, {training["examples_per_second"]:.1f} examples/s on
{training["device"]}.

![training loss](images/train_loss.png)

| setting | value |
| --- | --- |
{rows}
""",
    )


def store_card(
    plan: Plan, encoders: Mapping[str, Mapping[str, Any]], judgments: bool, evaluation: Mapping[str, Any] | None
) -> str:
    """README.md of a store, as a Hub data set with one config a part.

    Args:
        plan: rows, text and data of the store.
        encoders: {"base" and "tuned": what ``TextEncoder.describe`` says}.
        judgments: whether the store holds the held-out judgments.
        evaluation: what training measured, or None.
    """
    parts = ["products", *encoders]
    configs: list[dict[str, Any]] = [{"config_name": part, "data_files": f"{part}/*.parquet"} for part in parts]
    if judgments:
        configs.append(
            {"config_name": "judgments", "data_files": [{"split": "test", "path": "judgments/test.parquet"}]}
        )
    front = {
        "license": _licence(plan.dataset, _DATA_LICENCES),
        "tags": ["esci", "product-search", "embeddings"],
        "configs": configs,
    }
    rows = "\n".join(
        f"| {part} | {encoder['id']} | {encoder['revision'] or '–'} | {encoder['dim']} | "
        f"{encoder['max_seq_length']} | `{encoder['fingerprint'][:12]}` |"
        for part, encoder in encoders.items()
    )
    results = f"\n## Results\n\n{evaluation['verdict']}\n\n{to_markdown(evaluation)}" if evaluation else ""
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

products = load_dataset("USER/DATASET", "products", split="train")
tuned = load_dataset("USER/DATASET", "tuned", split="train")
```
{results}""",
    )


def _with_front_matter(front: Mapping[str, Any], text: str) -> str:
    fields = {name: value for name, value in front.items() if value}
    return f"---\n{CardData(**fields).to_yaml()}\n---\n\n{text}"


def _licence(name: str, known: Mapping[str, str]) -> str | None:
    return next((licence for part, licence in known.items() if part in name), None)


def _notice(notice: str) -> str:
    return f"> {notice}\n\n" if notice else ""
