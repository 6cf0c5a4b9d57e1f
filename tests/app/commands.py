#!/usr/bin/env python3
"""The commands as a user meets them: tests/app/commands.py build/dev/madang"""

import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
import urllib.request

from server import Server, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
MADANG = sys.argv.pop(1) if len(sys.argv) > 1 else str(ROOT / "build/dev/madang")
ENTITIES = "/ngsi-ld/v1/entities"


def lamp(number, **more):
    return {"id": f"urn:ngsi-ld:Lamp:{number}", "type": "Lamp", "level": {"type": "Property", "value": number}, **more}


class Scratch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="madang-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def wait_for(self, condition, seconds=60):
        limit = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), limit, "waited in vain")
            time.sleep(0.02)

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


class Help(unittest.TestCase):
    def test_every_command_has_help_with_an_example(self):
        code, out, _ = run(MADANG, "--help")
        self.assertEqual(code, 0)
        self.assertIn("Exit codes", out)
        commands = re.findall(r"^  ([a-z]+)  ", out.split("Subcommands:")[1], re.MULTILINE)
        self.assertGreaterEqual(set(commands), {"serve", "import", "export", "check", "backup", "restore", "bench", "token"})
        for command in commands:
            code, out, _ = run(MADANG, command, "--help")
            self.assertEqual(code, 0, command)
            self.assertIn(f"madang {command}", out.split("Example:")[1])

    def test_the_reference_page_is_the_one_in_the_program(self):
        page = (ROOT / "docs/reference/commands.md").read_text()
        self.assertEqual(run(MADANG, "commands")[1], page,
                         "docs/reference/commands.md is old: madang commands > docs/reference/commands.md")

    def test_wrong_usage(self):
        self.assertEqual(run(MADANG)[0], 2)
        self.assertEqual(run(MADANG, "serve", "--nonsense")[0], 2)
        self.assertEqual(run(MADANG, "serve", "--port", "70000")[0], 2)

    def test_version(self):
        self.assertRegex(run(MADANG, "--version")[1], r"^madang \d+\.\d+\.\d+\n$")


class Config(Scratch):
    def refused(self, text):
        code, _, err = run(MADANG, "serve", "--data", self.folder / "data", "--config", self.write("madang.toml", text))
        self.assertEqual(code, 2, err)
        return err

    def test_the_reference_page_is_the_one_in_the_program(self):
        page = (ROOT / "docs/reference/configuration.md").read_text()
        self.assertEqual(run(MADANG, "config", "--markdown")[1], page,
                         "docs/reference/configuration.md is old: madang config --markdown > docs/reference/configuration.md")

    def test_the_commented_file_is_a_configuration(self):
        shown = run(MADANG, "config")[1]
        bare = re.sub(r"^# (\[\[(auth.token|index)\]\].*|(name|sha256|role|tenants|type|attribute|tenant) = .*)$", "", shown,
                      flags=re.MULTILINE)
        told = re.sub(r"^# (\w+(\.\w+)? = )", r"\1", bare, flags=re.MULTILINE)
        self.assertIn("\nport = 8080\n", told)
        with Server(MADANG, "--config", self.write("all.toml", told)):
            pass

    def test_unknown_keys_are_refused_by_name_and_line(self):
        self.assertRegex(self.refused("[server]\nport = 1\nprot = 2\n"), r"unknown key server\.prot.*line 3")
        self.assertRegex(self.refused("[sever]\nport = 1\n"), r"unknown key sever.*line 1")
        self.assertRegex(self.refused("[[auth.token]]\nname='x'\nsha256='y'\nrights='z'\n"), r"auth\.token\.rights.*line 4")

    def test_wrong_values_say_what_is_wanted(self):
        self.assertRegex(self.refused("server.port = '80'"), r"server\.port wants a number.*line 1")
        self.assertRegex(self.refused("\njournal.keep.age = 7"), r"journal\.keep\.age wants a duration.*line 2")
        self.assertRegex(self.refused("data.memory = '5 miles'"), r"data\.memory wants a size")
        self.assertRegex(self.refused("server.port ="), r"line 1")
        self.assertRegex(self.refused("[[auth.token]]\nname='x'\nsha256='abc'\n"), r"64 hexadecimal digits")

    def test_set_on_the_command_line(self):
        code, _, err = run(MADANG, "serve", "--set", "server.color=blue")
        self.assertEqual(code, 2)
        self.assertIn("server.color", err)

    def test_nobody_listens_to_the_world_without_tokens(self):
        code, _, err = run(MADANG, "serve", "--data", self.folder / "data", "--listen", "0.0.0.0", "--port", "0")
        self.assertEqual(code, 2)
        self.assertIn("madang token", err)
        self.assertFalse((self.folder / "data").exists())


