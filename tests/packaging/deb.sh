#!/bin/sh
# The Debian package in a bare Debian 12: installs, serves as its own user, keeps the data over an upgrade and a removal,
# and is gone without a trace after a purge. By hand and for a release. Needs root and debootstrap, after
# ./run --build-only.
#   tests/packaging/deb.sh [FOLDER]
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/debian_root.sh"
work=${1:-$(mktemp -d /var/tmp/madang-deb.XXXXXX)}
server=
stop() {
  [ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; } || true
  server=
}
finish() { stop; drop_debian; }
trap finish EXIT
trap 'exit 1' INT TERM

package() { # VERSION
  cpack --config "$root/build/release/CPackConfig.cmake" -D CPACK_PACKAGE_VERSION="$1" -B "$work/packages" >"$work/cpack.log" ||
    { cat "$work/cpack.log" >&2; exit 1; }
}
start() {
  become_debian setpriv --reuid=madang --regid=madang --clear-groups \
    /usr/bin/madang serve --config /etc/madang/madang.toml --port 18080 >"$work/server.out" 2>&1 &
  server=$!
  tries=0
  until curl -sf http://localhost:18080/ready >/dev/null; do
    tries=$((tries + 1))
    if [ $tries -gt 100 ]; then cat "$work/server.out" >&2; exit 1; fi
    sleep 0.1
  done
}
entity=http://localhost:18080/ngsi-ld/v1/entities

package 0.1.0
package 0.1.1
make_debian "$work/debian"
mkdir "$debian/packages"
cp "$work"/packages/*.deb "$debian/packages/"
in_debian apt-get -qq update

in_debian sh -c 'apt-get -qq install -y /packages/madang_0.1.0_*.deb' >/dev/null
start
curl -sf -X POST "$entity" -H 'Content-Type: application/json' \
  -d '{"id":"urn:ngsi-ld:Bench:1","type":"Bench","seats":{"type":"Property","value":4}}'
test "$(curl -s -o /dev/null -w '%{http_code}' --compressed "http://localhost:18080/$(curl -s http://localhost:18080/ | grep -o 'assets/index-[^"]*\.js')")" = 200
stop
echo "ok installs and serves, the portal too"

in_debian sh -c 'echo "# mine" >>/etc/madang/madang.toml; apt-get -qq install -y /packages/madang_0.1.1_*.deb' >/dev/null
grep -q '^# mine' "$debian/etc/madang/madang.toml"
start
curl -sf "$entity/urn:ngsi-ld:Bench:1" | grep -q '"seats"'
stop
echo "ok upgrades with data and configuration kept"

in_debian apt-get -qq remove -y madang >/dev/null
test ! -e "$debian/usr/bin/madang"
test -n "$(ls "$debian/var/lib/madang")"
echo "ok removed, data kept"

in_debian apt-get -qq purge -y madang >/dev/null
test ! -e "$debian/var/lib/madang"
test ! -e "$debian/etc/madang/madang.toml"
in_debian sh -c '! getent passwd madang' >/dev/null
echo "ok purged"
