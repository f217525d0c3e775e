"""An OpenAI-compatible endpoint on loopback, whose answers a test chooses."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def model_server(answer):
    """An OpenAI-compatible endpoint; yields its address and the requests it got. ``answer`` maps {query, product}."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append({"path": self.path, "token": self.headers["Authorization"], **body})
            said = answer(json.loads(body["messages"][-1]["content"]))
            status, content = said if isinstance(said, tuple) else (200, said)
            message = {"role": "assistant", "content": content}
            choices = [{"index": 0, "finish_reason": "stop", "message": message}]
            sent = json.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": choices})
            sent = (content if status != 200 else sent).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *arguments):
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
