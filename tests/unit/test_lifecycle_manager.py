"""The lifecycle manager: order, roll-back, degradation, repair, crash loops, hangs."""

import pytest
from lifecycle_graph import Robot, core, optional, safety
from tektra_msgs.msg import NodeHeartbeat, SystemState

from tektra.lifecycle_manager.exchange import GET_STATE, Exchange, Phase
from tektra.lifecycle_manager.graph import RestartPolicy
from tektra.lifecycle_manager.operation import CommandRefused
from tektra.lifecycle_manager.steps import CONFIGURE
from tektra.lifecycle_manager.watch import Timing

READY, DEGRADED, FAILED = (
    SystemState.STATE_READY,
    SystemState.STATE_DEGRADED,
    SystemState.STATE_FAILED,
)
STARTING, STOPPED = SystemState.STATE_STARTING, SystemState.STATE_STOPPED

CHAIN = (core('/a'), core('/b', '/a'), core('/c', '/b'))
UP = [
    *('configure /a', 'configure /b', 'configure /c'),
    *('activate /a', 'activate /b', 'activate /c'),
]


def up(*specs, **more):
    robot = Robot(*specs, **more)
    robot.until(lambda: robot.state.state in (READY, DEGRADED))
    robot.run(1.0)
    return robot


def reason(robot, name):
    return robot.state.reasons[list(robot.state.nodes).index(name)]


# ---- order --------------------------------------------------------------------------------------


def test_all_configure_at_once_and_activate_in_order():
    robot = Robot(*CHAIN)
    for name in robot.nodes:
        robot.beat(name)
    robot.tick()  # no time passes: an answer leads to the next request at once
    assert robot.made == UP
    assert robot.state.state == READY
    assert robot.state.reason == ''


def test_a_node_that_loads_slowly_holds_up_only_what_requires_it():
    robot = Robot(core('/a'), core('/slow'), core('/b', '/a'), core('/c', '/slow'))
    robot.nodes['/slow'].takes['configure'] = 20.0
    robot.run(5.0)
    assert robot.states() == {'/a': 3, '/slow': 1, '/b': 3, '/c': 2}
    assert robot.state.state == STARTING
    assert robot.state.reason == 'waiting for /slow, /c'
    robot.until(lambda: robot.state.state == READY, 20.0)
    assert robot.made.count('configure /slow') == 1  # it was not asked again meanwhile


def test_optional_nodes_leave_the_processor_to_the_core_first():
    robot = Robot(optional('/face'), *CHAIN)
    robot.run(1.0)
    assert robot.made == [*UP, 'configure /face', 'activate /face']


def test_a_node_that_is_up_already_is_left_alone():
    robot = Robot(*CHAIN)
    robot.nodes['/a'].state, robot.nodes['/b'].state = 3, 2
    robot.run(1.0)
    assert robot.made == ['activate /b', 'configure /c', 'activate /c']


def test_without_autostart_nothing_happens_until_a_person_says_so():
    robot = Robot(*CHAIN, autostart=False).run(3.0)
    assert robot.made == []
    assert robot.state.state == STOPPED
    assert 'tektra manage startup' in robot.state.reason
    assert robot.command('startup').success
    assert robot.made == UP


# ---- verification and lost messages -------------------------------------------------------------


def test_a_success_that_get_state_does_not_confirm_is_a_failure_that_names_both_states():
    robot = Robot(*CHAIN)
    robot.nodes['/b'].lies.add('activate')
    robot.until(lambda: robot.state.state == FAILED)
    assert robot.state.reason == (
        '/b: activate: answered with success, but the node is inactive and not active'
    )


def test_a_lost_request_is_sent_again():
    robot = Robot(*CHAIN)
    robot.nodes['/b'].deaf = 2
    robot.until(lambda: robot.state.state == READY, 5.0)
    assert robot.made.count('configure /b') == 1


