# A bare Debian 12 in a folder of its own, for tests by hand. Sourced; needs root and debootstrap.
#   make_debian FOLDER       from this machine's own mirror
#   in_debian COMMAND...     runs there
#   become_debian COMMAND... the same in place of this process: for COMMAND... &, whose id is then the command's own
#   drop_debian              unmounts and removes it

make_debian() {
  debian=$1
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -v security | head -n 1)
  echo "debootstrap bookworm from $mirror into $debian"
  debootstrap --variant=minbase --include=ca-certificates,git bookworm "$debian" "$mirror" >"$debian.log" 2>&1 ||
    { tail -n 20 "$debian.log" >&2; return 1; }
  # The way to the mirror (proxies and keys) is this machine's.
  cp -a /etc/apt/apt.conf.d/. "$debian/etc/apt/apt.conf.d/"
  cp -aL /etc/resolv.conf "$debian/etc/resolv.conf"
  cp -a /etc/hosts "$debian/etc/hosts"
  if [ -d /usr/local/share/ca-certificates ]; then
    cp -a /usr/local/share/ca-certificates/. "$debian/usr/local/share/ca-certificates/"
    chroot "$debian" update-ca-certificates >/dev/null 2>&1 || true
  fi
  mount --bind /proc "$debian/proc"
  mount --bind /dev "$debian/dev"
}

become_debian() { exec chroot "$debian" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"; }
in_debian() { (become_debian "$@"); }

drop_debian() {
  umount "$debian/dev" "$debian/proc" 2>/dev/null || true
  mountpoint -q "$debian/dev" || mountpoint -q "$debian/proc" || rm -rf --one-file-system "$debian" "$debian.log"
}
