"""Reads why a storage refuses a file: the Hub sends clients there with links that are signed for an hour or so."""

import re
from datetime import UTC, datetime

from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import httpx

#: Characters of an answer that are read.
_MOST = 10_000
#: How S3, Google and Azure say that a signed link is too old. CloudFront says "Access denied" for every reason.
_TOO_OLD = re.compile(r"expired|in the specified time frame", re.IGNORECASE)
_MESSAGE = re.compile(r"<Message>([^<]*)</Message>")


def refuses(error: BaseException) -> bool:
    """Whether an error is a 403 of a storage, not of the Hub: another host, and a signed link."""
    if not isinstance(error, HfHubHTTPError) or error.response.status_code != 403:
        return False
    return bool(error.response.url.query) and _origin(error.response.url) != _origin(httpx.URL(constants.ENDPOINT))


def is_expired(error: BaseException) -> bool:
    """Whether a storage refused a link that is too old; asked again, the Hub signs a new one."""
    if not refuses(error) or not isinstance(error, HfHubHTTPError):
        return False
    said = (error.server_message or "")[:_MOST]
    return _TOO_OLD.search(said) is not None or _is_past(error.response.url.params)


def message(text: str) -> str:
    """The sentence in the XML with which storages answer, or ``text`` itself."""
    found = _MESSAGE.search(text[:_MOST])
    return found[1] if found else text


def _is_past(parameters: httpx.QueryParams) -> bool:
    """Whether a link's own time is over: ``Expires`` in seconds since 1970, or a date and the seconds it is valid."""
    now = datetime.now(UTC).timestamp()
    try:
        if "Expires" in parameters:
            return int(parameters["Expires"]) < now
        for issuer in ("Amz", "Goog"):
            if f"X-{issuer}-Expires" in parameters:
                signed = datetime.strptime(parameters[f"X-{issuer}-Date"], "%Y%m%dT%H%M%S%z").timestamp()
                return signed + int(parameters[f"X-{issuer}-Expires"]) < now
    except (ValueError, KeyError, OverflowError):
        return False
    return False


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"
