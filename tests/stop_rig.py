"""A robot for tests of the stop client: the real estop, and a gate that only plays its part."""

import rclpy
from rclpy.node import Node
from tektra_msgs.msg import EstopState, GateState, StopRequest
from tektra_msgs.srv import DisableMotion, EnableMotion

from tektra.estop.node import EstopNode
from tektra.robots.proof import enable_proof, holds, key_file, read_key
from tektra.robots.registry import find_robot
from tektra.runtime.topics import open_publisher, open_subscription

STOPPED, DISABLED = GateState.LEVEL_STOPPED, GateState.LEVEL_DISABLED
HOLD, ENABLED = GateState.LEVEL_HOLD, GateState.LEVEL_ENABLED


class PlayedGate(Node):
    """Says what a gate would say of a robot that stands still; no driver, no trips."""

    def __init__(self, context, robot='tek'):
        super().__init__(
            'robot_gate', namespace=f'/{robot}', context=context, use_global_arguments=False
        )
        self.robot, self.seen, self.epoch, self.level = robot, None, 1, STOPPED
        self.deaf = self.moving = False
        spec = find_robot(robot)
        count = len(spec.channels)
        self.words = GateState(
            robot=robot,
            instance_id='gate-1',
            channels=list(spec.channels),
            owners=[''] * count,
            last_nonzero_age_s=[-1.0] * count,
            last_asked_age_s=[-1.0] * count,
            refusing_because=['motion is not enabled'] * count,
            driver='sim',
            driver_connected=True,
            driver_simulated=True,
            driver_timeout_s=0.25,
            config_hash=spec.config_hash,
        )
        self.out = open_publisher(self, 'gate_state')
        for name in ('estop/stop_request', '/fleet/estop/stop_request'):
            open_subscription(self, name, self.on_request)
        open_subscription(self, 'estop/state', self.on_estop)
        self.create_service(EnableMotion, 'enable_motion', self.on_enable)
        self.create_service(DisableMotion, 'disable_motion', self.on_disable)
        self.create_timer(0.05, self.say)

    def on_request(self, request):
        if self.deaf:
            return
        if request.request_id not in self.words.request_ids:
            self.words.request_ids = [*self.words.request_ids, request.request_id][-16:]
        if request.level == StopRequest.LEVEL_HOLD:
            self.level = HOLD if self.level == ENABLED else self.level
        else:
            self.level = STOPPED
        self.say()

    def on_estop(self, state):
        if self.deaf:
            return
        self.seen = state
        if state.state != EstopState.STATE_CLEAR:
            self.level = STOPPED
        elif self.level == STOPPED:
            self.level = DISABLED

    def on_enable(self, request, response):
        epoch = (self.seen.instance_id, self.seen.stop_id, 'gate-1', self.epoch)
        if not holds(enable_proof(read_key(key_file(self.robot)), *epoch), request.key_proof):
            response.message = 'the proof is wrong: look again with tektra safety status'
            return response
        self.level, self.epoch = ENABLED, self.epoch + 1
        response.success, response.gate_epoch = True, self.epoch
        self.say()
        return response

    def on_disable(self, request, response):
        self.level, self.epoch = min(self.level, DISABLED), self.epoch + 1
        response.success, response.gate_epoch = True, self.epoch
        return response

    def say(self):
        if self.seen is None:
            return
        words = self.words
        words.seq += 1
        words.estop_instance_id, words.stop_id = self.seen.instance_id, self.seen.stop_id
        words.gate_epoch, words.level = self.epoch, self.level
        words.enabled = [self.level >= HOLD] * len(words.channels)
        words.standstill = [not self.moving] * len(words.channels)
        self.out.publish(words)


def make_estop(ros, robot='tek'):
    """Return a running estop of a robot of the registry."""
    return ros.add(
        EstopNode(
            'estop',
            context=ros.context,
            namespace=f'/{robot}',
            parameter_overrides=[rclpy.Parameter('robot', value=robot)],
        )
    )


def make_gate(ros, robot='tek'):
    """Return a gate of a robot of the registry."""
    return ros.add(PlayedGate(ros.context, robot))


def second_robot(home, name='arm'):
    """Put a robot like tek into the registry of a home."""
    folder = home / 'config' / 'robots'
    folder.mkdir(parents=True)
    text = find_robot('tek').path.read_text()
    text = text.replace('name: tek', f'name: {name}').replace('[tek]', f'[{name}]')
    path = folder / f'{name}.yaml'
    path.write_text(text)
    path.chmod(0o644)
