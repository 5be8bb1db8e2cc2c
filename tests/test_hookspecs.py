"""The hooks are the ones the design has, each documented and typed."""

import inspect

import pytest

from crmkit import hookspecs
from crmkit.hooks import hook_arguments

HOOKS = hook_arguments(hookspecs)


def test_the_hooks_and_their_arguments_are_these():
    assert HOOKS == {
        "crm_kinds": (),
        "crm_fields": (),
        "crm_storages": (),
        "crm_commands": (),
        "crm_workers": (),
        "crm_checks": (),
        "crm_normalise": ("channel", "value", "region"),
        "crm_profile": ("crm", "customer", "as_of"),
        "crm_startup": ("crm",),
        "crm_shutdown": ("crm",),
        "crm_prepare": ("tx", "kind", "writes", "actor"),
        "crm_validate": ("tx", "kind", "writes", "actor"),
        "crm_authorize": ("tx", "kind", "writes", "actor"),
        "crm_restrict": ("crm", "actor", "kind"),
        "crm_committed": ("crm", "changes", "actor"),
    }


def test_the_module_defines_nothing_but_hooks_and_their_marker():
    own = {
        name
        for name, value in vars(hookspecs).items()
        if getattr(value, "__module__", None) == hookspecs.__name__
    }
    assert own == set(HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_says_when_it_is_called_what_it_returns_and_what_a_failure_does(name):
    text = inspect.getdoc(getattr(hookspecs, name))
    assert "Called " in text
    assert "Returns " in text
    assert "failure" in text
    assert "Since API 1.0." in " ".join(text.split())


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_typed_throughout(name):
    signature = inspect.signature(getattr(hookspecs, name))
    assert signature.return_annotation is not signature.empty
    assert all(p.annotation is not p.empty for p in signature.parameters.values())


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_leaves_order_and_merging_to_the_core(name):
    options = getattr(hookspecs, name).crmkit_spec
    assert not options["firstresult"]
    assert not options["historic"]
