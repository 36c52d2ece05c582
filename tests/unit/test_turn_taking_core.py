"""Conversations as timed scripts: who has the turn, when it is committed, what is heard."""

import pytest
from tektra_msgs.msg import PlaybackClock, Transcript, TurnState, VoiceActivity
from tektra_msgs.srv import PushToTalk
from turn_taking_room import CHUNK_MS, Room

PRESS, RELEASE, CANCEL = (
    PushToTalk.Request.ACTION_PRESS,
    PushToTalk.Request.ACTION_RELEASE,
    PushToTalk.Request.ACTION_CANCEL,
)
CHUNK_S = CHUNK_MS / 1000


def test_a_finished_command_is_committed_after_a_quarter_of_a_second_of_silence():
    room = Room().says('turn left', 0.96).wait(2.0)
    assert room.story() == [
        'USER_SPEAKING 1.1',
        'EAGER_END 1.1',
        'EAGER_END+ 1.1',
        'COMMITTED 1.1',
        'PLAY 1.1',
    ]
    at, committed = room.only('COMMITTED')
    assert at == pytest.approx(
        0.96 + 0.32, abs=CHUNK_S
    )  # the final itself came at 0.29 s of silence
    assert committed.text == 'turn left'
    assert committed.text_final
    assert committed.decision.startswith('text: finished command, ')
    assert committed.utterance_ids == ['u1']
    assert committed.heard_backend == 'script'


def test_the_decision_names_strategy_and_silence():
    room = Room(stt_s=0.02).says('turn left', 0.96).wait(2.0)
    at, committed = room.only('COMMITTED')
    assert committed.decision == 'text: finished command, 256 ms of silence'
    assert at == pytest.approx(0.96 + 0.256, abs=0.004)


def test_end_of_speech_is_the_acquisition_time_of_the_last_voiced_sample():
    room = Room().says('turn left', 0.96).wait(2.0)
    _, committed = room.only('COMMITTED')
    expected = room.ros_time(0.96)
    assert (committed.end_of_speech.sec, committed.end_of_speech.nanosec) == (
        expected.sec,
        expected.nanosec,
    )


def test_wait_and_stt_latency_together_are_the_time_since_the_end_of_speech():
    quick = Room(stt_s=0.02).says('turn left', 0.96).wait(2.0)
    at, committed = quick.only('COMMITTED')
    assert committed.wait_s + 0.02 == pytest.approx(at - 0.96, abs=0.005)
    slow = Room(stt_s=0.6).says('turn left', 0.96).wait(3.0)
    at, committed = slow.only('COMMITTED')
    assert committed.wait_s == pytest.approx(0.192, abs=0.001)  # the soft end; the rest was stt's
    assert committed.wait_s + 0.6 == pytest.approx(at - 0.96, abs=0.005)


def test_words_that_do_not_tell_wait_for_silence():
    room = Room().says('the red house', 0.96).wait(3.0)
    at, committed = room.only('COMMITTED')
    assert at == pytest.approx(0.96 + 0.704, abs=CHUNK_S)
    assert committed.decision == 'silence: 704 ms of silence'


def test_an_unfinished_phrase_waits_longest():
    room = Room().says('go to the kitchen and', 1.6).wait(4.0)
    at, committed = room.only('COMMITTED')
    assert at == pytest.approx(1.6 + 1.5, abs=0.05)
    assert "ends with 'and'" in committed.decision


def test_doubtful_words_wait_longer_than_sure_ones_even_as_a_finished_command():
    room = Room()
    room.doubtful = True
    room.says('turn left', 0.96).wait(3.0)
    at, committed = room.only('COMMITTED')
    assert at == pytest.approx(0.96 + 1.0, abs=0.05)
    assert committed.low_confidence
    assert committed.decision.startswith('silence: low confidence')


def test_a_reply_that_is_played_to_its_end_is_replied_and_then_listening():
    room = Room(reply_s=1.0).says('turn left', 0.96).wait(4.0)
    assert room.story(listening=True)[-2:] == ['REPLIED 1.1', 'LISTENING 1.1']
    assert not room.core.pending


def test_two_questions_are_two_turns():
    room = Room(reply_s=0.5).says('what time is it', 0.96).wait(3.0)
    room.says('who are you', 0.96).wait(3.0)
    assert [m.turn_seq for _, m in room.find('COMMITTED')] == [1, 2]
    assert [m.text for _, m in room.find('COMMITTED')] == ['what time is it', 'who are you']


