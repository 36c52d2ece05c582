"""What stops, what the state says of it, and how often it is said."""

import pytest
from estop_room import MS, Room
from tektra_msgs.msg import EstopState, StopRequest

from tektra.estop.latch import Found, Record

STOPPED, RESETTING, CLEAR = (
    EstopState.STATE_STOPPED,
    EstopState.STATE_RESETTING,
    EstopState.STATE_CLEAR,
)


def past(**changes):
    fields = {
        'stop_id': 41,
        'source': 'cli',
        'reason': 'smoke',
        'category': StopRequest.CATEGORY_1,
        'since': 'noon',
        'cleared': False,
    }
    return Found(Record(**{**fields, **changes}))


def test_it_boots_stopped():
    seen = Room().look()
    assert seen.state == STOPPED
    assert seen.stop_id == 1
    assert seen.reason.startswith('startup; before it: there is no latch file')
    assert seen.reset_nonce


def test_it_boots_stopped_with_the_next_stop_id_and_says_what_was_before():
    seen = Room(found=past()).look()
    assert (seen.state, seen.stop_id) == (STOPPED, 42)
    assert seen.reason == ('startup; before it: stop 41 of noon by cli: smoke (was not reset)')


def test_starts_in_a_row_still_say_what_the_last_real_stop_was():
    room = Room(found=past())
    for _ in range(5):
        room = Room(found=Found(room.core.record()))
    assert room.seen.stop_id == 47
    assert room.seen.reason.count('before it') == 1
    assert 'by cli: smoke' in room.seen.reason


def test_a_damaged_latch_file_is_told_in_the_reason():
    assert 'is damaged' in Room(found=Found(trouble='x.json is damaged')).seen.reason


def test_what_was_not_reset_before_the_start_stays_as_severe():
    assert Room(found=past(category=1)).seen.category == StopRequest.CATEGORY_0
    assert Room(found=past(category=1, cleared=True)).seen.category == StopRequest.CATEGORY_1


@pytest.mark.parametrize('level', (StopRequest.LEVEL_UNKNOWN, StopRequest.LEVEL_STOP, 77))
def test_everything_but_a_hold_stops(level):
    room = Room().to_clear()
    room.ask(level=level)
    assert room.look().state == STOPPED
    assert room.seen.reason == 'cli: because'


def test_a_hold_is_left_to_the_gate():
    room = Room().to_clear()
    room.ask(level=StopRequest.LEVEL_HOLD)
    room.ask(level=StopRequest.LEVEL_HOLD, fleet=True)
    assert room.look().state == CLEAR


def test_the_service_stops():
    room = Room().to_clear()
    room.core.on_stop_service(room.now_ns)
    assert room.look().state == STOPPED


def test_a_request_without_an_id_stops():
    room = Room().to_clear()
    room.ask(request_id='')
    assert room.look().state == STOPPED
    assert list(room.seen.request_ids) == []


def test_a_stop_has_a_new_id_and_a_new_nonce():
    room = Room().to_clear()
    before, used = room.seen.stop_id, room.seen.reset_nonce
    assert used == ''
    room.ask()
    assert room.look().stop_id == before + 1
    assert room.seen.reset_nonce


def test_a_flood_of_requests_is_one_stop_with_the_newest_sixteen_ids():
    room = Room().to_clear()
    before = room.seen.stop_id
    for n in range(5000):
        room.ask(source=f's{n}', request_id=f'r{n}')
    assert room.look().stop_id == before + 1
    assert list(room.seen.request_ids) == [f'r{n}' for n in range(4984, 5000)]
    assert len(room.seen.reason) < 1000


def test_a_flood_is_published_at_200_hz_at_most_and_the_first_at_once():
    room = Room().to_clear()
    published = []
    for n in range(5000):  # 5 kHz for a second
        room.ask(request_id=f'r{n}')
        if room.core.due(room.now_ns):
            published.append((n, room.look().seq))
        room.now_ns += MS // 5
    assert published[0][0] == 0
    assert 190 <= len(published) <= 201
    assert [seq for _, seq in published] == list(range(published[0][1], published[-1][1] + 1))


def test_a_new_stop_does_not_wait_for_the_change_before_it():
    room = Room()
    room.pass_ms(100)
    assert room.reset().success
    assert room.core.due(room.now_ns)
    room.look()
    room.ask()
    assert room.core.due(room.now_ns)


def test_a_repeated_request_is_no_news():
    room = Room().to_clear()
    room.ask(request_id='one')
    nonce = room.look().reset_nonce
    room.now_ns += 50 * MS
    room.ask(request_id='one')
    assert not room.core.due(room.now_ns)
    assert room.look().reset_nonce == nonce


def test_a_megabyte_of_reason_is_cut():
    room = Room().to_clear()
    room.ask(source='s' * 10**6, reason='r\x1b[2J' + 'r' * 10**6, request_id='i' * 10**6)
    seen = room.look()
    assert len(seen.reason) < 400
    assert seen.reason.isprintable()
    assert len(seen.request_ids[0]) == 128


@pytest.mark.parametrize(
    ('asked', 'in_force'),
    (
        (StopRequest.CATEGORY_UNSET, StopRequest.CATEGORY_1),
        (StopRequest.CATEGORY_0, StopRequest.CATEGORY_0),
        (StopRequest.CATEGORY_2, StopRequest.CATEGORY_2),
        (200, StopRequest.CATEGORY_1),
    ),
)
def test_the_category_is_the_requests_or_that_of_the_file(asked, in_force):
    room = Room().to_clear()
    room.ask(category=asked)
    assert room.look().category == in_force


