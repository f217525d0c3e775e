"""Proxy variables: a sentence about one that cannot be used, and no proxy for this machine's own addresses.

httpx, which the Hub's client and Gradio use, reads HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY whenever it makes a
client, and raises ValueError, InvalidURL or ImportError for a proxy that it cannot use.
"""

import os
from urllib.request import getproxies_environment

from huggingface_hub.utils import httpx

from space.settings.names import SettingsError, without_secret

_OWN = ("127.0.0.1", "localhost", "::1")


def prepare(*hosts: str) -> None:
    """Check the proxy variables, and add this machine's addresses to NO_PROXY, for this process and its children.

    Without this a request of Gradio to the page it has just started goes to the proxy, which cannot reach it, and so
    does one to a Milvus on this machine.

    Args:
        hosts: further addresses to ask directly, such as the one that the page listens on.

    Raises:
        SettingsError: a proxy that no client can use.
    """
    proxies = getproxies_environment()
    no_proxy = proxies.pop("no", "")
    used = {scheme: url for scheme, url in proxies.items() if scheme in ("http", "https", "all")}
    for scheme, url in used.items():
        _check(f"{scheme.upper()}_PROXY", url)
    if used:
        own = dict.fromkeys([*(host for host in no_proxy.split(",") if host.strip()), *_OWN, *hosts])
        os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(own)


def _check(variable: str, url: str) -> None:
    try:
        httpx.Client(proxy=url if "://" in url else f"http://{url}").close()
    except ImportError as error:
        raise SettingsError(
            f'{variable} is {without_secret(url)}: it needs the package "socksio": pip install -r requirements.txt'
        ) from error
    except (ValueError, httpx.InvalidURL) as error:
        raise SettingsError(
            f"{variable} is {without_secret(url)}: use http://HOST:PORT or socks5://HOST:PORT, or unset it; "
            f"in a password, / : and @ need percent-encoding"
        ) from error