def test_speech_that_goes_on_after_the_eager_end_reopens_the_turn():
    room = Room().says('go forward', 0.64).wait(0.64 + 0.35)
    assert room.story()[-1] == 'EAGER_END+ 1.1'
    room.says('ten meters', 0.64).wait(2.0)
    assert room.story() == [
        'USER_SPEAKING 1.1',
        'EAGER_END 1.1',
        'EAGER_END+ 1.1',
        'CANCEL 1.1',
        'REOPENED 1.2',
        'EAGER_END 1.2',
        'EAGER_END+ 1.2',
        'COMMITTED 1.2',
        'PLAY 1.2',
    ]
    _, committed = room.only('COMMITTED')
    assert committed.text == 'go forward ten meters'
    assert committed.utterance_ids == ['u1']


def test_a_reopened_turn_without_announced_words_has_nothing_to_cancel():
    room = Room(stt_s=0.5).says('go forward', 0.64).wait(0.64 + 0.25)
    room.says('ten meters', 0.64).wait(3.0)
    assert 'CANCEL 1.1' not in room.story()
    assert 'REOPENED 1.2' in room.story()
    assert room.only('COMMITTED')[1].text == 'go forward ten meters'


def test_a_final_from_before_the_resume_does_not_count_for_what_came_after():
    room = Room(stt_s=0.5).says('go forward', 0.64).wait(0.64 + 0.25)
    room.says('ten meters', 0.32).wait(0.65)
    # The final of 'go forward' (asked at 0.83 s) has come while the new end was being asked for.
    assert room.find('COMMITTED') == []
    room.wait(2.0)
    assert room.only('COMMITTED')[1].text == 'go forward ten meters'


def test_two_utterances_become_one_turn_when_the_first_sounds_open():
    room = Room().says('go to the kitchen and', 1.28).wait(1.28 + 1.0)
    assert room.find('COMMITTED') == []
    room.says('bring me a cup', 0.96).wait(3.0)
    _, committed = room.only('COMMITTED')
    assert committed.text == 'go to the kitchen and bring me a cup'
    assert committed.utterance_ids == ['u1', 'u2']
    assert committed.revision == 2


def test_noise_is_cancelled_with_its_reason():
    room = Room().says('', 0.5).wait(2.0)
    assert room.story() == ['USER_SPEAKING 1.1', 'EAGER_END 1.1', 'CANCELLED 1.1']
    assert room.only('CANCELLED')[1].decision == 'nothing was said: noise'
    assert room.story(listening=True)[-1] == 'LISTENING 1.1'


def test_speech_after_noise_in_the_same_utterance_is_a_new_turn():
    room = Room().says('', 0.3).wait(0.3 + 0.4)
    assert room.find('CANCELLED')
    room.says('turn left', 0.64).wait(2.0)
    _, committed = room.only('COMMITTED')
    assert (committed.turn_seq, committed.text) == (2, 'turn left')


def test_a_second_utterance_that_is_noise_keeps_the_words_of_the_first():
    room = Room().says('go to the kitchen and', 1.28).wait(1.28 + 1.0)
    room.says('', 0.3).wait(3.0)
    _, committed = room.only('COMMITTED')
    assert committed.text == 'go to the kitchen and'


def test_a_missing_final_cancels_the_turn_after_three_seconds():
    room = Room()
    room.stt_alive = False
    room.says('turn left', 0.96).wait(6.0)
    at, cancelled = room.only('CANCELLED')
    assert at == pytest.approx(0.96 + 0.704 + 3.0, abs=0.06)
    assert cancelled.decision == 'no final transcript within 3 s of asking: is stt running?'
    assert not room.core.pending


def test_after_stt_has_died_the_next_turn_is_heard_again():
    room = Room()
    room.stt_alive = False
    room.says('turn left', 0.96).wait(6.0)
    room.stt_alive = True
    room._pending_words.clear()
    room.says('turn right', 0.96).wait(2.0)
    assert room.only('COMMITTED')[1].text == 'turn right'


def test_a_final_that_comes_after_the_turn_was_given_up_still_counts():
    room = Room(stt_s=5.0).says('turn left', 0.96).wait(8.0)
    assert room.find('CANCELLED')
    _, committed = room.only('COMMITTED')
    assert (committed.turn_seq, committed.text) == (2, 'turn left')
    assert committed.decision == 'a late final transcript'


def test_when_vad_dies_the_utterance_is_closed_and_its_words_count():
    room = Room().says('turn left', 5.0).wait(1.0)
    room.vad_alive = False
    room.wait(4.0)
    _, committed = room.only('COMMITTED')
    assert committed.text.startswith('turn')
    assert room.t > 3.0


