"""Importing what is heavy. Knows nothing of what it is."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Around the imports a program keeps to its end: they take a quarter less time.

    torch, transformers and gradio bring nearly a million objects, and again and again while they come Python looks
    through all that are there for cycles to free, and finds next to none. Afterwards they count as permanent, so that
    no later search for cycles looks at them either.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
