#!/bin/sh
# The portal in a real browser (Debian's chromium). Says what is missing and skips where it cannot run.
#   tests/portal/run.sh PROGRAM [--fast] [--only=WORDS]        pictures go to build/portal
set -eu
cd "$(dirname "$0")/../.."
program=$1
shift

skip() {
  echo "skipped: the portal in a browser ($1)"
  echo "0 passed, 0 failed"
  exit 0
}
browser=no
for name in chromium chromium-browser google-chrome; do
  if command -v $name >/dev/null; then browser=yes; fi
done
[ $browser = yes ] || skip "no chromium: apt-get install chromium"
command -v npm >/dev/null || skip "no npm: apt-get install nodejs npm"

built=0
web/build.sh || built=$?
[ $built != 3 ] || skip "web/build.sh needs npm, and its registry the first time"
[ $built = 0 ] || exit 1
if ! cmp -s tests/portal/package-lock.json tests/portal/node_modules/.installed-lock; then
  (cd tests/portal && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || skip "npm cannot fetch what tests/portal/package-lock.json names"
  cp tests/portal/package-lock.json tests/portal/node_modules/.installed-lock
fi
exec node tests/portal/run.mjs "$program" "$@"
