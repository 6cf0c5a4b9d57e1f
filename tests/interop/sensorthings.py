#!/usr/bin/env python3
"""OGC SensorThings API, used by a client that nobody here wrote, as it is: frost-sta-client walks through pages of
things, follows what they lead to, filters, and makes observations."""

import os
import pathlib
import subprocess
import sys

APP = str(pathlib.Path(__file__).resolve().parents[1] / "app")
sys.path.insert(0, APP)
from pinned import environment  # noqa: E402
from server import Server  # noqa: E402

STATIONS = 250  # more than two pages

STEPS = r'''
import sys
from datetime import datetime, timedelta, timezone
import frost_sta_client as fsc
from tally import expect, finish

URL, STATIONS = sys.argv[1], int(sys.argv[2])


service = fsc.SensorThingsService(URL)

things = list(service.things().query().list())
expect("all things, page by page", len(things), STATIONS)
expect("each once", len({thing.id for thing in things}), STATIONS)
expect("another script", sorted(thing.name for thing in things)[0], "측정소 000")
expect("properties", things[0].properties["type"], "Station")

equals = list(service.things().query().orderby("description", "asc").top(7).list())
expect("in an order of equals each once, too", (len(equals), len({thing.id for thing in equals})), (STATIONS, STATIONS))

one = service.things().find("urn:ngsi-ld:Station:007")
expect("one by its id", one.name, "측정소 007")
streams = list(one.get_datastreams().query().orderby("name", "asc").list())
expect("its datastreams", [stream.id for stream in streams],
       ["urn:ngsi-ld:Station:007:no2", "urn:ngsi-ld:Station:007:temperature"])
expect("unit", streams[1].unit_of_measurement.symbol, "°C")
expect("where it is", one.get_locations().query().list().entities[0].location["coordinates"], [127.007, 37.5])

counted = service.datastreams().query().filter("ObservedProperty/name eq 'no2'").count().top(10).list()
expect("count of a filter", counted.count, STATIONS)
expanded = service.datastreams().query().filter("ObservedProperty/name eq 'no2' and Thing/name eq '측정소 012'").expand(
    "Thing,ObservedProperty,Sensor,Observations($top=1)").list().entities
expect("one by what it leads to", len(expanded), 1)
expect("thing within", expanded[0].thing.name, "측정소 012")
expect("property within", expanded[0].observed_property.definition,
       "https://uri.etsi.org/ngsi-ld/default-context/no2")
expect("sensor within", expanded[0].sensor.encoding_type, "application/json")
expect("observation within", expanded[0].observations.entities[0].result, 12)

begin = datetime(2026, 2, 1, tzinfo=timezone.utc)
stream = streams[1]
for hour in range(230):
    made = fsc.Observation(phenomenon_time=(begin + timedelta(hours=hour)).isoformat().replace("+00:00", "Z"), result=hour / 2,
                           datastream=fsc.Datastream(id=stream.id))
    service.create(made)
expect("a new one has an id", made.id, f"{stream.id}@2026-02-10T13:00:00Z")
back = service.observations().find(made.id)
expect("it is there", back.result, 114.5)
late = fsc.Observation(phenomenon_time="2026-01-15T00:00:00Z", result=-3, datastream=fsc.Datastream(id=stream.id))
service.create(late)
expect("one that comes late", service.observations().find(late.id).result, -3)

all_of_it = [each.result for each in stream.get_observations().query().orderby("phenomenonTime", "asc").list()]
expect("all observations, page by page", all_of_it, [7, -3] + [hour / 2 for hour in range(230)])
expect("the newest first", [each.result for each in stream.get_observations().query().orderby("phenomenonTime", "desc").top(2).list().entities],
       [114.5, 114])
day = stream.get_observations().query().filter(
    "phenomenonTime ge 2026-02-02T00:00:00Z and phenomenonTime lt 2026-02-03T00:00:00Z and result ge 20").list()
expect("of a day", sorted(each.result for each in day), [hour / 2 for hour in range(40, 48)])
expect("all of all", len(list(service.observations().query().top(200).list())), 2 * STATIONS + 231)
newest = [each.id for each in service.observations().query().filter("Datastream/ObservedProperty/name eq 'no2'").orderby(
    "phenomenonTime", "desc").top(9).list()]
expect("the newest of many that are as new, each once", (len(newest), len(set(newest))), (STATIONS, STATIONS))
sys.exit(finish())
'''


def fill(server):
    def station(i):
        return {"id": f"urn:ngsi-ld:Station:{i:03}", "type": "Station", "name": f"측정소 {i:03}",
                "location": {"type": "Point", "coordinates": [127 + i / 1000, 37.5]},
                "temperature": {"type": "Property", "value": i, "unitCode": "CEL", "observedAt": "2026-01-01T00:00:00Z"},
                "no2": {"type": "Property", "value": i, "unitCode": "GQ", "observedAt": "2026-01-01T00:00:00Z"}}
    status, *_ = server.ask("POST", "/ngsi-ld/v1/entityOperations/create", [station(i) for i in range(STATIONS)])
    assert status == 201, status


def main():
    programs = environment("frost")
    if programs is None:
        return 0
    with Server(sys.argv[1]) as server:
        fill(server)
        done = subprocess.run([str(programs / "python"), "-c", STEPS, f"{server.url}/sta/v1.1", str(STATIONS)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                              env={**os.environ, "PYTHONPATH": APP})
    print(done.stdout.decode(errors="replace").strip())
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