def test_a_lost_answer_is_made_up_for_by_the_heartbeat():
    robot = Robot(core('/a'))
    deliver = robot.manager.on_answer
    robot.manager.on_answer = lambda *_: None
    robot.until(lambda: robot.state.state == READY, 5.0)
    robot.manager.on_answer = deliver
    assert robot.made == ['configure /a', 'activate /a']


def verifying():
    """Return an exchange whose node has answered: now its state is to be read."""
    exchange = Exchange('/a', CONFIGURE, 'a-1', 60.0, 0)
    exchange.on_answer(exchange.due(0, 0.7), True, 0)
    return exchange


def test_reads_of_the_state_that_could_not_be_sent_do_not_count():
    exchange = verifying()
    for tick in range(20):
        assert exchange.due(tick * 100_000_000, 0.7).transition == GET_STATE
        exchange.on_unsent()
    exchange.on_state(exchange.due(2 * 10**9, 0.7), 2)
    assert exchange.phase is Phase.DONE


def test_the_heartbeat_confirms_when_no_read_can_be_sent():
    exchange = verifying()
    exchange.on_beat(NodeHeartbeat(state=2))
    assert exchange.due(0, 0.7).transition == GET_STATE  # at first the node itself is asked
    exchange.on_unsent()
    assert exchange.due(8 * 10**8, 0.7) is None
    assert exchange.phase is Phase.DONE


def test_a_node_whose_state_cannot_be_read_is_not_waited_for_for_ever():
    robot = Robot(core('/a'))
    robot.manager.on_state = lambda *_: None
    robot.nodes['/a'].lies.add('configure')
    robot.until(lambda: robot.state.state == FAILED, 30.0)
    assert 'its state cannot be read' in robot.state.reason


def test_a_late_answer_of_an_old_instance_changes_nothing():
    robot = Robot(core('/a'))
    robot.beat('/a')
    [request] = robot.manager.tick(robot.now)
    robot.respawn('/a')
    robot.manager.on_answer(request, True, robot.now)
    assert robot.state.node_states[0] == 1


# ---- failure and roll-back ----------------------------------------------------------------------


def test_a_failed_start_is_rolled_back_in_reverse_order_and_says_what_and_why():
    robot = Robot(*CHAIN, autostart=False).run(1.0)
    robot.nodes['/c'].fails['activate'] = 'OSError: no device'
    outcome = robot.command('startup')
    assert not outcome.success
    assert outcome.message == (
        '/c: activate: OSError: no device; rolled back: '
        'deactivate /b, cleanup /b, deactivate /a, cleanup /a'
    )
    assert robot.states() == {'/a': 1, '/b': 1, '/c': 1}
    assert robot.state.state == FAILED
    assert reason(robot, '/c') == 'activate: OSError: no device'


def test_the_roll_back_leaves_alone_what_this_start_did_not_bring_up():
    robot = Robot(*CHAIN, autostart=False)
    robot.nodes['/a'].state, robot.nodes['/b'].state = 3, 2
    robot.run(1.0)
    robot.nodes['/c'].fails['activate'] = 'no device'
    assert not robot.command('startup').success
    assert robot.states() == {'/a': 3, '/b': 2, '/c': 1}


def test_an_exception_in_configure_is_named_with_node_and_text():
    robot = Robot(*CHAIN)
    robot.nodes['/b'].fails['configure'] = 'FileNotFoundError: no weights'
    robot.until(lambda: robot.state.state == FAILED)
    assert robot.state.reason == '/b: configure: FileNotFoundError: no weights'
    robot.run(0.5)
    assert robot.states() == {'/a': 1, '/b': 1, '/c': 1}


def test_a_configure_that_never_ends_fails_after_its_time():
    robot = Robot(core('/a'), core('/b', configure_timeout_s=5.0))
    robot.nodes['/b'].takes['configure'] = 10000.0
    robot.until(lambda: robot.state.state == FAILED, 8.0)
    assert robot.state.reason == '/b: configure: not finished within 5 s'
    robot.run(1.0)
    assert robot.nodes['/a'].state == 1


