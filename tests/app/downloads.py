#!/usr/bin/env python3
"""Downloads against a running server: large ones, clients that take them slowly or go away.

usage: downloads.py [MADANG]
"""

import csv
import io
import json
import pathlib
import socket
import sys
import time
import unittest
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/app"))
from server import Server  # noqa: E402

MADANG = sys.argv.pop(1) if len(sys.argv) > 1 else str(ROOT / "build/dev/madang")
LIMIT = 60  # seconds that anything here may take
COUNT = 4_000
PADDING = "x" * 4_000  # so that all of it is far more than the system's buffers hold


def resident(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) << 10


def begin(server, target):
    """Asks, and takes nothing yet."""
    host = urllib.parse.urlsplit(server.url)
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
    made.settimeout(LIMIT)
    made.connect(("127.0.0.1", host.port))
    made.sendall(f"GET {target} HTTP/1.1\r\nHost: {host.netloc}\r\n\r\n".encode())
    return made


def rest(sock):
    got = bytearray()
    while part := sock.recv(1 << 16):
        got += part
    return bytes(got)


class Downloads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(MADANG, "--set", "api.downloads=2")
        cls.server.start()
        for first in range(0, COUNT, 1000):
            batch = [{"id": f"urn:ngsi-ld:Lamp:{i}", "type": "Lamp", "number": {"type": "Property", "value": i},
                      "note": {"type": "Property", "value": PADDING}} for i in range(first, first + 1000)]
            assert cls.server.ask("POST", "/ngsi-ld/v1/entityOperations/create", batch)[0] == 201

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def get(self, target):
        return urllib.request.urlopen(self.server.url + target, timeout=LIMIT)

    def settle(self, form, wanted):
        """Downloads are let go of in a moment."""
        limit = time.monotonic() + LIMIT
        while time.monotonic() < limit:
            status = self.server.ask("GET", "/download?type=Lamp&limit=1&format=" + form)[0]
            if status == wanted:
                return
        self.fail(f"never {wanted}")

    def test_everything_once_in_each_form(self):
        with self.get("/download?type=Lamp&format=csv") as answer:
            self.assertEqual(answer.headers["NGSILD-Results-Count"], str(COUNT))
            rows = list(csv.DictReader(io.TextIOWrapper(answer, "utf-8", newline="")))
        self.assertEqual([int(row["number"]) for row in rows], list(range(COUNT)))
        self.assertEqual(rows[-1]["note"], PADDING)
        with self.get("/download?type=Lamp&format=geojson&omit=note") as answer:
            features = json.load(answer)["features"]
        self.assertEqual([f["properties"]["number"] for f in features], list(range(COUNT)))
        with self.get("/download?type=Lamp&format=ndjson&omit=note&q=number>=100&limit=777") as answer:
            self.assertEqual(answer.headers["NGSILD-Results-Count"], "777")
            self.assertEqual([json.loads(line)["number"]["value"] for line in answer], list(range(100, 877)))

    def test_a_tenant_by_parameter(self):
        lamp = {"id": "urn:ngsi-ld:Lamp:b", "type": "Lamp"}
        self.assertEqual(self.server.ask("POST", "/ngsi-ld/v1/entities", lamp, **{"NGSILD-Tenant": "b"})[0], 201)
        with self.get("/download?type=Lamp&format=csv&tenant=b") as answer:
            self.assertEqual(answer.read(), b"id,type\r\nurn:ngsi-ld:Lamp:b,Lamp\r\n")

    def test_who_takes_it_slowly_costs_no_memory_and_gets_all(self):
        self.get("/download?type=Lamp&format=csv").read()  # what is kept for the next is there now
        before = resident(self.server)
        slow = begin(self.server, "/download?type=Lamp&format=csv")
        try:
            self.assertTrue(slow.recv(1))
            for _ in range(200):  # others are answered meanwhile
                self.assertEqual(self.server.ask("GET", "/ngsi-ld/v1/entities/urn:ngsi-ld:Lamp:1")[0], 200)
            self.assertLess(resident(self.server) - before, 8 << 20)
            got = rest(slow)
        finally:
            slow.close()
        self.assertTrue(got.endswith(b"\r\n0\r\n\r\n"))
        self.assertGreater(len(got), COUNT * len(PADDING))

    def test_who_goes_away_is_forgotten(self):
        first, second = (begin(self.server, "/download?type=Lamp&format=ndjson") for _ in range(2))
        try:
            self.assertTrue(first.recv(1) and second.recv(1))
            status, headers, _ = self.server.ask("GET", "/download?type=Lamp&format=csv")
            self.assertEqual(status, 429)
            self.assertIn("Retry-After", headers)
        finally:
            first.close()
            second.close()
        self.settle("csv", 200)

    def test_an_entity_that_goes_meanwhile_does_no_harm(self):
        slow = begin(self.server, "/download?type=Lamp&format=ndjson")
        try:
            self.assertTrue(slow.recv(1))
            self.assertEqual(self.server.ask("DELETE", f"/ngsi-ld/v1/entities/urn:ngsi-ld:Lamp:{COUNT - 1}")[0], 204)
            got = rest(slow)
        finally:
            slow.close()
            lamp = {"id": f"urn:ngsi-ld:Lamp:{COUNT - 1}", "type": "Lamp",
                    "number": {"type": "Property", "value": COUNT - 1}, "note": {"type": "Property", "value": PADDING}}
            self.server.ask("POST", "/ngsi-ld/v1/entities", lamp)
        self.assertIn(f'"urn:ngsi-ld:Lamp:{COUNT - 2}"'.encode(), got)
        self.assertNotIn(f'"urn:ngsi-ld:Lamp:{COUNT - 1}"'.encode(), got)
        self.assertTrue(got.endswith(b"\r\n0\r\n\r\n"))


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=0).result
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed")
    sys.exit(bad > 0)
