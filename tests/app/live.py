#!/usr/bin/env python3
"""Live streams and the change feed against a running server, over real sockets.

usage: live.py [MADANG]
"""

import base64
import json
import os
import pathlib
import signal
import socket
import struct
import sys
import threading
import time
import unittest
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/app"))
from server import Server  # noqa: E402

MADANG = sys.argv.pop(1) if len(sys.argv) > 1 else str(ROOT / "build/dev/madang")
ENTITIES = "/ngsi-ld/v1/entities"
LIMIT = 30  # seconds that anything here may take


def bus(number, speed, **more):
    return {"id": f"urn:ngsi-ld:Bus:{number}", "type": "Bus", "speed": {"type": "Property", "value": speed}, **more}


def put(server, *entities, **headers):
    status, _, body = server.ask("POST", "/ngsi-ld/v1/entityOperations/upsert", list(entities), **headers)
    assert status in (201, 204), (status, body)


OPENED = []


def close_all():
    while OPENED:
        OPENED.pop().close()


def connect(server, receive_buffer=None):
    host = urllib.parse.urlsplit(server.url)
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if receive_buffer:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    OPENED.append(made)
    made.settimeout(LIMIT)
    made.connect(("127.0.0.1", host.port))
    return made


class Reader:
    """Bytes of a socket, as they come."""

    def __init__(self, sock):
        self.sock, self.bytes = sock, b""

    def more(self):
        got = self.sock.recv(65536)
        self.bytes += got
        return bool(got)

    def until(self, end):
        while end not in self.bytes:
            if not self.more():
                raise EOFError(self.bytes)
        part, self.bytes = self.bytes.split(end, 1)
        return part

    def exactly(self, count):
        while len(self.bytes) < count:
            if not self.more():
                raise EOFError(self.bytes)
        part, self.bytes = self.bytes[:count], self.bytes[count:]
        return part


class Sse:
    """A client of Server-Sent Events: events() gives (name, data, id)."""

    def __init__(self, server, query, headers=None, receive_buffer=None):
        self.sock = connect(server, receive_buffer)
        lines = [f"GET /live?{query} HTTP/1.1", "Host: h", "Accept: text/event-stream"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.raw = Reader(self.sock)
        head = self.raw.until(b"\r\n\r\n").decode()
        self.status = int(head.split()[1])
        self.headers = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in head.split("\r\n")[1:]}
        self.text = b""
        self.last_id = None

    def body(self):
        return json.loads(self.raw.exactly(int(self.headers["content-length"])))

    def _chunk(self):
        size = int(self.raw.until(b"\r\n"), 16)
        data = self.raw.exactly(size + 2)[:-2]
        if size == 0:
            raise EOFError("the stream has ended")
        self.text += data

    def event(self):
        while True:
            while b"\n\n" not in self.text:
                self._chunk()
            block, self.text = self.text.split(b"\n\n", 1)
            fields = {}
            for line in block.decode().split("\n"):
                name, _, value = line.partition(":")
                if name:
                    fields[name] = value[1:] if value.startswith(" ") else value
            if fields:
                self.last_id = fields.get("id", self.last_id)
                return fields["event"], json.loads(fields["data"]), fields.get("id")

    def until(self, name):
        """All events up to and with the first of this name."""
        seen = []
        while not seen or seen[-1][0] != name:
            seen.append(self.event())
        return seen

    def close(self):
        self.sock.close()


class WebSocket:
    def __init__(self, server, query, **headers):
        self.sock = connect(server)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET /live?{query} HTTP/1.1", "Host: h", "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.raw = Reader(self.sock)
        self.status = int(self.raw.until(b"\r\n\r\n").split()[1])

    def frame(self):
        first, second = self.raw.exactly(2)
        size = second & 0x7F
        if size == 126:
            size, = struct.unpack(">H", self.raw.exactly(2))
        elif size == 127:
            size, = struct.unpack(">Q", self.raw.exactly(8))
        return first & 15, self.raw.exactly(size)

    def event(self):
        opcode, data = self.frame()
        assert opcode == 1, (opcode, data)
        got = json.loads(data)
        return got["event"], got["data"], got.get("position")

    def send(self, opcode, data):
        mask = os.urandom(4)
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(data))
        self.sock.sendall(bytes([0x80 | opcode, 0x80 | len(data)]) + mask + masked)


