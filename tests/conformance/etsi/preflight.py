"""preflight.py broker URL…  fails (1) if one of the URLs gives no HTTP answer within 5 s.
preflight.py ports PORT…    warns about 127.0.0.1 ports that are needed and taken; fails (1) if one is.
preflight.py versions FILE  warns about Python packages whose version is not the one that the suite's requirements pin."""
import http.client
import importlib
import re
import socket
import sys
from urllib.parse import urlsplit

USE = {9090: "the server under test", 1883: "MQTT broker", 8085: "notification receiver, second MQTT port",
       8086: "context source mock", 8087: "context server mock"}


def answers(url):
    u = urlsplit(url)
    try:
        c = http.client.HTTPConnection(u.hostname, u.port or 80, timeout=5)
        c.request("GET", u.path.rstrip("/") + "/types")
        c.getresponse().read(1)
        return None
    except (OSError, http.client.HTTPException) as e:
        return e


def broker(urls):
    bad = [(u, e) for u in urls if (e := answers(u))]
    for u, e in bad:
        print(f"no server answers at {u}: {e}", file=sys.stderr)
    return 1 if bad else 0


def ports(numbers):
    taken = 0
    for p in map(int, numbers):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", p))
            except OSError as e:
                print(f"warning: port {p} ({USE.get(p, 'suite')}) is not free: {e.strerror}; what needs it will fail",
                      file=sys.stderr)
                taken = 1
    return taken


VERSIONS = {"robotframework": ("robot.version", "VERSION"), "robotframework-requests": ("RequestsLibrary.version", "VERSION"),
            "robotframework-jsonlibrary": ("JSONLibrary", "__version__"), "deepdiff": ("deepdiff", "__version__"),
            "paho-mqtt": ("paho.mqtt", "__version__")}


def versions(files):
    for name, pinned in re.findall(r"^([\w-]+)==([\w.]+)", open(files[0], encoding="utf-8").read(), re.M):
        if name in VERSIONS:
            module, attribute = VERSIONS[name]
            have = getattr(importlib.import_module(module), attribute, "unknown")
            if have != pinned:
                print(f"warning: {name} is {have}, the suite wants {pinned}", file=sys.stderr)
    return 0


sys.exit({"broker": broker, "ports": ports, "versions": versions}[sys.argv[1]](sys.argv[2:]))