def test_an_utterance_of_a_vad_that_was_replaced_is_closed_and_its_words_count():
    room = Room().says('turn left', 0.96).wait(0.96).replaces_vad().wait(2.0)
    assert room.only('COMMITTED')[1].text == 'turn left'
    assert not room.find('CANCELLED')


def test_a_vad_that_is_replaced_while_someone_speaks_costs_no_word():
    room = Room().says('turn left then go forward', 3.2).wait(1.6).replaces_vad().wait(4.0)
    committed = room.only('COMMITTED')[1]
    assert committed.text == 'turn left then go forward'
    assert committed.utterance_ids == ['u1', 'u2']


def test_a_stt_that_is_replaced_while_someone_speaks_is_believed():
    room = Room().says('turn left then go forward', 3.2).wait(2.6).replaces_stt().wait(4.0)
    assert room.only('COMMITTED')[1].text == 'forward'
    assert not room.find('CANCELLED')


def test_a_stt_that_is_replaced_in_a_pause_goes_on_from_the_final_of_the_first():
    room = Room().says('then drive the', 0.96).wait(0.96 + 0.4).replaces_stt()
    first = room.last_transcript
    assert first.is_final
    room.says('whole way home', 0.96).wait(3.0)
    assert room.only('COMMITTED')[1].text == 'then drive the whole way home'
    room.feed(first)  # of the stt that has gone
    assert len(room.find('COMMITTED')) == 1


def test_speech_without_an_end_is_answered_and_then_heard_further():
    room = Room(longest_turn_s=10.0, reply_after_s=None)
    room.says(' '.join(['noise'] * 40), 40.0).wait(11.0)
    committed = room.only('COMMITTED')[1]
    assert committed.decision == 'speech without an end for 10 s'
    assert 8 <= len(committed.text.split()) <= 11
    room.wait(40.0)
    assert not room.core.pending


def test_a_final_without_any_voice_activity_is_a_turn():
    room = Room()
    m = Transcript(utterance_id='x', revision=1, is_final=True, text='yes', end_sample=16000)
    room.feed(m)
    assert room.story() == ['COMMITTED 1.1', 'PLAY 1.1']
    assert room.only('COMMITTED')[1].decision == 'a final transcript without voice activity'
    room.feed(m)
    assert len(room.find('COMMITTED')) == 1


def test_vad_that_takes_its_utterance_back_cancels_the_turn():
    room = Room().says('', 0.3).wait(0.2)
    room.feed(VoiceActivity(stream_id='mic', utterance_id='u1', event=VoiceActivity.EVENT_ABORT))
    assert room.story()[-1] == 'CANCELLED 1.1'
    assert not room.core.pending


def test_joining_in_the_middle_of_an_utterance_opens_a_turn():
    room = Room()
    room.vad_alive = False
    room.says('turn left now', 0.96).wait(0.4)
    room.vad_alive = True
    room.wait(2.0)
    assert room.only('COMMITTED')[1].text == 'turn left now'


# ---- typed lines


def test_a_typed_line_is_a_turn_at_once():
    room = Room().types('what time is it')
    assert room.story() == ['COMMITTED 1.1', 'PLAY 1.1']
    _, committed = room.only('COMMITTED')
    assert committed.source == TurnState.SOURCE_TEXT
    assert committed.heard_backend == 'text'
    assert (committed.end_of_speech.sec, committed.wait_s) == (0, 0.0)


def test_a_typed_line_cuts_the_reply_in_progress():
    room = Room().types('one').wait(1.0).types('two')
    assert room.story() == [
        'COMMITTED 1.1',
        'PLAY 1.1',
        'FLUSH 1.1',
        'INTERRUPTED 1.1',
        'COMMITTED 2.1',
        'PLAY 2.1',
    ]


def test_a_repeated_or_blank_line_is_not_a_turn():
    room = Room().types('one', 'same').types('one', 'same').types('  ')
    assert len(room.find('COMMITTED')) == 1


def test_a_typed_line_commits_words_that_were_only_waiting_for_silence():
    room = Room().says('the red house', 0.96).wait(1.4).types('hello')
    texts = [m.text for _, m in room.find('COMMITTED')]
    assert texts == ['the red house', 'hello']
    assert room.story()[-4:] == ['FLUSH 1.1', 'INTERRUPTED 1.1', 'COMMITTED 2.1', 'PLAY 2.1']


def test_a_person_who_speaks_while_a_line_is_typed_is_heard_after_it():
    room = Room().says('what is two plus two', 2.0).wait(0.2).types('hello').wait(4.0)
    texts = [m.text for _, m in room.find('COMMITTED')]
    assert texts == ['hello', 'what is two plus two']
    assert [m.turn_seq for _, m in room.find('COMMITTED')] == [2, 3]


