#!/usr/bin/env python3
"""Notifications on real wires: HTTP with its headers and signature, MQTT through Debian's mosquitto.

usage: notifications.py [MADANG]
"""

import hashlib
import hmac
import http.server
import json
import pathlib
import queue
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/app"))
from server import Server  # noqa: E402

MADANG = sys.argv.pop(1) if len(sys.argv) > 1 else str(ROOT / "build/dev/madang")
MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
LIMIT = 60  # seconds that anything here may take


class Endpoint:
    """Takes POSTs and keeps them: (path, headers, body)."""

    def __init__(self):
        taken = self.taken = queue.Queue()
        self.connections = connections = set()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                connections.add(self.client_address)
                taken.put((self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def next(self):
        return self.taken.get(timeout=LIMIT)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def subscribe(server, uri, **endpoint):
    body = {"id": "urn:ngsi-ld:Subscription:" + str(time.monotonic_ns()), "type": "Subscription",
            "entities": [{"type": "Bus"}], "notification": {"format": "keyValues", "endpoint": {"uri": uri, **endpoint}}}
    status, _, answer = server.ask("POST", "/ngsi-ld/v1/subscriptions", body)
    return status, answer


def put(server, number, speed):
    entity = {"id": f"urn:ngsi-ld:Bus:{number}", "type": "Bus", "speed": {"type": "Property", "value": speed}}
    status, _, answer = server.ask("POST", "/ngsi-ld/v1/entityOperations/upsert", [entity])
    assert status in (201, 204), answer


class Http(unittest.TestCase):
    def setUp(self):
        self.endpoint = Endpoint()
        self.addCleanup(self.endpoint.close)

    def test_headers_body_and_a_kept_connection(self):
        with Server(MADANG, "--allow-private-egress") as server:
            status, answer = subscribe(server, self.endpoint.url + "/here?x=1",
                                       receiverInfo=[{"key": "X-Key", "value": "of the receiver"}])
            self.assertEqual(status, 201, answer)
            for speed in range(1, 6):
                put(server, 1, speed)
                path, headers, body = self.endpoint.next()
                self.assertEqual((path, headers["X-Key"], headers["Content-Type"]),
                                 ("/here?x=1", "of the receiver", "application/json"))
                self.assertIn("json-ld#context", headers["Link"])
                told = json.loads(body)
                self.assertEqual((told["type"], told["data"][0]["speed"]), ("Notification", speed))
            self.assertEqual(len(self.endpoint.connections), 1)

    def test_a_signature_of_the_body(self):
        with tempfile.NamedTemporaryFile("w") as key:
            key.write("Jefe\n")
            key.flush()
            with Server(MADANG, "--allow-private-egress", "--set", "notifications.signature=hub",
                        "--set", f"notifications.signature_key_file={key.name}") as server:
                self.assertEqual(subscribe(server, self.endpoint.url)[0], 201)
                put(server, 1, 1)
                _, headers, body = self.endpoint.next()
                expected = hmac.new(b"Jefe", body, hashlib.sha256).hexdigest()
                self.assertEqual(headers["X-Hub-Signature-256"], "sha256=" + expected)

    def test_private_addresses_need_leave(self):
        with Server(MADANG) as server:
            status, answer = subscribe(server, self.endpoint.url)
            put(server, 1, 1)
            # Refused at once, or never sent: the address is known before any name is looked up.
            self.assertNotEqual(status, 500, answer)
            self.assertTrue(self.endpoint.taken.empty())


def text(value):
    data = value.encode()
    return struct.pack(">H", len(data)) + data


class Subscriber:
    """As much of MQTT 3.1.1 as it takes to read one topic."""

    def __init__(self, port, topic):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        self.send(0x10, text("MQTT") + bytes([4, 2]) + struct.pack(">H", 60) + text("reader"))
        assert self.packet()[0] == 0x20
        self.send(0x82, struct.pack(">H", 1) + text(topic) + bytes([1]))
        assert self.packet()[0] == 0x90

    def send(self, kind, body):
        assert len(body) < 128
        self.sock.sendall(bytes([kind, len(body)]) + body)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.sock.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def packet(self):
        kind, size, shift = self.exactly(1)[0], 0, 0
        while True:
            byte = self.exactly(1)[0]
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return kind, self.exactly(size)

    def message(self):
        """(topic, payload, quality of service)"""
        kind, body = self.packet()
        assert kind >> 4 == 3, kind
        size, = struct.unpack(">H", body[:2])
        topic, rest, qos = body[2:2 + size].decode(), body[2 + size:], kind >> 1 & 3
        if qos:
            self.send(0x40, rest[:2])
            rest = rest[2:]
        return topic, json.loads(rest), qos


class Mqtt(unittest.TestCase):
    def setUp(self):
        probe = socket.socket()
        probe.bind(("127.0.0.1", 0))
        self.port = probe.getsockname()[1]
        probe.close()
        self.broker = subprocess.Popen([MOSQUITTO, "-p", str(self.port)], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        self.addCleanup(self.broker.wait)
        self.addCleanup(self.broker.kill)
        end = time.monotonic() + LIMIT
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < end, "mosquitto does not start"
                time.sleep(0.02)

    def test_metadata_and_body(self):
        reader = Subscriber(self.port, "city/#")
        self.addCleanup(reader.sock.close)
        with Server(MADANG, "--allow-private-egress") as server:
            for version, qos in (("mqtt5.0", 1), ("mqtt3.1.1", 0), ("mqtt3.1.1", 2)):
                name = f"{version[4]}-{qos}"
                status, answer = subscribe(
                    server, f"mqtt://127.0.0.1:{self.port}/city/{name}",
                    receiverInfo=[{"key": "x-key", "value": "of the receiver"}],
                    notifierInfo=[{"key": "MQTT-Version", "value": version}, {"key": "MQTT-QoS", "value": str(qos)}])
                self.assertEqual(status, 201, answer)
            put(server, 1, 7)
            seen = {}
            for _ in range(3):
                topic, message, qos = reader.message()
                seen[topic] = qos
                self.assertEqual(message["metadata"]["Content-Type"], "application/json")
                self.assertEqual(message["metadata"]["x-key"], "of the receiver")
                self.assertIn("json-ld#context", message["metadata"]["Link"])
                self.assertEqual(message["body"]["data"][0]["speed"], 7)
            self.assertEqual(seen, {"city/5-1": 1, "city/3-0": 0, "city/3-2": 1})  # read with 1 at most


if __name__ == "__main__":
    unittest.main(verbosity=2)
