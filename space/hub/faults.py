"""What can go wrong between here and the Hub: which faults deserve another try, and each of them in words.

Knows no repository and no file. A token is never read here, and nothing that could hold one is repeated: neither
headers nor query strings, which carry the signatures of storage links.
"""

import logging
import re
import time
from collections.abc import Callable
from typing import TypeVar

from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import get_session, httpx  # the client's own HTTP library: its errors are to be caught
from huggingface_hub.utils.logging import disable_propagation

logger = logging.getLogger(__name__)

#: Everything the client raises for a request that failed. RuntimeError: an upload to storage; ValueError: a card.
FAULTS = (HfHubHTTPError, httpx.HTTPError, OSError, RuntimeError, ValueError)
#: No new try later than this after the first failure, which the client may have needed half a minute for: about a
#: minute in all. Longer only where the Hub itself says how long.
PATIENCE_SECONDS, RATE_LIMIT_SECONDS = 20.0, 60.0
_PAUSES = (1.0, 2.0, 4.0)
_TRANSIENT = {429, 500, 502, 503, 504}

T = TypeVar("T")


def patiently(call: Callable[[], T], what: str) -> T:
    """``call()``, a few times if need be.

    The client repeats some requests by itself (metadata of a file, uploads to storage) and others not: commits, a
    repository's information, a file's body that starts with a 500. Those are repeated here, after 1, 2 and 4 seconds
    or what ``Retry-After`` says.

    Args:
        call: must be safe to repeat, since an answer can get lost on its way back.
        what: for the log, such as "pushing model user/name".

    Raises:
        FAULTS: the last failure.
    """
    for handler in logging.getLogger("huggingface_hub").handlers:  # of the client, which prints its warnings itself
        handler.addFilter(_discreet)
    disable_propagation()  # and would again through our own handler
    first_failure = None
    for pause in (*_PAUSES, None):
        began = time.monotonic()
        try:
            get_session().timeout = httpx.Timeout(answer_seconds(), connect=constants.HF_HUB_DOWNLOAD_TIMEOUT)
            return call()
        except FAULTS as error:
            now = time.monotonic()
            first_failure = now if first_failure is None else first_failure
            wait = None if pause is None else _wait(error, pause)
            if isinstance(_root(error), httpx.TimeoutException) and now - began > PATIENCE_SECONDS:
                raise  # the client has waited several times already, or the Hub once for very long
            limit = RATE_LIMIT_SECONDS if _status(_root(error)) == 429 else PATIENCE_SECONDS
            if wait is None or now + wait - first_failure > limit:
                raise
            logger.warning("%s: %s; trying again in %.0f s", what, reason(error), wait)
            time.sleep(wait)
    raise AssertionError("the last pause is None")


def answer_seconds() -> float:
    """How long to wait for an answer, by ``HF_HUB_DOWNLOAD_TIMEOUT``. To a commit, the client would wait for ever."""
    return 3.0 * constants.HF_HUB_DOWNLOAD_TIMEOUT


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed later."""
    error = _root(error)
    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        return False
    status = _status(error)
    return status in _TRANSIENT or (status is None and isinstance(error, httpx.TransportError))


def reason(error: BaseException) -> str:
    """A fault in words, with its cure."""
    if isinstance(error, RuntimeError) and error.__cause__ is not None:  # an upload to storage
        file = re.search(r"'(.+)'", str(error))
        name, status = file[1] if file else "a file", _status(error.__cause__)
        arrived = "did not arrive intact" if status == 400 else f"could not be uploaded, {reason(error.__cause__)}"
        return f"{name} {arrived}"
    error = _root(error)
    for kind, words in _KINDS:
        if isinstance(error, kind):
            return words
    status = _status(error)
    if status == 429:
        after = _retry_after(error)
        return "too many requests (429)" + (f", the Hub asks to wait {after:.0f} s" if after is not None else "")
    if status is not None and status >= 500:
        return f"the Hub failed ({status}), see https://status.huggingface.co"
    lines = [line.strip() for line in discreet(str(error)).splitlines() if line.strip()]
    return _STATUSES.get(status) or (lines[-1].rstrip(".") if lines else type(error).__name__)


NOT_THERE = "it is not on the Hub, or private (404): check the name, or log in with `hf auth login` as who may see it"
_KINDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (GatedRepoError, "it is gated: accept its terms on the Hub and log in with `hf auth login`"),
    (RevisionNotFoundError, "the repository has no such revision"),
    (RepositoryNotFoundError, NOT_THERE),
    (OfflineModeIsEnabled, "HF_HUB_OFFLINE is set"),
    (httpx.ConnectError, "the Hub is out of reach"),
    (httpx.TimeoutException, "the Hub did not answer in time"),
    (httpx.LocalProtocolError, "the request could not be sent: HF_TOKEN or HF_ENDPOINT holds something else"),
    (UnicodeEncodeError, "the request could not be sent: HF_TOKEN or HF_ENDPOINT holds something else"),
    (httpx.TransportError, "the connection broke off"),
)
_STATUSES = {
    401: "the Hub does not accept the token (401): log in again with `hf auth login`, or renew HF_TOKEN",
    403: "the token does not allow that (403): see https://huggingface.co/settings/tokens for what it may do",
    404: "it is not there (404)",
    412: "somebody else pushed at the same time (412)",
}


def discreet(text: str) -> str:
    """A text without query strings and anything that looks like a token."""
    text = re.sub(r"(https?://[^\s?]+)\?[^\s'\"]*", r"\1", text)
    return re.sub(r"\bhf_[A-Za-z0-9]+|Bearer\s+\S+", "…", text)


def _discreet(record: logging.LogRecord) -> bool:
    """A filter for the client's warnings, which name the signed links of the storage."""
    record.msg, record.args = discreet(record.getMessage()), ()
    return True


def _wait(error: BaseException, pause: float) -> float | None:
    """Seconds before the next try; None if there is no use in one."""
    # An upload to storage, the one RuntimeError, has had five tries from the client.
    if isinstance(error, RuntimeError) or not is_transient(error):
        return None
    after = _retry_after(_root(error))
    return pause if after is None else after + 0.5  # it counts in whole seconds


def _root(error: BaseException) -> BaseException:
    """The Hub's answer, or the lack of one, behind a client's "not in the cache" or "couldn't reach"."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, HfHubHTTPError | httpx.TransportError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return error


def _status(error: BaseException | None) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def _retry_after(error: BaseException) -> float | None:
    response = getattr(error, "response", None)
    value = response.headers.get("Retry-After", "") if response is not None else ""
    return float(value) if value.isdigit() else None
