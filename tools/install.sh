#!/usr/bin/env bash
# Installs orbscan in editable form with what its tests and linters need:
#
#     tools/install.sh VENV PROFILE
#
# PROFILE is cargo's, for the extension module: release or dev.
set -euo pipefail
venv="$1"
profile="$2"

# The first build and the downloads take minutes and need nothing of one another.
if [[ "$profile" == release ]]; then
    tools/pgo/profile.sh "$venv" compile &
else
    tools/pgo/build.sh "$venv" "$profile" develop --skip-install &
fi
building=$!
trap 'kill "$building" 2>/dev/null || true' EXIT

mapfile -t requirements < <("$venv/bin/python" tools/requirements.py test lint docs)
"$venv/bin/python" tools/packages.py "$venv" "${requirements[@]}"

wait "$building"
trap - EXIT
if [[ "$profile" == release ]]; then
    tools/pgo/profile.sh "$venv" train
fi
# Finds everything there, and adds orbscan itself.
tools/pgo/build.sh "$venv" "$profile" develop

# As for an installed package: a machine may have told Python not to keep what it compiles.
"$venv/bin/python" -m compileall -q python
