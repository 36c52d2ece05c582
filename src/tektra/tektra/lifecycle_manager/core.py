"""The lifecycle manager: goals, transitions that lead there, roll-back, repair.

Pure: heartbeats, answers and the time come in, requests go out.
"""

from __future__ import annotations

from collections.abc import Iterable

from tektra_msgs.msg import NodeHeartbeat, SystemState

from tektra.launching.errors import listing
from tektra.lifecycle_manager import report
from tektra.lifecycle_manager.autostart import AutoStart
from tektra.lifecycle_manager.board import Board
from tektra.lifecycle_manager.course import Course
from tektra.lifecycle_manager.exchange import Exchange, Phase, Request
from tektra.lifecycle_manager.graph import Graph
from tektra.lifecycle_manager.idle import IdleUnload
from tektra.lifecycle_manager.memory import Memory, Recall
from tektra.lifecycle_manager.operation import (
    RESUME,
    STARTUP,
    Operation,
    Outcome,
    check,
    goals_of,
)
from tektra.lifecycle_manager.steps import (
    CONFIGURE,
    FINALIZED,
    TRANSITIONS,
    Goal,
    Situation,
    Step,
    due,
    level,
    plan,
)
from tektra.lifecycle_manager.watch import Life, NoProcesses, Processes, Timing, Watched
from tektra.runtime.clock import nanoseconds, seconds


