#!/bin/sh
# Real timetables, GeoPackages and Shapefiles as feeds. $MADANG_TEST_DATA names the folder of the data, $MADANG the server.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
if [ -z "${MADANG_TEST_DATA:-}" ]; then
  echo "skipped: \$MADANG_TEST_DATA is not set"
  exit 0
fi
exec python3 "$root/tests/data/packed.py" "${MADANG:-$root/build/dev/madang}" "$MADANG_TEST_DATA"
