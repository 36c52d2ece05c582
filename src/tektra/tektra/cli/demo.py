"""``tektra demo``: a conversation with the whole graph, from one command."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
from dataclasses import dataclass
from pathlib import Path

import click

from tektra.cli.config import SET_OPTION
from tektra.cli.errors import UserError

INTERRUPTED = 130  # exit code after Ctrl-C, as a shell has it
DEFAULT_SCENE = 'three_questions'


@dataclass(frozen=True)
class DemoOptions:
    """What the person asked for."""

    recording: Path | None
    lines: tuple[str, ...]
    scene: str
    fast: bool
    offline: bool
    speaker: str
    out: Path
    verbose: bool
    settings: tuple[str, ...] = ()


@click.command(help='Have a conversation with the whole graph: spoken, recorded, typed or staged.')
@click.option(
    '--input',
    'recording',
    type=click.Path(path_type=Path),
    metavar='FILE',
    help='Play a recording (wav, flac, mp3, ogg) as if it were spoken.',
)
@click.option('--text', 'lines', multiple=True, metavar='LINE', help='Type a line (repeatable).')
@click.option('--scene', default='', help='Stage a scene of config/scenes or a YAML file.')
@click.option('--fast', is_flag=True, help='Run a recording or scene as fast as the graph can.')
@click.option('--offline', is_flag=True, help='Never ask for a download.')
@click.option('--speaker', default='auto', show_default=True, help='auto, none or a device name.')
@click.option(
    '--out',
    type=click.Path(path_type=Path, file_okay=False),
    default='tektra-demo',
    show_default=True,
    help='Where reply.wav and report.json go.',
)
@click.option('--verbose', is_flag=True, help='Show what the nodes print.')
@SET_OPTION
def demo(
    recording: Path | None,
    lines: tuple[str, ...],
    scene: str,
    fast: bool,
    offline: bool,
    speaker: str,
    out: Path,
    verbose: bool,
    options: tuple[str, ...],
) -> int:
    """Check the wishes, run the conversation, write the report."""
    wishes = DemoOptions(recording, lines, scene, fast, offline, speaker, out, verbose, options)
    check(wishes)
    if not offline:
        from tektra.cli.demo_offer import offer_weights

        offer_weights()
    # A flag, not an exception: that would strike in the middle of rclpy and keep what it holds.
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    from tektra.cli.demo_run import DemoRun  # rclpy: only when it is certain to be needed

    run = DemoRun(wishes, stop)
    try:
        reason = run.converse()
    finally:
        run.close()
    code = 0 if run.answered else INTERRUPTED if stop.is_set() else 1
    report = run.report()
    _write(wishes.out / 'report.json', report)
    if code == 1:
        raise UserError(reason or 'nothing was answered')
    if code == INTERRUPTED:
        click.echo('stopped before anything was answered', err=True)
    click.echo(f'\nreply: {wishes.out / "reply.wav"}  report: {wishes.out / "report.json"}')
    return code


def check(options: DemoOptions) -> None:
    """Refuse what cannot work before anything is started.

    :raises UserError: naming the option, its value and the fix.
    """
    chosen = [
        name
        for name, given in (
            ('--input', options.recording),
            ('--text', options.lines),
            ('--scene', options.scene),
        )
        if given
    ]
    if len(chosen) > 1:
        raise UserError(f'{" and ".join(chosen)} cannot be used together; choose one')
    if any(not line.strip() for line in options.lines):
        raise UserError("--text '' says nothing; give it words")
    if options.fast and options.lines:
        raise UserError('--fast is for --input and --scene: typed lines do not wait for sound')
    if options.recording is not None:
        check_recording(options.recording)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / 'report.json').write_text('{}\n')
    except OSError as error:
        raise UserError(
            f"--out '{options.out}': {error.strerror}; choose a folder that can be written"
        ) from error


def check_recording(path: Path) -> None:
    """Refuse a file that cannot be read as sound.

    :raises UserError: with the path and what is wrong with it.
    """
    if not path.exists():
        raise UserError(f"--input '{path}': there is no such file")
    if path.is_dir():
        raise UserError(f"--input '{path}': is a folder; name a wav, flac, mp3 or ogg file")
    import soundfile

    try:
        soundfile.info(str(path))
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"--input '{path}': not a sound file that can be read ({error}); "
            'wav, flac, mp3 and ogg can'
        ) from error


def _write(path: Path, report: dict[str, object]) -> None:
    text = json.dumps(report, indent=2, ensure_ascii=False) + '\n'
    try:
        path.write_text(text, encoding='utf-8')
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink()  # half a report would be taken for a whole one
        raise UserError(f'{path}: {error.strerror}; choose another folder with --out') from error
