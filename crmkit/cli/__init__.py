"""The `crm` command. Its exit codes, on which scripts can rely:

| code | meaning |
|---|---|
| 0 | done |
| 1 | refused, failed, or answered with no |
| 2 | the command line could not be understood |
| 3 | there is no such record |
| 4 | the database is busy or cannot be used |
| 130 | stopped with Ctrl-C |
"""

from __future__ import annotations

import gc


def main() -> None:
    """Run `crm` with the arguments of the process."""
    # What is imported stays: to look through it for garbage every 700 objects is a twentieth of a short command.
    gc.set_threshold(10_000)
    from crmkit.cli.root import crm

    crm(prog_name="crm")
