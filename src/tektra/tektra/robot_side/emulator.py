"""``tektra robot-emulator``: a robot to talk to where there is none, and the reference for one.

It is a process of its own, so that the witness of a stop is not killed with the suspect.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

import click

from tektra.cli.errors import UserError
from tektra.launching.errors import LaunchError
from tektra.robot_side.place import plant_socket, refuse_foreign
from tektra.robot_side.plant import Plant
from tektra.robot_side.server import RobotServer
from tektra.robot_side.session import RobotSession
from tektra.robots.proof import RobotKeyError, read_key
from tektra.robots.records import RecordError
from tektra.robots.registry import find_robot
from tektra.runtime.clock import BootClock
from tektra.runtime.priority import raise_priority

MAKE_KEY = 'make one: (umask 077; head -c 32 /dev/urandom > FILE)'
LOOPBACK = '127.0.0.1'
# A flood must not slow the robot down by what is printed about it.
_TELL_NS = 100_000_000
_TOLD = ('session', 'session ended', 'stop')


class Witness:
    """Writes what happened as JSON lines, ``t_ns`` in the boot-time clock, each at once."""

    def __init__(self, file: TextIO | None, clock: BootClock) -> None:
        self._file = file
        self._clock = clock
        self._told_ns: dict[str, int] = {}

    def report(self, event: str, facts: Mapping[str, object]) -> None:
        """Write one line, and tell people about sessions and stops."""
        now_ns = self._clock.now_ns()
        if self._file is not None:
            self._file.write(json.dumps({'t_ns': now_ns, 'event': event, **facts}) + '\n')
        if event in _TOLD or (facts.get('type') == 'HELLO' and 'refused' in facts):
            if now_ns - self._told_ns.get(event, 0) < _TELL_NS:
                return
            self._told_ns[event] = now_ns
            told = ', '.join(f'{name} {value}' for name, value in facts.items())
            click.echo(f'{event}: {told}', err=True)


@click.command(help='Run a robot to drive: the robot side of the wire protocol, simulated.')
@click.option('--robot', default='tek', show_default=True, help='Name in the registry of robots.')
@click.option('--tcp', type=click.IntRange(0, 65535), help='Listen here; 0: any free port.')
@click.option('--udp', type=click.IntRange(0, 65535), help='Listen here; 0: any free port.')
@click.option(
    '--unix', type=click.Path(path_type=Path), help='Unix datagrams, for the driver sim (default).'
)
@click.option('--bind', default=LOOPBACK, show_default=True, help='Address for --tcp and --udp.')
@click.option('--mac-key', type=click.Path(path_type=Path), help='Key file, mode 0600.')
@click.option('--log', type=click.Path(path_type=Path), help='Append what happens as JSON lines.')
@click.option('--runaway', is_flag=True, help='Fault: once moving, ignore every brake.')
def robot_emulator(
    robot: str,
    tcp: int | None,
    udp: int | None,
    unix: Path | None,
    bind: str,
    mac_key: Path | None,
    log: Path | None,
    runaway: bool,
) -> None:
    """Serve until SIGINT or SIGTERM."""
    ending: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _: ending.append(got))
    try:
        spec = find_robot(robot)
        key = None if mac_key is None else read_key(mac_key, MAKE_KEY)
        if tcp is None and udp is None and unix is None:
            unix = plant_socket(robot)
    except (RecordError, RobotKeyError, LaunchError) as error:
        raise UserError(str(error)) from None
    clock = BootClock()
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(log.open('a', buffering=1)) if log else None
        session = RobotSession(
            spec,
            Plant(spec, runaway=runaway),
            clock.now_ns(),
            new_id=lambda: secrets.randbelow(2**64 - 1) + 1,
            report=Witness(file, clock).report,
        )
        server = RobotServer(session, key, clock.now_ns)
        places = _open(server, bind, tcp, udp)
        if unix is not None:
            places.append(stack.enter_context(_unix(server, unix)))
        if bind != LOOPBACK and key is None:
            click.echo(
                f'whoever reaches {bind} may command this robot; give both sides a --mac-key',
                err=True,
            )
        guarded = 'with' if key else 'without'
        raise_priority()  # a robot's own controller does not wait for this machine's programs
        click.echo(f'{robot}: {", ".join(places)}; {guarded} a key; Ctrl-C ends')
        while not ending:
            server.step()
        server.close('the robot side was told to end')


def _open(server: RobotServer, bind: str, tcp: int | None, udp: int | None) -> list[str]:
    """Open what was asked for; return where."""
    places = []
    try:
        if tcp is not None:
            listener = socket.create_server((bind, tcp), backlog=4)
            port = listener.getsockname()[1]
            server.listen(listener)
            places.append(f'tcp {bind}:{port}')
            if udp != port:
                # A stop may overtake what waits in the stream.
                server.datagrams(_udp(bind, port), 'udp', stop_only=True)
                places.append(f'stop by udp {bind}:{port}')
        if udp is not None:
            bound = _udp(bind, udp)
            server.datagrams(bound, 'udp')
            places.append(f'udp {bind}:{bound.getsockname()[1]}')
    except OSError as error:
        raise UserError(f'{bind}, tcp {tcp}, udp {udp}: {error.strerror or error}') from None
    return places


def _udp(bind: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.bind((bind, port))
    except OSError:
        made.close()
        raise
    return made


@contextlib.contextmanager
def _unix(server: RobotServer, path: Path) -> Iterator[str]:
    """Serve a Unix socket, which only this user can reach; it is removed at the end."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        refuse_foreign(path)
    except PermissionError as error:
        raise UserError(str(error)) from None
    lock = os.open(f'{path}.lock', os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f'{path}: another emulator serves it; end that one first') from None
        path.unlink(missing_ok=True)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        before = os.umask(0o177)
        try:
            made.bind(str(path))
        except OSError as error:
            made.close()
            raise UserError(f'{path}: {error.strerror or error}') from None
        finally:
            os.umask(before)
        server.datagrams(made, 'unix')
        yield f'unix {path}'
        path.unlink(missing_ok=True)
    finally:
        os.close(lock)


def main() -> None:
    """Run as a program of a launch file, which may add arguments for ROS nodes."""
    words = sys.argv[1:]
    if '--ros-args' in words:
        words = words[: words.index('--ros-args')]
    try:
        robot_emulator.main(words, prog_name='robot_emulator', standalone_mode=False)
    except UserError as error:
        sys.exit(f'tektra: error: {error}')
    except OSError as error:
        sys.exit(f'tektra: error: {error.filename}: {error.strerror or error}')
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)


if __name__ == '__main__':
    main()
