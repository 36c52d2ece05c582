"""The cores in one process: a spoken question is answered, and a recorded one runs again."""

import io
import itertools
from datetime import datetime, timezone

import numpy as np
import pytest
from tektra_msgs.msg import PlaybackClock, TextInput, TurnState

from speech_maker import silence, speak
from tektra.conversation.agenda import Agenda
from tektra.conversation.core import TOPICS, ConversationLog
from tektra.conversation.voice_loop import Engines, Settings, VoiceLoop, microphone
from tektra.runtime.tap import BackendCall, RecordingTap, ReplayTap

BEGIN_NS = 1_000_000_000_000
NOON = datetime(2024, 5, 1, 12, 0, tzinfo=timezone.utc)
SETTINGS = Settings()
CAPABILITIES = {'vad', 'stt', 'dialogue', 'tts'}


@pytest.fixture(scope='module')
def engines():
    return Engines.open(SETTINGS, 0)


class Room:
    """One conversation on a clock that stands still while the cores work."""

    def __init__(self, engines):
        self.agenda = Agenda(BEGIN_NS, stopwatch=lambda: 0)
        self.log = ConversationLog()
        self.seen = []
        ids = (f'id{n}' for n in itertools.count())
        self.loop = VoiceLoop(
            engines, self.agenda, self._observe, wall=lambda: NOON, new_id=lambda: next(ids)
        )

    def _observe(self, topic, message):
        self.seen.append((topic, repr(message)))
        if topic == 'audio/mic':
            self.log.feed_mic(message, self.agenda.now_ns)
        elif topic in TOPICS:
            self.log.feed(message, self.agenda.now_ns)

    def until_over(self):
        limit = BEGIN_NS + 60 * 10**9
        self.agenda.run(
            lambda: self.log.ended(self.agenda.now_ns) is not None or self.agenda.now_ns > limit
        )
        assert self.agenda.now_ns <= limit, 'the conversation does not end'
        return self.log.report()['turns']


def question():
    return np.concatenate((silence(0.5), speak('what is two plus two'), silence(0.5)))


def test_a_spoken_question_is_heard_answered_and_played_to_its_end(engines):
    room = Room(engines)
    room.loop.hear(microphone(question(), BEGIN_NS))
    [turn] = room.until_over()
    assert turn['heard'] == 'what is two plus two'
    assert turn['reply'] == turn['reply_text'] == '2 plus 2 is 4.'
    assert turn['played_s'] > 0.5
    assert not turn['interrupted']


def test_without_computing_time_only_the_endpoint_is_waited_for(engines):
    room = Room(engines)
    room.loop.hear(microphone(question(), BEGIN_NS))
    [turn] = room.until_over()
    assert turn['latency_ms']['total'] == turn['latency_ms']['endpoint'] == 256.0


def test_a_conversation_whose_engine_calls_were_recorded_runs_again_message_for_message():
    def messages(tap):
        room = Room(Engines.open(SETTINGS, 0, tap))
        room.loop.hear(microphone(question(), BEGIN_NS))
        room.until_over()
        return room.seen

    calls = io.StringIO()
    recorded = messages(RecordingTap(calls, clock=lambda: 0))
    lines = calls.getvalue().splitlines()
    assert {BackendCall.from_json(line).capability for line in lines} == CAPABILITIES
    assert len(recorded) > 200
    assert messages(ReplayTap([BackendCall.from_json(line) for line in lines])) == recorded


def test_a_typed_line_is_answered_while_the_microphone_is_quiet(engines):
    room = Room(engines)
    room.loop.hear(microphone(silence(0.5), BEGIN_NS))
    room.log.expect_turns(1)
    room.loop.type(TextInput(input_id='1', text='what time is it'))
    [turn] = room.until_over()
    assert turn['reply'] == 'It is 12:00 PM.'


def test_every_kind_of_message_of_the_graph_is_seen(engines):
    room = Room(engines)
    room.loop.hear(microphone(question(), BEGIN_NS))
    room.until_over()
    assert {topic for topic, _ in room.seen} == {
        'audio/mic', 'audio/vad', 'speech/transcript', 'turn/state', 'audio/playback_control',
        'dialogue/reply', 'dialogue/event', 'audio/speech', 'speech/visemes',
        'audio/playback_clock', 'audio/reference',
    }  # fmt: skip
    phases = [m for topic, m in room.seen if topic == 'turn/state']
    assert f'phase={TurnState.PHASE_REPLIED}' in ''.join(phases)
    clocks = [m for topic, m in room.seen if topic == 'audio/playback_clock']
    assert f'state={PlaybackClock.STATE_DONE}' in ''.join(clocks)
