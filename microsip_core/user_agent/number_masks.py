"""Wildcard masks for numbers, as in autoAnswerNumber: ``555*;+4930??????|reception``."""

from __future__ import annotations

import re


def split_masks(text: str) -> tuple[str, ...]:
    """Return the masks of a list separated by ``;`` or ``|``."""
    return tuple(mask.strip() for mask in re.split(r"[;|]", text) if mask.strip())


def matches_mask(mask: str, number: str) -> bool:
    """Tell whether a number is like a mask: ``*`` stands for anything, ``?`` for one character; case does not matter.

    Takes time proportional to the product of the lengths at worst, whatever the caller sends.
    """
    mask, number = mask.lower(), number.lower()
    at = position = 0
    star, resume = -1, 0
    while position < len(number):
        if at < len(mask) and mask[at] == "*":
            star, resume = at, position
            at += 1
        elif at < len(mask) and mask[at] in ("?", number[position]):
            at += 1
            position += 1
        elif star >= 0:
            resume += 1
            at, position = star + 1, resume
        else:
            return False
    return not mask[at:].strip("*")


def matches_any(masks: str, number: str) -> bool:
    """Tell whether a number is like one of the masks of a list; an empty list is like every number."""
    wanted = split_masks(masks)
    return not wanted or any(matches_mask(mask, number) for mask in wanted)
