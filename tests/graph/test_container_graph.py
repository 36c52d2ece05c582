"""The graph with its nodes in one process: it converses, and comes back whole after a kill."""

import os
import signal

import yaml

from launched import wait_until
from printed import Printed


def pids(tektra):
    """Return node -> pid from the heartbeats that `tektra echo` prints."""
    process = tektra.start('echo', 'heartbeat')
    printed, found = Printed(process), {}

    def complete():
        for document in printed.text().split('---\n')[:-1]:
            beat = yaml.safe_load(document)
            found[beat['node'].lstrip('/')] = beat['pid']
        return len(found) >= 8

    wait_until(complete, 'not all nodes have a heart')
    process.send_signal(signal.SIGINT)
    process.wait(20)
    return found


def ask(tektra):
    code, output = tektra.run('ask', 'what is two plus three')
    return code == 0 and '5' in output


def test_composed_nodes_share_a_process_answer_and_come_back_together_after_a_kill(tektra):
    tektra.start('up', 'composed:=true', 'input:=silence', 'speaker:=none')
    wait_until(lambda: 'ready' in tektra.run('nodes')[1], 'the graph is not ready', 90)
    before = pids(tektra)
    inside = {'audio_capture', 'vad', 'stt', 'turn_taking', 'dialogue', 'audio_playback'}
    [shared] = {before[name] for name in inside}
    assert shared not in (before['tts'], before['lifecycle_manager'])
    assert ask(tektra)
    os.kill(shared, signal.SIGKILL)
    wait_until(lambda: ask(tektra), 'no answer after the container was killed', 90)
    after = pids(tektra)
    [again] = {after[name] for name in inside}
    assert again != shared
    assert after['tts'] == before['tts']
    assert after['lifecycle_manager'] == before['lifecycle_manager']
