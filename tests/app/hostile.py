#!/usr/bin/env python3
"""A server among slow, greedy and hostile clients, on a full disk and at its end: tests/app/hostile.py build/dev/madang"""

import contextlib
import gzip
import itertools
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import unittest

from server import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
MADANG = sys.argv.pop(1) if len(sys.argv) > 1 else str(ROOT / "build/dev/madang")
API = "/ngsi-ld/v1"
ENTITIES = API + "/entities"
BATCH = API + "/entityOperations"
LIMIT = 30  # seconds, for anything that is waited for
MIB = 1 << 20


def lamp(number, **more):
    return {"id": f"urn:ngsi-ld:Lamp:{number}", "type": "Lamp", "level": {"type": "Property", "value": number}, **more}


def text(size):
    return {"type": "Property", "value": "x" * size}


def request(method, path, body=None, **headers):
    """The bytes of a whole request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: h"]
    if body is not None:
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content_Type": "application/json", "Content_Length": len(body), **headers}
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


HEALTH = request("GET", "/health")


class Answer:
    """Status 0: the connection ended before an answer was whole."""

    def __init__(self, status=0, headers=None, body=b""):
        self.status, self.headers, self.body = status, headers or {}, body

    def json(self):
        return json.loads(self.body)


class Wire:
    """A connection that sends exactly the bytes a test says."""

    def __init__(self, server, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(LIMIT)
        self.socket.connect(("127.0.0.1", int(server.url.rsplit(":", 1)[1])))
        self.data = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def fileno(self):
        return self.socket.fileno()

    def send(self, data):
        """False where the server has closed."""
        try:
            self.socket.sendall(data)
            return True
        except ConnectionError:
            return False

    def receive(self):
        try:
            more = self.socket.recv(1 << 18)
        except ConnectionError:
            return False
        self.data += more
        return bool(more)

    def answer(self):
        while (end := self.data.find(b"\r\n\r\n")) < 0:
            if not self.receive():
                return Answer()
        first, *lines = self.data[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        end += 4
        whole = end + int(headers.get("content-length", 0))
        while len(self.data) < whole:
            if not self.receive():
                return Answer()
        body = bytes(self.data[end:whole])
        del self.data[:whole]
        return Answer(int(first.split()[1]), headers, body)

    def ask(self, *asked, **headers):
        self.send(request(*asked, **headers))
        return self.answer()

    def ended(self):
        """True where nothing more came but the end."""
        return not self.data and not self.receive()

    def readable(self):
        return bool(select.select([self], [], [], 0)[0])


def memory(server, field):
    """Bytes of a field of /proc/PID/status: VmRSS now, VmHWM at most so far."""
    for line in pathlib.Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) << 10
    raise AssertionError(field)


def sockets(server):
    """How many sockets the server has open."""
    count = 0
    for entry in os.scandir(f"/proc/{server.process.pid}/fd"):
        with contextlib.suppress(OSError):
            count += os.readlink(entry.path).startswith("socket:")
    return count


class Case(unittest.TestCase):
    OPTIONS = {}

    @classmethod
    def start(cls, **more):
        return Server(MADANG, *(word for key, value in {**cls.OPTIONS, **more}.items()
                                for word in ("--set", f"{key.replace('__', '.')}={value}")))

    def assert_memory_below(self, grown, limit):
        """A sanitizer keeps what was freed for a while: there sizes say nothing."""
        if "MADANG_SANITIZER" not in os.environ:
            self.assertLess(grown, limit)

    def serve(self, **more):
        return self.begin(self.start(**more))

    def begin(self, server):
        self.addCleanup(server.scratch.cleanup)
        self.addCleanup(server.stop)
        server.start()
        return server

    def wire(self, server, **more):
        wire = Wire(server, **more)
        self.addCleanup(wire.socket.close)
        return wire

    def wires(self, server, count, **more):
        return [self.wire(server, **more) for _ in range(count)]

    def fill(self, server, count, make=lamp, step=1000):
        with Wire(server) as wire:
            for first in range(0, count, step):
                batch = [make(number) for number in range(first, min(first + step, count))]
                answer = wire.ask("POST", BATCH + "/upsert", batch)
                self.assertIn(answer.status, (201, 204), answer.body[:500])

    def until(self, condition, meanwhile=lambda: None):
        """How often `meanwhile` was done before the condition came true."""
        limit = time.monotonic() + LIMIT
        for rounds in range(1 << 30):
            if condition():
                return rounds
            self.assertLess(time.monotonic(), limit, "waited in vain")
            meanwhile()
        return None

    def healthy(self, wire):
        self.assertEqual(wire.ask("GET", "/health").status, 200)

    def all_there(self, server, numbers):
        with Wire(server) as wire:
            for number in numbers:
                answer = wire.ask("GET", f"{ENTITIES}/urn:ngsi-ld:Lamp:{number}")
                self.assertEqual(answer.status, 200, f"the acknowledged Lamp:{number} is lost")


class SlowClients(Case):
    OPTIONS = {"server__header_timeout": "1 s", "server__body_timeout": "1 s", "server__idle_timeout": "2 s",
               "server__write_timeout": "1 s", "server__buffers": "16 MiB"}

    def trickle(self, begun):
        """Connections that send a byte at a time are refused and closed; another one is served all the while."""
        server = self.serve()
        slow, statuses = self.wires(server, 50), []
        for wire in slow:
            wire.send(begun)
        other = self.wire(server)

        def one_byte_each():
            for wire in list(slow):
                if wire.readable():
                    statuses.append(wire.answer().status)
                    slow.remove(wire)
                else:
                    wire.send(b"x")
            self.healthy(other)

        served = self.until(lambda: not slow, one_byte_each)
        self.assertEqual(statuses, [408] * 50)
        self.assertGreater(served, 10, "others are served meanwhile")

    def test_headers_byte_by_byte(self):
        self.trickle(b"GET /health HTTP/1.1\r\nHost: h\r\nX-Slow: ")

    def test_bodies_byte_by_byte(self):
        self.trickle(request("POST", ENTITIES, b"", Content_Length=100_000))

    def test_chunks_byte_by_byte(self):
        self.trickle(request("POST", ENTITIES, Content_Type="application/json", Transfer_Encoding="chunked") + b"fffff\r\n")

    def test_connections_that_say_nothing_or_half(self):
        server = self.serve()
        silent, half, used = self.wires(server, 50), self.wires(server, 50), self.wires(server, 50)
        for wire in half:
            wire.send(b"GET /hea")
        for wire in used:
            self.healthy(wire)
        for wire in half:
            self.assertEqual(wire.answer().status, 408)
        for wire in silent + half + used:
            self.assertTrue(wire.ended())
        self.healthy(self.wire(server))

    def test_clients_that_never_read_cost_a_bounded_buffer(self):
        server = self.serve()
        self.fill(server, 1000, lambda number: lamp(number, text=text(5000)))
        page = request("GET", ENTITIES + "?type=Lamp&limit=1000")
        other = self.wire(server)
        other.send(page)
        size = len(other.answer().body)
        self.assertGreater(size, 4 * MIB)
        open_before, before = sockets(server), memory(server, "VmHWM")
        greedy = self.wires(server, 50, receive_buffer=4096)
        for wire in greedy:
            wire.send(page * 20)
        dropped = select.poll()
        for wire in greedy:
            dropped.register(wire, select.POLLERR | select.POLLHUP | select.POLLRDHUP)
        served = self.until(lambda: len(dropped.poll(0)) == 50, lambda: self.healthy(other))
        self.assertGreater(served, 10)
        self.until(lambda: sockets(server) <= open_before)
        grown = memory(server, "VmHWM") - before
        print(f"  50 clients that asked for {50 * 20 * size >> 20} MiB and never read: {grown / MIB:.0f} MiB more at most")
        self.assert_memory_below(grown, 16 * MIB + 4 * size + 16 * MIB)

    def test_an_answer_that_finds_no_room_is_refused(self):
        server = self.serve(server__write_timeout="30 s")
        self.fill(server, 1000, lambda number: lamp(number, text=text(5000)))
        page = request("GET", ENTITIES + "?type=Lamp&limit=1000")
        for wire in self.wires(server, 20, receive_buffer=4096):
            wire.send(page * 20)
        self.healthy(self.wire(server))  # they were heard by now
        with Wire(server) as wire:
            wire.send(page)
            answer = wire.answer()
            self.assertEqual(answer.status, 503)
            self.assertIn("retry-after", answer.headers)
            self.assertIn("problem+json", answer.headers["content-type"])
            self.assertTrue(wire.ended())
        with Wire(server) as wire:
            self.healthy(wire)
            self.assertEqual(wire.ask("GET", ENTITIES + "/urn:ngsi-ld:Lamp:1").status, 200, "small answers need no share")


class Crowds(Case):
    def test_more_connections_than_the_limit(self):
        server = self.serve(server__connections=20)
        first = self.wires(server, 20)
        for wire in first:
            self.healthy(wire)
        further = [wire.answer() for wire in self.wires(server, 40)]
        self.assertLessEqual({answer.status for answer in further}, {0, 503})
        told = [answer for answer in further if answer.status == 503]
        self.assertTrue(told and all("retry-after" in answer.headers for answer in told))
        for wire in first:
            self.healthy(wire)
        first[0].socket.close()

        def let_in():
            with Wire(server) as wire:
                return wire.ask("GET", "/health").status == 200
        self.until(let_in)

    def test_ten_thousand_requests_at_once(self):
        server = self.serve()
        self.fill(server, 10)
        wire, other = self.wire(server), self.wire(server)
        sender = threading.Thread(target=wire.send, args=[request("GET", ENTITIES + "/urn:ngsi-ld:Lamp:1") * 10_000])
        sender.start()
        self.healthy(other)
        for number in range(10_000):
            self.assertEqual(wire.answer().status, 200, number)
        sender.join()

    def test_a_pipeline_of_questions_takes_its_turns(self):
        server = self.serve()
        self.fill(server, 2_000)
        wire, other = self.wire(server), self.wire(server)
        # Each looks at every entity, but is short enough to be answered at once.
        wire.send(request("GET", ENTITIES + "?type=Lamp&q=level==-1") * 1_000)
        self.assertEqual(wire.answer().status, 200)
        for _ in range(10):
            self.healthy(other)
        answered = wire.data.count(b"HTTP/1.1 200") + 1
        while select.select([wire], [], [], 0)[0] and wire.receive():
            answered = wire.data.count(b"HTTP/1.1 200") + 1
        self.assertLess(answered, 1_000, "others wait for one's whole pipeline")
        for number in range(999):
            self.assertEqual(wire.answer().status, 200, number)

    def test_out_of_descriptors(self):
        server = self.serve()
        limit = sockets(server) + len(os.listdir(f"/proc/{server.process.pid}/fd")) + 10
        subprocess.run(["prlimit", f"--pid={server.process.pid}", f"--nofile={limit}:"], check=True)
        first = self.wire(server)
        self.healthy(first)
        waiting = self.wires(server, 100)
        for wire in waiting:
            wire.send(HEALTH)
        begun = self.cpu_seconds(server), time.monotonic()
        self.until(lambda: time.monotonic() > begun[1] + 1, lambda: select.select([], [], [], 0.05))
        self.assertLess(self.cpu_seconds(server) - begun[0], 0.5, "it spins")
        self.healthy(first)
        for wire in waiting:  # as places come free, those that wait get their turn
            self.assertEqual(wire.answer().status, 200)
            wire.socket.close()

    @staticmethod
    def cpu_seconds(server):
        fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Shared(Case):
    """Cases that leave the server as it was: one server for all."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.start()
        cls.server.start()
        cls.addClassCleanup(lambda: (cls.server.stop(), cls.server.scratch.cleanup()))
        assert cls.server.ask("POST", ENTITIES, lamp(1))[0] == 201

    def tearDown(self):
        with Wire(self.server) as wire:
            self.healthy(wire)
            self.assertEqual(wire.ask("GET", ENTITIES + "/urn:ngsi-ld:Lamp:1").status, 200)
            self.assertEqual(wire.ask("GET", ENTITIES + "?local=true&count=true").headers["ngsild-results-count"], "1")


