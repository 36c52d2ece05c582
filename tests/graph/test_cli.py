"""The verbs that talk to a running graph, and what they say when there is none."""

import signal

import psutil
import pytest

from launched import END_S, wait_until


@pytest.fixture
def up(tektra):
    process = tektra.start('up', 'input:=silence', 'speaker:=none')
    wait_until(lambda: 'all nodes are active' in process.stdout.readline(), 'graph not READY')
    return tektra


@pytest.mark.parametrize(
    'words', [['nodes'], ['ask', 'hello'], ['say', 'hi'], ['echo', 'turn/state'], ['down']]
)
def test_without_a_graph_every_verb_says_so(tektra, words):
    code, output = tektra.run(*words)
    assert code == 4
    assert 'no graph of this checkout is running; start one with: ./tektra up' in output


def test_a_running_graph_answers_speaks_and_goes_down(up):
    code, output = up.run('nodes')
    assert code == 0
    assert 'system: ready' in output
    for name in (
        '/audio_capture',
        '/vad',
        '/stt',
        '/turn_taking',
        '/dialogue',
        '/tts',
        '/audio_playback',
    ):
        assert name in output

    code, output = up.run('ask', 'what is two plus two')
    assert code == 0, output
    assert 'four' in output.lower() or '4' in output

    code, output = up.run('say', 'good morning')
    assert code == 0, output
    assert output.startswith('said (')
    assert 'good morning' in output

    code, output = up.run('echo', 'heartbeat', '--count', '1')
    assert code == 0
    assert 'instance_id:' in output

    code, output = up.run('echo', 'hartbeat')
    assert code != 0
    assert 'heartbeat' in output

    code, output = up.run('up')
    assert code != 0
    assert './tektra down' in output

    code, output = up.run('down')
    assert code == 0
    assert up.started[0].wait(END_S) is not None
    assert not up.leftovers()


def test_sigterm_to_up_orphans_nobody(up):
    up.started[0].send_signal(signal.SIGTERM)
    up.started[0].wait(END_S)
    assert not up.leftovers()


def test_kill_9_of_up_orphans_nobody(up):
    up.started[0].kill()
    up.started[0].wait(END_S)
    psutil.wait_procs(up.leftovers(), timeout=END_S)
    assert not up.leftovers()
