"""What Gradio keeps of each visit, without copies of the settings of components.

Gradio makes these copies for its deep links, which guard.py closes. For 300 components that takes 50 ms of the one
thread that answers all requests, at the first question of every visit. Every answer has each of its outputs copied
twice, all choices of the menus and the HTML of the results included.
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
            visit = SessionState(_WithoutSettings(self.blocks.default_config))
            visit.blocks_config.config_for_block = _no_settings
            self.session_data[session_id] = visit
        return super().__getitem__(session_id)


def _no_settings(*_: Any) -> dict[str, Any]:
    """In the place of the settings of a component; the page, which has them, was made before."""
    return {}


def keep_little(page: Blocks) -> None:
    """Make a launched page keep its visits so."""
    visits = Visits()
    visits.set_blocks(page)
    page.app.state_holder = visits
