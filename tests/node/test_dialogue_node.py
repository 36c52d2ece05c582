"""The node of dialogue in a real graph: replies, history, reset, fall-over of responders."""

import threading
import time

from lifecycle_msgs.msg import Transition
from tektra_msgs.msg import (
    BackendState,
    DialogueEvent,
    PlaybackClock,
    SystemState,
    TextInput,
    TurnState,
    VisemeTrack,
)
from tektra_msgs.srv import ResetSession

from tektra.dialogue.backend import Say
from tektra.dialogue.backends.builtin import BuiltinResponder
from tektra.dialogue.node import DialogueNode
from tektra.runtime.backends import BackendChain
from tektra.runtime.tap import BackendCall, ReplayTap
from tektra.turn_taking.node import TurnTakingNode


def turn(phase, text='what is two plus two', seq=1, final=True):
    return TurnState(
        session_id='s', turn_id=f't{seq}', turn_seq=seq, revision=1, phase=phase, text=text,
        text_final=final, language='en', heard_backend='test',
    )  # fmt: skip


def text_of(replies):
    newest = replies[-1].utterance_id
    return ''.join(m.text for m in replies if m.utterance_id == newest)


def test_a_turn_is_answered_and_what_was_heard_becomes_history(ros):
    ros.bring_up(ros.make(DialogueNode, 'dialogue'))
    replies, events = ros.collect('dialogue/reply'), ros.collect('dialogue/event')
    turns, clock = ros.publisher('turn/state'), ros.publisher('audio/playback_clock')
    visemes = ros.publisher('speech/visemes')
    turns.publish(turn(TurnState.PHASE_EAGER_END))
    ros.until(lambda: replies and replies[-1].last)
    assert text_of(replies) == '2 plus 2 is 4.'
    assert replies[0].speculative
    assert replies[0].backend == 'builtin'
    assert replies[0].latency_s < 5.0
    uid = replies[0].utterance_id
    turns.publish(turn(TurnState.PHASE_COMMITTED))
    ros.until(lambda: len(events) == 2)
    visemes.publish(
        VisemeTrack(
            utterance_id=uid, text='2 plus 2 is 4.', sample_rate=24000, end_sample=5000, last=True,
            words=['2', 'plus'], word_start_sample=[0, 1000], word_end_sample=[1000, 2000],
            word_text_offset=[0, 2], word_text_length=[1, 4],
        )
    )  # fmt: skip
    ros.until(lambda: ros.nodes[1].core._find(uid).tracks)
    clock.publish(
        PlaybackClock(
            session_id='s', turn_seq=1, revision=1, utterance_id=uid, played_samples=2000,
            state=PlaybackClock.STATE_FLUSHED, sample_rate=24000,
        )
    )  # fmt: skip
    ros.until(lambda: len(events) == 3)
    heard = events[-1]
    assert heard.kind == DialogueEvent.KIND_ASSISTANT_TURN
    assert (heard.text, heard.generated_text) == ('2 plus', '2 plus 2 is 4.')
    assert heard.interrupted
    assert len([m for m in replies if m.text]) == 1


def test_a_typed_line_goes_through_turn_taking_and_dialogue(ros):
    ros.bring_up(ros.make(TurnTakingNode, 'turn_taking'))
    ros.bring_up(ros.make(DialogueNode, 'dialogue'))
    replies, states = ros.collect('dialogue/reply'), ros.collect('turn/state')
    lines = ros.publisher('text/input')
    ros.until(lambda: ros.nodes[1]._states.get_subscription_count() >= 2)
    lines.publish(TextInput(text='my name is Anna', input_id='1'))
    ros.until(lambda: replies and replies[-1].last)
    lines.publish(TextInput(text='what is my name', input_id='2'))
    ros.until(lambda: replies[-1].last and replies[-1].turn_seq == 2)
    assert text_of(replies) == 'Your name is Anna.'
    committed = [m for m in states if m.phase == TurnState.PHASE_COMMITTED]
    assert [m.turn_seq for m in committed] == [1, 2]
    assert replies[-1].session_id == committed[-1].session_id


def test_the_story_comes_in_order_and_without_a_gap(ros):
    ros.bring_up(ros.make(DialogueNode, 'dialogue'))
    replies = ros.collect('dialogue/reply')
    ros.publisher('turn/state').publish(turn(TurnState.PHASE_COMMITTED, 'tell me a story'))
    ros.until(lambda: replies and replies[-1].last)
    assert [m.seq for m in replies] == list(range(len(replies)))
    assert text_of(replies).startswith('Once upon a time')
    assert text_of(replies).endswith('That is the end of the story.')


def test_history_is_forgotten_by_service(ros):
    node = ros.bring_up(ros.make(DialogueNode, 'dialogue'))
    replies, events = ros.collect('dialogue/reply'), ros.collect('dialogue/event')
    ros.publisher('turn/state').publish(turn(TurnState.PHASE_COMMITTED, 'my name is anna'))
    ros.until(lambda: replies and replies[-1].last and node.core._facts)
    client = ros.peer.create_client(ResetSession, 'reset_session')
    ros.until(client.service_is_ready)
    future = client.call_async(ResetSession.Request())
    ros.until(future.done)
    assert future.result().success
    assert future.result().forgotten_turns == 1
    ros.until(lambda: events[-1].kind == DialogueEvent.KIND_SESSION_RESET)
    assert node.core._facts == {}


