"""Whether an evaluation was measured on the data of a store, by checksums; and what else differs from what is served.

An evaluation comes with the model, and the model may be used for any catalogue. Its verdict, its queries and its
choice of BM25 parameters say nothing about another catalogue, so they are not used there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from space.data.checksums import Checksums
from space.data.passages import template
from space.encoding.description import EncoderDescription
from space.evaluation.schema import Bm25Parameters, Evaluation
from space.i18n import N_
from space.i18n import gettext as _

#: Where an evaluation was measured: on the data of the store, on other data, or one cannot tell.
Origin = Literal["here", "elsewhere", "unknown"]
#: What differs between what was measured and what is served, although the products are the same.
Difference = Literal["text", "judgments"]
#: {origin: what is to be said of it}.
SENTENCES: dict[Origin, str] = {
    "elsewhere": N_("Measured on {dataset}, not on this catalogue: nothing is known here yet."),
    "unknown": N_(
        "Measured on {dataset}. Whether that is this catalogue is unknown: the evaluation has no checksum of its "
        "data, and the name or the number of products differs."
    ),
}


@dataclass(frozen=True)
class Measured:
    """An evaluation beside a store.

    Attributes:
        evaluation: what training measured.
        origin: whether that was the data of the store.
    """

    evaluation: Evaluation
    origin: Origin

    @property
    def here(self) -> Evaluation | None:
        """The evaluation, if it was measured on the data of the store."""
        return self.evaluation if self.origin == "here" else None

    @property
    def bm25(self) -> Bm25Parameters:
        """The parameters of BM25 for the store: those that were chosen on its data, or the usual ones."""
        return (self.here and self.here.bm25) or Bm25Parameters()

    @property
    def dataset(self) -> str:
        """The name of the data it was measured on."""
        return self.evaluation.dataset.name if self.evaluation.dataset else _("unknown data")

    @property
    def sentence(self) -> str:
        """What is to be said of an evaluation of other data, in the current language; "" if it is of these."""
        return "" if self.origin == "here" else _(SENTENCES[self.origin]).format(dataset=self.dataset)


def compare(evaluation: Evaluation | None, dataset: str, rows: int, checksums: Checksums | None) -> Measured | None:
    """Where an evaluation was measured, seen from a store; None if there is no evaluation.

    With checksums on both sides it was measured here if every locale that it searched has the same products in the
    store, which may have further locales. Older files have no checksums: then the name of the data set and the number
    of products decide, and where they differ nothing is known.

    Args:
        evaluation: of the model.
        dataset: what was embedded, as the manifest names it.
        rows: products of the store.
        checksums: of the store; None for an older one.
    """
    if evaluation is None:
        return None
    data = evaluation.dataset
    if data is None:
        return Measured(evaluation, "unknown")
    if data.checksums and data.checksums.products and checksums:
        same = all(checksums.products.get(locale) == one for locale, one in data.checksums.products.items())
        return Measured(evaluation, "here" if same else "elsewhere")
    return Measured(evaluation, "here" if (data.name, data.products) == (dataset, rows) else "unknown")


def differences(
    evaluation: Evaluation, text: str, encoders: Mapping[str, EncoderDescription], checksums: Checksums | None
) -> list[Difference]:
    """What differs from what is served, although the products are the same.

    Args:
        evaluation: measured on the products of the store.
        text: the passage text of the store in words, "" if it is not known.
        encoders: {"base" and "tuned": the encoder that answers}.
        checksums: of the store.
    """
    found: list[Difference] = []
    bullets = evaluation.settings.get("bullets")
    other_text = bool(text) and type(bullets) is int and template(bullets) != text
    both = evaluation.encoders.keys() & encoders.keys()
    if other_text or any(evaluation.encoders[one].max_seq_length != encoders[one].max_seq_length for one in both):
        found.append("text")
    measured = evaluation.dataset.checksums if evaluation.dataset else None
    if measured and checksums and checksums.judgments:
        if any(checksums.judgments.get(locale) != one for locale, one in measured.judgments.items()):
            found.append("judgments")
    return found
