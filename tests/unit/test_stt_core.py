"""SttCore: what is decoded when, what is said of it, and what happens when things go wrong."""

import numpy as np
import pytest
from stt_room import CHUNK, Echo, Room
from tektra_msgs.msg import TurnState, VoiceActivity

from tektra.runtime.backends import BackendUnavailable


def test_an_utterance_gives_growing_partials_and_one_final():
    room = Room()
    room.quiet(1)
    room.say(101, 102, 103, 104)
    room.finish()
    assert [m.text for m in room.finals] == ['w101 w102 w103 w104']
    assert len(room.partials) >= 3
    revisions = [m.revision for m in room.out]
    assert revisions == sorted(set(revisions))
    assert room.finals[0].backend == 'echo'
    assert room.finals[0].language == 'en'


def test_stable_words_are_kept_by_every_later_partial():
    room = Room()
    room.say(*range(101, 121))
    room.finish()
    stable = ''
    for message in room.out:
        assert message.text.startswith(stable)
        stable = message.stable_text
    assert room.partials[-1].stable_text != ''
    assert room.finals[0].stable_text == room.finals[0].text


def test_half_a_second_before_the_start_is_decoded_too():
    room = Room()
    room.quiet(2)
    start = room.sample
    room.say(101)
    room.finish()
    final = room.finals[0]
    assert start - final.start_sample == 8000
    stamp = final.header.stamp
    assert stamp.sec * 10**9 + stamp.nanosec == final.start_sample * 62_500


def test_the_pre_roll_does_not_reach_back_before_the_stream():
    room = Room()
    room.say(101)
    room.finish()
    assert room.finals[0].start_sample == 0


def test_an_eager_end_brings_the_final_before_vad_ends_the_utterance():
    room = Room()
    room.say(101, 102)
    room.pause()
    assert room.finals == []
    room.eager_end()
    assert [m.text for m in room.finals] == ['w101 w102']
    assert room.finals[0].end_sample >= room.end
    room.finish()
    assert len(room.finals) == 1  # nothing new was said
    assert room.core.idle


def test_the_second_eager_end_of_the_same_pause_changes_nothing():
    room = Room()
    room.say(101)
    room.pause()
    room.eager_end()
    room.eager_end()
    assert len(room.finals) == 1


def test_an_eager_end_with_a_final_text_is_not_for_stt():
    room = Room()
    room.say(101)
    room.pause()
    room.eager_end(text_final=True)
    assert room.finals == []


def test_words_after_a_pause_are_decoded_together_with_those_before():
    room = Room()
    room.say(101, 102)
    room.pause()
    room.eager_end()
    room.say(103, 104)
    room.finish()
    assert [m.text for m in room.finals] == ['w101 w102', 'w101 w102 w103 w104']
    assert room.finals[1].revision > room.finals[0].revision
    assert room.jobs[-1].key != room.jobs[0].key
    assert room.backends['echo'].starts == 2


def test_a_long_segment_is_not_decoded_again_after_a_pause():
    room = Room(rejoin_s=1.0)
    room.say(*range(101, 111))
    room.pause()
    room.eager_end()
    fed = room.backends['echo'].fed
    room.say(111)
    room.finish()
    assert room.finals[-1].text == ' '.join(f'w{i}' for i in range(101, 112))
    assert room.backends['echo'].fed - fed < 2 * 16000


def test_a_final_that_comes_after_the_person_went_on_is_not_published_as_one():
    room = Room(rejoin_s=0.5)
    room.say(101, 102, 103)
    room.working = False
    room.pause()
    room.eager_end()
    job = room.core.next_job(room.now_ns)
    while job.want.value != 'final':
        room.core.on_result(room.engine.run(job, room.now_ns), room.now_ns)
        job = room.core.next_job(room.now_ns)
    room.say(104)
    room.out += room.core.on_result(room.engine.run(job, room.now_ns), room.now_ns)
    assert room.finals == []
    room.working = True
    room.finish()
    assert [m.text for m in room.finals] == ['w101 w102 w103 w104']


