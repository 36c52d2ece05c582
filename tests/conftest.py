"""What every layer of tests shares: the test data, and a ROS domain that nobody else uses.

The variables are set before rclpy is imported; each worker of pytest-xdist has its own domain, and
so has another checkout that tests on this machine at the same time.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tektra.runtime.privacy import stay_private

ROOT = Path(__file__).resolve().parents[1]
DOMAINS = range(60, 100)

# rclpy checks the types of message fields only when asked; without it `1` in a float field is
# stored as 5e-324.
os.environ['ROS_PYTHON_CHECK_FIELDS'] = '1'
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
stay_private()


def _claim_domain() -> tuple[int, int]:
    """Return a domain id that no other test process holds, and the descriptor that holds it."""
    worker = os.environ.get('PYTEST_XDIST_WORKER', 'gw0').removeprefix('gw')
    first = int(worker) if worker.isdigit() else 0
    folder = Path(tempfile.gettempdir(), f'tektra-test-domains-{os.getuid()}')
    folder.mkdir(exist_ok=True)
    for offset in range(len(DOMAINS)):
        domain = DOMAINS[(first + offset) % len(DOMAINS)]
        descriptor = os.open(folder / str(domain), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            return domain, descriptor
    raise RuntimeError(f'all ROS domains {DOMAINS[0]} to {DOMAINS[-1]} are taken ({folder})')


@pytest.fixture(scope='session', autouse=True)
def ros_domain_id() -> Iterator[int]:
    """Give this test process a ROS domain of its own, also in ROS_DOMAIN_ID."""
    domain, descriptor = _claim_domain()
    before = os.environ.get('ROS_DOMAIN_ID')
    os.environ['ROS_DOMAIN_ID'] = str(domain)
    yield domain
    if before is None:
        del os.environ['ROS_DOMAIN_ID']
    else:
        os.environ['ROS_DOMAIN_ID'] = before
    os.close(descriptor)


@pytest.fixture
def empty_domain_id(ros_domain_id: int) -> Iterator[int]:
    """Return a ROS domain where not even this process has a node."""
    domain, descriptor = _claim_domain()
    assert domain != ros_domain_id
    yield domain
    os.close(descriptor)


@pytest.fixture(scope='session')
def test_data() -> Path:
    """Return the folder of recordings, or skip, saying where it was looked for."""
    folder = Path(os.environ.get('TEKTRA_TEST_DATA') or ROOT.parent / 'shared' / 'data')
    if not folder.is_dir():
        pytest.skip(f'no test data in {folder}; set TEKTRA_TEST_DATA to the folder that has it')
    return folder
