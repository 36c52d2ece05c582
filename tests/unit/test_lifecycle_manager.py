"""Ordered bring-up: parallel configure, ordered activate, re-adoption, reasons."""

from lifecycle_msgs.msg import State, Transition
from tektra_msgs.msg import NodeHeartbeat, SystemState

from tektra.lifecycle_manager.core import BringUp, Request
from tektra.runtime.clock import ManualClock

CONFIGURE = int(Transition.TRANSITION_CONFIGURE)
ACTIVATE = int(Transition.TRANSITION_ACTIVATE)
UNCONFIGURED = int(State.PRIMARY_STATE_UNCONFIGURED)
INACTIVE = int(State.PRIMARY_STATE_INACTIVE)
ACTIVE = int(State.PRIMARY_STATE_ACTIVE)


class Graph:
    """Plays the nodes: sends beats, answers requests."""

    def __init__(self, *names, optional=()):
        self.clock = ManualClock(1)
        self.core = BringUp(names, frozenset(optional))

    def beat(self, name, state, instance='one', **more):
        message = NodeHeartbeat(node=name, instance_id=instance, state=state, **more)
        self.core.on_heartbeat(message, self.clock.now_ns())

    def tick(self, seconds=0.0):
        return self.core.tick(self.clock.advance(seconds))

    def answer(self, name, transition, success=True):
        self.core.on_result(Request(name, transition), success, self.clock.now_ns())

    def bring_up(self, *names):
        for name in names:
            self.beat(name, UNCONFIGURED)
        self.tick()
        for name in names:
            self.answer(name, CONFIGURE)
        for name in names:
            assert self.tick() == [Request(name, ACTIVATE)]
            self.answer(name, ACTIVATE)
        for name in names:
            self.beat(name, ACTIVE)
        self.tick()

    @property
    def state(self):
        return self.core.system_state()


def test_all_configure_at_once_and_activate_in_order():
    graph = Graph('/a', '/b')
    graph.beat('/a', UNCONFIGURED)
    graph.beat('/b', UNCONFIGURED)
    assert graph.tick() == [Request('/a', CONFIGURE), Request('/b', CONFIGURE)]
    graph.answer('/b', CONFIGURE)
    assert graph.tick() == []  # b waits for a
    graph.answer('/a', CONFIGURE)
    assert graph.tick() == [Request('/a', ACTIVATE)]
    graph.answer('/a', ACTIVATE)
    assert graph.tick() == [Request('/b', ACTIVATE)]
    assert graph.state.state == SystemState.STATE_STARTING
    graph.answer('/b', ACTIVATE)
    assert graph.state.state == SystemState.STATE_READY
    assert graph.state.reason == ''


def test_a_node_that_never_appears_is_named():
    graph = Graph('/a', '/b')
    graph.beat('/a', UNCONFIGURED)
    assert graph.state.state == SystemState.STATE_STARTING
    assert graph.state.reasons[1] == 'not seen yet'


def test_a_missing_optional_node_does_not_hold_up_the_rest():
    graph = Graph('/face', '/a', optional=['/face'])
    graph.bring_up('/a')
    assert graph.state.state == SystemState.STATE_DEGRADED
    assert graph.state.reason == '/face: not seen yet'


def test_a_killed_node_is_missed_within_a_second_and_adopted_again():
    graph = Graph('/a', '/b')
    graph.bring_up('/a', '/b')
    assert graph.state.state == SystemState.STATE_READY
    for _ in range(6):
        graph.tick(0.2)
        graph.beat('/b', ACTIVE)
    assert graph.state.state == SystemState.STATE_DEGRADED
    assert graph.state.reason == '/a: no heartbeat'
    graph.beat('/a', UNCONFIGURED, instance='two')
    assert graph.tick() == [Request('/a', CONFIGURE)]
    graph.answer('/a', CONFIGURE)
    assert graph.tick() == [Request('/a', ACTIVATE)]
    graph.answer('/a', ACTIVATE)
    assert graph.state.state == SystemState.STATE_READY
    assert list(graph.state.restarts) == [1, 0]


def test_a_node_killed_and_back_before_it_was_missed_is_brought_up_again():
    graph = Graph('/a')
    graph.bring_up('/a')
    graph.beat('/a', UNCONFIGURED, instance='two')
    assert graph.tick() == [Request('/a', CONFIGURE)]
    assert list(graph.state.restarts) == [1]


def test_a_lost_request_is_sent_again_but_a_slow_configure_is_not_disturbed():
    graph = Graph('/a')
    graph.beat('/a', UNCONFIGURED)
    assert graph.tick() == [Request('/a', CONFIGURE)]
    assert graph.tick(0.5) == []
    graph.beat('/a', UNCONFIGURED)
    assert graph.tick(0.3) == [Request('/a', CONFIGURE)]
    for _ in range(20):
        graph.beat('/a', int(State.TRANSITION_STATE_CONFIGURING))
        assert graph.tick(0.2) == []
    graph.beat('/a', INACTIVE)
    assert graph.tick() == [Request('/a', ACTIVATE)]


def test_a_failed_configure_is_reported_and_retried_later_each_time():
    graph = Graph('/a')
    graph.beat('/a', UNCONFIGURED)
    graph.tick()
    graph.answer('/a', CONFIGURE, success=False)
    graph.beat('/a', UNCONFIGURED, last_error='configure: no weights')
    assert graph.state.state == SystemState.STATE_FAILED
    assert graph.state.reason == '/a: configure: no weights'

    def beating(seconds):
        asked = []
        for _ in range(round(seconds / 0.1)):
            graph.beat('/a', UNCONFIGURED, last_error='configure: no weights')
            asked += graph.tick(0.1)
        return asked

    assert beating(0.8) == []
    assert beating(0.4) == [Request('/a', CONFIGURE)]
    graph.answer('/a', CONFIGURE, success=False)
    assert beating(1.8) == []
    assert beating(0.4) == [Request('/a', CONFIGURE)]
    graph.answer('/a', CONFIGURE)
    graph.tick()
    graph.answer('/a', ACTIVATE)
    graph.beat('/a', ACTIVE)
    assert graph.state.state == SystemState.STATE_READY


def test_a_degraded_node_degrades_the_system_and_says_why():
    graph = Graph('/a')
    graph.bring_up('/a')
    graph.beat('/a', ACTIVE, degraded=True, status='captions only')
    assert graph.state.state == SystemState.STATE_DEGRADED
    assert graph.state.reason == '/a: captions only'


def test_nodes_of_another_namespace_are_not_ours():
    graph = Graph('/r1/a')
    graph.beat('/r2/a', UNCONFIGURED)
    assert graph.tick() == []


def test_a_late_answer_of_an_old_instance_changes_nothing():
    graph = Graph('/a')
    graph.beat('/a', UNCONFIGURED)
    graph.tick()
    graph.beat('/a', UNCONFIGURED, instance='two')
    graph.answer('/a', CONFIGURE)
    assert graph.state.node_states[0] == UNCONFIGURED
