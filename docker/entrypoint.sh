#!/usr/bin/env bash
# Runs a command with ROS 2 Jazzy and Tektra in its environment.
set -e
# shellcheck source=/dev/null
source /opt/ros/jazzy/setup.bash
# shellcheck source=/dev/null
source /opt/tektra/install/setup.bash
exec "$@"
