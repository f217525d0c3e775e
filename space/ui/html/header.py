"""What stands above the tabs: what this is, which data, which encoders, and the verdict of the evaluation."""

import re
from collections.abc import Mapping
from pathlib import Path

from space.encoding.description import EncoderDescription
from space.encoding.weights import PACKAGED_NAME
from space.evaluation import findings
from space.evaluation.provenance import SENTENCES, Measured
from space.evaluation.schema import Evaluation
from space.i18n import N_
from space.i18n import gettext as _
from space.search.description import EngineDescription
from space.settings import SAMPLE
from space.ui.html.doubts import doubts
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.html.names import products as counted
from space.ui.html.names import system_name

PRODUCT = "E5 product search"
QUESTION = N_("Did fine-tuning help, on what, and can I trust it?")
#: How reasons begin, see ``space.encoding.weights``; the rest of a reason stays as it is in the log.
_TAGS = (N_("not from the Hub"), N_("from the cache"))


def header(
    products: int,
    description: EngineDescription,
    notice: str = "",
    evaluation: Evaluation | None = None,
    elsewhere: Measured | None = None,
) -> Html:
    """The whole header.

    Args:
        products: size of the catalogue.
        description: data, store, device and encoders.
        notice: a sentence about the data, such as that it is made up, or "".
        evaluation: what training measured on this catalogue, for its verdict.
        elsewhere: what it measured on another one, of which only that is said.
    """
    facts = [
        fact(_("Catalogue"), counted(products)),
        fact(_("Data"), _("sample") if description.dataset == SAMPLE else _short(description.dataset)),
        fact(_("Embeddings"), _store(description)),
        fact(_("Runs on"), _device(description.device)),
    ]
    return fill(
        '<header class="masthead"><div class="names"><h1>{product}</h1><p class="question">{question}</p></div>'
        '<dl class="overview">{facts}</dl>{encoders}{verdict}{notice}</header>',
        product=PRODUCT,
        question=_(QUESTION),
        facts=join(facts),
        encoders=_encoders(description.encoders),
        verdict=_verdict(evaluation, elsewhere, description),
        notice=fill('<p class="notice" role="note">{notice}</p>', notice=_(notice)) if notice else EMPTY,
    )


def fact(name: str, value: object) -> Html:
    """A name and a value of a list; nothing for None and ""."""
    shown = value is not None and value != ""
    return fill("<div><dt>{name}</dt><dd>{value}</dd></div>", name=name, value=value) if shown else EMPTY


def _verdict(evaluation: Evaluation | None, elsewhere: Measured | None, description: EngineDescription) -> Html:
    """What the evaluation says of this catalogue, and what speaks against relying on it."""
    if elsewhere:
        return fill('<p class="verdict elsewhere">{said}</p>', said=measured_elsewhere(elsewhere))
    verdict = findings.verdict(evaluation) if evaluation else ""
    if not verdict:
        return EMPTY
    return fill(
        '<p class="verdict"><strong>{said}</strong> {verdict}</p>',
        said=_("Measured:"),
        verdict=" ".join([verdict, *doubts(evaluation, description)]),
    )


def measured_elsewhere(measured: Measured) -> Html:
    """That an evaluation is of other data, whose name is emphasised."""
    name = _("sample") if measured.dataset == SAMPLE else _short(measured.dataset)
    return fill(_(SENTENCES[measured.origin]), dataset=fill("<em>{name}</em>", name=name))


def _encoders(encoders: Mapping[str, EncoderDescription]) -> Html:
    parts = [_encoder(part, encoders[part]) for part in ("base", "tuned") if part in encoders]
    return fill('<div class="encoders">{parts}</div>', parts=join(parts)) if parts else EMPTY


def _encoder(part: str, encoder: EncoderDescription) -> Html:
    """An encoder's name and, if it is not the one that was asked for, why; fingerprint and size unfold.

    On a phone the reason is cut to its first words until the visitor unfolds it.
    """
    rows = [
        fact(_("Revision"), encoder.revision),
        fact(_("Fingerprint"), encoder.fingerprint),
        fact(_("Dimensions"), encoder.dim),
        fact(_("Tokens read"), encoder.max_seq_length),
        fact(_("Precision"), encoder.precision),
    ]
    return fill(
        '<details class="encoder {part}"><summary><span class="part">{name}</span> <span class="model">{model}</span>'
        "{at}{reason}</summary><dl>{rows}</dl></details>",
        part=part,
        name=system_name(part),
        model=_short(encoder.id) or _("unknown"),
        at=fill(' <span class="revision">@{revision}</span>', revision=encoder.revision[:7])
        if encoder.revision
        else EMPTY,
        reason=_reason(encoder.reason) if encoder.reason else EMPTY,
        rows=join(rows),
    )


def _reason(reason: str) -> Html:
    tag = re.split("[:,;]", reason)[0]
    return fill(
        ' <span class="tag" aria-hidden="true">{tag}</span><span class="reason">{tag}{rest}</span>',
        tag=_(tag) if tag in _TAGS else tag,
        rest=reason.removeprefix(tag),
    )


def _short(name: str) -> str:
    """The last part of a path, and ID@COMMIT with the first seven digits of the commit."""
    if name == PACKAGED_NAME:
        return _("multilingual-e5-small, 4-bit weights from a package")
    if Path(name).is_absolute() or name.startswith("."):
        return Path(name).name
    return re.sub(r"@([0-9a-f]{7})[0-9a-f]{33}$", r"@\1", name)


def _store(description: EngineDescription) -> str:
    """The store on the Hub, and why it may not be the newest."""
    return ", ".join(filter(None, [_short(description.store), description.store_note]))


def _device(device: str) -> str:
    return {"cpu": "CPU", "cuda": "GPU", "cuda:0": "GPU"}.get(device, device)
