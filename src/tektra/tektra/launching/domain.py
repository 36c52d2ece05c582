"""The ROS domain of a checkout: its own, so that two checkouts run at once without meeting."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tektra.launching.errors import LaunchError
from tektra.runtime.host_lock import lock_folder

VARIABLE = 'ROS_DOMAIN_ID'

LOWEST, HIGHEST = 1, 59
"""Domains to choose from: not 0, where everything else is; up to 59 so that tests use those
above."""

MAX_DOMAIN = 232
"""Highest domain of RTPS: a port number is 7400 + 250 * domain + offset < 65536."""


@dataclass
class Domain:
    """A domain in use by this process.

    `descriptor` holds the host-wide lock, or is None where the user chose the domain.
    """

    number: int
    chosen_by_user: bool
    descriptor: int | None

    def release(self) -> None:
        """Give the domain back."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


def preferred(checkout: Path) -> int:
    """Return the domain that a checkout tries first, LOWEST to HIGHEST, from its path."""
    digest = hashlib.sha256(os.fsencode(checkout.resolve())).digest()
    return LOWEST + int.from_bytes(digest[:8], 'big') % (HIGHEST - LOWEST + 1)


def of_ros(environment: Mapping[str, str]) -> int:
    """Return the domain that every other ROS program of this environment uses; 0 if unset.

    Raises:
        LaunchError: ROS_DOMAIN_ID is not a domain.
    """
    text = environment.get(VARIABLE) or '0'
    if not text.isdigit() or int(text) > MAX_DOMAIN:
        raise LaunchError(f"{VARIABLE} is '{text}'; it must be 0 to {MAX_DOMAIN}, or unset")
    return int(text)


def choose(checkout: Path, environment: Mapping[str, str], folder: Path | None = None) -> Domain:
    """Return the user's ROS_DOMAIN_ID, or take the preferred or the next free domain.

    Args:
        checkout: the folder whose path decides.
        environment: where ROS_DOMAIN_ID may be set; it is never overridden.
        folder: where the locks are; default `lock_folder()`.

    Raises:
        LaunchError: ROS_DOMAIN_ID is not a domain, all are taken, or no lock can be written.
    """
    if environment.get(VARIABLE):
        return Domain(of_ros(environment), chosen_by_user=True, descriptor=None)
    folder = lock_folder() if folder is None else folder
    count = HIGHEST - LOWEST + 1
    first = preferred(checkout) - LOWEST
    for step in range(count):
        number = LOWEST + (first + step) % count
        descriptor = _take(folder, number)
        if descriptor is not None:
            return Domain(number, chosen_by_user=False, descriptor=descriptor)
    raise LaunchError(
        f'all ROS domains from {LOWEST} to {HIGHEST} are in use on this host ({folder}); '
        f'set {VARIABLE}'
    )


def _take(folder: Path, number: int) -> int | None:
    path = folder / f'domain-{number}.lock'
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise LaunchError(f'{folder} belongs to another user; set {VARIABLE}')
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise LaunchError(f'{path}: {error.strerror}; set {VARIABLE}') from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