def test_the_automatic_start_tries_again_later_each_time_and_then_gives_up():
    robot = Robot(core('/a'), timing=Timing(attempts=3))
    robot.nodes['/a'].fails['configure'] = 'no weights'
    tries = robot.made

    robot.run(0.5)
    assert len(tries) == 1
    robot.run(1.2)
    assert len(tries) == 2
    robot.run(1.5)
    assert len(tries) == 2
    robot.run(1.0)
    assert len(tries) == 3
    robot.run(100.0)
    assert len(tries) == 3
    assert robot.state.state == FAILED


def test_a_restart_of_the_culprit_makes_it_try_again():
    robot = Robot(core('/a'), core('/b'), timing=Timing(attempts=1))
    robot.nodes['/a'].fails['configure'] = 'no weights'
    robot.run(5.0)
    assert robot.state.state == FAILED
    robot.nodes['/a'].fails.clear()
    robot.respawn('/a')
    robot.until(lambda: robot.state.state == READY, 5.0)


def test_a_core_node_that_never_appears_fails_the_start_in_bounded_time():
    robot = Robot(*CHAIN, timing=Timing(appear_s=10.0))
    robot.kill('/c')
    robot.run(9.0)
    assert robot.state.state == STARTING
    assert robot.state.reason == 'waiting for /c'
    robot.run(3.0)
    assert robot.state.state == FAILED
    assert robot.state.reason == '/c: not seen yet for 10 s; is its process started?'
    assert robot.states() == {'/a': 1, '/b': 1, '/c': 1}
    robot.respawn('/c')
    robot.until(lambda: robot.state.state == READY, 5.0)


def test_an_optional_failure_means_degraded_and_not_down():
    robot = Robot(*CHAIN, optional('/face'), optional('/clip', '/face'))
    robot.nodes['/face'].fails['configure'] = 'RuntimeError: no GL'
    robot.run(1.0)
    assert robot.state.state == DEGRADED
    assert '/face: configure: RuntimeError: no GL' in robot.state.reason
    assert [robot.nodes[n].state for n in '/a /b /c'.split()] == [3, 3, 3]
    robot.nodes['/face'].fails.clear()
    robot.until(lambda: robot.state.state == READY, 40.0)


def test_a_missing_optional_node_does_not_hold_up_the_rest():
    robot = Robot(optional('/face'), core('/a'))
    robot.kill('/face')
    robot.run(1.0)
    assert robot.state.state == DEGRADED
    assert robot.state.reason == '/face: not seen yet'


def test_a_core_node_that_dies_while_an_optional_one_is_awaited_rolls_nothing_back():
    robot = Robot(*CHAIN, optional('/face'))
    robot.kill('/face')
    robot.run(2.0)
    robot.kill('/b')
    robot.run(2.0)
    robot.respawn('/b', fails={'configure': 'once'})
    robot.run(0.5)
    assert robot.states()['/a'] == 3
    robot.nodes['/b'].fails.clear()
    robot.until(lambda: robot.states()['/b'] == 3, 10.0)


def test_a_start_ends_when_its_time_is_over_although_a_core_node_was_lost_in_it():
    robot = Robot(core('/a'), optional('/face'), timing=Timing(appear_s=5.0, step_s=2.0))
    robot.run(0.5)  # /face loads, the core is up
    robot.until(lambda: robot.states() == {'/a': 3, '/face': 3})
    robot.command('reset')
    robot.nodes['/face'].takes['configure'] = 3.0
    number = robot.manager.command(1, [], robot.now)
    robot.until(lambda: robot.states()['/a'] == 3)
    robot.kill('/a')
    robot.until(lambda: robot.manager.operation is None)
    [outcome] = [one for one in robot.manager.outcomes() if one.id == number]
    assert not outcome.success
    assert outcome.message == '/a: not done when the time for startup was over'
    robot.respawn('/a')
    robot.until(lambda: robot.state.state == READY, 5.0)


# ---- liveness and repair ------------------------------------------------------------------------


