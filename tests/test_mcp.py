"""The endpoints as MCP tools, called over HTTP with the real MCP client."""

import asyncio
import json

import pytest
import small_shop

mcp = pytest.importorskip("mcp", reason="needs the mcp package of requirements.txt")


@pytest.fixture(scope="module")
def asked(url):
    """(tools, answers of the calls below), from one session."""
    from mcp.client.streamable_http import streamablehttp_client

    calls = {
        "search": ("search", {"query": "red sneakers", "k": 3, "system": "tuned", "locale": "us"}),
        "defaults": ("search", {"query": "shoes"}),
        "compare": ("compare", {"query": "cellphone", "k": 2}),
        "explain": ("explain", {"query": "red sneakers", "product_id": "p01", "product_locale": "us"}),
        "k": ("search", {"query": "shoes", "k": 0}),
        "system": ("search", {"query": "shoes", "system": "best"}),
        "missing": ("search", {}),
        "unknown": ("drop", {}),
    }

    async def ask():
        async with (
            streamablehttp_client(f"{url}gradio_api/mcp/") as (read, write, _),
            mcp.ClientSession(read, write) as session,
        ):
            await session.initialize()
            tools = {tool.name: tool for tool in (await session.list_tools()).tools}
            return tools, {name: await session.call_tool(*call) for name, call in calls.items()}

    return asyncio.run(asyncio.wait_for(ask(), timeout=60))


def test_tools_are_the_endpoints_only(asked, url):
    """The page's own events are not for assistants."""
    from gradio_client import Client

    named = Client(url, verbose=False).view_api(return_format="dict")["named_endpoints"]
    assert {f"/{name}" for name in asked[0]} == set(named) and {"search", "compare", "explain"} <= set(asked[0])


def test_every_tool_and_parameter_is_described(asked):
    """Descriptions are all that an assistant has to choose a tool and its arguments by."""
    for name, tool in asked[0].items():
        assert len(tool.description) > 60 and "Returns: " in tool.description, name
        assert " ,, " not in tool.description.replace(",", " ,")
        for parameter, schema in tool.inputSchema["properties"].items():
            assert len(schema.get("description", "")) > 10, (name, parameter)
    search = asked[0]["search"].inputSchema
    assert search["required"] == ["query"]
    assert search["properties"]["system"]["enum"] == ["tuned", "base", "bm25", "hybrid"]
    said = "tuned (fine-tuned encoder), base (before fine-tuning), bm25 (words), hybrid (tuned and bm25)."
    assert search["properties"]["system"]["description"] == said
    assert search["properties"]["k"] == {
        "type": "integer", "description": "how many products, 1 to 100.", "default": 10
    }  # fmt: skip


def content(answer):
    """The answer, which must be JSON and not the str() of a Python dict."""
    assert not answer.isError
    return json.loads(answer.content[0].text)


def test_calls_return_what_the_engine_finds(asked):
    engine, answers = small_shop.engine(), asked[1]
    assert content(answers["search"])["hits"] == engine.search("red sneakers", 3, locale="us").to_json()["hits"]
    assert len(content(answers["defaults"])["hits"]) == 10
    assert content(answers["compare"])["moves"] == engine.compare("cellphone", 2).to_json()["moves"]
    assert content(answers["explain"]) == engine.explain("red sneakers", "us", "p01").to_json()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("k", "k should be a whole number from 1 to 100, is 0"),
        ("system", "'best' is not one of ['tuned', 'base', 'bm25', 'hybrid']"),
        ("missing", "'query' is a required property"),
        ("unknown", "drop"),
    ],
)
def test_a_wrong_call_gets_the_message(asked, call, said):
    answer = asked[1][call]
    assert answer.isError and said in answer.content[0].text
    assert "Traceback" not in answer.content[0].text
