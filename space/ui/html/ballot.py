"""Two lists without the names of their systems, the reveal after a vote, and the result of all votes as HTML."""

from collections.abc import Sequence

from space.feedback.ballots import Ballot
from space.feedback.tally import VISITS, Choices, Tally
from space.i18n import N_, fraction, ngettext, number
from space.i18n import gettext as _
from space.search.results import Comparison, Hit
from space.ui.html.labels import badge
from space.ui.html.markup import Html, fill, join
from space.ui.html.names import language_of, queries, system_name
from space.ui.html.picture import picture

CHOICES = {
    "a": N_("A is better"),
    "b": N_("B is better"),
    "both": N_("Both are good"),
    "neither": N_("Both are bad"),
}


def blind(ballot: Ballot, found: Comparison) -> Html:
    """The two lists. Nothing in them differs by system but the products."""
    return _lists(ballot, found, [_("List A"), _("List B")], revealed=False)


def reveal(ballot: Ballot, found: Comparison, answer: str) -> Html:
    """The same lists with their systems, labels and moves, and what was chosen."""
    a, b = map(system_name, ballot.sides)
    said = fill(
        '<p class="reveal" role="status"><b>{choice}.</b> {said}</p>',
        choice=_(CHOICES[answer]),
        said=_("A was {a}, B was {b}.").format(a=a, b=b),
    )
    headings = [_("List A: {system}").format(system=a), _("List B: {system}").format(system=b)]
    return join([said, _lists(ballot, found, headings, revealed=True)])


def _lists(ballot: Ballot, found: Comparison, headings: Sequence[str], *, revealed: bool) -> Html:
    sides = [found.systems[system].hits for system in ballot.sides]
    ranks = [{hit.key: hit.rank for hit in hits} for hits in sides]
    columns = join(
        fill(
            '<section class="ballot-side"><h3>{heading}</h3><ol>{items}</ol></section>',
            heading=heading,
            items=join(_item(hit, ranks[1 - place].get(hit.key), revealed=revealed) for hit in hits)
            or fill("<li>{nothing}</li>", nothing=_("Nothing found.")),
        )
        for place, (heading, hits) in enumerate(zip(headings, sides, strict=True))
    )
    return fill(
        '<div class="ballot"><h2 tabindex="-1" data-focus>{asked} <q>{query}</q></h2>{columns}</div>',
        asked=_("Two lists for") if revealed else _("Which list is better for"),
        query=ballot.query,
        columns=fill('<div class="ballot-sides">{columns}</div>', columns=columns),
    )


def _item(hit: Hit, other: int | None, *, revealed: bool) -> Html:
    notes = [fill('<span class="both">{said}</span>', said=_("in both"))] if other is not None else []
    if revealed:
        notes = [badge(hit.grade), fill('<span class="moved">{said}</span>', said=_moved(hit.rank, other))]
    about = " · ".join(part for part in (hit.brand, hit.color) if part)
    return fill(
        '<li class="{kind}">{picture}<span><span lang="{language}" class="name">{title}</span>'
        '<span class="about">{about}</span><span class="notes">{notes}</span></span></li>',
        kind="shared" if other is not None else "own",
        picture=picture(hit),
        language=language_of(hit.product_locale),
        title=hit.title or _("(no title)"),
        about=about,
        notes=join(notes, " "),
    )


def _moved(rank: int, other: int | None) -> str:
    if other is None:
        return _("only here")
    return _("same rank there") if rank == other else _("rank {rank} there").format(rank=other)


def result(found: Tally, first: str, second: str, held_out: int) -> Html:
    """Wins, ties and losses by people and by query, the interval, the sign test, and the raters.

    Args:
        found: the tally; wins are those of ``second``.
        first: a system.
        second: the other one.
        held_out: how many held-out queries there are.
    """
    a, b = system_name(first), system_name(second)
    title = _("Votes so far: {second} against {first}").format(first=a, second=b)
    if not found.people.votes:
        return _section(title, fill("<p>{said}</p>", said=_("No votes yet.")))
    by_query = found.by_query
    rows = [
        (_("Votes"), found.people.second, found.people.both + found.people.neither, found.people.first),
        (_("Queries"), by_query.wins, by_query.ties, by_query.losses),
    ]
    table = fill(
        '<table><thead><tr><td></td><th scope="col">{b}</th><th scope="col">{tie}</th><th scope="col">{a}</th></tr>'
        "</thead><tbody>{rows}</tbody></table>",
        a=_("{system} better").format(system=a),
        b=_("{system} better").format(system=b),
        tie=_("equal"),
        rows=join(_row(name, values) for name, *values in rows),
    )
    parts = [fill('<p class="outcome">{said}</p>', said=_outcome(found, a, b)), table, _details(found, held_out)]
    return _section(title, join(parts))


