#!/usr/bin/env bash
# Calls maturin, with the profile if there is one:
#
#     tools/pgo/build.sh VENV PROFILE develop|build [OPTION ...]
#
# PROFILE is cargo's, release or dev.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
maturin="$1/bin/maturin"
profile="$2"
subcommand="$3"
shift 3
if [[ "$profile" == release && -f "${CARGO_TARGET_DIR:-target}/pgo/orbscan.profdata" ]]; then
    export RUSTC_WORKSPACE_WRAPPER="$PWD/tools/pgo/rustc"
fi
exec "$maturin" "$subcommand" --profile "$profile" --quiet "$@"
