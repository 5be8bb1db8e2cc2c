"""The parts of the share: each is told the story with chance of its own, so that none changes what another draws."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import attrs
from crmkit_demo.story import Branch, Story

__all__ = ["parted", "some_time", "texts"]


def parted(story: Story) -> Callable[[str], Story]:
    """Gives the story to a part by its name: the same one for the same story, and chance of the part's own."""
    seed = story.random.getrandbits(64)
    return lambda name: attrs.evolve(story, random=Random(f"{seed}/{name}"))


def some_time(story: Story, branch: Branch, start: datetime, end: datetime) -> datetime | None:
    """A moment at which a branch is open, from `start` on and before `end`; None if the story has none."""
    end = min(end, story.until)
    if not start < end:
        return None
    found = branch.hours.some_time(start, end, story.random)
    return found if found < end else None


@cache
def texts(language: str) -> Any:
    """What is said in a language."""
    import tomllib

    return tomllib.loads(Path(__file__).with_name("texts.toml").read_text("utf-8"))[language]
