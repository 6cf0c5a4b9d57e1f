#!/usr/bin/env python3
"""Feeds against a running server: files, folders, HTTP and MQTT sources, dead letters, restarts.

usage: feeds.py [MADANG]
"""

import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
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
FEEDS = "/admin/feeds"


def declared(source, **more):
    return {"id": "air", "source": source, "every": 1, "type": "AirQualityObserved",
            "identity": "urn:ngsi-ld:AirQualityObserved:{station}", "observed": "time",
            "attributes": {"pm10": {"from": "pm10", "kind": "number"}}, **more}


def until(condition, what):
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not in {LIMIT} s: {what}")


class Folder:
    """Files of sources, and a server that may read them."""

    def __init__(self, *options):
        self.scratch = tempfile.TemporaryDirectory(prefix="madang-feeds-")
        self.path = pathlib.Path(self.scratch.name) / "in"
        self.path.mkdir()
        self.server = Server(MADANG, "--set", f"feeds.folders={self.path}", *options)

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.__exit__()
        self.scratch.cleanup()

    def write(self, name, text):
        made = self.path / name
        made.write_text(text)
        return str(made)

    def declare(self, feed, status=201):
        got, _, body = self.server.ask("POST", FEEDS, feed)
        assert got == status, (got, body)
        return body

    def feed(self, name="air"):
        status, _, body = self.server.ask("GET", f"{FEEDS}/{name}")
        assert status == 200, (status, body)
        return body

    def records(self, count, name="air"):
        return until(lambda: (lambda f: f if f["records"] >= count and f["state"] != "running" else None)(
            self.feed(name)), f"{count} records: {self.feed(name)}")

    def push(self, text, name="air", content_type="text/csv", status=200):
        got, _, body = self.server.ask("POST", f"{FEEDS}/{name}/records", text.encode(), Content_Type=content_type)
        assert got == status, (got, body)
        return body

    def letters(self, name="air"):
        return self.server.ask("GET", f"{FEEDS}/{name}/deadLetters?limit=1000")[2]

    def entity(self, number, kind="AirQualityObserved"):
        return self.server.ask("GET", f"/ngsi-ld/v1/entities/urn:ngsi-ld:{kind}:{number}?options=concise")[2]

    def past(self, number, attribute="pm10"):
        """(moment, value) of each instance, in order."""
        status, _, body = self.server.ask(
            "GET", f"/ngsi-ld/v1/temporal/entities/urn:ngsi-ld:AirQualityObserved:{number}?attrs={attribute}")
        if status == 404:
            return []
        assert status in (200, 206), (status, body)
        assert status == 200, "more than one page"
        instances = body.get(attribute, [])
        if isinstance(instances, dict):
            instances = [instances]
        return sorted((one["observedAt"], one["value"]) for one in instances)


def rows(hours, stations=(1, 2), value=lambda hour, station: hour * 10 + station):
    return "".join(f"{station},2024-01-01T{hour:02}:00:00Z,{value(hour, station)}\n"
                   for hour in hours for station in stations)


HEAD = "station,time,pm10\n"


