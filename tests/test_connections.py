"""Silent, slow and endless connections over real sockets: the page goes on, and the log stays short."""

import resource
import select
import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest
import small_shop

from space.ui import connections
from space.ui.page import launch


@pytest.fixture
def page(monkeypatch):
    monkeypatch.setattr(connections, "SECONDS", 1.0)
    monkeypatch.setattr(connections, "INTERVAL", 0.1)
    demo = launch(small_shop.engine(), server_name="127.0.0.1", quiet=True)
    yield demo.local_url
    demo.close()


def connect(url, said=b""):
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=10)
    connection.sendall(said)
    return connection


def seconds_open(connection, every=None):
    """How long the server keeps a connection that sends ``every`` again and again."""
    begun = time.monotonic()
    connection.settimeout(0.05)
    while time.monotonic() - begun < 6:
        try:
            if every:
                connection.sendall(every)
            if not connection.recv(65536):
                return time.monotonic() - begun
        except TimeoutError:
            continue
        except OSError:  # reset
            return time.monotonic() - begun
    return time.monotonic() - begun


BODY = b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"


@pytest.mark.parametrize(
    ("said", "every"),
    [(b"", None), (b"GET / HTTP/1.1\r\n", b"X"), (BODY, None), (BODY, b"x")],
    ids=["silent", "a byte of a header at a time", "no body", "a byte of a body at a time"],
)
def test_a_request_that_does_not_arrive_is_given_up(page, said, every, capfd):
    assert 0.5 < seconds_open(connect(page, said), every) < 6
    assert httpx.get(f"{page}healthz").status_code == 200
    assert "Traceback" not in "".join(capfd.readouterr())


def test_the_head_of_a_second_request_has_its_own_time(page):
    connection, whole = connect(page), b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for _ in range(2):
        connection.sendall(whole)
        answer = b""
        while b"}" not in answer:
            answer += connection.recv(65536)
        assert b"200 OK" in answer
        time.sleep(1.5)  # between two requests a connection may rest longer, see KEPT_OPEN
    connection.sendall(b"GET /healthz HTTP/1.1\r\n")
    assert 0.5 < seconds_open(connection) < 6


def test_an_upload_that_makes_progress_and_an_answer_that_takes_long_are_not_cut(page, monkeypatch):
    monkeypatch.setattr(connections, "BYTES_A_SECOND", 10)
    body = b'{"data": ["red", 1, "bm25"], "x": "' + b"x" * 40 + b'"}'
    head = (
        "POST /gradio_api/call/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    connection = connect(page, head.encode())
    for at in range(0, len(body), 5):
        connection.sendall(body[at : at + 5])
        time.sleep(0.2)
    assert b"200 OK" in connection.recv(65536)
    beats = connect(page, b"GET /gradio_api/heartbeat/someone HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"200 OK" in beats.recv(65536)
    assert seconds_open(beats) > 5


PAGE = b"GET /config HTTP/1.1\r\nHost: localhost\r\n\r\n"


def full(url):
    """A connection that has asked for more than fits on the way and reads nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.connect((urlsplit(url).hostname, urlsplit(url).port))
    size = len(httpx.get(f"{url}config").content)
    connection.sendall(PAGE * (20_000_000 // size))
    return connection


def is_reset(connection, seconds):
    """Whether the server resets a connection, which needs no reading to be seen."""
    poll = select.poll()
    poll.register(connection, 0)
    return bool(poll.poll(seconds * 1_000))


def test_a_client_that_does_not_read_its_answer_is_given_up(page):
    """Each once kept an answer in memory for ever, and its place among the answers that wait."""
    crowd = [full(page) for _ in range(3)]
    assert all(is_reset(one, 8) for one in crowd)
    assert httpx.get(f"{page}healthz").status_code == 200


def test_an_answer_that_is_read_slowly_is_not_cut(page, monkeypatch):
    monkeypatch.setattr(connections, "BYTES_A_SECOND", 100)
    connection, received = full(page), 0
    for _ in range(40):
        received += len(connection.recv(65_536))
        assert not is_reset(connection, 0.1)
    assert received > 100_000


def test_a_thousand_silent_connections_keep_no_visitor_out(monkeypatch, capfd):
    """They once used up the files of the process: no health check any more, and 8 MB of log a second."""
    monkeypatch.setattr(connections, "MOST", 300)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    demo = launch(small_shop.engine(), server_name="127.0.0.1", quiet=True)
    try:
        crowd = [connect(demo.local_url) for _ in range(450)]
        for _ in range(3):
            assert httpx.get(f"{demo.local_url}healthz", timeout=5).status_code == 200
        closed = sum(seconds_open_now(one) for one in crowd)
        assert 100 < closed < 200  # those above the bound, the oldest first
        assert seconds_open_now(crowd[0]) and not seconds_open_now(crowd[-1])
    finally:
        demo.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert len("".join(capfd.readouterr())) < 5_000


def seconds_open_now(connection):
    """Whether the server has closed a connection."""
    connection.settimeout(0.01)
    try:
        return not connection.recv(1)
    except TimeoutError:
        return False
    except OSError:
        return True


def test_the_limit_of_files_is_raised_as_far_as_it_may(monkeypatch):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        assert connections.raise_file_limit() == connections.MOST
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == connections.MOST + connections.OTHER_FILES
        asked = []
        monkeypatch.setattr(resource, "setrlimit", lambda *given: asked.append(given))
        monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 512))
        assert connections.raise_file_limit() == 56 and asked[0][1] == (512, 512)
    finally:
        monkeypatch.undo()
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
