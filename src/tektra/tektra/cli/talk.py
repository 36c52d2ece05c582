"""``tektra say`` and ``tektra ask``: one utterance or one turn from the command line."""

from __future__ import annotations

import click
from rclpy.action import ActionClient
from tektra_msgs.action import Say
from tektra_msgs.msg import DialogueEvent, TextInput, TurnState

from tektra.cli.client import connected
from tektra.cli.errors import UserError
from tektra.runtime.ids import new_id

READY_S = 5.0


@click.command(help='Speak TEXT through the running graph; waits until it has been heard.')
@click.argument('text', nargs=-1, required=True)
@click.option('--voice', default='', help='A voice of tts (see the list_voices service).')
@click.option('--language', default='', help='BCP 47 language.')
@click.option('--timeout', default=180.0, show_default=True, help='s to wait for the end.')
def say(text: tuple[str, ...], voice: str, language: str, timeout: float) -> int:
    """Send a Say goal and print how it ended."""
    words = _words(text)
    with connected('tektra_say') as client:
        action = ActionClient(client.node, Say, 'say')
        client.wait_for_nodes()
        if not client.wait(action.server_is_ready, READY_S):
            raise UserError('tts does not answer; see: ./tektra nodes')
        goal = Say.Goal(text=words, voice=voice, language=language)
        sent = action.send_goal_async(goal)
        if not client.wait(sent.done, READY_S) or not sent.result().accepted:
            raise UserError('tts refused the text; see: ./tektra nodes')
        handle = sent.result()
        finished = handle.get_result_async()
        try:
            if not client.wait(finished.done, timeout):
                raise UserError(f'not finished after {timeout:g} s')
        except KeyboardInterrupt:
            client.wait(handle.cancel_goal_async().done, 1.0)
            raise click.Abort from None
        result = finished.result().result
    outcomes = {1: 'said', 2: 'interrupted', 3: 'cancelled', 4: 'failed'}
    word = outcomes.get(result.outcome, 'unknown')
    click.echo(f'{word} ({result.played_s:.1f} s, {result.backend}): {result.spoken_text}')
    if result.message:
        click.echo(result.message, err=True)
    return 0 if result.outcome == Say.Result.OUTCOME_DONE else 1


def _words(text: tuple[str, ...]) -> str:
    words = ' '.join(text).strip()
    if not words:
        raise UserError('there is nothing to say: TEXT is blank')
    return words


class _Question:
    """Follows one typed turn through the graph."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.turn_id = ''
        self.answer: DialogueEvent | None = None
        self.ended = ''

    def on_turn(self, state: TurnState) -> None:
        typed = state.source == TurnState.SOURCE_TEXT and state.text == self.text
        if not self.turn_id and state.phase == TurnState.PHASE_COMMITTED and typed:
            self.turn_id = state.turn_id
        if state.turn_id == self.turn_id and state.phase in (
            TurnState.PHASE_INTERRUPTED,
            TurnState.PHASE_CANCELLED,
        ):
            self.ended = state.decision

    def on_event(self, event: DialogueEvent) -> None:
        mine = bool(self.turn_id) and event.turn_id == self.turn_id
        if mine and event.kind == DialogueEvent.KIND_ASSISTANT_TURN:
            self.answer = event


@click.command(help='Type TEXT into the conversation and print what is answered.')
@click.argument('text', nargs=-1, required=True)
@click.option('--timeout', default=60.0, show_default=True, help='s to wait for the answer.')
def ask(text: tuple[str, ...], timeout: float) -> int:
    """Publish a typed turn and wait until its reply has been heard."""
    question = _Question(_words(text))
    with connected('tektra_ask') as client:
        client.subscribe('turn/state', question.on_turn)
        client.subscribe('dialogue/event', question.on_event)
        lines = client.publisher('text/input')
        client.wait_for_nodes()
        if not client.wait_for_reader(lines, READY_S):
            raise UserError('turn_taking does not listen; see: ./tektra nodes')
        message = TextInput(input_id=new_id(), text=question.text, source='cli')
        message.header.stamp = client.node.get_clock().now().to_msg()
        lines.publish(message)
        if not client.wait(lambda: question.answer is not None, timeout):
            why = question.ended or ('no answer' if question.turn_id else 'the turn was not taken')
            raise UserError(f'{why} after {timeout:g} s; see: ./tektra nodes')
    assert question.answer is not None
    click.echo(question.answer.text)
    return 0
