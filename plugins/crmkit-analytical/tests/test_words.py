"""The plugin's catalogs: what people read is extracted, translated and compiled."""

from pathlib import Path

import crmkit_analytical
import pytest

from crmkit.testing.catalogs import check_catalogs


def test_the_catalogs_are_whole():
    pytest.importorskip("babel", reason="babel is not installed")
    check_catalogs(Path(crmkit_analytical.__file__).parent, "crmkit_analytical", "ko")
