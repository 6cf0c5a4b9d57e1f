// A made-up quarter to look at: Baetgol, beside the small one that the server brings. Always the same.
const middle = [126.978, 37.5665];
let state = 20261126;
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}
const around = (spread) => [middle[0] + (random() - 0.5) * spread * 1.26, middle[1] + (random() - 0.5) * spread];
const property = (value, more = {}) => ({type: 'Property', value, ...more});
const point = (coordinates) => ({type: 'GeoProperty', value: {type: 'Point', coordinates}});
const name = (ko, en) => ({type: 'LanguageProperty', languageMap: {ko, en}});
const to = (object) => ({type: 'Relationship', object});

const daily = (hour) => Math.sin(((hour - 8) / 24) * 2 * Math.PI);

/** Streets run along a slightly turned grid. */
const turn = 0.18;
function street(u, v) {
  const x = (u - 0.5) * 0.036, y = (v - 0.5) * 0.026;
  return [middle[0] + x * Math.cos(turn) - y * Math.sin(turn) * 1.26, middle[1] + x * Math.sin(turn) / 1.26 + y * Math.cos(turn)];
}

const routes = 7;
/** Where a bus is, from 0 to 1 along its street and back. */
export function busAt(number, way) {
  const there = Math.abs(((way * 2) % 2) - 1);
  const lane = (Math.floor(number / 2) % routes) / (routes - 1);
  return (number % 2 ? street(there, 0.06 + lane * 0.88) : street(0.06 + lane * 0.88, there)).map((one) => Math.round(one * 1e6) / 1e6);
}

export const buses = 16;
export function bus(number, way) {
  return {
    id: `urn:ngsi-ld:Bus:${7000 + number}`, type: 'Bus',
    name: name(`${701 + (number % routes)}번 버스`, `Bus ${701 + (number % routes)}`),
    speed: property(Math.round(18 + 14 * Math.sin(way * 9 + number)), {unitCode: 'KMH'}),
    nextStop: to(`urn:ngsi-ld:BusStop:${(number + Math.floor(way * 20)) % 18}`),
    location: point(busAt(number, way)),
  };
}

export function city() {
  state = 20261126;
  const things = [];
  const dongs = [['느티동', 'Neuti-dong'], ['샘터동', 'Saemteo-dong'], ['배꽃동', 'Baekkot-dong'], ['솔마루', 'Solmaru']];
  dongs.forEach(([ko, en], i) => {
    const [u, v] = [(i % 2) / 2, Math.floor(i / 2) / 2];
    const ring = [street(u, v), street(u + 0.5, v), street(u + 0.5, v + 0.5), street(u, v + 0.5), street(u, v)];
    things.push({
      id: `urn:ngsi-ld:District:${i}`, type: 'District', name: name(ko, en), population: property(4200 + 1310 * i),
      location: {type: 'GeoProperty', value: {type: 'Polygon', coordinates: [ring]}},
    });
  });
  for (let i = 0; i < routes; ++i) {
    const lane = 0.06 + (i / (routes - 1)) * 0.88;
    for (const [across, line] of [[0, [street(lane, 0), street(lane, 1)]], [1, [street(0, lane), street(1, lane)]]]) {
      things.push({
        id: `urn:ngsi-ld:Road:${across}${i}`, type: 'Road', name: name(`마당${across ? '로' : '길'} ${i + 1}`, `Madang-${across ? 'ro' : 'gil'} ${i + 1}`),
        location: {type: 'GeoProperty', value: {type: 'LineString', coordinates: line}},
      });
    }
  }
  const district = () => to(`urn:ngsi-ld:District:${Math.floor(random() * dongs.length)}`);
  for (let i = 0; i < 18; ++i) {
    things.push({
      id: `urn:ngsi-ld:BusStop:${i}`, type: 'BusStop', name: name(`배골 ${i + 1}정류장`, `Baetgol stop ${i + 1}`), lines: property([`${701 + (i % routes)}`, `${701 + ((i * 3) % routes)}`]),
      inDistrict: district(), location: point(busAt(i, (i * 0.37) % 1)),
    });
  }
  for (let i = 0; i < 14; ++i) {
    things.push({
      id: `urn:ngsi-ld:BikeHireDockingStation:${i}`, type: 'BikeHireDockingStation', name: name(`${i + 1}번 대여소`, `Bike station ${i + 1}`),
      availableBikeNumber: property(Math.floor(random() * 15)), totalSlotNumber: property(15 + Math.floor(random() * 3) * 5), status: property('working'),
      inDistrict: district(), location: point(around(0.022)),
    });
  }
  for (let i = 0; i < 6; ++i) {
    const observedAt = new Date().toISOString();
    const hour = (Date.now() / 3600_000 + 9) % 24;
    things.push({
      id: `urn:ngsi-ld:AirQualityObserved:${i}`, type: 'AirQualityObserved', name: name(`${dongs[i % 4][0]} 측정소`, `${dongs[i % 4][1]} station`),
      pm10: property(Math.round(34 + 12 * daily(hour) + random() * 5 + i), {unitCode: 'GQ', observedAt}), pm25: property(Math.round(17 + 7 * daily(hour) + random() * 5 + i), {unitCode: 'GQ', observedAt}),
      o3: property(Math.round(random() * 40) / 1000, {unitCode: '59', observedAt}), inDistrict: district(), location: point(around(0.02)),
    });
  }
  const places = [['School', '초등학교', 'Elementary School', 5], ['Library', '도서관', 'Library', 3], ['Pharmacy', '약국', 'Pharmacy', 7]];
  for (const [type, ko, en, count] of places) {
    for (let i = 0; i < count; ++i) {
      things.push({
        id: `urn:ngsi-ld:${type}:${i}`, type, name: name(`${dongs[i % 4][0].replace('동', '')} ${ko}`, `${dongs[i % 4][1].replace('-dong', '')} ${en}`),
        inDistrict: district(), location: point(around(0.02)),
      });
    }
  }
  for (let i = 0; i < 9; ++i) {
    things.push({
      id: `urn:ngsi-ld:EVChargingStation:${i}`, type: 'EVChargingStation', name: name(`${i + 1}번 충전소`, `Charging ${i + 1}`),
      availableCapacity: property(Math.floor(random() * 4)), capacity: property(4), inDistrict: district(), location: point(around(0.022)),
    });
  }
  for (let i = 0; i < buses; ++i) things.push(bus(i, i / buses));
  return things;
}

/** What the last day knew of the air and of the buses, for charts and the replay. */
export function pastOf(hours) {
  state = 7;
  const now = Date.now();
  const evolutions = [];
  for (let i = 0; i < 6; ++i) {
    const rows = (base, swing) =>
      Array.from({length: hours * 4}, (_, k) => {
        const time = now - (hours * 4 - k) * 900_000;
        const hour = (time / 3600_000 + 9) % 24;
        const value = Math.round((base + swing * daily(hour) + random() * 5 + i) * 10) / 10;
        return property(value, {unitCode: 'GQ', observedAt: new Date(time).toISOString()});
      });
    evolutions.push({id: `urn:ngsi-ld:AirQualityObserved:${i}`, type: 'AirQualityObserved', pm10: rows(34, 12), pm25: rows(17, 7)});
  }
  return evolutions;
}

/** A feed of which one record in two names nothing. */
export const feed = {
  id: 'test-sensors', name: {en: 'Sensors of the test', ko: '시험용 센서'}, source: {push: true}, format: 'json', type: 'WaterObserved',
  identity: 'urn:ngsi-ld:WaterObserved:{id}', attributes: {level: {from: 'level', kind: 'number', unit: 'MTR'}},
};
