"""What estop remembers of a stop after it was killed: also what has only joined it."""

import json

import pytest
from tektra_msgs.msg import EstopState, StopRequest

from stop_rig import make_estop
from tektra.runtime.topics import open_publisher


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv('TEKTRA_HOME', str(tmp_path / 'home'))
    return tmp_path / 'home'


def test_a_person_who_joins_the_stop_of_a_fault_is_remembered_over_a_kill(ros, home):
    estop = make_estop(ros)
    out = open_publisher(ros.peer, 'estop/stop_request', 'tek')
    ros.until(lambda: out.get_subscription_count() == 2)  # estop reads both kinds of publisher

    def ask(source, category):
        out.publish(
            StopRequest(request_id=f'by {source}', source=source, reason='x', category=category)
        )
        ros.until(lambda: f'by {source}' in estop.states[-1].request_ids)

    def kept():
        path = home / 'estop' / 'tek.json'  # written after the answer, by a thread of its own
        return json.loads(path.read_text()) if path.exists() else {'source': ''}

    ask('robot_gate', StopRequest.CATEGORY_2)
    ros.until(lambda: kept()['source'] == 'robot_gate')
    number = estop.states[-1].stop_id
    assert not kept()['needs_person']
    ask('Ada', StopRequest.CATEGORY_0)
    assert estop.states[-1].stop_id == number
    ros.until(lambda: kept()['needs_person'] and kept()['category'] == StopRequest.CATEGORY_0)
    estop.program.end()
    estop.start_again()
    state = estop.states[-1]
    assert (state.state, state.category) == (EstopState.STATE_STOPPED, StopRequest.CATEGORY_0)
    assert 'robot_gate: x' in state.reason