class Declaring(unittest.TestCase):
    def test_a_feed_comes_changes_and_goes(self):
        with Folder() as here:
            feed = declared({"push": True})
            here.declare(feed)
            here.declare(feed, 409)
            self.assertEqual(here.feed()["state"], "waiting")
            here.push(HEAD + rows([0]))
            self.assertEqual(here.entity(1)["pm10"]["value"], 1)
            self.assertEqual(here.entity(1)["pm10"]["observedAt"], "2024-01-01T00:00:00Z")
            self.assertEqual(here.entity(1)["providedBy"]["object"], "urn:ngsi-ld:Feed:air")
            feed["attributes"]["pm10"]["factor"] = 2
            status, _, body = here.server.ask("PUT", f"{FEEDS}/air", feed)
            self.assertEqual(status, 200, body)
            here.push(HEAD + rows([1]))
            self.assertEqual(here.entity(1)["pm10"]["value"], 22)
            self.assertEqual(here.server.ask("PUT", f"{FEEDS}/other", feed)[0], 400)
            self.assertEqual(here.server.ask("DELETE", f"{FEEDS}/air")[0], 204)
            self.assertEqual(here.server.ask("GET", f"{FEEDS}/air")[0], 404)
            self.assertEqual(here.entity(1)["pm10"]["value"], 22)  # what it brought stays

    def test_what_is_wrong_is_said_where(self):
        with Folder() as here:
            for change, where in [({"colour": "red"}, "/colour"), ({"every": "soon"}, "/every"),
                                  ({"type": None}, "/type"), ({"zone": "Mars/Base"}, "/zone"),
                                  ({"location": {"lon": "x"}}, "/location"),
                                  ({"attributes": {"a": {"kind": "number"}}}, "/attributes/a"),
                                  ({"attributes": {"a": {"from": "x", "range": [3, 1]}}}, "/attributes/a/range"),
                                  ({"attributes": {"a": {"from": "x", "kind": "colour"}}}, "/attributes/a/kind"),
                                  ({"identity": "urn:x:1", "observed": None}, "/"),
                                  ({"source": {"url": "ftp://x"}}, "/source/url"),
                                  ({"source": {"mqtt": "mqtt://h/a#"}}, "/source/mqtt"),
                                  ({"schema": 7}, "/schema"), ({"schema": {"type": "colour"}}, "/schema")]:
                status, _, body = here.server.ask("POST", FEEDS, {**declared({"push": True}), **change})
                self.assertEqual(status, 400, (change, body))
                self.assertIn(where, json.dumps(body), (change, body))
            status, _, body = here.server.ask("POST", FEEDS, b"{nonsense")
            self.assertEqual(status, 400, body)

    def test_paused_takes_nothing(self):
        with Folder() as here:
            here.declare(declared({"file": here.write("a.csv", HEAD + rows([0]))}, paused=True))
            here.push(HEAD + rows([0]), status=503)
            time.sleep(1.5)
            self.assertEqual((here.feed()["records"], here.feed()["state"]), (0, "paused"))

    def test_secrets_are_kept_and_not_shown(self):
        with Folder() as here:
            source = {"url": "http://192.0.2.1/x.csv", "headers": {"X-Key": "s3cret"}}
            here.declare(declared(source, every="1h"))
            self.assertNotIn("s3cret", json.dumps(here.feed()))
            self.assertEqual(here.feed()["declaration"]["source"]["headers"], {"X-Key": "***"})

    def test_files_outside_of_the_folders_are_not_read(self):
        with Folder() as here:
            outside = pathlib.Path(here.scratch.name) / "outside.csv"
            outside.write_text(HEAD + rows([0]))
            link = here.path / "link.csv"
            link.symlink_to(outside)
            beside = pathlib.Path(here.scratch.name) / "in-beside"
            beside.mkdir()
            for source in ({"file": str(outside)}, {"file": str(link)}, {"file": f"{here.path}/../outside.csv"},
                           {"folder": str(beside)}, {"file": "/etc/passwd"}):
                self.assertEqual(here.server.ask("POST", FEEDS, declared(source))[0], 403, source)
            # In a folder that is allowed, and later: what was a file is a link.
            here.declare(declared({"folder": str(here.path), "pattern": "*.csv"}))
            failing = until(lambda: here.feed() if here.feed()["state"] == "failing" else None, "a failure")
            self.assertIn("feeds.folders", failing["trouble"])
            self.assertEqual(here.feed()["records"], 0)

    def test_private_addresses_are_not_asked(self):
        with Folder() as here:
            here.declare(declared({"url": here.server.url + "/health"}))
            failing = until(lambda: here.feed() if here.feed()["state"] == "failing" else None, "a failure")
            self.assertIn("public", failing["trouble"])


