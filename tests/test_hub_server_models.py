"""datasets, transformers and sentence-transformers against `hub_server`: what they load, and what they push."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub_client import raised, run_client, serve
from hub_repos import e5_files, esci_rows


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """One server for all tests; they use different repositories."""
    with serve(tmp_path_factory.mktemp("hub")) as server:
        yield server


DATASET_CALLS = """
    import datasets
    from datasets import Dataset, get_dataset_config_names, load_dataset

    esci = load_dataset("tasksource/esci")
    out["splits"] = {name: split.num_rows for name, split in esci.items()}
    out["columns"] = {name: str(feature.dtype) for name, feature in esci["train"].features.items()}
    out["rows"] = [row for split in ("train", "test") for row in esci[split]]
    out["streamed"] = next(iter(load_dataset("tasksource/esci", split="test", streaming=True)))["query"]

    out["configs"] = get_dataset_config_names("alice/store")
    tuned = load_dataset("alice/store", "tuned", split="train")
    out["tuned"] = [tuned.column_names, tuned[1]["embedding"], str(tuned.features["embedding"])]
    out["no_config"] = failure(load_dataset, "alice/store")
    out["pinned"] = load_dataset("alice/store", "tuned", split="train", revision=os.environ["FIRST"]).num_rows
    out["no_revision"] = failure(load_dataset, "alice/store", "tuned", revision="v9")
    out["absent"] = failure(load_dataset, "alice/absent")
    out["hidden"] = failure(load_dataset, "bob/hidden")

    Dataset.from_dict({"a": [1, 2, 3]}).push_to_hub("alice/pushed", "numbers", private=True)
    out["pushed"] = load_dataset("alice/pushed", "numbers", split="train")["a"][:]
"""


def parquet(rows, bias=0.0):
    """A part of a store: ids and float16 vectors of fixed length."""
    vectors = pa.array([[row + bias, 0.5] for row in range(rows)], pa.list_(pa.float16(), 2))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"product_id": [f"p{row}" for row in range(rows)], "embedding": vectors}), sink)
    return sink.getvalue().to_pybytes()


@pytest.fixture(scope="module")
def tables(hub, tmp_path_factory):
    """What datasets saw."""
    names = ("products", "base", "tuned")
    card = "".join(f"- config_name: {name}\n  data_files: {name}/*.parquet\n" for name in names)
    files = {f"{name}/part-00000-of-00001.parquet": parquet(3) for name in names}
    first = hub.commit("dataset", "alice/store", {"README.md": f"---\nconfigs:\n{card}---\n".encode(), **files})
    hub.commit("dataset", "alice/store", {"tuned/part-00000-of-00001.parquet": parquet(4, bias=1.0)})
    hub.create_repo("dataset", "bob/hidden", private=True)
    start = len(hub.requests)
    seen = run_client(hub, tmp_path_factory.mktemp("tables"), DATASET_CALLS, "hf_good", FIRST=first)
    seen.requests = hub.requests[start:]
    return seen


def test_load_dataset(tables):
    """The default data set loads by its id alone, with the real columns and all labels in both splits."""
    assert tables.splits == {"train": 45, "test": 15}
    assert [column for column in tables.columns.items() if column[0] in ("query_id", "esci_label")] == [
        ("query_id", "int64"),
        ("esci_label", "string"),
    ]
    assert sorted(tables.rows, key=lambda row: row["example_id"]) == list(esci_rows())
    for rows in (tables.rows[:45], tables.rows[45:]):
        assert {row["esci_label"] for row in rows} == {"Exact", "Substitute", "Complement", "Irrelevant"}
        assert {row["product_locale"] for row in rows} == {"us", "es", "jp"}
    assert not {row["query_id"] for row in tables.rows[:45]} & {row["query_id"] for row in tables.rows[45:]}
    assert tables.streamed in {row["query"] for row in tables.rows[45:]}


def test_configs_and_revisions(tables):
    """Each part of a store is a config, named in the card; a revision has its own rows."""
    assert tables.configs == ["products", "base", "tuned"]
    assert tables.tuned[:2] == [["product_id", "embedding"], [2.0, 0.5]] and "float16" in tables.tuned[2]
    assert tables.pinned == 3
    assert raised(tables.no_config, "ValueError") and "tuned" in tables.no_config["text"]
    for failed in (tables.no_revision, tables.absent, tables.hidden):
        assert raised(failed, "DatasetNotFoundError")


def test_push_dataset(hub, tables):
    """A pushed data set is there, private, and loads again."""
    assert tables.pushed == [1, 2, 3]
    assert hub.repos["dataset", "alice/pushed"].private
    assert "numbers/train-00000-of-00001.parquet" in hub.files("dataset", "alice/pushed")


MODEL_CALLS = """
    from sentence_transformers import SentenceTransformer
    from transformers import AutoModel, AutoTokenizer

    name = "intfloat/multilingual-e5-small"
    tokenizer = AutoTokenizer.from_pretrained(name)
    out["tokenizer"] = [type(tokenizer).__name__, tokenizer.pad_token_id, tokenizer.tokenize("query: red kettle")]
    out["network"] = [AutoModel.from_pretrained(name).config.model_type, len(tokenizer)]

    model = SentenceTransformer(name, device="cpu")
    texts = ["query: red kettle", "passage: Velmo blue kettle", "query: 赤い やかん"]
    vectors = model.encode(texts)
    out["modules"] = [type(module).__name__ for module in model]
    out["prompts"] = [text for text in model.prompts.values() if text]
    out["shape"] = list(vectors.shape)
    out["norms"] = (vectors**2).sum(1).tolist()
    out["apart"] = float(vectors[0] @ vectors[1])

    model.prompts = {"query": "query: ", "document": "passage: "}
    next(model.parameters()).data += 1
    out["pushed"] = model.push_to_hub("alice/tuned", private=True)
    again = SentenceTransformer("alice/tuned", device="cpu")
    out["kept_prompts"] = again.prompts
    out["same"] = bool((again.encode(texts, prompt="") == model.encode(texts, prompt="")).all())
    out["other_seed"] = float(abs(SentenceTransformer("alice/seed", device="cpu").encode(texts) - vectors).max())
    out["absent"] = failure(SentenceTransformer, "alice/absent")
    out["hidden"] = failure(SentenceTransformer, "alice/tuned", token=False, cache_folder="other")
