"""Stores for the tests of Milvus, and a real Milvus server: PyPI's ``milvus`` carries one for Linux on x86-64."""

import contextlib
import importlib.util
import os
import socket

import pyarrow as pa
import torch

from space.encoding.description import EncoderDescription
from space.store.reader import Store
from space.store.writer import Plan, StoreWriter

#: Whether a real server can be started on this machine.
SERVER = importlib.util.find_spec("milvus") is not None
ROWS, DIM, SHARD = 240, 16, 50
BRANDS = ['A"b', "it's", "back\\slash", "new\nline\tand tab", "100 % _x", "アクメ", "", None, "\x01 > \u2028"]
CATEGORIES = ["Shoes", "Shoes > Boots", "Shoes > Boots > Snow", "Shoes Care", 'Say "hi" > there', None, ""]
PRICES = [0.0, 0.1, 19.99, 1e-7, 1e20, float("inf"), float("nan"), None]


def catalogue(rows=ROWS):
    """Products whose values would break a filter expression without escaping."""

    def cycle(values):
        return [values[row % len(values)] for row in range(rows)]

    return pa.table(
        {
            "product_id": [f"P{row}" for row in range(rows)],
            "product_locale": cycle(["us", "us", "es"]),
            "product_title": [f"thing {row}" for row in range(rows)],
            "product_brand": pa.array(cycle(BRANDS), pa.string()),
            "product_color": pa.array(cycle(["red", "blue", None, "red", "rojo"]), pa.string()),
            "category": pa.array(cycle(CATEGORIES), pa.string()),
            "price": pa.array(cycle(PRICES), pa.float64()),
            "rating": pa.array(cycle([4.5, 3.0, None, 5.0, 1.0, float("nan"), 2.0]), pa.float32()),
        }
    )


def vectors(seed, rows=ROWS):
    """Unit vectors; every seventh is the same one, so that more scores are equal than fit into one answer."""
    drawn = torch.randn(rows, DIM, generator=torch.Generator().manual_seed(seed))
    drawn[::7] = drawn[0].clone()
    return torch.nn.functional.normalize(drawn, dim=1).half()


def questions(number):
    """(number, d) float32, the same at every call."""
    return torch.randn(number, DIM, generator=torch.Generator().manual_seed(7))


def write(folder, products, parts, described):
    """A finished store."""
    writer = StoreWriter(folder, Plan(len(products), SHARD, "{title}", "toy"))
    writer.begin(resume=True)
    writer.write_products(products)
    for part, rows in parts.items():
        for shard in range(writer.plan.shards):
            start, size = writer.plan.span(shard)
            key = writer.key(shard, described[part])
            writer.write_vectors(part, shard, key, writer.products(shard), rows[start : start + size])
    writer.finish(described, None, None, "a card")
    return Store(folder)


def small(folder):
    """A finished store with two encoders."""
    return write(folder, catalogue(), {"base": vectors(0), "tuned": vectors(1)}, described())


def described(mark="x"):
    return {
        part: EncoderDescription(id="some/model", fingerprint=f"{part}-{mark}" * 4, dim=DIM, max_seq_length=64)
        for part in ("base", "tuned")
    }


def server(folder):
    """A ``milvus.MilvusServer`` with its data in ``folder``, and a ``uri``; ``start()`` and ``stop()`` it."""
    from milvus import MilvusServer

    (folder / "etcd").mkdir(parents=True)
    made, (port, client, peer) = MilvusServer(), free_ports(3)
    made.set_base_dir(str(folder))
    made.listen_port, made.uri = port, f"http://127.0.0.1:{port}"
    made.config.set("etcd_port", client)
    made.config.set("common.session.ttl", 5)  # seconds until a server that was killed is forgotten; 30 by default
    # The etcd inside would listen on port 2380, whatever the package is told, and two servers could not run at once.
    at, to = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    settings = {
        "name": "default",
        "data-dir": folder / "etcd",
        "listen-client-urls": at,
        "advertise-client-urls": at,
        "listen-peer-urls": to,
        "initial-advertise-peer-urls": to,
        "initial-cluster": f"default={to}",
    }
    (folder / "etcd.yaml").write_text("".join(f"{key}: {value}\n" for key, value in settings.items()))
    os.environ["ETCD_CONFIG_PATH"] = str(folder / "etcd.yaml")
    return made


def start_again(made):
    """Start a server that was stopped or killed, on the same ports.

    The package would look for free ones again, and a port counts as taken for a minute after its server was killed.
    """
    made.config.resolve = lambda: None
    made.start()


def free_ports(number):
    """Ports that no program listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
