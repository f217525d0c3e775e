"""Encoders of the tiny random models in folders that conftest.py makes."""

from space.encoding.encoder import TextEncoder
from space.encoding.weights import (
    locate,
)

TEXTS = ["red shoes", "a much longer text about a blue kettle with a whistle", "", "ワイヤレス イヤホン"]


def load(folder, **settings):
    return TextEncoder(locate(str(folder)), **settings)


def exact(folder, **settings):
    """On the CPU, with products in float32, so that small differences show."""
    return load(folder, training=True, device="cpu", **settings)
