"""Errors of the Hub in words, and the retries that ``huggingface_hub`` does not make itself.

huggingface_hub 2.4.0 repeats listings, metadata requests and uploads to storage up to five times after a 408, 429,
5xx, time-out or cut connection, and it continues a download that breaks off. It does not repeat commits,
``repo_info``, ``create_repo``, Space variables, and a download whose first answer is a 5xx: ``retried`` does.
"""

import logging
import re
import time
from collections.abc import Callable, Container
from typing import TypeVar

from huggingface_hub import constants
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import (
    get_session,
    httpx,
    parse_ratelimit_headers,
)  # the HTTP library that the client itself uses
from huggingface_hub.utils.logging import disable_propagation

from space.errors import UserError
from space.hub import storage_answers

logger = logging.getLogger(__name__)

#: What the client raises when a request fails. ``create_commit`` raises RuntimeError and ValueError as well.
FAULTS = (
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    httpx.HTTPError,
    httpx.InvalidURL,
    UnicodeEncodeError,  # a token with characters that no HTTP header can hold
)
_PAUSES = (1.0, 2.0, 4.0)
#: The last retry starts at most so long after the first failure, since the client may have retried for 23 s before.
_RETRY_SECONDS = 20.0
#: The longest wait that the Hub may ask for, by ``Retry-After`` or ``RateLimit``.
_RETRY_AFTER_SECONDS = 60.0
_TRANSIENT = {408, 429, 500, 502, 503, 504}

_NOT_THERE = "it is not on the Hub, or it is private (404): check the name, or log in with `hf auth login`"
_NOT_SENT = "the request could not be sent: check the characters in HF_TOKEN and HF_ENDPOINT"
_SERVER_ERRORS = range(500, 600)
#: (class of the error, its status codes or None for all, words). The first row that fits is used.
_WORDS: tuple[tuple[type[BaseException], Container[int] | None, str], ...] = (
    (GatedRepoError, None, "it is gated: accept its terms on the Hub and log in with `hf auth login`"),
    (RevisionNotFoundError, None, "the repository has no such revision"),
    (RepositoryNotFoundError, None, _NOT_THERE),
    (DisabledRepoError, None, "it is disabled on the Hub{said}"),
    (HfHubHTTPError, {401}, "the Hub does not accept the token (401): use `hf auth login`, or renew HF_TOKEN"),
    (
        HfHubHTTPError,
        {403},
        "the Hub does not allow that (403){said}; https://huggingface.co/settings/tokens shows what the token may do",
    ),
    (HfHubHTTPError, {404}, "it is not there (404)"),
    (HfHubHTTPError, {412}, "somebody else pushed at the same time (412): push again"),
    (HfHubHTTPError, {429}, "too many requests (429){wait}"),
    (HfHubHTTPError, _SERVER_ERRORS, "the Hub failed ({status}), see https://status.huggingface.co"),
    (OfflineModeIsEnabled, None, "HF_HUB_OFFLINE is set"),
    (httpx.ConnectError, None, "the Hub is out of reach"),
    (httpx.TimeoutException, None, "the Hub did not answer in time"),
    (httpx.LocalProtocolError, None, _NOT_SENT),
    (httpx.UnsupportedProtocol, None, _NOT_SENT),
    (httpx.InvalidURL, None, _NOT_SENT),
    (UnicodeEncodeError, None, _NOT_SENT),
    (httpx.TransportError, None, "the connection was cut"),
)

_CARD = "Invalid metadata in README.md"
_MOST_OF_REASONS = 1_000

T = TypeVar("T")


