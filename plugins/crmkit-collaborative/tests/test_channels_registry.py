"""Channels come from plugins; what is on none that anybody brings is kept, and said."""

import json
from functools import cache
from importlib.util import find_spec
from types import ModuleType

import pytest
from crmkit_collaborative.channels.channel import Channel
from crmkit_collaborative.channels.own import OWN
from crmkit_collaborative.channels.registry import channels
from crmkit_collaborative.channels.replying import reply_to
from crmkit_collaborative.testing import ChannelContract
from hypothesis import given
from hypothesis import strategies as st

from crmkit import (
    CRM,
    Config,
    Customer,
    Direction,
    Identity,
    Interaction,
    Manifest,
    PluginConflict,
    Restriction,
    hookimpl,
    where,
)
from crmkit.crm import chosen
from crmkit.guards import normalise
from crmkit.plugins import Plugins


def vendor(name, *brought):
    module = ModuleType(name)
    module.manifest = Manifest(name=name, requires=("collaborative",))

    @hookimpl
    def crm_channels():
        return brought

    module.crm_channels = crm_channels
    return module


@pytest.fixture
def opened(clock):
    apps = []

    def open(*plugins):
        apps.append(
            CRM.open("memory://", plugins=["collaborative", *plugins], config=Config(), clock=clock)
        )
        return apps[-1]

    yield open
    for each in apps:
        each.close()


def test_channels_of_all_plugins_are_known_by_name(opened):
    found = channels(opened(vendor("pager", Channel("pager", "Pager", directions=("out",)))))

    assert {"email", "phone", "sms", "kakao", "chat", "meeting", "letter", "social"} < found.keys()
    assert found["pager"].plugin == "pager"
    assert found["sms"].channel.identity == "phone"


def test_two_channels_of_one_name_are_a_conflict_that_names_both(opened):
    crm = opened(vendor("one", Channel("fax", "Fax")), vendor("two", Channel("fax", "Fax")))

    with pytest.raises(PluginConflict, match=r"'fax' comes from both one .* and two "):
        channels(crm)


def test_what_is_no_channel_is_refused_with_the_plugins_name(opened):
    crm = opened(vendor("broken", "fax"))

    with pytest.raises(Exception, match=r"plugin broken .* return Channel objects"):
        channels(crm)


@cache
def plugins_of_channels():
    beside = ["exchange"] if find_spec("crmkit_exchange") else []
    return Plugins.load(chosen(Config(), ["collaborative", *beside]), {})


@given(st.sampled_from(OWN), st.text(max_size=30) | st.from_regex(r"[ +()0-9.@a-zÀ-ſ-]{1,20}"))
def test_whatever_is_taken_for_an_address_has_one_form(channel, text):
    plugins = plugins_of_channels()
    of = channel.identity or channel.name

    once = normalise(plugins, of, text, "KR")

    assert normalise(plugins, of, once, "KR") == once


# In the terminal ------------------------------------------------------------------------------------------------


def answer(run, *arguments, code=0):
    return json.loads(run(*arguments, "--format", "json", code=code).stdout)


def test_scripts_get_every_channel(crm_cli):
    rows = {each["channel"]: each for each in answer(crm_cli, "channels")}

    assert rows["sms"] == {
        "channel": "sms",
        "label": "Text message",
        "directions": ["in", "out"],
        "identity": "phone",
        "live": False,
        "plugin": "collaborative",
    }


@pytest.mark.parametrize(("language", "words"), [("ko", ["채널", "이름", "플러그인", "예"]), ("en", ["Channel", "Text message", "in, out"])])  # fmt: skip
def test_people_get_a_table(crm_cli, language, words):
    shown = crm_cli("channels", "--lang", language).stdout

    for word in words:
        assert word in shown


def test_an_interaction_on_a_channel_that_nobody_brings_is_kept_and_said(crm_cli, crm):
    kim = answer(crm_cli, "customer", "add", "--name", "김지원")["id"]
    for channel in ("fax", "fax", "phone"):
        crm_cli("interaction", "log", "--customer", kim, "--channel", channel)

    found = [each for each in answer(crm_cli, "doctor") if each["check"] == "channels"]

    assert crm.count(Interaction) == 3
    assert [each["severity"] for each in found] == ["warning"]
    assert "interactions on channel 'fax', which no plugin brings: 2" in found[0]["text"]
    assert "crm channels" in found[0]["fix"]


