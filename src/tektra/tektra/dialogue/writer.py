"""The worker's side of dialogue: has a responder write one reply, through the tap."""

from __future__ import annotations

from collections.abc import Callable

from tektra.dialogue.backend import ReplyPart, Responder, from_row, to_row
from tektra.dialogue.backends.builtin import BuiltinResponder
from tektra.dialogue.core import Task
from tektra.runtime.backends import BackendChain


def factories(name: str) -> dict[str, Callable[[], Responder]]:
    """Return what makes each responder; ``name`` is what it calls itself."""
    return {'builtin': lambda: BuiltinResponder(name)}


def write(
    chain: BackendChain[Responder],
    task: Task,
    on_start: Callable[[str], None],
    on_part: Callable[[ReplyPart], None],
    now_ns: int,
) -> None:
    """Have the reply of ``task`` written; a responder that fails gives way to the next one.

    ``on_start`` gets the responder's name each time that one begins, ``on_part`` each part as it
    is written. For the tap all parts are one answer.

    :raises BackendUnavailable: if no responder is left.
    """
    streamed: list[list[str]] = []

    def run(responder: Responder) -> list[list[str]]:
        streamed.clear()
        on_start(chain.active_name)
        for part in responder.respond(task.request, task.reply.is_void):
            streamed.append(to_row(part))
            on_part(part)
        return list(streamed)

    key = f'{task.request.language}|{task.request.text}'
    rows = chain.call('respond', key, run, now_ns)
    if rows and not streamed:  # a recorded answer: the responder did not run
        on_start(chain.active_name)
        for row in rows:
            on_part(from_row(row))
