"""The words and exit codes of the safety verbs, without a graph."""

import io
import json

import pytest
from click.testing import CliRunner
from rich.console import Console
from tektra_msgs.msg import EstopState, GateState

from tektra.cli import stop as verbs
from tektra.cli.main import cli
from tektra.cli.safety import show, view
from tektra.launching import domain
from tektra.stop_client.core import Outcome, Progress, Report
from tektra.stop_client.watch import RobotWatch


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv('TEKTRA_HOME', str(tmp_path / 'home'))
    monkeypatch.setenv('TEKTRA_STATE_DIR', str(tmp_path / 'state'))
    monkeypatch.delenv('ROS_DOMAIN_ID')
    return tmp_path


def run(*words):
    result = CliRunner().invoke(cli, words, standalone_mode=True)
    return result.exit_code, result.output


@pytest.mark.parametrize('words', [('stop', 'tek', '--all'), ('hold', 'tek', '--all')])
def test_one_robot_and_all_is_a_mistake_that_sends_nothing(words):
    code, text = run(*words)
    assert code == 2
    assert 'nothing was sent' in text


def test_what_cannot_be_a_name_is_a_mistake_that_sends_nothing():
    code, text = run('stop', 'Tek 1')
    assert code == 2
    assert "'Tek 1' is no name of a robot; nothing was sent" in text


def test_a_category_is_0_1_or_2():
    assert run('stop', '--category', '3')[0] == 2


def test_the_help_of_stop_says_what_it_does_not_replace():
    code, text = run('stop', '--help')
    assert code == 0
    words = ' '.join(text.split())
    assert 'does not replace a hardwired emergency stop' in words


def test_a_stop_without_a_graph_still_tries_the_domain_of_the_checkout_and_says_so():
    place = verbs._whereabouts()
    assert domain.LOWEST <= place.domain_id <= domain.HIGHEST
    assert 'tek' in place.robots
    [note] = place.notes
    assert note == (f'no graph of this checkout is running; trying ROS domain {place.domain_id}')


