"""The page in the visitor's language: texts that the browser chooses from, and handlers that answer in it."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import gradio as gr
from gradio.i18n import I18nData

from space import i18n
from space.i18n import N_

#: Texts of Gradio 6.31 for screen readers that its own catalogues lack, so that it would say the key.
GRADIO = {"common.complete": N_("Done: the page shows the answer.")}


class Texts(gr.I18n):
    """The fixed texts of a page in every language; the browser shows its own before the first paint.

    What is made for one visitor, such as results, does not belong here but into a handler, see
    ``in_visitors_language``.
    """

    def __init__(self) -> None:
        """With those of ``GRADIO`` alone."""
        super().__init__(**{code: {} for code in i18n.languages()})
        for key, text in GRADIO.items():
            self._add(key, lambda text=text: i18n.gettext(text))

    def label(self, text: str) -> I18nData:
        """A label, marked for translation by this call; as ``str()`` where Gradio wants a plain string."""
        return self._add(f"e5:{text}", lambda: i18n.gettext(text))

    def each(self, make: Callable[[], str]) -> I18nData:
        """A text or HTML that ``make`` returns in the current language, called once for each."""
        return self._add(f"e5:{len(self.translations[i18n.ENGLISH])}", make)

    def _add(self, key: str, make: Callable[[], str]) -> I18nData:
        # The prefix of the keys: Gradio would also translate a query of a visitor that is equal to a key.
        for code, known in self.translations.items():
            with i18n.language(code):
                known[key] = str(make())
        return self(key)


def in_visitors_language(handle: Callable[..., Any]) -> Callable[..., Any]:
    """A handler of an event, so wrapped that its texts are in the language of the browser that sent the event."""
    signature = inspect.signature(handle)

    @wraps(handle)
    def answer(sender: gr.Request, *given: Any) -> Any:
        with i18n.language(i18n.preferred(sender.headers.get("accept-language"))):
            return handle(*given)

    # Gradio finds by annotations what else it should pass: the sender here, and event data for ``handle``.
    first = inspect.Parameter("sender", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request)
    answer.__signature__ = signature.replace(parameters=[first, *signature.parameters.values()])
    answer.__annotations__ = handle.__annotations__ | {"sender": gr.Request}
    return answer
