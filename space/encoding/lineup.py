"""Which of several encoders is compared with which."""

from collections.abc import Iterable

from space.encoding.description import BASE, TUNED


def reference(names: Iterable[str]) -> str:
    """The encoder that the others are compared with: base, else the first that is not tuned.

    It is tuned only where that is the only encoder.

    Args:
        names: of the encoders, at least one.
    """
    named = list(names)
    others = [name for name in named if name != TUNED]
    return BASE if BASE in named else (others or named)[0]


def candidate(names: Iterable[str]) -> str:
    """The encoder that is shown first, and that the verdict is about: tuned, else the last.

    It is never the reference, unless that is the only encoder.

    Args:
        names: of the encoders, at least one.
    """
    named = list(names)
    others = [name for name in named if name != reference(named)]
    return TUNED if TUNED in named else (others or named)[-1]
