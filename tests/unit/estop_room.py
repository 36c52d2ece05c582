"""An estop core on a manual clock, with a gate, sources and people around it."""

import copy
import dataclasses
from pathlib import Path

from builtin_interfaces.msg import Time
from tektra_msgs.msg import EstopSource, EstopState, GateState, StopRequest
from tektra_msgs.srv import ResetEstop

from tektra.estop.core import EstopCore
from tektra.estop.latch import Found
from tektra.estop.resets import Identity
from tektra.robots.proof import reset_proof
from tektra.robots.spec import read_robot

ROOT = Path(__file__).resolve().parents[2]
MS = 1_000_000
KEY = b'k' * 32
ME = 'estop-1'


def robot(required=None, **estop):
    """Return the shipped robot, with other rules of its latch."""
    made = read_robot(ROOT / 'config/robots/tek.yaml')
    rules = dataclasses.replace(made.estop, required_sources=required or {}, **estop)
    return dataclasses.replace(made, estop=rules, path=made.path, config_hash=made.config_hash)


class Room:
    """Time passes only by ``pass_ms``, in steps of a tick, with everybody's messages in it."""

    def __init__(self, required=None, found=None, key_trouble='', spec=None, **estop):
        self.now_ns = 10**12
        self.spec = spec or robot(required, **estop)
        self.core = EstopCore(
            Identity(self.spec, ME, KEY, key_trouble),
            found or Found(),
            self.now_ns,
            make_nonce=iter(f'nonce-{n}' for n in range(10**9)).__next__,
        )
        self.gate_runs = True
        self.gate = self.new_gate('gate-1')
        self.beats = dict.fromkeys(required or {}, 0)  # source -> seq; remove to silence it
        self.asserts = set()
        self.seen = self.look()

    def new_gate(self, instance_id):
        count = len(self.spec.channels)
        return GateState(
            robot=self.spec.name,
            instance_id=instance_id,
            level=GateState.LEVEL_STOPPED,
            channels=list(self.spec.channels),
            standstill=[True] * count,
            last_asked_age_s=[-1.0] * count,
            last_nonzero_age_s=[-1.0] * count,
            config_hash=self.spec.config_hash,
        )

    def look(self):
        """Publish, and return what everybody sees."""
        stamp = Time(sec=1_700_000_000 + self.now_ns // 10**9)
        self.seen = self.core.state(self.now_ns, stamp)
        return self.seen

    def say_gate(self, gate=None):
        gate = gate or self.gate
        gate.seq += 1
        if gate is self.gate:
            gate.estop_instance_id, gate.stop_id = self.seen.instance_id, self.seen.stop_id
            clear = self.seen.state == EstopState.STATE_CLEAR
            gate.level = GateState.LEVEL_DISABLED if clear else GateState.LEVEL_STOPPED
        self.core.on_gate_state(copy.copy(gate), self.now_ns)

    def beat(self, source, instance='a', seq=None, asserted=False, reason=''):
        self.beats[source] = self.beats.get(source, 0) + 1 if seq is None else seq
        self.core.on_source(
            EstopSource(
                source=source,
                instance_id=instance,
                seq=self.beats[source],
                asserted=asserted,
                reason=reason,
            ),
            self.now_ns,
        )

    def pass_ms(self, ms):
        for _ in range(ms // 25):
            self.now_ns += 25 * MS
            for source in list(self.beats):
                self.beat(source, asserted=source in self.asserts)
            if self.gate_runs:
                self.say_gate()
            self.core.tick(self.now_ns)
            self.look()

    def ask(self, source='cli', reason='because', fleet=False, **fields):
        request = StopRequest(source=source, reason=reason, **fields)
        self.core.on_stop_request(request, self.now_ns, fleet=fleet)

    def request(self, **changes):
        """Return a reset as somebody with the key makes it who has seen ``seen``."""
        seen = self.seen
        fields = {
            'stop_id': seen.stop_id,
            'reset_nonce': seen.reset_nonce,
            'operator_name': 'Ada',
            'key_proof': reset_proof(KEY, seen.instance_id, seen.stop_id, seen.reset_nonce),
        }
        return ResetEstop.Request(**{**fields, **changes})

    def reset(self, **changes):
        return self.core.reset(self.request(**changes), self.now_ns)

    def to_clear(self):
        self.pass_ms(100)
        answer = self.reset()
        assert answer.success, answer.message
        self.pass_ms(250)
        assert self.core.level == EstopState.STATE_CLEAR
        return self
