"""The supervisor with real processes: restarts, required processes, stopping, output."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from launching_support import Bench, make_plan, node, wait_for

from tektra.launching.events import EventKind, ProcessState
from tektra.launching.supervisor import Supervisor

STARTED, EXITED = EventKind.STARTED, EventKind.EXITED
RESPAWNED, GAVE_UP = EventKind.RESPAWNED, EventKind.GAVE_UP


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Let SIGINT end the programs also where the tests themselves run with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_orderly_stop_ends_everything_with_exit_code_0(tmp_path: Path) -> None:
    bench = Bench(tmp_path, node('steady') + node('steady'))
    bench.start()
    bench.until_said('ready', 2)
    assert bench.supervisor.poll() is None
    assert [info.state for info in bench.supervisor.processes()] == [ProcessState.RUNNING] * 2
    assert bench.stop() == 0
    assert bench.living() == []
    assert [event.exit_code for event in bench.events if event.kind is EXITED] == [-2, -2]
    assert not any('guard' in line for line in bench.lines)


def test_a_process_that_exits_is_started_again_as_often_as_allowed(tmp_path: Path) -> None:
    respawn = ", respawn: 'true', respawn_delay: 0.01, respawn_max_retries: 3"
    bench = Bench(tmp_path, node('crash', respawn))
    bench.start()
    assert bench.end() == 1
    assert bench.kinds('crash') == [STARTED, *[EXITED, RESPAWNED] * 3, EXITED, GAVE_UP]
    assert bench.supervisor.processes()[0].restarts == 3
    assert bench.supervisor.processes()[0].exit_code == 3
    pids = [event.pid for event in bench.events if event.kind in (STARTED, RESPAWNED)]
    assert len(set(pids)) == 4
    assert bench.lines.count('[crash-1] crash') == 4


def test_a_clean_exit_is_restarted_too_as_launch_does(tmp_path: Path) -> None:
    bench = Bench(tmp_path, node('finish', ", respawn: 'true', respawn_max_retries: 1"))
    bench.start()
    assert bench.end() == 0
    assert bench.kinds('finish') == [STARTED, EXITED, RESPAWNED, EXITED, GAVE_UP]


def test_a_killed_process_comes_back_with_a_new_pid(tmp_path: Path) -> None:
    bench = Bench(tmp_path, node('steady', ", respawn: 'true', respawn_delay: 0.05"))
    bench.start()
    bench.until_said('ready')
    first = bench.supervisor.processes()[0].pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    bench.until_said('ready', 2)
    info = bench.supervisor.processes()[0]
    assert info.restarts == 1
    assert info.pid not in (None, first)
    assert bench.stop() == 0


def test_a_stop_during_the_delay_starts_nothing_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, node('crash', ", respawn: 'true', respawn_delay: 1000.0"))
    bench.start()
    bench.until(lambda: EXITED in bench.kinds('crash'))
    assert bench.stop() == 0
    assert bench.kinds('crash') == [STARTED, EXITED]


@pytest.mark.parametrize(('program', 'code'), [('crash', 3), ('die', 137), ('finish', 0)])
def test_a_required_process_that_ends_ends_the_launch_with_its_code(
    tmp_path: Path, program: str, code: int
) -> None:
    required = node(program, ", on_exit: shutdown, respawn: 'true'")
    bench = Bench(tmp_path, node('steady') + required)
    bench.start()
    assert bench.end() == code
    assert bench.living() == []
    assert any(f'{program}-2 is required and has ended' in line for line in bench.lines)


def test_a_process_that_ignores_int_and_term_is_killed_at_its_deadline(tmp_path: Path) -> None:
    bench = Bench(tmp_path, node('stubborn') + node('steady'))
    bench.start()
    bench.until_said('ready', 2)
    assert bench.stop() == 0
    sent = [line for line in bench.lines if 'stubborn-1: still running' in line]
    assert [line.split('sending ')[1].split()[0] for line in sent] == ['SIGTERM', 'SIGKILL']
    assert bench.supervisor.processes()[0].exit_code == -9
    assert bench.living() == []


def test_a_second_and_a_third_request_do_not_wait_for_deadlines(tmp_path: Path) -> None:
    patient = node('stubborn').replace('0.2', '1000.0')
    bench = Bench(tmp_path, patient)
    bench.start()
    bench.until_said('ready')
    bench.supervisor.request_stop('first')
    bench.until_said('stopping: first')
    bench.supervisor.request_stop('second')
    bench.until_said('sending SIGTERM')
    bench.supervisor.request_stop('third')
    assert bench.end() == 0
    assert bench.supervisor.processes()[0].exit_code == -9


def test_requests_beyond_the_last_signal_change_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, node('stubborn').replace('0.2', '1000.0'))
    bench.start()
    bench.until_said('ready')
    for _ in range(8):
        bench.supervisor.request_stop('again')
    assert bench.end() == 0


def test_children_of_a_process_end_with_it_even_in_a_session_of_their_own(tmp_path: Path) -> None:
    bench = Bench(tmp_path, node('parent'))
    bench.start()
    bench.until_said('ready')
    assert len(bench.living()) == 3
    assert bench.stop() == 0
    assert bench.living() == []


def test_output_has_a_prefix_a_line_also_without_a_newline_at_its_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path, node('say', ', exec_name: talk, args: \'one "two three"\''))
    bench.start()
    assert bench.end() == 0
    own = [line for line in bench.lines if line.startswith('[talk-1]')]
    assert own[0] == '[talk-1] args one two three --ros-args'
    assert sorted(own[1:]) == ['[talk-1] no newline', '[talk-1] to stderr']


def test_prefixes_are_coloured_when_forced_and_not_into_a_callback(tmp_path: Path) -> None:
    for env, expected in (({}, '[steady-1] ready'), ({'FORCE_COLOR': '1'}, '\x1b[36m[steady-1]')):
        bench = Bench(tmp_path, node('steady'), env={'FORCE_COLOR': '', **env})
        bench.start()
        bench.until_said('ready')
        bench.stop()
        assert any(line.startswith(expected) for line in bench.lines)


def test_a_reader_that_blocks_does_not_hold_up_the_supervision(tmp_path: Path) -> None:
    gate = threading.Event()

    def blocked(line: str) -> None:
        gate.wait(20.0)

    respawn = ", respawn: 'true', respawn_max_retries: 2"
    bench = Bench(tmp_path, node('crash', respawn), sink=blocked)
    bench.start()
    bench.until(lambda: GAVE_UP in bench.kinds('crash'))
    assert bench.lines == []
    gate.set()
    assert bench.end() == 1
    assert bench.lines.count('[crash-1] crash') == 3


def test_a_reader_that_has_gone_stops_the_launch(tmp_path: Path) -> None:
    def gone(line: str) -> None:
        raise BrokenPipeError(32, 'Broken pipe')

    bench = Bench(tmp_path, node('steady'), sink=gone)
    bench.start()
    assert bench.end() == 0
    assert bench.living() == []


def test_a_listener_that_fails_does_not_end_the_supervision(tmp_path: Path) -> None:
    lines: list[str] = []

    def fail(event: object) -> None:
        raise RuntimeError('listener')

    plan = make_plan(tmp_path, node('finish'))
    supervisor = Supervisor(plan, env=os.environ, on_event=fail, output=lines.append)
    supervisor.start()
    assert supervisor.wait(20.0) == 0
    assert any('a listener failed on started of finish-1' in line for line in lines)


def test_a_program_that_cannot_be_started_is_said_and_retried(tmp_path: Path) -> None:
    bench = Bench(tmp_path, node('finish', ", respawn: 'true', respawn_max_retries: 1"))
    program = Path(bench.plan.processes[0].command[0])
    program.write_bytes(b'\x7fELF not really')
    bench.start()
    assert bench.end() == 1
    assert bench.kinds('finish') == [EventKind.NOT_STARTED, EventKind.NOT_STARTED, GAVE_UP]
    assert any('cannot start' in line and 'Exec format error' in line for line in bench.lines)


def test_the_environment_is_that_of_the_caller_with_that_of_the_launch_file(
    tmp_path: Path,
) -> None:
    text = '- set_env: {name: FROM_FILE, value: file}\n' + node(
        'environment', ', env: [{name: FROM_NODE, value: node}]'
    )
    bench = Bench(tmp_path, text, env={'FROM_CALLER': 'caller'})
    bench.start()
    for said in ('FROM_FILE=file', 'FROM_NODE=node', 'FROM_CALLER=caller', 'PYTHONUNBUFFERED=1'):
        bench.until_said(f'[environment-1] {said}')
    bench.stop()


def test_inline_parameters_reach_the_process_as_a_file_that_is_gone_afterwards(
    tmp_path: Path,
) -> None:
    values = ', name: a, param: [{name: speed, value: 0.5}, {name: words, value: [x, y]}]'
    bench = Bench(tmp_path, node('parameters', values))
    bench.start()
    bench.until_said('speed: 0.5')
    bench.until_said('- y')
    pid = bench.supervisor.processes()[0].pid
    folder = Path(bench.supervisor._folder)
    assert pid is not None
    assert len(list(folder.iterdir())) == 2
    bench.stop()
    assert not folder.exists()


def test_messages_of_the_launch_file_are_shown(tmp_path: Path) -> None:
    bench = Bench(tmp_path, '- log: {message: hello}\n')
    bench.start()
    assert bench.end() == 0
    assert bench.lines == ['[launch] hello']


def test_a_killed_guard_is_replaced(tmp_path: Path) -> None:
    bench = Bench(tmp_path, node('steady'))
    bench.start()
    bench.until_said('ready')
    first = bench.supervisor._guard.process.pid
    os.kill(first, signal.SIGKILL)
    bench.until_said('the guard has ended; starting another one')
    wait_for(lambda: bench.supervisor._guard.process.pid != first)
    assert bench.supervisor._guard.process.poll() is None
    assert bench.stop() == 0
    assert sum('guard' in line for line in bench.lines) == 1
