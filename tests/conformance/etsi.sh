#!/usr/bin/env bash
# Runs the ETSI NGSI-LD test suite (Robot Framework) against a Madang that it starts itself, and prints a table by area.
# docs/how-to/conformance-suite.md says how. The suite is no part of this repository, and ./test does not need it.
set -uo pipefail

usage() {
  cat <<'TEXT'
usage: etsi.sh [options] SUITE_DIR [AREA…]

  SUITE_DIR        a checkout of the suite (has TP/, resources/, libraries/); it is only read
  AREA             CommonBehaviours Consumption EntityMap Provision Snapshot Subscription ContextSource jsonldContext
                   DistributedOperations (default: all), or a folder or file below SUITE_DIR, such as
                   TP/NGSI-LD/ContextInformation/Consumption/Discovery

  --madang PATH    the server to test                                [build/release/madang]
  --out DIR        results and the Python packages of the suite      [build/etsi]
  --port PORT      where the server listens; some cases want 9090    [9090]
  --include TAG    only cases with this tag (again for more)
  --exclude TAG    not those with this tag (again for more)
  --limit SECONDS  what an area may take                             [2400]
  --set NAME:VALUE a variable of the suite (again for more)
  --html           also write log.html and report.html for each area

exit status: 0 all passed, 1 some failed, 2 the run itself is in trouble
TEXT
}

die() { echo "etsi.sh: $*" >&2; exit 2; }

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
rig=$root/tests/conformance/etsi
madang=$root/build/release/madang out=$root/build/etsi port=9090 limit=2400
include=() exclude=() variables=() html=(--log NONE --report NONE)
while [ $# -gt 0 ]; do
  case $1 in
    -h|--help) usage; exit 0 ;;
    --madang) madang=${2:?}; shift 2 ;;
    --out) out=${2:?}; shift 2 ;;
    --port) port=${2:?}; shift 2 ;;
    --include) include+=("${2:?}"); shift 2 ;;
    --exclude) exclude+=("${2:?}"); shift 2 ;;
    --limit) limit=${2:?}; shift 2 ;;
    --set) variables+=(--variable "${2:?}"); shift 2 ;;
    --html) html=(); shift ;;
    -*) usage >&2; exit 2 ;;
    *) break ;;
  esac