class Serve(Scratch):
    def test_the_printed_lines_work(self):
        with Server(MADANG) as server:
            lines = [line.strip() for line in server.lines if line.startswith("  curl ")]
            self.assertEqual(len(lines), 3)
            create, retrieve, query = (subprocess.run(["curl", "-s", *shlex.split(line)[1:]], capture_output=True, check=True)
                                       .stdout.decode() for line in lines)
            self.assertIn(" 201 ", create.splitlines()[0])
            self.assertEqual(json.loads(retrieve)["type"], "Bench")
            self.assertEqual(len(json.loads(query)), 1)

    def test_stops_cleanly_and_comes_back_with_everything(self):
        for sign in (signal.SIGTERM, signal.SIGINT):
            server = Server(MADANG, folder=self.folder / sign.name)
            server.start()
            self.assertEqual(server.ask("POST", ENTITIES, lamp(1))[0], 201)
            self.assertEqual(server.stop(sign), 0)
            server.start()
            self.assertEqual(server.ask("GET", ENTITIES + "/urn:ngsi-ld:Lamp:1")[0], 200)
            server.stop()

    def test_a_killed_server_comes_back_with_everything(self):
        server = Server(MADANG, folder=self.folder / "data")
        server.start()
        self.assertEqual(server.ask("POST", ENTITIES, lamp(1))[0], 201)
        server.stop(signal.SIGKILL)
        server.start()
        self.assertEqual(server.ask("GET", ENTITIES + "/urn:ngsi-ld:Lamp:1")[0], 200)
        server.stop()

    def test_a_server_whose_disk_failed_starts_itself_again(self):
        server = Server(MADANG, folder=self.folder / "data")
        server.start()
        self.assertEqual(server.ask("POST", ENTITIES, lamp(1))[0], 201)
        server.process.send_signal(signal.SIGUSR2)  # what the hub's failure sends
        self.wait_for(lambda: sum("is ready at " + server.url in line for line in server.lines) == 2)
        self.assertEqual(server.ask("GET", ENTITIES + "/urn:ngsi-ld:Lamp:1")[0], 200)
        self.assertEqual(server.stop(), 0)

    def test_a_second_server_on_the_folder_is_refused(self):
        with Server(MADANG) as server:
            code, _, err = run(MADANG, "serve", "--data", server.folder, "--port", "0")
            self.assertEqual(code, 5, err)

    def test_a_taken_port_is_said(self):
        with Server(MADANG) as server:
            port = server.url.rsplit(":", 1)[1]
            code, _, err = run(MADANG, "serve", "--data", self.folder / "other", "--port", port, "--no-sample")
            self.assertEqual(code, 3, err)
            self.assertIn(port, err)

    def test_the_log_is_reopened(self):
        log = self.folder / "log"
        server = Server(MADANG, "--log-file", log, folder=self.folder / "data")
        server.start()
        log.rename(self.folder / "log.1")
        server.process.send_signal(signal.SIGHUP)
        self.wait_for(log.exists)
        server.stop()
        self.assertIn('"event":"log reopened"', log.read_text().replace('": "', '":"'))

    def test_a_first_start_shows_a_sample_and_only_that(self):
        server = Server(MADANG, folder=self.folder / "data")
        server.options = ["--set", "data.sample=true"]
        command = [MADANG, "serve", "--data", str(server.folder), "--port", "0"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                   env={**os.environ, "LC_ALL": "ko_KR.UTF-8"})
        told = ""
        for raw in process.stdout:
            told += raw.decode()
            if raw.decode().startswith("Ctrl-C"):
                break
        url = re.search(r"http://localhost:\d+", told).group()
        def shelters():
            with urllib.request.urlopen(url + ENTITIES + "?type=Shelter") as answer:
                return len(json.load(answer)) > 3
        self.wait_for(shelters)

        def timetable():  # where buses stop, and who runs the routes, is there at night too, when none runs
            with urllib.request.urlopen(url + ENTITIES + "?type=GtfsStop") as answer:
                stops = json.load(answer)
            with urllib.request.urlopen(url + ENTITIES + "?type=GtfsRoute&join=inline&format=simplified") as answer:
                routes = json.load(answer)
            return bool(stops) and bool(routes) and all("name" in route["operatedBy"] for route in routes)
        self.wait_for(timetable)
        process.terminate()
        self.assertEqual(process.wait(60), 0)
        process.stdout.close()
        self.assertIn("마당", told)
        self.assertIn("뱃골", told)
        server.start()
        self.assertGreater(len(server.ask("GET", ENTITIES + "?type=Shelter")[2]), 3)
        server.stop()

    def test_tokens(self):
        _, told, _ = run(MADANG, "token", "gateway", "--role", "write", "--tenant", "", "--tenant", "schools")
        token = told.splitlines()[2].strip()
        self.assertIn(hashlib.sha256(token.encode()).hexdigest(), told)
        config = self.write("madang.toml", told[told.index("[[auth.token]]"):])
        with Server(MADANG, "--config", config) as server:
            self.assertEqual(server.ask("GET", ENTITIES + "?type=Lamp")[0], 401)
            bearer = {"Authorization": "Bearer " + token}
            self.assertEqual(server.ask("POST", ENTITIES, lamp(1), **bearer)[0], 201)
            self.assertEqual(server.ask("POST", ENTITIES, lamp(1), NGSILD_Tenant="schools", **bearer)[0], 201)
            self.assertEqual(server.ask("POST", ENTITIES, lamp(1), NGSILD_Tenant="police", **bearer)[0], 403)
            self.assertTrue(any("TOKEN" in line for line in server.lines))
            code, _, err = run(MADANG, "import", "--url", server.url, "--token", token, "-", stdin=json.dumps(lamp(2)).encode())
            self.assertEqual(code, 0, err)
            code, _, err = run(MADANG, "import", "--url", server.url, "-", stdin=json.dumps(lamp(3)).encode())
            self.assertEqual(code, 3)
            self.assertIn("401", err)


