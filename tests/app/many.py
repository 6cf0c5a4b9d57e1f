#!/usr/bin/env python3
"""Changes of many entities at once, against a running server: purge, and what expires by the thousand.

usage: many.py [MADANG]
"""

import pathlib
import sys
import threading
import time
import unittest
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/app"))
from server import Server  # noqa: E402

MADANG = sys.argv.pop(1) if len(sys.argv) > 1 else str(ROOT / "build/dev/madang")
ENTITIES = "/ngsi-ld/v1/entities"
LIMIT = 60  # seconds that anything here may take


def lamp(number, level, **more):
    return {"id": f"urn:ngsi-ld:Lamp:{number}", "type": "Lamp", "level": {"type": "Property", "value": level}, **more}


def fill(server, count, make):
    for first in range(0, count, 1_000):
        batch = [make(number) for number in range(first, min(first + 1_000, count))]
        status, _, _ = server.ask("POST", "/ngsi-ld/v1/entityOperations/upsert", batch)
        assert status in (201, 204), status


def counted(server, question):
    query = urllib.parse.urlencode({"type": "Lamp", "q": question, "count": "true", "limit": "0"})
    return int(server.ask("GET", f"{ENTITIES}?{query}")[1]["NGSILD-Results-Count"])


class Purge(unittest.TestCase):
    def test_more_than_one_look_finds(self):
        with Server(MADANG) as server:
            fill(server, 25_000, lambda n: lamp(n, n % 5))
            query = urllib.parse.urlencode({"type": "Lamp", "q": "level<4"})
            self.assertEqual(server.ask("DELETE", f"{ENTITIES}?{query}")[0], 204)
            self.assertEqual((counted(server, "level<4"), counted(server, "level==4")), (0, 5_000))

    def test_what_changes_before_its_turn_is_not_what_was_meant(self):
        """Lamps are switched from 0 to 9 while all at 0 are purged: an acknowledged 9 must stay."""
        count = 12_000
        with Server(MADANG) as server:
            fill(server, count, lambda n: lamp(n, 0))
            kept, begun = set(), threading.Event()

            def switch():
                for number in range(count - 1, 0, -7):
                    address = f"{ENTITIES}/urn:ngsi-ld:Lamp:{number}/attrs/level"
                    status = server.ask("PATCH", address, {"value": 9})[0]
                    begun.set()
                    self.assertIn(status, (204, 404))
                    if status == 404:
                        return  # the purge has come by
                    kept.add(number)

            writer = threading.Thread(target=switch)
            writer.start()
            begun.wait(LIMIT)
            query = urllib.parse.urlencode({"type": "Lamp", "q": "level==0"})
            status = server.ask("DELETE", f"{ENTITIES}?{query}")[0]
            writer.join(LIMIT)
            self.assertEqual(status, 204)
            self.assertEqual((counted(server, "level==0"), counted(server, "level==9")), (0, len(kept)))
            self.assertTrue(kept)


class Expiry(unittest.TestCase):
    def test_thousands_at_one_moment(self):
        with Server(MADANG) as server:
            moment = int(time.time()) + 5
            end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
            fill(server, 8_000, lambda n: lamp(n, 1, expiresAt=end) if n % 2 else lamp(n, 1))
            before = counted(server, "level==1")
            if time.time() < moment:  # a slow machine may be late
                self.assertEqual(before, 8_000)
            limit = time.monotonic() + LIMIT
            while counted(server, "level==1") != 4_000 and time.monotonic() < limit:
                time.sleep(0.05)
            self.assertEqual(counted(server, "level==1"), 4_000)
            while server.ask("GET", "/health")[2]["entities"] != 4_000 and time.monotonic() < limit:
                time.sleep(0.05)
            self.assertEqual(server.ask("GET", "/health")[2]["entities"], 4_000)


if __name__ == "__main__":
    unittest.main()
