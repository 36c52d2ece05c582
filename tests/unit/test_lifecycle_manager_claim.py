"""Who manages a namespace, and what has become of a process."""

import contextlib
import os
import resource
import signal
import subprocess
import time

from tektra_msgs.msg import NodeHeartbeat

from tektra.lifecycle_manager.processes import HostProcesses
from tektra.lifecycle_manager.rivals import QUEUE, SILENT_S, Rivals
from tektra.lifecycle_manager.watch import Life
from tektra.runtime.host_lock import HostLock


def test_the_lock_is_one_per_domain_and_namespace_and_names_its_holder(tmp_path):
    first, second = HostLock(tmp_path, 7, '/', 'manager'), HostLock(tmp_path, 7, '/', 'manager')
    assert first.take()
    assert first.take()
    assert not second.take()
    assert second.holder == str(os.getpid())
    assert HostLock(tmp_path, 8, '/', 'manager').take()
    assert HostLock(tmp_path, 7, '/robot1', 'manager').take()
    first.release()
    assert second.take()


def test_where_no_lock_can_be_made_heartbeats_must_do_and_it_is_said(tmp_path):
    (tmp_path / 'file').write_text('')
    lock = HostLock(tmp_path / 'file', 7, '/', 'manager')
    assert lock.take()
    assert 'File exists' in lock.trouble or 'Not a directory' in lock.trouble


@contextlib.contextmanager
def no_space():
    """Let every write to a file fail, as on a full disk: also those of the test's own output."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_on_a_full_disk_the_lock_is_taken_and_given_back_all_the_same(tmp_path):
    first, second = HostLock(tmp_path, 7, '/', 'manager'), HostLock(tmp_path, 7, '/', 'manager')
    with no_space():
        taken = first.take(), second.take(), second.holder
        first.release()
        taken = (*taken, second.take())
    assert taken == (True, False, 'unknown', True)


def beat(instance, node='/manager', queues=(QUEUE,)):
    zeros = [0] * len(queues)
    return NodeHeartbeat(
        node=node,
        instance_id=instance,
        pid=5,
        queues=list(queues),
        queue_depth=zeros,
        queue_dropped=zeros,
    )


def test_of_two_managers_the_older_one_manages_and_both_agree():
    old, new = Rivals('/', 'id-1'), Rivals('/', 'id-2')
    old.on_heartbeat(beat('id-2'), 0)
    new.on_heartbeat(beat('id-1'), 0)
    assert old.older(0) == ''
    assert new.older(0) == '/manager, process 5'
    assert new.older(round(SILENT_S * 1e9)) == ''


def test_other_nodes_other_namespaces_and_ones_own_beat_are_no_rivals():
    rivals = Rivals('/r1', 'id-5')
    rivals.on_heartbeat(beat('id-1', node='/r1/vad', queues=()), 0)
    rivals.on_heartbeat(beat('id-2', node='/r2/manager'), 0)
    rivals.on_heartbeat(beat('id-3', node='/manager'), 0)
    rivals.on_heartbeat(beat('id-5', node='/r1/manager'), 0)
    assert rivals.older(0) == ''
    rivals.on_heartbeat(beat('id-4', node='/r1/another_name'), 0)
    assert rivals.older(0) == '/r1/another_name, process 5'


def until(done):
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_process_that_runs_is_stopped_or_has_ended_is_told_apart():
    process = subprocess.Popen(['sleep', '60'])
    processes = HostProcesses()
    processes.adopt('/a', process.pid)
    assert processes.life('/a') is Life.RUNS
    process.send_signal(signal.SIGSTOP)
    until(lambda: processes.life('/a') is Life.STOPPED)
    process.kill()
    until(lambda: processes.life('/a') is Life.ENDED)  # a zombie has ended
    process.wait()
    assert processes.life('/a') is Life.ENDED
    processes.adopt('/a', process.pid)  # not here: on another machine
    assert processes.life('/a') is Life.UNKNOWN
    assert processes.life('/b') is Life.UNKNOWN
