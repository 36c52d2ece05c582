"""What is told of the graph: ``system/state`` and ``/diagnostics``. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from tektra_msgs.msg import SystemState

from tektra.launching.errors import listing
from tektra.lifecycle_manager.graph import Tier
from tektra.lifecycle_manager.operation import Operation
from tektra.lifecycle_manager.steps import ACTIVE, MISSING, STATE_NAMES, Goal
from tektra.lifecycle_manager.watch import Watched

if TYPE_CHECKING:
    from tektra.lifecycle_manager.core import LifecycleManager

LAG_S = 0.5  # an executor that is so late is worth a warning

_TIERS = {
    Tier.SAFETY: int(SystemState.TIER_SAFETY),
    Tier.CORE: int(SystemState.TIER_CORE),
    Tier.OPTIONAL: int(SystemState.TIER_OPTIONAL),
}
_DOWN = {Goal.INACTIVE: 'paused', Goal.UNCONFIGURED: 'taken down', Goal.FINALIZED: 'shut down'}


def why(manager: LifecycleManager, node: Watched) -> str:
    """Return why a node is not at work; empty: it is healthy."""
    name = node.spec.name
    trouble = node.twin_text() or node.loop_text() or node.silence()
    if trouble:
        return trouble
    if node.spec.tier is not Tier.SAFETY and node.state != ACTIVE:
        goal = manager.goals.get(name, Goal.ACTIVE)
        failed = node.error or manager.course.failed.get(name, '')
        if failed or goal is Goal.ACTIVE:
            return failed or (str(node.beat.last_error) if node.beat else '') or 'coming up'
        return manager.idle_text(name) or _DOWN[goal]
    beat = node.beat
    if beat is None:
        return ''
    return str(beat.status) or ('degraded' if beat.degraded else '')


def system_state(manager: LifecycleManager) -> SystemState:
    """Return the state of the whole graph with one row a node (header not filled)."""
    rows = list(manager.nodes.values())
    state, reason = overall(manager)
    return SystemState(
        state=state,
        reason=reason,
        nodes=[n.spec.name for n in rows],
        tiers=[_TIERS[n.spec.tier] for n in rows],
        node_states=[n.effective for n in rows],
        instance_ids=[n.instance_id for n in rows],
        restarts=[n.restarts for n in rows],
        backends=[str(n.beat.backend) if n.beat else '' for n in rows],
        reasons=[why(manager, n) for n in rows],
    )


def overall(manager: LifecycleManager) -> tuple[int, str]:
    """Return STATE_* and the reason."""
    operation = manager.operation
    if operation is not None and not operation.rolling_back and not operation.core_is_up:
        state = SystemState.STATE_STARTING if operation.up else SystemState.STATE_STOPPING
        return int(state), _waiting(manager, operation)
    if manager.course.failure:
        return int(SystemState.STATE_FAILED), manager.course.failure
    core = [n for n in manager.graph.managed if manager.graph.is_core(n)]
    active = all(manager.nodes[n].effective == ACTIVE for n in core)
    if not active and all(manager.goals.get(n, Goal.UNCONFIGURED) < Goal.ACTIVE for n in core):
        said = manager.last_command or 'not started; run: tektra manage startup'
        return int(SystemState.STATE_STOPPED), said
    return _health(manager)


def _waiting(manager: LifecycleManager, operation: Operation) -> str:
    names = [n for n in operation.goals if not manager.board.is_settled(n)]
    if operation.up:
        names = [n for n in names if manager.graph.is_core(n)] or names
    return f'waiting for {listing(names)}' if names else operation.name


def _health(manager: LifecycleManager) -> tuple[int, str]:
    reasons = {name: why(manager, node) for name, node in manager.nodes.items()}
    unwell = {n: reason for n, reason in reasons.items() if reason and not _rests(manager, n)}
    lost = {name: reason for name, reason in unwell.items() if _is_lost(manager, name)}
    if lost:
        return int(SystemState.STATE_FAILED), _line(lost)
    if unwell:
        return int(SystemState.STATE_DEGRADED), _line(unwell)
    return int(SystemState.STATE_READY), ''


def _rests(manager: LifecycleManager, name: str) -> bool:
    """Return whether a node was unloaded because nobody needs it, and is alive."""
    node = manager.nodes[name]
    return bool(manager.idle_text(name)) and not (node.silence() or node.error)


def _line(reasons: dict[str, str]) -> str:
    return '; '.join(f'{name}: {reason}' for name, reason in reasons.items())


def _is_lost(manager: LifecycleManager, name: str) -> bool:
    """Return whether a core node cannot be brought up, or does not stay up."""
    node = manager.nodes[name]
    if not manager.graph.is_core(name) or manager.goals.get(name) is not Goal.ACTIVE:
        return False
    return node.looping or bool(node.error) or manager.board.is_overdue(name)


def diagnostics(
    manager: LifecycleManager, needs: Mapping[str, int] | None = None
) -> list[DiagnosticStatus]:
    """Return one status for the graph and one for each node, in the words of rqt_robot_monitor.

    ``needs``: MB that the plan of resources has for a node, by its name without namespace.
    """
    state, reason = overall(manager)
    whole = DiagnosticStatus(
        level=_level_of_state(state),
        name='tektra: system',
        message=reason or 'all nodes are active',
    )
    needs = needs or {}
    return [whole, *(_status(manager, node, needs) for node in manager.nodes.values())]


def _level_of_state(state: int) -> bytes:
    if state == SystemState.STATE_FAILED:
        return bytes(DiagnosticStatus.ERROR)
    if state == SystemState.STATE_READY:
        return bytes(DiagnosticStatus.OK)
    return bytes(DiagnosticStatus.WARN)


def _status(
    manager: LifecycleManager, node: Watched, needs: Mapping[str, int]
) -> DiagnosticStatus:
    reason = why(manager, node)
    beat = node.beat
    values = {
        'tier': node.spec.tier.value,
        'state': STATE_NAMES.get(node.effective, str(node.effective)),
        'restarts': str(node.restarts),
    }
    if beat is not None:
        values |= {
            'pid': str(beat.pid),
            'instance': str(beat.instance_id),
            'backend': str(beat.backend),
            'loop lag (s)': f'{beat.loop_lag_s:.3f}',
            'busy': 'yes' if beat.busy else 'no',
            'last error': str(beat.last_error),
        }
        rows = zip(beat.queues, beat.queue_depth, beat.queue_dropped, strict=False)
        for queue, depth, dropped in rows:
            values[f'queue {queue}: waiting'] = str(depth)
            values[f'queue {queue}: dropped'] = str(dropped)
    planned = needs.get(node.spec.name.rsplit('/', 1)[-1], 0)
    held = manager.memory_mb(node.spec.name)
    values |= {'memory planned (MB)': str(planned)} if planned else {}
    values |= {'memory held (MB)': f'{held:.0f}'} if held else {}
    if held and (beside := _in_process_of(manager, node)) > 1:
        values['memory held by'] = f'its process, with {beside} nodes'
    return DiagnosticStatus(
        level=_level(manager, node, reason),
        name=f'tektra: {node.spec.name}',
        message=reason or 'healthy',
        hardware_id=node.spec.name,
        values=[KeyValue(key=key, value=value) for key, value in values.items()],
    )


def _in_process_of(manager: LifecycleManager, node: Watched) -> int:
    """Return how many nodes share a process of this machine."""
    beats = [n.beat for n in manager.nodes.values() if not n.missing]
    return sum(b is not None and node.beat is not None and b.pid == node.beat.pid for b in beats)


def _level(manager: LifecycleManager, node: Watched, reason: str) -> bytes:
    if node.effective == MISSING:
        return bytes(DiagnosticStatus.STALE)
    if node.looping or node.error or node.spec.name in manager.course.failed:
        return bytes(DiagnosticStatus.ERROR)
    lag = float(node.beat.loop_lag_s) if node.beat is not None else 0.0
    unwell = bool(reason) and not _rests(manager, node.spec.name)
    return bytes(DiagnosticStatus.WARN if unwell or lag > LAG_S else DiagnosticStatus.OK)
