"""Requests of a form that the page does not expect: a short answer, and a short log without the visitor's texts."""

import json
import logging

import httpx
import pytest

from space.ui import unforeseen

SECRET = "secret gift for alice"
API = "gradio_api/"
REST = [3, "bm25", *[""] * 4, *[None] * 3, False]


def answered(url, path, body):
    """The status and text of an answer, through the queue if it was joined."""
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    said = httpx.post(f"{url}{API}{path}", content=json.dumps(body), headers=headers, timeout=20)
    if said.status_code != 200 or "event_id" not in said.text:
        return said.status_code, said.text
    where = f"call/x/{said.json()['event_id']}"
    if "session_hash" in body:
        where = f"queue/data?session_hash={body['session_hash']}"
    with httpx.stream("GET", f"{url}{API}{where}", timeout=20) as answer:
        return 200, "".join(answer.iter_text())


def forms(url):
    """(path, body) of requests that no page sends."""
    dependencies = httpx.get(f"{url}config").json()["dependencies"]
    number = next(one["id"] for one in dependencies if one["api_name"] == "search")
    odd = [None, True, 10**30, -1.5, SECRET, [SECRET], {"a": SECRET}, {"value": SECRET}, {"__type__": "update"}, [[]]]
    visits = iter(range(100_000))

    def join(data, **rest):
        return "queue/join", {"data": data, "fn_index": number, "session_hash": f"odd{next(visits)}"} | rest

    yield join([SECRET, *REST], fn_index=99_999)
    yield join([SECRET, *REST], fn_index=-1)
    yield join([SECRET])
    yield join([])
    yield join([SECRET, *REST, SECRET, SECRET])
    yield join([SECRET, *REST], trigger_id=99_999, event_data={"a": SECRET})
    yield join([SECRET, *REST], batched=True)
    yield join([SECRET, *REST], session_hash=[SECRET])
    yield join(SECRET)
    yield "call/nothing", {"data": [SECRET]}
    yield "call/v2/nothing", {"query": SECRET}
    yield "call/v2/search", {"query": SECRET, SECRET: 1}
    yield "call/v2/search", {}
    yield "call/search", {"data": [SECRET]}
    yield "call/search", {}
    yield "run/search", {"data": [SECRET]}
    yield "api/nothing", {"data": [SECRET]}
    yield "cancel", {"session_hash": SECRET, "fn_index": 99_999, "event_id": SECRET}
    yield "reset", {"event_id": SECRET}
    yield "nothing", {"data": [SECRET]}
    for arguments in ({"query": {"a": SECRET}}, {SECRET: 1}, {"query": SECRET, "k": "many"}, SECRET):
        params = {"name": "search", "arguments": arguments}
        yield "mcp/", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    yield "mcp/", {"jsonrpc": "2.0", "id": 1, "method": SECRET}
    yield "mcp/", {"a": SECRET}
    yield "mcp/", [SECRET]
    for one in dependencies:
        for place in range(0, len(one["inputs"]), 5):
            value = odd[(one["id"] + place) % len(odd)]
            data = [SECRET if place != here else value for here in range(len(one["inputs"]))]
            yield join(data, fn_index=one["id"], event_data=odd[place % len(odd)])
        yield join([SECRET] * len(one["inputs"]), fn_index=one["id"], event_data=SECRET)


def test_the_log_is_short_and_holds_no_text_of_a_visitor(url, capfd, caplog):
    """Gradio alone writes 5 to 10 kB for many of these, with the query."""
    caplog.set_level(logging.WARNING)  # as app.py does
    caplog.set_level(logging.INFO, "space")
    requests = list(forms(url))
    capfd.readouterr()
    for path, body in requests:
        caplog.clear()
        status, text = answered(url, path, body)
        printed = capfd.readouterr()
        log = (
            printed.out
            + printed.err
            + "".join(record.getMessage() + (record.exc_text or "") for record in caplog.records)
        )
        where = f"{path} {json.dumps(body)[:300]}: {status} {text[:300]}\n{log}"
        assert "Traceback" not in log and SECRET not in log and len(log) < 1_500, where
        assert "Traceback" not in text and "/site-packages/" not in text, where


def test_a_fault_of_a_handler_is_logged_with_its_places(caplog):
    """The message of an error from torch stays; one that may quote a query does not."""

    def fail(error):
        raise error

    for error, said in ((RuntimeError("CUDA\nout of memory"), True), (KeyError(SECRET), False)):
        caplog.clear()
        with pytest.raises(type(error)) as caught:
            fail(error)
        unforeseen.log(caught.value)
        (line,) = caplog.text.splitlines()
        assert ("CUDA out of memory" in line) is said and SECRET not in line
        assert f"{type(error).__name__}" in line and "test_unforeseen.py:" in line and " fail" in line
