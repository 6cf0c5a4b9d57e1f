#!/bin/sh
# The W3C's tests of the JSON-LD 1.1 API (expansion and compaction) against Madang's algorithms.
#
#   tests/conformance/jsonld.sh SUITE_DIR [BUILD_DIR]
#
# SUITE_DIR: the folder tests/ of https://github.com/w3c/json-ld-api. BUILD_DIR: a configured build (build/release).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ $# -lt 1 ] || [ ! -f "$1/expand-manifest.jsonld" ]; then
  sed -n '2,6p' "$0" | cut -c3-
  exit 2
fi
build=${2:-$here/../../build/release}
cmake --build "$build" --target jsonld > "$build/jsonld_build.log" 2>&1 || { tail -30 "$build/jsonld_build.log"; exit 1; }
exec python3 "$here/jsonld.py" "$build/tests/jsonld" "$1"
