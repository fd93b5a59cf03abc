#!/usr/bin/env bash
# Fuzzes one target: tools/fuzz.sh TARGET [RUNS]. What is found stays below target/fuzz/TARGET.
# Any compiler will do. SANITIZER=address looks at memory too, with a nightly compiler.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target="${1:?the name of a target in rust/fuzz/fuzz_targets}"
runs="${2:-100000}"

case "$target" in
aggregate | btree_node | dump | manifest | version_node | zstd_frame) dictionary=binary ;;
checkpoint | verify) dictionary=bundle ;;
*) dictionary=json ;;
esac

command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
found="target/fuzz/$target"
mkdir -p "$found/inputs" "$found/failures"
exec cargo fuzz run --fuzz-dir rust/fuzz --target-dir target/fuzz/build \
    --sanitizer "${SANITIZER:-none}" "$target" "$found/inputs" "rust/fuzz/seeds/$target" -- \
    -runs="$runs" -max_len=8192 -timeout=20 -dict="rust/fuzz/dictionaries/$dictionary.dict" \
    -artifact_prefix="$found/failures/" -print_final_stats=1