# ---- push to talk


def test_push_to_talk_ignores_silence_until_it_is_released():
    room = Room()
    answer = room.presses(PRESS)
    assert answer.success
    assert answer.turn_seq == 1
    room.says('the first thing', 0.96).wait(3.0).says('the second thing', 0.96).wait(3.0)
    assert room.find('COMMITTED') == []
    released = room.t
    assert room.presses(RELEASE).turn_seq == 1
    at, committed = room.only('COMMITTED')
    assert at == released
    assert committed.text == 'the first thing the second thing'
    assert committed.decision == 'push to talk: released'


def test_a_release_in_the_middle_of_a_word_waits_only_for_the_final():
    room = Room()
    room.presses(PRESS)
    room.says('turn left', 0.8).wait(0.8)
    room.presses(RELEASE)
    room.wait(0.12)
    assert room.only('COMMITTED')[1].text == 'turn left'


def test_a_release_in_the_middle_of_a_word_does_not_take_the_final_of_an_earlier_pause():
    room = Room().says('turn left then', 0.96).wait(0.96 + 0.5)
    assert room.last_transcript.is_final
    room.presses(PRESS)
    room.says('go forward now', 0.96).wait(0.7)
    room.presses(RELEASE)
    assert room.find('COMMITTED') == []
    room.wait(0.5)
    assert room.only('COMMITTED')[1].text.startswith('turn left then go forward')


def test_push_to_talk_cuts_a_reply_at_once():
    room = Room().types('tell me a story').wait(1.0)
    room.presses(PRESS)
    assert room.story()[-3:] == ['FLUSH 1.1', 'INTERRUPTED 1.1', 'USER_SPEAKING 2.1']


def test_push_to_talk_can_be_thrown_away():
    room = Room()
    room.presses(PRESS)
    room.says('turn left', 0.96).wait(0.5)
    assert room.presses(CANCEL).success
    room.wait(3.0)
    assert room.find('COMMITTED') == []
    assert room.only('CANCELLED')[1].decision == 'push to talk: thrown away'


def test_push_to_talk_without_speech_is_cancelled():
    room = Room()
    room.presses(PRESS)
    room.wait(0.5)
    room.presses(RELEASE)
    assert room.story()[-1] == 'CANCELLED 1.1'


def test_a_release_without_a_press_is_refused_with_the_reason():
    answer = Room().presses(RELEASE)
    assert not answer.success
    assert 'not pressed' in answer.message
    assert 'action = 9' in Room().presses(9).message


def test_a_button_that_is_never_released_lets_go_by_itself():
    room = Room(push_to_talk_limit_s=2.0)
    room.presses(PRESS)
    room.says('turn left', 0.96).wait(2.2)
    assert room.only('COMMITTED')[1].text == 'turn left'


# ---- what never comes, comes twice, or comes from the past


def test_a_reply_that_never_comes_ends_in_listening():
    room = Room(reply_after_s=None).types('hello').wait(16.0)
    assert room.story(listening=True)[-3:] == ['FLUSH 1.1', 'INTERRUPTED 1.1', 'LISTENING 1.1']
    assert 'no reply was heard within 15 s' in room.sent[-1][1].decision
    assert not room.core.pending


def test_playback_that_dies_in_a_reply_ends_it():
    room = Room().types('hello').wait(1.0)
    room.playback_alive = False
    room.wait(3.0)
    assert 'no playback clock for 2 s' in room.only('INTERRUPTED')[1].decision
    assert room.only('FLUSH')[1].turn_seq == 1  # if it is only stuck: not to be heard later
    assert not room.core.pending


def test_playback_that_dies_in_an_announcement_ends_it():
    room = Room().announces(60.0).wait(1.0)
    room.playback_alive = False
    room.wait(3.0)
    assert not room.core.pending
    room.says('turn left', 0.96).wait(3.0)
    assert 'DUCK' not in room.story(ids_too=False)
    assert room.only('COMMITTED')[1].text == 'turn left'


def test_an_announcement_that_is_paused_is_not_forgotten():
    room = Room().announces(60.0).wait(1.0)
    room.playback_alive = False
    room._clock_message(PlaybackClock.STATE_PAUSED)
    room.wait(5.0)
    assert room.core.pending


