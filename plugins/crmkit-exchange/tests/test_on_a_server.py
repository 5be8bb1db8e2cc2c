"""Files in and out of a server database: the same as with a file."""

from __future__ import annotations

import json

import pytest
from crmkit_exchange.full.exporting import export_lines
from crmkit_exchange.full.restoring import restore
from crmkit_exchange.importing.undoing import undo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmkit import CRM, Config, Customer, CustomField, Identity, Interaction
from crmkit.testing.fixtures import FakeClock

pytest.importorskip("crmkit_sql", reason="crmkit-sql is not installed")

PEOPLE = "id,이름,이메일,휴대폰\n1,김하늘,sky@hanbit.example,010-2345-6701\n2,이준호,,010-2345-6702\n3,,bad@,\n"


@pytest.fixture
def server(new_postgres, clock):
    """Opens an app on a new database of a server."""
    opened = []

    def open_(url=None):
        found = url or new_postgres()
        opened.append(CRM.open(found, plugins=["sql", "exchange"], config=Config(), clock=clock))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


def told(crm):
    first, *body, last = (json.loads(line) for line in export_lines(crm))
    del first["exported_at"], last["end"]["sha256"]
    return [first, *body, last]


def test_an_import_a_second_one_and_its_undoing(server, importer, tmp_path, crm):
    there, here = importer(server(), tmp_path), importer(crm, tmp_path)
    for bring in (there, here):
        done = bring.text(PEOPLE)
        again = bring.text(PEOPLE)
        assert again.sums[1:3] == (0, 0)
        names = sorted(each.name for each in bring.crm.find(Customer))
        addresses = sorted(each.normalised for each in bring.crm.find(Identity))
        assert "김하늘" in names
        assert "+821023456701" in addresses
        undo(bring.crm, bring.crm.acting("kim@acme.example").actor, done.run, plan=False)
        assert bring.crm.count(Customer) == bring.crm.count(Identity) == 0
        assert bring.crm.storage.check() == []


def test_a_real_file_gives_the_same_counts(server, importer, tmp_path, data):
    file = data / "05_korean" / "library_std.csv"
    if not file.exists():
        pytest.skip("../shared/data has no library register")
    bring = importer(server(), tmp_path)
    (done,) = bring(file)
    assert done.sums[:2] == (3_555, 3_555)
    assert sum(each.channel == "phone" for each in bring.crm.find(Identity)) == 3_309


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "edit", "contact", "merge", "delete", "redact", "extra"]),
        st.integers(0, 9),
        st.integers(0, 9),
        st.sampled_from(["김하늘", "O'Neil", '환불 "요청"\n', "", "🎉", "a" * 300, "\u2028"]),
    ),
    min_size=5,
    max_size=25,
)


def live(crm, steps):
    """Whatever of these can be done, each in a transaction of its own."""
    with crm.transaction() as tx:
        tx.add(CustomField(on="customer", name="tier"))
    for what, one, other, text in steps:
        with crm.transaction() as tx:
            found = list(tx.find(Customer))
            if what == "add" or len(found) < 2:
                tx.add(Customer(name=text or "x", added={"custom.tier": text} if text else {}))
                continue
            first, second = found[one % len(found)], found[other % len(found)]
            if what == "edit":
                tx.update(first.evolve(owner=text, organization_id=second.id))
            elif what == "contact":
                tx.add(
                    Interaction(
                        customer_id=first.id, channel="mail", happened_at=tx.now(), body=text
                    )
                )
            elif what == "merge" and first.id != second.id:
                tx.merge(first, second)
            elif what == "redact":
                tx.redact(Customer, [first.id])
            elif what == "extra":
                tx.update(first.evolve(extra={**first.extra, "a.b": [1, 1.0, {"z": 1, "a": text}]}))
            elif what == "delete" and not tx.count("interaction"):
                for each in found:
                    if each.organization_id == first.id:
                        tx.update(each.evolve(organization_id=None))
                tx.delete(tx.get(Customer, first.id))


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_a_full_export_goes_back_and_forth(server, tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("forth")
    first, second = server(), server()
    live(first, steps)
    (folder / "all.jsonl").write_text("".join(export_lines(first)), "utf-8")
    with CRM.open(
        f"sqlite:///{folder}/a.db",
        plugins=["sqlite", "exchange"],
        config=Config(),
        clock=FakeClock(),
    ) as file:
        restore(file, folder / "all.jsonl")
        assert told(file) == told(first)
        (folder / "again.jsonl").write_text("".join(export_lines(file)), "utf-8")
    restore(second, folder / "again.jsonl")
    assert told(second) == told(first)
    assert second.storage.check() == []
