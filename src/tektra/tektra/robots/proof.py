"""Who may reset and enable: whoever can read the robot's key file (mode 0600).

The proof is an HMAC-SHA256 over what is asked and the epoch that it is asked for, so that neither
a string in a message nor a bag of yesterday can move a robot.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from tektra.config.layers import home

KEY_BYTES = 32
# Who the gate of a simulated robot says it is when it resets the start of estop by itself.
AUTO_ENABLE = 'auto_enable'


class RobotKeyError(RuntimeError):
    """The key file cannot be used; the text says why and what to do."""


def key_file(robot: str) -> Path:
    """Return where the key of a robot is: ``TEKTRA_HOME/keys/ROBOT.key``."""
    return home() / 'keys' / f'{robot}.key'


def read_key(path: Path, fix: str = 'estop makes it at its first start') -> bytes:
    """Return the key of a file.

    :raises RobotKeyError: if it is absent, too short, or readable by others.
    """
    try:
        mode = path.stat().st_mode
        key = path.read_bytes()
    except OSError as error:
        raise RobotKeyError(f'{path}: {error.strerror}; {fix}') from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise RobotKeyError(f'{path}: others may read this key; chmod 600 {path}')
    if len(key) < KEY_BYTES:
        raise RobotKeyError(f'{path}: too short for a key; remove it; {fix}')
    return key


def ensure_key(path: Path) -> bytes:
    """Return the key of a file, which is made if there is none.

    :raises RobotKeyError: as ``read_key``, and if the file cannot be made.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_key(path)
    except OSError as error:
        raise RobotKeyError(f'{path}: {error.strerror}') from None
    with os.fdopen(descriptor, 'wb') as file:
        file.write(secrets.token_bytes(KEY_BYTES))
    return read_key(path)


def reset_proof(key: bytes, instance_id: str, stop_id: int, nonce: str) -> str:
    """Return the proof for ``ResetEstop``, as its comment says."""
    return _proof(key, 'reset', instance_id, str(stop_id), nonce)


def enable_proof(
    key: bytes, estop_instance_id: str, stop_id: int, gate_instance_id: str, gate_epoch: int
) -> str:
    """Return the proof for ``EnableMotion``, as its comment says."""
    epoch = (estop_instance_id, str(stop_id), gate_instance_id, str(gate_epoch))
    return _proof(key, 'enable', *epoch)


def holds(expected: str, given: str) -> bool:
    """Return whether a proof is right, in a time that does not tell how much of it is."""
    return hmac.compare_digest(expected.encode(), given.encode())


def _proof(key: bytes, *words: str) -> str:
    return hmac.new(key, '|'.join(words).encode(), hashlib.sha256).hexdigest()
