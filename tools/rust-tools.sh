#!/usr/bin/env bash
# Makes sure that cargo, rustfmt and clippy are there: a minimal Rust toolchain has only cargo.
set -euo pipefail

if ! command -v cargo >/dev/null; then
    echo "*** cargo was not found: orbscan needs a Rust toolchain (see rust-version in Cargo.toml)" >&2
    exit 1
fi

for tool in rustfmt:fmt clippy:clippy; do
    component=${tool%:*}
    subcommand=${tool#*:}
    if cargo "$subcommand" --version >/dev/null 2>&1; then
        continue
    fi
    if ! command -v rustup >/dev/null; then
        echo "*** cargo $subcommand is missing and there is no rustup to add it:" \
            "install the component $component of your Rust toolchain" >&2
        exit 1
    fi
    echo "==> rustup component add $component"
    rustup component add "$component"
done