class Files(unittest.TestCase):
    def test_a_file_that_grows_is_read_on(self):
        with Folder() as here:
            path = pathlib.Path(here.write("a.csv", HEAD + rows([0, 1])))
            os.utime(path, (1, 1))
            here.declare(declared({"file": str(path)}))
            here.records(4)
            with path.open("a") as file:
                file.write(rows([2])[:-3])  # the last line is not whole yet
            here.records(5)
            time.sleep(1.5)
            self.assertEqual(here.feed()["records"], 5)
            with path.open("a") as file:
                file.write(rows([2])[-3:] + rows([3]))
            here.records(8)
            self.assertEqual(here.past(2), [(f"2024-01-01T{h:02}:00:00Z", h * 10 + 2) for h in range(4)])
            self.assertEqual(here.past(1), [(f"2024-01-01T{h:02}:00:00Z", h * 10 + 1) for h in range(4)])
            self.assertEqual(here.feed()["rejected"], 0)

    def test_a_file_that_is_replaced_is_read_anew(self):
        with Folder() as here:
            many = range(1, 400)  # so that the beginning stays the same for long
            path = pathlib.Path(here.write("a.csv", HEAD + rows([0], many)))
            here.declare(declared({"file": str(path)}))
            here.records(399)
            path.write_text(HEAD + rows([0], range(1, 399)) + rows([1], [399], lambda *_: 7777))
            here.records(399 * 2)
            until(lambda: here.entity(399)["pm10"]["value"] == 7777, "the new value")
            self.assertEqual(len(here.past(1)), 1)
            self.assertEqual(len(here.past(399)), 2)

    def test_a_window_that_moves_makes_no_instance_twice(self):
        with Folder() as here:
            path = pathlib.Path(here.write("a.csv", HEAD + rows(range(0, 5))))
            here.declare(declared({"file": str(path)}))
            here.records(10)
            path.write_text(HEAD + rows(range(2, 7)))
            here.records(20)
            self.assertEqual([moment for moment, _ in here.past(1)], [f"2024-01-01T{h:02}:00:00Z" for h in range(7)])

    def test_every_file_of_a_folder_once(self):
        with Folder() as here:
            for hour in range(3):
                here.write(f"{hour}.csv", HEAD + rows([hour]))
            here.write("other.txt", "nothing")
            here.write("broken.csv", "")
            here.declare(declared({"folder": str(here.path), "pattern": "*.csv"}))
            here.records(6)
            here.write("3.csv", HEAD + rows([3]))
            here.records(8)
            time.sleep(1.2)
            self.assertEqual(here.feed()["records"], 8)
            self.assertEqual(len(here.past(1)), 4)

    def test_a_file_that_is_none_for_the_feed_is_a_dead_letter_once(self):
        with Folder() as here:
            here.write("0.csv", HEAD + rows([0]))
            (here.path / "1.parquet").write_bytes(b"PAR1\x15\x04" + bytes(100))
            here.declare(declared({"folder": str(here.path), "pattern": "*"}))
            here.records(3)
            here.write("2.csv", HEAD + rows([2]))
            here.records(5)  # the others are read, now and later
            time.sleep(1.2)
            told = here.feed()
            self.assertEqual((told["records"], told["rejected"], told.get("trouble")), (5, 1, None))
            letter, = here.letters()
            self.assertIn("Parquet", letter["reason"])
            self.assertIn("1.parquet", letter["place"])

    def test_late_rows_go_to_the_past_alone(self):
        with Folder() as here:
            here.declare(declared({"push": True}))
            here.push(HEAD + rows([5]))
            told = here.push(HEAD + rows([3]))
            self.assertEqual(told["late"], 2)
            self.assertEqual(here.entity(1)["pm10"]["value"], 51)
            self.assertEqual(here.past(1), [("2024-01-01T03:00:00Z", 31), ("2024-01-01T05:00:00Z", 51)])

    def test_values_that_do_not_change_make_no_instances(self):
        with Folder() as here:
            here.declare(declared({"push": True}))
            here.push(HEAD + rows([5]))
            told = here.push(HEAD + rows([5]))
            self.assertEqual((told["duplicates"], told["changes"]), (2, 0))
            self.assertEqual(len(here.past(1)), 1)

    def test_killed_in_the_middle_nothing_is_lost_and_nothing_twice(self):
        stations, hours = 40, 6000
        with Folder("--set", "feeds.batch=200") as here:
            with (here.path / "big.csv").open("w") as file:
                file.write(HEAD)
                for hour in range(hours):
                    for station in range(stations):
                        day, rest = divmod(hour, 24)
                        file.write(f"{station},{2024 + day // 28:04}-01-{day % 28 + 1:02}T{rest:02}:00:00Z,{hour % 97}\n")
            here.declare(declared({"file": str(here.path / "big.csv")}))
            for share in (0.1, 0.4, 0.7):
                counted = [0]

                def far_enough():
                    counted[0] = here.feed()["records"]
                    return counted[0] > 0.1 * share * stations * hours
                until(far_enough, "some records")
                here.server.stop(signal.SIGKILL)
                here.server.start()
            until(lambda: here.feed()["state"] == "waiting" and here.feed().get("lastSuccess"), "all of it")
            for station in (0, 17, 39):
                seen = []
                for year in range(2024, 2024 + hours // 24 // 28 + 1):
                    status, _, body = here.server.ask(
                        "GET", f"/ngsi-ld/v1/temporal/entities/urn:ngsi-ld:AirQualityObserved:{station}?attrs=pm10"
                               f"&timerel=between&timeAt={year - 1}-12-31T00:00:00Z&endTimeAt={year}-12-31T00:00:00Z")
                    self.assertEqual(status, 200)
                    seen += [(one["observedAt"], one["value"]) for one in body["pm10"]]
                self.assertEqual(len(seen), hours)
                self.assertEqual(len({moment for moment, _ in seen}), hours)
            self.assertEqual(here.letters(), [])


class DeadLetters(unittest.TestCase):
    def test_they_are_told_and_replayed_once_the_mapping_is_mended(self):
        with Folder() as here:
            feed = declared({"push": True})
            feed["format"] = {"kind": "csv"}
            here.declare(feed)
            told = here.push(HEAD + "1,2024-01-01T00:00:00Z,5\n2,yesterday,6\n3,2024-01-01T00:00:00Z,7\n,2024-01-01T00:00:00Z,1\n")
            self.assertEqual((told["records"], told["rejected"]), (4, 2))
            letters = here.letters()
            self.assertEqual([one["place"] for one in letters], ["push:2", "push:4"])
            self.assertIn("yesterday", letters[0]["reason"])
            self.assertEqual(letters[0]["record"], {"station": "2", "time": "yesterday", "pm10": "6"})
            del feed["observed"]
            self.assertEqual(here.server.ask("PUT", f"{FEEDS}/air", feed)[0], 200)
            status, _, body = here.server.ask("POST", f"{FEEDS}/air/deadLetters/replay")
            self.assertEqual((status, body["records"], body["rejected"]), (200, 2, 1))
            self.assertEqual(here.entity(2)["pm10"], 6)
            self.assertEqual([one["place"] for one in here.letters()], ["push:4"])
            self.assertEqual(here.server.ask("DELETE", f"{FEEDS}/air/deadLetters")[0], 204)
            self.assertEqual(here.letters(), [])

    def test_json_with_paths_can_be_replayed(self):
        with Folder() as here:
            feed = declared({"push": True}, identity="urn:ngsi-ld:AirQualityObserved:{properties/id}")
            feed["attributes"] = {"pm10": {"from": "properties/pm10", "kind": "number"}}
            feed["observed"] = {"from": "properties/when", "format": "%d.%m.%Y"}
            here.declare(feed)
            record = {"properties": {"id": 4, "pm10": 3.25, "when": "2024-05-01"}}
            told = here.push(json.dumps([record]), content_type="application/json")
            self.assertEqual(told["rejected"], 1)
            feed["observed"] = "properties/when"
            self.assertEqual(here.server.ask("PUT", f"{FEEDS}/air", feed)[0], 200)
            status, _, body = here.server.ask("POST", f"{FEEDS}/air/deadLetters/replay")
            self.assertEqual((status, body["rejected"]), (200, 0), here.letters())
            self.assertEqual(here.entity(4)["pm10"]["value"], 3.25)

    def test_a_schema_is_checked(self):
        with Folder() as here:
            here.declare(declared({"push": True}, schema={
                "type": "object", "required": ["pm10"],
                "properties": {"pm10": {"type": "string", "pattern": "^[0-9]+$"}}}))
            told = here.push(HEAD + "1,2024-01-01T00:00:00Z,5\n2,2024-01-01T00:00:00Z,-6\n")
            self.assertEqual((told["records"], told["rejected"]), (2, 1))
            self.assertIn("/pm10", here.letters()[0]["reason"])


class Web(unittest.TestCase):
    def setUp(self):
        self.content, self.tag, self.asked, self.status = HEAD + rows([0]), '"1"', [], 200
        test = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                test.asked.append((time.monotonic(), self.headers.get("If-None-Match")))
                same = self.headers.get("If-None-Match") == test.tag
                self.send_response(test.status if test.status != 200 else 304 if same else 200)
                body = b"" if same or test.status != 200 else test.content.encode()
                self.send_header("Content-Type", "text/csv")
                self.send_header("ETag", test.tag)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.web.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.web.server_port}/air"

    def tearDown(self):
        self.web.shutdown()
        self.web.server_close()

    def test_it_is_asked_again_and_read_where_it_changed(self):
        with Folder("--set", "egress.allow_private=true") as here:
            here.declare(declared({"url": self.url}))
            here.records(2)
            until(lambda: len(self.asked) >= 3, "more questions")
            self.assertEqual([tag for _, tag in self.asked[:3]], [None, '"1"', '"1"'])
            self.assertEqual(here.feed()["records"], 2)
            self.content, self.tag = HEAD + rows([1]), '"2"'
            here.records(4)
            self.assertEqual(here.entity(1)["pm10"]["value"], 11)

    def test_one_that_fails_is_asked_less_often(self):
        self.status = 503
        with Folder("--set", "egress.allow_private=true") as here:
            here.declare(declared({"url": self.url}))
            failing = until(lambda: here.feed() if here.feed()["state"] == "failing" else None, "a failure")
            self.assertIn("503", failing["trouble"])
            self.assertEqual(here.server.ask("GET", "/health")[2]["feeds"],
                             {"waiting": 0, "running": 0, "failing": 1, "paused": 0})
            time.sleep(3)
            self.assertEqual(len(self.asked), 1)  # not every second
            self.status = 200
            here.server.ask("POST", f"{FEEDS}/air/run")
            here.records(2)
            self.assertEqual(here.feed()["state"], "waiting")


