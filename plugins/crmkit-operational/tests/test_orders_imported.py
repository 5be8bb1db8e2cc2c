"""Orders out of any file: customers by their ids there, totals as lines, the same again changing nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("crmkit_exchange", reason="the exchange plugin is not installed")

from crmkit_exchange.formats.items import FileRefused
from crmkit_exchange.importing.undoing import undo
from crmkit_exchange.kinds import ExternalId
from crmkit_operational.sales.kinds import OrderLine, SalesOrder
from crmkit_operational.sales.orders import totals_of
from importing import KIM, Done, Importer

from crmkit import CRM, Config, Customer, Money, Record, where
from crmkit.config import Company

SHOP = """order,buyer,day,sum
A-1,17,2024-03-01,"1,234.50"
A-2,18,2024-03-02,11.77
A-3,17,2024-03-02,
"""
MAPS = (("order", "external_id"), ("buyer", "customer"), ("day", "placed_at"), ("sum", "total"))
DOLLARS = Config(company=Company(currency="USD", timezone="America/New_York", language="en"))


@pytest.fixture
def bring(open_crm: Any, tmp_path: Path) -> Importer:
    return Importer(open_crm("exchange", own=["sales"], config=DOLLARS), tmp_path)


@pytest.fixture
def shop(bring: Importer, tmp_path: Path) -> Callable[..., Done]:
    """Imports the text of a file of orders."""

    def take(
        text: str | bytes = SHOP, maps: Any = MAPS, name: str = "shop.csv", **said: Any
    ) -> Done:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        [done] = bring(path, kind="order", maps=maps, **said).values()
        return done

    return take


def totals(crm: CRM) -> dict[str | None, str | None]:
    """What each order adds up to, by its number."""
    orders = list(crm.find(SalesOrder))
    found = totals_of(crm, orders)
    return {each.number: str(found[each.id]) if each.id in found else None for each in orders}


def everything(crm: CRM) -> dict[str, dict[str, Any]]:
    """All records but those of imports themselves, by id."""
    kinds: tuple[type[Record], ...] = (Customer, SalesOrder, OrderLine, ExternalId)
    return {
        each.id: {name: each[name] for name in (*crm.schema[kind.__kind__].fields, "version")}
        for kind in kinds
        for each in crm.find(kind)
    }


def test_orders_come_with_their_customers_and_totals(bring: Importer, shop: Callable[..., Done]):
    done = shop()

    assert done.sums == (3, 3, 0, 0, 0)
    crm = bring.crm
    assert totals(crm) == {"A-1": "1,234.50 USD", "A-2": "11.77 USD", "A-3": None}
    names = {each.id: each.name for each in crm.find(Customer)}
    assert sorted(names.values()) == ["17", "18"]
    orders = {each.number: each for each in crm.find(SalesOrder)}
    assert [names[orders[n].customer_id] for n in ("A-1", "A-2", "A-3")] == ["17", "18", "17"]
    # A day without a time is midnight in the company's zone.
    assert orders["A-1"].placed_at == datetime(2024, 3, 1, 5, tzinfo=UTC)
    assert {(each.product, each.quantity, each.customer_id) for each in crm.find(OrderLine)} == {
        ("Total", 1, orders["A-1"].customer_id),
        ("Total", 1, orders["A-2"].customer_id),
    }


def test_the_same_again_changes_nothing(bring: Importer, shop: Callable[..., Done]):
    shop()
    before = everything(bring.crm)

    assert shop().sums == (3, 0, 0, 3, 0)
    assert everything(bring.crm) == before


def test_later_files_find_the_customers_again(bring: Importer, shop: Callable[..., Done]):
    shop()
    later = shop(
        "order,buyer,day,sum\nB-1,17,2024-04-01,5\nB-2,19,2024-04-01,6\n", name="april.csv"
    )

    assert later.sums == (2, 2, 0, 0, 0)
    assert Counter(each.name for each in bring.crm.find(Customer)) == {"17": 1, "18": 1, "19": 1}


def test_customers_who_came_before_are_found_by_their_ids(
    bring: Importer, shop: Callable[..., Done], tmp_path: Path
):
    people = tmp_path / "people.csv"
    people.write_text("id,name,email\n17,Kim,kim@x.example\n99,Lee,lee@x.example\n")
    bring(people)

    shop()

    assert sorted(each.name for each in bring.crm.find(Customer)) == ["18", "Kim", "Lee"]


def test_customers_who_come_later_are_found_if_the_sort_of_their_ids_was_said(
    bring: Importer, shop: Callable[..., Done], tmp_path: Path
):
    shop(maps=[*MAPS[:1], ("buyer", "customer@people"), *MAPS[2:]])
    people = tmp_path / "people.csv"
    people.write_text("id,name,email\n17,Kim,kim@x.example\n99,Lee,lee@x.example\n")
    bring(people)

    assert sorted(each.name for each in bring.crm.find(Customer)) == ["18", "Kim", "Lee"]


def test_an_order_with_the_number_of_a_customer_is_none(bring: Importer, shop: Callable[..., Done]):
    done = shop("order,buyer,day,sum\n17,18,2024-03-01,1\n18,17,2024-03-02,2\n")

    assert done.sums == (2, 2, 0, 0, 0)
    assert shop("order,buyer,day,sum\n19,17,2024-03-03,3\n").sums == (1, 1, 0, 0, 0)
    names = {each.id: each.name for each in bring.crm.find(Customer)}
    assert {each.number: names[each.customer_id] for each in bring.crm.find(SalesOrder)} == {
        "17": "18",
        "18": "17",
        "19": "17",
    }


def test_a_changed_total_changes_the_line(bring: Importer, shop: Callable[..., Done]):
    shop()
    lines = {each.id for each in bring.crm.find(OrderLine)}

    changed = shop(SHOP.replace("11.77", "12"))

    assert changed.sums == (3, 0, 1, 2, 0)
    [outcome] = (each for each in changed.outcomes if each.action == "update")
    assert (outcome.title, outcome.reason) == ("A-2", "order_line.unit_price")
    assert totals(bring.crm) == {"A-1": "1,234.50 USD", "A-2": "12.00 USD", "A-3": None}
    assert {each.id for each in bring.crm.find(OrderLine)} == lines


def test_a_total_that_comes_later_makes_the_line(bring: Importer, shop: Callable[..., Done]):
    shop()

    assert shop(SHOP.replace("2024-03-02,\n", "2024-03-02,7\n")).sums == (3, 0, 1, 2, 0)
    assert totals(bring.crm)["A-3"] == "7.00 USD"


def test_a_line_that_people_changed_stays_until_the_file_says_another(
    bring: Importer, shop: Callable[..., Done]
):
    shop()
    with bring.crm.transaction() as tx:
        [line] = tx.find(OrderLine, where.unit_price == Money(1177, "USD"))
        tx.update(line.evolve(product="Beans", unit_price=Money(900, "USD")))

    assert shop().sums == (3, 0, 0, 3, 0)
    assert totals(bring.crm)["A-2"] == "9.00 USD"
    [outcome] = (e for e in shop(SHOP.replace("11.77", "12")).outcomes if e.action == "update")
    assert totals(bring.crm)["A-2"] == "12.00 USD"
    assert "was written here" in outcome.notes[0]
    assert "Beans" in {each.product for each in bring.crm.find(OrderLine)}


def test_undoing_takes_back_orders_lines_and_customers(bring: Importer, shop: Callable[..., Done]):
    with bring.crm.transaction() as tx:
        tx.add(Customer(name="Here before"))
    before = everything(bring.crm)

    done = shop()
    taken = undo(bring.crm, KIM, done.run)

    assert taken.kept == []
    assert taken.deleted == 2 + 3 + 2 + 2 + 3 + 2  # customers, orders, lines, and the ids of each
    assert everything(bring.crm) == before
    assert shop().sums == (3, 3, 0, 0, 0)


def test_undoing_a_changed_total_brings_the_old_one_back(
    bring: Importer, shop: Callable[..., Done]
):
    shop()

    undo(bring.crm, KIM, shop(SHOP.replace("11.77", "12")).run)

    assert totals(bring.crm)["A-2"] == "11.77 USD"


def test_a_plan_says_what_the_import_does(
    bring: Importer, shop: Callable[..., Done], tmp_path: Path
):
    path = tmp_path / "shop.csv"
    path.write_text(SHOP)

    token, [counts], outcomes = bring.plan(path, kind="order", maps=MAPS)

    assert (counts.read, counts.created) == (3, 3)
    assert everything(bring.crm) == {}
    assert len(outcomes) == 3
    [applied] = bring.apply(token, path, kind="order", maps=MAPS)
    assert applied.created == 3
    assert totals(bring.crm)["A-2"] == "11.77 USD"


def test_a_broken_off_import_goes_on(bring: Importer, shop: Callable[..., Done], tmp_path: Path):
    rows = "".join(f"{n % 7},2024-03-01,{n % 11}\n" for n in range(1100))
    path = tmp_path / "many.csv"
    path.write_text(f"buyer,day,sum\n{rows}")
    with pytest.raises(KeyboardInterrupt):
        bring(path, stop_after=400, kind="order", maps=MAPS[1:])

    [done] = bring(path, kind="order", maps=MAPS[1:]).values()

    assert done.sums == (1100, 1100, 0, 0, 0)
    assert bring.crm.count(SalesOrder) == 1100


# Without ids ----------------------------------------------------------------------------------------------------


def test_two_rows_that_are_alike_are_two_purchases(bring: Importer, shop: Callable[..., Done]):
    twice = "buyer,day,sum\n17,2024-03-01,5\n18,2024-03-01,5\n17,2024-03-01,5\n"

    assert shop(twice, MAPS[1:]).sums == (3, 3, 0, 0, 0)
    before = everything(bring.crm)
    assert shop(twice, MAPS[1:]).sums == (3, 0, 0, 3, 0)
    assert everything(bring.crm) == before
    more = shop(f"{twice}17,2024-03-01,5\n", MAPS[1:])
    assert more.sums == (4, 1, 0, 3, 0)
    assert bring.crm.count(SalesOrder) == 4


# Numbers --------------------------------------------------------------------------------------------------------


def test_a_number_that_another_order_has_is_left_out(bring: Importer, shop: Callable[..., Done]):
    with bring.crm.transaction() as tx:
        tx.add(SalesOrder(number="A-2", placed_at=datetime(2024, 1, 1, tzinfo=UTC)))

    done = shop()

    assert done.sums == (3, 3, 0, 0, 0)
    assert [each.notes for each in done.outcomes if each.notes] == [
        ("number: 'A-2' is that of another order here",)
    ]
    assert sorted(str(each.number) for each in bring.crm.find(SalesOrder)) == [
        "A-1", "A-2", "A-3", "None",
    ]  # fmt: skip
    assert shop().sums == (3, 0, 0, 3, 0)


# Amounts, days and states ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("11.77", "11.77 USD"),
        ("1,234.5", "1,234.50 USD"),
        ("₩12,000", "12,000 KRW"),
        ("12000", "12,000.00 USD"),
        ("$5", "5.00 USD"),
        ("0.00", "0.00 USD"),
        ("5 EUR", "5.00 EUR"),
    ],
)
def test_totals_as_people_write_them(
    bring: Importer, shop: Callable[..., Done], written: str, kept: str
):
    shop(f'order,buyer,day,sum\nA,17,2024-03-01,"{written}"\n')

    assert totals(bring.crm) == {"A": kept}


@pytest.mark.parametrize("written", ["1,50", "a lot", "1.999", "12-", "¥5"])
def test_a_total_that_cannot_be_read_makes_the_row_invalid(
    bring: Importer, shop: Callable[..., Done], written: str
):
    done = shop(f'order,buyer,day,sum\nA,17,2024-03-01,"{written}"\n')

    assert done.sums == (1, 0, 0, 0, 1)
    assert done.outcomes[0].reason.startswith("column 'sum' holds")
    assert everything(bring.crm) == {}


def test_the_currency_of_a_row_goes_before_the_companys(bring: Importer, shop: Callable[..., Done]):
    text = (
        "order,buyer,day,sum,cur\nA,1,2024-03-01,5,eur\nB,1,2024-03-01,5,\nC,1,2024-03-01,₩5,EUR\n"
    )

    done = shop(text, (*MAPS, ("cur", "currency")))

    assert totals(bring.crm) == {"A": "5.00 EUR", "B": "5.00 USD"}
    assert "names two currencies" in done.outcomes[2].reason


def test_the_currency_may_be_said_once_for_all(bring: Importer, shop: Callable[..., Done]):
    done = shop(sets=[("currency", "KRW")])

    assert done.sums == (3, 1, 0, 0, 2)
    assert "finer than KRW goes" in done.outcomes[0].reason
    shop("order,buyer,day,sum\nW,17,2024-03-01,1200\n", sets=[("currency", "KRW")])
    assert totals(bring.crm) == {"A-3": None, "W": "1,200 KRW"}


def test_a_negative_total_is_a_return(bring: Importer, shop: Callable[..., Done]):
    shop("order,buyer,day,sum\nA,17,2024-03-01,20\nB,17,2024-03-05,-20\n")

    assert {each.number: each.status for each in bring.crm.find(SalesOrder)} == {
        "A": "placed",
        "B": "returned",
    }
    assert totals(bring.crm) == {"A": "20.00 USD", "B": "-20.00 USD"}


@pytest.mark.parametrize(
    "day",
    ["19970101", "1997-01-01", "1.1.1997", "1997. 1. 1.", "1997년 1월 1일", "1997-01-01T05:00Z"],
)
def test_days_as_people_write_them(bring: Importer, shop: Callable[..., Done], day: str):
    shop(f"order,buyer,day,sum\nA,17,{day},1\n")

    [order] = bring.crm.find(SalesOrder)
    assert order.placed_at == datetime(1997, 1, 1, 5, tzinfo=UTC)


# What is said ---------------------------------------------------------------------------------------------------


def test_columns_that_are_called_so_need_not_be_mapped(bring: Importer, shop: Callable[..., Done]):
    text = "external_id,customer,placed_at,total,currency\nA-1,17,19970101,5,EUR\n"

    shop(text, maps=[])

    assert totals(bring.crm) == {"A-1": "5.00 EUR"}
    assert [each.name for each in bring.crm.find(Customer)] == ["17"]


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("totl", "did you mean 'total'"),
        ("custmer", "did you mean 'customer'"),
        ("placed", "did you mean 'placed_at'"),
    ],
)
def test_a_wrong_field_names_the_nearest(shop: Callable[..., Done], wrong: str, hint: str):
    with pytest.raises(FileRefused, match=hint):
        shop(maps=[*MAPS[:3], ("sum", wrong)])


def test_a_currency_without_a_total_is_refused(shop: Callable[..., Done]):
    with pytest.raises(FileRefused, match="column that is"):
        shop(maps=[*MAPS[:3], ("sum", "currency")])


# Whole files ----------------------------------------------------------------------------------------------------


def test_a_korean_shop_in_cp949(open_crm: Any, tmp_path: Path):
    config = Config(company=Company(language="ko"))
    bring = Importer(open_crm("exchange", own=["sales"], config=config), tmp_path)
    path = tmp_path / "주문내역.csv"
    path.write_bytes(
        "주문번호;회원번호;주문일자;결제금액\n"
        "2024-001;박서연;2024.03.01;￦12,000\n"
        "2024-002;김하늘;2024.03.02;35,000원\n"
        "2024-003;박서연;2024. 3. 2. 오후 2:20;\\8,000\n".encode("cp949")
    )
    maps = [
        ("주문번호", "external_id"),
        ("회원번호", "customer"),
        ("주문일자", "placed_at"),
        ("결제금액", "total"),
    ]

    [done] = bring(path, kind="order", maps=maps).values()

    assert done.sums == (3, 3, 0, 0, 0)
    assert totals(bring.crm) == {
        "2024-001": "12,000 KRW",
        "2024-002": "35,000 KRW",
        "2024-003": "8,000 KRW",
    }
    assert sorted(each.name for each in bring.crm.find(Customer)) == ["김하늘", "박서연"]
    assert {each.product for each in bring.crm.find(OrderLine)} == {"합계"}
    [again] = bring(path, kind="order", maps=maps).values()
    assert again.sums == (3, 0, 0, 3, 0)


CDNOW = (("2", "customer"), ("3", "placed_at"), ("5", "total"))


def _cdnow(data: Path) -> Iterator[str]:
    for line in (data / "01_clv" / "CDNOW_sample.txt").read_text().splitlines():
        yield ",".join(line.split())


@pytest.fixture
def shop_in_sqlite(tmp_path: Path) -> Iterator[Importer]:
    pytest.importorskip("crmkit_sqlite", reason="the SQLite plugin is not installed")
    plugins = ["sqlite", "exchange", "sales"]
    with CRM.open(f"sqlite:///{tmp_path}/crm.db", plugins=plugins, config=DOLLARS) as crm:
        yield Importer(crm, tmp_path)


def _comes_and_goes(bring: Importer, lines: list[str]) -> tuple[int, int, Money]:
    """Imports lines of CDNOW twice and undoes it: how many customers and orders there were, and their total."""
    from crmkit_exchange.formats.items import ReadOptions

    path = bring.folder / "cdnow.csv"
    path.write_text("\n".join(lines))
    said: dict[str, Any] = {"kind": "order", "maps": CDNOW, "reading": ReadOptions(header=False)}
    [done] = bring(path, **said).values()
    assert done.sums == (len(lines), len(lines), 0, 0, 0)
    crm = bring.crm
    [total] = crm.totals(OrderLine, sum="amount")
    found = crm.count(Customer), crm.count(SalesOrder), total.measures[0]
    last = crm.changes(limit=100_000)[-1].position
    [again] = bring(path, **said).values()
    assert again.sums == (len(lines), 0, 0, len(lines), 0)
    assert {each.kind for each in crm.changes(last, limit=10)} == {"import_run"}
    assert undo(crm, KIM, done.run).kept == []
    assert everything(crm) == {}
    return found


def test_a_part_of_cdnow_comes_and_goes(shop_in_sqlite: Importer, data: Path):
    lines = list(_cdnow(data))[:300]

    customers, orders, total = _comes_and_goes(shop_in_sqlite, lines)

    assert customers == len({each.split(",")[1] for each in lines})
    assert orders == 300
    assert total.minor == sum(round(float(each.split(",")[4]) * 100) for each in lines)


@pytest.mark.long
def test_all_of_cdnow_comes_and_goes(shop_in_sqlite: Importer, data: Path):
    found = _comes_and_goes(shop_in_sqlite, list(_cdnow(data)))

    assert found == (2357, 6919, Money(24409194, "USD"))
