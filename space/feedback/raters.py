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
#: All visits without a name, which are one rater in every result.
VISITS = "visits"
_VISIT, _HUB = "visit-", "hub:"
#: Answers of one rater in a minute, and of all visits without a name together.
RATER_A_MINUTE, VISITS_A_MINUTE = 30, 300
#: Answers of one visit without a name, and of all of them while the page runs.
VISIT_AT_ALL, VISITS_AT_ALL = 1_000, 50_000
_MOST_RATERS = 10_000


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
    """A name for a visit without a name. The name does not reveal the visit, and the next visit has another name."""
    return _VISIT + hashlib.sha256(_SECRET + visit.encode("utf-8", "replace")).hexdigest()[:10]


@dataclass
class RateLimit:
    """Refuses answers that come faster than a person gives them. Any number of threads may use it.

    One person can make any number of visits, so all visits without a name share a limit. It holds up no named rater.
    """

    _by_rater: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict)
    _visits: deque[float] = field(default_factory=deque)
    _totals: dict[str, int] = field(default_factory=dict)
    _of_visits: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, rater: str, now: float | None = None) -> None:
        """Count an answer.

        Args:
            rater: who gives it.
            now: seconds on a clock that only goes forward; None for this machine's.

        Raises:
            UserError: too many in the last minute, or too many by visits without a name.
        """
        now = time.monotonic() if now is None else now
        named = is_named(rater)
        with self._lock:
            mine = self._by_rater.setdefault(rater, deque())
            self._by_rater.move_to_end(rater)
            for times in (mine, self._visits):
                while times and times[0] <= now - 60:
                    times.popleft()
            if len(mine) >= RATER_A_MINUTE or (not named and len(self._visits) >= VISITS_A_MINUTE):
                raise UserError(_("These are many answers in a minute: wait a moment, then go on."))
            if not named and self._totals.get(rater, 0) >= VISIT_AT_ALL:
                raise UserError(_("This visit has given as many answers as one visit can: thank you."))
            if not named and self._of_visits >= VISITS_AT_ALL:
                raise UserError(_("This page takes no more answers from visits without a name: ask its owner."))
            mine.append(now)
            if not named:
                self._visits.append(now)
                self._totals[rater] = self._totals.get(rater, 0) + 1
                self._of_visits += 1
            while len(self._by_rater) > _MOST_RATERS:
                oldest, _times = self._by_rater.popitem(last=False)
                self._totals.pop(oldest, None)
