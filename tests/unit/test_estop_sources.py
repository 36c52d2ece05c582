"""Who watches: assertions, silence, and beats that are out of order."""

from estop_room import Room
from tektra_msgs.msg import EstopState

STOPPED, CLEAR = EstopState.STATE_STOPPED, EstopState.STATE_CLEAR


def watched():
    return Room(required={'button': 0.3})


def test_a_required_source_that_was_never_heard_counts_as_silent():
    room = watched()
    del room.beats['button']
    room.pass_ms(100)
    assert list(room.seen.active_sources) == ['button']
    answer = room.reset()
    assert not answer.success
    assert answer.message == (
        "source 'button' has never been heard; start it, or look at its link"
    )


def test_a_required_source_that_falls_silent_is_a_stop():
    room = watched().to_clear()
    del room.beats['button']
    room.pass_ms(300)
    assert room.seen.state == CLEAR
    room.pass_ms(25)
    assert room.seen.state == STOPPED
    assert room.seen.reason == "button: source 'button' has been silent for 0.3 s"
    assert list(room.seen.active_sources) == ['button']


def test_one_beat_is_not_enough_to_be_alive():
    room = Room(required={'button': 0.3})
    del room.beats['button']
    room.pass_ms(100)
    room.beat('button')
    assert 'begun anew' in room.reset().message
    room.beat('button')
    assert room.reset().success


def test_an_assertion_is_a_stop_at_once_and_stays_until_it_is_taken_back():
    room = watched().to_clear()
    room.asserts.add('button')
    room.beat('button', asserted=True, reason='pressed')
    assert room.look().state == STOPPED
    assert room.seen.reason == 'button: pressed'
    room.pass_ms(500)
    assert list(room.seen.active_sources) == ['button']
    assert 'release it there' in room.reset().message
    room.asserts.clear()
    room.to_clear()


def test_a_held_button_is_one_stop():
    room = watched().to_clear()
    room.asserts.add('button')
    room.pass_ms(25)
    stop_id = room.seen.stop_id
    room.pass_ms(2000)
    assert room.seen.stop_id == stop_id


def test_an_asserting_source_that_dies_keeps_the_robot_stopped():
    room = watched().to_clear()
    room.asserts.add('button')
    room.pass_ms(25)
    del room.beats['button']
    room.pass_ms(60_000)
    assert 'it is silent now: bring it back' in room.reset().message
    room.asserts.clear()
    room.beat('button', instance='b', seq=1)
    assert list(room.look().active_sources) == ['button']
    room.beat('button', instance='b', seq=2)
    assert list(room.look().active_sources) == []


def test_a_source_that_is_started_again_while_clear_is_a_stop():
    room = watched().to_clear()
    room.beat('button', instance='b', seq=1)
    room.core.tick(room.now_ns)
    assert room.look().state == STOPPED
    assert room.seen.reason == (
        "button: source 'button' has begun anew, or its beats are out of order"
    )


def test_a_seq_that_goes_back_is_a_stop():
    room = watched().to_clear()
    room.beat('button', seq=2)
    room.core.tick(room.now_ns)
    assert room.look().state == STOPPED


def test_a_repeated_beat_is_no_sign_of_life():
    room = watched().to_clear()
    last = room.beats.pop('button')
    for _ in range(13):
        room.pass_ms(25)
        room.beat('button', seq=last)
        del room.beats['button']
    assert room.seen.state == STOPPED
    assert 'silent for 0.3 s' in room.seen.reason


def test_an_old_release_does_not_take_an_assertion_back():
    room = watched().to_clear()
    room.beat('button', asserted=True)
    room.beat('button', seq=3, asserted=False)
    assert 'demands a stop' in room.reset(reset_nonce=room.look().reset_nonce).message


def test_two_senders_of_one_name_never_count_as_alive():
    room = watched()
    del room.beats['button']
    for seq in range(1, 20):
        room.beat('button', instance='a', seq=seq)
        room.beat('button', instance='b', seq=seq)
    assert 'begun anew' in room.core.blockers(room.now_ns)[0]


def test_an_unknown_source_may_assert_but_its_silence_is_no_stop():
    room = Room().to_clear()
    room.beat('passer-by')
    del room.beats['passer-by']
    room.pass_ms(10_000)
    assert room.seen.state == CLEAR
    room.beat('passer-by', seq=2, asserted=True)
    assert room.look().state == STOPPED
    assert list(room.seen.active_sources) == ['passer-by']


def test_thousands_of_names_take_no_memory_and_every_assertion_counts():
    room = Room()
    for n in range(5000):
        room.beat(f's{n}', seq=1, asserted=True)
    room.beats.clear()
    assert len(room.look().active_sources) == 33
    assert any('find out who sends so many names' in b for b in room.seen.reset_blockers)
    fresh = Room().to_clear()
    for n in range(5000):
        fresh.beat(f's{n}', seq=1)
    fresh.beats.clear()
    assert fresh.look().state == CLEAR
    fresh.beat('s4999', seq=2, asserted=True)
    assert fresh.look().state == STOPPED


def test_a_megabyte_of_a_sources_reason_is_cut():
    room = Room().to_clear()
    room.beat('b' * 10**6, instance='i' * 10**6, asserted=True, reason='r' * 10**6)
    seen = room.look()
    assert len(seen.reason) < 400
    assert len(seen.active_sources[0]) == 64
