// Follows the server off the page's thread: reads the stream, keeps what there is, and tells the page the newest of it in
// batches of typed arrays, one at a time, so that a page that is busy gets fewer and larger ones.
import type {Added, FromWorker, News, Shape, ToWorker, Wanted} from './messages';
import {nameOf, plain, shortId, type Geometry} from './model';
import {Replay} from './replay';
import {follow, type SseEvent} from './sse';

interface Known {
  slot: number; // -1: no point
  type: string;
  name: string;
  properties: Record<string, unknown>;
  geometry: Geometry | null;
  round: number;
}
interface Feature {
  id: string;
  geometry: Geometry | null;
  properties: Record<string, unknown>;
}

const newsEvery = 1000; // ms: a reader reads no faster, and a list drawn anew costs a frame
const newsMost = 8; // of them each time
const toldEvery = 1000;

const known = new Map<string, Known>();
let lon = new Float64Array(1024);
let lat = new Float64Array(1024);
const free: number[] = [];
let slots = 0;

let added = new Map<number, Added>();
let moved = new Set<number>();
let removed = new Set<number>();
let batchOut = false; // the page has not drawn the last one yet
let shapesChanged = false;
let news: News[] = [];
let changes = 0;
let round = 0;
let wanted: Wanted[] = [];
let replay: Replay | null = null;
let stop = new AbortController();

const say = (message: FromWorker, transfer: Transferable[] = []) => postMessage(message, {transfer});

function takeSlot(): number {
  const slot = free.pop() ?? slots++;
  if (slot >= lon.length) {
    const grow = (old: Float64Array) => {
      const next = new Float64Array(old.length * 2);
      next.set(old);
      return next;
    };
    lon = grow(lon);
    lat = grow(lat);
  }
  return slot;
}

function freeSlot(slot: number): void {
  added.delete(slot);
  moved.delete(slot);
  removed.add(slot);
  free.push(slot);
}

function remember(feature: Feature, loading: boolean): void {
  const {id, properties, geometry} = feature;
  const type = properties.type as string | string[];
  const old = known.get(id);
  const now: Known = {
    slot: old?.slot ?? -1,
    type: Array.isArray(type) ? (type[0] ?? '') : type,
    name: nameOf(id, properties),
    properties,
    geometry,
    round,
  };
  known.set(id, now);
  if (geometry?.type === 'Point') {
    const [x = 0, y = 0] = geometry.coordinates as number[];
    if (now.slot < 0) {
      now.slot = takeSlot();
      removed.delete(now.slot);
    }
    const slot = now.slot;
    if (!old || old.slot < 0 || old.type !== now.type || old.name !== now.name)
      added.set(slot, {slot, id, type: now.type, name: now.name, lon: x, lat: y});
    else if (lon[slot] !== x || lat[slot] !== y) moved.add(slot);
    lon[slot] = x;
    lat[slot] = y;
  } else {
    if (now.slot >= 0) freeSlot(now.slot), (now.slot = -1);
    if (geometry || old?.geometry) shapesChanged ||= JSON.stringify(geometry) !== JSON.stringify(old?.geometry) || old?.name !== now.name;
  }
  if (loading) return;
  ++changes;
  tellNews(id, old, now);
}

const unremarkable = new Set(['type', 'createdAt', 'modifiedAt', 'observedAt', 'dateObserved', 'location', 'heading', 'bearing']);

/** Of a link, the part of its id that tells things apart. */
const text = (value: unknown) => (typeof value === 'string' && value.startsWith('urn:ngsi-ld:') ? shortId(value) : plain(value));

function tellNews(id: string, old: Known | undefined, now: Known): void {
  if (news.length >= newsMost) return;
  const item = {id, type: now.type, name: now.name, time: Date.now()};
  if (!old) {
    news.push({...item, kind: 'new', attribute: '', from: '', to: ''});
    return;
  }
  for (const [attribute, value] of Object.entries(now.properties)) {
    if (unremarkable.has(attribute)) continue;
    const before = old.properties[attribute];
    if (before === value) continue;
    const from = text(before), to = text(value);
    if (from === to || to.length > 80) continue;
    news.push({...item, kind: 'changed', attribute, from: from.length > 80 ? '' : from, to});
    return;
  }
}

function forget(id: string, tell: boolean): void {
  const old = known.get(id);
  if (!old) return;
  known.delete(id);
  if (old.slot >= 0) freeSlot(old.slot);
  else if (old.geometry) shapesChanged = true;
  if (!tell) return;
  ++changes;
  if (news.length < newsMost)
    news.push({kind: 'gone', id, type: old.type, name: old.name, attribute: '', from: '', to: '', time: Date.now()});
}

