"""The run file and the domain: one graph a checkout, found by pid and start time."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tektra.launching import domain, runfile
from tektra.launching.errors import LaunchError


def _claimed(state: Path) -> runfile.GraphLock:
    lock = runfile.claim(state)
    lock.describe(7, Path('a.launch.yaml'), {'input': 'auto'}, ['/vad'])
    return lock


def test_a_graph_is_found_as_it_described_itself_until_it_is_released(tmp_path: Path) -> None:
    lock = _claimed(tmp_path)
    found = runfile.find(tmp_path)
    assert found is not None
    assert (found.pid, found.domain_id, found.nodes) == (os.getpid(), 7, ['/vad'])
    assert (found.launch_file, found.arguments) == ('a.launch.yaml', {'input': 'auto'})
    lock.release()
    assert runfile.find(tmp_path) is None
    runfile.claim(tmp_path).release()


def test_the_lock_is_free_only_when_everyone_who_inherited_it_has_gone(tmp_path: Path) -> None:
    assert runfile.is_free(tmp_path)
    lock = _claimed(tmp_path)
    heir = os.dup(lock.descriptor)
    lock.release()
    assert not runfile.is_free(tmp_path)
    os.close(heir)
    assert runfile.is_free(tmp_path)


def test_the_domain_of_ros_is_that_of_the_environment_or_0() -> None:
    assert domain.of_ros({}) == 0
    assert domain.of_ros({'ROS_DOMAIN_ID': '7'}) == 7
    with pytest.raises(LaunchError):
        domain.of_ros({'ROS_DOMAIN_ID': 'x'})


def test_a_second_claim_is_refused_and_names_pid_domain_and_fix(tmp_path: Path) -> None:
    lock = _claimed(tmp_path)
    with pytest.raises(LaunchError) as caught:
        runfile.claim(tmp_path)
    text = caught.value.render()
    assert f'pid {os.getpid()}' in text
    assert 'ROS_DOMAIN_ID 7' in text
    assert './tektra down' in text
    lock.release()


def test_a_recycled_pid_is_not_believed(tmp_path: Path) -> None:
    lock = _claimed(tmp_path)
    values = json.loads(lock.path.read_text())
    lock.path.write_text(json.dumps({**values, 'started': values['started'] - 1}))
    assert runfile.find(tmp_path) is None
    lock.release()


def test_a_stale_file_is_ignored_and_replaced(tmp_path: Path) -> None:
    process = subprocess.Popen(['true'])
    process.wait()
    path = tmp_path / 'run' / 'graph.json'
    path.parent.mkdir()
    path.write_text(json.dumps({'pid': process.pid, 'started': 1, 'domain_id': 3}))
    assert runfile.find(tmp_path) is None
    lock = _claimed(tmp_path)
    found = runfile.find(tmp_path)
    assert found is not None
    assert found.domain_id == 7
    lock.release()


@pytest.mark.parametrize('text', ['', '{', '[]', '{"pid": 1}', '\x00'])
def test_a_damaged_file_is_no_graph(tmp_path: Path, text: str) -> None:
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / 'graph.json').write_text(text)
    assert runfile.find(tmp_path) is None


def test_a_process_that_has_ended_has_no_start_time_even_before_it_is_reaped() -> None:
    process = subprocess.Popen(['true'])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert runfile.start_time(process.pid) is None
    process.wait()
    assert runfile.start_time(os.getpid()) is not None


def test_a_state_folder_that_cannot_be_made_is_an_error_with_the_variable(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(LaunchError) as caught:
        runfile.claim(tmp_path / 'file' / 'state')
    assert 'TEKTRA_STATE_DIR' in caught.value.render()


def test_the_state_folder_follows_variable_checkout_and_installed_world() -> None:
    checkout = Path('/home/me/tektra')
    assert runfile.state_dir(checkout, {'TEKTRA_STATE_DIR': '/s'}) == Path('/s')
    assert runfile.state_dir(checkout, {}) == checkout / '.tektra'
    assert runfile.state_dir(None, {'XDG_RUNTIME_DIR': '/run/u'}) == Path('/run/u/tektra')
    assert runfile.state_dir(None, {'HOME': '/home/me'}) == Path('/home/me/.cache/tektra')


def test_the_domain_of_the_user_is_never_overridden(tmp_path: Path) -> None:
    chosen = domain.choose(tmp_path, {'ROS_DOMAIN_ID': '0'}, tmp_path / 'locks')
    assert (chosen.number, chosen.chosen_by_user, chosen.descriptor) == (0, True, None)
    assert not (tmp_path / 'locks').exists()


@pytest.mark.parametrize('text', ['-1', '233', 'seven', '1.0'])
def test_a_domain_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(LaunchError, match='must be 0 to 232'):
        domain.choose(tmp_path, {'ROS_DOMAIN_ID': text}, tmp_path)


def test_a_checkout_gets_the_same_domain_each_time_and_the_next_one_while_it_is_taken(
    tmp_path: Path,
) -> None:
    first = domain.choose(tmp_path, {}, tmp_path / 'locks')
    assert first.number == domain.preferred(tmp_path)
    second = domain.choose(tmp_path, {}, tmp_path / 'locks')
    assert second.number == first.number % domain.HIGHEST + 1
    first.release()
    again = domain.choose(tmp_path, {}, tmp_path / 'locks')
    assert again.number == first.number
    again.release()
    second.release()


def test_two_checkouts_never_share_a_domain_and_all_taken_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / 'locks'
    checkouts = [tmp_path / str(number) for number in range(domain.HIGHEST)]
    taken = [domain.choose(checkout, {}, folder) for checkout in checkouts]
    assert sorted(item.number for item in taken) == [*range(1, domain.HIGHEST + 1)]
    with pytest.raises(LaunchError, match='all ROS domains from 1 to 59 are in use'):
        domain.choose(tmp_path, {}, folder)
    for item in taken:
        item.release()