"""


@pytest.fixture(scope="module")
def encoders(hub, tmp_path_factory):
    """What transformers and sentence-transformers saw."""
    hub.commit("model", "alice/seed", e5_files(seed=1))
    start = len(hub.requests)
    seen = run_client(hub, tmp_path_factory.mktemp("encoders"), MODEL_CALLS, "hf_good")
    seen.requests = hub.requests[start:]
    return seen


def test_from_pretrained(encoders):
    """The base model is what the real one is: a BERT network with XLM-R's tokenizer, which pads with 1."""
    assert encoders.tokenizer == ["XLMRobertaTokenizer", 1, ["▁query:", "▁red", "▁kettle"]]
    assert encoders.network[0] == "bert"


def test_sentence_transformer(encoders):
    """It loads with pooling and normalization and without prompts; texts do not all get one vector."""
    assert encoders.modules == ["Transformer", "Pooling", "Normalize"]
    assert encoders.prompts == []
    assert encoders.shape == [3, 32]
    assert encoders.norms == pytest.approx([1, 1, 1], abs=1e-5)
    assert encoders.apart < 0.99
    assert encoders.other_seed > 0.01


def test_push_model(hub, encoders):
    """A pushed model comes back with its weights and its prompts, in one commit, through LFS storage."""
    assert encoders.pushed.endswith(hub.commits("model", "alice/tuned")[0][0])
    assert len(hub.commits("model", "alice/tuned")) == 2
    assert hub.repos["model", "alice/tuned"].private
    assert encoders.kept_prompts == {"query": "query: ", "document": "passage: "} and encoders.same
    assert "PUT" in {line.method for line in encoders.requests if line.path.startswith("/cdn/upload/")}
    for failed in (encoders.absent, encoders.hidden):
        assert raised(failed, "RepositoryNotFoundError")


def test_same_bytes_at_every_call():
    """A fingerprint over the model must not depend on the run."""
    assert e5_files() == e5_files()
    assert e5_files()["model.safetensors"] != e5_files(seed=1)["model.safetensors"]
