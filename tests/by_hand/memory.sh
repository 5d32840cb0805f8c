#!/usr/bin/env bash
# Memory of the generator over ten minutes at 5,000 requests a second over 64 connections: that after ten minutes is no
# higher than that after one. Takes ten minutes and a quiet machine, so it is run by hand or by night.
#   tests/by_hand/memory.sh [RATE] [MINUTES]
set -euo pipefail
cd "$(dirname "$0")/../.."
rate=${1:-5000} minutes=${2:-10}
cargo build --release
loadline=${CARGO_TARGET_DIR:-target}/release/loadline
folder=$(mktemp -d)
"$loadline" serve --quiet >"$folder/serve" &
serve=$!
trap 'kill $serve 2>/dev/null || true; rm -rf "$folder"' EXIT
until url=$(grep -oE 'http://[0-9.:]+' "$folder/serve"); do sleep 0.1; done
"$loadline" run "$url/" --rate "$rate/s" --duration "${minutes}m" --connections 64 --out "$folder/run" --no-report --quiet &
run=$!

rss() { awk '/^VmRSS/ { print $2 }' "/proc/$run/status"; }

sleep 60
after_one=$(rss)
echo "after 1 minute: $after_one KiB"
sleep $((60 * (minutes - 1) - 2))
after_all=$(rss)
echo "after $minutes minutes: $after_all KiB"
wait $run || echo "the run ended with exit code $?"
# A hundredth is left to the allocator: growth of 2 % in ten minutes has been a fault.
if ((after_all * 100 > after_one * 101)); then
    echo "memory grew" >&2
    exit 1
fi
