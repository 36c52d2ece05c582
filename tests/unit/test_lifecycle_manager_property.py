"""Whatever happens to the nodes, the manager keeps its promises."""

from hypothesis import given, settings
from hypothesis import strategies as st
from lifecycle_graph import Robot, core, optional, safety
from tektra_msgs.msg import SystemState

from tektra.lifecycle_manager.operation import COMMANDS, CommandRefused

NAMES = ('/a', '/b', '/c', '/d')

_events = st.one_of(
    st.tuples(st.just('kill'), st.sampled_from(NAMES)),
    st.tuples(st.just('respawn'), st.sampled_from(NAMES)),
    st.tuples(st.just('hang'), st.sampled_from(NAMES)),
    st.tuples(st.just('deaf'), st.sampled_from(NAMES)),
    st.tuples(st.just('die in configure'), st.sampled_from(NAMES)),
    st.tuples(st.just('fail'), st.sampled_from(NAMES)),
    st.tuples(st.just('command'), st.sampled_from(tuple(COMMANDS))),
    st.tuples(st.just('kill the manager'), st.just('')),
    st.tuples(st.just('wait'), st.sampled_from(('0.1', '0.5', '3.0'))),
)


def _make():
    return Robot(
        safety('/estop'),
        core('/a', '/estop'),
        core('/b', '/a'),
        core('/c', '/a'),
        optional('/d', '/b', '/c'),
    )


def _happen(robot, what, which):
    if what == 'command':
        try:
            robot.manager.command(COMMANDS[which], [], robot.now)
        except CommandRefused:
            pass
    elif what == 'kill the manager':
        robot.start_manager(robot.manager.memory())
    elif what == 'wait':
        robot.run(float(which))
    elif what == 'kill':
        robot.kill(which)
    elif what == 'respawn':
        robot.respawn(which)
    elif what == 'hang':
        robot.nodes[which].hangs = True
    elif what == 'deaf':
        robot.nodes[which].deaf = 2
    elif what == 'die in configure':
        robot.nodes[which].dies_in = 'configure'
    elif what == 'fail':
        robot.nodes[which].fails = {'configure': 'x'}


@settings(max_examples=25, deadline=None)
@given(st.lists(_events, max_size=12))
def test_after_any_trouble_fresh_processes_and_one_command_bring_the_graph_up(events):
    robot = _make()
    for what, which in events:
        _happen(robot, what, which)
        robot.run(0.1)
    for name in NAMES:
        robot.nodes[name].fails = {}
        robot.respawn(name)
    robot.run(0.5)
    robot.command('startup')  # fails the test if it does not end
    robot.until(lambda: robot.state.state == SystemState.STATE_READY, 120.0)
    assert not any('/estop' in line for line in robot.made)


@settings(max_examples=25, deadline=None)
@given(st.lists(_events, max_size=12))
def test_in_a_start_nothing_is_activated_before_what_it_requires(events):
    robot = _make()
    finish = robot._finish

    def watch(full, node, request):
        operation = robot.manager.operation
        strict = operation is not None and operation.up and not operation.rolling_back
        if strict and request.transition == 3:
            for required in robot.graph[full].requires:
                state = robot.manager.nodes[required].effective
                there = state != 0 if required == '/estop' else state == 3
                assert there, f'{full} before {required}'
        finish(full, node, request)

    robot._finish = watch
    for what, which in events:
        _happen(robot, what, which)
        robot.run(0.3)