def test_a_killed_node_is_missed_within_a_second_or_so_and_adopted_again():
    robot = up(*CHAIN)
    robot.kill('/a')
    robot.run(1.4)
    assert robot.state.state == DEGRADED
    assert robot.state.reason == '/a: no heartbeat: process 4711 has ended'
    assert robot.state.node_states[0] == 0
    robot.made.clear()
    robot.respawn('/a')
    robot.tick()
    assert robot.made == ['configure /a', 'activate /a']
    assert robot.state.state == READY
    assert list(robot.state.restarts) == [1, 0, 0]


@pytest.mark.parametrize('state', [1, 2, 3])
def test_a_node_that_comes_back_in_any_state_is_adopted(state):
    robot = up(*CHAIN)
    robot.respawn('/b', state=state)
    robot.run(1.0)
    assert robot.states()['/b'] == 3
    assert robot.state.state == READY
    assert list(robot.state.restarts) == [0, 1, 0]


def test_a_hang_is_seen_although_the_process_lives_and_ends_when_it_beats_again():
    robot = up(*CHAIN)
    robot.nodes['/b'].hangs = True
    robot.run(1.4)
    assert robot.state.state == DEGRADED
    assert robot.state.reason == '/b: no heartbeat, although process 4711 runs: it hangs'
    robot.nodes['/b'].hangs = False
    robot.run(0.5)
    assert robot.state.state == READY
    assert list(robot.state.restarts) == [0, 0, 0]


def test_a_manager_that_was_held_up_does_not_take_all_others_for_dead():
    robot = up(*CHAIN)
    robot.clock.advance(20.0)  # suspended, or no processor: beats wait in the queue
    robot.tick()
    assert robot.state.state == READY
    robot.run(1.0)
    assert robot.state.state == READY
    robot.kill('/b')
    robot.run(1.4)
    assert robot.state.state == DEGRADED


def test_a_core_node_that_stays_away_makes_the_graph_failed():
    robot = up(*CHAIN, timing=Timing(appear_s=10.0))
    robot.kill('/b')
    robot.run(5.0)
    assert robot.state.state == DEGRADED
    robot.run(8.0)
    assert robot.state.state == FAILED
    robot.respawn('/b')
    robot.run(1.0)
    assert robot.state.state == READY


@pytest.mark.parametrize('moment', ['configure', 'activate'])
def test_a_node_killed_in_a_transition_is_brought_up_when_it_comes_back(moment):
    robot = Robot(*CHAIN)
    robot.nodes['/b'].dies_in = moment
    robot.run(3.0)
    assert robot.state.state == STARTING
    robot.respawn('/b')
    robot.until(lambda: robot.state.state == READY, 5.0)
    assert robot.states() == {'/a': 3, '/b': 3, '/c': 3}


def test_a_failed_repair_is_tried_again_and_nothing_else_is_touched():
    robot = up(*CHAIN)
    robot.made.clear()
    robot.nodes['/b'].fails['configure'] = 'busy'
    robot.respawn('/b')
    robot.run(0.5)
    assert robot.state.state == FAILED
    assert robot.state.reason == '/b: configure: busy'
    robot.nodes['/b'].fails.clear()
    robot.run(2.0)
    assert robot.made == ['configure /b failed', 'configure /b', 'activate /b']
    assert robot.state.state == READY


def test_a_node_that_was_deactivated_behind_the_managers_back_is_activated_again():
    robot = up(*CHAIN)
    robot.nodes['/b'].state = 2
    robot.run(2.0)
    assert robot.states()['/b'] == 3


def crash(robot, name, times):
    for _ in range(times):
        robot.kill(name)
        robot.run(1.5)
        robot.respawn(name)
        robot.run(0.5)


