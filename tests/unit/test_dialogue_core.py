"""One reply for each turn, and a history of what was heard: scripts on a manual clock."""

from dialogue_talk import (
    CANCELLED,
    COMMITTED,
    EAGER,
    INTERRUPTED,
    REOPENED,
    REPLIED,
    WORD,
    Talk,
    kinds,
)
from tektra_msgs.msg import PlaybackClock, VisemeTrack

from tektra.dialogue.backend import Line, Remember, Say

# ---- speculation and commit


def test_a_reply_is_written_at_the_eager_end_and_not_again_at_the_commit():
    talk = Talk().turn(EAGER, 'what is two plus two')
    early = talk.replies()
    assert talk.said() == '2 plus 2 is 4.'
    assert all(m.speculative for m in early)
    assert early[-1].last
    assert [m.seq for m in early] == list(range(len(early)))
    talk.turn(COMMITTED, 'what is two plus two')
    assert talk.replies() == early
    assert len(talk.tasks) == 1


def test_nothing_becomes_history_before_the_commit():
    talk = Talk().turn(EAGER, 'my name is anna')
    assert kinds(talk) == ['session']
    assert talk.core._facts == {}
    talk.turn(CANCELLED)
    talk.asks('what is my name', seq=2)
    assert 'You have not told me' in talk.said(2)


def test_a_name_that_was_committed_is_known_in_the_next_turn():
    talk = Talk().asks('my name is anna').hears_all().asks('what is my name', seq=2)
    assert talk.said(2) == 'Your name is Anna.'


def test_a_reopened_turn_voids_what_ran_ahead_and_is_answered_in_its_new_words():
    talk = Talk().turn(EAGER, 'go forward')
    first = talk.newest_id()
    talk.turn(REOPENED, 'go forward', revision=2, final=False)
    assert talk.replies()[-1].cancelled
    assert talk.replies()[-1].utterance_id == first
    talk.asks('go forward ten meters', revision=2)
    assert talk.newest_id() != first
    assert talk.said() == 'I heard: go forward ten meters. I have no body to move yet.'
    assert kinds(talk) == ['session', 'user']


def test_a_newer_revision_voids_the_older_one_even_without_a_reopening():
    talk = Talk().turn(EAGER, 'the red house').turn(EAGER, 'the red horse', revision=2)
    assert [m.revision for m in talk.replies() if m.cancelled] == [1]
    assert 'the red horse' in talk.said()


def test_other_words_at_the_commit_than_at_the_eager_end_are_answered():
    talk = Talk().turn(EAGER, 'turn left').turn(COMMITTED, 'turn right')
    assert 'turn right' in talk.said()
    assert sum(m.cancelled for m in talk.replies()) == 1


def test_a_cancelled_turn_cancels_its_reply():
    talk = Talk().turn(EAGER, 'hello').turn(CANCELLED)
    assert talk.replies()[-1].cancelled
    assert kinds(talk) == ['session']


def test_an_eager_end_without_final_words_asks_for_nothing():
    talk = Talk().turn(EAGER, 'hello', final=False)
    assert talk.tasks == []


def test_a_commit_without_an_eager_end_is_answered():
    talk = Talk().turn(COMMITTED, 'hello')
    assert not talk.replies()[0].speculative
    assert talk.said().startswith('Hello')


def test_repeated_and_late_states_change_nothing():
    talk = Talk().asks('hello')
    sent = list(talk.sent)
    talk.turn(COMMITTED, 'hello').turn(EAGER, 'hello').turn(EAGER, 'old', seq=0)
    assert talk.sent == sent


def test_an_older_session_is_ignored_and_a_new_one_forgets():
    talk = Talk().asks('my name is anna').hears_all()
    talk.session = 's2'
    talk.asks('what is my name')
    assert 'You have not told me' in talk.said()
    assert [m.session_id for m in talk.events() if m.kind == 3] == ['s1', 's2']
    talk.session = 's1'
    sent = list(talk.sent)
    talk.asks('hello', seq=9)
    assert talk.sent == sent


def test_a_new_session_settles_what_was_still_being_said():
    talk = Talk().asks('hello').plays(1)
    talk.session = 's2'
    talk.asks('hello')
    assert kinds(talk) == ['session', 'user', 'assistant', 'session', 'user']
    assert talk.events()[2].text == 'Hello'
    assert talk.events()[2].interrupted


# ---- streaming


