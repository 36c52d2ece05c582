"""How an operation goes on: until all nodes are there, or what it did is taken back. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from tektra.launching.errors import listing
from tektra.lifecycle_manager.autostart import AutoStart
from tektra.lifecycle_manager.board import Board
from tektra.lifecycle_manager.idle import IdleUnload
from tektra.lifecycle_manager.operation import Operation, Outcome
from tektra.lifecycle_manager.steps import FINALIZED, MISSING, Goal
from tektra.runtime.clock import nanoseconds


class Course:
    """Keeps the operation under way, and why the last one failed.

    ``tell`` takes a line for the log; ``outcomes`` are of operations that have ended.
    """

    def __init__(
        self, board: Board, idle: IdleUnload, auto: AutoStart, tell: Callable[[str], None]
    ) -> None:
        self.current: Operation | None = None
        self.failure = ''  # why the graph could not be brought up
        self.failed: dict[str, str] = {}  # the same, by node
        self.outcomes: list[Outcome] = []
        self._board = board
        self._idle = idle
        self._auto = auto
        self._tell = tell
        self._ids = itertools.count(1)

    def begin(
        self,
        command: int,
        targets: tuple[str, ...],
        goals: dict[str, Goal],
        now_ns: int,
        automatic: bool = False,
        named: tuple[str, ...] = (),
    ) -> Operation:
        """Begin an operation: from now on ``goals`` are what is wanted."""
        operation = Operation(
            id=next(self._ids),
            command=command,
            asked=targets,
            goals=goals,
            before={name: self._board.goals.get(name) for name in goals},
            unloaded=self._idle.unloaded & goals.keys(),
            began_ns=now_ns,
            deadline_ns=0,
            automatic=automatic,
            named=named,
        )
        operation.deadline_ns = now_ns + nanoseconds(self._longest_s(operation))
        if not automatic:
            self._auto.end()  # a person has taken over
            self._forget_failure()
        self._board.goals.update(goals)
        self._idle.forget(goals)
        for name in goals:
            node = self._board.nodes[name]
            node.error, node.failures, node.not_before_ns = '', 0, 0
        self.current = operation
        return operation

    def _longest_s(self, operation: Operation) -> float:
        graph, timing, goals = self._board.graph, self._board.timing, operation.goals
        if not operation.up:
            return timing.down_s
        longest = max((graph[name].configure_timeout_s for name in goals), default=0.0)
        return timing.appear_s + 2 * longest + len(goals) * timing.step_s

    def advance(self, now_ns: int) -> None:
        """Note what will not get where it is wanted; roll back, or end, when it is time."""
        operation = self.current
        if operation is None:
            return
        for name in operation.goals:
            if name not in operation.failed:
                why = self._hopeless(operation, name, now_ns)
                if why:
                    operation.failed[name] = why
        if operation.rolling_back or not operation.up:
            self._advance_down(operation)
        else:
            self._advance_up(operation, now_ns)

    def _hopeless(self, operation: Operation, name: str, now_ns: int) -> str:
        """Return why a node will not get where it is wanted; empty: it may, or has."""
        board, node = self._board, self._board.nodes[name]
        if board.rests(name):
            return ''
        if now_ns >= operation.deadline_ns:
            return f'not done when the time for {operation.name} was over'
        if not operation.up or operation.rolling_back:
            return ''
        if node.looping:
            return node.loop_text()
        appear_s = board.timing.appear_s
        if node.missing and board.waited_s(name, operation.began_ns) > appear_s:
            return f'{node.silence()} for {appear_s:g} s; is its process started?'
        if node.state == FINALIZED and not node.missing:
            return 'finalized; only a new process can come up: restart it'
        for required in node.spec.requires:
            if required in operation.failed and not board.graph.is_core(name):
                return f'requires {required}, which is not up'
        return ''

    def _advance_up(self, operation: Operation, now_ns: int) -> None:
        core = {n: e for n, e in operation.failed.items() if self._board.graph.is_core(n)}
        if core and not operation.core_is_up:
            self._roll_back(operation, core, now_ns)
            return
        if now_ns < operation.deadline_ns:
            for name in core:  # it was up: the repair's business
                del operation.failed[name]
        if not operation.core_is_up:
            self._note_core(operation)
        if all(n in operation.failed or self._board.rests(n) for n in operation.goals):
            failed = '; '.join(f'{name}: {why}' for name, why in operation.failed.items())
            success = not any(n in operation.named or n in core for n in operation.failed)
            self.end(operation, success, f'degraded: {failed}' if failed and success else failed)

    def _note_core(self, operation: Operation) -> None:
        operation.core_is_up = all(
            self._board.rests(name) for name in operation.goals if self._board.graph.is_core(name)
        )
        if operation.core_is_up:
            self._forget_failure()

    def _forget_failure(self) -> None:
        self.failure, self.failed = '', {}

    def _roll_back(self, operation: Operation, core: dict[str, str], now_ns: int) -> None:
        self.failed = core
        self.failure = '; '.join(f'{name}: {why}' for name, why in core.items())
        self._tell(f'{operation.name} failed: {self.failure}; rolling back')
        operation.rolling_back = True
        operation.deadline_ns = now_ns + nanoseconds(self._board.timing.down_s)
        goals = self._board.goals
        for name, goal in operation.before.items():
            if name in operation.origin:
                goals[name] = operation.origin[name]
            elif goal is None:
                del goals[name]
            else:
                goals[name] = goal
            self._board.nodes[name].not_before_ns = 0
        self._idle.note(*operation.unloaded)
        operation.failed = {}

    def _advance_down(self, operation: Operation) -> None:
        scope = operation.origin if operation.rolling_back else operation.goals
        for name in scope:
            node = self._board.nodes[name]
            gone = node.effective == MISSING and node.exchange is None
            if not (gone or name in operation.failed or self._board.rests(name)):
                return
        failed = '; '.join(f'{name}: {why}' for name, why in operation.failed.items())
        away = [name for name in scope if self._board.nodes[name].missing]
        if operation.rolling_back:
            undone = listing(operation.undone) or 'nothing had been brought up'
            text = f'{self.failure}; rolled back: {undone}'
            self.end(operation, False, f'{text}; not rolled back: {failed}' if failed else text)
        else:
            silent = f'no sign of life of {listing(away)}' if away else ''
            self.end(operation, not failed, '; '.join(t for t in (failed, silent) if t))

    def end(self, operation: Operation, success: bool, message: str) -> None:
        """End an operation; its outcome is that."""
        self.current = None
        self.outcomes.append(Outcome(operation.id, success, message))
        if operation.automatic and (success or operation.core_is_up):
            self._auto.end()
        elif operation.automatic:
            self._auto.fail(self._board.now_ns)
