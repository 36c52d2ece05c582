"""The logs of a whole graph: JSON with ids, levels that change, and no word of what was said."""

import json
import re

import yaml

from launched import wait_until
from printed import Printed


class Graph:
    """A graph under `tektra up` whose output goes to a file."""

    def __init__(self, tektra, *words, **environment):
        self._tektra = tektra
        self.path = tektra.folder / 'up.log'
        self.logs = tektra.folder / 'ros-log'
        tektra.environment |= {'ROS_LOG_DIR': str(self.logs), **environment}
        tektra.environment['PYTHONUNBUFFERED'] = '1'  # what echo prints is read as it comes
        arguments = ['up', *words, 'speaker:=none', 'log_format:=json']
        self.process = tektra.start(*arguments)
        self.text = Printed(self.process).text

    def wait_for(self, pattern):
        wait_until(lambda: re.search(pattern, self.text()), f'no {pattern!r}')

    def records(self):
        """Return the JSON records, without launch's prefix, and what else was printed by nodes."""
        found, other = [], []
        for line in self.text().split('\n')[:-1]:  # the last one may not be whole yet
            match = re.match(r'\[(\w+)-\d+\] (.*)', line)
            if match is None:
                continue
            try:
                found.append(json.loads(match[2]))
            except json.JSONDecodeError:
                other.append(line)
        return found, other

    def everything(self):
        """Return the output and every text file that the graph has written."""
        parts = [self.text()]
        for folder in (self.logs, self._tektra.folder / 'state'):
            parts += [p.read_text(errors='replace') for p in folder.rglob('*') if p.is_file()]
        return '\n'.join(parts)


def test_a_typed_and_a_spoken_turn_leave_no_word_in_any_log(tektra):
    graph = Graph(tektra, 'input:=scene', 'input_uri:=three_questions')
    graph.wait_for('all nodes are active')
    transcripts = tektra.start('echo', 'speech/transcript')
    heard = Printed(transcripts).text

    def finals():
        documents = heard().split('---\n')[:-1]
        return [m['text'] for m in map(yaml.safe_load, documents) if m['is_final'] and m['text']]

    wait_until(lambda: 'who are you' in finals(), 'the last question of the scene is not heard')
    code, output = tektra.run('ask', 'tell me a story about the moon')
    assert code == 0, output
    everything = graph.everything().lower()
    for words in (*finals(), 'what time is it', 'story about the moon'):
        assert words.lower() not in everything
    reply = output.strip().splitlines()[-1].strip().lower()
    assert len(reply) > 10
    assert reply not in everything


def test_who_opts_in_finds_what_was_heard_and_said(tektra):
    graph = Graph(tektra, 'input:=silence', TEKTRA_LOG_SPEECH='1')
    graph.wait_for('all nodes are active')
    code, output = tektra.run('ask', 'what is two plus three')
    assert code == 0, output
    graph.wait_for('heard: what is two plus three')
    graph.wait_for('said: 2 plus 3 is 5')
    starts = lambda word: [r for r in graph.records()[0] if r['message'].startswith(word)]  # noqa: E731
    wait_until(lambda: starts('heard: ') and starts('said: '), 'no whole lines of it')
    found, _ = graph.records()
    [heard] = [r for r in found if r['message'].startswith('heard: ')]
    [said] = [r for r in found if r['message'].startswith('said: ')]
    assert heard['node'] == '/turn_taking'
    assert said['node'] == '/dialogue'
    assert heard['session_id'] == said['session_id']
    assert heard['turn_seq'] == said['turn_seq'] == 1
    assert {'time', 'level', 'instance'} <= set(heard)


def test_the_level_of_a_running_node_is_changed_and_shown(tektra):
    graph = Graph(tektra, 'input:=silence')
    graph.wait_for('all nodes are active')
    assert tektra.run('log-level', 'tts', 'error') == (0, '/tts  error\n')
    assert tektra.run('log-level', 'tts') == (0, '/tts  error\n')
    code, output = tektra.run('log-level', 'all')
    assert code == 0
    levels = dict(line.split() for line in output.splitlines())
    assert levels.pop('/tts') == 'error'
    assert set(levels.values()) == {'info'}
    code, output = tektra.run('log-level', 'ttts', 'info')
    assert code != 0
    assert "no node 'ttts'; there are: /audio_capture" in output


def test_every_line_of_a_node_is_a_record(tektra):
    # At debug ROS itself logs as well, and knows no JSON.
    graph = Graph(tektra, 'input:=silence')
    graph.wait_for('all nodes are active')
    nodes = {'/vad', '/tts', '/audio_capture', '/lifecycle_manager'}
    wait_until(lambda: {r['node'] for r in graph.records()[0]} >= nodes, 'not all have a line')
    found, other = graph.records()
    assert other == []
    assert {r['level'] for r in found} <= {'debug', 'info', 'warn', 'error'}