def test_fragments_of_a_slow_responder_come_in_order_and_become_certain_at_the_commit():
    talk = Talk(slow=True).turn(EAGER, 'hello')
    task = talk.tasks[0]
    talk.take(talk.core.on_start(task, 'model', talk.now))
    talk.take(talk.core.on_part(task, Say('One. '), talk.now))
    talk.take(talk.core.on_part(task, Remember('k', 'v'), talk.now))
    assert talk.core._facts == {}
    talk.turn(COMMITTED, 'hello')
    assert talk.core._facts == {'k': 'v'}
    talk.clock.advance(0.5)
    talk.take(talk.core.on_part(task, Say('Two.'), talk.now))
    talk.take(talk.core.on_part(task, Remember('k', ''), talk.now))
    talk.take(talk.core.on_end(task, talk.now))
    assert talk.core._facts == {}
    assert [(m.text, m.seq, m.speculative, m.last) for m in talk.replies()] == [
        ('One. ', 0, True, False),
        ('Two.', 1, False, False),
        ('', 2, False, True),
    ]
    assert talk.replies()[1].latency_s == 0.5
    assert talk.replies()[0].backend == 'model'


def test_a_responder_is_told_when_its_reply_is_void_and_what_it_still_says_is_dropped():
    talk = Talk(slow=True).turn(EAGER, 'hello')
    task = talk.tasks[0]
    talk.take(talk.core.on_start(task, 'model', talk.now))
    talk.turn(REOPENED, revision=2, final=False)
    assert task.reply.is_void()
    count = len(talk.replies())
    talk.take(talk.core.on_part(task, Say('late'), talk.now))
    talk.take(talk.core.on_end(task, talk.now))
    assert len(talk.replies()) == count


def test_an_interruption_ends_a_reply_that_is_still_being_written():
    talk = Talk(slow=True).asks('hello')
    task = talk.tasks[0]
    talk.take(talk.core.on_start(task, 'model', talk.now))
    talk.take(talk.core.on_part(task, Say('One. '), talk.now))
    talk.turn(INTERRUPTED, 'hello')
    assert talk.replies()[-1].cancelled
    assert task.reply.is_void()


def test_a_responder_that_fails_in_the_middle_is_replaced_and_the_reply_begins_anew():
    talk = Talk(slow=True).asks('hello')
    task = talk.tasks[0]
    talk.take(talk.core.on_start(task, 'model', talk.now))
    talk.take(talk.core.on_part(task, Say('One and'), talk.now))
    first = talk.newest_id()
    talk.write(task)
    assert talk.newest_id() != first
    assert [m.cancelled for m in talk.replies() if m.utterance_id == first] == [False, True]
    assert talk.said().startswith('Hello')


def test_what_was_heard_of_a_broken_reply_is_not_counted_to_the_one_begun_anew():
    talk = Talk(slow=True).asks('what is two plus two')
    task = talk.tasks[0]
    talk.take(talk.core.on_start(task, 'model', talk.now))
    talk.take(talk.core.on_part(task, Say('One two three four five six. '), talk.now))
    talk.plays(6)
    talk.write(task)
    assert talk.core._replies[1].heard == ''
    talk.plays(2)
    assert talk.core._replies[1].heard == '2 plus'


def test_a_node_that_stops_cancels_what_is_being_written():
    talk = Talk(slow=True).asks('hello')
    task = talk.tasks[0]
    talk.take(talk.core.on_start(task, 'model', talk.now))
    talk.take(talk.core.on_part(task, Say('Well, '), talk.now))
    talk.take(talk.core.stop(talk.now))
    assert task.reply.is_void()
    assert talk.replies()[-1].cancelled
    talk.take(talk.core.stop(talk.now))
    assert len(talk.replies()) == 2


def test_without_any_responder_it_says_so():
    talk = Talk(slow=True).asks('hello')
    talk.take(talk.core.on_end(talk.tasks[0], talk.now, failed=True))
    assert 'could not think of an answer' in talk.said()
    assert talk.replies()[-1].last


# ---- what was heard


def test_history_holds_the_whole_reply_when_all_of_it_was_heard():
    talk = Talk().asks('what is two plus two').hears_all()
    assert kinds(talk) == ['session', 'user', 'assistant']
    user, assistant = talk.events()[1:]
    assert (user.text, user.backend) == ('what is two plus two', 'script')
    assert assistant.text == assistant.generated_text == '2 plus 2 is 4.'
    assert not assistant.interrupted
    assert assistant.played_s == 5 * WORD / 24000


