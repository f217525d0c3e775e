"""The cards (README.md) of a model and of a store, and the picture of the training loss."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from huggingface_hub import CardData, DatasetCardData, EvalResult, ModelCardData
from matplotlib.figure import Figure

from space.data.catalogue import NO_LOCALE, language
from space.data.passages import template
from space.data.scale import quoted
from space.encoding import lineup
from space.encoding.description import BASE, TUNED, EncoderDescription
from space.encoding.weights import PACKAGED_NAME, Weights, on_hub
from space.evaluation import findings, latency
from space.evaluation.protocols import PROTOCOLS, SHOWN, to_markdown
from space.evaluation.provenance import Measured
from space.evaluation.schema import Evaluation, TrainingLog
from space.evaluation.tables import HEADLINE, METRICS
from space.hub.markdown import code, one_line, plain
from space.settings.names import DEFAULT_DATASET, SAMPLE, hub_id, public_name
from space.store.writer import Plan

#: Licences by repository or by owner. No licence is claimed for other models and data.
_MODEL_LICENCES = {"intfloat/": "mit", PACKAGED_NAME: "mit"}
_DATA_LICENCES = {DEFAULT_DATASET: "apache-2.0", SAMPLE: "apache-2.0"}
#: The Hub's name of the task of each protocol.
_TASKS = {"full_catalogue": "information-retrieval", "judged": "text-ranking"}
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def loss_curve(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw the training loss by step into a PNG.

    Args:
        history: the trainer's log; entries with a "loss" are drawn at their "step".
        path: the file; its folder is made.
    """
    points = [(entry["step"], entry["loss"]) for entry in history if "loss" in entry]
    figure = Figure(figsize=(7, 3.5), layout="constrained")  # a figure of pyplot needs a screen
    axes = figure.subplots()
    axes.plot([step for step, _ in points], [loss for _, loss in points], color="#3b5bdb", marker=".")
    axes.set(xlabel="step", ylabel="training loss", title="Training loss")
    axes.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without the version of matplotlib, so that the same run gives the same bytes.
    figure.savefig(path, dpi=110, metadata={"Software": None})


def model_card(evaluation: Evaluation, repo: str | None) -> str:
    """README.md of a fine-tuned model.

    Args:
        evaluation: what training measured, every part of it.
        repo: USER/MODEL if it goes to the Hub.
    """
    base, data, training = evaluation.encoders["base"], evaluation.dataset, evaluation.training
    short = (on_hub(base.id) or base.id).rpartition("/")[2]
    dataset = hub_id(str(evaluation.settings["dataset"]))
    front = ModelCardData(
        language=sorted(filter(None, {language(locale) for locale in data.locales})) or None,
        license=_licence(base.id, _MODEL_LICENCES),
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=["sentence-transformers", "feature-extraction", "product-search", "esci", "e5"],
        base_model=on_hub(base.id),
        datasets=[dataset] if dataset else None,
        model_name=f"{one_line(short)} for product search",
        eval_results=list(_eval_results(evaluation)) or None,
    )
    worth = ", ".join(f"{quoted(plain(label), evaluation.gains)} {gain:g}" for label, gain in evaluation.gains.items())
    relevant = ", ".join(map(plain, sorted(evaluation.label_scale.relevant)))
    return _card(
        front,
        f"# {plain(short)} fine-tuned for product search",
        plain(evaluation.verdict),
        _quoted(data.notice),
        f"Fine-tuned from {code(base.pinned)} on {data.train_judgments:,} judgments of {code(data.name)}. Evaluated "
        f"on {data.queries_evaluated:,} of {data.queries:,} held-out queries, over {data.products:,} products.",
        "## Results",
        f"What a label is worth: {worth}.\n"
        f"Recall, MRR and hit@1 count as relevant: {relevant}. Each "
        "cell is a mean with its 95 % bootstrap interval. Rows with a minus sign are paired differences; behind the "
        "interval stand the queries won/lost/tied.",
        to_markdown(evaluation.protocols),
        "\n".join(f"- {plain(sentence)}" for sentence in findings.everything(evaluation)),
        "## Use",
        f"""```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("{repo or "saved_e5_model"}")
queries = model.encode_query(["red running shoes"])
passages = model.encode_document(["Trail runner for women Northpeak red"])
print(model.similarity(queries, passages))
```""",
        _prompts(base.prompts),
        _text(evaluation),
        "## Training",
        _training(training),
        "`runs/` has the TensorBoard events, `evaluation.json` the figures of every query, `split.json` the queries "
        "that were held out.",
        "![training loss](images/train_loss.png)",
        _settings(evaluation.settings),
    )


