#!/usr/bin/env python3
"""Subscribers of a running server that is killed at any moment: what was acknowledged is told of, in order.

usage: subscribers.py [MADANG]
"""

import concurrent.futures
import http.client
import http.server
import json
import pathlib
import random
import signal
import sys
import threading
import time
import unittest
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/app"))
from server import Server  # noqa: E402

MADANG = sys.argv.pop(1) if len(sys.argv) > 1 else str(ROOT / "build/dev/madang")
BASE = "/ngsi-ld/v1"
LIMIT = 60  # seconds that anything here may take


class Subscriber:
    """An endpoint on a port of its own that keeps what it is told."""

    def __init__(self):
        self.told, self.ready = [], threading.Condition()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer.ready:
                    outer.told.append((self.path, dict(self.headers), body))
                    outer.ready.notify_all()
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # connections that a kill breaks
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def wait(self, there):
        """Waits until there(told) holds; false where that takes too long."""
        with self.ready:
            return self.ready.wait_for(lambda: there(self.told), LIMIT)


def subscription(url, **more):
    return {"id": "urn:ngsi-ld:Subscription:1", "type": "Subscription", "entities": [{"type": "Lamp"}],
            "notification": {"format": "keyValues", "endpoint": {"uri": url}}, **more}


class Subscribers(unittest.TestCase):
    def test_a_kill_loses_no_notification(self):
        draw = random.Random(7)
        with Subscriber() as subscriber, Server(MADANG, "--allow-private-egress") as server:
            status, _, answer = server.ask("POST", f"{BASE}/subscriptions", subscription(subscriber.url))
            self.assertEqual(status, 201, answer)
            owed = set()
            made = set()
            for number in range(1, 241):
                lamp = f"urn:ngsi-ld:Lamp:{draw.randrange(4)}"
                level = {"level": {"type": "Property", "value": number}}
                try:
                    if lamp in made:
                        status, _, _ = server.ask("PATCH", f"{BASE}/entities/{lamp}/attrs", level)
                    else:
                        status, _, _ = server.ask("POST", f"{BASE}/entities", {"id": lamp, "type": "Lamp", **level})
                        made.add(lamp)
                    self.assertIn(status, (201, 204))
                    owed.add((lamp, number))
                except (OSError, http.client.HTTPException):
                    pass  # of unknown outcome
                if number % 60 == 0:
                    # While notifications are on their way.
                    server.stop(signal.SIGKILL)
                    server.start()

            def seen(told):
                return {(item["id"], item["level"]) for _, _, body in told for item in body["data"]}

            self.assertTrue(subscriber.wait(lambda told: owed <= seen(told)), owed - seen(subscriber.told))
            first = {}
            for _, _, body in subscriber.told:
                for item in body["data"]:
                    levels = first.setdefault(item["id"], [])
                    if item["level"] not in levels:
                        levels.append(item["level"])
            for lamp, levels in first.items():
                self.assertEqual(levels, sorted(levels), lamp)
            ids = {}
            for _, _, body in subscriber.told:
                ids.setdefault(body["id"], body["data"])
                self.assertEqual(ids[body["id"]], body["data"], "an id stands for one notification")

    def test_ten_thousand_subscriptions(self):
        with Subscriber() as subscriber, Server(MADANG, "--allow-private-egress") as server:
            address = urllib.parse.urlsplit(server.url)

            def subscribe(numbers):
                line = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
                for number in numbers:
                    body = subscription(f"{subscriber.url}/{number}", id=f"urn:ngsi-ld:Subscription:{number}")
                    body["entities"] = [{"type": "Lamp", "id": f"urn:ngsi-ld:Lamp:{number % 625}"}]
                    line.request("POST", f"{BASE}/subscriptions", json.dumps(body), {"Content-Type": "application/json"})
                    answer = line.getresponse()
                    answer.read()
                    self.assertEqual(answer.status, 201)
                line.close()

            # Side by side: they share syncs.
            with concurrent.futures.ThreadPoolExecutor(50) as pool:
                list(pool.map(subscribe, [range(first, 10_000, 50) for first in range(50)]))
            lamp = {"id": "urn:ngsi-ld:Lamp:7", "type": "Lamp", "level": {"value": 1}}
            self.assertEqual(server.ask("POST", f"{BASE}/entities", lamp)[0], 201)
            self.assertTrue(subscriber.wait(lambda told: len(told) == 16))
            self.assertEqual({path for path, _, _ in subscriber.told}, {f"/{n}" for n in range(7, 10_000, 625)})
            server.stop()
            begun = time.monotonic()
            server.start()
            self.assertLess(time.monotonic() - begun, LIMIT)
            status, headers, _ = server.ask("GET", f"{BASE}/subscriptions?limit=1&count=true")
            self.assertEqual((status, headers["NGSILD-Results-Count"]), (200, "10000"))
            self.assertEqual(server.ask("DELETE", f"{BASE}/entities/{lamp['id']}")[0], 204)


if __name__ == "__main__":
    unittest.main(verbosity=1)