def test_text_that_tts_could_not_speak_was_not_heard():
    talk = Talk(slow=True).asks('hello')
    talk.write(talk.tasks[0], [Say('One two. Three four.')])
    uid = talk.newest_id()
    spoken = VisemeTrack(utterance_id=uid, text='One two. ', end_sample=2 * WORD, seq=0)
    closing = VisemeTrack(
        utterance_id=uid, text_offset=9, start_sample=2 * WORD, end_sample=2 * WORD, seq=1,
        last=True,
    )  # fmt: skip
    for track in (spoken, closing):
        talk.take(talk.core.on_visemes(track, talk.now))
    clock = PlaybackClock(
        utterance_id=uid, state=PlaybackClock.STATE_DONE, played_samples=2 * WORD,
        sample_rate=24000,
    )  # fmt: skip
    talk.take(talk.core.on_playback(clock, talk.now))
    assistant = talk.events()[-1]
    assert (assistant.text, assistant.generated_text) == ('One two.', 'One two. Three four.')


def test_without_tracks_a_reply_that_was_done_counts_as_heard():
    talk = Talk().asks('hello')
    done = PlaybackClock(utterance_id=talk.newest_id(), state=PlaybackClock.STATE_DONE)
    talk.take(talk.core.on_playback(done, talk.now))
    assert talk.events()[-1].text == talk.said()


def test_a_reply_that_is_interrupted_keeps_only_what_was_heard():
    talk = Talk().asks('tell me a story').plays(4)
    talk.turn(INTERRUPTED, 'tell me a story').plays(5, PlaybackClock.STATE_FLUSHED)
    assistant = talk.events()[-1]
    assert assistant.text == 'Once upon a time, on'
    assert assistant.generated_text.startswith('Once upon a time, on a hill')
    assert assistant.interrupted
    talk.asks('say that again', seq=2)
    assert talk.said(2) == 'Once upon a time, on'


def test_the_next_turn_knows_what_was_heard_and_that_it_interrupts():
    talk = Talk(slow=True).asks('hello')
    talk.write(talk.tasks[0])
    talk.plays(2).turn(INTERRUPTED, 'hello').turn(EAGER, 'stop', seq=2)
    request = talk.tasks[1].request
    assert request.interrupts
    assert request.history == (Line('user', 'hello'), Line('assistant', 'Hello. What', True))
    talk.turn(COMMITTED, 'stop', seq=2).turn(EAGER, 'hello', seq=3)
    assert not talk.tasks[2].request.interrupts


def test_a_typed_turn_right_after_the_cut_waits_for_the_last_word_of_the_playback_clock():
    talk = Talk().asks('tell me a story').plays(4).turn(INTERRUPTED, 'x')
    first = talk.newest_id()
    talk.asks('hello', seq=2)
    assert kinds(talk) == ['session', 'user']
    talk.plays(6, PlaybackClock.STATE_FLUSHED, reply=first)
    assert kinds(talk) == ['session', 'user', 'assistant', 'user']
    assert talk.events()[2].text == 'Once upon a time, on a'


def test_a_reply_that_was_never_heard_is_told_as_such_after_the_next_turn():
    talk = Talk().asks('hello').asks('how are you', seq=2)
    assert talk.core.pending
    talk.wait(0.6)
    assistant = talk.events()[2]
    assert (assistant.text, assistant.played_s) == ('', 0.0)
    assert kinds(talk) == ['session', 'user', 'assistant', 'user']
    assert not talk.core.pending


def test_a_replied_turn_counts_as_heard_even_if_the_clock_says_no_more():
    talk = Talk().asks('hello').turn(REPLIED, 'hello').wait(0.6)
    assert talk.events()[-1].text == talk.said()


def test_a_reset_forgets_history_and_facts():
    talk = Talk().asks('my name is anna').hears_all()
    ok, message, forgotten, out = talk.core.reset('', talk.now)
    talk.take(out)
    assert (ok, forgotten) == (True, 1)
    assert '1 turns forgotten' in message
    assert kinds(talk)[-1] == 'reset'
    talk.asks('say that again', seq=2)
    assert talk.said(2) == 'I have not said anything yet.'
    assert talk.core.reset('other', talk.now)[0] is False


def test_history_is_bounded():
    talk = Talk(history_turns=3)
    for seq in range(1, 9):
        talk.asks('hello', seq=seq).hears_all(seq)
    talk.asks('hello', seq=9)
    assert len(talk.tasks[-1].request.history) == 6


def test_doubtful_words_are_asked_back_and_a_yes_answers_them():
    talk = Talk().asks('turn left', low_confidence=True)
    assert talk.said() == 'Did you say: turn left?'
    talk.hears_all().asks('yes', seq=2)
    assert talk.said(2).startswith('I heard: turn left.')
    talk.hears_all(2).asks('yes', seq=3)
    assert talk.said(3) == 'All right.'
