"""What stands above the tabs: what this is, which data, which encoders, and the verdict of the evaluation."""

import re

from space.encoding.description import TUNED, EncoderDescription, RerankerDescription
from space.evaluation.provenance import Measured
from space.evaluation.schema import Evaluation
from space.i18n import N_
from space.i18n import gettext as _
from space.search.description import EngineDescription
from space.settings import SAMPLE
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.html.names import kind, short_name, system_name
from space.ui.html.names import products as counted
from space.ui.html.verdict import verdict

PRODUCT = "E5 product search"
QUESTION = N_("Did fine-tuning help, on what, and can I trust it?")
#: The same without a fine-tuned encoder.
QUESTION_OF_OTHERS = N_("Which encoder is better, on what, and can I trust it?")
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
    return fill(
        '<header class="masthead"><button type="button" class="skip">{skip}</button>'
        '<div class="names"><h1>{product}</h1><p class="question">{question}</p></div>'
        "{verdict}{running}{notice}</header>",
        skip=_("Skip to the results"),
        product=PRODUCT,
        question=question(description),
        verdict=verdict(evaluation, elsewhere, description),
        running=_running(products, description),
        notice=fill('<p class="notice" role="note">{notice}</p>', notice=_(notice)) if notice else EMPTY,
    )


def question(description: EngineDescription) -> str:
    """What the page answers."""
    return _(QUESTION) if TUNED in description.encoders or not description.encoders else _(QUESTION_OF_OTHERS)


def fact(name: str, value: object) -> Html:
    """A name and a value of a list; nothing for None and ""."""
    shown = value is not None and value != ""
    return fill("<div><dt>{name}</dt><dd>{value}</dd></div>", name=name, value=value) if shown else EMPTY


def _running(products: int, description: EngineDescription) -> Html:
    """What is searched, by which encoders and where; unfolds. Why an encoder is another one shows in any case."""
    facts = [
        fact(_("Data"), _("sample") if description.dataset == SAMPLE else short_name(description.dataset)),
        fact(_("Embeddings"), _store(description)),
        fact(_("Runs on"), _device(description.device)),
    ]
    encoders = list(description.encoders.items())
    tags = [
        fill(' <span class="tag">{name}: {tag}</span>', name=system_name(part), tag=_tag(encoder.reason))
        for part, encoder in encoders
        if encoder.reason
    ]
    if description.reranker and description.reranker.reason:
        tag = _tag(description.reranker.reason)
        tags.append(fill(' <span class="tag">{name}: {tag}</span>', name=system_name("reranked"), tag=tag))
    return fill(
        '<details class="running"><summary>{counted} · {models}{tags}</summary><dl class="overview">{facts}</dl>'
        '<div class="encoders">{encoders}</div></details>',
        counted=counted(products),
        models=_("data and models"),
        tags=join(tags),
        facts=join(facts),
        encoders=join(
            [*(_encoder(part, encoder) for part, encoder in encoders), _reranker(description.reranker)],
        ),
    )


def _encoder(part: str, encoder: EncoderDescription) -> Html:
    """An encoder's name, why it is not the one that was asked for, fingerprint and size."""
    rows = [
        fact(_("Revision"), encoder.revision),
        fact(_("Fingerprint"), encoder.fingerprint),
        fact(_("Dimensions"), encoder.dim),
        fact(_("Tokens read"), encoder.max_seq_length),
        fact(_("Precision"), encoder.precision),
    ]
    return fill(
        '<div class="encoder {kind}"><p><span class="part">{name}</span> <span class="model">{model}</span>'
        "{at}</p>{reason}<dl>{rows}</dl></div>",
        kind=kind(part),
        name=system_name(part),
        model=short_name(encoder.id) or _("unknown"),
        at=fill(' <span class="revision">@{revision}</span>', revision=encoder.revision[:7])
        if encoder.revision
        else EMPTY,
        reason=_reason(encoder.reason) if encoder.reason else EMPTY,
        rows=join(rows),
    )


def _reranker(reranker: RerankerDescription | None) -> Html:
    """The cross-encoder and what it reorders; nothing without one."""
    if reranker is None:
        return EMPTY
    what = _("the best {top} of {system}").format(top=reranker.top, system=system_name(reranker.first))
    rows = [
        fact(_("Reorders"), what),
        fact(_("Revision"), reranker.revision),
        fact(_("Fingerprint"), reranker.fingerprint),
        fact(_("Tokens read"), reranker.max_seq_length),
        fact(_("Precision"), reranker.precision),
    ]
    return fill(
        '<div class="encoder reranked"><p><span class="part">{name}</span> <span class="model">{model}</span></p>'
        "{reason}<dl>{rows}</dl></div>",
        name=system_name("reranked"),
        model=short_name(reranker.id),
        reason=_reason(reranker.reason) if reranker.reason else EMPTY,
        rows=join(rows),
    )


def _reason(reason: str) -> Html:
    known = re.split("[:,;]", reason)[0]
    return fill('<p class="reason">{tag}{rest}</p>', tag=_tag(reason), rest=reason.removeprefix(known))


def _tag(reason: str) -> str:
    """How a reason begins, in the current language where it is known."""
    tag = re.split("[:,;]", reason)[0]
    return _(tag) if tag in _TAGS else tag


def _store(description: EngineDescription) -> str:
    """The store on the Hub, and why it may not be the newest."""
    return ", ".join(filter(None, [short_name(description.store), description.store_note]))


def _device(device: str) -> str:
    return {"cpu": "CPU", "cuda": "GPU", "cuda:0": "GPU"}.get(device, device)