def test_a_crash_loop_is_failed_until_the_node_stays_up():
    policy = RestartPolicy(max=3, window_s=60.0, stays_up_s=10.0)
    robot = up(core('/a'), core('/b', restart=policy))
    crash(robot, '/b', 3)
    assert robot.state.state == READY
    crash(robot, '/b', 1)
    assert robot.state.state == FAILED
    assert robot.state.reason == '/b: crash loop: more than 3 restarts in 60 s'
    assert robot.states()['/b'] == 3  # it may prove itself
    robot.run(8.0)
    assert robot.state.state == FAILED
    robot.run(4.0)
    assert robot.state.state == READY
    assert list(robot.state.restarts) == [0, 4]


def test_a_crash_loop_in_the_start_rolls_back_and_is_named():
    policy = RestartPolicy(max=2, window_s=60.0, stays_up_s=5.0)
    robot = Robot(core('/a'), core('/b', restart=policy))
    for _ in range(3):
        robot.nodes['/b'].dies_in = 'configure'
        robot.run(1.5)
        robot.respawn('/b')
    robot.run(0.5)
    assert robot.state.state == FAILED
    assert robot.state.reason == '/b: crash loop: more than 2 restarts in 60 s'
    assert robot.states()['/a'] == 1
    robot.until(lambda: robot.state.state == READY, 20.0)  # it has stayed up


def test_restarts_that_are_far_apart_are_no_crash_loop():
    policy = RestartPolicy(max=1, window_s=10.0)
    robot = up(core('/a', restart=policy))
    for _ in range(4):
        crash(robot, '/a', 1)
        assert robot.state.state == READY
        robot.run(10.0)


def beat_of_older(robot, name, pid=1234):
    robot.manager.on_heartbeat(
        NodeHeartbeat(node=name, instance_id=f'{name}-1', pid=pid, state=1), robot.now
    )


def test_two_processes_of_one_name_are_called_that_and_no_crash_loop():
    robot = up(core('/a'), core('/b', restart=RestartPolicy(max=2)))
    robot.respawn('/b')  # /b-1 lives on
    for _ in range(30):
        robot.run(0.2)
        beat_of_older(robot, '/b')
    assert list(robot.state.restarts) == [0, 1]
    assert robot.state.state == DEGRADED
    assert robot.state.reason == ('/b: two processes are named /b: 1234 and 4711; end one of them')
    assert robot.made.count('configure /b') == 2
    robot.run(1.5)  # the older one has been ended
    assert robot.state.state == READY


def test_of_two_processes_of_one_name_the_one_that_is_left_is_managed():
    robot = up(core('/a'))
    robot.respawn('/a')
    robot.run(2.0)
    beat_of_older(robot, '/a')
    robot.kill('/a')
    robot.run(1.4)
    assert robot.state.node_states[0] == 0
    beat_of_older(robot, '/a')
    assert robot.state.node_states[0] == 1
    assert list(robot.state.restarts) == [1]


def test_a_last_beat_of_a_process_that_was_replaced_changes_nothing():
    robot = up(core('/a'))
    robot.respawn('/a')
    beat_of_older(robot, '/a')
    robot.run(0.2)
    assert robot.state.state == READY
    assert list(robot.state.restarts) == [1]


def test_a_degraded_node_degrades_the_system_and_says_why():
    robot = up(*CHAIN)
    robot.nodes['/b'].more = {'degraded': True, 'status': 'captions only'}
    robot.run(0.5)
    assert robot.state.state == DEGRADED
    assert robot.state.reason == '/b: captions only'


def test_nodes_of_another_namespace_are_not_ours():
    robot = Robot(core('/r1/a'))
    other = NodeHeartbeat(node='/r2/a', instance_id='x', state=1)
    assert not robot.manager.on_heartbeat(other, robot.now)
    robot.run(1.0)
    assert robot.made == ['configure /r1/a', 'activate /r1/a']


# ---- safety -------------------------------------------------------------------------------------


