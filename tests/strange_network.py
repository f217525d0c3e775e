"""Sends file data to a page, in a network namespace where a public address is on the loopback device.

Gradio refuses to fetch private addresses by itself, so only a public one shows whether the page fetches anything.
Started by test_file_data.py as ``unshare -n python strange_network.py``; prints JSON.
"""

import asyncio
import contextlib
import fcntl
import http.server
import json
import socket
import struct
import threading

PUBLIC = "93.184.215.14"
SIOCSIFADDR, SIOCSIFFLAGS, IFF_UP = 0x8916, 0x8914, 0x1
TYPE = {"_type": "gradio.FileData"}


def raise_loopback():
    """Switch the loopback device on, and give it the public address too."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
        address = struct.pack("16sHH4s8x", b"lo:1", socket.AF_INET, 0, socket.inet_aton(PUBLIC))
        fcntl.ioctl(control, SIOCSIFADDR, address)


@contextlib.contextmanager
def stranger():
    """A server at the public address; yields its URL and the requests that it gets."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(f"{self.command} {self.path}")
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"data")

        do_HEAD = do_POST = do_GET

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer((PUBLIC, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{PUBLIC}:{server.server_port}", asked
        server.shutdown()


def file(address):
    return {"path": address, "meta": TYPE}


def fetched_by_gradio(address):
    """The same request to a page of Gradio without middleware, which shows that the network is as it should be."""
    import gradio as gr
    import httpx

    def echo(text: str) -> str:
        return text

    with gr.Blocks() as page:
        gr.api(echo)
    page.launch(prevent_thread_lock=True, server_name="127.0.0.1", quiet=True)
    try:
        call = f"{page.local_url}gradio_api/call/echo"
        event = httpx.post(call, json={"data": [file(f"{address}/control")]}).json()["event_id"]
        with httpx.stream("GET", f"{call}/{event}", timeout=20) as answer:
            "".join(answer.iter_text())
    finally:
        page.close()


def bodies(config, address):
    """{name: (path, body)}: a file in each place of every event and endpoint, and in other forms."""
    found = {}
    for one in config["dependencies"]:
        for place in range(len(one["inputs"])):
            data = [None] * len(one["inputs"])
            data[place] = file(f"{address}/{one['id']}/{place}")
            body = {"data": data, "fn_index": one["id"], "session_hash": "strange"}
            found[f"event {one['id']} {place}"] = ("queue/join", json.dumps(body))
    name = "search"
    known = next(one["id"] for one in config["dependencies"] if one["api_name"] == name)
    rest = [3, "bm25", *[""] * 4, *[None] * 3, False]

    def call(value):
        return json.dumps({"data": [value, *rest]})

    found["call"] = (f"call/{name}", call(file(f"{address}/call")))
    found["in a list"] = (f"call/{name}", call([[file(f"{address}/list")]]))
    found["in an object"] = (f"call/{name}", call({"a": {"b": [file(f"{address}/object")]}}))
    found["with url"] = (f"call/{name}", call({**file(f"{address}/path"), "url": f"{address}/url"}))
    found["escaped"] = (f"call/{name}", call(file(f"{address}/escaped")).replace("FileData", "File\\u0044ata"))
    found["twice"] = (f"call/{name}", call(file(f"{address}/twice")).replace('"meta"', '"meta": 1, "meta"'))
    found["utf-16"] = (f"call/{name}", call(file(f"{address}/utf16")).encode("utf-16"))
    found["event data"] = (
        "queue/join",
        json.dumps(
            {
                "data": ["red", *rest],
                "fn_index": known,
                "session_hash": "strange",
                "event_data": file(f"{address}/event"),
            }
        ),
    )
    found["by name"] = (f"call/v2/{name}", json.dumps({"query": file(f"{address}/v2")}))
    for way in ("run", "api"):
        found[way] = (f"{way}/{name}", call(file(f"{address}/{way}")))
    found["mcp, raw"] = (
        "mcp/",
        json.dumps(
            {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "tools/call",
                "params": {"name": name, "arguments": {"query": file(f"{address}/mcp")}},
            }
        ),
    )
    return found


def said_by_page(address):
    """{name: status} of the page's answers to ``bodies`` and to addresses that would be fetched."""
    import gradio as gr
    import httpx
    import small_shop

    found = {}
    with small_shop.serve(small_shop.engine()) as url, httpx.Client(timeout=20) as client:
        api = f"{url}gradio_api/"
        headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
        for name, (path, body) in bodies(client.get(f"{url}config").json(), address).items():
            found[name] = client.post(api + path, content=body, headers=headers).status_code
        found["file="] = client.get(f"{api}file={address}/file").status_code
        client.get(f"{api}file%3D{address}/encoded")
        text = gr.Textbox()
        try:
            asyncio.run(text.async_move_resource_to_block_cache(f"{address}/component"))
        except PermissionError:
            found["a component"] = 400
        try:
            text.move_resource_to_block_cache(f"{address}/component, not async")
        except PermissionError:
            found["a component, not async"] = 400
    return found


def main():
    raise_loopback()
    with stranger() as (address, asked):
        fetched_by_gradio(address)
        control, asked[:] = list(asked), []
        said = said_by_page(address)
        print(json.dumps({"control": control, "asked": asked, "said": said}))


if __name__ == "__main__":
    main()
