#!/bin/sh
# Real tables as feeds. $MADANG_TEST_DATA names the folder of the data, $MADANG the server.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
if [ -z "${MADANG_TEST_DATA:-}" ]; then
  echo "skipped: \$MADANG_TEST_DATA is not set"
  exit 0
fi
exec python3 "$root/tests/data/feeds.py" "${MADANG:-$root/build/dev/madang}" "$MADANG_TEST_DATA"
