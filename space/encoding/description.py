"""What a manifest, an evaluation and the page say about an encoder."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from space.io import json_values

#: The usual two encoders of a store: before and after fine-tuning. See ``space.encoding.lineup`` for others.
BASE, TUNED = "base", "tuned"
#: A larger number in a manifest is damage, or an attempt to fill the memory.
MAX_DIM, MAX_TOKENS = 65_536, 2**31


@dataclass(frozen=True, kw_only=True)
class EncoderDescription:
    """Which encoder made some vectors. ``dataclasses.asdict`` gives its JSON form.

    Attributes:
        id: Hub id, or the last part of a folder's path.
        revision: its commit on the Hub; None for a folder or a package.
        reason: why these weights were taken instead of those asked for, or "".
        fingerprint: sha256 over weights, tokenizer, pooling and prompts, as hex.
        dim: length of a vector.
        max_seq_length: tokens read of each text.
        precision: of the forward pass, such as "float32".
        prompts: {"query" and "document": what is put before each text}.
    """

    id: str
    revision: str | None = None
    reason: str = ""
    fingerprint: str
    dim: int
    max_seq_length: int
    precision: str = "float32"
    prompts: Mapping[str, str] = field(default_factory=dict)

    @property
    def pinned(self) -> str:
        """``ID@REVISION``, or the id alone where there is no revision."""
        return f"{self.id}@{self.revision}" if self.revision else self.id

    @classmethod
    def from_json(cls, value: object, name: str) -> "EncoderDescription":
        """Read and check a JSON object; unknown keys are ignored.

        Args:
            value: what ``json.loads`` gave.
            name: what to call it in messages, such as "encoders.base".

        Raises:
            JsonValueError: a key is missing, or its value has the wrong type or size.
        """
        entry = json_values.mapping(value, name)
        revision = entry.get("revision")
        prompts = json_values.mapping(entry.get("prompts", {}), f"{name}.prompts")
        return cls(
            id=json_values.text(entry.get("id"), f"{name}.id"),
            revision=None if revision is None else json_values.text(revision, f"{name}.revision"),
            reason=json_values.text(entry.get("reason", ""), f"{name}.reason"),
            fingerprint=json_values.text(entry.get("fingerprint"), f"{name}.fingerprint"),
            dim=json_values.count(entry.get("dim"), f"{name}.dim", MAX_DIM),
            max_seq_length=json_values.count(entry.get("max_seq_length"), f"{name}.max_seq_length", MAX_TOKENS),
            precision=json_values.text(entry.get("precision", "float32"), f"{name}.precision"),
            prompts={kind: json_values.text(prompt, f"{name}.prompts.{kind}") for kind, prompt in prompts.items()},
        )


@dataclass(frozen=True, kw_only=True)
class RerankerDescription:
    """Which cross-encoder reorders results, and how many.

    Attributes:
        id: Hub id, or the last part of a folder's path.
        revision: its commit on the Hub; None for a folder or a package.
        reason: why these weights were taken instead of those asked for, or "".
        fingerprint: sha256 over weights and tokenizer, as hex.
        max_seq_length: tokens read of a query and a passage together.
        precision: of the forward pass, such as "float32".
        top: how many of the best products of ``first`` are reordered.
        first: the system whose products are reordered.
    """

    id: str
    revision: str | None = None
    reason: str = ""
    fingerprint: str
    max_seq_length: int
    precision: str
    top: int
    first: str

    @property
    def pinned(self) -> str:
        """``ID@REVISION``, or the id alone where there is no revision."""
        return f"{self.id}@{self.revision}" if self.revision else self.id
