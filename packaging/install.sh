#!/bin/sh
# Installs the Debian packages of the named sections of packages.txt that are missing. Safe to repeat; touches nothing
# where all are there.
#   packaging/install.sh build test
set -eu

here=$(cd "$(dirname "$0")" && pwd)
wanted=
for section in "$@"; do
  wanted="$wanted $(awk -v section="[$section]" '/^\[/ { on = ($0 == section); next } on && NF && !/^#/' "$here/packages.txt")"
done

missing=
for package in $wanted; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "Installing:$missing"
if ! command -v apt-get >/dev/null; then
  echo "This is no Debian: please install what corresponds to these packages yourself, then run this again." >&2
  exit 1
fi
as_root=
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "Please run this once as root (or install sudo): the packages above are missing." >&2
    exit 1
  fi
  as_root=sudo
fi
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get -qq update
# shellcheck disable=SC2086 # the list is meant to be split
$as_root apt-get -qq install -y --no-install-recommends $missing >/dev/null