def in_short(found: Tally, first: str, second: str) -> str:
    """The result as one line of text, where there are votes; wins are those of ``second``."""
    by_query = found.by_query
    said = _("Blind votes on {queries}: {wins} better, {ties} equal, {losses} worse.").format(
        queries=queries(by_query.n),
        wins=number(by_query.wins),
        ties=number(by_query.ties),
        losses=number(by_query.losses),
    )
    return f"{said} {_says(found, system_name(first), system_name(second))}"


def _says(found: Tally, first: str, second: str) -> str:
    by_query = found.by_query
    if by_query.outcome == "few":
        said = ngettext("Too few to tell: {n} query.", "Too few to tell: {n} queries.", by_query.n)
        return said.format(n=number(by_query.n))
    says = {
        "better": _("People find {second} better than {first}."),
        "worse": _("People find {first} better than {second}."),
        "unclear": _("People find no clear difference between {first} and {second}."),
    }[by_query.outcome]
    return says.format(first=first, second=second)


def _outcome(found: Tally, first: str, second: str) -> Html:
    by_query, says = found.by_query, _says(found, first, second)
    if by_query.outcome == "few":
        return fill("<b>{says}</b>", says=says)
    figures = _("Mean score {mean}, 95 % interval {low} to {high} over {queries}; sign test p = {p}.")
    return fill(
        "<b>{says}</b> {figures}",
        says=says,
        figures=figures.format(
            mean=fraction(by_query.mean or 0, signed=True),
            low=fraction(by_query.low or 0, signed=True),
            high=fraction(by_query.high or 0, signed=True),
            queries=queries(by_query.n),
            p=fraction(found.p),
        ),
    )


def _details(found: Tally, held_out: int) -> Html:
    said = [
        _("A query's score is the mean of its raters, from −1 to 1; every query counts the same. All visits without a "
          "name count as one rater."),
        _("{n} of {all} held-out queries have a vote.").format(n=number(found.by_query.n), all=number(held_out)),
    ]  # fmt: skip
    if found.without_one and found.by_query.n:
        low, high = (fraction(value, signed=True) for value in found.without_one)
        said.append(_("Without any one rater the mean is between {low} and {high}.").format(low=low, high=high))
    if found.typed:
        text = ngettext(
            "{n} vote on a typed query is not counted.", "{n} votes on typed queries are not counted.", found.typed
        )
        said.append(text.format(n=number(found.typed)))
    raters = join(
        _row(_rater(one, found.visits), [one.second, one.both + one.neither, one.first]) for one in found.raters[:20]
    )
    return fill(
        '<details><summary>{title}</summary><p>{said}</p><table class="raters"><tbody>{raters}</tbody></table>'
        "</details>",
        title=_("How this is counted, and by whom"),
        said=" ".join(said),
        raters=raters,
    )


def _rater(one: Choices, visits: int) -> str:
    if one.rater == VISITS:
        text = ngettext("{n} visit without a name", "{n} visits without a name", visits)
        return text.format(n=number(visits))
    return rater_name(one.rater or "")


def rater_name(rater: str) -> str:
    """A rater as a visitor reads it."""
    return _("the owner of this page") if rater == "owner" else rater.removeprefix("hub:")


def _row(name: str, values: Sequence[int]) -> Html:
    cells = join(fill("<td>{n}</td>", n=number(value)) for value in values)
    return fill('<tr><th scope="row">{name}</th>{cells}</tr>', name=name, cells=cells)


def _section(title: str, body: Html) -> Html:
    return fill('<section class="vote-result"><h2>{title}</h2>{body}</section>', title=title, body=body)
