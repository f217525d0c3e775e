"""A BERT encoder for serving, read from its files without sentence-transformers.

Importing sentence-transformers and transformers takes longer than all the rest of a start. Serving seldom needs them:
the forward pass is ``PackedBert``, and the tokenizer is a file of the package tokenizers.
"""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.nn import functional

from space.encoding import kept_tokenizers, known_fingerprints, prompts
from space.encoding.description import EncoderDescription
from space.encoding.fingerprint import Modules, fingerprint, hash_weights
from space.encoding.known_fingerprints import ModelFiles
from space.encoding.packed_bert import Bert, position_limit
from space.encoding.packed_encoder import PackedEncoder
from space.encoding.tokenizer_files import TRANSFORMERS, ReadTokenizer, TokenizerFiles
from space.encoding.weights import Weights
from space.io import json_values

#: The modules of sentence-transformers that the fast forward pass computes.
STEPS = ("Transformer", "Pooling", "Normalize")
_KINDS = ("bert", "roberta", "xlm-roberta")
#: {setting in config.json: the values with which a model is computed as here}; where it is missing that is so, too.
_USUAL = {
    "hidden_act": ("gelu",),
    "is_decoder": (False,),
    "position_embedding_type": ("absolute", None),
    "quantization_config": (None,),
}
#: How sentence-transformers before version 6 wrote the settings of a pooling.
_OLD_NAMES = ("word_embedding_dimension",)
_OLD_MODES = {("pooling_mode_mean_tokens",): "mean", ("pooling_mode_cls_token",): "cls"}
_LARGEST = 2**31
_WORDS, _POSITIONS = "embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight"
_LINEAR = ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense")
_LINEAR += ("intermediate.dense", "output.dense")
_NORMS = ("attention.output.LayerNorm", "output.LayerNorm")
#: Nothing reads the pooler, but it counts in the fingerprint.
_POOLER = ("pooler.dense.weight", "pooler.dense.bias")


class OtherKindError(ValueError):
    """Files that are not those of a BERT as ``BertEncoder`` computes it; sentence-transformers may know them."""


class BertEncoder(PackedEncoder):
    """A BERT or RoBERTa with mean or first-token pooling. Any number of threads may use it.

    Args:
        weights: its files.
        made: the encoder that made some vectors.
        tokenizers: reads its tokenizer. The first reading is taken with which the fingerprint is that of ``made``.
        device: None takes CUDA if there is one.

    Raises:
        OtherKindError: the files are of another kind, damaged, or of another encoder than ``made``.
    """

    def __init__(
        self,
        weights: Weights,
        made: EncoderDescription,
        tokenizers: TokenizerFiles,
        device: str | None = None,
    ) -> None:
        """Read the files, find or compute the fingerprint, then move to the device and its fastest precision."""
        super().__init__(weights, device)
        folder = weights.folder
        try:
            config, pooling = _json(folder / "config.json"), _pooling(folder)
            tensors = {name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()}
            self._prompts = prompts.resolve(_saved_prompts(folder), folder, weights.name)
            self._loaded = _bert(config, tensors, self.device, mean=pooling["pooling_mode"] == "mean")
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, SafetensorError) as error:
            raise OtherKindError(f"{weights.name}: {error}") from error
        words, self._dim = tensors[_WORDS].shape
        positions = len(tensors[_POSITIONS])
        self._limit = min(made.max_seq_length, position_limit(config["model_type"], positions))
        modules = Modules(STEPS, [pooling], {name: self._prompts.get(name, "") for name in prompts.NO_PROMPTS})
        read = _made_with(made, folder, tensors, modules, tokenizers)
        if read is None or read.special_tokens == 0 or read.tokens > words:
            raise OtherKindError(f"{weights.name}: another encoder than that of the vectors")
        self._tokenizer, self.fingerprint = read, made.fingerprint
        self._packed = self._pack()

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._dim

    @property
    def max_seq_length(self) -> int:
        """Tokens read of each text."""
        return self._limit

    @property
    def prompts(self) -> Mapping[str, str]:
        """{"query" and "document": what is put before each text}."""
        return self._prompts

    def _token_ids(self, texts: list[str], limit: int) -> list[list[int]]:
        return self._tokenizer.ids(texts, limit)

    def _bert(self) -> Bert:
        return self._loaded


