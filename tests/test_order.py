"""No result depends on the order of plugins: the same work in every order of three, and in shuffles of many."""

import itertools
import random
import re

import pytest

from crmkit import Customer, FieldSpec, Identity, Record, Section, field, hookimpl, kind, where
from crmkit.manifest import Check, Restriction


@kind("pet", title="name")
class Pet(Record):
    name: str = field(search=True)


@kind("toy", title="name")
class Toy(Record):
    name: str = field(search=True)


@pytest.fixture
def plugins(plugin):
    """Plugins that all have a say in everything."""

    def make(name, number):
        def prepare(kind, writes):
            for write in writes:
                if kind == "customer" and write.record.country is None:
                    yield write.patch({f"{name}.seen": number})
                    yield Identity(
                        channel=name, value=write.record.name, customer_id=write.record.id
                    )

        def validate(tx, kind, writes):
            for write in writes:
                if kind == "customer" and write.record.name == "bad":
                    yield write.problem("name", f"{name} says no")

        return plugin(
            name,
            crm_prepare=prepare,
            crm_validate=validate,
            crm_authorize=lambda kind, writes, actor: [
                write.denial(f"{name} forbids") for write in writes if actor.id == "intern"
            ],
            crm_fields=lambda: [FieldSpec(on=Customer, name="seen", type=int | None)],
            crm_restrict=lambda kind, actor: (
                Restriction([where[f"{name}.seen"] == number], masked={"timezone"})
                if kind == "customer" and actor.id == "kim"
                else None
            ),
            crm_normalise=lambda channel, value: value.upper() if channel == name else None,
            crm_profile=lambda crm, customer: [Section(name, name, (("name", customer.name),))],
            crm_checks=lambda: [Check(name, lambda crm: [], name)],
            crm_committed=lambda crm, changes: heard.append((name, len(changes))),
        )

    heard = []
    made = [make(f"p{n}", n) for n in range(8)]
    made[0].crm_kinds = hookimpl(lambda: [Pet])
    made[5].crm_kinds = hookimpl(lambda: [Toy])
    return made, heard


def refused(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__, re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", str(error))
    return None


def work(open_crm, modules, heard):
    """What a company sees of its plugins, without ids and times."""
    heard.clear()
    crm = open_crm(*modules)
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="Kim"))
        tx.add(Customer(name="Lee", country="KR"))
    seen = {
        "added": dict(sorted(kim.added.items())),
        "identities": sorted((i.channel, i.normalised) for i in crm.find(Identity)),
        "mine": [c.name for c in crm.acting("kim").find(Customer, order="name")],
        "changes": sorted((c.kind, c.version, c.action) for c in crm.changes()),
        "profile": [(s.name, s.label) for s in crm.profile(kim.id)],
        "kinds": list(crm.schema.kinds),
        "fields": {each.name: sorted(each.fields) for each in crm.schema},
        "heard": sorted(heard),
        "checks": sorted(crm.plugins.checks()[0]),
        "bad": refused(lambda: add(crm, Customer(name="bad"))),
        "denied": refused(lambda: add(crm.acting("intern"), Customer(name="x"))),
        "masked": refused(lambda: crm.acting("kim").count(Customer, where.timezone == "x")),
    }
    crm.close()
    return seen


def add(crm, record):
    with crm.transaction() as tx:
        tx.add(record)


@pytest.mark.parametrize("url", ["memory"], indirect=True)
def test_three_plugins_in_every_order_do_the_same(open_crm, plugins):
    modules, heard = plugins
    results = [work(open_crm, order, heard) for order in itertools.permutations(modules[:3])]
    assert all(result == results[0] for result in results)
    assert results[0]["bad"][0] == "InvalidRecords"


@pytest.mark.parametrize("url", ["memory"], indirect=True)
def test_fifty_shuffles_of_all_do_the_same(open_crm, plugins):
    modules, heard = plugins
    first = work(open_crm, modules, heard)
    for seed in range(50):
        shuffled = random.Random(seed).sample(modules, len(modules))
        assert work(open_crm, shuffled, heard) == first
