"""What is lost and what is back is said, once, and only while there is a voice to say it."""

from dialogue_talk import Talk, kinds
from tektra_msgs.msg import PlaybackClock, SystemState


def graph(down=(), restarts=(), state=SystemState.STATE_READY, instances=None):
    names = ['audio_capture', 'vad', 'stt', 'turn_taking', 'dialogue', 'tts', 'audio_playback']
    return SystemState(
        state=state,
        nodes=[f'/{n}' for n in names],
        tiers=[2] * len(names),
        node_states=[0 if n in down else 3 for n in names],
        instance_ids=[(instances or {}).get(n, f'{n}-1') for n in names],
        restarts=[1 if n in restarts else 0 for n in names],
        backends=[''] * len(names),
        reasons=[''] * len(names),
    )


def system(talk, **state):
    return talk.take(talk.core.on_system(graph(**state), talk.now))


def test_a_lost_and_returned_capability_is_announced_once():
    talk = Talk()
    system(talk)
    system(talk, down=['stt'])
    assert talk.replies() == []
    talk.wait(1.0)
    system(talk)
    announcement = talk.replies()[-1]
    assert announcement.text == 'I lost my hearing for a moment. I am listening again.'
    assert (announcement.turn_seq, announcement.turn_id, announcement.last) == (0, '', True)
    system(talk)
    assert len(talk.replies()) == 1
    talk.plays(-1, PlaybackClock.STATE_DONE)
    assert kinds(talk) == ['announcement']
    assert talk.events()[0].text == announcement.text


def test_a_node_that_was_replaced_between_two_states_is_announced():
    talk = Talk()
    system(talk)
    system(talk, instances={'vad': 'vad-2'})
    assert 'listening again' in talk.replies()[-1].text


def test_a_capability_that_stays_away_is_announced_and_then_its_return():
    talk = Talk()
    system(talk)
    system(talk, down=['stt', 'vad'])
    talk.wait(4.5)
    assert [m.text for m in talk.replies()] == [
        'I cannot hear you at the moment. You can type to me.'
    ]
    talk.wait(10.0)
    system(talk, down=['vad'])
    assert len(talk.replies()) == 1
    system(talk)
    assert len(talk.replies()) == 2
    assert not talk.core.pending


def test_a_lost_voice_is_told_when_it_is_back():
    talk = Talk()
    system(talk)
    system(talk, down=['tts'])
    talk.wait(10.0)
    assert talk.replies() == []
    system(talk)
    assert talk.replies()[-1].text == 'I lost my voice for a moment. It is back.'


def test_announcements_are_rate_limited_and_then_made_up_for():
    talk = Talk()
    system(talk)
    for _ in range(5):
        system(talk, down=['stt'])
        system(talk)
        talk.wait(0.5)
    assert len(talk.replies()) == 1
    talk.wait(5.0)
    assert len(talk.replies()) == 2


def test_coming_up_and_going_down_is_no_loss():
    talk = Talk()
    system(talk, down=['stt', 'tts'], state=SystemState.STATE_STARTING)
    system(talk)
    system(talk, down=['stt'], state=SystemState.STATE_STOPPING)
    talk.wait(10.0)
    assert talk.replies() == []


def test_dialogue_announces_its_own_return():
    talk = Talk()
    system(talk, restarts=['dialogue', 'stt'])
    assert talk.replies()[-1].text == 'I lost the thread for a moment. Please say that again.'


def test_announcements_can_be_turned_off():
    talk = Talk(announce=False)
    system(talk)
    system(talk, down=['stt'])
    system(talk)
    assert talk.replies() == []
    assert not talk.core.pending


def test_an_announcement_that_was_cut_says_so():
    talk = Talk()
    talk.take(talk.core.announce('One two three four.', talk.now))
    talk.plays(2, PlaybackClock.STATE_FLUSHED)
    event = talk.events()[0]
    assert (event.text, event.interrupted) == ('One two', True)
