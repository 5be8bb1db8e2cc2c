"""Why somebody does not get a ticket, in words."""

from __future__ import annotations

from crmkit_operational.words import _

__all__ = ["why_not", "why_queued"]


def why_not(code: str) -> str:
    """What keeps one agent from a ticket."""
    words = {
        "chosen": _("gets it"),
        "after": _("could have it, comes after"),
        "offline": _("is not online"),
        "channel": _("takes nothing of this channel"),
        "team": _("is in another team"),
        "skills": _("lacks a skill"),
        "excluded": _("has given it back"),
        "hours": _("is outside of their working hours"),
        "full": _("has no room"),
        "released": _("let go of it"),
    }
    return words.get(code, code)


def why_queued(code: str) -> str:
    """Why a ticket stays in the queue."""
    words = {
        "": "",
        "no_agents": _("there are no agents"),
        "offline": _("nobody is online"),
        "channel": _("nobody online takes this channel"),
        "team": _("nobody of the team is online"),
        "skills": _("nobody online has the skills"),
        "excluded": _("whoever is left has given it back"),
        "hours": _("whoever could take it does not work now"),
        "full": _("whoever could take it has no room"),
        "released": _("its agent let go of it"),
    }
    return words.get(code, code)