def _made_with(
    made: EncoderDescription,
    folder: Path,
    tensors: Mapping[str, torch.Tensor],
    modules: Modules,
    tokenizers: TokenizerFiles,
) -> ReadTokenizer | None:
    """The reading of the tokenizer with which the encoder has the fingerprint of ``made``; None if there is none."""
    with ThreadPoolExecutor(1) as thread:
        hashing = thread.submit(ModelFiles.of, folder, modules.prompts)  # while the tokenizer is read
        hashed = None
        for read in tokenizers.readings(folder):
            files = hashing.result()
            if known_fingerprints.recall(files, read.maker) == made.fingerprint:
                return read
            hashed = hashed or hash_weights({f"0.model.{name}": tensor for name, tensor in tensors.items()})
            if fingerprint(hashed, read.vocabulary, read.probes, modules) == made.fingerprint:
                known_fingerprints.keep(files, read.maker, made.fingerprint)
                if read.maker == TRANSFORMERS:
                    kept_tokenizers.keep(folder, read.content)
                return read
    return None


def _json(path: Path) -> Mapping[str, object]:
    return json_values.mapping(json.loads(path.read_text(encoding="utf-8")), path.name)


def _pooling(folder: Path) -> dict[str, object]:
    """The settings of the pooling, by the names of sentence-transformers 6."""
    if prompts.is_plain(folder):
        size = _json(folder / "config.json")["hidden_size"]
        return {"embedding_dimension": size, "pooling_mode": "mean", "include_prompt": True}
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    if tuple(str(one["type"]).rpartition(".")[2] for one in modules) != STEPS or modules[0]["path"]:
        raise ValueError("modules.json lists other modules")
    given = _json(folder / modules[1]["path"] / "config.json")
    on = tuple(name for name, value in given.items() if name.startswith("pooling_mode_") and value)
    found = {
        "embedding_dimension": given.get("embedding_dimension", given.get("word_embedding_dimension")),
        "pooling_mode": given.get("pooling_mode", _OLD_MODES.get(on)),
        "include_prompt": given.get("include_prompt", True),
    }
    known = all(name in found or name in _OLD_NAMES or name.startswith("pooling_mode_") for name in given)
    if not known or found["pooling_mode"] not in ("mean", "cls") or found["include_prompt"] is not True:
        raise ValueError("another pooling")
    return found


def _saved_prompts(folder: Path) -> dict[str, str]:
    path = folder / "config_sentence_transformers.json"
    saved = _json(path) if path.is_file() else {}
    if saved.get("truncate_dim") is not None:
        raise ValueError("truncate_dim is set")
    given = json_values.mapping(saved.get("prompts") or {}, "prompts")
    return {**prompts.NO_PROMPTS, **{kind: json_values.text(text, kind) for kind, text in given.items()}}


def _bert(
    config: Mapping[str, object], tensors: Mapping[str, torch.Tensor], device: torch.device, *, mean: bool
) -> Bert:
    """The model that config.json describes, if these are its weights: all of them and no others."""
    kind = config["model_type"]
    if kind not in _KINDS or any(config.get(name, usual[0]) not in usual for name, usual in _USUAL.items()):
        raise ValueError("another model")
    names = ("num_hidden_layers", "num_attention_heads", "hidden_size", "intermediate_size")
    layers, heads, size, wide = (json_values.count(config.get(name), name, _LARGEST) for name in names)
    words, positions, types = (
        json_values.count(config.get(name), name, _LARGEST)
        for name in ("vocab_size", "max_position_embeddings", "type_vocab_size")
    )
    first = 0 if kind == "bert" else json_values.count(config.get("pad_token_id"), "pad_token_id", positions) + 1
    shapes = {_WORDS: (words, size), _POSITIONS: (positions, size)}
    shapes |= {"embeddings.token_type_embeddings.weight": (types, size), _POOLER[0]: (size, size), _POOLER[1]: (size,)}
    norms = ["embeddings.LayerNorm"]
    for layer in range(layers):
        name = f"encoder.layer.{layer}"
        if f"{name}.output.dense.weight" not in tensors:  # before a config.json with a billion layers fills the memory
            raise ValueError(f"no weights of {name}")
        norms += [f"{name}.{norm}" for norm in _NORMS]
        for linear in _LINEAR:
            out, into = wide if linear == _LINEAR[4] else size, wide if linear == _LINEAR[5] else size
            shapes |= {f"{name}.{linear}.weight": (out, into), f"{name}.{linear}.bias": (out,)}
    shapes |= {f"{norm}.{part}": (size,) for norm in norms for part in ("weight", "bias")}
    if {name: tuple(tensor.shape) for name, tensor in tensors.items()} != shapes or size % heads:
        raise ValueError("weights of other names or shapes than config.json describes")
    table = tensors[_WORDS].to(device)
    return Bert(
        weights=tensors,
        words=lambda ids: functional.embedding(ids, table),
        layers=layers,
        heads=heads,
        epsilon=float(config["layer_norm_eps"]),
        activation=functional.gelu,
        first_position=first,
        mean=mean,
    )
