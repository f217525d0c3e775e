"""Whether Gradio's share server is in reach. Knows no page; the link itself is Gradio's work, in ``launch()``."""

import logging
import threading
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from gradio.networking import GRADIO_API_SERVER, GRADIO_SHARE_SERVER_ADDRESS

logger = logging.getLogger(__name__)

#: Who is asked for a public link: the server of one's own that ``GRADIO_SHARE_SERVER_ADDRESS`` names, or Gradio's.
SHARE_SERVER = GRADIO_SHARE_SERVER_ADDRESS or urlsplit(GRADIO_API_SERVER).netloc
_PROBE_SECONDS = 2.5


def share_server_answers(address: str = GRADIO_API_SERVER, seconds: float = _PROBE_SECONDS) -> bool:
    """Whether ``address`` answers anything at all within ``seconds``; a server of one's own is taken to."""
    if GRADIO_SHARE_SERVER_ADDRESS:
        return True
    answered = threading.Event()

    def ask() -> None:
        try:
            urllib.request.urlopen(address, timeout=seconds).close()
        except urllib.error.HTTPError:
            answered.set()  # it is there, and may still like what Gradio asks
        except OSError as error:
            logger.debug("the share server did not answer: %s", error)
        else:
            answered.set()

    # In a thread, since a name server that is out of reach can block for longer than the time-out.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answered.is_set()