/** What changed last before we came. */
function lastChanges(): News[] {
  const times: [number, string, Known][] = [];
  for (const [id, thing] of known) {
    const time = Date.parse(plain(thing.properties.modifiedAt));
    if (time) times.push([time, id, thing]);
  }
  times.sort((a, b) => b[0] - a[0]);
  return times
    .slice(0, 12)
    .reverse()
    .map(([time, id, {type, name}]) => ({kind: 'seen', id, type, name, attribute: '', from: '', to: '', time}));
}

// ---- to the page ----

function flush(): void {
  if (batchOut || (!added.size && !moved.size && !removed.size)) return;
  const still = replay ? [] : [...moved].filter((slot) => !added.has(slot));
  const places = new Float64Array(still.length * 2);
  still.forEach((slot, i) => {
    places[2 * i] = lon[slot]!;
    places[2 * i + 1] = lat[slot]!;
  });
  const batch = {
    kind: 'batch' as const, added: [...added.values()], moved: Int32Array.from(still), places, removed: Int32Array.from(removed),
  };
  added = new Map();
  moved = new Set();
  removed = new Set();
  batchOut = true;
  say(batch, [batch.moved.buffer, batch.places.buffer, batch.removed.buffer]);
}

function flushShapes(): void {
  if (!shapesChanged) return;
  shapesChanged = false;
  const shapes: Shape[] = [];
  for (const [id, {type, name, geometry, slot}] of known) {
    if (slot < 0 && geometry) shapes.push({id, type, name, geometry});
  }
  say({kind: 'shapes', shapes});
}

setInterval(() => {
  flushShapes();
  if (!news.length) return;
  say({kind: 'news', news});
  news = [];
}, newsEvery);

let lastTold = performance.now();
function tell(): void {
  if (stop.signal.aborted) return;
  const counts: Record<string, number> = {};
  const sums = wanted.map(() => ({sum: 0, count: 0}));
  for (const thing of known.values()) {
    counts[thing.type] = (counts[thing.type] ?? 0) + 1;
    wanted.forEach(({type, attribute}, i) => {
      const value = thing.type === type ? thing.properties[attribute] : undefined;
      if (typeof value === 'number') (sums[i]!.sum += value), ++sums[i]!.count;
    });
  }
  const now = performance.now();
  const rate = (changes / (now - lastTold)) * 1000;
  lastTold = now;
  changes = 0;
  const figures = sums.map(({sum, count}, i) => (count ? (wanted[i]!.how === 'sum' ? sum : sum / count) : null));
  say({kind: 'told', counts, rate, figures});
}
// Between the news, so that no frame has to draw both.
setTimeout(() => setInterval(tell, toldEvery), newsEvery / 2);

// ---- from the server ----

let loading = true;
function start(url: string, headers: Record<string, string>): void {
  stop.abort();
  stop = new AbortController();
  const {signal} = stop;
  void follow(url, headers, {
    event({event, data}: SseEvent) {
      if (event === 'entity') remember(JSON.parse(data) as Feature, loading);
      else if (event === 'gone') forget((JSON.parse(data) as {id: string}).id, true);
      else if (event === 'current') {
        if (!(JSON.parse(data) as {resumed: boolean}).resumed) {
          for (const [id, thing] of known) if (thing.round !== round) forget(id, false);
          say({kind: 'news', news: lastChanges()});
        }
        loading = false;
      }
    },
    turn: flush,
    state: (state) => say({kind: 'connection', state}),
    anew() {
      ++round;
      loading = true;
    },
    refused: (status) => say({kind: 'refused', status}),
  }, signal);
}

async function startReplay(from: number, to: number, types: string[], headers: Record<string, string>): Promise<void> {
  const loaded = new Replay();
  let trouble = '';
  try {
    await loaded.load(from, to, types, headers);
  } catch (fault) {
    trouble = (fault as Error).message;
  }
  replay = loaded;
  say({kind: 'tracks', buckets: loaded.buckets, moving: loaded.moving, points: loaded.points, partial: loaded.partial, trouble});
}

function seek(time: number): void {
  const slotsThen: number[] = [], places: number[] = [];
  replay?.places(time, (id, x, y) => {
    const slot = known.get(id)?.slot ?? -1;
    if (slot < 0) return;
    slotsThen.push(slot);
    places.push(x, y);
  });
  const batch = {
    kind: 'batch' as const, added: [], moved: Int32Array.from(slotsThen), places: Float64Array.from(places), removed: new Int32Array(),
  };
  say(batch, [batch.moved.buffer, batch.places.buffer]);
}

function present(): void {
  replay = null;
  for (const {slot} of known.values()) if (slot >= 0) moved.add(slot);
  flush();
}

onmessage = ({data}: MessageEvent<ToWorker>) => {
  if (data.kind === 'follow') start(data.url, data.headers);
  else if (data.kind === 'figures') wanted = data.wanted;
  else if (data.kind === 'taken') (batchOut = false), flush();
  else if (data.kind === 'replay') void startReplay(data.from, data.to, data.types, data.headers);
  else if (data.kind === 'seek') seek(data.time);
  else present();
};