def test_doctor_has_nothing_to_say_if_all_channels_are_known(crm_cli):
    found = [each for each in answer(crm_cli, "doctor") if each["check"] == "channels"]

    assert [each["severity"] for each in found] == ["ok"]


# Replies --------------------------------------------------------------------------------------------------------


@pytest.fixture
def kim(crm):
    with crm.transaction() as tx:
        customer = tx.add(Customer(name="김지원"))
        work, home = tx.add_all(
            Identity(customer_id=customer.id, channel="email", value=each)
            for each in ("kim@work.example", "kim@home.example")
        )
    return customer, work, home


def logged(crm, customer, **values):
    with crm.transaction() as tx:
        made = {"channel": "email", "happened_at": crm.now(), **values}
        return tx.add(Interaction(customer_id=customer.id, **made))


def test_without_an_address_of_its_own_it_goes_to_the_last_that_wrote_in_the_thread(
    crm, kim, clock
):
    customer, work, home = kim
    logged(crm, customer, identity_id=work.id, thread="t")
    clock.tick()
    logged(crm, customer, identity_id=home.id, thread="t")
    clock.tick()
    logged(crm, customer, identity_id=work.id, thread="t", direction=Direction.OUT)
    logged(crm, customer, identity_id=work.id, thread="u")
    note = logged(crm, customer, thread="t", direction=Direction.OUT)

    assert reply_to(crm, note).id == home.id


def test_nobody_knows_where_to_reply_to_what_came_from_nowhere(crm, kim):
    customer, work, _ = kim
    logged(crm, customer, identity_id=work.id)
    phone = logged(crm, customer, channel="phone", thread="t")

    assert reply_to(crm, phone) is None
    assert reply_to(crm, logged(crm, customer)) is None


def test_an_address_that_may_not_be_read_is_not_replied_to(opened):
    desk = ModuleType("desk")
    desk.manifest = Manifest(name="desk")
    desk.crm_restrict = hookimpl(crm_restrict)
    crm = opened(desk)
    with crm.transaction() as tx:
        customer = tx.add(Customer(name="Kim"))
        secret = tx.add(Identity(customer_id=customer.id, channel="email", value="x@y.example"))
    wrote = logged(crm, customer, identity_id=secret.id)

    assert reply_to(crm, wrote).id == secret.id
    assert reply_to(crm.acting("desk"), wrote) is None


def crm_restrict(actor, kind):
    hidden = where.value != "x@y.example"
    return Restriction([hidden]) if actor.id == "desk" and kind == "identity" else None


# The contract catches what is broken ----------------------------------------------------------------------------


class Doubling(ChannelContract):
    name = "fax"
    addresses = ("1", "2")


def faulty(channel, normalise=None):
    module = vendor("faulty", channel)
    if normalise:

        @hookimpl
        def crm_normalise(channel, value):
            return normalise(value) if channel == "fax" else None

        module.crm_normalise = crm_normalise
    return module


def test_the_contract_sees_an_address_that_has_two_forms(opened):
    crm = opened(faulty(Channel("fax", "Fax"), normalise=lambda value: f"+{value}"))

    with pytest.raises(AssertionError):
        Doubling().test_an_address_has_one_form(crm, channels(crm)["fax"].channel)


def test_the_contract_sees_addresses_that_become_one(opened):
    crm = opened(faulty(Channel("fax", "Fax"), normalise=lambda value: "x"))
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="Kim"))
        made = tx.add_all(Identity(customer_id=kim.id, channel="fax", value=v) for v in "12")

    with pytest.raises(AssertionError):
        Doubling().test_two_addresses_stay_two(made)


@pytest.mark.parametrize("channel", [Channel("Fax 2", "Fax"), Channel("fax", " ")])
def test_the_contract_sees_a_channel_without_a_proper_name(channel):
    with pytest.raises(AssertionError):
        Doubling().test_it_has_a_name_and_a_label(channel)


@pytest.mark.parametrize("directions", [(), ("in", "in"), ("up",)])
def test_the_contract_sees_a_channel_that_goes_nowhere(directions):
    with pytest.raises(AssertionError):
        Doubling().test_it_goes_somewhere(Channel("fax", "Fax", directions=directions))


def test_the_contract_sees_identities_borrowed_from_a_borrower(opened):
    crm = opened(faulty(Channel("fax", "Fax", identity="sms")))

    with pytest.raises(AssertionError):
        Doubling().test_its_identities_are_of_a_channel_that_has_its_own(
            crm, channels(crm)["fax"].channel
        )