def test_an_aborted_utterance_is_answered_with_an_empty_final():
    room = Room()
    room.say(101, chunks=2)
    room.finish(VoiceActivity.EVENT_ABORT)
    assert [(m.text, bool(m.reject_reason)) for m in room.finals] == [('', True)]
    assert room.core.idle


def test_sound_without_words_is_rejected_as_noise():
    room = Room()
    room.say(50, 50)
    room.finish()
    assert [(m.text, m.reject_reason) for m in room.finals] == [('', 'noise')]


class Doubtful(Echo):
    def finish(self):
        from dataclasses import replace

        return replace(super().finish(), low_confidence=True, confidence=0.2)


@pytest.mark.parametrize(('probability', 'text'), [(0.5, ''), (0.9, 'w101 w102')])
def test_doubtful_words_are_noise_if_vad_doubts_the_speech_too(probability, text):
    room = Room({'echo': Doubtful()})
    room.say(101, 102, probability=probability)
    room.finish()
    final = room.finals[0]
    assert final.text == text
    assert final.reject_reason == ('' if text else 'noise')
    assert final.low_confidence is bool(text)


def test_two_utterances_in_a_row_are_kept_apart():
    room = Room()
    room.say(101)
    room.finish()
    room.say(102)
    room.finish()
    assert [(m.utterance_id, m.text) for m in room.finals] == [('u1', 'w101'), ('u2', 'w102')]


def test_the_end_of_an_utterance_waits_for_a_slow_engine_while_the_next_begins():
    room = Room()
    room.working = False
    room.say(101)
    room.finish()
    room.say(102)
    room.working = True
    room.finish()
    assert [(m.utterance_id, m.text) for m in room.finals] == [('u1', 'w101'), ('u2', 'w102')]


def test_two_minutes_without_a_pause_are_cut_into_segments_and_lose_no_word():
    room = Room(partial_every_s=1.0)
    values = [1000 + i for i in range(375)]
    rng = np.random.default_rng(1)
    for value in values:  # words of 0.26 s with short dips of 64 ms: no pause for vad
        room.say(value, chunks=8)
        for _ in range(2 if rng.random() < 0.8 else 6):
            room.chunk(int(rng.integers(1, 20)))
            room.end = room.sample
            room.vad()
    room.finish()
    heard = room.finals[0].text.split()
    assert len(room.finals) == 1
    assert list(dict.fromkeys(heard)) == [f'w{v}' for v in values]
    keys = {job.key for job in room.jobs}
    assert 6 <= len(keys) <= 10
    assert max(job.audio.size for job in room.jobs) <= 2 * 16000
    stable = ''
    for message in room.partials:
        assert message.text.startswith(stable)
        stable = message.stable_text


def test_an_engine_that_is_too_slow_loses_the_oldest_audio_and_it_is_counted():
    room = Room(backlog_s=5.0)
    room.working = False
    room.say(*range(101, 151))
    assert room.core.backlog_s <= 8
    room.working = True
    room.finish()
    assert room.core.dropped > 5 * 16000
    assert room.finals[0].text.endswith('w149 w150')


def test_an_engine_that_lags_by_less_than_the_backlog_loses_nothing():
    room = Room(backlog_s=30.0)
    room.working = False
    room.say(*range(101, 171))
    room.working = True
    room.finish()
    assert room.core.dropped == 0
    heard = room.finals[0].text.split()  # a word at a forced cut is heard in both halves
    assert list(dict.fromkeys(heard)) == [f'w{v}' for v in range(101, 171)]


def test_a_missing_chunk_is_heard_as_silence():
    room = Room()
    room.say(101)
    room.sample += 3 * CHUNK
    room.say(102)
    room.finish()
    assert room.core.gaps == 1
    assert room.finals[0].text == 'w101 w102'


