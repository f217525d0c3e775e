"""Terms of the field behind a "?": a button that opens two sentences by tap or keyboard; Escape closes them."""

import secrets
from types import MappingProxyType

from space.i18n import N_
from space.i18n import gettext as _
from space.ui.html.markup import EMPTY, Html, fill

#: {key: (the term, what it means)}.
TERMS = MappingProxyType(
    {
        "quality": (
            N_("nDCG@10"),
            N_(
                "A number from 0 to 1 for the first ten results: 1 means that the best products stand first. "
                "A good product counts less the further down it stands."
            ),
        ),
        "recall": (
            N_("Recall"),
            N_(
                "The share of the products that fit the query which are in the list. "
                "1 means that none of them is missing."
            ),
        ),
        "first": (N_("Hit@1"), N_("Whether the very first product fits. Many visitors look no further than that.")),
        "mrr": (
            N_("MRR@10"),
            N_(
                "One divided by the place of the first product that fits: 1 for the first place, .5 for the second. "
                "It is 0 if none of the first ten fits."
            ),
        ),
        "interval": (
            N_("95 % interval"),
            N_(
                "With other test queries the average would have been a little different; in 95 of 100 cases it lies "
                "between these two numbers. If both are above zero, the gain is more than chance."
            ),
        ),
        "held-out": (
            N_("Held-out queries"),
            N_(
                "Queries with ratings that the model did not see while it was trained. "
                "Only they can show whether it learned something that carries over to new queries."
            ),
        ),
        "bm25": (
            N_("BM25"),
            N_(
                "The classic search by words: a product is found if it has words of the query, and rare words count "
                "more. It needs no training, so a trained model has to beat it."
            ),
        ),
        "hybrid": (
            N_("Hybrid"),
            N_(
                "The list of the fine-tuned model and that of the keyword search, merged by their ranks. "
                "A product that is high in both is first."
            ),
        ),
        "reranked": (
            N_("Reranked"),
            N_(
                "A second model, a cross-encoder, reads the query together with each of the best products and orders "
                "them again. That is slower than comparing vectors, and often more exact."
            ),
        ),
        "fused": (
            N_("Hybrid"),
            N_(
                "The list of an encoder and that of the keyword search, merged by their ranks. "
                "A product that is high in both is first."
            ),
        ),
        "rbo": (
            N_("Rank-biased overlap (RBO)"),
            N_(
                "How alike two ranked lists are: 1 for the same order, 0 for nothing in common. "
                "The top of the lists counts most."
            ),
        ),
        "unrated": (
            N_("Unjudged"),
            N_(
                "Nobody has said whether this product fits this query. In the score it counts as if it did not fit, "
                "although it may."
            ),
        ),
        "matches": (
            N_("Percentile"),
            N_(
                "The score by itself says little, so it is compared with the scores of test queries and products "
                "that were judged to fit. Higher means closer than more of those."
            ),
        ),
        "slices": (
            N_("Slices"),
            N_(
                "The test queries in groups, such as by language or by length. An average can hide that one group "
                "got worse."
            ),
        ),
    }
)


def with_help(text: str, about: Html) -> Html:
    """A text and the "?" behind it, which no line break parts from the last word."""
    rest, space, last = text.rpartition(" ")
    return fill(
        '{rest}{space}<span class="with-help">{last} {about}</span>', rest=rest, space=space, last=last, about=about
    )


def help_for(key: str, also: str = "") -> Html:
    """The "?" of a term.

    Args:
        key: one of ``TERMS``.
        also: a further sentence, such as the number itself.
    """
    term, meaning = TERMS[key]
    # Hidden tabs stay in the page, so the same place may be there twice: each "?" needs an id of its own.
    name = f"help-{key}-{secrets.token_hex(4)}"
    return fill(
        '<button type="button" class="help" popovertarget="{id}" aria-label="{label}">?</button>'
        '<span popover="auto" id="{id}" class="help-text"><b>{term}</b> {meaning}{also}</span>',
        id=name,
        label=_("What is this? {term}").format(term=_(term)),
        term=_(term),
        meaning=_(meaning),
        also=fill(" {also}", also=also) if also else EMPTY,
    )
