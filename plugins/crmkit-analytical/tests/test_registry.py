"""Which reports there are."""

from __future__ import annotations

from types import ModuleType

import pytest
from crmkit_analytical.report.asking import ask
from crmkit_analytical.report.definition import Report
from crmkit_analytical.report.registry import named, reports

from crmkit import CRM, Manifest, NotFound, PluginConflict, ValueRefused, hookimpl


def bringing(name, *found):
    module = ModuleType(name)
    module.manifest = Manifest(name=name, requires=["analytical"])
    module.crm_reports = hookimpl(lambda: list(found))
    return module


CUSTOMERS = Report("customers", "Who?", "nowhere:nothing", {"customer": ("country",)}, "customers")


def test_a_report_without_its_kinds_is_not_there(tmp_path, clock):
    pytest.importorskip("crmkit_operational", reason="crmkit-operational is not installed")
    url = f"sqlite:///{tmp_path}/crm.db"
    with CRM.open(url, plugins=["sqlite", "analytical", "sales"], clock=clock) as crm:
        assert {"pipeline", "lost-reasons", "lifetime-value"} <= {*reports(crm)}

    # The deals stay, but nobody says what they are.
    with CRM.open(url, plugins=["sqlite", "analytical"], clock=clock) as crm:
        assert "lost-reasons" not in reports(crm)
        with pytest.raises(NotFound, match="it needs deal, lost_reason, stage, which no plugin"):
            named(crm, "lost-reasons")


def test_two_reports_of_one_name_name_both_plugins(clock):
    plugins = ["analytical", bringing("one", CUSTOMERS), bringing("two", CUSTOMERS)]
    with (
        CRM.open("memory://", plugins=plugins, clock=clock) as crm,
        pytest.raises(PluginConflict, match=r"one.*two"),
    ):
        reports(crm)


def test_an_unknown_name_or_parameter_names_the_nearest(clock):
    with CRM.open(
        "memory://", plugins=["analytical", bringing("one", CUSTOMERS)], clock=clock
    ) as crm:
        with pytest.raises(NotFound, match="did you mean 'customers'"):
            ask(crm, "customer")
        with pytest.raises(ValueRefused, match="has no parameter 'leest'; did you mean 'least'"):
            ask(crm, "customers", leest=3)


def test_a_window_that_ends_before_it_begins_is_refused(clock):
    with (
        CRM.open(
            "memory://", plugins=["analytical", bringing("one", CUSTOMERS)], clock=clock
        ) as crm,
        pytest.raises(ValueRefused, match="ends before it begins"),
    ):
        ask(crm, "customers", since=crm.now(), until=crm.now())
