"""The plugin's settings, `[plugin.exchange]` in crm.toml."""

from __future__ import annotations

import attrs

__all__ = ["Settings"]


@attrs.frozen
class Settings:
    """`own`: the company's addresses and domains (`sales@acme.example`, `@acme.example`): mail from them went out."""

    own: tuple[str, ...] = ()
