#!/usr/bin/env bash
# Makes the profile with which the extension module is compiled, in two steps:
#
#     tools/pgo/profile.sh VENV compile     an extension that notes what it executes
#     tools/pgo/profile.sh VENV train       lets it read checkpoints
#
# For the second, VENV has everything that the tests need. A call for a small checkpoint executes
# each function once, in cold caches, and takes a tenth less time if the compiler knows which. What
# is missing here costs this tenth and nothing else, so it is said, and no error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
venv="$1"
profiles="$(realpath -m "${CARGO_TARGET_DIR:-target}")/pgo"
crates=(-p orbscan-core -p orbscan-arrow -p orbscan-remote -p orbscan-py)
libraries="$(rustc --print sysroot)/lib/rustlib"
profdata="$libraries/$(rustc -vV | sed -n 's/^host: //p')/bin/llvm-profdata"
export RUSTC_WORKSPACE_WRAPPER="$PWD/tools/pgo/rustc"

without() {
    echo "    small reads will take a tenth longer than they could: $1"
    rm -rf "$profiles"
    exit 0
}

case "$2" in
compile)
    rm -rf "$profiles"
    if [[ ! -x "$profdata" ]]; then
        rustup component add llvm-tools >/dev/null 2>&1 || true
    fi
    [[ -x "$profdata" ]] || without "the component llvm-tools of the Rust toolchain is missing"
    "$venv/bin/maturin" develop --release --skip-install --quiet ||
        without "this Rust toolchain cannot write a profile"
    ;;
train)
    [[ -d "$profiles/raw" ]] || exit 0
    PYTHONPATH=python "$venv/bin/python" -m tools.pgo.train || without "not everything could be read"
    "$profdata" merge --output "$profiles/merged" "$profiles/raw" ||
        without "llvm-profdata cannot read the profile"
    rm -rf "$profiles/raw"
    mv "$profiles/merged" "$profiles/orbscan.profdata"
    # Cargo does not know that the wrapper gives other options to rustc from now on.
    cargo clean --quiet --release "${crates[@]}"
    ;;
esac