def reranker_card(evaluation: Evaluation, base: Weights, repo: str | None) -> str:
    """README.md of a reranker.

    Args:
        evaluation: what its training measured.
        base: the model that it was trained on.
        repo: USER/MODEL if it goes to the Hub.
    """
    data, reranker = evaluation.dataset, evaluation.reranker
    first = evaluation.encoders[TUNED]
    named = on_hub(base.name) or public_name(base.name)
    dataset = hub_id(str(evaluation.settings["dataset"]))
    front = ModelCardData(
        language=sorted(filter(None, {language(locale) for locale in data.locales})) or None,
        license=_licence(base.name, _MODEL_LICENCES),
        library_name="sentence-transformers",
        pipeline_tag="text-ranking",
        tags=["sentence-transformers", "cross-encoder", "reranker", "product-search"],
        base_model=on_hub(base.name),
        datasets=[dataset] if dataset else None,
    )
    return _card(
        front,
        f"# {plain(named.rpartition('/')[2])} as a reranker for product search",
        plain(evaluation.verdict),
        _quoted(data.notice),
        f"A cross-encoder, trained from {code(named)} on {data.train_judgments:,} judgments of {code(data.name)} and "
        f"on unjudged products that {code(first.pinned)} found. A product's label is the gain of its grade, the "
        f"loss is LambdaLoss. It reorders the best {reranker.top} products of that encoder. Evaluated on "
        f"{data.queries_evaluated:,} of {data.queries:,} held-out queries, over {data.products:,} products.",
        "## Results",
        to_markdown(evaluation.protocols, evaluation.reference),
        latency.to_markdown(evaluation.milliseconds),
        "## Use",
        f"""```python
from sentence_transformers import CrossEncoder

model = CrossEncoder("{repo or "saved_reranker"}")
print(model.rank("red running shoes", ["Trail runner for women Northpeak red", "Shoe laces, pair"]))
```""",
        f"Title, brand and color stand in a passage as `{template(_bullets(evaluation))}`, without a prompt; "
        f"{reranker.max_seq_length} tokens of query and passage are read.",
        "## Training",
        _training(evaluation.training),
        "![training loss](images/train_loss.png)",
        _settings(evaluation.settings),
    )


def store_card(
    plan: Plan,
    encoders: Mapping[str, EncoderDescription],
    judgments: bool,
    measured: Measured | None,
    repo: str | None = None,
) -> str:
    """README.md of a store. On the Hub each part of the store is a config of the data set.

    Args:
        plan: rows, text and data of the store.
        encoders: {name: the encoder that made its vectors}.
        judgments: whether the store has the held-out judgments.
        measured: what training measured, or None. The figures of another catalogue are left out.
        repo: USER/DATASET if it goes to the Hub.
    """
    before_and_after = set(encoders) == {BASE, TUNED}
    title = "Product embeddings before and after fine-tuning" if before_and_after else "Product embeddings"
    shown = lineup.candidate(encoders)
    variable = shown if shown.isidentifier() else "vectors"
    configs: list[dict[str, object]] = [
        {"config_name": part, "data_files": f"{part}/*.parquet"} for part in ("products", *encoders)
    ]
    if judgments:
        test = {"split": "test", "path": "judgments/test.parquet"}
        configs.append({"config_name": "judgments", "data_files": [test]})
    front = DatasetCardData(
        license=_licence(plan.dataset, _DATA_LICENCES),
        pretty_name=title,
        task_categories=["sentence-similarity"],
        tags=["esci", "product-search", "embeddings"],
        size_categories=[next((size for limit, size in _SIZES if plan.rows < limit), "1M<n<10M")],
        configs=configs,
    )
    name = repo or "artifacts"
    number = "one encoder" if len(encoders) == 1 else f"{len(encoders)} encoders"
    if measured is None:
        results = []
    elif measured.here:
        results = ["## Results", plain(measured.here.verdict), to_markdown(measured.here.protocols)]
    else:
        results = ["## Results", plain(measured.sentence)]
    return _card(
        front,
        f"# {title}",
        _quoted(plan.notice),
        f"{plan.rows:,} products of {code(plan.dataset)}, embedded by {number}. Row n of each part "
        "below is the vector of row n of `products`. Vectors are float16 with norm 1. The text of a product is "
        f"{code(plan.text)}.",
        "| part | encoder | revision | dimension | tokens | fingerprint |\n| --- | --- | --- | --- | --- | --- |\n"
        + "\n".join(
            f"| {part} | {plain(one.id)} | {plain(one.revision or '–')} | {one.dim} | {one.max_seq_length} | "
            f"{code(one.fingerprint[:12])} |"
            for part, one in encoders.items()
        ),
        f"""```python
from datasets import load_dataset

products = load_dataset("{name}", "products", split="train")
{variable} = load_dataset("{name}", "{shown}", split="train")
```""",
        "`manifest.json` has the sha256 of every file and the whole fingerprints. The app refuses to search with an "
        "encoder whose fingerprint is another.",
        *results,
    )


