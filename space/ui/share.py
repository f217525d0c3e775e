"""Whether Gradio's share server can be reached; the public link itself is made by Gradio in ``launch()``."""

import logging
import threading
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from gradio.networking import GRADIO_API_SERVER, GRADIO_SHARE_SERVER_ADDRESS

logger = logging.getLogger(__name__)

#: The server that makes public links: ``GRADIO_SHARE_SERVER_ADDRESS`` if that is set, or Gradio's.
SHARE_SERVER = GRADIO_SHARE_SERVER_ADDRESS or urlsplit(GRADIO_API_SERVER).netloc
_PROBE_SECONDS = 2.5


def share_server_answers(address: str = GRADIO_API_SERVER, seconds: float = _PROBE_SECONDS) -> bool:
    """Whether ``address`` answers within ``seconds``; a server set by the environment variable is assumed to."""
    if GRADIO_SHARE_SERVER_ADDRESS:
        return True
    answered = threading.Event()

    def ask() -> None:
        try:
            urllib.request.urlopen(address, timeout=seconds).close()
        except urllib.error.HTTPError:
            answered.set()  # an error is an answer too: Gradio's own request may be fine
        except OSError as error:
            logger.debug("the share server did not answer: %s", error)
        else:
            answered.set()

    # In a thread, because a name lookup can take longer than the time-out if the name server does not answer.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answered.is_set()
