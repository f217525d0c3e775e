"""DNS rebinding and foreign sites: who may ask a page that listens on its own machine, and an MCP server."""

import httpx
import pytest
import small_shop
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from space.ui.hosts import Hosts
from space.ui.page import launch


@pytest.fixture(scope="module")
def local():
    with small_shop.serve(small_shop.engine()) as url:
        yield url


def asked(url, path="healthz", **headers):
    return httpx.get(f"{url}{path}", headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize("path", ["", "config", "healthz", "gradio_api/info", "gradio_api/mcp/schema"])
def test_a_foreign_name_that_leads_to_this_machine_reads_nothing(local, path):
    answer = asked(local, path, host="attacker.example:7860")
    assert answer.status_code == 403
    assert "attacker.example" in answer.text and "--root-path" in answer.text


@pytest.mark.parametrize(
    "host", ["localhost:1", "127.0.0.1", "127.0.0.2:80", "[::1]:7860", "LOCALHOST", "e5.localhost"]
)
def test_the_names_of_this_machine_are_answered(local, host):
    assert asked(local, host=host).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1.nip.io",
        "localhost.attacker.example",
        "x.gradio.live",
        "[::1",
        "::1]]",
        "0x7f.1",
        "@localhost@a.example",
    ],
)
def test_names_that_only_look_like_this_machine_are_refused(local, host):
    assert asked(local, host=host).status_code in (400, 403)


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        ("http://localhost:3000", 200),
        ("http://127.0.0.1:7860", 200),
        ("https://attacker.example", 403),
        ("null", 403),
        ("http://localhost.attacker.example", 403),
        ("https://evil-huggingface.co", 403),
        ("https://attacker.hf.space", 403),
        ("https://attacker.gradio.live", 403),
    ],
)
def test_the_mcp_server_checks_the_site_that_asks(local, origin, code):
    assert asked(local, "gradio_api/mcp/schema", origin=origin).status_code == code


@pytest.mark.parametrize(
    ("host", "origin", "code"),
    [
        ("abc.gradio.live", "https://abc.gradio.live", 200),
        ("abc.gradio.live", "https://attacker.gradio.live", 403),
        ("127.0.0.1:7860", "https://attacker.gradio.live", 403),
        ("attacker.example", "https://attacker.example", 403),
    ],
)
def test_a_public_link_answers_under_its_own_name_only(host, origin, code):
    """Anyone can have a link of the same service."""
    page = Starlette(routes=[Route("/gradio_api/mcp/", lambda _: PlainTextResponse("ok"))])
    client = TestClient(Hosts(page, host="127.0.0.1", share=True))
    assert client.get("/gradio_api/mcp/", headers={"host": host, "origin": origin}).status_code == code


def served(**options):
    demo = launch(small_shop.engine(), quiet=True, **options)
    return demo, demo.local_url.replace("0.0.0.0", "127.0.0.1")


@pytest.mark.parametrize(
    ("options", "host", "code"),
    [
        ({"server_name": "0.0.0.0"}, "shop.example", 200),
        ({"server_name": "127.0.0.1", "root_path": "https://shop.example/e5"}, "shop.example", 200),
        ({"server_name": "127.0.0.1", "root_path": "https://shop.example/e5"}, "attacker.example", 403),
        ({"server_name": "127.0.0.1", "root_path": "/e5"}, "shop.example", 200),
    ],
)
def test_a_page_for_other_machines_or_behind_a_proxy_is_answered(options, host, code):
    demo, url = served(**options)
    try:
        assert asked(url, "e5/healthz" if "root_path" in options else "healthz", host=host).status_code == code
    finally:
        demo.close()


def test_a_public_mcp_server_answers_its_own_site_and_the_hub():
    demo, url = served(server_name="0.0.0.0")
    try:
        for origin, code in (
            ("https://user-demo.hf.space", 200),
            ("https://huggingface.co", 200),
            ("https://attacker.example", 403),
        ):
            answer = asked(url, "gradio_api/mcp/schema", host="user-demo.hf.space", origin=origin)
            assert answer.status_code == code, origin
    finally:
        demo.close()