def _eval_results(evaluation: Evaluation) -> Iterator[EvalResult]:
    """The figures of the fine-tuned model as the Hub shows them, the headline protocol first."""
    name = str(evaluation.settings["dataset"])
    locales = ", ".join(locale for locale in evaluation.dataset.locales if locale != NO_LOCALE)
    # The Hub wants an id or, for data that it does not have, a word.
    kind = hub_id(name) or ("made-up" if evaluation.dataset.notice else "local")
    for protocol in sorted(METRICS, key=lambda protocol: protocol != HEADLINE[0]):
        words = protocol.replace("_", " ")
        for metric in METRICS[protocol]:
            found = evaluation.protocols[protocol].systems[TUNED][metric]
            if found.mean is not None:
                yield EvalResult(
                    task_type=_TASKS[protocol],
                    task_name=f"Product search, {words}",
                    dataset_type=kind,
                    dataset_name=one_line(f"{name} ({locales})" if locales else name),
                    dataset_split="test",
                    dataset_args={
                        "protocol": PROTOCOLS[protocol],
                        "gains": {one_line(label): gain for label, gain in evaluation.gains.items()},
                    },
                    metric_type=metric.replace("@", "_at_").replace("exact", "accuracy"),
                    metric_name=f"{SHOWN.get(metric, metric)} ({words})",
                    metric_value=found.mean,
                    metric_args={"low": found.low, "high": found.high, "queries": found.n},
                )


def _card(front: CardData, *paragraphs: str) -> str:
    """Front matter and text; empty paragraphs are left out."""
    text = "\n\n".join(paragraph.strip("\n") for paragraph in paragraphs if paragraph)
    return f"---\n{front.to_yaml()}\n---\n\n{text}\n"


def _training(training: TrainingLog) -> str:
    facts = [f"{training.examples:,} examples", f"{training.steps:,} steps"]
    if training.examples_per_second is not None:  # a run that was resumed at its end trained no example
        facts.append(f"{training.examples_per_second:.1f} examples/s")
    kept = f" The weights are those of step {training.best_step}, the best on the dev queries."
    return (
        f"{', '.join(facts)}, on {plain(training.device)} in {plain(training.precision)}, with at most "
        f"{training.peak_memory_gb:.1f} GB of memory.{'' if training.best_step is None else kept}"
    )


def _prompts(prompts: Mapping[str, str]) -> str:
    given = ", ".join(f"{code(prompt)} before a {plain(kind)}" for kind, prompt in prompts.items() if prompt)
    if not given:
        return "The model takes no prompts."
    return f"The model was trained with prompts: {given}. They are saved with it: `encode_query` and " + (
        "`encode_document` add them."
    )


def _text(evaluation: Evaluation) -> str:
    """Which text of a product the model was trained on."""
    bullets, tokens = evaluation.settings.get("bullets"), evaluation.encoders["tuned"].max_seq_length
    if not isinstance(bullets, int):
        return ""
    return f"The text of a product in training was `{template(bullets)}`; the model read {tokens} tokens of it."


def _bullets(evaluation: Evaluation) -> int:
    bullets = evaluation.settings.get("bullets")
    return bullets if isinstance(bullets, int) else 0


def _settings(settings: Mapping[str, object]) -> str:
    shown = {name: " ".join(map(str, value)) if isinstance(value, list) else value for name, value in settings.items()}
    rows = [f"| {plain(name)} | {plain(value)} |" for name, value in shown.items() if value not in (None, "")]
    return "\n".join(["| setting | value |", "| --- | --- |", *rows])


def _quoted(notice: str) -> str:
    return f"> {plain(notice)}" if notice else ""


def _licence(name: str, known: Mapping[str, str]) -> str | None:
    repo, owner = name.partition("@")[0], name.partition("/")[0]
    return known.get(repo, known.get(f"{owner}/"))
