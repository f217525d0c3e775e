"""What people may answer on a page, and where their answers are kept."""

from collections.abc import Sequence

from space.data.scale import LabelScale
from space.feedback.agreement import Agreement, agreement
from space.feedback.ballots import Ballots
from space.feedback.journal import Journal
from space.feedback.judgments import Judgments, PairKey
from space.feedback.machine_opinion import MachineOpinions
from space.feedback.raters import Access, RateLimit
from space.feedback.votes import Vote, Votes


class People:
    """Votes and judgments of a page. Any number of threads may use it.

    Args:
        journal: where they are kept.
        voting: who may vote.
        judging: who may judge.
        queries: of the owner, to vote on; none takes the held-out ones.
        guidelines: of the owner for judging, as Markdown; "" for none.
        raters: how many should judge each pair.
    """

    def __init__(
        self,
        journal: Journal,
        voting: Access,
        judging: Access,
        *,
        queries: Sequence[str] = (),
        guidelines: str = "",
        raters: int = 1,
    ) -> None:
        """Reads nothing yet."""
        self.queries = queries
        self.voting, self.judging, self.guidelines, self.raters = voting, judging, guidelines, raters
        self.votes, self.judgments, self.machine = Votes(journal), Judgments(journal), MachineOpinions(journal)
        self.ballots, self.limit = Ballots(), RateLimit()

    def votes_on(self, first: str, second: str, made_by: str) -> list[Vote]:
        """The votes on a pair of systems as they are now."""
        return [
            vote for vote in self.votes.all() if (vote.first, vote.second, vote.made_by) == (first, second, made_by)
        ]

    def judged(self) -> dict[PairKey, int]:
        """{pair: how many raters have judged it}; "cannot tell" is an answer too, so that it is not asked again."""
        return {pair: len(judgments) for pair, judgments in self.judgments.of_pairs().items()}

    def agreement(self, scale: LabelScale) -> Agreement | None:
        """How far raters agree; None where no pair has two grades."""
        return agreement(self.judgments.of_pairs(), scale.names)
