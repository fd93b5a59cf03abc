#!/usr/bin/env bash
# Installs orbscan in editable form with what its tests and linters need: tools/install.sh VENV/bin
#
# The first build and the downloads take minutes each and need nothing of one another.
set -euo pipefail
bin="$1"

"$bin/maturin" develop --release --skip-install --quiet &
building=$!
trap 'kill "$building" 2>/dev/null || true' EXIT

mapfile -t requirements < <("$bin/python" tools/requirements.py test lint docs)
"$bin/pip" install "${requirements[@]}"

wait "$building"
trap - EXIT
# Finds everything there, and adds orbscan itself.
"$bin/maturin" develop --release --extras test,lint,docs