def test_a_lost_capability_is_announced(ros):
    node = ros.bring_up(ros.make(DialogueNode, 'dialogue'))
    replies = ros.collect('dialogue/reply')
    system = ros.publisher('system/state')
    for state in (3, 0, 3):
        system.publish(
            SystemState(
                nodes=['/stt'], node_states=[state], instance_ids=['a'], restarts=[0], tiers=[2],
                backends=[''], reasons=[''],
            )
        )  # fmt: skip
        # Only the newest state is kept for a reader: the next one waits until this one was read.
        seen = node.core._watch._nodes
        ros.until(lambda: 'stt' in seen and seen['stt'].active == (state == 3))  # noqa: B023
    ros.until(lambda: replies)
    assert replies[0].turn_seq == 0
    assert 'I am listening again' in replies[0].text


class Broken:
    """A responder that breaks in the middle of its first reply."""

    def respond(self, request, cancelled):
        yield Say('Well, ')
        raise ConnectionError('the model has gone')

    def close(self):
        pass


class TwoResponders(DialogueNode):
    tap = None

    def load(self, params):
        factories = {'broken': Broken, 'builtin': lambda: BuiltinResponder('Tektra')}
        order = ('broken', 'builtin')
        chain = BackendChain('dialogue', order, factories, self.on_backend_change, self.tap)
        chain.open(self.now_ns())
        return chain


def test_a_responder_that_breaks_in_a_reply_is_replaced_by_the_next(ros):
    node = ros.bring_up(ros.make(TwoResponders, 'dialogue'))
    replies, backends = ros.collect('dialogue/reply'), ros.collect('system/backends')
    ros.publisher('turn/state').publish(turn(TurnState.PHASE_COMMITTED))
    ros.until(lambda: replies and replies[-1].last and not replies[-1].cancelled)
    assert text_of(replies) == '2 plus 2 is 4.'
    assert replies[-1].backend == 'builtin'
    cut = [m for m in replies if m.cancelled]
    assert len(cut) == 1
    assert cut[0].utterance_id == replies[0].utterance_id != replies[-1].utterance_id
    ros.until(lambda: backends and backends[-1].active == 'builtin')
    assert backends[-1].states[0] == BackendState.STATE_FAILED
    assert 'the model has gone' in backends[-1].reasons[0]
    assert node.active


ENDLESS = []  # what has become of it


class Endless:
    """A responder that goes on until nobody wants it any more."""

    def respond(self, request, cancelled):
        yield Say('Well, ')
        while not cancelled():
            time.sleep(0.001)
        ENDLESS.append('given up')

    def close(self):
        ENDLESS.append(f'closed in {threading.current_thread().name}')


class EndlessDialogue(DialogueNode):
    def load(self, params):
        chain = BackendChain('dialogue', ('endless',), {'endless': Endless}, lambda status: None)
        chain.open(self.now_ns())
        return chain


def test_deactivating_ends_the_reply_and_the_responder_is_closed_after_it(ros):
    node = ros.bring_up(ros.make(EndlessDialogue, 'dialogue'))
    replies = ros.collect('dialogue/reply')
    ENDLESS.clear()
    ros.publisher('turn/state').publish(turn(TurnState.PHASE_COMMITTED))
    ros.until(lambda: replies)
    assert ros.change(node, Transition.TRANSITION_DEACTIVATE)
    ros.until(lambda: replies[-1].cancelled and replies[-1].last)
    assert ros.change(node, Transition.TRANSITION_CLEANUP)
    ros.until(lambda: len(ENDLESS) == 2)
    assert ENDLESS == ['given up', f'closed in {node.worker._thread.name}']


def test_a_recorded_answer_is_replayed_without_the_responder(ros):
    rows = [['say', 'From the '], ['say', 'recording.']]
    request = 'en|what is two plus two'
    recorded = BackendCall(0, 'dialogue', 'broken', 'respond', request, rows, '', 0.1)
    TwoResponders.tap = ReplayTap([recorded])
    try:
        ros.bring_up(ros.make(TwoResponders, 'dialogue'))
    finally:
        TwoResponders.tap = None
    replies = ros.collect('dialogue/reply')
    ros.publisher('turn/state').publish(turn(TurnState.PHASE_COMMITTED))
    ros.until(lambda: replies and replies[-1].last)
    assert text_of(replies) == 'From the recording.'


def test_an_unknown_responder_is_refused_by_name(ros):
    from lifecycle_msgs.msg import Transition

    node = ros.make(DialogueNode, 'dialogue', {'backends': ['gpt']})
    assert not ros.change(node, Transition.TRANSITION_CONFIGURE)
    assert "backends = 'gpt' is not one of builtin" in node.last_error
