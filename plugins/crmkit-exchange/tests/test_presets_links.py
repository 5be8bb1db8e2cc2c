"""Tables that only say whose something is: they complete records that other tables brought, and nothing else."""

from __future__ import annotations

import pytest

from crmkit import Customer, Interaction, where

CONTACTS = "_fivetran_synced,property_email,id,property_firstname,property_lastname\n1,jiwon@hanbit.example,501,지원,김\n1,,502,Olivia,Bennett\n"
COMPANIES = "id,is_deleted,property_name,property_createdate\n9,false,한빛전자,2024-01-01\n"
CALLS = "engagement_id,_fivetran_synced,property_hs_timestamp,type,property_hs_call_title\n77,1,2024-03-05 01:00:00,CALL,Refund\n78,1,2024-03-06 01:00:00,CALL,Order\n"
OF_CONTACTS = "contact_id,engagement_id,engagement_type\n501,77,CALL\n502,77,CALL\n501,99,CALL\n"
OF_COMPANIES = "company_id,engagement_id,engagement_type\n9,77,CALL\n9,78,CALL\n"


@pytest.fixture
def paths(bring):
    """The tables of a connector, the links first."""
    texts = {
        "a_links_of_companies.csv": OF_COMPANIES,
        "b_links_of_contacts.csv": OF_CONTACTS,
        "calls.csv": CALLS,
        "companies.csv": COMPANIES,
        "contacts.csv": CONTACTS,
    }
    return [bring.write(name, text) for name, text in texts.items()]


def whose(crm):
    names = {each.id: each.name for each in crm.find(Customer)}
    return {each.subject: names.get(each.customer_id) for each in crm.find(Interaction)}


def test_a_call_is_its_contacts_and_a_companys_if_it_is_no_contacts(crm, bring, paths):
    sums = {done.run.file: done.sums for done in bring(*paths)}

    assert whose(crm) == {"Refund": "김지원", "Order": "한빛전자"}
    assert sums["b_links_of_contacts.csv"] == (3, 0, 1, 2, 0)
    assert sums["a_links_of_companies.csv"] == (2, 0, 1, 1, 0)


def test_a_second_import_of_links_and_calls_changes_nothing(crm, bring, paths, snapshot):
    bring(*paths)
    before = snapshot()

    again = bring(*paths)

    assert [done.sums[1:3] for done in again] == [(0, 0)] * len(paths)
    assert snapshot() == before


def test_a_link_to_what_is_not_here_says_so(bring, paths):
    [done] = bring(paths[1])

    assert done.actions == ["skip"] * 3
    assert {each.reason for each in done.outcomes} == {"there is no such record here yet"}


def test_a_link_leaves_whom_people_named(crm, bring, paths):
    bring(*paths[2:])
    [call] = crm.find(Interaction, where.subject == "Refund")
    [olivia] = crm.find(Customer, where.name == "Olivia Bennett")
    with crm.transaction() as tx:
        tx.update(call.evolve(customer_id=olivia.id))

    bring(*paths[:2])

    assert whose(crm) == {"Refund": "Olivia Bennett", "Order": "한빛전자"}
