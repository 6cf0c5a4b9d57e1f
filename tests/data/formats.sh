#!/bin/sh
# Real files through the readers of src/formats, beside what Python's own modules find in them. $MADANG_TEST_DATA names
# the folder of the data, $MADANG the server (read_formats lies beside it, in tests/).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
if [ -z "${MADANG_TEST_DATA:-}" ]; then
  echo "skipped: \$MADANG_TEST_DATA is not set"
  exit 0
fi
exec python3 "$root/tests/data/formats.py" "$(dirname "${MADANG:-$root/build/dev/madang}")/tests/read_formats" "$MADANG_TEST_DATA"
