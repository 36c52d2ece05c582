"""``tektra resources`` and the doctor's check, as a person sees them."""

import io
import json
import os
import subprocess
import sys

import pytest
from rich.console import Console

from tektra.cli.resources import Held, memory_of, show
from tektra.doctor.checks.resources import Resources
from tektra.doctor.finding import Severity
from tektra.resources.catalogue import Variant
from tektra.resources.machine import Gpu, Machine
from tektra.resources.plan import Amount, Wish, make_plan

FILE = """
budget: {{memory_mb: {budget}}}
capabilities:
  stt:
  - {{engine: large, memory_mb: 500, figure: estimated}}
  - {{engine: plain, memory_mb: 200, figure: measured}}
  vad:
  - {{engine: energy, memory_mb: 75, figure: measured}}
"""


@pytest.fixture
def cli(tmp_path):
    """Return what runs the verb with a catalogue of the test's own."""

    def run(budget, *words):
        path = tmp_path / 'resources.yaml'
        path.write_text(FILE.format(budget=budget))
        return subprocess.run(
            [sys.executable, '-m', 'tektra.cli', 'resources', *words],
            env={
                **os.environ,
                'TEKTRA_RESOURCES_CONFIG': str(path),
                'TEKTRA_STATE_DIR': str(tmp_path / 'state'),
            },
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_the_plan_is_shown_with_what_was_passed_over_and_why(cli):
    done = cli(400)
    assert done.returncode == 0, done.stderr
    assert 'planned  275 of 400 MB of memory\n' in done.stdout
    assert '│ stt        │ plain   │      200 │        │ measured │' in done.stdout
    assert 'stt: not large: needs 500 MB; the budget leaves 325 MB\n' in done.stdout


def test_a_plan_that_does_not_fit_is_said_and_is_the_exit_code(cli):
    done = cli(100)
    assert done.returncode == 1
    assert 'warning: even the smallest engines need 275 MB of memory' in done.stdout


def test_as_data_it_is_the_same(cli):
    data = json.loads(cli(400, '--json').stdout)
    assert data['budget']['memory_mb'] == 400
    assert (data['budget']['gpu_memory_mb'] > 0) == bool(data['machine']['gpus'])
    assert data['planned']['memory_mb'] == 275
    stt = data['capabilities']['stt']
    assert (stt['planned']['engine'], stt['planned']['memory_mb']) == ('plain', 200)
    assert stt['passed'][0]['engine'] == 'large'
    assert stt['passed'][0]['over_budget'] is True
    assert data['machine']['memory_mb'] > 100
    assert data['nodes'] == {}


def test_a_wrong_file_is_one_line_with_its_place(cli):
    done = cli('lots')
    assert done.returncode == 1
    assert 'resources.yaml:2: budget.memory_mb: the string' in done.stderr
    assert 'Traceback' not in done.stderr


CHOICES = {
    'stt': [
        Wish(Variant('whisper', 'small', 'cuda', 900, 1000)),
        Wish(Variant('sphinx', '', 'cpu', 240)),
    ]
}


def test_a_gpu_and_what_the_running_nodes_hold_are_shown_beside_the_plan():
    machine = Machine(16_000, '/sys/fs/cgroup/robot', (Gpu('T4', 15_600),))
    plan = make_plan(CHOICES, Amount(4000, 12_480))
    held = {
        '/stt': Held(7, 'whisper', 812.4, 790.2, 1),
        '/vad': Held(8, 'silero', 99.0, 61.0, 2),
        '/far': Held(9, '', None, None, 1),
    }
    out = io.StringIO()
    show(Console(file=out, width=120), machine, plan, held)
    text = out.getvalue()
    assert 'machine  16000 MB of memory (limit of /sys/fs/cgroup/robot)\n' in text
    assert 'GPU      T4 with 15600 MB\n' in text
    assert 'planned  900 of 4000 MB of memory, 1000 of 12480 MB of GPU\n' in text
    rows = [[cell.strip() for cell in line.split('│')] for line in text.splitlines()]
    assert ['', 'stt', 'whisper small on the GPU', '900', '1000', 'estimated', ''] in rows
    assert ['', '/stt', 'whisper', '900', '812', '790', '', ''] in rows
    assert ['', '/vad', 'silero', '', '99', '61', 'process 8 hosts 2 nodes', ''] in rows
    assert ['', '/far', '', '', '?', '?', '', ''] in rows


def test_the_memory_of_a_process_is_measured_and_one_that_is_gone_is_not_known():
    rss, pss = memory_of(os.getpid())
    assert 10 < pss <= rss
    child = subprocess.Popen([sys.executable, '-c', ''])
    child.wait()
    assert memory_of(child.pid) == (None, None)


def check(machine, budget, tmp_path, driver=False):
    if driver:
        (tmp_path / 'version').touch()
    return Resources(
        lambda: machine, lambda _: make_plan(CHOICES, budget), tmp_path / 'version'
    ).run()


def test_the_doctor_is_content_with_a_plan_that_fits(tmp_path):
    (finding,) = check(Machine(1000), Amount(800), tmp_path)
    assert (finding.severity, finding.what) == (
        Severity.OK,
        '240 MB planned of 800 MB, no GPU',
    )


def test_the_doctor_warns_of_a_plan_that_does_not_fit(tmp_path):
    (finding,) = check(Machine(1000), Amount(100), tmp_path)
    assert finding.severity is Severity.WARNING
    assert 'need 240 MB' in finding.what
    assert 'config/resources.yaml' in finding.fix


def test_the_doctor_warns_of_a_budget_that_the_machine_does_not_have(tmp_path):
    (finding,) = check(Machine(1000), Amount(2000), tmp_path)
    assert finding.severity is Severity.WARNING
    assert finding.what.startswith('the budget (2000 MB, GPU 0 MB) is more than there is (1000')


def test_the_doctor_notes_a_driver_whose_gpu_is_not_used(tmp_path):
    machine = Machine(1000, gpu_note='nvidia-ml-py is not installed')
    (finding,) = check(machine, Amount(800), tmp_path, driver=True)
    assert finding.severity is Severity.NOTE
    assert 'nvidia-ml-py is not installed' in finding.what
    seen = Machine(1000, gpus=(Gpu('T4', 15_600),))
    (finding,) = check(seen, Amount(800, 12_000), tmp_path, driver=True)
    assert finding.severity is Severity.OK


def test_the_doctor_names_the_mistake_in_the_file(tmp_path, monkeypatch):
    path = tmp_path / 'resources.yaml'
    path.write_text(FILE.format(budget='lots'))
    monkeypatch.setenv('TEKTRA_RESOURCES_CONFIG', str(path))
    (finding,) = Resources(driver=tmp_path / 'none').run()
    assert finding.severity is Severity.ERROR
    assert 'resources.yaml:2: budget.memory_mb' in finding.what
    assert 'TEKTRA_RESOURCES_CONFIG' in finding.fix
