"""ROS variables of the environment that surprise."""

from __future__ import annotations

import xml.etree.ElementTree as Tree
from collections.abc import Mapping
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_prefix

from tektra.doctor.finding import Finding, Severity, ok
from tektra.launching import domain

Environment = Mapping[str, str]

RMW = 'rmw_fastrtps_cpp'
DISTRO = 'jazzy'
HIGHEST_SAFE_DOMAIN = 101
"""From domain 102 on, RTPS ports (7400 + 250 * domain) are among Linux' ephemeral ones (32768)."""

_RANGES = ('LOCALHOST', 'SUBNET', 'OFF', 'SYSTEM_DEFAULT')


class DomainId:
    """ROS_DOMAIN_ID is a domain, and one whose ports nobody else takes."""

    name = 'ROS_DOMAIN_ID'

    def __init__(self, environment: Environment) -> None:
        self._text = environment.get(domain.VARIABLE, '')

    def run(self) -> list[Finding]:
        """Check the number."""
        if not self._text:
            return ok('not set: each checkout has a domain of its own')
        if not self._text.isdigit() or int(self._text) > domain.MAX_DOMAIN:
            what = f"ROS_DOMAIN_ID is '{self._text}'; it must be 0 to {domain.MAX_DOMAIN}"
            return [Finding(Severity.ERROR, what, 'unset ROS_DOMAIN_ID')]
        if int(self._text) > HIGHEST_SAFE_DOMAIN:
            what = f'ROS_DOMAIN_ID is {self._text}: its ports are also given to any other program'
            return [Finding(Severity.WARNING, what, 'export ROS_DOMAIN_ID=42  # 0 to 101')]
        return ok(self._text)


class Middleware:
    """The middleware is the one that Tektra is tested with, and it is there."""

    name = 'RMW_IMPLEMENTATION'

    def __init__(self, environment: Environment) -> None:
        self._chosen = environment.get(self.name, '')

    def run(self) -> list[Finding]:
        """Look the package up."""
        if self._chosen in ('', RMW):
            return ok(self._chosen or f'not set: {RMW}')
        try:
            get_package_prefix(self._chosen)
        except (PackageNotFoundError, ValueError):
            what = f"{self.name} is '{self._chosen}', which is not installed: no node starts"
            return [Finding(Severity.ERROR, what, f'unset {self.name}')]
        what = f'{self.name} is {self._chosen}; Tektra is tested with {RMW}'
        return [Finding(Severity.WARNING, what, f'unset {self.name}')]


class Discovery:
    """Nodes find each other on this machine, and nobody else finds them unasked."""

    name = 'discovery'

    def __init__(self, environment: Environment) -> None:
        self._env = environment

    def run(self) -> list[Finding]:
        """Look at the variables of discovery."""
        found = []
        chosen = self._env.get('ROS_AUTOMATIC_DISCOVERY_RANGE', '')
        if chosen and chosen.upper() not in _RANGES:
            what = f"ROS_AUTOMATIC_DISCOVERY_RANGE is '{chosen}', not one of {', '.join(_RANGES)}"
            fix = 'export ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST'
            found.append(Finding(Severity.ERROR, what, fix))
        elif chosen.upper() in ('SUBNET', 'SYSTEM_DEFAULT'):
            what = f'ROS_AUTOMATIC_DISCOVERY_RANGE is {chosen}: everyone on the network may join'
            fix = 'export ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST, unless you want that'
            found.append(Finding(Severity.WARNING, what, fix))
        elif chosen.upper() == 'OFF':
            what = 'ROS_AUTOMATIC_DISCOVERY_RANGE is OFF: no node finds another'
            fix = 'export ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST'
            found.append(Finding(Severity.ERROR, what, fix))
        if self._env.get('ROS_LOCALHOST_ONLY'):
            what = 'ROS_LOCALHOST_ONLY is deprecated since Iron and overrides the discovery range'
            fix = 'unset ROS_LOCALHOST_ONLY; export ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST'
            found.append(Finding(Severity.WARNING, what, fix))
        for name in ('ROS_DISCOVERY_SERVER', 'ROS_STATIC_PEERS'):
            if self._env.get(name):
                what = f"{name} is '{self._env[name]}': nodes talk to other machines"
                found.append(
                    Finding(Severity.WARNING, what, f'unset {name}, unless you want that')
                )
        return found or ok(f'range {chosen or "LOCALHOST (set by launch)"}')


