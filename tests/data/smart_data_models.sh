#!/bin/sh
# Public data models of cities, there and back: what their authors publish as examples is created, shown as it was
# written, and sent back. $MADANG_TEST_DATA names the folder of the data, $MADANG the server.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
if [ -z "${MADANG_TEST_DATA:-}" ]; then
  echo "skipped: \$MADANG_TEST_DATA is not set"
  exit 0
fi
exec python3 "$root/tests/data/smart_data_models.py" "${MADANG:-$root/build/release/madang}" "$MADANG_TEST_DATA"
