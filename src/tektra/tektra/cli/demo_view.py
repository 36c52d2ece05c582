"""What a person sees of a demo: the conversation, line by line, as it happens."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from tektra.conversation.lines import Kind, Line

_COLOURS = {
    Kind.HEARD: 'cyan',
    Kind.REPLY: 'green',
    Kind.ANNOUNCEMENT: 'green',
    Kind.CUT: 'yellow',
}


class DemoView:
    """Prints finished lines; on a terminal the partial transcript is shown below them."""

    def __init__(self, verbose: bool) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._verbose = verbose
        self._status: Status | None = None

    def note(self, text: str) -> None:
        """Say what is going on."""
        self._console.print(f'[dim]{escape(text)}[/dim]')

    def warn(self, text: str) -> None:
        """Say what is wrong."""
        self._console.print(f'[yellow]{escape(text)}[/yellow]')

    def show(self, line: Line) -> None:
        """Print a line of the conversation."""
        if line.kind is Kind.PARTIAL:
            self.partial(line.text)
            return
        self.partial('')
        colour = _COLOURS.get(line.kind, 'dim')
        tail = f'  [dim]({escape(line.detail)})[/dim]' if line.detail else ''
        who = f'{line.who:<5} > ' if line.who else ' ' * 8
        self._console.print(f'[{colour}]{who}{escape(line.text)}[/{colour}]{tail}')

    def partial(self, text: str) -> None:
        """Show what is being heard; empty: nothing."""
        if not self._console.is_terminal:
            return
        if not text:
            if self._status is not None:
                self._status.stop()
                self._status = None
            return
        shown = f'[cyan]{escape(text)}[/cyan]'
        if self._status is None:
            self._status = self._console.status(shown, spinner='dots')
            self._status.start()
        else:
            self._status.update(shown)

    def on_output(self, line: str) -> None:
        """Take a line that a node printed."""
        if self._verbose:
            sys.stderr.write(line + '\n')

    def close(self) -> None:
        """Leave the terminal as it was."""
        self.partial('')
