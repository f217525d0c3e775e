"""Whether Gradio's share server can be reached; the public link itself is made by Gradio in ``launch()``."""

from urllib.parse import urlsplit

from gradio.networking import GRADIO_API_SERVER, GRADIO_SHARE_SERVER_ADDRESS

from space.hub.client import answers

#: The server that makes public links: ``GRADIO_SHARE_SERVER_ADDRESS`` if that is set, or Gradio's.
SHARE_SERVER = GRADIO_SHARE_SERVER_ADDRESS or urlsplit(GRADIO_API_SERVER).netloc
_PROBE_SECONDS = 2.5


def share_server_answers(address: str = GRADIO_API_SERVER, seconds: float = _PROBE_SECONDS) -> bool:
    """Whether ``address`` answers within ``seconds``; a server set by the environment variable is assumed to."""
    return bool(GRADIO_SHARE_SERVER_ADDRESS) or answers(address, seconds)