def test_a_stop_without_a_graph_tries_the_domain_that_the_user_has_set(monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', '77')
    assert verbs._whereabouts().domain_id == 77


def test_a_wrong_domain_in_the_environment_does_not_refuse_the_stop(monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', 'lots')
    assert domain.LOWEST <= verbs._whereabouts().domain_id <= domain.HIGHEST


def test_nodes_that_have_lost_their_launcher_are_looked_for_where_they_were(places):
    folder = places / 'state' / 'run'
    folder.mkdir(parents=True)
    (folder / 'graph.json').write_text(json.dumps({'domain_id': 41, 'pid': 1}))
    assert verbs._whereabouts().domain_id == 41
    (folder / 'graph.json').write_text('{')
    assert domain.LOWEST <= verbs._whereabouts().domain_id <= domain.HIGHEST


def test_a_robot_whose_file_is_wrong_is_stopped_all_the_same(places):
    folder = places / 'home' / 'config' / 'robots'
    folder.mkdir(parents=True)
    (folder / 'arm.yaml').write_text('name: [')
    assert {'arm', 'tek'} <= set(verbs._whereabouts().robots)


def test_a_registry_that_cannot_be_read_does_not_refuse_the_stop(monkeypatch):
    def broken():
        raise FileNotFoundError('share/tektra is not found')

    monkeypatch.setattr('tektra.robots.registry.robot_files', broken)
    place = verbs._whereabouts()
    assert place.robots == ()
    assert 'share/tektra is not found' in place.notes[-1]


def test_the_robots_of_the_run_file_are_those_with_an_estop_or_a_gate():
    nodes = ['/vad', '/tek/estop', '/tek/robot_gate', '/arm/robot_gate', '/pal/vision']
    assert verbs._robots_of(nodes) == ('tek', 'arm')


def place():
    return verbs.Whereabouts(12, ('tek',), (), ())


def test_a_robot_that_does_not_confirm_is_loud_and_has_its_own_exit_code(capsys):
    reports = (
        Report('arm', Progress.SILENT, 'its estop is silent'),
        Report('tek', Progress.DONE, 'stopped'),
    )
    assert verbs._tell(Outcome(False, reports), place()) == 3
    out, err = capsys.readouterr()
    assert out == 'tek: stopped\n'
    assert err == ('!!! arm: NOT CONFIRMED: its estop is silent; press its hardware stop now\n')


def test_a_confirmed_stop_ends_well(capsys):
    reports = (Report('tek', Progress.DONE, 'stopped'),)
    assert verbs._tell(Outcome(True, reports), place()) == 0
    assert capsys.readouterr() == ('tek: stopped\n', '')


def test_a_stop_that_nobody_hears_is_not_a_success(capsys):
    assert verbs._tell(Outcome(False, ()), place()) == 3
    assert 'no robot was heard in ROS domain 12' in capsys.readouterr().err


@pytest.mark.parametrize('error', [RuntimeError('no shared memory'), KeyboardInterrupt()])
def test_whatever_breaks_a_stop_is_said_loudly(monkeypatch, error):
    def broken(*_):
        raise error

    monkeypatch.setattr(verbs, '_closed_loop', broken)
    result = CliRunner().invoke(verbs.stop, [], standalone_mode=False)
    assert result.return_value == 3
    assert 'press the hardware stop' in result.output


@pytest.mark.parametrize('verb', ['reset', 'enable', 'release', 'disable'])
def test_a_verb_that_needs_a_graph_says_how_to_start_one(verb, monkeypatch):
    monkeypatch.setenv('TEKTRA_LAUNCHER', 'own')
    result = CliRunner().invoke(cli, [verb, 'tek'], standalone_mode=False)
    assert result.exception.exit_code == 4
    assert './tektra up' in str(result.exception)


def test_a_robot_that_is_not_in_the_registry_is_refused_with_those_that_are():
    result = CliRunner().invoke(cli, ['enable', 'tke'], standalone_mode=False)
    assert str(result.exception) == "no robot 'tke' in the registry; known: tek"


def seen():
    watch = RobotWatch('tek')
    estop = EstopState(robot='tek', state=EstopState.STATE_STOPPED, stop_id=4, category=2)
    estop.reason, estop.active_sources = 'bumper', ['bumper']
    estop.reset_blockers = ["source 'bumper' is asserted; free it"]
    watch.on_estop(estop, 10**9)
    gate = GateState(robot='tek', level=GateState.LEVEL_STOPPED, trip='bumper', driver='sim')
    gate.channels, gate.enabled, gate.standstill = ['base', 'head'], [False, False], [True, False]
    gate.owners, gate.last_nonzero_age_s = ['joystick', ''], [0.5, -1.0]
    gate.refusing_because, gate.driver_timeout_s = ['stopped', 'stopped'], -1.0
    watch.on_gate(gate, 10**9)
    return watch


def test_the_status_says_all_that_keeps_a_robot_from_moving():
    page = Console(file=io.StringIO(), width=100)
    show(page, view(seen(), 10**9 + 10**8))
    text = page.file.getvalue()
    assert 'estop: STOPPED: heard 0.10 s ago' in text
    assert 'stop 4, category 1: bumper' in text
    assert "no reset: source 'bumper' is asserted; free it" in text
    assert 'tripped: bumper' in text
    assert 'driver: sim: not connected; time-out unknown' in text
    lines = [line.split() for line in text.splitlines()]
    assert ['base', 'no', 'joystick', 'yes', 'stopped'] in lines
    assert ['head', 'no', '-', 'MOVING', 'or', 'unknown', 'stopped'] in lines


def test_the_status_is_also_plain_data():
    data = json.loads(json.dumps(view(seen(), 10**9)))
    assert data['gate']['channels'][0]['last_nonzero_age_s'] == 0.5
    assert data['gate']['channels'][1]['last_nonzero_age_s'] is None
    assert data['estop']['category'] == 1


def test_a_robot_of_which_only_the_gate_speaks_is_shown_with_its_silent_estop():
    watch = RobotWatch('tek')
    watch.on_gate(GateState(robot='tek'), 10**9)
    page = Console(file=io.StringIO(), width=100)
    show(page, view(watch, 10**9))
    assert 'estop: silent' in page.file.getvalue()
