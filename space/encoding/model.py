"""Loads a sentence-transformers model with its prompts, and fingerprints it."""

import hashlib
import json
from math import inf
from pathlib import Path

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers.utils.logging import disable_progress_bar

from space.encoding.foreign_settings import check_settings
from space.encoding.foreign_weights import check_size, check_weights
from space.encoding.weights import E5_PROMPTS, Weights, WeightsError, is_e5

NO_PROMPTS = {"query": "", "document": ""}
#: Texts whose token ids differ between tokenizers that share a vocabulary: case, accents, scripts, spaces, digits.
PROBES = (
    "Red Shoes, size 10½",
    "cafetière à piston",
    "ワイヤレス イヤホン",
    "  two  spaces\n",
    "x" * 40,
    "İstanbul Ñandú ß",
)
#: What sentence-transformers raises for damaged or foreign files: cut or misshapen weights, settings of another kind.
_LOAD_ERRORS = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError)
_LOAD_ERRORS += (StrictDataclassError, MemoryError)  # settings of another type, sizes beyond the memory
_LOAD_ERRORS += (ArithmeticError, AssertionError, IndexError)  # sizes of zero, a padding token outside the vocabulary
#: How attention is computed. A model could name a kernel of the Hub, whose code transformers would download and run.
_ATTENTION = ("sdpa", "eager")
#: Characters of a library's message.
_MESSAGE = 400


def load_model(weights: Weights, max_seq_length: int) -> SentenceTransformer:
    """Load a sentence-transformers folder or a plain ``transformers`` checkpoint, on the CPU and in float32.

    Prompts saved with the model are kept. Without them a plain checkpoint, and a model whose name says E5, get E5's
    prompts; a plain checkpoint also gets mean pooling. Any other model gets no prompts.

    Raises:
        WeightsError: the files are not an encoder.
    """
    disable_progress_bar()  # for reading a file that takes a tenth of a second
    folder = weights.folder
    plain = not (folder / "modules.json").is_file()
    try:
        check_settings(folder)
        check_size(folder)
        model = _loaded(folder, max_seq_length, plain)
        check_weights(model, folder)
    except ImportError as error:
        raise WeightsError(
            f"{weights.name}: it needs a module or a package that is not installed: "
            f"{_sentence(error)}; use another model"
        ) from error
    except _LOAD_ERRORS as error:
        raise WeightsError(
            f"{weights.name}: cannot be loaded as an encoder: {_sentence(error)}; train it again, or copy or download "
            "it again"
        ) from error
    saved = {name: prompt for name, prompt in model.prompts.items() if prompt}
    if not saved and not _declares_prompts(folder):
        model.prompts = dict(E5_PROMPTS if plain or is_e5(weights.name) else NO_PROMPTS)
    elif "document" not in saved and "passage" in saved:
        model.prompts = {"query": saved.get("query", ""), "document": saved["passage"]}
    if not isinstance(model[-1], Normalize):
        model.append(Normalize())
    if model.truncate_dim is not None and not (isinstance(model.truncate_dim, int) and model.truncate_dim >= 1):
        raise WeightsError(
            f"{weights.name}: truncate_dim in config_sentence_transformers.json is {model.truncate_dim!r}: "
            "use a whole number, 1 or more, or remove it"
        )
    if _word_embeddings(model) < len(model.tokenizer):
        raise WeightsError(
            f"{weights.name}: only {_word_embeddings(model):,} word embeddings for {len(model.tokenizer):,} tokens: "
            "if it is a checkpoint of train.py, which has the words of its data only, use the finished model"
        )
    model.max_seq_length = min(max_seq_length, _position_limit(model))
    return model


def fingerprint(model: SentenceTransformer) -> str:
    """sha256 over weights, tokenizer, pooling, prompts and ``truncate_dim``, as hex.

    Encoders with the same one make the same vectors. It is computed from what is loaded, not from the files, so saving
    a model again does not change it. The sequence limit is left out: it is a setting of a run, and a manifest has it
    beside the fingerprint.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    tokenizer = model.tokenizer
    digest.update(json.dumps(sorted(tokenizer.get_vocab().items())).encode())
    digest.update(json.dumps([tokenizer(probe, truncation=False)["input_ids"] for probe in PROBES]).encode())
    pooling = [module.get_config_dict() for module in model if isinstance(module, Pooling)]
    steps = [type(module).__name__ for module in model]
    prompts = {name: model.prompts.get(name, "") for name in NO_PROMPTS}
    parts: list[object] = [steps, pooling, prompts]
    if model.truncate_dim is not None:
        parts.append(model.get_embedding_dimension())
    digest.update(json.dumps(parts, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _loaded(folder: Path, max_seq_length: int, plain: bool) -> SentenceTransformer:
    """The model with the first way of attention that its class has."""
    for attention in _ATTENTION:
        kwargs = {"torch_dtype": torch.float32, "use_safetensors": True, "attn_implementation": attention}
        try:
            if not plain:
                return SentenceTransformer(str(folder), device="cpu", local_files_only=True, model_kwargs=kwargs)
            transformer = Transformer(str(folder), max_seq_length=max_seq_length, model_kwargs=kwargs)
            pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")
            return SentenceTransformer(modules=[transformer, pooling, Normalize()], device="cpu")
        except ValueError as error:
            if attention == _ATTENTION[-1] or "scaled_dot_product_attention" not in str(error):
                raise
    raise AssertionError("unreachable")


def _sentence(error: Exception) -> str:
    """The message of a library on one line, cut where it is long."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _MESSAGE else f"{text[:_MESSAGE]}…"


def _word_embeddings(model: SentenceTransformer) -> float:
    """How many tokens the model has a vector for; infinity for a model without such a table."""
    table = getattr(model[0], "auto_model", None)
    words = table.get_input_embeddings() if table is not None else None
    return getattr(words, "num_embeddings", inf)


def _declares_prompts(folder: Path) -> bool:
    """Whether the saved model lists its prompts, even as empty ones."""
    config = folder / "config_sentence_transformers.json"
    return config.is_file() and any(json.loads(config.read_text(encoding="utf-8")).get("prompts") or {})


def _position_limit(model: SentenceTransformer) -> int:
    """Longest sequence that the position embeddings allow."""
    config = model[0].auto_model.config
    positions = getattr(config, "max_position_embeddings", None) or 512
    # RoBERTa counts positions from behind its padding index, so it has two fewer.
    return positions - 2 if "roberta" in getattr(config, "model_type", "") else positions
