"""The catalogues that visitors have uploaded, each for its visit, for an hour after its last use at most."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from space.errors import UserError
from space.i18n import gettext as _
from space.search.engine import SearchEngine

#: Seconds for which a catalogue is kept after its last use, and within which no other one takes its place.
KEPT_SECONDS, IN_USE_SECONDS = 3600, 600
#: Products of all catalogues, 5 KB each with both vectors.
MOST_PRODUCTS = 100_000


@dataclass
class _Kept:
    engine: SearchEngine
    used: float


class KeptCatalogues:
    """Catalogues by visit. Any number of threads may use it.

    They are not in the state of the visit: Gradio keeps the states of a thousand visits, so a program that only comes
    and goes would cost others their catalogues.
    """

    def __init__(self) -> None:
        """Nothing is kept."""
        self._kept: OrderedDict[str, _Kept] = OrderedDict()  # the least recently used first
        self._lock = threading.Lock()

    def get(self, visit: str) -> SearchEngine | None:
        """The engine over a visit's catalogue; None if it has none, or not any more."""
        with self._lock:
            self._forget_expired()
            found = self._kept.get(visit)
            if found is None:
                return None
            found.used = time.monotonic()
            self._kept.move_to_end(visit)
            return found.engine

    def make_room(self, visit: str, products: int) -> None:
        """Drop the catalogues that were used longest ago until a new one fits.

        Raises:
            UserError: all others are in use.
        """
        with self._lock:
            self._forget_expired()
            while (
                sum(len(kept.engine) for name, kept in self._kept.items() if name != visit) + products > MOST_PRODUCTS
            ):
                oldest = next(name for name in self._kept if name != visit)
                if time.monotonic() - self._kept[oldest].used < IN_USE_SECONDS:
                    raise UserError(
                        _("this server holds as many catalogues as it can, all in use: try again in ten minutes")
                    )
                del self._kept[oldest]

    def put(self, visit: str, engine: SearchEngine) -> None:
        """Keep a catalogue, in the place of the visit's last one."""
        with self._lock:
            self._kept[visit] = _Kept(engine, time.monotonic())
            self._kept.move_to_end(visit)

    def drop(self, visit: str) -> None:
        """Forget a visit's catalogue."""
        with self._lock:
            self._kept.pop(visit, None)

    def _products(self, without: str) -> int:
        return sum(len(kept.engine) for visit, kept in self._kept.items() if visit != without)

    def _forget_expired(self) -> None:
        oldest_allowed = time.monotonic() - KEPT_SECONDS
        for visit in [name for name, kept in self._kept.items() if kept.used < oldest_allowed]:
            del self._kept[visit]