def test_a_reply_that_waits_in_a_playback_that_missed_the_commit_is_released_again():
    room = Room(reply_after_s=None).types('hello').wait(1.0)
    room.playing = (1, 1, 'reply-1', 0)
    room.playback_alive = False
    room._clock_message(PlaybackClock.STATE_QUEUED)
    room.wait(1.0)
    assert room.story() == ['COMMITTED 1.1', 'PLAY 1.1', 'PLAY 1.1']


def test_a_reply_whose_next_sentence_is_queued_while_it_plays_is_not_released_again():
    room = Room().types('hello').wait(1.0)
    room._clock_message(PlaybackClock.STATE_QUEUED)
    room.wait(1.0)
    assert len(room.find('PLAY')) == 1


def test_playback_that_has_forgotten_the_reply_ends_it():
    room = Room().types('hello').wait(1.0)
    room.playing = None
    room.feed(PlaybackClock(state=PlaybackClock.STATE_IDLE))
    assert room.story()[-1] == 'INTERRUPTED 1.1'


def test_a_flush_that_was_not_asked_for_is_an_interruption():
    room = Room().types('hello').wait(1.0)
    room._end('reply-1', PlaybackClock.STATE_FLUSHED)
    assert room.only('INTERRUPTED')[1].decision == 'playback was flushed'


def test_the_end_of_a_reply_that_was_begun_anew_is_not_the_end_of_its_turn():
    room = Room().types('hello').wait(1.0)
    broken = room.playing
    room.playing = (*broken[:2], 'anew', room._ms)
    room._clock_message(PlaybackClock.STATE_QUEUED)
    room.playing = broken
    room._clock_message(PlaybackClock.STATE_FLUSHED)
    assert 'INTERRUPTED 1.1' not in room.story()
    room.playing = (*broken[:2], 'anew', room._ms)
    room._clock_message(PlaybackClock.STATE_DONE)
    assert room.story()[-1] == 'REPLIED 1.1'


def test_the_playback_clock_of_another_session_changes_nothing():
    room = Room(reply_after_s=None).types('hello').wait(0.5)
    room.feed(
        PlaybackClock(session_id='old', turn_seq=1, revision=1, state=PlaybackClock.STATE_DONE)
    )
    assert room.find('REPLIED') == []


def test_a_new_session_counts_turns_from_one_and_has_another_id():
    room = Room().types('hello')
    first = room.core.session_id
    out = room.core.start(room.now)
    assert [m.phase for m in out] == [TurnState.PHASE_LISTENING]
    assert room.core.session_id != first
    room.types('hello again')
    assert room.find('COMMITTED')[-1][1].turn_seq == 1


def test_repeated_messages_commit_once():
    room = Room()
    vad, stt = room.core.on_vad, room.core.on_transcript

    def twice(take):
        return lambda m, now: take(m, now) + take(m, now)

    room.core.on_vad, room.core.on_transcript = twice(vad), twice(stt)
    room.says('turn left', 0.96).wait(2.0)
    assert room.story() == [
        'USER_SPEAKING 1.1',
        'EAGER_END 1.1',
        'EAGER_END+ 1.1',
        'COMMITTED 1.1',
        'PLAY 1.1',
    ]


def test_an_older_transcript_that_comes_late_is_ignored():
    room = Room().says('the red house', 0.96).wait(1.3)
    final = room.last_transcript
    room.feed(Transcript(utterance_id='u1', revision=1, text='a red mouse'))
    room.wait(2.0)
    assert room.only('COMMITTED')[1].text == final.text


def test_a_final_with_other_words_before_the_commit_is_a_new_revision():
    room = Room().says('the red house', 0.96).wait(1.3)
    final = room.last_transcript
    room.feed(
        Transcript(
            utterance_id='u1', revision=final.revision + 1, text='the red horse', is_final=True,
            stream_id='mic', end_sample=final.end_sample, sample_rate=16000,
        )
    )  # fmt: skip
    room.wait(2.0)
    assert room.story()[-5:] == [
        'EAGER_END+ 1.1',
        'CANCEL 1.1',
        'EAGER_END+ 1.2',
        'COMMITTED 1.2',
        'PLAY 1.2',
    ]
    assert room.only('COMMITTED')[1].text == 'the red horse'


def test_a_stop_of_the_node_cancels_the_turn_and_cuts_the_reply():
    room = Room().says('turn left', 2.0).wait(0.5)
    assert next(m.phase for m in room.core.stop(room.now)) == TurnState.PHASE_CANCELLED
    room = Room().types('hello').wait(1.0)
    out = room.core.stop(room.now)
    assert [type(m).__name__ for m in out] == ['PlaybackControl', 'TurnState']
    assert not room.core.pending
