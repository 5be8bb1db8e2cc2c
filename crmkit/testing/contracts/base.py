"""What every part of the storage contract has: the fixtures, and exemptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import pytest

from crmkit.testing.lab import Lab, Opener

__all__ = ["Contract"]


class Contract:
    """Tests whose docstrings are the rules that they check.

    `exempt` names tests that an implementation is known to fail, each with the reason: they must fail, so that the
    exemption vanishes when the fault is mended.
    """

    exempt: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def open_storage(self) -> Opener:
        """A function that opens the database of this test: empty at first, the same one at every call."""
        raise NotImplementedError(
            "override the fixture open_storage; let it return a function without arguments that opens a storage"
        )

    @pytest.fixture
    def lab(self, open_storage: Opener) -> Iterator[Lab]:
        """The opened storage, prepared for the kinds of the contract."""
        storage = open_storage()
        yield Lab(storage)
        storage.close()

    @pytest.fixture(autouse=True)
    def _exemption(self, request: pytest.FixtureRequest) -> None:
        name = request.node.originalname
        if name in self.exempt:
            request.applymarker(pytest.mark.xfail(strict=True, reason=self.exempt[name]))
