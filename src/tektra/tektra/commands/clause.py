"""One step of a sentence: the phrase of a command and what is said with it, in any order."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from tektra.commands.amounts import Amount, Kind
from tektra.commands.languages.table import Frame

# A correction replaces a direction by one of the same axis: after 'turn left and go forward two
# metres', 'no, right' can mean either step.
_AXES = (('left', 'right'), ('forward', 'back'), ('up', 'down'))

Coordinates = Mapping[str, float]
Value = str | Amount | Coordinates


@dataclass(frozen=True)
class Problem:
    """Why a sentence is no plan: a text of the language and what is put into it."""

    key: str
    values: Mapping[str, str] = field(default_factory=dict)
    refuse: bool = False


@dataclass(frozen=True)
class Slot:
    """Something said besides the verb; ``name`` is one of ``SLOTS``, or 'amount'."""

    name: str
    value: Value


class Clause:
    """What has been said of one step so far."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.said: dict[str, Value] = {}
        self._takes = frozenset(frame.takes.split())
        self._directions = frozenset(frame.directions.split())
        self._corrected: set[str] | None = None

    def takes(self, slot: Slot) -> bool:
        """Return whether ``slot`` can be said with this phrase at all."""
        if slot.name == 'direction':
            return slot.value in self._directions
        if isinstance(slot.value, Amount):
            return self._takes_amount(slot.value)
        return slot.name in self._takes

    def _takes_amount(self, amount: Amount) -> bool:
        if amount.kind is Kind.TIMES:
            return 'times' in self._takes
        if amount.kind is Kind.LENGTH:
            return 'length' in self._takes
        if amount.kind is Kind.ANGLE:
            return 'angle' in self._takes
        return bool(self._takes & {'length', 'angle'})

    def put(self, slot: Slot) -> Problem | None:
        """Add ``slot``, or say what is wrong with it."""
        before = self.said.get(slot.name)
        if self._corrected is not None and slot.name not in self._corrected:
            self._corrected.add(slot.name)
            return self._replace(slot, before)
        if before is not None and before != slot.value:
            return Problem('contradiction')
        self.said[slot.name] = slot.value
        return None

    def correct(self) -> bool:
        """Let the next slots replace those said before; False: there is nothing to replace."""
        self._corrected = set()
        return bool(self.said)

    def _replace(self, slot: Slot, before: Value | None) -> Problem | None:
        value = slot.value
        if isinstance(value, Amount) and isinstance(before, Amount):
            if value.kind is Kind.BARE and before.kind is not Kind.BARE:
                value = dataclasses.replace(
                    before, value=value.value * before.unit, unit=before.unit
                )
            elif value.kind is not before.kind:
                return Problem('correction')
        elif isinstance(value, str) and slot.name == 'direction':
            axis = next((axis for axis in _AXES if value in axis), (value,))
            if before not in axis:
                return Problem('correction')
        self.said[slot.name] = value
        return None

    def lacks(self) -> bool:
        """Return whether something is missing without which the phrase means something else."""
        return any(need not in self.said for need in self.frame.needs.split())

    @property
    def direction(self) -> str:
        """Return the direction that was said or is part of the phrase; empty: none."""
        said = self.said.get('direction', self.frame.texts.get('direction', ''))
        return said if isinstance(said, str) else ''

    @property
    def amount(self) -> Amount | None:
        """Return the length or angle that was said."""
        said = self.said.get('amount')
        return said if isinstance(said, Amount) else None

    @property
    def times(self) -> float | None:
        """Return how often."""
        said = self.said.get('times')
        return said.value if isinstance(said, Amount) else None

    @property
    def coordinates(self) -> Coordinates:
        """Return x, y and what else was said of a place."""
        said = self.said.get('coordinates')
        return said if isinstance(said, Mapping) else {}

    def word(self, name: str) -> str:
        """Return the word of a slot, empty if it was not said."""
        said = self.said.get(name, '')
        return said if isinstance(said, str) else ''
