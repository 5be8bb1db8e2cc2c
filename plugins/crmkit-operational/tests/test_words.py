"""The plugins' catalogs: what people read is extracted, translated and compiled."""

from pathlib import Path

import crmkit_operational
import pytest

from crmkit.testing.catalogs import check_catalogs


def test_the_catalogs_are_whole():
    pytest.importorskip("babel", reason="babel is not installed")
    check_catalogs(Path(crmkit_operational.__file__).parent, "crmkit_operational", "ko")