def test_severity_only_rises_while_stopped():
    room = Room().to_clear()
    seen = []
    for asked in (StopRequest.CATEGORY_2, StopRequest.CATEGORY_UNSET, StopRequest.CATEGORY_2):
        room.ask(category=asked, request_id='same')
        seen.append(room.look().category)
    room.ask(category=StopRequest.CATEGORY_0, request_id='same')
    room.ask(category=StopRequest.CATEGORY_1)
    assert [*seen, room.look().category] == [3, 2, 2, 1]


def test_a_further_demand_names_who_else_asked():
    room = Room().to_clear()
    room.ask()
    room.ask(source='button', reason='pressed')
    room.ask(source='button')
    assert room.look().reason == 'cli: because (also: button)'


def test_a_stop_during_the_startup_stop_is_a_stop_of_its_own():
    """Who resets a start-up by itself must not undo what a person has asked for meanwhile."""
    room = Room()
    room.pass_ms(100)
    automatic = room.request()
    room.ask(source='button', reason='pressed')
    assert not room.core.reset(automatic, room.now_ns).success
    assert room.look().stop_id == 2
    assert room.seen.reason == 'button: pressed'


@pytest.mark.parametrize(('policy', 'state'), (('stop', STOPPED), ('ignore', CLEAR)))
def test_the_fleet_is_obeyed_as_the_file_says(policy, state):
    room = Room(fleet=policy).to_clear()
    room.ask(fleet=True)
    assert room.look().state == state
    room.ask()
    assert room.look().state == STOPPED


def test_the_reason_says_that_it_came_from_the_fleet():
    room = Room().to_clear()
    room.ask(fleet=True)
    assert room.look().reason == 'fleet/cli: because'


def test_estop_that_did_not_run_while_clear_stops():
    room = Room().to_clear()
    room.now_ns += 700 * MS
    room.core.tick(room.now_ns)
    assert room.look().state == STOPPED
    assert room.seen.reason == 'estop: estop itself did not run for 0.7 s (suspended or frozen)'


def test_a_backlog_that_is_read_before_the_tick_does_not_hide_a_freeze():
    room = Room(required={'button': 0.3}).to_clear()
    room.now_ns += 3600 * 10**9
    room.say_gate()
    room.beat('button')
    assert room.look().state == STOPPED
    assert 'did not run for 3600.0 s' in room.seen.reason


def test_a_clock_that_goes_back_stops():
    room = Room().to_clear()
    room.core.tick(room.now_ns - 1)
    assert room.look().state == STOPPED


def test_a_gate_that_falls_silent_while_clear_is_a_stop():
    room = Room().to_clear()
    room.gate_runs = False
    room.pass_ms(300)
    assert room.seen.state == CLEAR
    room.pass_ms(25)
    assert room.seen.state == STOPPED
    assert room.seen.reason == 'estop: robot_gate has been silent for 0.3 s'


def test_a_gate_that_was_never_heard_is_only_a_status():
    room = Room()
    room.gate_runs = False
    room.pass_ms(1000)
    assert room.seen.stop_id == 1
    assert room.core.status(room.now_ns) == 'robot_gate has not been heard'


def test_a_gate_that_is_started_again_while_clear_is_a_stop():
    room = Room().to_clear()
    room.gate = room.new_gate('gate-2')
    room.pass_ms(25)
    assert room.seen.state == STOPPED
    assert room.seen.reason == 'estop: robot_gate has been started again'


def test_two_gates_are_a_stop_and_block_the_reset_until_one_has_gone():
    room = Room().to_clear()
    other = room.new_gate('gate-2')
    for _ in range(3):
        room.say_gate(other)
        room.pass_ms(25)
    assert room.seen.state == STOPPED
    assert list(room.seen.reset_blockers) == [
        'two robot_gates speak; end one of them and wait 2 s'
    ]
    room.pass_ms(2100)
    room.to_clear()


def test_old_words_of_the_gate_do_not_count_as_life():
    room = Room().to_clear()
    for _ in range(14):
        room.now_ns += 25 * MS
        room.core.on_gate_state(room.gate, room.now_ns)  # the same seq again and again
        room.core.tick(room.now_ns)
    assert room.look().state == STOPPED


def test_a_second_estop_is_a_stop_and_blocks_the_reset_until_it_has_gone():
    room = Room().to_clear()
    room.core.on_other_estop('estop-2', room.now_ns)
    assert room.look().state == STOPPED
    assert 'a second estop (instance estop-2)' in room.seen.reason
    stop_id = room.seen.stop_id
    for _ in range(100):
        room.core.on_other_estop('estop-2', room.now_ns)
    room.pass_ms(1000)
    assert room.seen.stop_id == stop_id
    assert not room.reset().success
    assert 'second estop' in room.core.status(room.now_ns)
    room.pass_ms(1100)
    room.to_clear()


def test_leaving_is_a_stop():
    room = Room().to_clear()
    room.core.on_exit(room.now_ns)
    assert room.look().state == STOPPED
    assert room.seen.reason == 'estop: estop is shut down'
    before = room.seen.stop_id
    room.core.on_exit(room.now_ns)
    assert room.look().stop_id == before


def test_every_message_has_its_own_seq():
    room = Room()
    seqs = [room.look().seq for _ in range(5)]
    assert seqs == list(range(seqs[0], seqs[0] + 5))


def test_since_is_when_the_state_began():
    room = Room().to_clear()
    since = room.seen.since
    room.pass_ms(3000)
    assert room.seen.since == since
    room.ask()
    assert room.look().since.sec > since.sec


def test_a_clear_state_has_neither_reason_nor_requests_nor_a_nonce():
    room = Room()
    room.ask(request_id='old')
    room.look()
    room.to_clear()
    seen = room.seen
    assert (seen.reason, seen.reset_nonce) == ('', '')
    assert list(seen.request_ids) == list(seen.reset_blockers) == []
