"""Conversations as timed scripts: speech over a reply, after a commit, and over announcements."""

import pytest
from tektra_msgs.msg import Transcript
from turn_taking_room import CHUNK_MS, Room

CHUNK_S = CHUNK_MS / 1000


def test_words_over_a_reply_duck_it_at_once_and_then_cut_it():
    room = Room().types('tell me a story').wait(1.0)
    start = room.t
    room.says('what time is it', 1.6).wait(4.0)
    assert room.story() == [
        'COMMITTED 1.1',
        'PLAY 1.1',
        'DUCK 0.0',
        'FLUSH 1.1',
        'INTERRUPTED 1.1',
        'USER_SPEAKING 2.1',
        'EAGER_END 2.1',
        'EAGER_END+ 2.1',
        'COMMITTED 2.1',
        'PLAY 2.1',
    ]
    ducked, duck = room.only('DUCK')
    assert ducked - start <= 2 * CHUNK_S
    assert 0 < duck.gain < 1
    assert room.only('FLUSH')[0] < start + 1.2  # a partial was enough
    assert room.find('COMMITTED')[1][1].text == 'what time is it'


def test_a_noise_over_a_reply_lets_it_go_on():
    room = Room(reply_s=8.0).types('tell me a story').wait(1.0).says('', 0.4).wait(1.5)
    assert room.story()[2:] == ['DUCK 0.0', 'EAGER_END 0.0', 'UNDUCK 0.0']
    room.wait(8.0)
    assert room.story()[-1] == 'REPLIED 1.1'


@pytest.mark.parametrize('word', ['uh-huh', 'yeah', 'mm', 'okay', 'right', 'yeah okay right'])
def test_a_backchannel_alone_does_not_interrupt(word):
    room = Room(reply_s=8.0).types('tell me a story').wait(1.0).says(word, 0.5).wait(3.0)
    assert room.find('INTERRUPTED') == []
    assert room.only('UNDUCK')[1].reason == f"backchannel '{word}'"
    room.says(word, 0.5).wait(1.0)
    assert len(room.find('DUCK')) == 2


def test_a_backchannel_followed_by_words_interrupts_and_keeps_them():
    room = Room(reply_s=8.0).types('tell me a story').wait(1.0)
    room.says('okay tell me the time', 1.6).wait(3.0)
    assert room.find('INTERRUPTED')
    assert room.find('COMMITTED')[1][1].text == 'okay tell me the time'


def test_without_words_the_reply_goes_on_two_seconds_after_the_speech():
    room = Room(reply_s=9.0)
    room.stt_alive = False
    room.types('tell me a story').wait(1.0)
    start = room.t
    room.says('hm', 0.48).wait(4.0)
    at, control = room.only('UNDUCK')
    assert at == pytest.approx(start + 0.48 + 2.0, abs=0.06)
    assert control.reason == 'no words within 2 s'


@pytest.mark.parametrize('phrase', ['stop', 'stop talking', 'be quiet', 'wait', 'okay stop'])
def test_a_stop_phrase_interrupts_at_once_even_as_a_doubtful_partial(phrase):
    room = Room(reply_s=8.0, min_words=3).types('tell me a story').wait(1.0)
    room.doubtful = True
    room.says(phrase, 0.6).wait(0.6 + 0.35)
    assert room.find('FLUSH'), room.story()
    assert room.only('INTERRUPTED')[1].decision.startswith("barge-in: '")


def test_a_stop_phrase_that_only_stt_has_heard_interrupts():
    room = Room(reply_s=8.0).types('tell me a story').wait(1.0)
    room.feed(Transcript(utterance_id='x', revision=1, text='stop', language='en'))
    assert room.story()[3:6] == ['FLUSH 1.1', 'INTERRUPTED 1.1', 'USER_SPEAKING 2.1']


def test_a_doubtful_partial_does_not_interrupt_but_a_doubtful_final_does():
    room = Room(reply_s=8.0).types('tell me a story').wait(1.0)
    room.doubtful = True
    room.says('what time is it', 1.6).wait(1.6)
    assert room.find('INTERRUPTED') == []
    room.wait(1.0)
    assert room.find('INTERRUPTED')


def test_the_wait_is_told_although_the_words_were_asked_for_before_the_turn_began():
    room = Room(reply_s=8.0, stt_s=0.6)
    room.partials = False
    room.types('tell me a story').wait(1.0).says('turn left', 0.96).wait(3.0)
    _, committed = room.find('COMMITTED')[1]
    assert committed.wait_s == pytest.approx(0.192, abs=CHUNK_S)


def test_words_that_come_after_the_reply_went_on_still_interrupt():
    room = Room(reply_s=9.0, stt_s=2.5)
    room.partials = False
    room.types('tell me a story').wait(1.0).says('what time is it', 0.96).wait(5.0)
    names = room.story(ids_too=False)
    assert names.index('UNDUCK') < names.index('INTERRUPTED')
    assert room.find('COMMITTED')[1][1].text == 'what time is it'