class LifecycleManager:
    """Brings the nodes of ``graph`` where they are wanted and keeps them there.

    A command sets goals; ``tick`` makes the transitions that are due. A start in which a core
    node fails is rolled back: what it brought up, and nothing else, goes back in reverse order.
    Afterwards each node that comes back as a new instance is brought up again by itself.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        prefix: str = '',
        timing: Timing | None = None,
        autostart: bool = True,
        processes: Processes | None = None,
    ) -> None:
        self.graph = graph
        self.timing = timing or Timing()
        self.nodes = {name: Watched(graph[name]) for name in graph.order}
        self.board = Board(graph, self.timing, self.nodes)
        self.goals = self.board.goals
        self.last_command = ''
        self._prefix = prefix
        self._events: list[str] = []
        self._auto = AutoStart(autostart, self.timing)
        self._idle = IdleUnload(graph)
        self.course = Course(self.board, self._idle, self._auto, self._events.append)
        self._recall = Recall()
        self._awake_ns = 0  # since when this manager itself has not been held up
        self._processes = processes or NoProcesses()

    @property
    def operation(self) -> Operation | None:
        """Return the operation under way."""
        return self.course.current

    # ---- what comes in --------------------------------------------------------------------------

    def on_heartbeat(self, beat: NodeHeartbeat, now_ns: int) -> bool:
        """Take a sign of life; return whether it is news.

        Nodes that are not of the graph are ignored.
        """
        node = self.nodes.get(beat.node)
        if node is None:
            return False
        before = node.gist
        if node.is_of_another(beat, now_ns):
            return node.gist != before
        new = node.instance_id != beat.instance_id
        if node.on_beat(beat, now_ns):
            self._events.append(f'{beat.node}: a new process, restart {node.restarts}')
        if new:
            self._on_new_instance(node)
            self._processes.adopt(beat.node, int(beat.pid))
        if node.exchange is not None:
            node.exchange.on_beat(beat)
        return node.gist != before

    def _on_new_instance(self, node: Watched) -> None:
        if self.goals.get(node.spec.name) is Goal.FINALIZED and node.state != FINALIZED:
            self.goals[node.spec.name] = Goal.UNCONFIGURED  # it is down already
        node.error, node.failures = '', 0
        if self.operation is None:
            self._auto.renew()

    def on_answer(self, request: Request, success: bool, now_ns: int) -> None:
        """Take the answer to a change of state."""
        exchange = self._exchange(request)
        if exchange is not None:
            exchange.on_answer(request, success, now_ns)

    def on_state(self, request: Request, state: int) -> None:
        """Take the answer to GET_STATE."""
        exchange = self._exchange(request)
        if exchange is not None:
            exchange.on_state(request, state)

    def on_unsent(self, request: Request) -> None:
        """Take note that a request could not be sent yet."""
        exchange = self._exchange(request)
        if exchange is not None:
            exchange.on_unsent()

    def _exchange(self, request: Request) -> Exchange | None:
        node = self.nodes[request.node]
        return node.exchange if node.instance_id == request.instance_id else None

    def command(self, command: int, names: Iterable[str], now_ns: int) -> int:
        """Begin a command and return its id; its ``Outcome`` comes from ``outcomes``.

        The same command again joins the one under way. Any other ends it: the last one counts.

        :raises CommandRefused: if it cannot be carried out; nothing is changed then.
        """
        names = tuple(names)
        targets = check(self.graph, command, names, self._prefix)
        named = targets if names else ()
        running = self.operation
        if running is not None and (running.command, running.asked) == (command, targets):
            if running.named == named and not running.rolling_back:
                return running.id
        goals = goals_of(self.graph, command, targets, self._levels(command))
        if running is not None:
            self.course.end(running, False, f'{running.name}: overtaken by another command')
        operation = self.course.begin(command, targets, goals, now_ns, named=named)
        self._recall.drop()
        self.last_command = operation.name
        return operation.id

    def plan(self, command: int, names: Iterable[str]) -> list[str]:
        """Return the steps that a command would make, for people; nothing is changed.

        :raises CommandRefused: as ``command`` does.
        """
        targets = check(self.graph, command, names, self._prefix)
        goals = goals_of(self.graph, command, targets, self._levels(command))
        lines = plan(self.graph, self.board.states(), {**self.goals, **goals})
        away = [name for name in goals if self.nodes[name].missing]
        return [*lines, f'cannot reach: {listing(away)}'] if away else lines

    def recall(self, memory: Memory | None, now_ns: int) -> None:
        """Hold down what was held down before, if ``memory`` is of the nodes that run.

        Nothing is started by itself until that is known.
        """
        self._recall.begin(memory, now_ns)

    def memory(self) -> Memory | None:
        """Return what the next manager must know; None: nothing is held down by a person."""
        if self._recall.waiting is not None:
            return self._recall.waiting
        held = self._held()
        if not held or not self.last_command:
            return None
        return Memory(self.last_command, held, self.board.instances())

    def _held(self) -> dict[str, Goal]:
        """Return the nodes that are not wanted active by a person's word.

        One that was unloaded is not, unless it requires one that is: it waits with that.
        """
        down = {name: goal for name, goal in self.goals.items() if goal is not Goal.ACTIVE}
        unloaded = self._idle.unloaded
        held = {name: goal for name, goal in down.items() if name not in unloaded}
        waits = {n for n in unloaded if held.keys() & set(self.graph.with_requirements((n,)))}
        return {n: Goal.INACTIVE if n in waits else down[n] for n in down if n in {*held, *waits}}

    def outcomes(self) -> list[Outcome]:
        """Return the operations that have ended since the last call."""
        ended, self.course.outcomes = self.course.outcomes, []
        return ended

    def events(self) -> list[str]:
        """Return what happened since the last call, for the log."""
        happened = self._events.copy()
        self._events.clear()
        return happened

    def system_state(self) -> SystemState:
        """Return the state of the whole graph (header not filled)."""
        return report.system_state(self)

    # ---- time -----------------------------------------------------------------------------------

    def tick(self, now_ns: int) -> list[Request]:
        """Go on; return what is to be sent now."""
        if seconds(now_ns - self.board.now_ns) > self.timing.silent_s / 2:
            self._awake_ns = now_ns  # heartbeats of meanwhile may wait to be read
        self.board.now_ns = now_ns
        for name, node in self.nodes.items():
            settled = self.board.is_settled(name)
            silent = seconds(now_ns - max(node.seen_ns, self._awake_ns)) > self.timing.silent_s
            node.look(now_ns, settled, silent, self._processes)
            if settled and node.exchange is None:
                node.error, node.failures = '', 0
        self._start_by_itself(now_ns)
        requests = self._exchanges_due(reversed(self.graph.order), now_ns)
        self.course.advance(now_ns)
        self._unload_idle(now_ns)
        steps = self._steps(now_ns)
        for step in steps:
            node = self.nodes[step.node]
            self._note_origin(step)
            node.begin(step.transition, self._timeout_s(step), now_ns)
        return requests + self._exchanges_due([step.node for step in steps], now_ns)

    def _exchanges_due(self, names: Iterable[str], now_ns: int) -> list[Request]:
        requests = []
        for name in names:
            node = self.nodes[name]
            exchange = node.exchange
            if exchange is None:
                continue
            if node.life is Life.ENDED:
                node.exchange = None  # killed in the transition; the next instance begins again
                during = TRANSITIONS[exchange.transition][0]
                self._events.append(f'{name}: its process has ended in {during}')
                continue
            request = exchange.due(now_ns, self.timing.unheard_s)
            if request is not None:
                requests.append(request)
            if exchange.phase is Phase.DONE:
                self._on_done(node, exchange, now_ns)
            elif exchange.phase is Phase.FAILED:
                self._on_failed(node, exchange, now_ns)
        return requests

    def _on_done(self, node: Watched, exchange: Exchange, now_ns: int) -> None:
        node.exchange, node.state, node.verified_ns = None, exchange.wanted, now_ns
        operation = self.operation
        if operation is not None and operation.rolling_back:
            operation.undone.append(str(Step(node.spec.name, exchange.transition)))

    def _on_failed(self, node: Watched, exchange: Exchange, now_ns: int) -> None:
        name = node.spec.name
        node.exchange, node.error = None, exchange.error
        node.not_before_ns = now_ns + nanoseconds(self.timing.backoff_s(node.failures))
        node.failures += 1
        if node.beat is not None:
            node.state = int(node.beat.state)
        self._events.append(f'{name}: {exchange.error}')
        operation = self.operation
        if operation is not None and name in operation.goals:
            operation.failed.setdefault(name, exchange.error)

    def _timeout_s(self, step: Step) -> float:
        if step.transition == CONFIGURE:
            return self.graph[step.node].configure_timeout_s
        return self.timing.step_s

    # ---- which steps ----------------------------------------------------------------------------

    def _levels(self, command: int = STARTUP) -> dict[str, Goal]:
        states = self.board.states()
        levels = {name: self.goals.get(name, level(states[name])) for name in self.graph.order}
        if command == RESUME:  # an unloaded node is one that was stopped to be resumed
            levels |= dict.fromkeys(self._idle.unloaded, Goal.INACTIVE)
        return levels

    def _steps(self, now_ns: int) -> list[Step]:
        broken = frozenset(name for name, node in self.nodes.items() if node.error)
        strict = self.operation is not None and self.operation.up
        steps = due(Situation(self.graph, self.board.states(), self.goals, broken, strict))
        return [step for step in steps if self._may_step(step, now_ns)]

    def _may_step(self, step: Step, now_ns: int) -> bool:
        node = self.nodes[step.node]
        if node.exchange is not None or now_ns < node.not_before_ns:
            return False
        operation = self.operation
        if operation is None or step.node not in operation.goals:
            return True
        return step.node not in operation.failed

    def _note_origin(self, step: Step) -> None:
        operation = self.operation
        if operation is None or not operation.up or operation.rolling_back:
            return
        if step.node in operation.goals:
            operation.origin.setdefault(step.node, level(self.nodes[step.node].state))

    # ---- idle nodes -----------------------------------------------------------------------------

    def idle_text(self, name: str) -> str:
        """Return that a node was unloaded because it was idle; empty: it was not."""
        return self._idle.text(name)

    def memory_mb(self, name: str) -> float:
        """Return the resident memory of a node's process in MB; 0.0: not known."""
        return 0.0 if self.nodes[name].missing else self._processes.memory_mb(name)

    def _unload_idle(self, now_ns: int) -> None:
        if self.operation is not None:
            return
        for name in self._idle.due(self.nodes, self.goals, now_ns, self._awake_ns):
            self.goals[name] = Goal.UNCONFIGURED
            self._idle.note(name)
            self._events.append(f'{name}: {self._idle.text(name)}')

    # ---- operations -----------------------------------------------------------------------------

    def _start_by_itself(self, now_ns: int) -> None:
        memory = self._recall.decide(self.board.instances(), now_ns)
        if memory is not None:
            self._hold(memory)
        if self._recall.waiting is not None:
            return
        targets = tuple(name for name in self.graph.managed if name not in self._recall.held)
        core = [self.nodes[name] for name in targets if self.graph.is_core(name)]
        whole = not any(node.missing or node.looping for node in core)
        if self.operation is not None or not self._auto.is_due(now_ns, whole):
            return
        goals = dict.fromkeys(targets, Goal.ACTIVE)
        self.course.begin(STARTUP, targets, goals, now_ns, automatic=True)

    def _hold(self, memory: Memory) -> None:
        held = self._recall.held
        for name in held:
            goal, instance = memory.goals[name], self.nodes[name].instance_id
            if goal is Goal.FINALIZED and instance not in ('', memory.instances.get(name)):
                goal = Goal.UNCONFIGURED  # a new process: it is down already
            self.goals[name] = goal
        self.last_command = memory.command
        self._events.append(f'left as they were after {memory.command}: {listing(sorted(held))}')
