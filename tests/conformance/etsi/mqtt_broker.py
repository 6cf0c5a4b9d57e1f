"""Starts and stops Debian's mosquitto for the suite's MQTT cases, each under a name as the suite gives to its container.

mqtt_broker.py start NAME CONF    start with the suite's configuration file CONF (stops NAME first); back when it listens
mqtt_broker.py stop NAME          stop it, wait until it is gone (fine if it does not run)
mqtt_broker.py stop-all           stop whatever this state folder knows of

environment: ETSI_MQTT_STATE  folder for pid files, configuration and log
             ETSI_MQTT_CONF   folder of the suite's mosquitto configuration files
             ETSI_MQTT_PORTS  ports on 127.0.0.1 [1883 8085]

The configuration is written afresh: of the suite's file only allow_anonymous and password_file are taken, the listeners
are ours, on 127.0.0.1 alone.
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

STATE = pathlib.Path(os.environ.get("ETSI_MQTT_STATE") or sys.exit("ETSI_MQTT_STATE is not set"))
PORTS = [int(p) for p in os.environ.get("ETSI_MQTT_PORTS", "1883 8085").split()]


def pid_file(name):
    return STATE / (re.sub(r"[^\w.-]", "_", name) + ".pid")


def started(pid):
    """Start time of a process in clock ticks, or None: tells our mosquitto from a later process with the same id."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        return None


def gone(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def stop(name):
    f = pid_file(name)
    if not f.is_file():
        return
    pid, ticks = f.read_text().split()
    f.unlink()
    pid = int(pid)
    if started(pid) != ticks:
        return
    for sig, patience in ((signal.SIGTERM, 3), (signal.SIGKILL, 3)):
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            return
        until = time.monotonic() + patience
        while time.monotonic() < until:
            if gone(pid):
                return
            time.sleep(0.02)


def listening(port):
    with socket.socket() as s:
        s.settimeout(0.5)
        return s.connect_ex(("127.0.0.1", port)) == 0


def setting(text, key):
    m = re.search(rf"^[ \t]*{key}[ \t]+(\S+)", text, re.M)
    return m and m.group(1)


def start(name, conf):
    stop(name)
    taken = [p for p in PORTS if listening(p)]
    if taken:
        sys.exit(f"port {taken[0]} is already in use on 127.0.0.1 (a mosquitto service? stop it for the run)")
    source = pathlib.Path(os.environ["ETSI_MQTT_CONF"]) / pathlib.Path(conf).name
    text = source.read_text(encoding="utf-8")
    lines = [f"allow_anonymous {setting(text, 'allow_anonymous') or 'false'}", "persistence false", "log_dest stderr"]
    lines += [f"listener {p} 127.0.0.1" for p in PORTS]
    if password := setting(text, "password_file"):
        copy = STATE / "passwords"
        shutil.copyfile(source.parent / pathlib.Path(password).name, copy)
        copy.chmod(0o644)                       # started by root, mosquitto reads it as its own user
        lines.append(f"password_file {copy}")
    config, log = STATE / "mosquitto.conf", STATE / "mosquitto.log"
    config.write_text("\n".join(lines) + "\n")
    config.chmod(0o644)
    with open(log, "ab") as sink:
        p = subprocess.Popen(["mosquitto", "-c", str(config)], stdin=subprocess.DEVNULL,
                             stdout=sink, stderr=sink, start_new_session=True)
    pid_file(name).write_text(f"{p.pid} {started(p.pid)}")
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if p.poll() is not None:
            break
        if all(map(listening, PORTS)):
            return
        time.sleep(0.05)
    stop(name)
    sys.exit("mosquitto did not start:\n" + log.read_text(errors="replace")[-2000:])


def stop_all():
    for f in STATE.glob("*.pid"):
        stop(f.stem)


if __name__ == "__main__":
    command, *rest = sys.argv[1:] or [""]
    {"start": start, "stop": stop, "stop-all": stop_all}.get(command, lambda *_: sys.exit(__doc__))(*rest)
