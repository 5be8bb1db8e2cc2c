"""The plugin's catalogs: what people read is extracted, translated and compiled."""

from pathlib import Path

import crmkit_exchange

from crmkit.testing.catalogs import check_catalogs


def test_the_catalogs_are_whole():
    check_catalogs(Path(crmkit_exchange.__file__).parent, "crmkit_exchange", "ko")
