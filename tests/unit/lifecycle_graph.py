"""A simulated graph: nodes that beat, answer, refuse, die and lie, on a clock that is told."""

from dataclasses import dataclass, field

from lifecycle_msgs.msg import State
from tektra_msgs.msg import NodeHeartbeat

from tektra.lifecycle_manager.core import LifecycleManager
from tektra.lifecycle_manager.exchange import GET_STATE
from tektra.lifecycle_manager.graph import Graph, NodeSpec, Tier
from tektra.lifecycle_manager.operation import COMMANDS
from tektra.lifecycle_manager.steps import TRANSITIONS
from tektra.lifecycle_manager.watch import Life, Timing
from tektra.runtime.clock import ManualClock

CONFIGURING = int(State.TRANSITION_STATE_CONFIGURING)
TICK_S = 0.1
BEAT_S = 0.2


@dataclass
class Node:
    """One simulated process with its node."""

    state: int = 1
    instance: int = 1
    alive: bool = True  # its process
    hangs: bool = False
    fails: dict = field(default_factory=dict)  # transition name -> error text
    takes: dict = field(default_factory=dict)  # transition name -> s
    lies: set = field(default_factory=set)  # transitions answered with success and not made
    deaf: int = 0  # requests to lose
    dies_in: str = ''
    last_error: str = ''
    more: dict = field(default_factory=dict)  # further fields of the heartbeat
    until: tuple = ()  # (time, request) of a transition under way


class Robot:
    """Nodes and their manager."""

    def __init__(self, *specs, autostart=True, timing=None):
        self.clock = ManualClock(10**12)
        self.graph = Graph(specs)
        self.nodes = {name: Node() for name in self.graph.order}
        self.made = []  # transitions in the order in which they were made
        self.timing, self.autostart = timing or Timing(), autostart
        self.start_manager()
        self._next_beat = self.clock.now_ns()

    def start_manager(self, memory=None):
        """Start a manager; one that is there is killed."""
        self.manager = LifecycleManager(
            self.graph, timing=self.timing, autostart=self.autostart, processes=self
        )
        self.manager.recall(memory, self.now)

    # what the manager sees of processes
    def adopt(self, node, pid):
        pass

    def memory_mb(self, node):
        return 100.0

    def life(self, node):
        return Life.RUNS if self.nodes[node].alive else Life.ENDED

    @property
    def now(self):
        return self.clock.now_ns()

    @property
    def state(self):
        return self.manager.system_state()

    def states(self):
        return {name: node.state for name, node in self.nodes.items()}

    def kill(self, name):
        node = self.nodes[name]
        node.alive, node.until = False, ()

    def respawn(self, name, **changes):
        old = self.nodes[name]
        self.nodes[name] = Node(**{'instance': old.instance + 1, 'fails': old.fails, **changes})
        self.beat(name)

    def beat(self, name):
        node = self.nodes[name]
        if not node.alive or node.hangs:
            return
        beat = NodeHeartbeat(
            node=name,
            instance_id=f'{name}-{node.instance}',
            pid=4711,
            state=CONFIGURING if node.until else node.state,
            last_error=node.last_error,
            **node.more,
        )
        self.manager.on_heartbeat(beat, self.now)

    def run(self, seconds):
        """Let time pass."""
        for _ in range(round(seconds / TICK_S)):
            self.clock.advance(TICK_S)
            self._time_passes()
        return self

    def until(self, done, seconds=200.0):
        """Let time pass until ``done()``; fail if it never becomes true."""
        for _ in range(round(seconds / TICK_S)):
            if done():
                return self
            self.run(TICK_S)
        raise AssertionError(f'not within {seconds} s: {self.state.state} {self.state.reason}')

    def _time_passes(self):
        for name, node in self.nodes.items():
            if node.until and node.until[0] <= self.now:
                request, node.until = node.until[1], ()
                self._finish(name, node, request)
        if self.now >= self._next_beat:
            self._next_beat = self.now + round(BEAT_S * 1e9)
            for name in self.nodes:
                self.beat(name)
        self.tick()

    def tick(self):
        """Deliver all that is asked for until nothing is."""
        while requests := self.manager.tick(self.now):
            for request in requests:
                self._deliver(request)

    def _deliver(self, request):
        node = self.nodes[request.node]
        if not node.alive or node.hangs:
            return
        if node.deaf:
            node.deaf -= 1
            return
        if request.transition == GET_STATE:
            self.manager.on_state(request, node.state)
            return
        name = TRANSITIONS[request.transition][0]
        if node.dies_in == name:
            self.kill(request.node)
        elif node.until:
            self.manager.on_answer(request, False, self.now)
        elif name in node.takes:
            node.until = (self.now + round(node.takes[name] * 1e9), request)
        else:
            self._finish(request.node, node, request)

    def _finish(self, full, node, request):
        name, wanted = TRANSITIONS[request.transition]
        if name in node.fails:
            node.last_error = f'{name}: {node.fails[name]}'
            node.state = 1  # as TektraNode.on_error does
            self.made.append(f'{name} {full} failed')
            self.manager.on_answer(request, False, self.now)
            return
        if name not in node.lies:
            node.state, node.last_error = wanted, ''
        self.made.append(f'{name} {full}')
        self.manager.on_answer(request, True, self.now)
        self.beat(full)

    def command(self, name, *nodes):
        """Carry a command out; return its outcome."""
        number = self.manager.command(COMMANDS[name], nodes, self.now)
        found = []

        def ended():
            found.extend(o for o in self.manager.outcomes() if o.id == number)
            return bool(found)

        self.tick()
        self.until(ended)
        return found[0]

    def plan(self, name, *nodes):
        return self.manager.plan(COMMANDS[name], nodes)


def core(name, *requires, **more):
    return NodeSpec(name, requires=requires, **more)


def optional(name, *requires, **more):
    return NodeSpec(name, Tier.OPTIONAL, requires, **more)


def safety(name):
    return NodeSpec(name, Tier.SAFETY)
