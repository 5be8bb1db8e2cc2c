"""A company to try things on: `crm demo`."""

from __future__ import annotations

from crmkit import CommandSpec, Manifest, hookimpl
from crmkit_demo import hookspecs

__version__ = "0.1.0"

manifest = Manifest(name="demo", api="1.0", hookspecs=hookspecs)


@hookimpl
def crm_commands() -> list[CommandSpec]:
    """Making the company, and showing around."""
    return [
        CommandSpec(
            "demo", summary="Make a company to try things on.", target="crmkit_demo.cli:demo"
        )
    ]