def test_the_final_waits_for_audio_that_vad_has_heard_already():
    room = Room()
    room.say(101)
    room.pause()
    late = room.sample
    room.sample += 2 * CHUNK  # vad is ahead of our microphone queue
    room.vad(VoiceActivity.EVENT_SILENCE, False)
    room.eager_end()
    assert room.finals == []
    room.sample = late
    room.chunk(3)
    room.chunk(3)
    assert [m.text for m in room.finals] == ['w101']


def test_the_final_does_not_wait_for_ever_for_audio():
    room = Room()
    room.say(101)
    room.pause()
    room.sample += 20 * CHUNK
    room.vad(VoiceActivity.EVENT_SILENCE, False)
    room.eager_end()
    room.tick(0.3)
    assert room.finals == []
    room.tick(0.3)
    assert [m.text for m in room.finals] == ['w101']


def test_an_utterance_that_vad_has_left_open_is_finished():
    room = Room()
    room.say(101)
    room.quiet(2.2)
    assert [m.text for m in room.finals] == ['w101']
    assert room.core.idle


def test_the_utterance_of_a_stream_that_is_replaced_is_finished_with_what_was_heard():
    room = Room()
    room.say(101)
    old, old_sample = room.stream, room.sample
    room.stream, room.sample = 'other', 0
    room.chunk(3)
    room.stream, room.sample = old, old_sample
    room.vad(VoiceActivity.EVENT_END, False)
    room.tick(0.6)
    assert [(m.stream_id, m.text) for m in room.finals] == [('mic', 'w101')]


def test_a_stream_that_replaces_another_is_heard_from_its_first_utterance_on():
    room = Room()
    room.quiet(20.0)
    room.say(101)
    old, old_sample = room.stream, room.sample
    room.stream, room.sample = 'other', 0
    room.chunk(3)
    room.stream, room.sample = old, old_sample
    room.vad(VoiceActivity.EVENT_END, False)
    room.stream, room.sample, room.utterance = 'other', CHUNK, ''
    for value in (201, 202):
        room.quiet(1.0)
        room.say(value)
        room.finish()
    assert [(m.stream_id, m.text) for m in room.finals] == [
        ('mic', 'w101'),
        ('other', 'w201'),
        ('other', 'w202'),
    ]
    assert room.core.idle


def test_a_stream_whose_index_steps_back_is_heard_again():
    room = Room()
    room.quiet(20.0)
    room.say(101)
    room.sample = 0
    room.chunk(3)
    room.vad(VoiceActivity.EVENT_END, False)
    room.tick(0.6)
    room.utterance = ''
    room.quiet(1.0)
    room.say(201)
    room.finish()
    assert [m.text for m in room.finals] == ['w101', 'w201']


def test_a_vad_that_is_replaced_within_speech_costs_neither_half_its_words():
    room = Room()
    room.say(101, 102)
    room.quiet(0.1)  # the new vad loads; nobody ends the utterance of the old one
    room.utterance = ''
    room.say(103, 104)
    room.finish()
    first, second = room.finals
    assert first.utterance_id == 'u1'
    assert first.text.startswith('w101 w102')  # it listened until the new vad spoke
    assert (second.utterance_id, second.text) == ('u2', 'w103 w104')
    assert room.core.idle


def test_audio_that_an_utterance_waits_for_is_not_overtaken_by_the_next_one():
    room = Room()
    room.say(101)
    room.sample += 20 * CHUNK  # vad is ahead of the audio that has come here
    room.vad(VoiceActivity.EVENT_END, False)
    room.start, room.utterance, room.end = room.sample - 5 * CHUNK, 'u2', room.sample
    room.vad(VoiceActivity.EVENT_START)
    room.sample -= 20 * CHUNK
    for value in [3] * 15 + [201] * 10:
        room.chunk(value)
    room.vad(VoiceActivity.EVENT_END, False)
    room.tick(0.6)
    assert [(m.utterance_id, m.text) for m in room.finals] == [('u1', 'w101'), ('u2', 'w201')]