def test_a_safety_node_is_never_managed_and_what_requires_it_waits_for_its_beat():
    robot = Robot(safety('/estop'), core('/bridge', '/estop'))
    robot.nodes['/estop'].alive = False
    robot.run(2.0)
    assert robot.states()['/bridge'] == 2
    robot.respawn('/estop')
    robot.run(1.0)
    assert robot.states() == {'/estop': 1, '/bridge': 3}
    assert robot.state.state == READY
    for command in ('pause', 'reset', 'shutdown'):
        robot.command(command)
        with pytest.raises(CommandRefused, match='never managed'):
            robot.command(command, 'estop')
    assert not any('/estop' in line for line in robot.made)


def test_a_silent_safety_node_is_told_of():
    robot = up(safety('/estop'), core('/a'))
    robot.kill('/estop')
    robot.run(1.4)
    assert robot.state.state == DEGRADED
    assert robot.state.reason.startswith('/estop: no heartbeat')


# ---- commands -----------------------------------------------------------------------------------

DOWN = ['deactivate /c', 'deactivate /b', 'deactivate /a']


def test_pause_and_resume_are_in_order_and_idempotent():
    robot = up(*CHAIN)
    robot.made.clear()
    assert robot.command('pause').success
    assert robot.made == DOWN
    assert robot.state.state == STOPPED
    assert robot.state.reason == 'pause'
    assert reason(robot, '/a') == 'paused'
    assert robot.command('pause').success
    assert robot.made == DOWN
    assert robot.command('resume').success
    assert robot.command('resume').success
    assert robot.made == [*DOWN, 'activate /a', 'activate /b', 'activate /c']
    assert robot.state.state == READY


def test_reset_takes_down_in_reverse_order_and_startup_brings_back():
    robot = up(*CHAIN)
    robot.made.clear()
    assert robot.command('reset').success
    assert robot.states() == {'/a': 1, '/b': 1, '/c': 1}
    down = [line for line in robot.made if line.startswith('cleanup')]
    assert down == ['cleanup /c', 'cleanup /b', 'cleanup /a']
    assert robot.command('startup').success
    assert robot.state.state == READY


def test_shutdown_ends_in_finalized_and_only_a_new_process_comes_up_again():
    robot = up(*CHAIN)
    assert robot.command('shutdown').success
    assert robot.states() == {'/a': 4, '/b': 4, '/c': 4}
    outcome = robot.command('startup')
    assert not outcome.success
    assert 'restart it' in outcome.message
    for name in robot.nodes:
        robot.respawn(name)
    robot.run(3.0)
    assert robot.states() == {'/a': 1, '/b': 1, '/c': 1}  # down is down
    assert robot.command('startup').success


def test_pausing_one_node_pauses_what_requires_it_and_nothing_else():
    robot = up(*CHAIN)
    robot.made.clear()
    assert robot.command('pause', 'b').success
    assert robot.states() == {'/a': 3, '/b': 2, '/c': 2}
    assert robot.state.state == DEGRADED
    assert robot.command('resume', 'c').success  # and with it what it requires
    assert robot.state.state == READY


def test_a_paused_node_that_is_restarted_comes_back_paused():
    robot = up(*CHAIN)
    robot.command('pause', 'c')
    robot.kill('/c')
    robot.run(1.5)
    robot.respawn('/c')
    robot.run(1.0)
    assert robot.states() == {'/a': 3, '/b': 3, '/c': 2}


def test_a_start_of_a_node_by_name_fails_with_it_even_if_it_is_optional():
    robot = Robot(core('/a'), optional('/face'), autostart=False)
    robot.nodes['/face'].fails['configure'] = 'RuntimeError: no GL'
    robot.run(0.5)
    outcome = robot.command('startup')
    assert outcome.success
    assert outcome.message.startswith('degraded: /face: configure: RuntimeError: no GL')
    outcome = robot.command('startup', 'face')
    assert not outcome.success
    assert outcome.message == '/face: configure: RuntimeError: no GL'


