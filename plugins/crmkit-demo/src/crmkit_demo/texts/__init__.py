"""What is said and what things are called, as TOML files: words to edit, and the way to read them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["texts"]


@cache
def texts(name: str) -> dict[str, Any]:
    """What the file `NAME.toml` says."""
    import tomllib

    return tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text("utf-8"))
