#!/usr/bin/env bash
# Installs orbscan in editable form with what its tests and linters need:
#
#     tools/install.sh VENV PROFILE
#
# PROFILE is cargo's, for the extension module: release or dev.
set -euo pipefail
bin="$1/bin"
profile="$2"

# The first build and the downloads take minutes and need nothing of one another.
"$bin/maturin" develop --profile "$profile" --skip-install --quiet &
building=$!
trap 'kill "$building" 2>/dev/null || true' EXIT

mapfile -t requirements < <("$bin/python" tools/requirements.py test lint docs)
"$bin/python" tools/packages.py "$1" "${requirements[@]}"

wait "$building"
trap - EXIT
# Finds everything there, and adds orbscan itself.
"$bin/maturin" develop --profile "$profile" --quiet