class Messages(Shared):
    def refused(self, name, data, *statuses):
        """Answered once, with a refusal, and closed: whatever is behind it is not looked at."""
        with self.subTest(name), Wire(self.server) as wire:
            wire.send(data)
            answer = wire.answer()
            self.assertIn(answer.status, statuses, answer.body)
            self.assertIn("problem+json", answer.headers["content-type"])
            self.assertTrue(answer.json()["detail"])
            self.assertTrue(wire.ended(), "a second answer, or the connection stays open")

    def test_smuggling(self):
        hidden = request("DELETE", ENTITIES + "/urn:ngsi-ld:Lamp:1")
        post = f"POST {BATCH}/query HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n".encode()
        chunked = post + b"Transfer-Encoding: chunked\r\n\r\n"
        for name, head in {
                "both framings": b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "both framings, the other way": b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
                "two lengths": b"Content-Length: 0\r\nContent-Length: 4\r\n\r\n",
                "two equal lengths": b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
                "a list of lengths": b"Content-Length: 0, 0\r\n\r\n",
                "a signed length": b"Content-Length: +0\r\n\r\n",
                "a negative length": b"Content-Length: -1\r\n\r\n",
                "a hexadecimal length": b"Content-Length: 0x0\r\n\r\n",
                "an overflowing length": b"Content-Length: 18446744073709551616\r\n\r\n",
                "an empty length": b"Content-Length: \r\n\r\n",
                "space before the colon": b"Content-Length : 0\r\n\r\n",
                "a folded length": b"Content-Length:\r\n 0\r\n\r\n",
                "a folded coding": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
                "a folded header": b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
                "bare line feeds": b"Content-Length: 0\n\n",
                "a bare line feed in a header": b"X: a\nContent-Length: 0\r\n\r\n",
                "a bare carriage return": b"X: a\rContent-Length: 0\r\n\r\n",
                "a NUL in a header": b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
                "a NUL in a name": b"X\0: b\r\nContent-Length: 0\r\n\r\n",
                "a header without a name": b": b\r\nContent-Length: 0\r\n\r\n",
                "two hosts": b"Host: other\r\nContent-Length: 0\r\n\r\n",
                "coding twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "a disguised coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
                "coding in a list": b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
                "coding with a tab": b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"}.items():
            self.refused(name, post + head + hidden, 400, 501)
        for name, body in {
                "a chunk size that overflows": b"10000000000000000\r\n",
                "a chunk size that wraps to nothing": b"100000000000000000\r\nx\r\n0\r\n\r\n",
                "a chunk size with a sign": b"+1\r\nx\r\n0\r\n\r\n",
                "a chunk size in another notation": b"0x1\r\nx\r\n0\r\n\r\n",
                "a chunk without size": b"\r\n\r\n",
                "a chunk that is longer than it says": b"1\r\nxx\r\n0\r\n\r\n",
                "a chunk line ended by a line feed": b"1\nx\n0\n\n",
                "an endless chunk extension": b"1;" + b"x" * 10_000,
                "an endless trailer": b"0\r\n" + b"x: y\r\n" * 10_000}.items():
            self.refused(name, chunked + body + hidden, 400, 413, 431)
        self.refused("chunks in HTTP/1.0", chunked.replace(b"1.1", b"1.0") + b"0\r\n\r\n" + hidden, 400)

    def test_clients_that_shut_their_sending_side_are_answered(self):
        """A change waits for the disk and a context for its fetcher: the answer comes all the same."""
        lamp = b'{"id": "urn:ngsi-ld:Lamp:half", "type": "Lamp", "@context": {"Lamp": "http://example.org/Lamp"}}'
        for name, status, asked in (
                ("a change", 201, request("POST", ENTITIES, lamp, Content_Type="application/ld+json")),
                ("a batch", 204, request("POST", BATCH + "/upsert", b"[" + lamp + b"]", Content_Type="application/ld+json")),
                ("a question", 200, request("GET", ENTITIES + "?type=Lamp&q=a==1")),
                ("a removal", 204, request("DELETE", ENTITIES + "/urn:ngsi-ld:Lamp:half"))):
            with self.subTest(name), Wire(self.server) as wire:
                wire.send(asked)
                wire.socket.shutdown(socket.SHUT_WR)
                self.assertEqual(wire.answer().status, status)
                self.assertTrue(wire.ended())

    def test_other_protocols_on_the_port(self):
        self.refused("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 400, 505)
        self.refused("HTTP/0.9", b"GET /\r\n\r\n", 400, 505)
        self.refused("SSH", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 400)
        self.refused("nothing in particular", bytes(range(256)) * 4, 400)
        anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
        with Wire(self.server) as wire, self.assertRaises(ssl.SSLError):
            anybody.wrap_socket(wire.socket)

    def test_heads_beyond_the_limits(self):
        self.refused("a long target", b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414)
        self.refused("an endless target", b"GET /" + b"x" * 100_000, 414)
        self.refused("a large header", request("GET", "/health", X="x" * 40_000), 431)
        self.refused("an endless header", b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000, 431)
        self.refused("many headers", b"GET / HTTP/1.1\r\nHost: h\r\n" + b"a:\r\n" * 1_000 + b"\r\n", 431)

    def test_bodies_beyond_the_limit_are_refused_unread(self):
        self.refused("announced", request("POST", ENTITIES, b"", Content_Length=16 * MIB + 1), 413)
        self.refused("announced, and more than all memory", request("POST", ENTITIES, b"", Content_Length=1 << 62), 413)
        self.refused("waiting for leave", request("POST", ENTITIES, b"", Content_Length=1 << 30, Expect="100-continue"), 413)
        chunked = request("POST", ENTITIES, Content_Type="application/json", Transfer_Encoding="chunked")
        self.refused("one chunk", chunked + b"1000001\r\n", 413)
        before = memory(self.server, "VmRSS")
        self.refused("in small chunks", chunked + (b"10000\r\n" + b" " * 0x10000 + b"\r\n") * 300, 413)
        # The buffer that grows to 16 MiB is copied as it does, and the rest of the server does not stand still.
        self.assert_memory_below(memory(self.server, "VmRSS") - before, 64 * MIB)


class Bodies(Shared):
    def refused(self, name, status, body, method="POST", path=ENTITIES, **headers):
        with self.subTest(name), Wire(self.server) as wire:
            answer = wire.ask(method, path, body, **headers)
            statuses = status if isinstance(status, tuple) else (status,)
            self.assertIn(answer.status, statuses, answer.body[:300])
            self.assertIn("problem+json", answer.headers["content-type"])
            self.assertLess(len(answer.body), 2_000, "a refusal does not send back what it refuses")
            problem = answer.json()
            self.assertTrue(problem["detail"] and problem["type"])

    def test_depth(self):
        open_close = (("[", "]"), ('{"a":', "}"), ('{"type":"Property","value":', "}"), ('[{"a":', "}]"))
        for begin, end in open_close:
            for depth in (100, 100_000):
                value = begin * depth + "1" + end * depth
                body = '{"id":"urn:ngsi-ld:Lamp:2","type":"Lamp","a":{"type":"Property","value":%s}}' % value
                self.refused(f"{depth} of {begin}", (400, 413), body.encode())
                self.refused(f"{depth} of {begin}, never closed", 400, (begin * depth).encode())
                self.refused(f"{depth} of {begin} in a context", (400, 403, 413), f'{{"@context":{value},"id":"a:b","type":"T"}}'.encode(),
                             Content_Type="application/ld+json")
        geometry = '{"type":"GeometryCollection","geometries":[' * 5_000 + "]}" * 5_000
        self.refused("a geometry of geometries", 400,
                     f'{{"id":"urn:ngsi-ld:Lamp:2","type":"Lamp","location":{{"type":"GeoProperty","value":{geometry}}}}}'.encode())

    def test_sizes(self):
        self.refused("a string of 10 MB", 413, lamp(2, text=text(10_000_000)))
        self.refused("an id of 10 MB", (400, 413), {"id": "urn:ngsi-ld:Lamp:" + "x" * 10_000_000, "type": "Lamp"})
        self.refused("a name of 10 MB", (400, 413), lamp(2, **{"x" * 10_000_000: {"type": "Property", "value": 1}}))
        self.refused("a type of 10 MB", (400, 413), {"id": "urn:ngsi-ld:Lamp:2", "type": "x" * 10_000_000})
        self.refused("a number of 10 MB", (400, 413), b'{"id":"urn:ngsi-ld:Lamp:2","type":"Lamp","a":{"type":"Property","value":'
                     + b"1" * 10_000_000 + b"}}")
        self.refused("a million attributes", (400, 413), lamp(2, **{f"a{n}": {"value": n} for n in range(300_000)}))
        self.refused("a million types", (400, 413), {"id": "urn:ngsi-ld:Lamp:2", "type": [f"T{n}" for n in range(300_000)]})
        self.refused("a batch of 100,000", (400, 413), [{"id": f"urn:ngsi-ld:Lamp:{n}", "type": "Lamp"} for n in range(100_000)],
                     path=BATCH + "/create")
        self.refused("a deletion of 200,000", (400, 413), [f"urn:ngsi-ld:Lamp:{n}" for n in range(200_000)], path=BATCH + "/delete")
        self.refused("an empty batch", 400, [], path=BATCH + "/create")

    def test_compressed_bodies(self):
        bomb = gzip.compress(b" " * (200 * MIB), 9)
        self.assertLess(len(bomb), MIB)
        before = memory(self.server, "VmRSS")
        self.refused("a bomb", 413, bomb, Content_Encoding="gzip")
        many = gzip.compress(b" " * MIB, 9)
        self.refused("a bomb of many members", 413, many * 200, Content_Encoding="gzip")
        self.assert_memory_below(memory(self.server, "VmRSS") - before, 64 * MIB)
        whole = gzip.compress(json.dumps(lamp(2)).encode())
        self.refused("half a file", 400, whole[:-4], Content_Encoding="gzip")
        self.refused("a wrong sum", 400, whole[:-8] + b"\0" * 8, Content_Encoding="gzip")
        self.refused("something behind it", 400, whole + b"{}", Content_Encoding="gzip")
        self.refused("no gzip", 400, json.dumps(lamp(2)).encode(), Content_Encoding="gzip")
        self.refused("gzip of gzip", 415, gzip.compress(whole), Content_Encoding="gzip, gzip")
        for coding in ("deflate", "br", "zstd"):
            self.refused(coding, 415, whole, Content_Encoding=coding)

    def test_patterns_are_refused_or_answered_at_once(self):
        with Wire(self.server) as wire:
            begun = time.monotonic()
            for pattern in ("(a+)+$", "(a|aa)+$", "(.*)*x", "((a{1,100}){1,100}){1,100}", "(x+x+)+y", "a{1000}{1000}", "(" * 5_000,
                            "(?:" * 1_000 + ")" * 1_000, "[a-z]" * 2_000, "(?P<a>a)" * 500, "\\p{L}{900}", "(?R)", "\\1", "(?=a)"):
                quoted = "".join(f"%{byte:02x}" for byte in pattern.encode())
                for question in (f"idPattern={quoted}", f"q=name~={quoted}", f"q=level~={quoted}"):
                    answer = wire.ask("GET", f"{ENTITIES}?type=Lamp&{question}")
                    if answer.status == 414:
                        wire = self.wire(self.server)
                        continue
                    self.assertIn(answer.status, (200, 400, 403), (pattern[:50], answer.body[:300]))
            print(f"  hostile patterns: {time.monotonic() - begun:.2f} s in all")

    def test_questions_without_end(self):
        for name, query in {
                "brackets": "q=" + "(" * 6_000 + "level==1" + ")" * 6_000,
                "terms": "q=" + "|".join(["level==1"] * 1_600),
                "not closed": "q=" + "(" * 10_000,
                "types": "type=" + "(" * 5_000 + "Lamp" + ")" * 5_000,
                "a polygon": "georel=within&geometry=Polygon&coordinates=" + "[" * 10_000,
                "scopes": "scopeQ=" + ";".join(["/a/%23"] * 1_500),
                "a path": "q=" + ".".join(["a"] * 7_000) + "==1",
                "a long offset": "type=Lamp&offset=" + "9" * 5_000,
                "a long limit": "type=Lamp&limit=" + "9" * 5_000,
                "many parameters": "&".join(f"a{n}=1" for n in range(2_000))}.items():
            with self.subTest(name), Wire(self.server) as wire:
                answer = wire.ask("GET", ENTITIES + "?" + query)
                self.assertIn(answer.status, (200, 400, 403, 414), answer.body[:300])


    def test_sensors_that_lead_to_one_another_without_end(self):
        many = {f"value{n}": {"type": "Property", "value": n, "observedAt": "2026-01-01T00:00:00Z"} for n in range(900)}
        with Wire(self.server) as wire:
            sent = request("POST", ENTITIES, json.dumps({"id": "urn:ngsi-ld:Station:1", "type": "Station", **many}).encode())
            wire.send(sent)
            self.assertEqual(wire.answer().status, 201)
            begun, wheel = time.monotonic(), "Datastreams($expand=Thing($expand=Datastreams($expand=Thing($expand=Datastreams))))"
            for name, wanted, query in (
                    ("everything within everything", (403,), "Things?$expand=" + wheel),
                    ("the same of one", (403,), "Things('urn:ngsi-ld:Station:1')?$expand=" + wheel),
                    ("each among all", (403,), "Datastreams?$filter=" + " or ".join(["Thing/Datastreams/name eq 'x'"] * 60)),
                    ("brackets", (400, 403, 414), "Things?$filter=" + "(" * 3_000 + "id eq 'x'" + ")" * 3_000),
                    ("denials", (400, 403, 414), "Things?$filter=" + "not " * 1_500 + "id eq 'x'"),
                    ("a long way", (400, 403), "Things?$expand=" + "Datastreams/Thing/" * 200 + "Datastreams"),
                    ("a long path", (403, 404), "Datastreams('urn:ngsi-ld:Station:1:value1')" + "/Thing/Datastreams('urn:ngsi-ld:Station:1:value1')" * 50),
                    ("far behind", (200,), "Things?$skip=4000000000"),
                    ("an order of too many", (403,), "Things?$orderby=name&$skip=4000000000"),
                    ("a shape", (400, 403, 414), "Things?$filter=st_within(Locations/location,geography'POLYGON((" + "0 0," * 1_500 + "0 0))')")):
                with self.subTest(name):
                    answer = wire.ask("GET", "/sta/v1.1/" + urllib.parse.quote(query, safe="/?=&"))
                    self.assertIn(answer.status, wanted, answer.body[:300])
                    if answer.status == 414:
                        wire = self.wire(self.server)
            print(f"  sensors: {time.monotonic() - begun:.2f} s in all")
            self.assertEqual(wire.ask("DELETE", ENTITIES + "/urn:ngsi-ld:Station:1").status, 204)


class Overload(Case):
    def test_changes_in_flight(self):
        server = self.serve(limits__in_flight=1)
        clients, statuses, health = self.wires(server, 64), [], self.wire(server)

        def together():
            for wire in clients:
                wire.send(request("POST", ENTITIES, lamp(len(statuses) + clients.index(wire))))
            self.healthy(health)
            for wire in clients:
                answer = wire.answer()
                statuses.append(answer.status)
                if answer.status == 429:
                    self.assertEqual(answer.headers["retry-after"], "1")
                    self.assertIn("problem+json", answer.headers["content-type"])

        self.until(lambda: 429 in statuses and 201 in statuses, together)
        self.assertEqual(set(statuses), {201, 429})
        self.all_there(server, [number for number, status in enumerate(statuses) if status == 201])
        count = server.ask("GET", ENTITIES + "?type=Lamp&count=true&limit=0")[1]["NGSILD-Results-Count"]
        self.assertEqual(int(count), statuses.count(201), "what was refused is not there")

    def test_bytes_in_flight(self):
        server = self.serve(limits__in_flight_bytes="1 MiB")
        clients, statuses, health = self.wires(server, 32), [], self.wire(server)

        def together():
            for wire in clients:
                wire.send(request("POST", ENTITIES, lamp(len(statuses) + clients.index(wire), text=text(200_000))))
            self.healthy(health)
            statuses.extend(wire.answer().status for wire in clients)

        self.until(lambda: 503 in statuses and 201 in statuses, together)
        self.assertEqual(set(statuses), {201, 503})
        self.all_there(server, [number for number, status in enumerate(statuses) if status == 201])

    def test_long_questions(self):
        server = self.serve(limits__scans=1, limits__waiting_scans=2)
        self.fill(server, 20_000)
        scan = request("GET", ENTITIES + "?type=Lamp&q=level==-1&count=true")
        clients, health = self.wires(server, 20), self.wire(server)
        for wire in clients:
            wire.send(scan)
        self.healthy(health)
        answers = [wire.answer() for wire in clients]
        self.assertEqual({answer.status for answer in answers}, {200, 429})
        self.assertTrue(all("retry-after" in answer.headers for answer in answers if answer.status == 429))
        self.assertGreaterEqual(sum(answer.status == 200 for answer in answers), 3)
        clients[0].send(scan)
        self.assertEqual(clients[0].answer().status, 200, "afterwards there is place again")

    def test_the_memory_limit(self):
        server = self.serve(data__memory="24 MiB")
        wire, kept, answer = self.wire(server), [], None
        for number in range(10_000):
            answer = wire.ask("POST", ENTITIES, lamp(number, text=text(10_000)))
            if answer.status != 201:
                break
            kept.append(number)
        self.assertEqual(answer.status, 507, answer.body)
        self.assertIn("problem+json", answer.headers["content-type"])
        self.assertGreater(len(kept), 100)
        self.healthy(wire)
        self.all_there(server, kept)
        self.assertEqual(wire.ask("GET", ENTITIES + "?type=Lamp&limit=100").status, 200)
        batch = wire.ask("POST", BATCH + "/create", [lamp(100_000 + n, text=text(200_000)) for n in range(10)])
        self.assertIn(batch.status, (207, 507))
        for number in kept[:100]:
            self.assertEqual(wire.ask("DELETE", f"{ENTITIES}/urn:ngsi-ld:Lamp:{number}").status, 204)
        self.until(lambda: wire.ask("POST", ENTITIES, lamp(0, text=text(10_000))).status in (201, 409))
        self.all_there(server, [0] + kept[100:])


class NoStall(Case):
    def others_during(self, server, work, enough):
        """Runs `work` in a thread of its own, asks for one entity again and again until it ends."""
        ended, waits = threading.Event(), []
        wire = self.wire(server)
        worker = threading.Thread(target=lambda: (work(), ended.set()))
        worker.start()

        def one():
            begun = time.monotonic()
            self.assertEqual(wire.ask("GET", ENTITIES + "/urn:ngsi-ld:Lamp:1").status, 200)
            waits.append(1000 * (time.monotonic() - begun))
        self.until(ended.is_set, one)
        worker.join()
        waits.sort()
        self.assertGreaterEqual(len(waits), enough, "others were served meanwhile")
        return f"{len(waits)} others, median {waits[len(waits) // 2]:.2f} ms, p99 {waits[-1 - len(waits) // 100]:.1f} ms"

    def test_scans_and_imports_hold_nobody_up(self):
        server = self.serve()
        self.fill(server, 40_000)
        with Wire(server) as scanner:
            scan = request("GET", ENTITIES + "?type=Lamp&q=level==-1;level~=nothing|level==-2&count=true")

            def scans():
                scanner.send(scan * 20)
                for _ in range(20):
                    self.assertEqual(scanner.answer().status, 200)
            print("  during scans:", self.others_during(server, scans, 20))
        batches = [request("POST", BATCH + "/upsert", [lamp(number, text=text(800)) for number in range(first, first + 1_000)])
                   for first in range(100_000, 120_000, 1_000)]
        with Wire(server) as importer:
            def imports():
                for batch in batches:
                    importer.send(batch)
                    self.assertEqual(importer.answer().status, 201)
            print("  during an import:", self.others_during(server, imports, 20))


class Disk(Case):
    OPTIONS = {"journal__segment": "1 MiB", "journal__reserve": "1 MiB", "journal__tail": "4 MiB"}

    def fill_up(self, server):
        """Creates until it is refused: the numbers that were acknowledged, and the refusal."""
        kept = []
        with Wire(server) as wire:
            for number in range(20_000):
                answer = wire.ask("POST", ENTITIES, lamp(number, text=text(20_000)))
                if answer.status != 201:
                    return kept, answer
                kept.append(number)
        raise AssertionError("the disk never became full")

    def test_a_full_disk(self):
        disk = pathlib.Path(tempfile.mkdtemp(prefix="madang-"))
        self.addCleanup(shutil.rmtree, disk, ignore_errors=True)
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", disk],
                                               stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no leave to mount a small disk")
        self.addCleanup(subprocess.run, ["umount", "--lazy", disk])
        server = self.start(history__memory="1 MiB")
        server.folder = disk / "data"
        self.begin(server)
        kept, refusal = self.fill_up(server)
        self.assertIn(refusal.status, (503, 507), refusal.body)
        self.assertIn("retry-after", refusal.headers)
        self.assertGreater(len(kept), 200)
        self.all_there(server, kept)
        with Wire(server) as wire:
            self.healthy(wire)
        # Somebody else takes the rest, to the last byte.
        ballast = disk / "ballast"

        def take_the_rest():
            with contextlib.suppress(OSError), open(ballast, "ab", buffering=0) as file:
                while file.write(b"x" * 4096):
                    pass

        take_the_rest()
        self.assertIn(server.ask("POST", ENTITIES, lamp("more"))[0], (503, 507))
        self.until(lambda: "Make room" in (self.history(server)[1] or ""), lambda: select.select([], [], [], 0.02))
        self.assertIn(b"madang_history_stalled 1", server.ask("GET", "/metrics")[2])
        server.stop(signal.SIGKILL)
        server.start()
        self.all_there(server, kept)
        take_the_rest()  # what history had begun to write is gone; the journal may have taken its place for a segment
        others = itertools.count()
        self.until(lambda: server.ask("POST", ENTITIES, lamp(f"other{next(others)}", text=text(20_000)))[0] in (503, 507))
        self.assertEqual(server.stop(), 0)
        server.start()
        self.all_there(server, kept)
        ballast.unlink()
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        self.until(lambda: server.ask("POST", ENTITIES, lamp("more"))[0] in (201, 409), lambda: select.select([], [], [], 0.02))
        self.all_there(server, ["more"] + kept)
        # History, which had no room, comes after by itself.
        self.until(lambda: self.history(server) == (0, None), lambda: select.select([], [], [], 0.02))
        with Wire(server) as wire:
            for number in kept:
                answer = wire.ask("GET", f"{ENTITIES.replace('/entities', '/temporal/entities')}/urn:ngsi-ld:Lamp:{number}")
                self.assertEqual(answer.status, 200, f"the past of the acknowledged Lamp:{number} is lost")

    def history(self, server):
        """How many records it is behind, and what is wrong."""
        told = server.ask("GET", "/health")[2]
        return told["historyLag"], told.get("historyTrouble")

    def test_the_reserve(self):
        server = self.serve(journal__reserve="1000000 GiB")
        status, headers, problem = server.ask("POST", ENTITIES, lamp(1))
        self.assertEqual((status, headers["Retry-After"]), (507, "30"), problem)
        self.assertEqual(server.ask("GET", ENTITIES + "?type=Lamp")[0], 200)
        self.assertEqual(server.ask("GET", "/health")[0], 200)

    def test_files_that_may_not_grow(self):
        # Segments fit below the limit, a snapshot does not: it fails, and nothing else does.
        server = self.serve(journal__tail="1 MiB")
        subprocess.run(["prlimit", f"--pid={server.process.pid}", f"--fsize={5 * MIB >> 1}"], check=True)
        with Wire(server) as wire:
            for number in range(400):
                self.assertEqual(wire.ask("POST", ENTITIES, lamp(number, text=text(20_000))).status, 201)
            self.until(lambda: "snapshot failed" in server.said(), lambda: self.healthy(wire))
            self.assertEqual(wire.ask("POST", ENTITIES, lamp("more")).status, 201)
        server.stop(signal.SIGKILL)
        server.start()
        self.all_there(server, ["more", *range(400)])


class Ends(Case):
    def test_killed_under_load(self):
        server = self.serve()
        acknowledged = []  # append is atomic

        def writes(client):
            with contextlib.suppress(OSError), Wire(server) as wire:
                for number in range(client * 1_000_000, (client + 1) * 1_000_000):
                    answer = wire.ask("POST", ENTITIES, lamp(number))
                    if answer.status != 201:
                        return
                    acknowledged.append(number)
        for _ in range(2):
            begun = len(acknowledged)
            writers = [threading.Thread(target=writes, args=[len(acknowledged) + client]) for client in range(8)]
            for writer in writers:
                writer.start()
            self.until(lambda: len(acknowledged) >= begun + 300, lambda: select.select([], [], [], 0.01))
            server.stop(signal.SIGKILL)
            for writer in writers:
                writer.join()
            server.start()
            self.all_there(server, acknowledged)

    def test_everything_sent_before_the_stop_is_answered(self):
        server = self.serve()
        self.fill(server, 20_000)
        known = self.wires(server, 40)
        for wire in known:
            self.healthy(wire)
        for number, wire in enumerate(known):
            if number % 2:
                wire.send(request("POST", ENTITIES, lamp(100_000 + number)))
            else:
                wire.send(request("GET", ENTITIES + "?type=Lamp&q=level==-1&count=true"))
        strangers = self.wires(server, 20)  # perhaps not even accepted yet
        for number, wire in enumerate(strangers):
            wire.send(request("POST", ENTITIES, lamp(200_000 + number)))
        server.process.send_signal(signal.SIGTERM)
        answers = [wire.answer() for wire in known + strangers]
        self.assertEqual([answer.status for answer in answers], [200, 201] * 20 + [201] * 20)
        for wire in known + strangers:
            self.assertTrue(wire.ended())
        self.assertEqual(server.stop(), 0)
        server.start()
        self.all_there(server, [100_000 + n for n in range(1, 40, 2)] + [200_000 + n for n in range(20)])

    def test_a_stop_does_not_wait_for_ever(self):
        server = self.serve(server__drain="1 s")
        for wire in self.wires(server, 10):
            wire.send(b"GET /health HTTP/1.1\r\nHo")
        self.assertEqual(server.stop(), 0)
        server.start()


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    wrong = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - wrong} passed, {wrong} failed")
    sys.exit(1 if wrong else 0)