def test_a_recogniser_that_joins_in_the_middle_of_an_utterance_hears_the_rest():
    room = Room()
    room.utterance, room.start, room.paused, room.sample = 'u9', 100 * CHUNK, False, 120 * CHUNK
    room.say(101, 102)
    room.finish()
    assert [(m.utterance_id, m.text) for m in room.finals] == [('u9', 'w101 w102')]


def test_an_utterance_that_was_never_heard_is_answered_with_the_reason():
    room = Room()
    room.quiet(0.1)
    room.eager_end('u7')
    room.eager_end('u7')
    assert [(m.utterance_id, m.text, m.is_final) for m in room.out] == [('u7', '', True)]
    assert 'just started' in room.finals[0].reject_reason


def test_an_utterance_that_was_asked_for_too_early_is_heard_when_the_person_goes_on():
    room = Room()
    room.quiet(0.1)
    room.utterance, room.start, room.paused = 'u7', 0, True
    room.eager_end('u7')
    room.say(101)
    room.finish()
    assert [(m.text, m.is_final) for m in room.finals] == [('', True), ('w101', True)]
    revisions = [m.revision for m in room.out]
    assert revisions == sorted(set(revisions))


def test_a_typed_turn_is_not_for_stt():
    room = Room()
    room.out += room.core.on_turn_state(
        TurnState(
            phase=TurnState.PHASE_EAGER_END, source=TurnState.SOURCE_TEXT, utterance_ids=['t']
        ),
        0,
    )
    assert room.out == []


def test_a_turn_ended_by_hand_while_the_person_speaks_gets_its_final():
    room = Room()
    room.say(101, 102)
    room.eager_end()
    assert [m.text for m in room.finals] == ['w101 w102']


def test_a_recogniser_that_breaks_in_an_utterance_loses_no_word():
    first, second = Echo(), Echo()
    first.fail_after = 16000
    room = Room({'first': first, 'second': second})
    room.say(101, 102, 103, 104, 105, 106)
    room.finish()
    assert [(m.text, m.backend) for m in room.finals] == [
        ('w101 w102 w103 w104 w105 w106', 'second')
    ]
    assert first.closed
    assert 'crashed' in room.states[-1].event


def test_without_any_recogniser_a_final_says_why_it_is_empty():
    only = Echo()
    only.fail_after = 16000
    room = Room({'only': only, 'none': BackendUnavailable('no weights; pull them')})
    room.say(101, 102, 103, 104)
    room.finish()
    assert room.finals[0].text == ''
    assert 'no weights; pull them' in room.finals[0].reject_reason


def test_a_broken_recogniser_is_tried_again_between_utterances():
    first, second = Echo(), Echo()
    first.fail_after = 8000
    room = Room({'first': first, 'second': second})
    room.say(101, 102)
    room.finish()
    first.fail_after = None
    room.engine.maintain(room.now_ns + 10 * 10**9)
    room.say(103)
    room.finish()
    assert [m.backend for m in room.finals] == ['second', 'first']


def test_the_time_from_the_request_to_the_final_is_told():
    room = Room()
    room.say(101)
    room.pause()
    room.working = False
    room.eager_end()
    room.now_ns += 250_000_000
    room.working = True
    room.work()
    assert room.finals[0].latency_s >= 0.25
    assert all(m.latency_s == 0 for m in room.partials)


def test_memory_stays_bounded_over_many_utterances():
    room = Room()
    for i in range(80):
        room.say(100 + i % 100, chunks=4)
        room.finish()
        room.quiet(0.5)
    assert room.core.idle
    assert len(room.core._old) <= 32
    assert room.core._ring._kept.size < 40 * 16000
