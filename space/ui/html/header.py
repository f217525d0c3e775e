"""What stands above the tabs, as HTML: what this is, over which data, by which encoders. Pure functions."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from space.evaluation.schema import Evaluation
from space.ui.html.cards import NAMES, counted
from space.ui.html.markup import EMPTY, Html, fill, join

PRODUCT = "E5 product search"
QUESTION = "Did fine-tuning help, on what, and can I trust it?"


def header(
    products: int,
    description: Mapping[str, Any],
    notice: str = "",
    evaluation: Evaluation | None = None,
) -> Html:
    """The whole header.

    Args:
        products: size of the catalogue.
        description: "dataset", "embeddings", "device" and "encoders", each of which may be missing.
        notice: what must be said of the data, or "".
        evaluation: what training measured, for its verdict.
    """
    facts = [
        _fact("Catalogue", counted(products, "product")),
        _fact("Data", _short(description.get("dataset"))),
        _fact("Embeddings", _store(description.get("embeddings") or {})),
        _fact("Runs on", _device(description.get("device"))),
    ]
    encoders = description.get("encoders") or {}
    verdict = evaluation.verdict if evaluation else ""
    return fill(
        '<header class="masthead"><div class="names"><h1>{product}</h1><p class="question">{question}</p></div>'
        '<dl class="overview">{facts}</dl>{encoders}{verdict}{notice}</header>',
        product=PRODUCT,
        question=QUESTION,
        facts=join(facts),
        encoders=_encoders(encoders),
        verdict=fill('<p class="verdict"><strong>Measured:</strong> {verdict}</p>', verdict=verdict)
        if verdict
        else EMPTY,
        notice=fill('<p class="notice" role="note">{notice}</p>', notice=notice) if notice else EMPTY,
    )


def _encoders(encoders: Mapping[str, Mapping[str, Any]]) -> Html:
    parts = [_encoder(part, encoders[part]) for part in ("base", "tuned") if encoders.get(part)]
    return fill('<div class="encoders">{parts}</div>', parts=join(parts)) if parts else EMPTY


def _encoder(part: str, encoder: Mapping[str, Any]) -> Html:
    """Name and, if it is not the one asked for, why; the fingerprint and the like on request.

    On a phone the reason shrinks to its first words, a tag, until it is asked for.
    """
    revision, reason = encoder.get("revision"), encoder.get("reason")
    rows = [
        _fact("Revision", revision),
        _fact("Fingerprint", encoder.get("fingerprint")),
        _fact("Dimensions", encoder.get("dim")),
        _fact("Tokens read", encoder.get("max_seq_length")),
        _fact("Precision", encoder.get("precision")),
    ]
    return fill(
        '<details class="encoder {part}"><summary><span class="part">{name}</span> <span class="model">{model}</span>'
        "{at}{reason}</summary><dl>{rows}</dl></details>",
        part=part,
        name=NAMES[part],
        model=_short(encoder.get("id")) or "unknown",
        at=fill(' <span class="revision">@{revision}</span>', revision=str(revision)[:7]) if revision else EMPTY,
        reason=_reason(reason) if reason else EMPTY,
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


def _short(name: object) -> str:
    """ID@COMMIT with as much of the commit as people read; of a path only the last part."""
    text = str(name or "")
    if Path(text).is_absolute() or text.startswith("."):
        return Path(text).name
    return re.sub(r"@([0-9a-f]{7})[0-9a-f]{33}$", r"@\1", text)


def _store(store: Mapping[str, str]) -> str:
    """Which it is on the Hub, and that it is from the cache and perhaps not the newest."""
    return ", ".join(filter(None, [_short(store.get("id")), store.get("note")]))


def _device(device: object) -> str:
    return {"cpu": "CPU", "cuda": "GPU", "cuda:0": "GPU"}.get(str(device), str(device)) if device else ""