class Live(unittest.TestCase):
    def setUp(self):
        self.server = Server(MADANG)
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        self.addCleanup(close_all)

    def test_first_what_matches_then_every_change(self):
        put(self.server, bus(1, 10), bus(2, 70), {"id": "urn:ngsi-ld:Tram:1", "type": "Tram"})
        stream = Sse(self.server, "type=Bus&options=keyValues&q=speed<50")
        self.assertEqual(stream.status, 200)
        self.assertTrue(stream.headers["content-type"].startswith("text/event-stream"))
        events = stream.until("current")
        self.assertEqual([e[:2] for e in events[:-1]], [("entity", {"id": "urn:ngsi-ld:Bus:1", "type": "Bus", "speed": 10})])
        self.assertEqual(events[-1][1], {"entities": 1, "resumed": False})
        for speed in (11, 12):
            put(self.server, bus(1, speed))
        self.assertEqual([stream.event()[1]["speed"] for _ in range(2)], [11, 12])
        put(self.server, bus(2, 20))
        self.assertEqual(stream.event()[1]["id"], "urn:ngsi-ld:Bus:2")
        put(self.server, bus(2, 90))
        self.assertEqual(stream.event()[:2], ("gone", {"id": "urn:ngsi-ld:Bus:2", "reason": "unmatched"}))
        self.server.ask("DELETE", f"{ENTITIES}/urn:ngsi-ld:Bus:2")  # it was not among them
        self.server.ask("DELETE", f"{ENTITIES}/urn:ngsi-ld:Bus:1")
        self.assertEqual(stream.event()[:2], ("gone", {"id": "urn:ngsi-ld:Bus:1", "reason": "deleted"}))

    def test_a_type_that_nobody_knew_when_the_stream_began(self):
        put(self.server, bus(1, 10))
        stream = Sse(self.server, "type=Ferry&options=keyValues")
        self.assertEqual(stream.until("current")[-1][1]["entities"], 0)
        put(self.server, {"id": "urn:ngsi-ld:Ferry:1", "type": "Ferry", "draught": {"type": "Property", "value": 3}})
        self.assertEqual(stream.event()[1], {"id": "urn:ngsi-ld:Ferry:1", "type": "Ferry", "draught": 3})

    def test_who_comes_again_has_missed_nothing(self):
        put(self.server, bus(1, 1), bus(2, 2), bus(3, 3), bus(4, 4))
        stream = Sse(self.server, "type=Bus&options=keyValues")
        stream.until("current")
        put(self.server, bus(1, 11))
        position = stream.event()[2]
        stream.close()
        put(self.server, bus(2, 22))
        self.server.ask("DELETE", f"{ENTITIES}/urn:ngsi-ld:Bus:3")
        put(self.server, bus(5, 55))
        again = Sse(self.server, "type=Bus&options=keyValues", {"Last-Event-ID": position})
        events = again.until("current")
        self.assertEqual([(name, data.get("speed", data.get("reason"))) for name, data, _ in events[:-1]],
                         [("entity", 22), ("gone", "deleted"), ("entity", 55)])
        self.assertTrue(events[-1][1]["resumed"])
        put(self.server, bus(4, 44))
        self.assertEqual(again.event()[1]["speed"], 44)

    def test_after_a_restart_too(self):
        put(self.server, bus(1, 1))
        stream = Sse(self.server, "type=Bus&options=keyValues")
        position = stream.until("current")[-1][2]
        self.server.stop(signal.SIGKILL)
        self.server.start()
        put(self.server, bus(1, 2))
        again = Sse(self.server, f"type=Bus&options=keyValues&after={position}")
        self.assertEqual([e[1].get("speed") for e in again.until("current")[:-1]], [2])

    def test_a_position_that_is_gone(self):
        put(self.server, bus(1, 1))
        future = Sse(self.server, "type=Bus", {"Last-Event-ID": "p" + "0" * 9 + "7777"})
        self.assertEqual(future.status, 410)
        body = future.body()
        self.assertIn("startAgain", body)
        self.assertEqual(body["status"], 410)
        self.assertEqual(Sse(self.server, "type=Bus", {"Last-Event-ID": "nonsense"}).status, 400)

    def test_changes_during_the_beginning_are_there_at_its_end(self):
        """While 5,000 entities are shown, all are changed: whatever was shown first, the last word is the newest."""
        count = 5_000
        put(self.server, *[bus(n, 0) for n in range(1_000)])
        for first in range(1_000, count, 1_000):
            put(self.server, *[bus(n, 0) for n in range(first, first + 1_000)])
        stream = Sse(self.server, "type=Bus&options=keyValues", receive_buffer=16_384)

        def change():
            for first in range(0, count, 500):
                put(self.server, *[bus(n, 1) for n in range(first, first + 500)])

        writer = threading.Thread(target=change)
        writer.start()
        state = {}
        for name, data, _ in stream.until("current")[:-1]:
            state[data["id"]] = data["speed"]
        writer.join()
        put(self.server, bus("last", 1))
        while "urn:ngsi-ld:Bus:last" not in state:
            name, data, _ = stream.event()
            if name == "entity":
                state[data["id"]] = data["speed"]
        self.assertEqual(len(state), count + 1)
        self.assertEqual(set(state.values()), {1})

    def test_who_does_not_read_gets_the_newest(self):
        put(self.server, bus(0, 0))
        stream = Sse(self.server, "type=Bus&options=keyValues", receive_buffer=4_096)
        stream.until("current")
        filler = {"type": "Property", "value": "x" * 2_000}
        rounds = 150
        for value in range(1, rounds + 1):
            put(self.server, *[bus(n, value, filler=filler) for n in range(20)])
            stream.raw.bytes += stream.sock.recv(1_000)  # a little, so that it is not dropped
        last, coalesced, seen = {}, 0, 0
        while len(last) < 20 or set(last.values()) != {rounds}:
            name, data, _ = stream.event()
            if name == "coalesced":
                coalesced += data["skipped"]
            else:
                seen += 1
                self.assertGreaterEqual(data["speed"], last.get(data["id"], 0), "never back in time")
                last[data["id"]] = data["speed"]
        self.assertGreater(coalesced, 0)
        self.assertEqual(seen + coalesced, 20 * rounds, "what was left out is counted exactly")

    def test_geojson_context_and_tenant_in_the_address(self):
        point = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [127, 37.5]}}
        put(self.server, bus(1, 1, location=point), NGSILD_Tenant="city")
        put(self.server, bus(2, 1))
        stream = Sse(self.server, "type=Bus&tenant=city&options=keyValues&accept=application/geo%2Bjson"
                                  "&context=https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld")
        events = stream.until("current")
        self.assertEqual(len(events), 2)
        feature = events[0][1]
        self.assertEqual((feature["type"], feature["geometry"]["coordinates"]), ("Feature", [127, 37.5]))
        self.assertEqual(Sse(self.server, "type=Bus&tenant=nobody").status, 404)

    def test_questions_that_cannot_be_followed(self):
        put(self.server, bus(1, 1))
        for query in ("", "type=Bus&limit=3", "type=Bus&accept=text/html", "type=Bus&q=line{Line:name}==1",
                      "type=Bus&tenant=a/b"):
            self.assertEqual(Sse(self.server, query).status, 400, query)
        self.assertEqual(Sse(self.server, "local=true").status, 200)

    def test_a_web_socket_tells_the_same(self):
        put(self.server, bus(1, 10))
        stream = WebSocket(self.server, "type=Bus&options=keyValues")
        self.assertEqual(stream.status, 101)
        self.assertEqual(stream.event()[1]["speed"], 10)
        name, data, position = stream.event()
        self.assertEqual((name, data["entities"]), ("current", 1))
        put(self.server, bus(1, 20))
        name, data, position = stream.event()
        self.assertEqual((name, data["speed"]), ("entity", 20))
        stream.send(9, b"hello")
        self.assertEqual(stream.frame(), (10, b"hello"))
        stream.send(8, struct.pack(">H", 1000))
        self.assertEqual(stream.frame()[0], 8)
        put(self.server, bus(1, 30))
        again = WebSocket(self.server, f"type=Bus&options=keyValues&after={position}")
        self.assertEqual(again.event()[1]["speed"], 30)

    def test_the_server_says_good_bye(self):
        put(self.server, bus(1, 10))
        stream, socket_ = Sse(self.server, "type=Bus"), WebSocket(self.server, "type=Bus")
        stream.until("current")
        self.assertEqual(self.server.stop(), 0)
        with self.assertRaises(EOFError):
            while True:
                stream.event()
        opcode, data = socket_.frame()
        while opcode == 1:
            opcode, data = socket_.frame()
        self.assertEqual((opcode, data[:2]), (8, struct.pack(">H", 1001)))


