"""No order of events clears a robot without a correct reset made after the last stop."""

from estop_room import MS, Room
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tektra_msgs.msg import EstopState, GateState, StopRequest

STOPPED, RESETTING, CLEAR = (
    EstopState.STATE_STOPPED,
    EstopState.STATE_RESETTING,
    EstopState.STATE_CLEAR,
)
WORDS = st.text(max_size=20)


class AnyOrder(RuleBasedStateMachine):
    """Stops, resets, beats, gates, silence and time in any order."""

    def __init__(self):
        super().__init__()
        self.room = Room(required={'button': 0.3})
        self.granted = 0  # stop_id whose reset was granted after everything that stops
        self.granted_ns = 0
        self.old = [self.room.request()]
        self.stop_ids = [self.room.core.stop_id]

    def stopped(self):
        """Something has demanded a stop: whatever was granted is void."""
        self.granted = 0
        assert self.room.core.level == STOPPED

    @rule(
        level=st.sampled_from((0, StopRequest.LEVEL_STOP, 9)),
        category=st.integers(0, 255),
        request_id=st.sampled_from(('', 'a', 'b', 'c')),
        source=WORDS,
        reason=WORDS,
        fleet=st.booleans(),
    )
    def ask(self, level, category, request_id, source, reason, fleet):
        self.room.ask(
            source,
            reason,
            fleet,
            level=level,
            category=category,
            request_id=request_id,
        )
        self.stopped()

    @rule()
    def ask_by_service(self):
        self.room.core.on_stop_service(self.room.now_ns)
        self.stopped()

    @rule(fleet=st.booleans())
    def hold(self, fleet):
        before = self.room.core.stop_id, self.room.core.level
        self.room.ask(level=StopRequest.LEVEL_HOLD, fleet=fleet)
        assert (self.room.core.stop_id, self.room.core.level) == before

    @rule(ms=st.sampled_from((25, 100, 250, 325, 1000)))
    def wait(self, ms):
        self.room.pass_ms(ms)

    @rule(ms=st.integers(501, 10**7))
    def freeze(self, ms):
        before = self.room.core.level
        self.room.now_ns += ms * MS
        self.room.core.tick(self.room.now_ns)
        if before != STOPPED:
            self.stopped()

    @rule()
    def look(self):
        self.room.look()
        self.old.append(self.room.request())

    @rule(runs=st.booleans())
    def gate_runs(self, runs):
        self.room.gate_runs = runs

    @rule(instance=st.sampled_from(('gate-1', 'gate-2', 'gate-3')), seq=st.integers(0, 1000))
    def gate_says(self, instance, seq):
        gate = self.room.new_gate(instance)
        gate.seq, gate.level = seq, GateState.LEVEL_DISABLED
        gate.stop_id = self.room.core.stop_id
        self.room.core.on_gate_state(gate, self.room.now_ns)

    @rule(asserted=st.booleans())
    def button(self, asserted):
        change = self.room.asserts.add if asserted else self.room.asserts.discard
        change('button')

    @rule(alive=st.booleans())
    def button_alive(self, alive):
        if alive:
            self.room.beats.setdefault('button', 0)
        else:
            self.room.beats.pop('button', None)

    @rule(source=st.sampled_from(('button', 'other')), instance=st.sampled_from('ab'))
    def somebody_asserts(self, source, instance):
        seq = self.room.beats.get(source, 0)
        self.room.beat(source, instance, seq, asserted=True)
        if source == 'other':
            del self.room.beats[source]
        self.stopped()

    @rule()
    def second_estop(self):
        self.room.core.on_other_estop('estop-2', self.room.now_ns)
        self.stopped()

    @rule(
        changes=st.sampled_from(
            ({'key_proof': ''}, {'key_proof': 'f' * 64}, {'reset_nonce': ''}, {'stop_id': 0})
        )
    )
    def wrong_reset(self, changes):
        assert not self.room.reset(**changes).success

    @rule(pick=st.integers(0, 10**6))
    def reset_of_what_was_seen_once(self, pick):
        self.attempt(self.old[pick % len(self.old)])

    @rule()
    def reset_of_what_is_seen(self):
        self.attempt(self.room.request())

    @precondition(lambda self: self.room.core.level == STOPPED)
    @rule()
    def everything_right(self):
        self.room.gate_runs = True
        self.room.asserts.clear()
        self.room.beats.setdefault('button', 0)
        self.room.pass_ms(2500)
        self.attempt(self.room.request())

    def attempt(self, request):
        answers = [self.room.core.reset(request, self.room.now_ns) for _ in range(3)]
        assert [a.success for a in answers[1:]] == [False, False]
        if answers[0].success:
            assert request.stop_id == self.room.core.stop_id
            self.granted, self.granted_ns = request.stop_id, self.room.now_ns

    @invariant()
    def stop_id_never_decreases(self):
        self.stop_ids.append(self.room.core.stop_id)
        assert self.stop_ids[-1] - self.stop_ids[-2] >= 0

    @invariant()
    def clear_only_after_a_correct_reset_of_the_last_stop(self):
        core = self.room.core
        if core.level != STOPPED:
            assert self.granted == core.stop_id
        if core.level == CLEAR:
            assert self.room.now_ns - self.granted_ns >= 200 * MS
            assert not self.room.asserts & set(self.room.seen.active_sources)

    @invariant()
    def what_is_published_is_true(self):
        seen = self.room.look()
        assert seen.state == self.room.core.level
        assert (seen.reset_nonce == '') == (seen.state != STOPPED)
        assert len(seen.request_ids) <= 16


AnyOrder.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, print_blob=True
)
TestAnyOrder = AnyOrder.TestCase
