"""From what was said of a step to the command of the vocabulary, with signs, units and ranges."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from tektra.commands.amounts import Amount, Kind
from tektra.commands.clause import Clause, Problem
from tektra.commands.command import Command
from tektra.commands.languages.table import Language
from tektra.commands.vocabulary import ValueSpec, Vocabulary

# REP 103: x forward, y left, a positive angle to the left.
_MOVES = {'forward': ('x', 1), 'back': ('x', -1), 'left': ('y', 1), 'right': ('y', -1)}
_SIDES = {'left': 1, 'right': -1}
# Either way around ends at the same heading.
_HALF_TURNS = (math.pi, math.tau)

Built = Command | Problem


class Builder:
    """Makes commands of one vocabulary; what is missing or out of range is said in a language."""

    def __init__(self, language: Language, vocabulary: Vocabulary) -> None:
        self._texts = language.texts
        self._decimal_mark = language.numbers.decimal_mark
        self._vocabulary = vocabulary
        self._makers: Mapping[str, Callable[[Clause], Built]] = {
            'move': self._move,
            'turn': self._turn,
            'go_to': self._go_to,
            'look_at': self._look_at,
            'point_at': self._point_at,
            'wave': self._repeated,
            'nod': self._repeated,
            'shake_head': self._repeated,
            'gripper': self._gripper,
            'arm': self._arm,
        }

    def build(self, clause: Clause) -> Built:
        """Return the command that a step comes to, or why it is none."""
        frame = clause.frame
        if frame.ask:
            return Problem(frame.ask, refuse=frame.ask == 'unable')
        problem = _amount_problem(clause, self._texts)
        if problem is not None:
            return problem
        make = self._makers.get(frame.command)
        made = make(clause) if make else Command(frame.command, texts=frame.texts)
        if isinstance(made, Problem):
            return made
        return self._out_of_range(made) or made

    # ---- ranges

    def _spec(self, command: str, value: str) -> ValueSpec:
        return self._vocabulary.commands[command].values[value]

    def _out_of_range(self, command: Command) -> Problem | None:
        for name, value in command.values.items():
            spec = self._spec(command.name, name)
            if not spec.allows(value):
                low, high = _magnitudes(spec)
                values = {
                    'value': self.shown(abs(value), spec.unit),
                    'low': self.shown(low, spec.unit),
                    'high': self.shown(high, spec.unit),
                }
                return Problem('range', values, refuse=True)
        return Problem('unclear') if self._vocabulary.check(command) else None

    def shown(self, value: float, unit: str) -> str:
        """Return a value of SI ``unit`` as people say it."""
        number = f'{math.degrees(value) if unit == "rad" else value:.3g}'
        key = {'rad': 'angle', 'm': 'length'}.get(unit, 'times')
        return self._texts[key].format(n=number.replace('.', self._decimal_mark))

    # ---- one maker a command

    def _move(self, clause: Clause) -> Built:
        direction = clause.direction
        amount = clause.amount
        fixed = clause.frame.values.get('length')
        if direction in ('left', 'right') and amount is None:
            return Problem('sideways')
        if amount is None and fixed is None:
            return Problem('how_far')
        axis, sign = _MOVES[direction or 'forward']
        if amount is None:
            distance = fixed or 0.0
        elif amount.kind is Kind.SMALL:
            distance = self._spec('move', axis).small or 0.0
        else:
            distance = amount.value
        if distance == 0:
            return Problem('how_far')
        return Command('move', {axis: sign * distance}, _speed(clause))

    def _turn(self, clause: Clause) -> Built:
        spec, amount = self._spec('turn', 'angle'), clause.amount
        if amount is None:
            angle = clause.frame.values.get('angle', spec.default or 0.0)
        else:
            angle = spec.small or 0.0 if amount.kind is Kind.SMALL else amount.value
        direction = clause.direction
        either_way = any(math.isclose(angle, half, rel_tol=1e-6) for half in _HALF_TURNS)
        if not direction and not (either_way and (amount or 'angle' in clause.frame.values)):
            return Problem('which_side')
        if angle == 0:
            return Problem('which_side')
        return Command('turn', {'angle': _SIDES.get(direction, 1) * angle}, _speed(clause))

    def _go_to(self, clause: Clause) -> Built:
        place = clause.coordinates
        if not place or 'z' in place:
            return Problem('place')
        return Command('go_to', place)

    def _look_at(self, clause: Clause) -> Built:
        return self._target(clause, 'look_at', {})

    def _point_at(self, clause: Clause) -> Built:
        arm = clause.word('arm') or clause.word('hand')
        if arm == 'both':
            return Problem('which_arm')
        return self._target(clause, 'point_at', {'arm': arm} if arm not in ('', 'either') else {})

    def _target(self, clause: Clause, name: str, texts: Mapping[str, str]) -> Built:
        place = clause.coordinates
        if place:
            if 'yaw' in place or clause.direction:
                return Problem('unclear')
            return Command(name, place, {'target': 'point', **texts})
        direction = 'ahead' if clause.direction == 'forward' else clause.direction
        if not direction:
            return Problem('which_way')
        values = {}
        if clause.amount is not None:
            if name != 'look_at' or direction not in ('left', 'right', 'up', 'down'):
                return Problem('unclear')
            small = self._spec(name, 'angle').small or 0.0
            values['angle'] = small if clause.amount.kind is Kind.SMALL else clause.amount.value
        return Command(name, values, {'target': direction, **texts})

    def _repeated(self, clause: Clause) -> Built:
        arm = clause.word('arm') or clause.word('hand')
        times = clause.times
        if times is not None and times != int(times):
            return Problem('unclear')
        return Command(
            clause.frame.command,
            {} if times is None else {'times': times},
            {'arm': arm} if arm not in ('', 'either') else {},
        )

    def _gripper(self, clause: Clause) -> Built:
        return self._sided(clause, clause.frame.texts, clause.word('hand'))

    def _arm(self, clause: Clause) -> Built:
        action = {'up': 'raise', 'down': 'lower'}.get(clause.direction, '')
        texts = {'action': action} if action else {'action': clause.frame.texts.get('action', '')}
        if not texts['action']:
            return Problem('which_way')
        said = clause.word('arm') or clause.word('hand') or clause.frame.texts.get('side', '')
        return self._sided(clause, texts, said)

    def _sided(self, clause: Clause, texts: Mapping[str, str], side: str) -> Command:
        more = {'side': side} if side not in ('', 'either') else {}
        return Command(clause.frame.command, texts={**texts, **more})


def _speed(clause: Clause) -> dict[str, str]:
    speed = clause.word('speed')
    return {'speed': speed} if speed else {}


def _amount_problem(clause: Clause, texts: Mapping[str, str]) -> Problem | None:
    amount: Amount | None = clause.amount
    if amount is None:
        return None
    if amount.kind is Kind.BARE:
        return Problem('what_unit', {'n': f'{amount.value:g}'})
    return {
        Kind.VAGUE: Problem('how_far' if clause.frame.command == 'move' else 'which_way'),
        Kind.DURATION: Problem('duration'),
        Kind.UNCLEAR: Problem('unclear'),
    }.get(amount.kind)


def _magnitudes(spec: ValueSpec) -> tuple[float, float]:
    """Return the smallest and largest magnitude; a range around zero is said without signs."""
    return (spec.least if spec.low < 0 else spec.low), max(abs(spec.low), abs(spec.high))
