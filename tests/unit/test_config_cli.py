"""``tektra config`` and ``--set`` as a person runs them: exit codes, words and files."""

import json
import os
import stat
import subprocess
import sys

import pytest


class Cli:
    """Runs verbs with a home and a state folder of a test's own."""

    def __init__(self, folder):
        self.home = folder / 'home'
        self.file = self.home / 'config' / 'voice.yaml'
        self.draft = self.home / 'config' / 'voice.yaml.draft'
        kept = {k: v for k, v in os.environ.items() if not k.startswith('TEKTRA__')}
        self.env = kept | {
            'TEKTRA_HOME': str(self.home),
            'TEKTRA_STATE_DIR': str(folder / 'state'),
        }
        self.folder = folder

    def run(self, *words, **environment):
        done = subprocess.run(
            [sys.executable, '-m', 'tektra.cli', *words],
            env=self.env | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr

    def own(self, text):
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(text)

    def editor(self, script):
        """Make an editor out of a line of shell; the file is "$1"."""
        path = self.folder / 'editor'
        path.write_text(f'#!/bin/sh\n{script}\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)


@pytest.fixture
def cli(tmp_path):
    return Cli(tmp_path)


OWN = '/**/tts:\n  ros__parameters:\n    rate: {}\n'


def test_show_names_the_origin_of_each_value_and_what_it_beat(cli):
    cli.own(OWN.format(1.2))
    code, out, _ = cli.run('config', 'show', 'tts', '--origin', TEKTRA__TTS__RATE='1.3')
    assert code == 0
    (line,) = [line for line in out.splitlines() if ' rate:' in line]
    assert 'rate: 1.3 ' in line
    assert f'# environment: TEKTRA__TTS__RATE, over 1.2 of {cli.file}:3' in line
    assert 'volume: 1.0' in out
    assert 'vad' not in out


def test_show_as_json_has_the_layer_of_each_value(cli):
    cli.own(OWN.format(1.2))
    code, out, _ = cli.run('config', 'show', 'tts', '--json')
    row = json.loads(out)['parameters']['/**/tts']['rate']
    assert code == 0
    assert (row['value'], row['layer'], row['hot']) == (1.2, 'home', True)


def test_what_show_prints_is_a_parameter_file_that_checks(cli):
    code, out, _ = cli.run('config', 'show', '--set', 'tts.rate=1.5')
    assert code == 0
    cli.own(out)
    code, out, _ = cli.run('config', 'show', 'tts', '--changed')
    assert code == 0
    assert 'rate: 1.5' in out


def test_check_fails_with_file_line_and_fix(cli):
    cli.own(OWN.format(9))
    code, _, err = cli.run('config', 'check')
    assert code == 1
    assert f'{cli.file}:3: tts: rate = 9 is outside 0.5..2.5' in err


def test_check_of_what_is_right(cli):
    code, out, err = cli.run('config', 'check')
    assert (code, err) == (0, '')
    assert out.startswith('The configuration is right')


def test_a_node_that_there_is_not_is_refused_with_a_suggestion(cli):
    code, _, err = cli.run('config', 'show', 'vat')
    assert code == 1
    assert "unknown node 'vat'; did you mean 'vad'?" in err


def test_edit_begins_with_every_parameter_as_a_comment_and_keeps_what_is_right(cli):
    editor = cli.editor('cp "$1" "$1.seen"; printf \'' + OWN.format(1.4) + '\' >> "$1"')
    code, out, _ = cli.run('config', 'edit', EDITOR=editor, VISUAL='')
    assert code == 0, out
    assert f'{cli.file}: saved' in out
    assert '#     rate: 1.0  # speed, 1 = normal' in cli.file.read_text()
    assert cli.run('config', 'show', 'tts', '--changed')[1].count('rate: 1.4') == 1


def test_edit_never_puts_a_broken_file_in_place_and_loses_no_text(cli):
    cli.own(OWN.format(1.2))
    code, _, err = cli.run(
        'config', 'edit', EDITOR=cli.editor('sed -i s/rate/rat/ "$1"'), VISUAL=''
    )
    assert code == 1
    assert "voice.yaml.draft:3: tts: unknown parameter 'rat'; did you mean 'rate'?" in err
    assert 'is unchanged; your text is in' in err
    assert cli.file.read_text() == OWN.format(1.2)
    assert cli.run('config', 'check')[0] == 0  # the draft is no layer
    code, _, err = cli.run(
        'config', 'edit', EDITOR=cli.editor('sed -i \'s/rat:.*/rate: 1.7/\' "$1"'), VISUAL=''
    )
    assert code == 0
    assert 'going on with the draft' in err
    assert cli.file.read_text() == OWN.format(1.7)
    assert not cli.draft.exists()


def test_edit_refuses_what_does_not_go_together_with_another_layer(cli):
    cli.own('')
    (cli.home / 'config/a.yaml').write_text(OWN.format(1.2))
    editor = cli.editor("printf '" + OWN.format(1.4) + '\' >> "$1"')
    code, _, err = cli.run('config', 'edit', EDITOR=editor, VISUAL='')
    assert code == 1
    assert 'tts: rate is already set in' in err
    assert cli.file.read_text() == ''
    assert cli.run('config', 'check')[0] == 0


def test_edit_saves_in_spite_of_what_is_wrong_elsewhere_and_says_it(cli):
    editor = cli.editor("printf '" + OWN.format(1.4) + '\' > "$1"')
    code, out, err = cli.run('config', 'edit', EDITOR=editor, VISUAL='', TEKTRA__VAD__TRESHOLD='1')
    assert code == 1
    assert f'{cli.file}: saved' in out
    assert "unknown parameter 'treshold'" in err
    assert cli.file.read_text() == OWN.format(1.4)


def test_an_editor_that_is_not_there_is_named_with_the_fix(cli):
    code, _, err = cli.run('config', 'edit', EDITOR='no-such-editor', VISUAL='')
    assert code == 1
    assert "editor 'no-such-editor': No such file or directory; set EDITOR" in err
    assert not cli.file.exists()


def test_up_gives_launch_the_merged_file_and_configured_arguments(cli):
    cli.own(OWN.format(1.2) + '/**/audio_playback:\n  ros__parameters:\n    speaker: none\n')
    code, out, err = cli.run('up', '--print', '--set', 'vad.threshold=0.6')
    assert code == 0, err
    assert '  speaker:=none' in out
    (line,) = [line for line in out.splitlines() if 'params_file:=' in line]
    text = open(line.split(':=')[1]).read()
    assert f'rate: 1.2  # {cli.file}:3' in text
    assert 'threshold: 0.6  # --set vad.threshold=0.6' in text


def test_up_with_a_file_of_ones_own_uses_that_file_alone(cli, tmp_path):
    cli.own(OWN.format(1.2))
    mine = tmp_path / 'mine.yaml'
    mine.write_text(OWN.format(2.0))
    code, out, _ = cli.run('up', '--print', f'params_file:={mine}')
    assert code == 0
    assert f'params_file:={mine}' in out
    code, _, err = cli.run('up', '--print', f'params_file:={mine}', '--set', 'tts.rate=1.1')
    assert code == 1
    assert '--set tts.rate=1.1 would have no effect: params_file:= is given' in err


@pytest.mark.parametrize('verb', [['up', '--print'], ['demo', '--text', 'hello', '--out']])
def test_nothing_is_started_with_a_wrong_configuration(cli, verb):
    words = [*verb, str(cli.folder)] if verb[-1] == '--out' else verb
    code, _, err = cli.run(*words, '--set', 'tts.rate=9', '--set', 'vad.treshold=1')
    assert code == 1
    assert 'tts: rate = 9 is outside 0.5..2.5' in err
    assert "unknown parameter 'treshold'; did you mean 'threshold'?" in err
    assert not list((cli.folder / 'state').rglob('graph.json'))


def test_the_demo_refuses_a_parameter_that_it_decides_itself(cli):
    code, _, err = cli.run(
        'demo', '--text', 'hello', '--set', 'audio_capture.source=tcp', '--out', str(cli.folder)
    )
    assert code == 1
    assert 'is beaten by the launch argument input:=silence' in err
