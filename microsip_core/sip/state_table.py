"""State machines as tables: ``(State, Input) -> (action, next State)``.

A machine's table lists what its RFC figure draws; a pair that is not listed means that the input is ignored in that
state. The next state is set before the action runs, so that an action may feed the machine its next input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, ClassVar

Action = Callable[[Any, Any, float], None]
Rows = Mapping[Any, Mapping[Any, tuple[Action, Any]]]
Table = tuple[tuple[tuple[Action, Any], ...], ...]


def ignore(machine: Any, argument: Any, now: float) -> None:
    """Do nothing: what the figures leave out."""


def table(states: type[IntEnum], inputs: type[IntEnum], rows: Rows) -> Table:
    """Return the full table for ``rows``, indexed by state and input."""
    return tuple(
        tuple(rows.get(state, {}).get(input_, (ignore, state)) for input_ in inputs)
        for state in states
    )


class Machine:
    """Something with a state and a table."""

    __slots__ = ("state",)

    TABLE: ClassVar[Table]
    state: int

    def handle(self, input_: int, argument: Any, now: float) -> None:
        """Go to the next state and run the action of this pair."""
        action, self.state = self.TABLE[self.state][input_]
        action(self, argument, now)
