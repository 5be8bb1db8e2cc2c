"""A merge that is not there: the error says where merges are found."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("command", ["undo", "split", "show"])
def test_a_merge_that_is_not_there_is_looked_for_among_merges(crm_cli, command):
    said = crm_cli("merge", command, "nobody", code=3).output
    assert "there is no merge 'nobody'; `crm merge list` shows" in said
