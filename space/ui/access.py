"""Who may vote and judge on a page, by its settings and where it runs."""

import os
from importlib.util import find_spec

from space.errors import ServiceError
from space.feedback.journal import Journal
from space.feedback.people import People
from space.feedback.raters import Access
from space.search.people import query_list
from space.settings import AppSettings
from space.ui.address import plain
from space.ui.hosts import is_loopback


def who_may_answer(settings: AppSettings, journal: Journal) -> People:
    """Who may vote and judge: on a Space no visitor unless a variable says so, elsewhere every visitor."""
    usual = "off" if os.environ.get("SPACE_ID") else "open"
    voting, judging = settings.voting or usual, settings.judging or usual
    if "login" in (voting, judging) and not os.environ.get("OAUTH_CLIENT_ID"):
        raise ServiceError(
            "--voting or --judging login works on a Space with hf_oauth: true in its README.md: add it, or use open"
        )
    if "login" in (voting, judging) and not all(map(find_spec, ("authlib", "itsdangerous"))):
        raise ServiceError(
            "--voting or --judging login needs authlib and itsdangerous: pip install -r requirements.txt"
        )
    owner = is_loopback(plain(settings.host)) and not (
        settings.share or settings.root_path or os.environ.get("SPACE_ID")
    )
    guidelines = settings.guidelines.read_text(encoding="utf-8") if settings.guidelines else ""
    return People(
        journal,
        Access(voting, settings.raters, owner=owner and voting == "open"),
        Access(judging, settings.raters, owner=owner and judging == "open"),
        queries=query_list(settings.vote_queries) if settings.vote_queries else (),
        guidelines=guidelines,
        raters=settings.judges_per_pair,
    )
