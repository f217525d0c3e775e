"""A small data set and a small model under the project's default ids, for `hub_server`.

They are made up in the shape of the real ones: `tasksource/esci` with its columns, labels and split files, and
`intfloat/multilingual-e5-small` with a BERT network, an XLM-R tokenizer, sentence-transformers files without prompts,
and random weights. The bytes are the same at every call, and nothing here needs torch.
"""

import io
import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hub_state import HubState
from safetensors.numpy import save
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

ESCI = "tasksource/esci"
E5 = "intfloat/multilingual-e5-small"

ESCI_SCHEMA = pa.schema(
    [(name, pa.int64()) for name in ("example_id",)]
    + [("query", pa.string()), ("query_id", pa.int64())]
    + [(name, pa.string()) for name in ("product_id", "product_locale", "esci_label")]
    + [(name, pa.int64()) for name in ("small_version", "large_version")]
    + [(f"product_{part}", pa.string()) for part in ("title", "description", "bullet_point", "brand", "color", "text")]
)

# locale -> (pattern of a title, the colour asked for, another one, [(what, its accessory, what it is good for)])
WORDS = {
    "us": (
        "{brand} {color} {noun}",
        ("red", "blue"),
        [
            ("kettle", "kettle descaler", "boils a litre in four minutes"),
            ("desk lamp", "lamp bulb", "dims in three steps"),
            ("yoga mat", "mat strap", "does not slip when wet"),
            ("backpack", "backpack rain cover", "holds a laptop and lunch"),
        ],
    ),
    "es": (
        "{noun} {color} {brand}",
        ("roja", "azul"),
        [
            ("tetera", "descalcificador para tetera", "hierve un litro en cuatro minutos"),
            ("lámpara de mesa", "bombilla para lámpara", "luz regulable"),
            ("esterilla", "correa para esterilla", "no resbala"),
            ("mochila", "funda para mochila", "cabe un portátil"),
        ],
    ),
    "jp": (
        "{brand} {color} {noun}",
        ("赤い", "青い"),
        [
            ("やかん", "やかん 洗浄剤", "四分で沸く"),
            ("デスクライト", "デスクライト 電球", "明るさ三段階"),
            ("ヨガマット", "ヨガマット ストラップ", "滑りにくい"),
            ("リュック", "リュック カバー", "パソコンが入る"),
        ],
    ),
}
BRANDS = ("Ondara", "Velmo", None)


def esci_rows() -> Iterator[dict]:
    """Judged pairs: 12 queries with all four labels each; a query is in one split, and both splits have all locales.

    As in the real data, locales share product ids, and brands, colours and descriptions are missing.
    """
    example = 0
    for locale_number, (locale, (pattern, (color, other), nouns)) in enumerate(WORDS.items()):
        for number, (noun, accessory, use) in enumerate(nouns):
            stranger = nouns[(number + 1) % len(nouns)][0]
            pairs = [(noun, color, "Exact"), (noun, color, "Exact"), (noun, other, "Substitute")]
            pairs += [(accessory, None, "Complement"), (stranger, color, "Irrelevant")]
            for position, (what, shade, label) in enumerate(pairs):
                brand = BRANDS[position % len(BRANDS)]
                title = " ".join(pattern.format(brand=brand or "", color=shade or "", noun=what).split())
                product = {
                    "title": title,
                    "description": f"{title}: {use}" if position % 2 == 0 else None,
                    "bullet_point": use,
                    "brand": brand,
                    "color": shade,
                }
                text = "\n".join(value for value in product.values() if value)
                yield {
                    "example_id": (example := example + 1),
                    "query": f"{noun} {color}" if locale == "es" else f"{color} {noun}",
                    "query_id": 100 * locale_number + number,
                    "product_id": f"B{number:02d}{position:02d}MADEUP",  # the same ids in every locale
                    "product_locale": locale,
                    "esci_label": label,
                    "small_version": int(number % 2 == 0),
                    "large_version": 1,
                    **{f"product_{key}": value for key, value in product.items()},
                    "product_text": text,
                }


def esci_files() -> dict[str, bytes]:
    """The files of the data set; in each locale three queries are for training and the last one for testing."""
    card = "---\nlanguage: [en, es, ja]\nconfigs:\n- config_name: default\n  data_files:\n"
    files = {}
    for split in ("train", "test"):
        rows = [row for row in esci_rows() if (row["query_id"] % 100 == 3) == (split == "test")]
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, schema=ESCI_SCHEMA), sink)
        files[f"data/{split}-00000-of-00001.parquet"] = sink.getvalue()
        card += f"  - split: {split}\n    path: data/{split}-*\n"
    return {"README.md": f"{card}---\n# Made-up rows in the schema of {ESCI}\n".encode(), **files}


