"""``python -m space judge``: a language model grades pairs of a store, first those that people judged."""

from collections.abc import Iterable

from space.data.catalogue import BULLETS
from space.data.passages import passages
from space.errors import QueryError
from space.feedback.journal import Journal
from space.feedback.judgments import Judgments, PairKey, agreed_grade
from space.feedback.language_model import LanguageModel
from space.feedback.machine import (
    KAPPA_NEEDED,
    PAIRS_NEEDED,
    MachineAgreement,
    MachineJudgments,
    Question,
    compared,
)
from space.search.engine import SearchEngine
from space.search.people import HeldOutPool
from space.search.products import row_of

#: Characters of the bullet points that the model reads.
_BULLETS = 1_000


def judge(engine: SearchEngine, journal: Journal, model: LanguageModel, most: int) -> str:
    """Ask for the pairs that people judged, then for the unjudged ones of the pool, worst-covered queries first.

    Args:
        engine: has the products, and the lists of all systems.
        journal: of the answers.
        model: is asked.
        most: new questions at most.

    Returns:
        Agreement and counts, in lines.

    Raises:
        ServiceError: the endpoint fails; what was answered is kept, and the next call goes on from there.
        OSError: an answer cannot be kept.
    """
    people = Judgments(journal).of_pairs()
    kept = MachineJudgments(journal)
    graded = [one[0] for one in people.values() if agreed_grade(one, engine.scale) is not None]
    known = _questions(engine, ((one.pair, one.query) for one in graded))
    grades, asked = kept.ask(model, known, most)
    agreement = compared(model.model, model.instructions, grades, people, engine.scale)
    kept.keep(agreement)
    pool = sorted(HeldOutPool(engine).lists(seconds=3_600), key=lambda lists: lists.coverage(people))
    unjudged = ((lists.key(product), lists.query) for lists in pool for product in lists.unjudged(people))
    questions = _questions(engine, unjudged)
    found, more = kept.ask(model, questions, most - asked)
    left = len(questions) - len(found)
    said = f"{asked + more} new answers; {len(found)} of {len(questions)} unjudged pairs of the pool have a grade"
    lines = [agreement.table(), _offered(agreement), said]
    return "\n".join([*lines, *([f"{left} pairs are left: run it again"] if left else [])])


def _offered(agreement: MachineAgreement) -> str:
    """Whether the Evaluation tab offers the model's grades."""
    if agreement.is_good:
        return "the Evaluation tab offers its grades as a third switch"
    return (
        f"the Evaluation tab does not offer its grades: it needs kappa {KAPPA_NEEDED} on {PAIRS_NEEDED} pairs that "
        "people have judged"
    )


def _questions(engine: SearchEngine, pairs: Iterable[tuple[PairKey, str]]) -> list[Question]:
    """The pairs whose product is in the catalogue."""
    bullets = _BULLETS if BULLETS in engine.catalogue.column_names else 0
    found = []
    for pair, query in pairs:
        try:
            row = row_of(engine.catalogue, pair[0], pair[2])
        except QueryError:
            continue
        found.append(Question(pair, query, passages(engine.catalogue.slice(row, 1), bullets)[0]))
    return found