class Import(Scratch):
    def imported(self, *arguments, code=0, stdin=None):
        got, out, err = run(MADANG, "import", *arguments, stdin=stdin)
        self.assertEqual(got, code, out + err)
        return out, err

    def test_lines_arrays_single_entities_and_standard_input(self):
        lines = self.write("a.ndjson", "\n".join(json.dumps(lamp(n)) for n in range(1, 2_501)))
        array = self.write("b.json", json.dumps([lamp(n) for n in range(3_000, 3_010)], indent=1))
        one = self.write("c.json", json.dumps(lamp(4_000), indent=2))
        with Server(MADANG) as server:
            out, _ = self.imported("--url", server.url, lines, array, one)
            self.assertIn("Imported 2511 entities", out)
            self.imported("--url", server.url, "-", stdin=json.dumps(lamp(5_000)).encode())
            _, headers, _ = server.ask("GET", ENTITIES + "?type=Lamp&count=true&limit=1")
            self.assertEqual(headers["NGSILD-Results-Count"], "2512")

    def test_refused_lines_are_named_and_the_rest_goes_on(self):
        bad_type = {"id": "urn:ngsi-ld:Lamp:4"}
        file = self.write("mixed.ndjson", b"\n".join([
            json.dumps(lamp(1)).encode(), b'{"id": "urn:ngsi-ld:Lamp:2", "type":', json.dumps(lamp(3)).encode(),
            json.dumps(bad_type).encode(), b'{"id":"urn:ngsi-ld:Lamp:5","type":"L\xe4mp"}', json.dumps(lamp(6)).encode()]))
        with Server(MADANG) as server:
            out, err = self.imported("--url", server.url, file, code=1)
            self.assertIn("Imported 3 entities", out)
            self.assertIn("refused 3", out)
            for line in (2, 4, 5):
                self.assertIn(f"{file}:{line}: refused: ", err)

    def test_the_last_of_an_id_wins(self):
        file = self.write("again.ndjson", "\n".join(json.dumps(lamp(1, n={"type": "Property", "value": n})) for n in range(3_000)))
        with Server(MADANG) as server:
            self.imported("--url", server.url, "--batch", "100", file)
            self.assertEqual(server.ask("GET", ENTITIES + "/urn:ngsi-ld:Lamp:1")[2]["n"]["value"], 2_999)

    def test_update_keeps_other_attributes(self):
        with Server(MADANG) as server:
            self.imported("--url", server.url, "-", stdin=json.dumps(lamp(1)).encode())
            more = {"id": "urn:ngsi-ld:Lamp:1", "type": "Lamp", "lit": {"type": "Property", "value": True}}
            self.imported("--url", server.url, "--update", "-", stdin=json.dumps(more).encode())
            self.assertEqual(server.ask("GET", ENTITIES + "/urn:ngsi-ld:Lamp:1")[2]["level"]["value"], 1)
            self.imported("--url", server.url, "-", stdin=json.dumps(more).encode())
            self.assertNotIn("level", server.ask("GET", ENTITIES + "/urn:ngsi-ld:Lamp:1")[2])

    def test_plain_geojson(self):
        file = self.write("places.geojson", json.dumps({"type": "FeatureCollection", "features": [
            {"type": "Feature", "id": "node/1", "properties": {"addr:city": "Stäfa", "none": None},
             "geometry": {"type": "Point", "coordinates": [8.7, 47.2]}},
            {"type": "Feature", "properties": {"addr:city": "Nowhere"}, "geometry": None}]}, indent=1))
        with Server(MADANG) as server:
            out, err = self.imported("--url", server.url, "--type", "Place", "--id", "urn:ngsi-ld:Place:{id}", file, code=1)
            self.assertIn("{id}", err)
            place = server.ask("GET", ENTITIES + "/urn:ngsi-ld:Place:node%2F1")[2]
            self.assertEqual(place["addr_city"]["value"], "Stäfa")
            self.assertEqual(place["location"]["value"]["coordinates"], [8.7, 47.2])
        self.assertEqual(run(MADANG, "import", file, "--type", "Place")[0], 2)

    def test_into_a_stopped_folder_and_out_again(self):
        data = self.folder / "data"
        self.imported("--data", data, "-", stdin=json.dumps([lamp(n) for n in range(50)]).encode())
        code, out, err = run(MADANG, "export", "--data", data)
        self.assertEqual(code, 0, err)
        exported = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(sorted(e["level"]["value"] for e in exported), list(range(50)))
        self.imported("--data", self.folder / "copy", "-", stdin=out.encode())
        code, again, _ = run(MADANG, "export", "--data", self.folder / "copy")
        self.assertEqual(sorted(again.splitlines()), sorted(out.splitlines()))

    def test_what_ends_ends_in_a_copy_too(self):
        data, copy = self.folder / "data", self.folder / "copy"
        end = "2100-01-01T00:00:00Z"
        self.imported("--data", data, "-", stdin=json.dumps([{**lamp(1), "expiresAt": end}]).encode())
        out = run(MADANG, "export", "--data", data)[1]
        self.assertEqual(json.loads(out)["expiresAt"], end)
        self.assertNotIn("createdAt", out)
        self.imported("--data", copy, "-", stdin=out.encode())
        self.assertEqual(run(MADANG, "export", "--data", copy)[1], out)

    def test_files_that_are_not_there(self):
        self.assertEqual(run(MADANG, "import", self.folder / "none.json", "--data", self.folder / "data")[0], 3)
        self.assertEqual(run(MADANG, "import", "-", "--url", "http://127.0.0.1:1", stdin=json.dumps(lamp(1)).encode())[0], 3)


