"""The plugin's catalogs: what people read is extracted, translated and compiled."""

from pathlib import Path

import crmkit_demo

from crmkit.testing.catalogs import check_catalogs


def test_the_catalogs_are_whole():
    check_catalogs(Path(crmkit_demo.__file__).parent, "crmkit_demo", "ko")