done
[ $# -ge 1 ] || { usage >&2; exit 2; }
suite=$(cd "$1" 2>/dev/null && pwd) || die "no such folder: $1"
[ -f "$suite/resources/variables.py" ] && [ -d "$suite/TP" ] || die "$suite is not the suite (no TP/, no resources/variables.py)"
shift
[ -x "$madang" ] || die "no server at $madang: ./run --build-only builds it, --madang names another"
madang=$(realpath "$madang")
mkdir -p "$out" || die "cannot make $out"
out=$(cd "$out" && pwd)

# ---- areas ---------------------------------------------------------------------------------------------------------
folder() {
  case $1 in
    Consumption|EntityMap|Provision|Snapshot|Subscription) echo "TP/NGSI-LD/ContextInformation/$1" ;;
    CommonBehaviours|ContextSource|jsonldContext|DistributedOperations) echo "TP/NGSI-LD/$1" ;;
    *) echo "$1" ;;
  esac
}
areas=("$@")
[ $# -gt 0 ] || areas=(CommonBehaviours Consumption EntityMap Provision Snapshot Subscription ContextSource jsonldContext DistributedOperations)
for a in "${areas[@]}"; do
  [ -e "$suite/$(folder "$a")" ] || die "no area, folder or file \"$a\" in $suite"
done

# ---- what is undone at the end -------------------------------------------------------------------------------------
tmp=$(mktemp -d) || die "mktemp failed"
chmod 755 "$tmp"                     # mosquitto, when root starts it, reads its files as another user
madang_pid='' robot_pid=''
stop() { [ -n "$1" ] && kill "$1" 2>/dev/null && wait "$1" 2>/dev/null; }
cleanup() {
  stop "$robot_pid"                  # timeout passes it on to Robot
  stop "$madang_pid"
  ETSI_MQTT_STATE=$tmp/mqtt python3 "$rig/mqtt_broker.py" stop-all >/dev/null 2>&1
  rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- the suite's Python packages -----------------------------------------------------------------------------------
# The editable entry of its requirements is its own HttpCtrl, taken from the path instead, so that nothing is written
# into SUITE_DIR; robocop only formats sources.
export PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONPATH=$rig:$suite/libraries/robotframework-httpctrl/src
venv=$out/.venv py=$out/.venv/bin/python
grep -vE '^[[:space:]]*(-e|#|$|robotframework-robocop)' "$suite/requirements.txt" > "$tmp/requirements.txt"
want=$(sha256sum < "$tmp/requirements.txt")
if [ "$(cat "$venv/ready" 2>/dev/null)" != "$want" ]; then
  echo "Installing the suite's Python packages into $venv"
  python3 -m venv --clear "$venv" > "$out/setup.log" 2>&1 || die "no virtual environment, see $out/setup.log (Debian package python3-venv)"
  packages() { "$py" -m pip install --disable-pip-version-check --retries 2 --timeout 20 -r "$1" >> "$out/setup.log" 2>&1; }
  # Where all of them cannot be had: without the two for which there are stand-ins.
  grep -vE '^(prettydiff|robotframework-mqttlibrary)\b' "$tmp/requirements.txt" > "$tmp/fewer.txt"
  packages "$tmp/requirements.txt" || packages "$tmp/fewer.txt" || die "pip could not install the suite's packages, see $out/setup.log"
  printf '%s\n' "$want" > "$venv/ready"
fi
"$py" -c 'import MQTTLibrary, prettydiff' 2>/dev/null || PYTHONPATH=$PYTHONPATH:$rig/stand_ins/python
"$py" -c 'import robot, RequestsLibrary, JSONLibrary, deepdiff, paho.mqtt.client, HttpCtrl, MQTTLibrary, prettydiff' ||
  die "a Python package of the suite cannot be loaded"
"$py" "$rig/preflight.py" versions "$suite/requirements.txt"          # warnings only

# ---- the server, and what stands beside it -------------------------------------------------------------------------
export no_proxy=127.0.0.1,localhost NO_PROXY=127.0.0.1,localhost
url=http://127.0.0.1:$port/ngsi-ld/v1
"$py" "$rig/contexts.py" "$suite" "$out/contexts" > "$out/contexts.log" || die "no contexts, see $out/contexts.log"
"$py" "$rig/preflight.py" ports "$port" >&2 || die "port $port must be free"
"$py" "$rig/preflight.py" ports 8085 8086 8087 1883                   # warnings only

# The suite leaves things behind: each area begins with an empty folder. It serves contexts and sources from loopback.
# Its README wants answers about the past cut between 20 and 40 instances.
restart() { # LOG
  stop "$madang_pid"
  rm -rf "$tmp/data"
  "$madang" serve --port "$port" --data "$tmp/data" --no-sample --allow-private-egress --context-map "$out/contexts/offline-map.tsv" \
    --set api.instances=30 > "$1" 2>&1 &
  madang_pid=$!
  for _ in $(seq 100); do
    "$py" "$rig/preflight.py" broker "$url" 2>/dev/null && return
    kill -0 "$madang_pid" 2>/dev/null || break
    sleep 0.1
  done
  die "the server did not start, see $1"
}

# MQTT: the suite calls `docker` for its mosquitto; ours comes first on PATH and starts Debian's instead.
export PATH=$rig/stand_ins/bin:$PATH ETSI_MQTT_PYTHON=$py ETSI_MQTT_STATE=$tmp/mqtt
export ETSI_MQTT_CONF=$suite/resources/mqttUtils/mosquitto ETSI_MQTT_PORTS="1883 8085"
mkdir -p "$tmp/mqtt"; chmod 755 "$tmp/mqtt"
command -v mosquitto >/dev/null || echo "note: no mosquitto on PATH (Debian package mosquitto): MQTT cases will fail" >&2

# ---- run -----------------------------------------------------------------------------------------------------------
variables+=(--variable "url:$url" --variable "temporal_api_url:$url")
for n in notification_server_host context_source_host context_server_host mqtt_broker_host; do variables+=(--variable "$n:127.0.0.1"); done
select=()
for t in "${include[@]}"; do select+=(--include "$t"); done
for t in "${exclude[@]}"; do select+=(--exclude "$t"); done

: > "$tmp/areas.tsv"
n=0
for a in "${areas[@]}"; do
  n=$((n + 1)) path=$(folder "$a") dir=$out/${a//\//_} note=
  rm -rf "$dir"; mkdir -p "$dir"
  restart "$dir/server.log"
  printf '[%d/%d] %s … ' "$n" "${#areas[@]}" "$a"
  began=$(date +%s)
  # TERM makes Robot stop the running case, mark the rest as not run and still write output.xml; KILL is the last resort.
  # A case gets two minutes, a request one: a server that never answers costs no more.
  (cd "$suite" && exec timeout --signal=TERM --kill-after=90 "$limit" "$py" -m robot --outputdir "$dir" --consolecolors off \
      --prerunmodifier "rig_limits.Limits:120:60" "${html[@]}" "${select[@]}" "${variables[@]}" "$path") > "$dir/console.log" 2>&1 &
  robot_pid=$!
  wait "$robot_pid"; rc=$?
  robot_pid=
  took=$(($(date +%s) - began))
  case $rc in
    124|137) note="time limit $limit s" ;;
    252) note="nothing to run, see console.log" ;;
    253|255) note="Robot ended with $rc, see console.log" ;;
  esac
  kill -0 "$madang_pid" 2>/dev/null || note="${note:+$note; }the server ended, see server.log"
  printf '%s\t%s\t%s\t%s\t%s\n' "$a" "$suite/$path" "$dir" "$took" "$note" >> "$tmp/areas.tsv"
  "$py" "$rig/report.py" line "$dir/output.xml" "$took"
  "$py" "$rig/mqtt_broker.py" stop-all > /dev/null 2>&1
done

"$py" "$rig/report.py" table --include "${include[*]}" --exclude "${exclude[*]}" "$tmp/areas.tsv" "$out"
