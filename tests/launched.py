"""Launched graphs: a state folder of their own, and a look at what they leave behind."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

END_S = 120.0


class Tektra:
    """Runs the ``tektra`` command in an environment of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {**os.environ, 'TEKTRA_STATE_DIR': str(folder / 'state')}
        self.started = []

    def start(self, *words, **more):
        process = subprocess.Popen(
            [sys.executable, '-m', 'tektra.cli', *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            **more,
        )
        self.started.append(process)
        return process

    def run(self, *words, timeout=END_S):
        """Run to the end; return (exit code, what was printed)."""
        process = self.start(*words)
        output, _ = process.communicate(timeout=timeout)
        return process.returncode, output

    def demo(self, *words, timeout=END_S):
        """Run a demo; return (exit code, what was printed, report or None)."""
        out = self.folder / 'out'
        code, output = self.run('demo', '--out', str(out), *words, timeout=timeout)
        report = out / 'report.json'
        return code, output, json.loads(report.read_text()) if report.is_file() else None

    def leftovers(self):
        """Return processes that still carry this run's state folder in their environment."""
        mine = str(self.folder / 'state')
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get('TEKTRA_STATE_DIR') == mine:
                    found.append(process)
        return found

    def shared_memory(self):
        """Return the Fast DDS segments that this run's processes have mapped now."""
        return mapped_segments(self.leftovers())

    def end(self):
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(5)
            if process.stdout:
                process.stdout.close()
        left = self.leftovers()
        names = [f'{p.pid} {" ".join(p.cmdline()[:4])}' for p in left if p.is_running()]
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        assert not names, f'left behind: {names}'


def wait_until(done, what, wait_s=60.0):
    """Poll ``done`` until it returns something true, which is returned."""
    end = time.monotonic() + wait_s
    while True:
        result = done()
        if result:
            return result
        assert time.monotonic() < end, f'{what}: not within {wait_s} s'
        time.sleep(0.05)


def mapped_segments(processes):
    """Return the paths of Fast DDS segments that these processes have mapped."""
    found = set()
    for process in processes:
        with contextlib.suppress(OSError):
            maps = Path(f'/proc/{process.pid}/maps').read_text()
            found |= set(re.findall(r'/dev/shm/\S*fastrtps\S*', maps))
    return found


def abandoned(segments):
    """Return those segments that still exist although no process on this machine uses them.

    While another graph runs on this machine, ports of no domain are left to it on purpose.
    """
    used = mapped_segments(psutil.process_iter())
    left = {s for s in segments if Path(s).exists()} - used
    return {s for s in left if '_port7' not in s} if used else left


@pytest.fixture
def tektra(tmp_path):
    made = Tektra(tmp_path)
    yield made
    made.end()