class Export(Scratch):
    def test_formats_pages_and_types(self):
        with Server(MADANG) as server:
            place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [8.5, 47.4]}}
            for first in range(0, 2_200, 1_000):
                batch = [lamp(n, location=place) for n in range(first, min(first + 1_000, 2_200))]
                self.assertIn(server.ask("POST", "/ngsi-ld/v1/entityOperations/upsert", batch)[0], (201, 204))
            server.ask("POST", ENTITIES, {"id": "urn:ngsi-ld:Door:1", "type": "Door"})
            code, out, err = run(MADANG, "export", "--url", server.url)
            self.assertEqual((code, len(out.splitlines())), (0, 2_201), err)
            self.assertEqual(len(set(json.loads(line)["id"] for line in out.splitlines())), 2_201)
            self.assertEqual(len(json.loads(run(MADANG, "export", "--url", server.url, "--type", "Door", "--format", "json")[1])), 1)
            features = json.loads(run(MADANG, "export", "--url", server.url, "--type", "Lamp", "--format", "geojson")[1])
            self.assertEqual(len(features["features"]), 2_200)
            file = self.write("back.geojson", json.dumps(features))
            code, told, err = run(MADANG, "import", "--data", self.folder / "data", file)
            self.assertEqual(code, 0, err)
            self.assertIn("Imported 2200", told)


def found_in(folder, *words):
    """Which of the words somebody with the disk in hand finds in the folder's files."""
    return {word for word in words for file in pathlib.Path(folder).rglob("*")
            if file.is_file() and word.encode() in file.read_bytes()}


def keys(test):
    return "--keys-to", test.folder / "keys"


