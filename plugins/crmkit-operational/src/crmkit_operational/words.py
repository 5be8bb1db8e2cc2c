"""The plugin's words in the language of the terminal: `locale/ko/LC_MESSAGES/crmkit_operational.po` has the Korean ones.

What records keep as a code, a state or a metric, has its word here, and nowhere else: scripts get the code, people the word.
"""

from __future__ import annotations

from crmkit.cli.language import Word

__all__ = ["WORDS", "_", "word"]


def _(text: str) -> str:
    """The text in the language of the command that is running; as it is where none runs."""
    from crmkit.cli.language import _ as translated

    return translated(text, "crmkit_operational")


WORDS = {
    # A ticket's state and priority; a stage's category is open, too.
    "new": Word("new"),
    "open": Word("open"),
    "pending": Word("pending"),
    "on_hold": Word("on hold"),
    "solved": Word("solved"),
    "closed": Word("closed"),
    "low": Word("low"),
    "normal": Word("normal"),
    "high": Word("high"),
    "urgent": Word("urgent"),
    # What is measured, what happened to it, and what became of the promise.
    "first_response": Word("first response"),
    "next_reply": Word("next reply"),
    "resolution": Word("resolution"),
    "requester_wait": Word("requester wait"),
    "agent_work": Word("agent work"),
    "activate": Word("started"),
    "pause": Word("paused"),
    "fulfill": Word("reached"),
    "cancel": Word("cancelled"),
    "apply_sla": Word("promised"),
    "breach": Word("broken"),
    "kept": Word("kept"),
    "broken": Word("broken"),
    # Agents, and how a ticket came to one.
    "online": Word("online"),
    "away": Word("away"),
    "offline": Word("offline"),
    "assigned": Word("assigned"),
    "queued": Word("queued"),
    "least_loaded": Word("least loaded"),
    "round_robin": Word("in turn"),
    "weighted": Word("by capacity"),
    "by_hand": Word("by hand"),
    "taken": Word("taken"),
    "reopened": Word("reopened"),
    "released": Word("released"),
    # Deals, their next steps, and orders.
    "won": Word("won"),
    "lost": Word("lost"),
    "missing": Word("missing"),
    "undated": Word("undated"),
    "overdue": Word("overdue"),
    "planned": Word("planned"),
    "placed": Word("placed"),
    "fulfilled": Word("fulfilled"),
    "cancelled": Word("cancelled"),
    "returned": Word("returned"),
    # Rules: what came of a run, and of loading a file.
    "done": Word("done"),
    "failed": Word("failed"),
    "loop": Word("loop"),
    "added": Word("added"),
    "changed": Word("changed"),
    "as it was": Word("as it was"),
    # Contacts: the core's own, in which a ticket is talked about.
    "in": Word("in"),
    "out": Word("out"),
}
"""What people call a code, in English; the catalogs have it in other languages."""


def word(code: str) -> str:
    """What people call a state, a metric or another code of the plugin's own, in their language."""
    return _(WORDS.get(code, code))
