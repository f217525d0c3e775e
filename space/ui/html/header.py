"""What stands above the tabs, as HTML: what this is, over which data, by which encoders. Pure functions."""

import re
from collections.abc import Mapping
from pathlib import Path

from space.encoding.description import EncoderDescription
from space.evaluation import findings
from space.evaluation.schema import Evaluation
from space.search.description import EngineDescription
from space.ui.html.cards import NAMES, counted
from space.ui.html.markup import EMPTY, Html, fill, join

PRODUCT = "E5 product search"
QUESTION = "Did fine-tuning help, on what, and can I trust it?"


def header(
    products: int,
    description: EngineDescription,
    notice: str = "",
    evaluation: Evaluation | None = None,
) -> Html:
    """The whole header.

    Args:
        products: size of the catalogue.
        description: data, store, device and encoders.
        notice: what must be said of the data, or "".
        evaluation: what training measured, for its verdict.
    """
    facts = [
        _fact("Catalogue", counted(products, "product")),
        _fact("Data", _short(description.dataset)),
        _fact("Embeddings", _store(description)),
        _fact("Runs on", _device(description.device)),
    ]
    verdict = findings.verdict(evaluation) if evaluation else ""
    return fill(
        '<header class="masthead"><div class="names"><h1>{product}</h1><p class="question">{question}</p></div>'
        '<dl class="overview">{facts}</dl>{encoders}{verdict}{notice}</header>',
        product=PRODUCT,
        question=QUESTION,
        facts=join(facts),
        encoders=_encoders(description.encoders),
        verdict=fill('<p class="verdict"><strong>Measured:</strong> {verdict}</p>', verdict=verdict)
        if verdict
        else EMPTY,
        notice=fill('<p class="notice" role="note">{notice}</p>', notice=notice) if notice else EMPTY,
    )


def _encoders(encoders: Mapping[str, EncoderDescription]) -> Html:
    parts = [_encoder(part, encoders[part]) for part in ("base", "tuned") if part in encoders]
    return fill('<div class="encoders">{parts}</div>', parts=join(parts)) if parts else EMPTY


def _encoder(part: str, encoder: EncoderDescription) -> Html:
    """Name and, if it is not the one asked for, why; the fingerprint and the like on request.

    On a phone the reason shrinks to its first words, a tag, until it is asked for.
    """
    rows = [
        _fact("Revision", encoder.revision),
        _fact("Fingerprint", encoder.fingerprint),
        _fact("Dimensions", encoder.dim),
        _fact("Tokens read", encoder.max_seq_length),
        _fact("Precision", encoder.precision),
    ]
    return fill(
        '<details class="encoder {part}"><summary><span class="part">{name}</span> <span class="model">{model}</span>'
        "{at}{reason}</summary><dl>{rows}</dl></details>",
        part=part,
        name=NAMES[part],
        model=_short(encoder.id) or "unknown",
        at=fill(' <span class="revision">@{revision}</span>', revision=encoder.revision[:7])
        if encoder.revision
        else EMPTY,
        reason=_reason(encoder.reason) if encoder.reason else EMPTY,
        rows=join(rows),
    )


def _reason(reason: str) -> Html:
    return fill(
        ' <span class="tag" aria-hidden="true">{tag}</span><span class="reason">{reason}</span>',
        tag=re.split("[:,;]", reason)[0],
        reason=reason,
    )


def _fact(name: str, value: object) -> Html:
    return fill("<div><dt>{name}</dt><dd>{value}</dd></div>", name=name, value=value) if value else EMPTY


def _short(name: str) -> str:
    """ID@COMMIT with as much of the commit as people read; of a path only the last part."""
    if Path(name).is_absolute() or name.startswith("."):
        return Path(name).name
    return re.sub(r"@([0-9a-f]{7})[0-9a-f]{33}$", r"@\1", name)


def _store(description: EngineDescription) -> str:
    """The store on the Hub, and why it may not be the newest."""
    return ", ".join(filter(None, [_short(description.store), description.store_note]))


def _device(device: str) -> str:
    return {"cpu": "CPU", "cuda": "GPU", "cuda:0": "GPU"}.get(device, device)
