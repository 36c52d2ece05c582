#!/usr/bin/env bash
# Installs into a virtual environment the Python packages of Tektra that have no rosdep key.
#
#   docker/robot-python.sh VENV
#
# Makes VENV with the system's packages visible if it does not exist. Run by the Dockerfile, by the
# steps of docs/robot.md and by .ci/numpy126, so that none of them can rot unseen. The versions are the
# pins of requirements/; what apt provides (requirements/noble.txt) is left to apt, above all the numpy
# that ROS was built with. TEKTRA_NO_GPL=1 leaves espeak-ng and piper out.
#
# Wheels only; but for arm64 nobody publishes these two, which are built there: with g++ and Python.h.
readonly FROM_SOURCE=miniaudio,pocketsphinx
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=${1:?"usage: $0 VENV"}
lists=("$here/requirements/base.txt" "$here/requirements/no-deps.txt")
[[ ${TEKTRA_NO_GPL:-} == 1 ]] || lists+=("$here/requirements/speech-gpl.txt")

[[ -x $venv/bin/python ]] || "${TEKTRA_PYTHON:-python3}" -m venv --system-site-packages "$venv"

# Lines of the lists without those whose name is in noble.txt.
wanted=$(mktemp)
trap 'rm -f "$wanted"' EXIT
awk -F '==' '
    /^#/ || NF < 2 { next }
    FILENAME == ARGV[1] { provided[$1] = 1; next }
    !($1 in provided)
' "$here/requirements/noble.txt" "${lists[@]}" >"$wanted"

how=(--only-binary=:all:)
if [[ $(uname -m) != x86_64 ]]; then
    how+=("--no-binary=$FROM_SOURCE")
    # The first is heard by pip up to 25.2, the second by later ones.
    export PIP_CONSTRAINT=$here/requirements/source-builds.txt
    export PIP_BUILD_CONSTRAINT=$PIP_CONSTRAINT
fi

# --no-deps: the lists are complete, and two of them name torch for files that do not need it.
"$venv/bin/python" -m pip install --disable-pip-version-check --no-input --no-deps \
    "${how[@]}" --requirement "$wanted"