class OtherRos:
    """No second ROS 2 is mixed into this one."""

    name = 'other ROS'

    def __init__(self, environment: Environment, wheels: bool) -> None:
        """``wheels``: ROS 2 comes from the virtual environment of a checkout."""
        self._env = environment
        self._wheels = wheels

    def run(self) -> list[Finding]:
        """Look at the distribution and at paths to /opt/ros."""
        found = []
        distro = self._env.get('ROS_DISTRO', DISTRO)
        if distro != DISTRO:
            what = f'ROS_DISTRO is {distro}; Tektra is for {DISTRO}'
            found.append(Finding(Severity.ERROR, what, 'open a shell that does not source it'))
        for name in ('PYTHONPATH', 'AMENT_PREFIX_PATH', 'LD_LIBRARY_PATH'):
            if self._wheels and '/opt/ros/' in self._env.get(name, ''):
                what = f'{name} holds /opt/ros beside the ROS 2 of this checkout: they do not mix'
                fix = 'open a shell that does not source /opt/ros/*/setup.bash'
                found.append(Finding(Severity.WARNING, what, fix))
        return found or ok(distro)


class DdsProfile:
    """Fast DDS uses shared memory, with a profile that it can read."""

    name = 'DDS profile'
    _FILES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
    _WITH_SHARED_MEMORY = ('DEFAULT', 'DEFAULTv6', 'SHM', 'LARGE_DATA', 'LARGE_DATAv6')
    _WITHOUT = ('UDPv4', 'UDPv6', 'P2P', 'NONE')

    def __init__(self, environment: Environment, shipped: Path) -> None:
        """``shipped``: the profile that launch uses unless told otherwise."""
        self._env = environment
        self._shipped = shipped

    def run(self) -> list[Finding]:
        """Read the variables, and the file that they name."""
        found = [f for name in self._FILES if self._env.get(name) for f in self._file(name)]
        chosen = self._env.get('FASTDDS_BUILTIN_TRANSPORTS', '').partition('?')[0]
        if chosen in self._WITHOUT:
            what = f'FASTDDS_BUILTIN_TRANSPORTS is {chosen}: no shared memory, more latency'
            found.append(Finding(Severity.NOTE, what, 'unset FASTDDS_BUILTIN_TRANSPORTS'))
        elif chosen and chosen not in self._WITH_SHARED_MEMORY:
            known = ', '.join((*self._WITH_SHARED_MEMORY, *self._WITHOUT))
            what = f"FASTDDS_BUILTIN_TRANSPORTS is '{chosen}', not one of {known}"
            found.append(Finding(Severity.ERROR, what, 'unset FASTDDS_BUILTIN_TRANSPORTS'))
        return found or ok(f'shared memory and UDP; {self._shipped.name} of Tektra')

    def _file(self, name: str) -> list[Finding]:
        path = Path(self._env[name])
        if path.is_file() and self._shipped.is_file() and path.samefile(self._shipped):
            return []
        try:
            root = Tree.parse(path).getroot()
        except (OSError, Tree.ParseError) as error:
            what = f'{name}: {path} cannot be read ({error}); Fast DDS ignores it'
            return [Finding(Severity.ERROR, what, f'mend the file, or unset {name}')]
        tags = {element.tag.rpartition('}')[2]: (element.text or '') for element in root.iter()}
        kinds = [e.text or '' for e in root.iter() if e.tag.rpartition('}')[2] == 'type']
        if tags.get('useBuiltinTransports', '').strip() == 'false' and 'SHM' not in kinds:
            what = f'{path} switches shared memory off: more latency'
            return [Finding(Severity.NOTE, what, f'unset {name}, or add a transport of type SHM')]
        return [Finding(Severity.NOTE, f'{name}: {path} changes Fast DDS', f'unset {name}')]
