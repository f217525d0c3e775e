"""An encoder that sentence-transformers loads: to train, to embed a catalogue, and of any kind."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from space.encoding import kept_tokenizers, known_fingerprints
from space.encoding.description import EncoderDescription
from space.encoding.fingerprint import PROBES
from space.encoding.known_fingerprints import ModelFiles
from space.encoding.model import bert_of, fingerprint_of, load_model
from space.encoding.packed_bert import Bert
from space.encoding.packed_encoder import PackedEncoder, Tokenized
from space.encoding.prompts import NO_PROMPTS
from space.encoding.tokenizer_files import FILE, TRANSFORMERS, ReadTokenizer, is_written, keep_file
from space.encoding.weights import Weights

DEFAULT_MAX_SEQ_LENGTH = 64


class TextEncoder(PackedEncoder):
    """A sentence-transformers model with its prompts. Any number of threads may use it.

    Args:
        weights: the files to load.
        device: None takes CUDA if there is one.
        max_seq_length: tokens read of each text.
        batch_size: see ``PackedEncoder``.
        training: stay in float32 on every device but within ``frozen``, for weights that are being trained.

    Raises:
        WeightsError: the files are not an encoder.
    """

    def __init__(
        self,
        weights: Weights,
        *,
        device: str | None = None,
        max_seq_length: int = DEFAULT_MAX_SEQ_LENGTH,
        batch_size: int = 1024,
        training: bool = False,
    ) -> None:
        """Load in float32, compute the fingerprint, then move to the device and its fastest precision."""
        super().__init__(weights, device, batch_size)
        self.model = load_model(weights, max_seq_length)
        self.fingerprint = fingerprint_of(self.model)
        self._packable = bert_of(self.model) is not None
        self.model.to(self.device)
        # With weights that may change, each call of ``embed`` packs them anew.
        if self._packable and not training:
            self._packed = self._pack()
        if self.device.type == "cuda" and not self._packable and not training:
            self.model.to(torch.bfloat16)  # E5 overflows float16
            self.precision = "bfloat16"

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.model.get_embedding_dimension() or 0)

    @property
    def max_seq_length(self) -> int:
        """Tokens read of each text."""
        return int(self.model.max_seq_length or 0)

    @property
    def prompts(self) -> Mapping[str, str]:
        """{"query" and "document": what is put before each text}."""
        return self.model.prompts

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Within, a training encoder embeds as a served one does, up to three times as fast.

        Its weights must not change meanwhile. The vectors are those that are served, see ``precision``.
        """
        before = self._packed, self.precision
        if self._packable:
            self._packed = self._pack()
        try:
            yield
        finally:
            self._packed, self.precision = before

    def save(self, folder: Path) -> None:
        """Write the model to a folder, with the tokenizer file of the one that was loaded, see ``keep_file``."""
        self.model.save_pretrained(str(folder), create_model_card=False)
        keep_file(self.weights.folder, folder)

    def remember(self) -> None:
        """Keep the fingerprint and the tokenizer, so that the first start of the app need not make them."""
        tokenizer, folder = getattr(self.model.tokenizer, "backend_tokenizer", None), self.weights.folder
        if not self._packable or tokenizer is None:
            return
        read = ReadTokenizer(tokenizer, FILE if is_written(folder, tokenizer) else TRANSFORMERS)
        if read.probes != [self.model.tokenizer(probe, truncation=False)["input_ids"] for probe in PROBES]:
            return
        asked = {name: self.prompts.get(name, "") for name in NO_PROMPTS}
        known_fingerprints.keep(ModelFiles.of(folder, asked), read.maker, self.fingerprint)
        if read.maker == TRANSFORMERS:
            kept_tokenizers.keep(folder, read.content)

    def describe(self, *, refresh: bool = False) -> EncoderDescription:
        """The encoder's entry in manifests and cards; ``refresh`` computes the fingerprint again, after training."""
        if refresh:
            self.fingerprint = fingerprint_of(self.model)
        return super().describe()

    def tokenize(self, texts: Sequence[str], prompt_name: str = "document") -> Tokenized:
        """See ``PackedEncoder``; the texts themselves if sentence-transformers runs the model."""
        return super().tokenize(texts, prompt_name) if self._packable else list(texts)

    def embed(
        self,
        tokenized: Tokenized,
        progress: Callable[[int], object] | None = None,
        *,
        prompt_name: str = "document",
    ) -> torch.Tensor:
        """See ``PackedEncoder``."""
        if self._packable:
            return super().embed(tokenized, progress, prompt_name=prompt_name)
        if not tokenized:
            return torch.empty(0, self.dim)
        vectors = self.model.encode(
            list(tokenized), prompt_name=prompt_name, convert_to_tensor=True, show_progress_bar=False
        ).float()
        if progress is not None:
            progress(len(tokenized))
        # Normalised again in float32, since bfloat16 has about three digits.
        return torch.nn.functional.normalize(vectors, dim=1).cpu()

    def _token_ids(self, texts: list[str], limit: int) -> list[list[int]]:
        return self.model.tokenizer(texts, truncation=True, max_length=limit)["input_ids"]

    def _bert(self) -> Bert:
        bert = bert_of(self.model)
        if bert is None:
            raise TypeError(f"{self.name}: the fast forward pass is for a BERT with a mean or first token")
        return bert
