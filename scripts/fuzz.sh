#!/usr/bin/env bash
# Feeds made-up input to what reads mail, guided by which code it reaches (libFuzzer):
#
#   scripts/fuzz.sh SECONDS TARGET...
#
# Each target runs alone, for so long. What it learned stays in target/fuzz/corpus/TARGET and is where the next run begins;
# an input that breaks something is kept in target/fuzz/artifacts and ends the run with an error. FUZZ_SEEDS=DIR adds files
# to begin with. An input may take 10 s and 2 GiB.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=$1
shift
crate=crates/mime/fuzz
out=$PWD/target/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')

# The flags of `cargo fuzz`, as far as a stable compiler has them. `--target` keeps them from build scripts.
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing"
command -v c++ >/dev/null || { echo "A C++ compiler is missing (Debian, Ubuntu: apt-get install g++): libFuzzer needs it." >&2; exit 1; }
RUSTFLAGS=$coverage cargo build --quiet --release --locked --manifest-path $crate/Cargo.toml --target "$host" --target-dir "$out/build"

failed=()
for target in "$@"; do
  case $target in
    sanitise) words=html ;;
    *) words=mail ;;
  esac
  mkdir -p "$out/corpus/$target" "$out/artifacts"
  log=$out/$target.log
  seeds=()
  [ -n "${FUZZ_SEEDS:-}" ] && seeds=("$FUZZ_SEEDS")
  if "$out/build/$host/release/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 \
    -dict=$crate/dictionaries/$words.dict -artifact_prefix="$out/artifacts/$target-" -print_final_stats=1 \
    "$out/corpus/$target" "${seeds[@]}" >"$log" 2>&1; then
    said=nothing
  else
    said="see $log"
    failed+=("$target")
  fi
  sed -n 's/^stat::number_of_executed_units: */  executions: /p; s/^stat::peak_rss_mb: */  peak memory, MiB: /p' "$log" |
    { printf '%s, %s s, found: %s\n' "$target" "$seconds" "$said"; cat; }
  sed -n 's/^#[0-9]*\tDONE *cov: \([0-9]*\).*/  edges reached: \1/p' "$log"
done
[ ${#failed[@]} -eq 0 ]
