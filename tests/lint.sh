#!/bin/sh
# Form: clang-format (that of Debian 12: others wrap differently) over all C++, and no file above 700 lines.
#   tests/lint.sh                 what ./test runs; seconds
#   tests/lint.sh --tidy [FILE]…  clang-tidy over these files, or all (half an hour of processor time), as build/dev
#                                 compiles them, as many at a time as there are cores
# Ends with a line "N passed, M failed", one a file.
set -eu
cd "$(dirname "$0")/.."

passed=0
failed=0
say() { # OK FILE WORDS
  if [ "$1" = yes ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "$2: $3"; fi
}
finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}
sources() { find include src tests bench fuzz -name '*.cpp' -o -name '*.h' | sort; }

if [ "${1:-}" = --tidy ]; then
  shift
  [ $# -gt 0 ] || set -- $(sources | grep '^src/.*\.cpp$')
  told=$(mktemp -d)
  trap 'rm -rf "$told"' EXIT
  printf '%s\n' "$@" | xargs -P "$(nproc)" -I {} sh -c \
    'words=$(clang-tidy --quiet -p build/dev "$1" 2>/dev/null) || echo "$words" >"$0/$(echo "$1" | tr / +)"' "$told" {}
  for file in "$@"; do
    words=$told/$(echo "$file" | tr / +)
    if [ -e "$words" ]; then say no "$file" "$(cat "$words")"; else say yes "$file"; fi
  done
  finish
  exit
fi

formatter=no
case $(clang-format --version 2>/dev/null) in *" 14."*) formatter=yes ;; esac
[ $formatter = yes ] || echo "skipped: clang-format (version 14 is not there)"
for file in $(sources); do
  if [ "$(wc -l <"$file")" -gt 700 ]; then
    say no "$file" "more than 700 lines: split it"
  elif [ $formatter = yes ] && ! clang-format --dry-run -Werror "$file" 2>/dev/null; then
    say no "$file" "not formatted: clang-format -i $file"
  else
    say yes "$file"
  fi
done
finish
