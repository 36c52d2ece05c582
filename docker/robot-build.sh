#!/usr/bin/env bash
# Builds Tektra in a ROS 2 Jazzy workspace so that its programs run in a virtual environment.
#
#   docker/robot-build.sh VENV [INSTALL_BASE]
#
# To be run in a shell that has sourced /opt/ros/jazzy/setup.bash, after docker/robot-python.sh. Used by
# the Dockerfile and by docs/robot.md. Build files go to build/robot and log/, below this checkout.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$(cd "${1:?"usage: $0 VENV [INSTALL_BASE]"}" && pwd)
install=${2:-$here/install}

if [[ ${ROS_DISTRO:-} != jazzy ]]; then
    echo "$0: this shell has no ROS 2 Jazzy; run: source /opt/ros/jazzy/setup.bash" >&2
    exit 1
fi
cd "$here"
# The interpreter becomes the first line of every program in lib/tektra and of bin/tektra.
colcon build --base-paths src --build-base build/robot --install-base "$install" \
    --cmake-args "-DPython3_EXECUTABLE=$venv/bin/python" -DCMAKE_BUILD_TYPE=Release
