"""What the shares of both plugins are made with: texts in the language of a branch, and moments at which it is open."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from crmkit_demo.story import Branch, Story

__all__ = ["later", "spoken", "texts"]


def spoken(branch: Branch) -> Any:
    """What is written in the language of a branch."""
    return texts()["ko" if branch.country == "KR" else "en"]


@cache
def texts() -> Any:
    """All that the shares write, by language."""
    import tomllib

    return tomllib.loads(Path(__file__).with_name("words.toml").read_text("utf-8"))


def later(
    story: Story, branch: Branch, since: datetime, least: float, most: float, random: Random
) -> datetime:
    """A moment at which the branch is open, from `least` to `most` days after another; perhaps behind the story's end."""
    days = timedelta(days=random.uniform(least, most))
    return branch.hours.from_(since + days, random)
