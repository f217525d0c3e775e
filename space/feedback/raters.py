"""Raters: under which name an answer is kept, who may answer, and how many answers a visit may give."""

import hashlib
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Collection
from dataclasses import dataclass, field

from space.errors import UserError
from space.i18n import gettext as _

#: What a page may allow: nothing, everyone, or Hub users who have logged in.
MODES = ("off", "open", "login")
#: The rater of a page that only its own machine can open.
OWNER = "owner"
_VISIT, _HUB = "visit-", "hub:"
#: Answers of one visit and of all visits together in a minute, and of one visit at all.
VISIT_A_MINUTE, ALL_A_MINUTE, VISIT_AT_ALL = 30, 300, 1_000
_MOST_VISITS = 10_000


def is_named(rater: str) -> bool:
    """Whether a rater is the owner or a Hub user. Others are visits, of which one person can make many."""
    return not rater.startswith(_VISIT)


@dataclass(frozen=True)
class Access:
    """Who may answer.

    Attributes:
        mode: one of ``MODES``.
        names: with "login", the Hub users who may; empty allows every one.
        owner: whether the page is only for the machine that serves it, so that every visit is its owner's.
    """

    mode: str = "off"
    names: Collection[str] = ()
    owner: bool = False

    def rater(self, visit: str, user: str | None) -> str | None:
        """The name to keep an answer under; None for a visitor who may not answer.

        Args:
            visit: Gradio's id of the visit.
            user: the name of a Hub user who has logged in.
        """
        if self.mode == "off" or not visit:
            return None
        if self.owner:
            return OWNER
        if self.mode == "open":
            return f"{_HUB}{user}" if user else visit_name(visit)
        allowed = {name.casefold() for name in self.names}
        return f"{_HUB}{user}" if user and (not allowed or user.casefold() in allowed) else None


_SECRET = secrets.token_bytes(16)


def visit_name(visit: str) -> str:
    """A name for a visit without a name. Its visit cannot be told from it, and the next visit has another one."""
    return _VISIT + hashlib.sha256(_SECRET + visit.encode("utf-8", "replace")).hexdigest()[:10]


@dataclass
class RateLimit:
    """Refuses answers that come faster than a person gives them. Any number of threads may use it."""

    _by_visit: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict)
    _all: deque[float] = field(default_factory=deque)
    _totals: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, rater: str, now: float | None = None) -> None:
        """Count an answer.

        Args:
            rater: who gives it.
            now: seconds on a clock that only goes forward; None for this machine's.

        Raises:
            UserError: too many in the last minute, or too many by a visit without a name.
        """
        now = time.monotonic() if now is None else now
        with self._lock:
            mine = self._by_visit.setdefault(rater, deque())
            self._by_visit.move_to_end(rater)
            for times in (mine, self._all):
                while times and times[0] <= now - 60:
                    times.popleft()
            if len(mine) >= VISIT_A_MINUTE or len(self._all) >= ALL_A_MINUTE:
                raise UserError(_("These are many answers in a minute: wait a moment, then go on."))
            if not is_named(rater) and self._totals.get(rater, 0) >= VISIT_AT_ALL:
                raise UserError(_("This visit has given as many answers as one visit can: thank you."))
            mine.append(now)
            self._all.append(now)
            self._totals[rater] = self._totals.get(rater, 0) + 1
            while len(self._by_visit) > _MOST_VISITS:
                oldest, _times = self._by_visit.popitem(last=False)
                self._totals.pop(oldest, None)