def test_speech_that_outlasts_the_reply_becomes_the_next_turn():
    room = Room(reply_s=1.2)
    room.partials = False
    room.types('hello').wait(1.0).says('turn left', 1.6).wait(3.0)
    assert room.find('FLUSH') == []
    assert room.find('REPLIED')
    assert room.find('COMMITTED')[1][1].text == 'turn left'


def test_a_prompt_yes_to_the_question_that_the_reply_ended_with_is_an_answer():
    room = Room(reply_s=1.2)
    room.types('hello').wait(1.35).says('yes', 0.4).wait(3.0)
    assert room.find('REPLIED')
    assert room.find('COMMITTED')[1][1].text == 'yes'


def test_a_sound_without_an_end_does_not_keep_a_reply_ducked_for_ever():
    room = Room(reply_s=60.0, longest_turn_s=5.0)
    room.types('tell me a story').wait(1.0).says('', 40.0).wait(6.0)
    assert room.only('UNDUCK')[1].reason == 'no words in 5 s of sound'


def test_a_noise_at_the_end_of_a_reply_is_no_answer():
    room = Room(reply_s=1.2)
    room.types('hello').wait(1.35).says('', 0.4).wait(3.0)
    assert len(room.find('COMMITTED')) == 1


def test_words_over_a_reply_from_a_vad_that_is_then_replaced_still_interrupt():
    room = Room(reply_s=9.0)
    room.partials = False
    room.types('tell me a story').wait(1.0).says('what time is it', 0.96).wait(0.96)
    room.replaces_vad().wait(2.0)
    assert room.find('COMMITTED')[1][1].text == 'what time is it'


def test_german_backchannels_and_stop_phrases_are_known():
    room = Room(reply_s=8.0, language='de').types('erzähl').wait(1.0)
    room.feed(Transcript(utterance_id='x', revision=1, text='genau', language='de', is_final=True))
    assert room.find('INTERRUPTED') == []
    room.feed(Transcript(utterance_id='y', revision=1, text='sei still', language='de'))
    assert room.find('INTERRUPTED')


def test_configured_backchannels_are_added():
    room = Room(reply_s=8.0, backchannels=('roger that',)).types('tell me a story').wait(1.0)
    room.says('roger that', 0.6).wait(2.0)
    assert room.find('INTERRUPTED') == []


def test_speech_before_the_reply_is_audible_ducks_it_when_it_begins():
    room = Room(reply_after_s=0.8, reply_s=8.0)
    room.stt_alive = False
    room.types('hello').wait(0.5).says('hm', 1.0).wait(0.6)
    at, _ = room.only('DUCK')
    assert at == pytest.approx(0.8, abs=0.01)


# ---- going on after the commit


def test_a_person_who_goes_on_before_the_reply_is_heard_is_one_text_again():
    room = Room(stt_s=0.02, reply_after_s=2.0).says('turn left', 0.64).wait(0.64 + 0.45)
    assert room.find('COMMITTED')
    room.says('then go forward ten meters', 1.28).wait(3.0)
    second = room.find('COMMITTED')[1][1]
    assert second.text == 'turn left then go forward ten meters'
    assert second.turn_seq == 2
    assert second.utterance_ids == ['u1']
    assert room.only('FLUSH')[1].turn_seq == 1


def test_a_person_who_goes_on_over_the_reply_says_only_the_new_words():
    room = Room(stt_s=0.02, reply_after_s=0.1, reply_s=8.0)
    room.says('turn left', 0.64).wait(0.64 + 0.5)
    room.says('then go forward ten meters', 1.28).wait(3.0)
    second = room.find('COMMITTED')[1][1]
    assert second.text == 'then go forward ten meters'
    assert room.only('INTERRUPTED')[1].turn_seq == 1


def test_a_breath_after_the_commit_changes_nothing():
    room = Room(stt_s=0.02, reply_s=8.0).says('turn left', 0.64).wait(0.64 + 0.5)
    room.says('', 0.2).wait(3.0)
    assert room.find('INTERRUPTED') == []
    assert len(room.find('COMMITTED')) == 1
    assert room.story()[-1] == 'UNDUCK 0.0'


# ---- announcements


def test_an_announcement_is_cut_by_words():
    room = Room().announces(6.0).wait(0.5).says('what time is it', 1.28).wait(3.0)
    flush = room.only('FLUSH')[1]
    assert (flush.turn_seq, flush.utterance_id) == (0, 'notice')
    assert room.find('INTERRUPTED') == []
    assert room.only('COMMITTED')[1].text == 'what time is it'


def test_an_announcement_goes_on_after_a_backchannel():
    room = Room().announces(6.0).wait(0.5).says('okay', 0.4).wait(2.0)
    assert room.story(ids_too=False) == ['DUCK', 'EAGER_END', 'UNDUCK']


def test_an_announcement_that_begins_while_someone_speaks_gives_way():
    room = Room().says('what time is it now', 1.9).wait(0.2).announces(6.0).wait(3.0)
    assert room.only('FLUSH')[1].utterance_id == 'notice'
    assert room.only('COMMITTED')[1].text == 'what time is it now'


def test_a_typed_line_cuts_an_announcement():
    room = Room().announces(6.0).wait(0.5).types('hello')
    assert room.story() == ['FLUSH 0.0', 'COMMITTED 1.1', 'PLAY 1.1']