def test_configure_and_cleanup_go_half_way():
    robot = Robot(*CHAIN, autostart=False).run(0.5)
    assert robot.command('configure').success
    assert robot.states() == {'/a': 2, '/b': 2, '/c': 2}
    assert robot.command('cleanup', '/b').success
    assert robot.states() == {'/a': 2, '/b': 1, '/c': 2}
    with pytest.raises(CommandRefused, match='/b: not configured; use startup'):
        robot.command('resume')
    robot.command('startup')
    with pytest.raises(CommandRefused, match='active; use reset'):
        robot.command('cleanup')


def test_an_unknown_node_or_command_is_refused_with_a_suggestion():
    robot = up(core('/dialogue'))
    with pytest.raises(CommandRefused, match="no node 'dialog' is managed here; did you mean"):
        robot.command('pause', 'dialog')
    with pytest.raises(CommandRefused, match='command 99 is not known'):
        robot.manager.command(99, [], robot.now)


def test_a_dry_run_tells_exactly_the_steps_and_does_nothing():
    robot = up(*CHAIN)
    robot.made.clear()
    plan = robot.plan('reset')
    assert robot.run(1.0).made == []
    robot.command('reset')
    assert plan == robot.made
    assert robot.plan('reset') == []
    assert robot.plan('startup')[0] == 'configure /a, /b, /c (in parallel)'


def test_a_dry_run_names_what_cannot_be_reached():
    robot = up(*CHAIN)
    robot.kill('/b')
    robot.run(1.5)
    assert robot.plan('pause')[-1] == 'cannot reach: /b'


def test_the_same_command_twice_at_once_is_one_and_another_takes_over():
    robot = Robot(*CHAIN, autostart=False)
    robot.nodes['/c'].takes['configure'] = 5.0
    robot.run(0.5)
    first = robot.manager.command(1, [], robot.now)
    robot.run(0.5)
    assert robot.manager.command(1, [], robot.now) == first
    assert robot.command('reset').success
    assert robot.states() == {'/a': 1, '/b': 1, '/c': 1}
    assert robot.state.state == STOPPED


def test_what_hangs_does_not_hold_up_a_shutdown_for_ever():
    robot = up(*CHAIN, timing=Timing(step_s=5.0))
    robot.nodes['/b'].hangs = True
    robot.run(0.2)  # not missed yet: it is asked, and does not answer
    outcome = robot.command('shutdown')
    assert robot.states() == {'/a': 4, '/b': 3, '/c': 4}
    assert '/b' in outcome.message


def test_every_command_ends_in_bounded_time_whatever_the_nodes_do():
    timing = Timing(appear_s=5.0, step_s=3.0, down_s=10.0)
    for trouble in ('hangs', 'dead', 'deaf'):
        for command in ('startup', 'configure', 'pause', 'reset', 'shutdown'):
            robot = Robot(
                core('/a', configure_timeout_s=4.0), core('/b', '/a'), autostart=False,
                timing=timing,
            )  # fmt: skip
            robot.run(0.5)
            node = robot.nodes['/a']
            node.hangs, node.alive = trouble == 'hangs', trouble != 'dead'
            node.deaf = 10**9 if trouble == 'deaf' else 0
            robot.command(command)  # fails the test if it does not end


def test_the_table_of_diagnostics_tells_level_engine_queues_and_the_last_error():
    from tektra.lifecycle_manager.report import diagnostics

    robot = up(*CHAIN)
    robot.nodes['/a'].more = {
        'backend': 'silero',
        'queues': ['mic'],
        'queue_depth': [2],
        'queue_dropped': [7],
        'loop_lag_s': 0.9,
    }
    robot.nodes['/c'].alive = False
    robot.run(2.0)
    rows = {row.name: row for row in diagnostics(robot.manager)}
    values = {pair.key: pair.value for pair in rows['tektra: /a'].values}
    assert values['backend'] == 'silero'
    assert values['queue mic: dropped'] == '7'
    assert values['loop lag (s)'] == '0.900'
    assert rows['tektra: /a'].level == b'\x01'
    assert rows['tektra: /b'].level == b'\x00'
    assert rows['tektra: /c'].level == b'\x03'
    assert rows['tektra: system'].level == b'\x01'