class Broker:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="madang-mosquitto-")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        conf = pathlib.Path(self.folder.name) / "conf"
        conf.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n")
        self.process = subprocess.Popen([MOSQUITTO, "-c", str(conf)], stderr=subprocess.DEVNULL)

        def up():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0
        until(up, "mosquitto")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


class Mqtt(unittest.TestCase):
    def test_messages_become_entities(self):
        with Broker() as broker, Folder("--set", "egress.allow_private=true") as here:
            here.declare(declared({"mqtt": f"mqtt://127.0.0.1:{broker.port}/air/+/pm10"}, observed="at",
                                  identity="urn:ngsi-ld:AirQualityObserved:{@topic/2}",
                                  attributes={"pm10": {"from": "value", "kind": "number"}}))
            until(lambda: here.feed()["state"] == "waiting", "a subscription")
            publish(broker.port, [(f"air/{i % 10}/pm10", json.dumps(
                {"value": i, "at": f"2024-01-01T00:{i // 10:02}:00Z"})) for i in range(500)])
            publish(broker.port, [("air/3/pm10", "not json"), ("air/3/pm10", '{"value": "x", "at": "never"}')])
            here.records(502)
            for station in range(10):
                self.assertEqual([value for _, value in here.past(station)], list(range(station, 500, 10)))
            self.assertEqual([one["place"] for one in here.letters()], ["air/3/pm10:1"] * 2)

    def test_what_comes_while_the_server_is_away_comes_afterwards(self):
        with Broker() as broker, Folder("--set", "egress.allow_private=true") as here:
            here.declare(declared({"mqtt": f"mqtt://127.0.0.1:{broker.port}/air/#"}))
            until(lambda: here.feed()["state"] == "waiting", "a subscription")
            here.server.stop()
            publish(broker.port, [("air/1", json.dumps({"station": 1, "time": f"2024-01-01T{h:02}:00:00Z", "pm10": h}))
                                  for h in range(20)])
            here.server.start()
            here.records(20)
            self.assertEqual([value for _, value in here.past(1)], list(range(20)))


