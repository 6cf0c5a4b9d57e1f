#!/bin/sh
# Builds the portal into web/dist. Does nothing where that is newer than its sources; needs the network only where
# node_modules is not what package-lock.json says. Exit code 3: what it needs is not there.
set -eu
cd "$(dirname "$0")"

if [ -e dist/index.html ] &&
  [ -z "$(find src index.html package-lock.json vite.config.ts tsconfig.json -newer dist/index.html -print -quit)" ]; then
  exit 0
fi

if ! command -v npm >/dev/null || ! node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)'; then
  echo "web/build.sh: Node 18 or later and npm are needed (Debian 12: apt-get install nodejs npm)" >&2
  exit 3
fi

if ! cmp -s package-lock.json node_modules/.installed-lock; then
  echo "Portal: fetching what package-lock.json names"
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || exit 3
  cp package-lock.json node_modules/.installed-lock
fi
echo "Portal: building"
npx --no-install tsc --noEmit
npx --no-install vite build --logLevel warn
echo "Portal: built, $(find dist -name '*.gz' -exec cat {} + | wc -c | awk '{ printf "%.0f", $1 / 1000 }') kB compressed in all"
