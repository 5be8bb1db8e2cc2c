"""Whether rules can be run: asked when one is written, and by `crm doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from crmkit import CRM, Actor, Finding, GuardView, Patch, Problem, Write, where
from crmkit.restrictions import Views
from crmkit_operational.automation.acting import plugins_of
from crmkit_operational.automation.kinds import Rule, RuleRun
from crmkit_operational.automation.ready import Ready, enabled_rules, objections
from crmkit_operational.words import _

__all__ = ["denials", "enabled_now", "findings", "problems"]

READ = ("on", "trigger", "conditions", "actions")
"""The fields of a rule that must make sense together."""

RECENT = timedelta(days=7)
"""How long `crm doctor` speaks of loops and failures."""


def enabled_now(tx: GuardView, writes: Sequence[Write]) -> Iterator[Patch]:
    """From now on, for rules that are enabled by these writes and do not say from when on."""
    for write in writes:
        if write.action == "delete" or not write.record["enabled"]:
            continue
        was = write.previous is not None and write.previous["enabled"]
        said = write.record["since"] is not None and write.changed("since")
        if not was and not said:
            yield write.patch(since=tx.now())


def problems(tx: GuardView, writes: Sequence[Write]) -> Iterator[Problem]:
    """What is wrong with rules that are written; one that is only switched off may be wrong."""
    for write in writes:
        rule: Any = write.record
        is_due = _may_do_other_things(write)
        if write.action == "delete" or not (is_due or write.changed("name")):
            continue
        if not rule.name.strip() or not rule.name.isprintable() or len(rule.name) > 80:
            yield write.problem("name", _("a rule has a name of 1 to 80 printable characters"))
        if is_due:
            for field, text in objections(tx, rule):
                yield write.problem(field, text)


def _may_do_other_things(write: Write) -> bool:
    is_on = write.record["enabled"] and write.changed("enabled")
    return write.action != "delete" and (is_on or any(map(write.changed, READ)))


def denials(tx: GuardView, writes: Sequence[Write], actor: Actor) -> Iterator[Problem]:
    """Rules read everything and write what they read: who may not see everything would learn it from them.

    They may switch rules off.
    """
    due = [write for write in writes if _may_do_other_things(write)]
    if not due:
        return
    views = Views(plugins_of(tx), actor, tx, fresh_for=None)
    for kind in tx.schema:
        view = views.of(tx.schema, kind.name)
        if view.conditions or view.masked:
            text = _("rules see all {kind} records, and you do not; let somebody write it who does")
            yield from (write.denial(text.format(kind=kind.name)) for write in due)
            return


def findings(crm: CRM) -> Iterator[Finding]:
    """What `crm doctor` says of rules: those that cannot run, those that looped or failed in the last week."""
    for each in enabled_rules(crm):
        if not isinstance(each, Ready):
            rule, error = each
            text = _("rule {name} cannot run: {reason}").format(name=rule.name, reason=error)
            fix = _("mend it, or `crm rule disable {name}`").format(name=rule.name)
            yield Finding(text, fix, "warning")
    recent = where.at >= crm.now() - RECENT
    names = {each.id: each.name for each in crm.find(Rule)}
    for total in crm.totals(RuleRun, recent, where.outcome == "failed", by="rule_id"):
        name = names.get(total.group[0], total.group[0])
        text = _("rule {name} failed {count} times").format(name=name, count=total.count)
        fix = _("see `crm rule runs {name}`, then `crm rule retry {name}`").format(name=name)
        yield Finding(text, fix, "warning")
    yield from _loops(crm, recent)


def _loops(crm: CRM, recent: Any) -> Iterator[Finding]:
    seen = {each.error for each in crm.find(RuleRun, recent, where.outcome == "loop")}
    for sentence in sorted(filter(None, seen)):
        chain = sentence.partition(": ")[2].rpartition("; ")[0]
        text = _("rules set each other off: {chain}").format(chain=chain)
        yield Finding(text, _("give one of them a condition that ends it, or disable it"))
