#!/usr/bin/env python3
"""Feeds whose records lie in GeoPackages, Shapefiles and zips, against a running server.

usage: packed.py [MADANG]
"""

import contextlib
import http.server
import io
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/app"))
MADANG = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build/dev/madang")
from feeds import FEEDS, Folder, until  # noqa: E402  (takes the program from the arguments)
from server import run  # noqa: E402

PLACES = {"나무": (127.0, 37.5), "Brücke": (127.1, 37.6), "well \"3\"": (126.9, 37.4)}


def geojson(places=PLACES):
    return json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"name": name, "height": 7.5},
         "geometry": {"type": "Point", "coordinates": list(place)}} for name, place in places.items()]})


def make(target, source=None, *options, layer="places"):
    """A file that ogr2ogr makes of GeoJSON."""
    driver = "GPKG" if str(target).endswith(".gpkg") else "ESRI Shapefile"
    done = subprocess.run(["ogr2ogr", "-f", driver, str(target), "/vsistdin/", "-nln", layer, *options],
                          input=(source or geojson()).encode(), capture_output=True)
    assert done.returncode == 0, done.stderr
    return str(target)


def rename(path, old, new):
    """Gives a layer a name that ogr2ogr would not."""
    quoted = new.replace('"', '""')
    with contextlib.closing(sqlite3.connect(path)) as base, base:
        for table, in base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            base.execute(f'DROP TRIGGER "{table}"')
        base.execute(f'ALTER TABLE "{old}" RENAME TO "{quoted}"')
        for table in ("gpkg_contents", "gpkg_geometry_columns", "gpkg_ogr_contents"):
            base.execute(f"UPDATE {table} SET table_name = ? WHERE table_name = ?", (new, old))
        base.execute("DELETE FROM gpkg_extensions")


def declared(source, **more):
    return {"id": "air", "source": source, "every": 1, "type": "Thing", "identity": "urn:ngsi-ld:Thing:{properties/name}",
            "location": "geometry", "attributes": {"height": {"from": "properties/height", "kind": "number"}}, **more}


def things(here):
    return {one["name"] if "name" in one else one["id"]: one for one in
            here.server.ask("GET", "/ngsi-ld/v1/entities?type=Thing&format=simplified&limit=1000")[2]}


