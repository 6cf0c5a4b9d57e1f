#!/bin/sh
# A first city with real data: Zurich's places and Seoul's districts are imported, ten questions asked, and each answer
# compared with one computed straight from the files. $MADANG_TEST_DATA names the folder of the data, $MADANG the server.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
if [ -z "${MADANG_TEST_DATA:-}" ]; then
  echo "skipped: \$MADANG_TEST_DATA is not set"
  exit 0
fi
exec python3 "$root/tests/data/first_city.py" "${MADANG:-$root/build/release/madang}" "$MADANG_TEST_DATA"
