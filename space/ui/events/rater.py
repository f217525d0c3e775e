"""Which rater sent an event."""

import gradio as gr

from space.feedback.raters import OWNER, Access, visit_name

#: A page that a proxy shows is not only for the machine that serves it.
_FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip")


def rater_of(access: Access, request: gr.Request, profile: gr.OAuthProfile | None) -> str | None:
    """The name to keep an answer under; None for a visitor who may not answer.

    Args:
        access: who may.
        request: of the event.
        profile: of the Hub user who has logged in, if any.
    """
    visit = request.session_hash or ""
    rater = access.rater(visit, profile.username if profile else None)
    if rater == OWNER and any(request.headers.get(name) for name in _FORWARDED):
        return visit_name(visit)
    return rater
