#!/usr/bin/env bash
# Takes the golden checkpoints apart into seeds for fuzzing: tools/fuzz_seeds.sh [FOLDER].
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out="${1:-rust/fuzz/seeds}"
unpacked="$(mktemp -d)"
trap 'rm -rf "$unpacked"' EXIT

for archive in tests/golden/corpus/*.tar.gz; do
    tar -xzf "$archive" -C "$unpacked"
done
checkpoints=()
while IFS= read -r folder; do
    checkpoints+=("$folder")
done < <(find "$unpacked" -mindepth 2 -maxdepth 2 -type d | sort)
cargo run --quiet --package orbscan-core --features testing --example fuzz_seeds -- \
    "$out" "${checkpoints[@]}" rust/orbscan-core/tests/data/ocdbt/*/