def _tokenizer() -> Tokenizer:
    """A Unigram tokenizer with the layout of XLM-R's.

    Its pieces are the words and characters of the rows above, scored by frequency. It is not trained, because the
    trainer of `tokenizers` makes another vocabulary at each run, and the model's fingerprint must stay the same.
    """
    words = Counter(word for row in esci_rows() for word in f"query: passage: {row['product_text']}".split())
    letters = Counter("".join(words) + "abcdefghijklmnopqrstuvwxyz0123456789,.:")
    pieces = Counter({f"▁{word}": 10 * count for word, count in words.items()}) + letters + Counter("▁")
    total = math.log(sum(pieces.values()))
    vocabulary = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    vocabulary += [(piece, math.log(count) - total) for piece, count in sorted(pieces.items())] + [("<mask>", 0.0)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    metaspace = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace])
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    return tokenizer


def _weights(config: dict, seed: int) -> dict[str, np.ndarray]:
    """Random weights of a BERT network, by the names that its checkpoints use."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    norms = ["embeddings.LayerNorm"]
    layers = {"pooler.dense": (width, width)}
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{number}"
        layers |= {f"{layer}.attention.self.{name}": (width, width) for name in ("query", "key", "value")}
        layers |= {f"{layer}.attention.output.dense": (width, width)}
        layers |= {f"{layer}.intermediate.dense": (inner, width), f"{layer}.output.dense": (width, inner)}
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    tables = {
        "word": config["vocab_size"],
        "position": config["max_position_embeddings"],
        "token_type": config["type_vocab_size"],
    }
    shapes = {f"embeddings.{name}_embeddings.weight": (rows, width) for name, rows in tables.items()}
    shapes |= {f"{name}.weight": shape for name, shape in layers.items()}
    random = np.random.default_rng(seed)
    weights = {name: random.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}
    weights |= {f"{name}.bias": np.zeros(shape[0], np.float32) for name, shape in layers.items()}
    for name in norms:
        weights |= {f"{name}.weight": np.ones(width, np.float32), f"{name}.bias": np.zeros(width, np.float32)}
    return weights


#: multilingual-e5-base has an XLM-R network: positions begin after the padding, and there are no token types.
ROBERTA = {
    "architectures": ["XLMRobertaModel"],
    "model_type": "xlm-roberta",
    "layer_norm_eps": 1e-05,
    "max_position_embeddings": 514,
    "type_vocab_size": 1,
    "bos_token_id": 0,
    "pad_token_id": 1,
    "eos_token_id": 2,
}


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    """Write ``files`` into ``folder`` and its subfolders; returns the folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def e5_files(seed: int = 0, *, base: bool = False) -> dict[str, bytes]:
    """The files of a model with 32 dimensions and 2 layers.

    Args:
        seed: of the weights.
        base: with the network of multilingual-e5-base instead of multilingual-e5-small.
    """
    tokenizer = _tokenizer()
    special = {
        "bos": "<s>",
        "eos": "</s>",
        "cls": "<s>",
        "sep": "</s>",
        "unk": "<unk>",
        "pad": "<pad>",
        "mask": "<mask>",
    }
    special = {f"{name}_token": token for name, token in special.items()}
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "tokenizer_class": "XLMRobertaTokenizer",
        "hidden_act": "gelu",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "vocab_size": tokenizer.get_vocab_size(),
        "pad_token_id": 0,  # the real file says so too, although the tokenizer pads with 1
        "position_embedding_type": "absolute",
        "use_cache": True,
        "torch_dtype": "float32",
        "transformers_version": "4.30.0",
    } | (ROBERTA if base else {})
    modes = {f"pooling_mode_{name}": name == "mean_tokens" for name in ("cls_token", "mean_tokens", "max_tokens")}
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    documents = {
        "config.json": config,
        "modules.json": [
            {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{name}"}
            for number, (path, name) in enumerate(modules)
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": config["hidden_size"], **modes},
        "sentence_bert_config.json": {"max_seq_length": 512, "do_lower_case": False},
        "special_tokens_map.json": special,
        "tokenizer_config.json": {
            **special,
            "clean_up_tokenization_spaces": True,
            "model_max_length": 512,
            "tokenizer_class": "XLMRobertaTokenizer",
        },
    }
    files = {name: json.dumps(document, indent=2, ensure_ascii=False).encode() for name, document in documents.items()}
    card = (
        "---\ntags: [sentence-transformers]\nlanguage: [multilingual]\nlicense: mit\n---\n# Random weights for tests\n"
    )
    return files | {
        "README.md": card.encode(),
        "tokenizer.json": tokenizer.to_str(pretty=True).encode(),
        "model.safetensors": save(_weights(config, seed), metadata={"format": "pt"}),
    }


def add_defaults(hub: HubState) -> None:
    """Put both repositories on a Hub."""
    hub.commit("dataset", ESCI, esci_files(), "Made-up rows")
    hub.commit("model", E5, e5_files(), "Random weights")
