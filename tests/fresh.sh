#!/bin/sh
# Proves ./run and ./test on a bare Debian 12: debootstraps one into a folder of its own, clones this repository into
# it (what is committed), builds, starts the server, runs its three printed lines, runs ./test --fast.
# By hand and for a release. Needs root, debootstrap and about 4 GB.
#   tests/fresh.sh [FOLDER]
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/tests/debian_root.sh"
work=${1:-$(mktemp -d /var/tmp/madang-fresh.XXXXXX)}
mkdir -p "$work"
server=
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  drop_debian
}
trap finish EXIT
trap 'exit 1' INT TERM
make_debian "$work/debian"

git clone -q "$root" "$debian/root/madang"
in_debian /root/madang/run --build-only
test -x "$debian/root/madang/build/release/madang"
echo "ok ./run --build-only"

become_debian /root/madang/run --port 0 --no-sample >"$work/server.out" 2>"$work/server.err" &
server=$!
tries=0
until grep -q '^  curl .*type=' "$work/server.out" 2>/dev/null; do
  tries=$((tries + 1))
  if [ $tries -gt 600 ] || ! kill -0 "$server" 2>/dev/null; then
    cat "$work/server.out" "$work/server.err" >&2
    exit 1
  fi
  sleep 0.1
done
in_debian apt-get -qq install -y --no-install-recommends curl >/dev/null
grep '^  curl ' "$work/server.out" >"$debian/root/lines.sh"
sed -i 's/curl /curl --silent --show-error --fail /' "$debian/root/lines.sh"
in_debian sh -e /root/lines.sh
echo
echo "ok three curl lines as printed"
kill "$server"
wait "$server" || true
mkdir -p "$work"
server=

in_debian /root/madang/test --fast >"$work/test.out" 2>&1 || {
  grep -A 40 FAILED "$work/test.out" | head -n 200 >&2
  tail -n 5 "$work/test.out" >&2
  exit 1
}
tail -n 5 "$work/test.out"
echo "ok ./test --fast"