@unittest.skipUnless(shutil.which("ogr2ogr"), "no ogr2ogr; apt-get install gdal-bin")
class Packed(unittest.TestCase):
    def check(self, here, places=PLACES):
        found = sorted((round(x, 6), round(y, 6)) for x, y in
                       (one["location"]["coordinates"] for one in things(here).values()))
        self.assertEqual(found, sorted(places.values()))
        told = here.feed()
        self.assertEqual((told["rejected"], told.get("trouble")), (0, None))

    def test_a_geopackage_in_another_projection_and_again_where_it_is_replaced(self):
        with Folder() as here:
            path = make(here.path / "a.gpkg", None, "-t_srs", "EPSG:5186")
            here.declare(declared({"file": path}))
            here.records(3)
            self.check(here)
            time.sleep(1.2)
            self.assertEqual(here.feed()["records"], 3)  # nothing is read twice
            more = {**PLACES, "새": (127.2, 37.7)}
            made = make(here.path / ".b.gpkg", geojson(more), "-t_srs", "EPSG:5186")
            os.replace(made, path)
            here.records(7)
            self.check(here, more)

    def test_a_layer_is_chosen_or_all_are_named(self):
        with Folder() as here:
            path = make(here.path / "a.gpkg", geojson({"x": (1, 2)}), layer="first")
            make(path, None, "-update", layer="second")
            rename(path, "first", "-sql")
            rename(path, "second", 'my "layer"')
            here.declare(declared({"file": path}))
            trouble = until(lambda: here.feed().get("trouble"), "trouble")
            self.assertIn('several layers; say which by "records": -sql, my "layer"', trouble)
            here.declare(declared({"push": True}, id="one", format={"kind": "gpkg", "records": "-sql"}))
            body = pathlib.Path(path).read_bytes()
            self.assertEqual(here.server.ask("POST", f"{FEEDS}/one/records", body)[2]["records"], 1)
            here.declare(declared({"push": True}, id="two", format={"kind": "gpkg", "records": 'my "layer"'}))
            self.assertEqual(here.server.ask("POST", f"{FEEDS}/two/records", body)[2]["records"], 3)
            here.declare(declared({"push": True}, id="none", format={"kind": "gpkg", "records": "roads"}))
            status, _, told = here.server.ask("POST", f"{FEEDS}/none/records", body)
            self.assertEqual(status, 400)
            self.assertIn('no layer "roads"; it has: -sql', told["detail"])
            left = [name for _, _, names in os.walk(here.server.folder) for name in names if ".input." in name]
            self.assertEqual(left, [])

    def test_a_shapefile_with_korean_names_is_one_thing_of_several_files(self):
        with Folder() as here:
            make(here.path / "places.shp", None, "-t_srs", "EPSG:5186", "-lco", "ENCODING=CP949", "-where", "name <> 'Brücke'")
            (here.path / "places.cpg").unlink()
            here.declare(declared({"folder": str(here.path)}, format={"encoding": "cp949"}))
            here.records(2)
            self.assertIn("urn:ngsi-ld:Thing:나무", things(here))
            self.check(here, {name: place for name, place in PLACES.items() if name != "Brücke"})
            time.sleep(1.2)
            self.assertEqual(here.feed()["records"], 2)
            # A table alone that changes is a change.
            data = (here.path / "places.dbf").read_bytes()
            self.assertIn(b"7.5", data)
            (here.path / "places.dbf").write_bytes(data.replace(b"7.5", b"9.5"))
            here.records(4)
            until(lambda: {one["height"] for one in things(here).values()} == {9.5}, "the new height")

    def test_what_cannot_be_read_is_a_dead_letter_once_and_keeps_nobody_out(self):
        with Folder() as here:
            whole = pathlib.Path(make(here.path / "z.gpkg")).read_bytes()
            (here.path / "a.gpkg").write_bytes(whole[:3000])
            (here.path / "b.shp").write_bytes(bytes.fromhex("0000270a") + b"?" * 200)
            make(here.path / "c.shp")
            (here.path / "c.prj").unlink()
            here.declare(declared({"folder": str(here.path), "pattern": "*.[gs]*"}, format={}))
            here.records(6)
            time.sleep(1.2)
            told = here.feed()
            self.assertEqual((told["records"], told["rejected"], told.get("trouble")), (6, 3, None))
            reasons = {letter["place"].split(":")[0]: letter["reason"] for letter in here.letters()}
            self.assertIn("malformed", reasons["a.gpkg"])
            self.assertIn("b.shx is missing", reasons["b.shp"])
            self.assertIn("FILE.prj", reasons["c.shp"])

    def test_it_is_read_from_the_web_and_from_a_body(self):
        with Folder("--set", "egress.allow_private=true") as here:
            body = pathlib.Path(make(here.path / "a.gpkg")).read_bytes()

            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

                def log_message(self, *_):
                    pass

            web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            threading.Thread(target=web.serve_forever, daemon=True).start()
            here.declare(declared({"url": f"http://127.0.0.1:{web.server_port}/a.gpkg?v=1"}))
            here.records(3)
            self.check(here)
            web.shutdown()
            web.server_close()

    def test_without_the_program_it_is_said_which_one_to_install(self):
        path = os.environ["PATH"]
        os.environ["PATH"] = "/nowhere"
        try:
            with Folder() as here:
                (here.path / "a.gpkg").write_bytes(b"SQLite format 3\0" + bytes(4096))
                here.declare(declared({"folder": str(here.path)}))
                trouble = until(lambda: here.feed().get("trouble"), "trouble")
                self.assertIn("apt-get install gdal-bin", trouble)
                self.assertEqual(here.letters(), [])  # it is not the file's fault
        finally:
            os.environ["PATH"] = path

    def test_it_gets_no_more_memory_than_it_may_have(self):
        with Folder("--set", "feeds.packed.memory=50MB") as here:
            here.declare(declared({"push": True}))
            body = pathlib.Path(make(here.path / "a.gpkg")).read_bytes()
            status, _, told = here.server.ask("POST", f"{FEEDS}/air/records", body)
            self.assertEqual((status, told["detail"][:7]), (422, "ogr2ogr"))

    def test_a_server_that_stops_waits_for_no_program(self):
        with Folder() as here:
            # A view that counts without end: SQLite does as it is told.
            path = make(here.path / "a.gpkg")
            with contextlib.closing(sqlite3.connect(path)) as base, base:
                base.execute("CREATE VIEW forever AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                             "SELECT i FROM n WHERE i < 0")
                base.execute("INSERT INTO gpkg_contents (table_name, data_type, identifier) "
                             "VALUES ('forever', 'attributes', 'forever')")
            here.declare(declared({"file": path}, format={"kind": "gpkg", "records": "forever"}))

            def children():
                pid = here.server.process.pid
                return subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(pid)], capture_output=True,
                                      text=True).stdout
            until(lambda: "forever" in children(), "a program at work")
            number = children().split()[0]
            begin = time.monotonic()
            self.assertEqual(here.server.stop(), 0)
            self.assertLess(time.monotonic() - begin, 30)
            self.assertFalse(os.path.exists(f"/proc/{number}"))

    def test_killed_in_the_middle_nothing_is_lost_nothing_twice_and_no_program_left(self):
        stations, hours = 20, 2000
        with Folder("--set", "feeds.batch=200") as here:
            path = make(here.path / "a.gpkg", json.dumps({"type": "FeatureCollection", "features": [
                {"type": "Feature", "properties": {"station": station, "pm10": hour % 97, "time":
                 f"2024-{hour // 24 // 28 + 1:02}-{hour // 24 % 28 + 1:02}T{hour % 24:02}:00:00Z"},
                 "geometry": {"type": "Point", "coordinates": [station, 1]}}
                for hour in range(hours) for station in range(stations)]}))
            here.declare({"id": "air", "source": {"file": path}, "every": 1, "type": "Thing", "location": "geometry",
                          "identity": "urn:ngsi-ld:Thing:{properties/station}", "observed": "properties/time",
                          "attributes": {"pm10": {"from": "properties/pm10", "kind": "number"}}})
            left = []
            for share in (0.1, 0.4):
                until(lambda s=share: here.feed()["records"] > 0.1 * s * stations * hours, "some records")
                pid = here.server.process.pid
                left += subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
                here.server.stop(signal.SIGKILL)
                here.server.start()
            until(lambda: here.feed()["state"] == "waiting" and here.feed().get("lastSuccess"), "all of it")
            for station in (0, 19):
                status, _, body = here.server.ask(
                    "GET", f"/ngsi-ld/v1/temporal/entities/urn:ngsi-ld:Thing:{station}?attrs=pm10")
                self.assertIn(status, (200, 206))
                moments = [one["observedAt"] for one in body["pm10"]]
                self.assertEqual((len(moments), len(set(moments))), (hours, hours))
            self.assertEqual(here.letters(), [])

            def at_work(number):
                try:
                    return "ogr2ogr" in pathlib.Path(f"/proc/{number}/cmdline").read_text()
                except OSError:
                    return False
            self.assertTrue(left)
            until(lambda: not any(map(at_work, left)), "an end of programs whose server is gone")

    def test_a_first_declaration_is_proposed(self):
        with Folder() as here:
            path = make(here.path / "places.gpkg", None, "-t_srs", "EPSG:5186")
            code, out, said = run(MADANG, "feed", "try", path)
            self.assertEqual(code, 0, said)
            feed = json.loads(out)
            self.assertEqual((feed["format"]["kind"], feed["type"], feed["location"]["from"]), ("gpkg", "Places", "geometry"))
            self.assertIn("3 records make 3 entities", said)
            feed["source"] = {"file": path}
            here.declare(feed)
            here.records(3, feed["id"])

    def test_a_shapefile_and_a_geopackage_in_a_zip(self):
        with Folder() as here:
            folder = here.path / "made"
            folder.mkdir()
            make(folder / "places.shp", None, "-t_srs", "EPSG:5186", "-lco", "ENCODING=UTF-8")
            with zipfile.ZipFile(here.path / "a.shp.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                for file in folder.iterdir():
                    archive.write(file, "some folder/" + file.name)
            with zipfile.ZipFile(here.path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                archive.write(make(folder / "b.gpkg", geojson({"one more": (2, 3)})), "b.gpkg")
            here.declare(declared({"folder": str(here.path), "pattern": "*.zip"}))
            here.records(4)
            self.check(here, {**PLACES, "one more": (2, 3)})
            here.declare(declared({"push": True}, id="pushed", format="shp"))
            body = (here.path / "a.shp.zip").read_bytes()
            self.assertEqual(here.server.ask("POST", f"{FEEDS}/pushed/records", body)[2]["records"], 3)


TIMETABLE = {
    "agency.txt": "agency_id,agency_name,agency_url,agency_timezone\nT,교통공사,http://t.kr,Asia/Seoul\n",
    "stops.txt": "stop_id,stop_name,stop_lat,stop_lon\n1,시청,37.5657,126.9769\n2,서울역,37.5547,126.9707\n",
    "routes.txt": "route_id,agency_id,route_short_name,route_long_name,route_type\n1,T,01,1호선,1\n",
    "trips.txt": "route_id,service_id,trip_id,shape_id\n1,평일,a,s\n1,평일,b,s\n",
    "shapes.txt": "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\ns,37.5547,126.9707,2\ns,37.5657,126.9769,1\n",
    "calendar.txt": "service_id,monday\n평일,1\n",
}


def archive_of(files, method=zipfile.ZIP_DEFLATED):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


class Zips(unittest.TestCase):
    def tried(self, path, *options):
        code, out, said = run(MADANG, "feed", "try", path, *options)
        self.assertEqual(code, 0, said)
        return json.loads(out)

    def test_a_timetable_is_five_feeds_of_one_file(self):
        with Folder() as here:
            path = here.path / "city.zip"
            path.write_bytes(archive_of(TIMETABLE))
            self.assertEqual(self.tried(path)["type"], "GtfsStop")
            for table, count in {"agency": 1, "stops": 2, "routes": 1, "trips": 2, "shapes": 1}.items():
                feed = self.tried(path, "--records", table)
                here.declare({**feed, "source": {"file": str(path)}})
                here.records(count, feed["id"])

            def entity(name):
                return here.server.ask("GET", f"/ngsi-ld/v1/entities/urn:ngsi-ld:{name}?format=simplified")[2]
            self.assertEqual((entity("GtfsStop:1")["name"], entity("GtfsStop:1")["location"]["coordinates"]),
                             ("시청", [126.9769, 37.5657]))
            self.assertEqual((entity("GtfsRoute:1")["shortName"], entity("GtfsRoute:1")["operatedBy"]),
                             ("01", "urn:ngsi-ld:GtfsAgency:T"))
            self.assertEqual(entity("GtfsTrip:b")["hasShape"], "urn:ngsi-ld:GtfsShape:s")
            self.assertEqual(entity("GtfsShape:s")["location"],
                             {"type": "LineString", "coordinates": [[126.9769, 37.5657], [126.9707, 37.5547]]})
            self.assertEqual(entity("GtfsAgency:T")["name"], "교통공사")
            # A table that nobody has names for is a table.
            feed = self.tried(path, "--records", "calendar")
            self.assertEqual((feed["identity"], list(feed["attributes"])), ("urn:ngsi-ld:City:{service_id}", ["monday"]))
            code, _, said = run(MADANG, "feed", "try", path, "--records", "fares")
            self.assertNotEqual(code, 0)
            self.assertIn("agency, stops, routes, trips, shapes, calendar", said)

    def test_the_one_file_of_a_zip_or_the_one_that_is_named(self):
        with Folder() as here:
            here.declare({"id": "air", "source": {"push": True}, "type": "Thing", "identity": "urn:ngsi-ld:Thing:{id}",
                          "attributes": {"n": {"from": "n", "kind": "number"}}})

            def push(body, name="air", status=200):
                got, _, told = here.server.ask("POST", f"{FEEDS}/{name}/records?name=a.zip", body)
                self.assertEqual(got, status, told)
                return told
            self.assertEqual(push(archive_of({"a.csv": "id,n\n1,2\n"}))["values"], 1)
            self.assertEqual(push(archive_of({"in/a.json": '[{"id": 3, "n": 4}]', "picture.png": "x"}))["values"], 1)
            two = archive_of({"a.csv": "id,n\n5,6\n", "b.csv": "id,n\n7,8\n9,10\n"})
            self.assertIn('by "file": a.csv, b.csv', push(two, status=400)["detail"])
            feed = here.feed()["declaration"]
            here.declare({**feed, "id": "chosen", "format": {"file": "b.csv"}})
            self.assertEqual(push(two, "chosen")["values"], 2)
            self.assertIn('no "b.csv"; it has: x.csv', push(archive_of({"x.csv": ""}), "chosen", 400)["detail"])
            # KML in its zip, with pictures beside it; and a declared kind is of what is within.
            kml = ('<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark id="11"><name>x</name><Point><coordinates>'
                   "1,2</coordinates></Point></Placemark></Document></kml>")
            path = here.path / "a.kmz"
            path.write_bytes(archive_of({"doc.kml": kml, "files/icon.png": "x"}))
            self.assertEqual(self.tried(path)["format"]["kind"], "kml")
            here.declare({**feed, "id": "semicolons", "format": {"kind": "csv", "delimiter": ";"}})
            self.assertEqual(push(archive_of({"table": "id;n\n1;1,5\n2;3\n"}), "semicolons")["records"], 2)

    def test_zips_that_mean_harm(self):
        with Folder() as here:
            bomb = archive_of({"zeros.csv": b"\0" * (64 << 20)})
            self.assertLess(len(bomb), 100_000)
            (here.path / "bomb.zip").write_bytes(bomb)
            (here.path / "cut.zip").write_bytes(archive_of({"a.csv": "id,n\n" * 1000}, zipfile.ZIP_STORED)[:-500])
            (here.path / "nested.zip").write_bytes(archive_of({"a.zip": archive_of({"a.csv": "id\n1\n"})}))
            (here.path / "many.zip").write_bytes(archive_of({f"{i}.csv": "" for i in range(10_001)}))
            (here.path / "nothing.zip").write_bytes(archive_of({"../../etc/": ""}))
            (here.path / "up.zip").write_bytes(archive_of({"../../../../../../../../../../etc/passwd.csv": "id,n\n1,2\n"}))
            here.declare({"id": "air", "source": {"folder": str(here.path)}, "every": 3600, "type": "Thing",
                          "identity": "urn:ngsi-ld:Thing:{id}", "attributes": {"n": {"from": "n", "kind": "number"}}})
            told = until(lambda: (lambda f: f if f["state"] in ("failing", "waiting") and f["records"] >= 5 else None)(
                here.feed()), "all read")
            reasons = {letter["place"].split(":")[0]: letter["reason"] for letter in here.letters()}
            self.assertIn("no zip that can be read", reasons["cut.zip"])
            self.assertIn("within a zip", reasons["nested.zip"])
            self.assertIn("10001 entries", reasons["many.zip"])
            self.assertIn("nothing that is read", reasons["nothing.zip"])
            self.assertIn("200 times what it is in the zip", told["trouble"])  # found out on the way
            # A name is a name: it leads nowhere.
            self.assertEqual(here.server.ask("GET", "/ngsi-ld/v1/entities/urn:ngsi-ld:Thing:1")[2]["n"]["value"], 2)


if __name__ == "__main__":
    unittest.main()