class Keeping(Scratch):
    def test_backup_of_a_running_server_and_restore(self):
        with Server(MADANG) as server:
            self.assertEqual(server.ask("POST", ENTITIES, lamp(1))[0], 201)
            code, _, err = run(MADANG, "backup", "--url", server.url, "--data", server.folder, "--to", self.folder / "backup", *keys(self))
            self.assertEqual(code, 0, err)
            self.assertEqual(server.ask("POST", ENTITIES, lamp(2))[0], 201)
        self.restored_has_lamp_one_only()

    def test_backup_of_a_stopped_folder(self):
        data = self.folder / "data"
        run(MADANG, "import", "--data", data, "-", stdin=json.dumps(lamp(1)).encode())
        code, _, err = run(MADANG, "backup", "--data", data, "--to", self.folder / "backup", *keys(self))
        self.assertEqual(code, 0, err)
        self.restored_has_lamp_one_only()
        self.assertEqual(run(MADANG, "backup", "--data", data, "--to", self.folder / "backup", *keys(self))[0], 2, "not into a full folder")

    def test_a_backup_says_where_its_keys_go_or_that_it_has_none(self):
        data = self.folder / "data"
        run(MADANG, "import", "--data", data, "-", stdin=json.dumps(lamp(1)).encode())
        code, _, err = run(MADANG, "backup", "--data", data, "--to", self.folder / "backup")
        self.assertEqual(code, 2)
        self.assertIn("--keys-to", err)
        code, _, err = run(MADANG, "backup", "--data", data, "--to", self.folder / "backup",
                           "--keys-to", self.folder / "backup" / "keys")
        self.assertEqual(code, 2)
        self.assertEqual(run(MADANG, "backup", "--data", data, "--to", self.folder / "backup", "--open")[0], 0)
        self.restored_has_lamp_one_only()

    def test_what_is_erased_is_gone_from_folder_and_sealed_backup(self):
        secret, kept = "010-1234-5678", "010-9999-0000"
        people = [{"id": f"urn:ngsi-ld:Person:{name}", "type": "Person", "phone": {"type": "Property", "value": phone}}
                  for name, phone in (("kim", secret), ("lee", kept))]
        with Server(MADANG, "--set", "erasing.within=0s") as server:
            for person in people:
                self.assertEqual(server.ask("POST", ENTITIES, person)[0], 201)
            code, _, err = run(MADANG, "backup", "--url", server.url, "--data", server.folder, "--to", self.folder / "backup", *keys(self))
            self.assertEqual(code, 0, err)
            self.assertEqual(found_in(self.folder / "backup", secret, "kim"), set())
            asked = server.ask("POST", "/admin/erasures", {"entities": [people[0]["id"]]})
            self.assertEqual(asked[0], 202, asked)
            self.wait_for(lambda: server.ask("GET", "/admin/erasures")[2][0]["state"] == "done")
            self.assertEqual(server.ask("GET", f"{ENTITIES}/{people[0]['id']}")[0], 404)
            self.assertEqual(server.ask("GET", f"{ENTITIES}/{people[1]['id']}")[0], 200)
            self.assertEqual(found_in(server.folder, secret, "Person:kim"), set())
            self.assertEqual(found_in(server.folder, kept), {kept})
            shutil.copy(pathlib.Path(server.folder) / "keys", self.folder / "keys")
        code, told, err = run(MADANG, "restore", "--from", self.folder / "backup", "--to", self.folder / "restored",
                              "--keys", self.folder / "keys")
        self.assertEqual(code, 0, err)
        self.assertIn("erased since", told)
        exported = run(MADANG, "export", "--data", self.folder / "restored")[1]
        self.assertEqual([json.loads(line)["id"] for line in exported.splitlines()], [people[1]["id"]])
        self.assertEqual(found_in(self.folder / "restored", secret), set())

    def test_history_is_kept_as_rules_say_through_backup_restore_and_erasing(self):
        rules = """[[history.retention]]
type = "Meter"
raw = "P90D"
rollups = [{ period = "PT1H", keep = "P100Y" }, { period = "P1D", keep = "forever" }]
"""
        config = self.write("madang.toml", rules)
        past = "/ngsi-ld/v1/temporal/entities"
        def meter(name, word):
            at = "2018-08-01T12:%02d:00Z"
            return {"id": f"urn:ngsi-ld:Meter:{name}", "type": "Meter",
                    "load": [{"type": "Property", "value": value, "observedAt": at % value} for value in (10, 20, 45)],
                    "note": [{"type": "Property", "value": word, "observedAt": at % 5}]}
        def hours(server, name, attribute="load"):
            return server.ask("GET", f"{past}/urn:ngsi-ld:Meter:{name}?timerel=after&timeAt=2018-08-01T00:00:00Z"
                              "&aggrMethods=max,totalCount&aggrPeriodDuration=PT1H&format=aggregatedValues")[2].get(attribute)
        hour = ["2018-08-01T12:00:00Z", "2018-08-01T13:00:00Z"]
        with Server(MADANG, "--config", config, "--set", "erasing.within=0s") as server:
            for name, word in (("kim", "secret-of-kim"), ("lee", "word-of-lee")):
                self.assertEqual(server.ask("POST", past, meter(name, word))[0], 201)
            self.assertEqual(server.ask("POST", "/admin/retention", {"type": "Car", "raw": "P1Y"})[0], 204)
            self.assertEqual([rule["from"] for rule in server.ask("GET", "/admin/retention")[2]], ["api", "configuration"])
            self.assertEqual(server.ask("POST", "/admin/retention/passes")[0], 202)
            self.wait_for(lambda: sum(each["instancesRemoved"] for each in server.ask("GET", "/admin/retention/passes")[2]) == 8)
            kept = {"type": "Property", "max": [[45, *hour]], "totalCount": [[3, *hour]]}
            self.assertEqual(hours(server, "lee"), kept)
            self.assertEqual(hours(server, "kim", "note")["max"], [["secret-of-kim", *hour]])
            code, _, err = run(MADANG, "backup", "--url", server.url, "--data", server.folder, "--to", self.folder / "backup", "--open")
            self.assertEqual(code, 0, err)
            self.assertEqual(server.ask("POST", "/admin/erasures", {"entities": ["urn:ngsi-ld:Meter:kim"]})[0], 202)
            self.wait_for(lambda: server.ask("GET", "/admin/erasures")[2][0]["state"] == "done")
            self.assertEqual(server.ask("GET", f"{past}/urn:ngsi-ld:Meter:kim")[0], 404)
            self.assertEqual(found_in(server.folder, "secret-of-kim", "Meter:kim"), set())
            self.assertEqual(hours(server, "lee"), kept)
        code, _, err = run(MADANG, "restore", "--from", self.folder / "backup", "--to", self.folder / "restored")
        self.assertEqual(code, 0, err)
        with Server(MADANG, folder=self.folder / "restored") as server:
            self.assertEqual(hours(server, "lee"), kept)
            self.assertEqual([rule["raw"] for rule in server.ask("GET", "/admin/retention")[2]], ["P1Y"])
            self.assertEqual(len(server.ask("GET", "/admin/retention/passes")[2]), 1)

    def test_a_rule_of_retention_that_is_none_is_refused_by_line(self):
        text = "[data]\nsample = false\n[[history.retention]]\nraw = \"P90D\"\nrollups = [{ period = \"PT1H\", keep = \"P1D\" }]\n"
        code, _, err = run(MADANG, "serve", "--data", self.folder / "data", "--config", self.write("madang.toml", text))
        self.assertEqual(code, 2)
        self.assertIn("line 3", err)
        self.assertIn("rollups/0/keep", err)
    def test_a_person_and_what_is_theirs_are_in_no_file_any_more(self):
        def linked(number, name, whom, **more):
            return {"id": f"urn:ngsi-ld:{number}", "type": "Thing", name: {"type": "Relationship", "object": whom},
                    **{key: {"type": "Property", "value": value} for key, value in more.items()}}
        kim, lee = "urn:ngsi-ld:Person:kim4711", "urn:ngsi-ld:Person:lee0815"
        secrets = ["010-1234-5678", "12GA3456", "behind the school", "red lock"]
        words = [*secrets, "kim4711"]
        things = [{"id": kim, "type": "Person", "phone": {"type": "Property", "value": secrets[0]}},
                  linked("Car:1", "ownedBy", kim, plate=secrets[1]), linked("Report:1", "reportedBy", kim, text=secrets[2]),
                  linked("Bike:1", "ownedBy", kim, lock=secrets[3])]
        ask = {"person": kim, "through": ["ownedBy", "reportedBy"]}
        with Server(MADANG, "--set", "erasing.within=0s", "--set", "egress.allow_private=true", folder=self.folder / "data") as server:
            # Nobody listens there: what is owed stays in the outbox.
            subscription = {"type": "Subscription", "entities": [{"type": "Thing"}, {"type": "Person"}],
                            "notification": {"endpoint": {"uri": "http://127.0.0.1:1/", "accept": "application/json"}}}
            self.assertEqual(server.ask("POST", "/ngsi-ld/v1/subscriptions", subscription)[0], 201)
            for thing in things:
                self.assertEqual(server.ask("POST", ENTITIES, thing)[0], 201)
            for at in range(1, 4):  # the past, beyond what the journal alone knows
                self.assertEqual(server.ask("PATCH", f"{ENTITIES}/urn:ngsi-ld:Car:1/attrs", {"km": {"type": "Property", "value": at}})[0], 204)
            self.assertEqual(server.ask("PATCH", f"{ENTITIES}/urn:ngsi-ld:Bike:1/attrs",
                                        linked("Bike:1", "ownedBy", lee, lock="blue lock") | {"type": "Thing"})[0], 204)
            self.assertEqual(server.ask("DELETE", f"{ENTITIES}/urn:ngsi-ld:Report:1")[0], 204)
            code, _, err = run(MADANG, "backup", "--url", server.url, "--data", server.folder, "--to", self.folder / "backup", *keys(self))
            self.assertEqual(code, 0, err)
            self.assertEqual(found_in(server.folder, *words), set(words))
            status, _, dry = server.ask("POST", "/admin/erasures", ask | {"dryRun": True})
            self.assertEqual(status, 200, dry)
            self.assertEqual((dry["entities"]["ids"], dry["handedOn"]["ids"], dry["mentions"]["count"]),
                             (["urn:ngsi-ld:Car:1", "urn:ngsi-ld:Report:1"], ["urn:ngsi-ld:Bike:1"], 0))
            self.assertEqual(server.ask("POST", "/admin/erasures", ask)[0], 202)
            code, _, err = run(MADANG, "backup", "--url", server.url, "--data", server.folder, "--to", self.folder / "between", *keys(self))
            self.assertEqual(code, 0, err)
            self.wait_for(lambda: server.ask("GET", "/admin/erasures")[2][0]["state"] == "done")
            self.assertEqual(server.ask("POST", "/admin/erasures", ask | {"dryRun": True})[2]["entities"]["count"], 0)
            done = server.ask("GET", "/admin/erasures")[2][0]
            self.assertEqual((done["entities"], done["handedOn"], done["mentions"]["count"]), (4, 1, 0), done)
            self.assertEqual(found_in(server.folder, *words), set())
            self.assertEqual(found_in(server.folder, "blue lock", "lee0815"), {"blue lock", "lee0815"})
            shutil.copy(pathlib.Path(server.folder) / "keys", self.folder / "keys")
        self.assertEqual(found_in(server.folder, *words), set(), "nor after the end")
        for name in ("backup", "between"):
            restored = self.folder / f"from-{name}"
            self.assertEqual(found_in(self.folder / name, *words), set())
            self.assertEqual(run(MADANG, "restore", "--from", self.folder / name, "--to", restored, "--keys", self.folder / "keys")[0], 0)
            self.assertEqual(found_in(restored, *words), set())
            run(MADANG, "export", "--data", restored)
            self.assertEqual(found_in(restored, *words), set())

    def restored_has_lamp_one_only(self):
        code, out, err = run(MADANG, "check", self.folder / "backup")
        self.assertEqual(code, 0, out + err)
        code, _, err = run(MADANG, "restore", "--from", self.folder / "backup", "--to", self.folder / "restored", "--keys", self.folder / "keys")
        self.assertEqual(code, 0, err)
        exported = run(MADANG, "export", "--data", self.folder / "restored")[1]
        self.assertEqual([json.loads(line)["id"] for line in exported.splitlines()], ["urn:ngsi-ld:Lamp:1"])

    def test_every_kind_and_what_ends_outlive_backup_check_and_restore(self):
        end = "2100-01-01T00:00:00Z"
        line = {"id": "urn:ngsi-ld:Line:1", "type": "Line", "expiresAt": end,
                "status": {"type": "VocabProperty", "vocab": "inService", "expiresAt": end},
                "raw": {"type": "JsonProperty", "json": {"id": 1, "note": None}},
                "headways": {"type": "ListProperty", "valueList": [5, {"k": 7}]},
                "route": {"type": "ListRelationship", "objectList": [{"object": "urn:x:1"}], "objectType": "Stop"},
                "operator": {"type": "Relationship", "object": ["urn:x:2", "urn:x:3"], "objectType": ["A", "B"]}}
        with Server(MADANG) as server:
            self.assertEqual(server.ask("POST", ENTITIES, line)[0], 201)
            code, _, err = run(MADANG, "backup", "--url", server.url, "--data", server.folder, "--to", self.folder / "backup", *keys(self))
            self.assertEqual(code, 0, err)
        self.assertEqual(run(MADANG, "check", self.folder / "backup")[0], 0)
        self.assertEqual(run(MADANG, "restore", "--from", self.folder / "backup", "--to", self.folder / "restored", "--keys", self.folder / "keys")[0], 0)
        self.assertEqual(json.loads(run(MADANG, "export", "--data", self.folder / "restored")[1]), line)

    def test_the_past_outlives_a_sealed_backup_whole(self):
        temporal = "/ngsi-ld/v1/temporal/entities"
        sensor = {"id": "urn:ngsi-ld:Sensor:1", "type": "Sensor", "scope": "/North",
                  "t": {"type": "Property", "value": 20.50, "unitCode": "CEL", "observedAt": "2026-01-01T00:00:00Z", "by": {"type": "Relationship", "object": "urn:x:1"}},
                  "names": {"type": "LanguageProperty", "languageMap": {"ko": "\uac15", "en": "river"}},
                  "place": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [127, 37.5]}},
                  "raw": {"type": "JsonProperty", "json": {"id": 1, "note": None}},
                  "two": [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:d:2"}],
                  "to": {"type": "Relationship", "object": ["urn:x:2", "urn:x:3"], "objectType": ["A", "B"]}}

        def past_of(server):
            query = urllib.parse.urlencode({"type": "Sensor,Old", "options": "sysAttrs", "limit": "1000",
                                            "timerel": "after", "timeAt": "2020-01-01T00:00:00Z", "timeproperty": "modifiedAt"})
            plain = server.ask("GET", f"{temporal}?{query}")[2]
            query = urllib.parse.urlencode({"type": "Sensor,Old", "format": "aggregatedValues", "aggrMethods": "avg,max,totalCount",
                                            "timerel": "after", "timeAt": "2026-01-01T00:00:00Z", "aggrPeriodDuration": "PT1H", "limit": "1000"})
            aggregated = server.ask("GET", f"{temporal}?{query}")[2]
            self.assertIsInstance(plain, list, plain)
            self.assertIsInstance(aggregated, list, aggregated)
            return plain, aggregated

        with Server(MADANG) as server:
            def must(method, path, body=None, wanted=204):
                self.assertEqual(server.ask(method, path, body)[0], wanted, path)
            must("POST", ENTITIES, sensor, 201)
            for hour in range(1, 24):
                must("PATCH", f"{ENTITIES}/{sensor['id']}/attrs", {"t": {"type": "Property", "value": hour / 4, "observedAt": f"2026-01-01T{hour:02}:00:00Z"}})
            must("PATCH", f"{ENTITIES}/{sensor['id']}/attrs", {"scope": ["/South", "/East"], "names": {"type": "LanguageProperty", "languageMap": {"ko": "\ub0b4"}}})
            must("DELETE", f"{ENTITIES}/{sensor['id']}/attrs/two?datasetId=urn:d:2")
            must("DELETE", f"{ENTITIES}/{sensor['id']}/attrs/raw")
            for number in range(2, 200):
                must("POST", ENTITIES, sensor | {"id": f"urn:ngsi-ld:Sensor:{number}"}, 201)
            must("DELETE", f"{ENTITIES}/urn:ngsi-ld:Sensor:7")
            must("DELETE", f"{temporal}/urn:ngsi-ld:Sensor:8")
            must("DELETE", f"{temporal}/urn:ngsi-ld:Sensor:9/attrs/t?deleteAll=true")
            must("POST", temporal, {"id": "urn:ngsi-ld:Old:1", "type": "Old", "t": [
                {"type": "Property", "value": value, "observedAt": f"2026-01-02T0{value}:00:00Z"} for value in range(9)]}, 201)
            instances = server.ask("GET", f"{temporal}/urn:ngsi-ld:Old:1?attrs=t")[2]["t"]
            must("PATCH", f"{temporal}/urn:ngsi-ld:Old:1/attrs/t/{instances[3]['instanceId']}", {"type": "Property", "value": 33, "observedAt": "2026-01-02T03:30:00Z"})
            must("DELETE", f"{temporal}/urn:ngsi-ld:Old:1/attrs/t/{instances[5]['instanceId']}")
            before = past_of(server)
            self.assertEqual(len(before[0]), 199)  # all but the one whose past was taken out; the deleted one is there
            code, _, err = run(MADANG, "backup", "--url", server.url, "--data", server.folder, "--to", self.folder / "backup", *keys(self))
            self.assertEqual(code, 0, err)
            # A restart from the snapshot that was taken, in which nothing is of the type Old.
            server.stop()
            server.start()
            self.assertEqual(before, past_of(server))
        self.assertEqual(run(MADANG, "check", self.folder / "backup")[0], 0)
        code, _, err = run(MADANG, "restore", "--from", self.folder / "backup", "--to", self.folder / "restored", "--keys", self.folder / "keys")
        self.assertEqual(code, 0, err)
        code, out, err = run(MADANG, "check", self.folder / "restored")
        self.assertEqual(code, 0, out + err)
        for _ in range(2):
            with Server(MADANG, folder=self.folder / "restored") as server:
                after = past_of(server)
                self.assertEqual(before[0], after[0])
                self.assertEqual(before[1], after[1])

    def test_a_backup_under_load_has_each_change_of_the_past_once(self):
        counter = {"id": "urn:ngsi-ld:Counter:1", "type": "Counter", "n": {"type": "Property", "value": 0}}
        done = threading.Event()
        with Server(MADANG) as server:
            self.assertEqual(server.ask("POST", ENTITIES, counter)[0], 201)

            def count():
                number = 0
                while not done.is_set():
                    number += 1
                    server.ask("PATCH", f"{ENTITIES}/{counter['id']}/attrs", {"n": {"type": "Property", "value": number}})
            counting = threading.Thread(target=count)
            counting.start()
            try:
                for number in range(3):
                    code, _, err = run(MADANG, "backup", "--url", server.url, "--data", server.folder,
                                       "--to", self.folder / f"backup{number}", *keys(self))
                    self.assertEqual(code, 0, err)
            finally:
                done.set()
                counting.join()
        for number in range(3):
            restored = self.folder / f"restored{number}"
            self.assertEqual(run(MADANG, "restore", "--from", self.folder / f"backup{number}", "--to", restored, "--keys", self.folder / "keys")[0], 0)
            with Server(MADANG, folder=restored) as server:
                last = server.ask("GET", f"{ENTITIES}/{counter['id']}")[2]["n"]["value"]
                self.assertEqual(server.ask("PATCH", f"{ENTITIES}/{counter['id']}/attrs", {"n": {"type": "Property", "value": last + 1}})[0], 204)
                told = server.ask("GET", f"/ngsi-ld/v1/temporal/entities/{counter['id']}?format=temporalValues&timeproperty=modifiedAt")[2]["n"]["values"]
                self.assertEqual([value for value, _ in told], list(range(last + 2)))

    def test_check_finds_damage(self):
        data = self.folder / "data"
        run(MADANG, "import", "--data", data, "-", stdin=json.dumps([lamp(n) for n in range(500)]).encode())
        self.assertEqual(run(MADANG, "check", data)[0], 0)
        victim = max((f for f in data.rglob("*") if f.is_file()), key=lambda f: f.read_bytes().count(b"urn:ngsi-ld:Lamp:7"))
        content = bytearray(victim.read_bytes())
        content[content.index(b"urn:ngsi-ld:Lamp:7") + 3] ^= 1
        victim.write_bytes(content)
        code, out, err = run(MADANG, "check", data)
        self.assertEqual(code, 4, out + err)
        self.assertIn(victim.name, out + err)

    def test_restore_refuses_nonsense(self):
        self.assertEqual(run(MADANG, "restore", "--from", self.folder, "--to", self.folder / "x", "--at", "yesterday")[0], 2)
        self.assertNotEqual(run(MADANG, "restore", "--from", self.folder / "none", "--to", self.folder / "x")[0], 0)


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    wrong = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - wrong} passed, {wrong} failed")
    sys.exit(1 if wrong else 0)