class Changes(unittest.TestCase):
    def setUp(self):
        self.server = Server(MADANG)
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)

    def feed(self, query=""):
        with urllib.request.urlopen(f"{self.server.url}/changes?{query}", timeout=60) as answer:
            self.assertEqual(answer.headers["Content-Type"], "application/x-ndjson")
            lines = [json.loads(line) for line in answer.read().decode().splitlines()]
            return lines, answer.headers["Madang-Position"]

    def test_every_change_in_order(self):
        _, begin = self.feed("limit=0")
        put(self.server, bus(1, 1))
        self.server.ask("PATCH", f"{ENTITIES}/urn:ngsi-ld:Bus:1/attrs/speed", {"value": 2})
        self.server.ask("DELETE", f"{ENTITIES}/urn:ngsi-ld:Bus:1/attrs/speed")
        put(self.server, bus(9, 9), NGSILD_Tenant="other")
        self.server.ask("DELETE", f"{ENTITIES}/urn:ngsi-ld:Bus:1")
        lines, end = self.feed(f"after={begin}&options=keyValues")
        self.assertEqual([line["kind"] for line in lines], ["put", "patch", "patch", "delete"])
        self.assertEqual({line["id"] for line in lines}, {"urn:ngsi-ld:Bus:1"})
        self.assertEqual(lines[0]["entity"]["speed"], 1)
        self.assertEqual(lines[1]["entity"]["speed"], 2)
        self.assertEqual(lines[2]["removed"], ["speed"])
        self.assertNotIn("entity", lines[3])
        self.assertEqual([line["position"] for line in lines], sorted(line["position"] for line in lines))
        self.assertEqual(self.feed(f"after={end}")[0], [])
        other, _ = self.feed(f"after={begin}&tenant=other")
        self.assertEqual([line["id"] for line in other], ["urn:ngsi-ld:Bus:9"])

    def test_a_little_at_a_time(self):
        _, position = self.feed("limit=0")
        for n in range(25):
            put(self.server, bus(n, n))
        seen = []
        while True:
            lines, position = self.feed(f"after={position}&limit=7")
            if not lines:
                break
            self.assertLessEqual(len(lines), 7)
            seen += [line["id"] for line in lines]
        self.assertEqual(seen, [f"urn:ngsi-ld:Bus:{n}" for n in range(25)])
        self.assertEqual(len(self.feed("after=start")[0]), 25)

    def test_it_waits_for_what_comes(self):
        _, position = self.feed("limit=0")
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(self.feed(f"after={position}&wait=30")))
        begun = time.monotonic()
        waiting.start()
        put(self.server, bus(7, 7))
        waiting.join(LIMIT)
        self.assertLess(time.monotonic() - begun, 20)
        self.assertEqual([line["id"] for line in answers[0][0]], ["urn:ngsi-ld:Bus:7"])
        self.assertEqual(self.feed(f"after={answers[0][1]}&wait=1")[0], [])

    def test_what_is_no_position(self):
        self.assertEqual(self.server.ask("GET", "/changes?after=nonsense")[0], 400)
        self.assertEqual(self.server.ask("GET", "/changes?after=p0000")[0], 400)
        self.assertEqual(self.server.ask("GET", "/changes?after=p" + "0" * 9 + "7777")[0], 410)


if __name__ == "__main__":
    unittest.main(verbosity=2)
