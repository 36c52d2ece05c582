"""A long spoken conversation in which nodes are killed at any moment.

TEKTRA_CHAOS_KILLS and TEKTRA_CHAOS_SEED make a longer or another run.
"""

import itertools
import os
import random
import signal

import pytest
import yaml
from tektra_msgs.msg import AudioChunk, DialogueEvent, SystemState, TurnState

from launched import wait_until
from printed import Printed
from tektra.cli.client import GraphClient

KILLS = int(os.environ.get('TEKTRA_CHAOS_KILLS', '5'))
SEED = int(os.environ.get('TEKTRA_CHAOS_SEED', '1'))
LINES = ('Hello.', 'What time is it?', 'Who are you?', 'What can you do?', 'What is your name?')
VOICE = ('audio_capture', 'vad', 'stt', 'turn_taking', 'dialogue', 'tts', 'audio_playback')
NODES = tuple(f'/{name}' for name in (*VOICE, 'lifecycle_manager'))
RECOVERY_S = 60.0  # the machine may be busy; test_faults has the bound
PROGRESS_S = 60.0
LATER = 5


class Conversation:
    """What a client has seen of it, in order."""

    def __init__(self):
        self.client = GraphClient(int(os.environ['ROS_DOMAIN_ID']), 'chaos')
        self.beats, self.system, self.restarts = {}, [], {}
        self.chunks = 0
        self.kills = 0
        self.healthy = False
        self.expected = {}  # turns that nothing excuses: id -> kills when they were committed
        self.answered = set()
        for topic, take in (
            ('audio/mic', self._on_chunk),
            ('turn/state', self._on_turn),
            ('dialogue/event', self._on_event),
            ('system/state', self.system.append),
            ('heartbeat', lambda beat: self.beats.__setitem__(beat.node, beat)),
        ):
            self.client.subscribe(topic, take)

    def _on_chunk(self, _: AudioChunk):
        self.chunks += 1

    def _on_turn(self, turn: TurnState):
        if turn.phase == TurnState.PHASE_COMMITTED and self.healthy:
            self.expected.setdefault(turn.turn_id, self.kills)

    def _on_event(self, event: DialogueEvent):
        if event.kind == DialogueEvent.KIND_ASSISTANT_TURN and event.text:
            self.answered.add(event.turn_id)

    def wait_chunks(self, count):
        """Wait while the scene goes on for ``count`` chunks of 32 ms of its own time."""
        end = self.chunks + count
        self.wait(lambda: self.chunks >= end, 'the scene stands still', PROGRESS_S)

    def wait(self, done, what, wait_s):
        assert self.client.wait(done, wait_s), f'{what}: not within {wait_s} s'

    def ready(self):
        return bool(self.system) and self.system[-1].state == SystemState.STATE_READY

    def kill(self, name):
        """Kill a node; return once the graph says that it is READY with the new one."""
        before = self.beats[name]
        self.kills += 1
        self.healthy = False
        self.system.clear()
        os.kill(before.pid, signal.SIGKILL)

        def back():
            return self.beats[name].instance_id != before.instance_id and self.ready()

        self.wait(back, f'{name} is not back', RECOVERY_S)
        self.healthy = True

    def unanswered(self):
        """Return turns committed in a healthy graph and not answered, up to the last kill."""
        return {
            turn
            for turn, kills in self.expected.items()
            if kills == self.kills and turn not in self.answered
        }


@pytest.mark.slow
@pytest.mark.timeout(300 + 120 * KILLS)
def test_every_turn_after_a_kill_at_any_moment_is_answered(tektra):
    chance = random.Random(SEED)
    scene = tektra.folder / 'long.yaml'
    lines = list(itertools.islice(itertools.cycle(LINES), 60 + 6 * KILLS))
    scene.write_text(yaml.safe_dump({'name': 'long', 'lines': [{'say': text} for text in lines]}))
    words = ('input:=scene', f'input_uri:={scene}', 'fast:=true', 'use_sim_time:=true')
    output = Printed(tektra.start('up', *words, 'speaker:=none')).text
    wait_until(lambda: 'all nodes are active' in output(), 'the graph is not READY')
    seen = Conversation()
    try:
        assert len(seen.client.wait_for_nodes()) == len(NODES)
        seen.wait(lambda: set(NODES) <= set(seen.beats) and seen.ready(), 'not READY', 10)
        seen.healthy = True
        for _ in range(KILLS):
            seen.wait_chunks(chance.randrange(400))
            victim = chance.choice(NODES)
            print(f'kill {seen.kills + 1}: {victim}; {len(seen.answered)} turns answered')
            seen.kill(victim)
        first = len(seen.answered)
        seen.wait(
            lambda: len(seen.answered) >= first + LATER,
            f'only {len(seen.answered) - first} turns answered after the last kill',
            PROGRESS_S * 2,
        )
        seen.wait(lambda: not seen.unanswered(), f'no answer to {seen.unanswered()}', PROGRESS_S)
        assert seen.ready()
        print(f'{len(seen.answered)} turns answered beside {seen.kills} kills')
    except AssertionError as error:
        error.add_note(output()[-3000:])
        raise
    finally:
        seen.client.close()
