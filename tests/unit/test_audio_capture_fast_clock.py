"""Simulated time: as fast as the slowest participant, still while anyone is busy."""

from tektra.audio_capture.fast_clock import QUIET_NS, WIDE, FastClock
from tektra.audio_capture.framing import CHUNK_NS

S = 1_000_000_000
START = 100 * S


def clock(*names, window=2):
    made = FastClock(START, names, 0, window=window)
    for name in names:
        made.on_progress(name, START, False, 0)
    return made


def run_silence(made, names, chunks):
    """Let time run through silence that everybody handles at once; return the bursts."""
    bursts, target = [], made.now_ns + chunks * CHUNK_NS
    while made.now_ns < target:
        allowed = made.allowance(0)
        assert allowed
        bursts.append(allowed)
        made.advance(allowed, 0)
        for name in names:
            made.on_progress(name, made.now_ns, False, 0)
    return bursts


def test_nothing_is_sent_before_every_participant_has_joined():
    made = FastClock(START, ('vad', 'stt'), 0)
    made.on_progress('vad', START, False, 0)
    assert made.allowance(0) == 0
    made.on_progress('stt', START, False, 0)
    assert made.allowance(0) == 1


def test_time_runs_at_most_a_window_ahead_of_the_slowest():
    made = clock('vad', 'stt', window=2)
    for _ in range(2):
        assert made.allowance(0) == 1
        made.advance(1, 0)
    assert made.allowance(0) == 0
    made.on_progress('vad', made.now_ns, False, 0)
    assert made.allowance(0) == 0
    made.on_progress('stt', made.now_ns - CHUNK_NS, False, 0)
    assert made.allowance(0) == 1


def test_time_stands_still_while_anyone_is_busy():
    made = clock('stt')
    made.advance(1, 0)
    made.on_progress('stt', made.now_ns, True, 0)
    assert made.allowance(0) == 0
    made.on_progress('stt', made.now_ns, False, 0)
    assert made.allowance(0) == 1


def test_the_window_grows_when_nothing_happens_and_shrinks_at_a_sound():
    made = clock('vad')
    bursts = run_silence(made, ['vad'], QUIET_NS // CHUNK_NS + 200)
    assert set(bursts[:60]) == {1}
    assert bursts[-1] == WIDE // 2
    made.advance(made.allowance(0), 0)
    assert made.allowance(0) == WIDE // 2  # half may be on its way while the other half is sent
    made.advance(WIDE // 2, 0)
    assert made.allowance(0) == 0
    made.on_sound()
    made.on_progress('vad', made.now_ns - 3 * CHUNK_NS, False, 0)
    assert made.allowance(0) == 0  # the sound waits until the silence before it is handled
    made.on_progress('vad', made.now_ns, False, 0)
    assert made.allowance(0) == 1


def test_the_window_stays_small_while_a_turn_is_open_or_a_reply_is_played():
    for tell in (FastClock.on_turn, FastClock.on_playback):
        made = clock('vad')
        tell(made, True)
        assert set(run_silence(made, ['vad'], 200)) == {1}
        tell(made, False)
        assert run_silence(made, ['vad'], 200)[-1] == WIDE // 2


def test_a_dead_participant_is_dropped_after_its_time_and_returns_by_itself():
    made = clock('vad', 'stt')
    for _ in range(2):
        made.advance(1, 0)
    made.on_progress('vad', made.now_ns, False, 9 * S)
    assert made.drop_dead(9 * S) == []
    assert made.drop_dead(11 * S) == ['stt']
    assert made.drop_dead(11 * S) == []
    assert made.allowance(11 * S) == 1
    made.on_progress('stt', made.now_ns, True, 12 * S)
    assert made.allowance(12 * S) == 0


def test_a_busy_participant_that_answers_is_not_dropped():
    made = clock('stt')
    made.advance(1, 0)
    for wall in range(1, 60):
        made.on_progress('stt', made.now_ns, True, wall * S)
        assert made.drop_dead(wall * S) == []


def test_without_participants_time_runs_as_fast_as_real_time():
    made = FastClock(START, (), 0)
    sent = 0
    for wall in range(0, 10 * S, 5_000_000):
        if made.allowance(wall):
            made.advance(1, wall)
            sent += 1
    assert abs(sent - 10 * S // CHUNK_NS) <= 2


def test_time_can_be_held_to_real_time_after_it_ran_fast():
    made = clock('vad')
    run_silence(made, ['vad'], 3000)
    made.real_time = True
    begun, sent = made.now_ns, 0
    for wall in range(S, 2 * S, 4_000_000):
        if made.allowance(wall):
            sent += 1
            made.advance(1, wall)
        made.on_progress('vad', made.now_ns, False, wall)
    assert abs(sent - S // CHUNK_NS) <= 2
    assert made.now_ns - begun == sent * CHUNK_NS


def test_strangers_do_not_hold_time():
    made = clock('vad')
    made.on_progress('somebody', START, True, 0)
    assert made.allowance(0) == 1
