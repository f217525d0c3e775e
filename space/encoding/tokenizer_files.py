"""Reads the tokenizer of a model: as its file says, and as transformers makes it of that file."""

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer

from space.encoding import kept_tokenizers
from space.encoding.fingerprint import PROBES, vocabulary_json

#: What made a tokenizer: its file alone, or transformers.
FILE, TRANSFORMERS = "file", "transformers"
_FILE = "tokenizer.json"
#: transformers is imported by one thread at a time: some of its modules import each other.
_TRANSFORMERS = threading.Lock()


class ReadTokenizer:
    """A tokenizer that encoders may share, and the parts of a fingerprint that come from it. Threads may use it.

    Args:
        tokenizer: its padding and its limit are removed.
        maker: ``FILE`` or ``TRANSFORMERS``.
    """

    def __init__(self, tokenizer: Tokenizer, maker: str) -> None:
        """Keep the tokenizer; nothing is computed yet."""
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self.maker = maker
        # A tokenizer keeps its length limit as state, and raises "Already borrowed" if two threads set it at once.
        self._tokenizer, self._lock = tokenizer, threading.Lock()

    def ids(self, texts: Sequence[str], limit: int | None = None) -> list[list[int]]:
        """The token ids of each text, cut after ``limit`` tokens, special ones included; None cuts nothing."""
        with self._lock:
            if limit is None:
                self._tokenizer.no_truncation()
            else:
                self._tokenizer.enable_truncation(limit)
            return [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]

    @property
    def content(self) -> str:
        """All of it as JSON."""
        with self._lock:
            self._tokenizer.no_truncation()
            return self._tokenizer.to_str()

    @property
    def tokens(self) -> int:
        """How many tokens it has."""
        return self._tokenizer.get_vocab_size()

    @property
    def special_tokens(self) -> int:
        """How many tokens an empty text has."""
        return self._tokenizer.num_special_tokens_to_add(is_pair=False)

    @cached_property
    def vocabulary(self) -> bytes:
        """See ``vocabulary_json``; takes most of a second for 250,000 tokens."""
        return vocabulary_json(self._tokenizer.get_vocab())

    @cached_property
    def probes(self) -> list[list[int]]:
        """The token ids of each of ``PROBES``."""
        return self.ids(PROBES)


class TokenizerFiles:
    """Reads the tokenizers of several models, those of equal files once. Threads may use it."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._written: dict[bytes, ReadTokenizer] = {}
        self._lock = threading.Lock()

    def readings(self, folder: Path) -> Iterator[ReadTokenizer]:
        """The tokenizer of a model in each way in which it can be read, the fastest first.

        transformers makes some tokenizers anew, such as that of XLM-R, and then they differ from the file. It takes a
        second to import, so it is asked only if the caller wants another reading. What it once made of these files
        comes first, see ``kept_tokenizers``.

        Args:
            folder: of the model; a file that cannot be read, or cuts texts on the left, gives no reading.
        """
        kept = kept_tokenizers.recall(folder)
        if kept is not None:
            yield ReadTokenizer(kept, TRANSFORMERS)
        for reader in (self._as_written, _by_transformers):
            try:
                read = reader(folder)
            except Exception:  # noqa: BLE001 - tokenizers raises no narrower type; TextEncoder then says what is wrong
                return
            yield read

    def _as_written(self, folder: Path) -> ReadTokenizer:
        settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        if settings.get("truncation_side", "right") != "right":
            raise ValueError("texts are cut on the left")
        content = (folder / _FILE).read_bytes()
        digest = hashlib.sha256(content).digest()
        with self._lock:  # reading takes half a second and holds Python's own lock, so two threads gain nothing
            if digest not in self._written:
                self._written[digest] = ReadTokenizer(Tokenizer.from_buffer(content), FILE)
            return self._written[digest]


def _by_transformers(folder: Path) -> ReadTokenizer:
    with _TRANSFORMERS:
        from transformers import AutoTokenizer

        made = AutoTokenizer.from_pretrained(folder, local_files_only=True).backend_tokenizer
    return ReadTokenizer(made, TRANSFORMERS)


def keep_file(original: Path, saved: Path) -> None:
    """Give a trained model the tokenizer.json of its base, byte for byte, if both are the same tokenizer.

    transformers writes the scores of tokens with other last digits. Of equal files the app reads one, and the Hub
    stores one.

    Args:
        original: folder of the model that was trained.
        saved: folder of the trained model.
    """
    written = saved / _FILE
    if written.is_file() and is_written(original, Tokenizer.from_file(str(written))):
        shutil.copyfile(original / _FILE, written)


def is_written(folder: Path, tokenizer: Tokenizer) -> bool:
    """Whether a tokenizer is just what the file of a model says. Its padding and its limit, set at each use, go."""
    path = folder / _FILE
    return path.is_file() and _content(Tokenizer.from_file(str(path))) == _content(tokenizer)


def _content(tokenizer: Tokenizer) -> object:
    tokenizer.no_padding()
    tokenizer.no_truncation()
    # The scores of tokens change in the 15th digit each time they are written and read.
    return json.loads(tokenizer.to_str(), parse_float=lambda score: round(float(score), 6))
