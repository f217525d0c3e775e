"""What Gradio keeps of each visit, without a copy of the settings of every component.

Gradio makes that copy for its deep links, which guard.py closes. For 300 components it takes 50 ms of the one thread
that answers all requests, at the first question of every visit.
"""

from dataclasses import dataclass, field
from typing import Any

from gradio import Blocks
from gradio.state_holder import SessionState, StateHolder


@dataclass(frozen=True)
class _WithoutSettings:
    """What ``SessionState`` reads of a page; it copies the settings of the ``blocks``."""

    default_config: Any
    blocks: dict[int, Any] = field(default_factory=dict)


class Visits(StateHolder):
    """The visits of a page; Gradio 6.31 makes one by ``[visit]``."""

    def __getitem__(self, session_id: str) -> SessionState:
        """The state of a visit, a new one if it is not kept."""
        if session_id not in self.session_data:
            self.session_data[session_id] = SessionState(_WithoutSettings(self.blocks.default_config))
        return super().__getitem__(session_id)


def keep_little(page: Blocks) -> None:
    """Make a launched page keep its visits so."""
    visits = Visits()
    visits.set_blocks(page)
    page.app.state_holder = visits