def in_words(error: BaseException) -> str:
    """An error of the client as a sentence with its cure, without tokens and signed links."""
    if isinstance(error, UserError):
        return str(error)
    if "/xet-" in str(error) and not isinstance(error, HfHubHTTPError):  # of the package hf_xet
        return "this Hub has no Xet storage: set HF_HUB_DISABLE_XET=1"
    if isinstance(error, ValueError) and str(error).startswith(_CARD):  # its reasons are a list, one a line
        said = "; ".join(line.lstrip("- ") for line in str(error).splitlines()[1:] if line.strip("- ^"))
        return f"{_CARD}: {without_secrets(said)[:_MOST_OF_REASONS]}"
    if isinstance(error, RuntimeError) and error.__cause__ is not None:  # create_commit: one file was not uploaded
        file = re.search(r"'(.+)'", str(error))
        name = file[1] if file else "a file"
        if _status(error.__cause__) == 400:  # storage compares the checksum
            return f"{name} did not arrive intact"
        return f"{name} could not be uploaded, {in_words(error.__cause__)}"
    error = _answer(error)
    status, seconds = _status(error), _retry_after(error)
    if isinstance(error, HfHubHTTPError) and storage_answers.refuses(error):
        host = error.response.url.host
        between = "" if storage_answers.is_expired(error) else "; a proxy or firewall may stand between"
        return f"the storage {host} does not give the file (403){_said(error)}{between}"
    for kind, statuses, words in _WORDS:
        if isinstance(error, kind) and (statuses is None or status in statuses):
            wait = "" if seconds is None else f", the Hub asks to wait {seconds:.0f} s"
            return words.format(status=status, wait=wait, said=_said(error))
    lines = [line.strip() for line in without_secrets(str(error)).splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else type(error).__name__


def retried(call: Callable[[], T], what: str) -> T:
    """The result of ``call()``, which is repeated after 1, 2 and 4 seconds while the Hub fails.

    After a 429 or 5xx the pause is as long as ``Retry-After`` or ``RateLimit`` says, up to a minute.

    Args:
        call: safe to repeat, since an answer can get lost on its way back.
        what: for the log, such as "pushing model user/name".

    Raises:
        FAULTS: the last failure.
    """
    _redact_client_log()
    first_failure = None
    for pause in (*_PAUSES, None):
        # Without this the client waits for the answer to a commit for ever.
        get_session().timeout = httpx.Timeout(answer_seconds(), connect=constants.HF_HUB_DOWNLOAD_TIMEOUT)
        try:
            return call()
        except FAULTS as error:
            now = time.monotonic()
            first_failure = first_failure or now
            told = _retry_after(_answer(error))
            wait = pause if told is None or pause is None else told + 0.5  # Retry-After is in whole seconds
            late = now - first_failure > _RETRY_SECONDS or (told or 0.0) > _RETRY_AFTER_SECONDS
            # A time-out has taken half a minute already, or three where the client itself retried.
            timed_out = isinstance(_answer(error), httpx.TimeoutException)
            if wait is None or late or timed_out or not is_transient(error):
                raise
            logger.warning("%s: %s; trying again in %.0f s", what, in_words(error), wait)
            time.sleep(wait)
    raise AssertionError("the last pause is None")


def answer_seconds() -> float:
    """How long to wait for an answer: three times ``HF_HUB_DOWNLOAD_TIMEOUT``, 30 s by default."""
    return 3.0 * constants.HF_HUB_DOWNLOAD_TIMEOUT


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed later."""
    error = _answer(error)
    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        return False
    return isinstance(error, httpx.TransportError) or _status(error) in _TRANSIENT or storage_answers.is_expired(error)


#: Characters of an answer that are read; the patterns take a time that grows with the square of it.
_MOST_OF_AN_ANSWER = 10_000


def without_secrets(text: str) -> str:
    """``text`` without tokens, and without the passwords and query strings of links, since these hold signatures."""
    text = text[:_MOST_OF_AN_ANSWER]
    text = re.sub(r"(https?://)[^\s/'\"]*@", r"\1", text)
    text = re.sub(r"(https?://[^\s?]++)\?[^\s'\"]*", r"\1", text)
    return re.sub(r"\bhf_[A-Za-z0-9]+|Bearer\s+\S+", "…", text)


def _answer(error: BaseException) -> BaseException:
    """The Hub's answer, or the lack of one, that caused the client's "not in the cache"; else ``error`` itself."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, HfHubHTTPError | httpx.TransportError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return error


def _status(error: BaseException | None) -> int | None:
    return error.response.status_code if isinstance(error, HfHubHTTPError) else None


def _retry_after(error: BaseException) -> float | None:
    if not isinstance(error, HfHubHTTPError):
        return None
    value = error.response.headers.get("Retry-After", "")
    if value.isdigit():
        return float(value)
    limit = parse_ratelimit_headers(error.response.headers) if error.response.status_code == 429 else None
    return float(limit.reset_in_seconds) if limit and limit.remaining == 0 else None


def _said(error: BaseException) -> str:
    """The reason that the answer gives, which tells a full storage from a token that may not write."""
    if storage_answers.is_expired(error):
        return ", the link to the file has expired"
    text = (isinstance(error, HfHubHTTPError) and error.server_message) or ""
    said = " ".join(without_secrets(storage_answers.message(text)).split())
    return f", it says: {said[:200].rstrip('.')}" if said else ""


def _redact(record: logging.LogRecord) -> bool:
    """Remove the signed links of the storage from a warning of the client."""
    record.msg, record.args = without_secrets(record.getMessage()), ()
    return True


def _redact_client_log() -> None:
    """Keep signed links out of the client's warnings, which it prints through a handler of its own."""
    for handler in logging.getLogger("huggingface_hub").handlers:
        handler.addFilter(_redact)
    disable_propagation()  # our root handler would print the warning a second time, unfiltered
