#!/usr/bin/env python3
"""The commands of docs/how-to/your-city.md, as they are printed; then what everybody sees, and may not do.

usage: afternoon.py [MADANG]
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
MADANG = pathlib.Path(sys.argv.pop(1) if len(sys.argv) > 1 else ROOT / "build/dev/madang").resolve()
LIMIT = 120  # seconds


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Afternoon(unittest.TestCase):
    def ask(self, path, method="GET"):
        request = urllib.request.Request(f"http://localhost:{self.port}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()

    def is_down(self):
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", self.port)) != 0

    def count(self, kind):
        return len(json.loads(self.ask(f"/ngsi-ld/v1/entities?type={kind}&limit=1000&format=simplified")[1]))

    def wait_for(self, there):
        end = time.monotonic() + LIMIT
        while not there():
            self.assertLess(time.monotonic(), end, "not in time")
            time.sleep(0.1)

    def test_the_page_works_as_printed(self):
        self.port = free_port()
        page = (ROOT / "docs/how-to/your-city.md").read_text()
        commands = "\n".join(re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
        commands = commands.replace("localhost:8080", f"localhost:{self.port}")
        commands = commands.replace("madang serve ", f"madang serve --port {self.port} ")
        with tempfile.TemporaryDirectory(prefix="madang-afternoon-", ignore_cleanup_errors=True) as name:
            folder = pathlib.Path(name)
            (folder / "build/release").mkdir(parents=True)
            (folder / "build/release/madang").symlink_to(MADANG)
            with open(folder / "told.txt", "wb") as told:
                shell = subprocess.Popen(["bash", "-euo", "pipefail", "-c", commands + "\nwait"], cwd=folder, stdout=told,
                                         stderr=subprocess.STDOUT, start_new_session=True,
                                         env={**os.environ, "LC_ALL": "C.UTF-8"})
            try:
                self.wait_for(lambda: shell.poll() is not None or (folder / "told.txt").read_text().rstrip().endswith("401"))
                self.assertIsNone(shell.poll(), (folder / "told.txt").read_text()[-2000:])
                lines = len((folder / "open-data/gtfs/stops.txt").read_text().splitlines()) - 1
                self.assertEqual(self.count("GtfsStop"), lines)
                self.assertEqual(self.count("Shelter"), len((folder / "open-data/shelters.csv").read_bytes().splitlines()) - 1)
                self.wait_for(lambda: all(self.count(kind) > 0 for kind in ("AirQualityObserved", "RoadSegment", "Building", "LandUse")))
                self.assertEqual(self.ask("/ngsi-ld/v1/entities/urn:ngsi-ld:Shelter:1", "DELETE")[0], 401)
                self.assertEqual(self.ask("/ngsi-ld/v1/entities/urn:ngsi-ld:Shelter:1")[0], 200)
                self.assertEqual(self.ask("/admin/feeds/air/run", "POST")[0], 401)
            finally:
                os.killpg(shell.pid, signal.SIGTERM)
                shell.wait(30)
                self.wait_for(self.is_down)  # the server writes what it has


if __name__ == "__main__":
    run = unittest.main(exit=False, verbosity=0).result
    failed = len(run.failures) + len(run.errors)
    print(f"{run.testsRun - failed} passed, {failed} failed")
    sys.exit(failed > 0)
