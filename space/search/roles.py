"""The systems of an engine and the part that each plays: what Search offers, what is compared, and with what."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from space.encoding import lineup
from space.encoding.description import BASE, TUNED

#: Columns of a comparison on the page.
MOST_COLUMNS = 4


@dataclass(frozen=True)
class Contrast:
    """Which systems of a comparison are compared with which.

    Attributes:
        reference: the system that moves and differences are from; None where there is none.
        moved: the systems whose moves from the reference are shown.
        beside: the system whose list is compared with the others for what they share; None without one.
    """

    reference: str | None
    moved: tuple[str, ...]
    beside: str | None


@dataclass(frozen=True)
class Roles:
    """The names of an engine's systems.

    Attributes:
        names: all, in the order of the columns: the encoders in the order of the store, then the others.
        encoders: those that are encoders.
    """

    names: tuple[str, ...]
    encoders: tuple[str, ...]

    @classmethod
    def of(cls, systems: Iterable[str], encoders: Sequence[str]) -> "Roles":
        """The roles of systems, of which there is at least one, and of which some are encoders."""
        return cls((*encoders, *(name for name in systems if name not in encoders)), tuple(encoders))

    @property
    def reference(self) -> str:
        """The system that the others are compared with unless a visitor picks another one."""
        return lineup.reference(self.encoders or self.names)

    @property
    def candidate(self) -> str:
        """The encoder that Search begins with, and that the hybrid fuses with BM25."""
        return lineup.candidate(self.encoders) if self.encoders else self.names[0]

    @property
    def is_tuning(self) -> bool:
        """Whether the encoders are base and tuned, so that the question is what fine-tuning changed."""
        return set(self.encoders) == {BASE, TUNED}

    @property
    def can_pick(self) -> bool:
        """Whether a choice of the reference is useful: with encoders other than base and tuned."""
        return (len(self.encoders) > 1 and not self.is_tuning) or "reranked" in self.names

    @property
    def offered(self) -> tuple[str, ...]:
        """All names, the candidate first."""
        return (self.candidate, *(name for name in self.names if name != self.candidate))

    @property
    def usual(self) -> tuple[str, ...]:
        """The columns of a comparison unless others are chosen: the encoders, and BM25 where there is room for it."""
        first = dict.fromkeys([self.reference, self.candidate, *self.encoders]) if self.encoders else ()
        columns = [*first, "bm25"][:MOST_COLUMNS]
        return self.in_order(columns) or self.names[:MOST_COLUMNS]

    def in_order(self, given: Iterable[str]) -> tuple[str, ...]:
        """Known names in the order of the columns, whatever order they were clicked or written in."""
        wanted = set(given)
        return tuple(name for name in self.names if name in wanted)

    def reference_among(self, columns: Collection[str]) -> str:
        """The reference of some columns, of which there is at least one, unless a visitor picks another one."""
        known = [name for name in columns if name in self.encoders] or list(columns)
        return self.reference if self.reference in columns else known[0]

    def contrast(self, columns: Sequence[str], reference: str = "") -> Contrast:
        """What to compare with what.

        With base and tuned alone, the moves are from base to tuned, and the others are compared with tuned. Otherwise,
        or where a reference is picked, every column is compared with that one.

        Args:
            columns: the systems that answer, at least one.
            reference: one of them; "" leaves the choice to the roles.
        """
        if self.is_tuning and reference in ("", BASE):
            base, tuned = (name if name in columns else None for name in (BASE, TUNED))
            return Contrast(base, (TUNED,) if base and tuned else (), tuned)
        chosen = reference or self.reference_among(columns)
        return Contrast(chosen, tuple(name for name in columns if name != chosen), chosen)