def publish(port, messages):
    """By MQTT 3.1.1 with QoS 1, written out: no client of Python is needed."""
    def text(value):
        raw = value.encode()
        return len(raw).to_bytes(2, "big") + raw

    def packet(kind, body):
        size, length = len(body), b""
        while True:
            size, digit = divmod(size, 128)
            length += bytes([digit | (128 if size else 0)])
            if not size:
                return bytes([kind]) + length + body
    with socket.create_connection(("127.0.0.1", port)) as wire:
        stream = wire.makefile("rb")
        wire.sendall(packet(0x10, text("MQTT") + bytes([4, 2, 0, 60]) + text(f"test-{time.monotonic_ns()}")))
        assert stream.read(4) == b"\x20\x02\x00\x00"
        for number, (topic, payload) in enumerate(messages, 1):
            wire.sendall(packet(0x32, text(topic) + number.to_bytes(2, "big") + payload.encode()))
            assert stream.read(4)[:2] == b"\x40\x02"
        wire.sendall(b"\xe0\x00")


@unittest.skipUnless(os.path.exists(MOSQUITTO), "no mosquitto")
class SampleCity(unittest.TestCase):
    def test_it_lives_by_files_http_and_mqtt(self):
        with tempfile.TemporaryDirectory(prefix="madang-city-") as city, Broker() as broker, \
                Server(MADANG, "--set", f"feeds.folders={city}", "--set", "egress.allow_private=true") as server:
            player = subprocess.Popen([MADANG, "sample-city", "--out", city, "--play", "--url", server.url, "--mqtt",
                                       f"mqtt://127.0.0.1:{broker.port}", "--speed", "20"], stdout=subprocess.DEVNULL)
            try:
                for feed, source, kind, attribute in (
                        ("city-air", "folder", "AirQualityObserved", "no2"),
                        ("city-bikes-now", "url", "BikeHireDockingStation", "availableBikeNumber"),
                        ("city-signals", "push", "TrafficLight", "aspect"),
                        ("city-parking", "mqtt", "OffStreetParking", "availableSpotNumber"),
                        ("city-chargers", "mqtt", "EVChargingStation", "availableCapacity")):
                    path = f"/ngsi-ld/v1/entities?type={kind}&attrs={attribute}&limit=1"
                    until(lambda: server.ask("GET", path)[2], f"{kind} by {feed}")
                    told = server.ask("GET", f"{FEEDS}/{feed}")[2]
                    self.assertEqual((told["source"], told["rejected"]), (source, 0), feed)
            finally:
                player.send_signal(signal.SIGINT)
                self.assertEqual(player.wait(LIMIT), 0)


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed", flush=True)
    sys.exit(bad > 0)
