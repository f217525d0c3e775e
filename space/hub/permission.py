"""Asks the Hub whether it would take a push, before hours of training; nothing is made or sent."""

import logging
from collections.abc import Mapping
from typing import Any

from huggingface_hub import CommitOperationAdd, HfApi, get_token
from huggingface_hub.errors import RepositoryNotFoundError

from space.errors import HubError
from space.hub.client import endpoint, in_reach
from space.hub.faults import FAULTS, answer_seconds, in_words, is_transient, retried
from space.hub.push import NO_TOKEN, PUBLIC

logger = logging.getLogger(__name__)

#: What a fine-grained token needs to make and fill repositories of a user or an organization.
_WRITE = "repo.write"
_TOKENS = "https://huggingface.co/settings/tokens"


def ask_first(repo: str, kind: str, *, private: bool = False) -> None:
    """Ask the Hub whether it would take a push to ``repo``, before hours of training; nothing is made or sent.

    Where the Hub cannot say, there is a warning in the log: what is missing can be cured until the push.

    Args:
        repo: USER/NAME, which need not exist.
        kind: "model" or "dataset".
        private: see ``Upload``.

    Raises:
        HubError: it would not.
    """
    if get_token() is None:
        why = NO_TOKEN
    elif not in_reach():
        why = f"the Hub at {endpoint()} is out of reach"
    else:
        try:
            why = retried(lambda: _objection(repo, kind, private), f"asking about {kind} {repo}")
        except (*FAULTS, HubError) as error:
            why = in_words(error)
            if not is_transient(error):
                cure = "cure this, or train and embed without pushing"
                raise HubError(f"{kind} {repo} could not be pushed to {endpoint()}: {why}; {cure}") from error
    if why:
        logger.warning("%s will be pushed at the end, but now that would fail: %s", repo, why)


def _objection(repo: str, kind: str, private: bool) -> str:
    """Why a push may fail, where that is not certain, else "".

    Raises:
        HubError, FAULTS: it would fail.
    """
    api, owner = HfApi(), repo.split("/")[0]
    me = api.whoami()
    token = (me.get("auth") or {}).get("accessToken") or {}
    if token.get("role") == "read":
        raise HubError(f"the token may only read: make one that may write at {_TOKENS}")
    try:
        there = api.repo_info(repo, repo_type=kind, timeout=answer_seconds())
    except RepositoryNotFoundError as error:
        return _objection_to_new(me, token, owner, error)
    if private and not there.private:
        raise HubError(PUBLIC)
    # The first step of a commit, which needs the permission to write; a small text is not uploaded by it.
    api.preupload_lfs_files(repo, [CommitOperationAdd(".gitattributes", b"x")], repo_type=kind)
    return ""


def _objection_to_new(me: Mapping[str, Any], token: Mapping[str, Any], owner: str, error: Exception) -> str:
    """The same for a repository that does not exist, or that this token does not see."""
    lacks = _lacks(token, owner) if token.get("role") == "fineGrained" else None
    if lacks == "":
        return ""
    if lacks:
        raise HubError(f"{lacks}: allow that at {_TOKENS}, or make the repository on the Hub first") from error
    roles = {str(one.get("name")).lower(): str(one.get("roleInOrg")) for one in me.get("orgs") or []}
    roles[str(me.get("name")).lower()] = "owner"
    if roles.get(owner.lower()) in (None, "read", "no_access"):
        why = f"{me.get('name')} may not make a repository of {owner}, which is another user or organization"
        if token.get("role") == "fineGrained":  # such a token may not see the organizations
            return why
        raise HubError(why) from error
    return ""


def _lacks(token: Mapping[str, Any], owner: str) -> str | None:
    """Why a fine-grained token may make no repository of ``owner``, "" if it may; None where that is not known.

    ``whoami`` lists what such a token may do: {"scoped": [{"entity": {"type", "name"}, "permissions"}], "global"}.
    """
    scopes = token.get("fineGrained")
    if not isinstance(scopes, dict) or not isinstance(scopes.get("scoped"), list):
        return None
    may, kinds = set(scopes.get("global") or []), set()
    for scope in filter(lambda one: isinstance(one, dict), scopes["scoped"]):
        entity = scope.get("entity") or {}
        kinds.add(entity.get("type"))
        if entity.get("type") in ("user", "org") and str(entity.get("name")).lower() == owner.lower():
            may |= set(scope.get("permissions") or [])
    if _WRITE in may:
        return ""
    if "resource-group" in kinds:  # its organization is not named
        return None
    return f"the token may not write to all repositories of {owner}, so it can make no new one"
