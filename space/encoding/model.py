"""Loads a sentence-transformers model with its prompts, and takes out of it what the fast forward pass needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.base.modules import Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import (
    BertForSequenceClassification,
    BertModel,
    RobertaForSequenceClassification,
    RobertaModel,
    XLMRobertaForSequenceClassification,
    XLMRobertaModel,
)
from transformers.utils.logging import disable_progress_bar

from space.encoding import prompts
from space.encoding.fingerprint import PROBES, Modules, fingerprint, hash_weights, vocabulary_json
from space.encoding.foreign_settings import check_settings
from space.encoding.foreign_weights import check_size, check_weights
from space.encoding.packed_bert import Bert, position_limit
from space.encoding.weights import Weights, WeightsError

#: What sentence-transformers raises for damaged or foreign files: cut or misshapen weights, settings of another kind.
_LOAD_ERRORS = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError)
_LOAD_ERRORS += (StrictDataclassError, MemoryError)  # settings of another type, sizes beyond the memory
_LOAD_ERRORS += (ArithmeticError, AssertionError, IndexError)  # sizes of zero, a padding token outside the vocabulary
#: How attention is computed. A model could name a kernel of the Hub, whose code transformers would download and run.
ATTENTION = ("sdpa", "eager")
#: Characters of a library's message.
_MESSAGE = 400


def load_model(weights: Weights, max_seq_length: int) -> SentenceTransformer:
    """Load a sentence-transformers folder or a plain ``transformers`` checkpoint, on the CPU and in float32.

    A plain checkpoint gets mean pooling. For the prompts see ``space.encoding.prompts``.

    Raises:
        WeightsError: the files are not an encoder.
    """
    disable_progress_bar()  # for reading a file that takes a tenth of a second
    folder = weights.folder
    plain = prompts.is_plain(folder)
    with load_errors(weights.name, "an encoder"):
        check_settings(folder)
        check_size(folder)
        model = _loaded(folder, max_seq_length, plain)
        check_weights(model, folder)
    model.prompts = prompts.resolve(model.prompts, folder, weights.name)
    if not isinstance(model[-1], Normalize):
        model.append(Normalize())
    if model.truncate_dim is not None and not (isinstance(model.truncate_dim, int) and model.truncate_dim >= 1):
        raise WeightsError(
            f"{weights.name}: truncate_dim in config_sentence_transformers.json is {model.truncate_dim!r}: "
            "use a whole number, 1 or more, or remove it"
        )
    check_words(model, weights.name)
    model.max_seq_length = min(max_seq_length, longest(model))
    return model


@contextmanager
def load_errors(name: str, kind: str) -> Iterator[None]:
    """Turn what the libraries raise for files that they cannot load into a ``WeightsError``.

    Args:
        name: of the model.
        kind: what it should be, such as "an encoder".
    """
    try:
        yield
    except WeightsError:
        raise
    except ImportError as error:
        raise WeightsError(
            f"{name}: it needs a module or a package that is not installed: {_sentence(error)}; use another model"
        ) from error
    except _LOAD_ERRORS as error:
        raise WeightsError(
            f"{name}: cannot be loaded as {kind}: {_sentence(error)}; train it again, or copy or download it again"
        ) from error


def check_words(model: SentenceTransformer | CrossEncoder, name: str) -> None:
    """Check that there is a vector for each token.

    Raises:
        WeightsError: there are fewer; ``name`` is the model's.
    """
    if _word_embeddings(model) < len(model.tokenizer):
        raise WeightsError(
            f"{name}: only {_word_embeddings(model):,} word embeddings for {len(model.tokenizer):,} tokens: "
            "if it is a checkpoint of train.py, which has the words of its data only, use the finished model"
        )


def longest(model: SentenceTransformer | CrossEncoder) -> int:
    """Longest sequence that the position embeddings allow."""
    config = model[0].auto_model.config
    return position_limit(getattr(config, "model_type", ""), getattr(config, "max_position_embeddings", None) or 512)


def fingerprint_of(model: SentenceTransformer) -> str:
    """See ``space.encoding.fingerprint``."""
    tokenizer = model.tokenizer
    modules = Modules(
        steps=[type(module).__name__ for module in model],
        pooling=[module.get_config_dict() for module in model if isinstance(module, Pooling)],
        prompts={name: model.prompts.get(name, "") for name in prompts.NO_PROMPTS},
        truncated=None if model.truncate_dim is None else model.get_embedding_dimension(),
    )
    probes = [tokenizer(probe, truncation=False)["input_ids"] for probe in PROBES]
    vocabulary = vocabulary_json(tokenizer.get_vocab())
    return fingerprint(hash_weights(model.state_dict()), vocabulary, probes, modules)


def bert_of(model: SentenceTransformer) -> Bert | None:
    """What ``PackedBert`` needs to compute what the model does; None for a model that it cannot compute.

    It computes a BERT or RoBERTa with the mean or the first token of unit norm. The tensors are those of the model.
    """
    if [type(module) for module in model] != [Transformer, Pooling, Normalize]:
        return None
    bert, pooling = model[0].auto_model, model[1]
    if type(bert) not in (BertModel, RobertaModel, XLMRobertaModel) or bert.config.is_decoder:
        return None
    never_empty = model.tokenizer.num_special_tokens_to_add() > 0
    if not never_empty or pooling.pooling_mode not in ("mean", "cls") or not pooling.include_prompt:
        return None
    return _bert(bert, mean=pooling.pooling_mode == "mean")


def bert_of_pairs(model: CrossEncoder) -> Bert | None:
    """The layers of a cross-encoder under its head, for ``PackedBert.first_tokens``; None for other models.

    Of a model with a prompt, or with modules behind the transformer, sentence-transformers computes the scores.
    """
    if [type(module) for module in model] != [Transformer] or model.default_prompt_name is not None:
        return None
    whole = model[0].auto_model
    kinds = (BertForSequenceClassification, RobertaForSequenceClassification, XLMRobertaForSequenceClassification)
    if type(whole) not in kinds or whole.config.is_decoder:
        return None
    if model.tokenizer.num_special_tokens_to_add(pair=True) == 0:  # an empty pair would have no token
        return None
    return _bert(whole.base_model, mean=False)


def _bert(bert: BertModel | RobertaModel, *, mean: bool) -> Bert:
    layers, embeddings = bert.encoder.layer, bert.embeddings
    return Bert(
        weights=bert.state_dict(),
        words=embeddings.word_embeddings,
        layers=len(layers),
        heads=bert.config.num_attention_heads,
        epsilon=bert.config.layer_norm_eps,
        activation=layers[0].intermediate.intermediate_act_fn,
        # RoBERTa counts positions from behind its padding index.
        first_position=0 if isinstance(bert, BertModel) else embeddings.padding_idx + 1,
        mean=mean,
    )


def _loaded(folder: Path, max_seq_length: int, plain: bool) -> SentenceTransformer:
    """The model with the first way of attention that its class has."""
    for attention in ATTENTION:
        kwargs = {"torch_dtype": torch.float32, "use_safetensors": True, "attn_implementation": attention}
        try:
            if not plain:
                return SentenceTransformer(str(folder), device="cpu", local_files_only=True, model_kwargs=kwargs)
            transformer = Transformer(str(folder), max_seq_length=max_seq_length, model_kwargs=kwargs)
            pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")
            return SentenceTransformer(modules=[transformer, pooling, Normalize()], device="cpu")
        except ValueError as error:
            if attention == ATTENTION[-1] or "scaled_dot_product_attention" not in str(error):
                raise
    raise AssertionError("unreachable")


def _sentence(error: Exception) -> str:
    """The message of a library on one line, cut where it is long."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _MESSAGE else f"{text[:_MESSAGE]}…"


def _word_embeddings(model: SentenceTransformer | CrossEncoder) -> float:
    """How many tokens the model has a vector for; infinity for a model without such a table."""
    table = getattr(model[0], "auto_model", None)
    words = table.get_input_embeddings() if table is not None else None
    return getattr(words, "num_embeddings", inf)
