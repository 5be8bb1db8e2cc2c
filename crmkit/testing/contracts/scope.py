"""What a reader may not see is nowhere: not in answers, numbers, search or behind references."""

from __future__ import annotations

from crmkit.kinds import Customer
from crmkit.query import any_of, linked, where
from crmkit.storage import Measure
from crmkit.testing.contracts.base import Contract
from crmkit.testing.kinds import Slip, Specimen
from crmkit.testing.lab import Lab

__all__ = ["Scoped"]


class Scoped(Contract):
    """Every way of reading obeys the scope."""

    def test_get_and_find_obey_the_scope(self, lab: Lab) -> None:
        """What the scope leaves out is None to `get`, and not found by `find`, `page` and `columns`."""
        a, b = lab.insert(Specimen(name="a", shelf="A"), Specimen(name="b", shelf="B"))
        scope = lab.scope(specimen=where.shelf == "A")
        found = lab.storage.get("specimen", [b.id, a.id], scope)
        assert [each and each["name"] for each in found] == [None, "a"]
        assert lab.names(scope=scope) == ["a"]
        assert len(lab.page(limit=1, scope=scope)) == 1
        assert lab.page(limit=1, scope=scope).after is None
        assert list(lab.storage.columns(lab.query("specimen"), ["name"], scope)) == [[["a"]]]

    def test_hold_obeys_the_scope(self, lab: Lab) -> None:
        """What the scope leaves out cannot be held, whatever it asks for; one and many alike."""
        kim, lee = lab.insert(Customer(name="s", owner="kim"), Customer(name="h", owner="lee"))
        a, b = lab.insert(
            Specimen(name="a", customer_id=kim.id), Specimen(name="b", customer_id=lee.id)
        )
        lab.add(Slip(specimen_id=a.id))
        ids = [b.id, a.id]
        for condition in (
            where.name == "a",
            where.customer_id.owner == "kim",
            linked(Slip, "specimen_id"),
            any_of(where.name == "a", linked(Slip, "specimen_id")),
        ):
            scope = lab.scope(specimen=condition)
            with lab.storage.transaction() as tx:
                assert tx.hold("specimen", ids, scope) == [None, a]
                assert [tx.hold("specimen", [id], scope)[0] for id in ids] == [None, a]
                a = lab.update(a, tx=tx, notes="held")

    def test_count_and_totals_obey_the_scope(self, lab: Lab) -> None:
        """Numbers are of what may be seen."""
        lab.insert(*(Specimen(shelf=shelf, number=n) for n, shelf in enumerate("AABBB")))
        scope = lab.scope(specimen=where.shelf == "A")
        assert lab.count(scope=scope) == 2
        totals = lab.storage.totals(
            lab.query("specimen"), ["shelf"], [Measure("sum", "number")], scope
        )
        assert [(each.group, each.count, each.measures) for each in totals] == [(("A",), 2, (1,))]

    def test_search_obeys_the_scope(self, lab: Lab) -> None:
        """Search finds only what may be seen, and fills its pages with that."""
        lab.insert(*(Specimen(name=f"word {shelf}", shelf=shelf) for shelf in "ABABAB"))
        scope = lab.scope(specimen=where.shelf == "A")
        assert lab.search("word", scope=scope) == ["word A"] * 3
        page = lab.storage.search("word", ["specimen"], 2, scope=scope)
        assert len(page) == 2
        rest = lab.storage.search("word", ["specimen"], 2, page.after, scope)
        assert len(rest) == 1
        assert rest.after is None

    def test_a_path_does_not_lead_to_what_is_hidden(self, lab: Lab) -> None:
        """A reference to a hidden record leads nowhere: its fields are missing in conditions and orders."""
        seen, hidden = lab.insert(Customer(name="m", owner="kim"), Customer(name="a", owner="lee"))
        lab.insert(
            Specimen(name="1", customer_id=hidden.id),
            Specimen(name="2", customer_id=seen.id),
            Specimen(name="3"),
        )
        scope = lab.scope(customer=where.owner == "kim")
        assert lab.names(where.customer_id.owner == "lee", scope=scope) == []
        assert lab.names(where.customer_id.owner != "lee", scope=scope) == ["1", "2", "3"]
        assert lab.names(where.customer_id.name.missing(), scope=scope) == ["1", "3"]
        assert lab.names(where.customer_id == hidden.id, scope=scope) == ["1"]
        assert lab.names(order="customer_id.name", scope=scope) == ["1", "3", "2"]
        assert lab.names(order="customer_id.name") == ["3", "1", "2"]
        page = lab.page(order="customer_id.name", limit=1, scope=scope)
        after = lab.page(order="customer_id.name", limit=9, scope=scope, after=page.after)
        assert [each["name"] for each in after] == ["3", "2"]

    def test_linked_does_not_see_what_is_hidden(self, lab: Lab) -> None:
        """`linked` asks for a linked record that may be seen."""
        a, b = lab.named("a", "b")
        lab.insert(Slip(specimen_id=a.id, done=True), Slip(specimen_id=b.id, done=False))
        scope = lab.scope(slip=where.done == True)  # noqa: E712
        assert lab.names(linked(Slip, "specimen_id"), scope=scope) == ["a"]
        assert lab.names(linked(Slip, "specimen_id", where.done == False), scope=scope) == []  # noqa: E712

    def test_paths_inside_of_linked_obey_the_scope(self, lab: Lab) -> None:
        """The conditions of `linked` follow references within the scope as well."""
        customer = lab.add(Customer(name="c", owner="lee"))
        a = lab.add(Specimen(name="a"))
        lab.add(Specimen(name="b", parent_id=a.id, customer_id=customer.id))
        scope = lab.scope(customer=where.owner == "kim")
        condition = linked(Specimen, "parent_id", where.customer_id.owner == "lee")
        assert lab.names(condition) == ["a"]
        assert lab.names(condition, scope=scope) == []

    def test_totals_by_a_path_obey_the_scope(self, lab: Lab) -> None:
        """A group behind a hidden reference is the missing one, and a measure there is missing."""
        seen, hidden = lab.insert(Customer(name="s", owner="kim"), Customer(name="h", owner="lee"))
        lab.insert(Specimen(customer_id=seen.id), Specimen(customer_id=hidden.id), Specimen())
        scope = lab.scope(customer=where.owner == "kim")
        totals = lab.storage.totals(
            lab.query("specimen"),
            ["customer_id.owner"],
            [Measure("max", "customer_id.name")],
            scope,
        )
        assert [(each.group, each.count, each.measures) for each in totals] == [
            ((None,), 2, (None,)),
            (("kim",), 1, ("s",)),
        ]

    def test_the_scope_itself_is_read_without_a_scope(self, lab: Lab) -> None:
        """A scope's own conditions may look at records that the reader does not see."""
        mine, other = lab.insert(Customer(name="x", owner="kim"), Customer(name="y", owner="lee"))
        a, b = lab.insert(
            Specimen(name="a", customer_id=mine.id), Specimen(name="b", customer_id=other.id)
        )
        lab.insert(Slip(specimen_id=a.id, text="s"), Slip(specimen_id=b.id, text="t"))
        scope = lab.scope(
            customer=where.id == "nobody",
            specimen=where.customer_id.owner == "kim",
            slip=where.specimen_id.name == "b",
        )
        assert lab.names(scope=scope) == ["a"]
        assert [each.text for each in lab.find(kind="slip", scope=scope)] == ["t"]
        assert lab.names(linked(Slip, "specimen_id"), scope=scope) == []
        shared = lab.scope(specimen=linked(Slip, "specimen_id", where.text == "t"), slip=any_of())
        assert lab.names(scope=shared) == ["b"]

    def test_a_scope_of_several_conditions(self, lab: Lab) -> None:
        """All conditions of a kind's scope must hold; kinds that it does not name are free."""
        lab.insert(*(Specimen(name=f"{n}", number=n, shelf=s) for n, s in enumerate("AABB")))
        lab.add(Customer(name="c"))
        scope = lab.scope(
            specimen=(where.shelf == "A", any_of(where.number > 0, where.name == "9"))
        )
        assert lab.names(scope=scope) == ["1"]
        assert len(lab.find(kind="customer", scope=scope)) == 1
        assert lab.names(where.name == "0", scope=scope) == []

    def test_reads_in_a_transaction_obey_the_scope(self, lab: Lab) -> None:
        """Inside of a transaction the scope means the same, for its own writes too."""
        scope = lab.scope(specimen=where.shelf == "A")
        with lab.storage.transaction() as tx:
            a, b = lab.insert(
                Specimen(name="a x", shelf="A"), Specimen(name="b x", shelf="B"), tx=tx
            )
            assert tx.get("specimen", [b.id, a.id], scope) == [None, a]
            assert lab.names(scope=scope, tx=tx) == ["a x"]
            assert lab.search("x", scope=scope, tx=tx) == ["a x"]
            assert tx.count(lab.query("specimen"), scope) == 1
