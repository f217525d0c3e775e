"""Where the page listens and what stands before it: IPv6, ports in use, proxies to the outside, a path, frames."""

import http.server
import os
import socket
import subprocess
import sys
import threading
from urllib.request import getproxies_environment

import httpx
import pytest
import small_shop
from conftest import ROOT, environment
from gradio_client import Client

from space import settings
from space.hub import proxies
from space.settings import AppSettings, SettingsError
from space.ui import address
from space.ui.page import launch

# -- host and port ---------------------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["::", "::1", "[::1]", "[::]"])
def test_the_page_is_served_on_ipv6(host):
    port = free_port()
    address.require_free(host, port)
    demo = launch(small_shop.engine(), server_name=address.for_gradio(host), server_port=port, quiet=True)
    try:
        assert httpx.get(f"http://[::1]:{port}/healthz").json() == {"ready": True}
        with pytest.raises(SettingsError, match=rf"--port is {port}: another program listens there"):
            address.require_free(host, port)
    finally:
        demo.close()


def test_names_and_ipv4_stay_as_they_are():
    for host in ("127.0.0.1", "0.0.0.0", "localhost", "shop.example"):
        assert address.for_gradio(host) == address.plain(host) == host


@pytest.mark.parametrize(
    "host", ["192.0.2.1", "2001:db8::1", "no-such-host.invalid", "a b", "x" * 300, "fe80::1%lo", ""]
)
def test_a_host_of_another_machine_is_refused_before_anything_is_loaded(host):
    with pytest.raises(SettingsError, match="--host is"):
        address.require_free(host, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_port_in_use_is_named(host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(SettingsError, match=f"--port is {port}: another program"):
            address.require_free(host, port)
    address.require_free(host, port)


# -- proxies to the outside ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def refusing():
    """A proxy that answers 403 to everything, and notes what it was asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(403)

        do_HEAD = do_POST = do_CONNECT = do_GET

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


PAGE = """
import os, sys
sys.path.insert(0, {tests!r})
import small_shop
from space.hub import proxies
from space.ui.page import launch
proxies.prepare("127.0.0.1")
demo = launch(small_shop.engine(), server_name="127.0.0.1", server_port={port}, quiet=True)
print("up", demo.local_url)
os._exit(0)
"""


@pytest.mark.parametrize(
    "variables",
    [
        {"http_proxy": "REFUSING", "NO_PROXY": "example.org"},
        {"all_proxy": "socks5h://user:pass@127.0.0.1:9"},
    ],
    ids=["refusing", "dead socks with a name"],
)
def test_the_page_starts_whatever_the_proxy(variables, refusing):
    """Gradio asks the page it has just started, and took the proxy for that."""
    proxy, asked = refusing
    clean = {name: value for name, value in environment().items() if not name.lower().endswith("_proxy")}
    given = {name: value.replace("REFUSING", proxy) for name, value in variables.items()}
    code = PAGE.format(tests=str(ROOT / "tests"), port=free_port())
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean | given, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1:] == [f"up http://127.0.0.1:{code.split('server_port=')[1].split(',')[0]}/"], (
        done.stderr[-2000:]
    )
    assert not [path for path in asked if "127.0.0.1" in path]


@pytest.fixture
def variables(monkeypatch):
    """Sets proxy variables, with none from outside."""
    for name in [*os.environ, "no_proxy", "NO_PROXY"]:
        if name.lower().endswith("_proxy"):
            monkeypatch.setenv(name, "")  # so that what the code sets is taken back at the end
            monkeypatch.delenv(name)

    def choose(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return choose


def test_own_addresses_join_those_that_are_asked_directly(variables):
    variables(HTTP_PROXY="http://proxy.example:3128", NO_PROXY="example.org,,localhost")
    proxies.prepare("::")
    assert getproxies_environment()["no"] == "example.org,localhost,127.0.0.1,::1,::"
    assert os.environ["NO_PROXY"] == os.environ["no_proxy"]


def test_without_a_proxy_nothing_is_set(variables):
    proxies.prepare()
    assert "no_proxy" not in os.environ and "NO_PROXY" not in os.environ


@pytest.mark.parametrize(
    "url",
    ["socks4://127.0.0.1:9", "ftp://h:1", "http://h:port", "http://user:se/cret@h:1", "http://user:se:cr@et@h:x"],
)
@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(variables, name, url):
    variables(**{name: url})
    with pytest.raises(SettingsError, match=f"{name.upper()} is .*: use http://HOST:PORT") as refused:
        proxies.prepare()
    assert not [secret for secret in ("se/cret", "cret", "cr@", "user:") if secret in str(refused.value)]


# -- behind a path, and in a frame -----------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["takes the path off", "passes it on"])
def behind(request):
    """The page at /shop of a reverse proxy; yields its address there, and the address of the page itself."""
    port = free_port()
    sites = ["https://shop.example", "https://*.example.org"]
    demo = launch(
        small_shop.engine(), root_path="/shop", frame_ancestors=sites,
        server_name="127.0.0.1", server_port=port, quiet=True,
    )  # fmt: skip

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if not self.path.startswith("/shop"):
                self.send_error(404)
                return
            path = self.path.removeprefix("/shop") or "/" if request.param == "takes the path off" else self.path
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            names = {name: value for name, value in self.headers.items() if name.lower() != "accept-encoding"}
            with httpx.stream(
                self.command, f"http://127.0.0.1:{port}{path}", headers=names, content=body, timeout=30
            ) as answer:
                self.send_response(answer.status_code)
                for name, value in answer.headers.items():
                    if name not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("connection", "close")
                self.end_headers()
                for part in answer.iter_raw():
                    self.wfile.write(part)

        do_POST = do_HEAD = do_GET

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/shop/"
        server.shutdown()
    demo.close()


def test_behind_a_path_everything_is_asked_for_below_it(behind):
    """The proxy answers 404 to all that is not."""
    assert httpx.get(behind).status_code == 200
    assert httpx.get(f"{behind}config").json()["root"] == behind.rstrip("/")
    assert httpx.get(f"{behind}healthz").json() == {"ready": True}
    found = Client(behind, verbose=False).predict("red shoes", 3, "bm25", api_name="/search")
    assert len(found["hits"]) == 3


def test_behind_a_path_the_closed_addresses_stay_closed(behind):
    for path in ("gradio_api/upload", "monitoring", "monitoring/x"):
        answer = httpx.get(f"{behind}{path}")
        assert (answer.status_code, answer.json()["detail"]) == (404, "Not found: this page has no such address.")


def test_named_sites_may_show_the_page_in_a_frame(behind):
    policy = httpx.get(behind).headers["content-security-policy"].partition("frame-ancestors ")[2]
    assert {"'self'", "https://huggingface.co", "https://shop.example", "https://*.example.org"} <= set(policy.split())


def parsed(*arguments):
    return settings.parse(AppSettings, arguments)


@pytest.mark.parametrize("path", ["", "/", "/shop", "/a/b/", "https://example.org/shop", "http://h:81"])
def test_paths_that_can_be_used(path):
    assert parsed("--root-path", path).root_path == path


@pytest.mark.parametrize("path", ["shop", "//shop", "/a b", "/shop?x=1", "/a#b", "ftp://h/shop", "example.org/shop"])
def test_paths_that_cannot(path):
    with pytest.raises(SettingsError, match="--root-path is .* write it as /shop"):
        parsed("--root-path", path)


def test_sites_come_from_flags_or_a_variable():
    assert parsed("--frame-ancestors", "https://a.example", "*").frame_ancestors == ["https://a.example", "*"]
    words = settings.environment_arguments({"E5_FRAME_ANCESTORS": " https://a.example, http://localhost:3000 "})
    assert parsed(*words).frame_ancestors == ["https://a.example", "http://localhost:3000"]


@pytest.mark.parametrize("site", ["a.example", "https://a.example/page", "https://a;b", "'none'", "https://a b", ""])
def test_what_is_no_site_is_refused(site):
    """A semicolon would begin another rule of the policy."""
    with pytest.raises(SettingsError, match="--frame-ancestors is .* without a path"):
        parsed("--frame-ancestors", site)
