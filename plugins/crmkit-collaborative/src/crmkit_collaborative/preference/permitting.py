"""Whether a customer may be contacted: what they said, the most restrictive first."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from crmkit_collaborative.kinds import ContactRule

__all__ = ["Permit", "permit"]


@attrs.frozen
class Permit:
    """Whether the company may use a channel for a purpose, and the rule that says so; without one, none was made."""

    allowed: bool
    rule: ContactRule | None = None


def permit(
    rules: Iterable[ContactRule], channel: str, purpose: str | None, *, needs_consent: bool = False
) -> Permit:
    """What the rules of one customer say of a channel and a purpose.

    A rule without a channel or a purpose is about all of them. Of the rules about exactly the same the newest counts;
    of those that are about more or less, the most restrictive: whoever wants no contact at all gets none, though they
    once agreed to newsletters. Where no rule says anything, `needs_consent` decides.
    """
    newest: dict[tuple[str | None, str | None], ContactRule] = {}
    for each in sorted(rules, key=lambda rule: (rule.since, rule.id)):
        if each.channel in (None, channel) and each.purpose in (None, purpose):
            newest[each.channel, each.purpose] = each
    order = {"do_not_contact": 0, "withdrawn": 1, "consent": 2}
    found = sorted(newest.values(), key=lambda rule: (order[rule.verdict], _breadth(rule)))
    if not found:
        return Permit(not needs_consent)
    return Permit(found[0].verdict == "consent", found[0])


def _breadth(rule: ContactRule) -> int:
    return (rule.channel is None) + (rule.purpose is None)
