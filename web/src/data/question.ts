// A question to the interface, as the builder holds it, and the address that asks it.
import {address, ask, open} from './client';
import {api, type Entity, type Geometry} from './model';

export const operators = ['==', '!=', '>', '>=', '<', '<=', '~=', 'exists'] as const;
export interface Condition {
  attribute: string;
  operator: (typeof operators)[number];
  value: string;
}
export type Area =
  | {kind: 'none'}
  | {kind: 'near'; lon: number; lat: number; metres: number}
  | {kind: 'within'; ring: [number, number][]}; // closed
export interface Question {
  type: string; // empty: any
  conditions: Condition[];
  area: Area;
  orderBy: string;
  descending: boolean;
}

export const nothing: Question = {type: '', conditions: [], area: {kind: 'none'}, orderBy: '', descending: false};
export const pageSize = 100;

/** A value as the query language writes it: numbers, true and false as they are, all else as a text. */
function literal({operator, value}: Condition): string {
  const text = value.trim();
  if (operator === '~=') return text;
  if (/^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(text) || text === 'true' || text === 'false') return text;
  if (/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/.test(text)) return text;
  return '"' + text.replaceAll('\\', '\\\\').replaceAll('"', '\\"') + '"';
}

export function q(conditions: Condition[]): string {
  return conditions
    .filter(({attribute, operator, value}) => attribute && (operator === 'exists' || value.trim() !== ''))
    .map((one) => (one.operator === 'exists' ? one.attribute : one.attribute + one.operator + literal(one)))
    .join(';');
}

const rounded = (value: number) => Math.round(value * 1e6) / 1e6;

function geo(area: Area): Record<string, string> {
  if (area.kind === 'near')
    return {georel: `near;maxDistance==${Math.round(area.metres)}`, geometry: 'Point', coordinates: JSON.stringify([rounded(area.lon), rounded(area.lat)])};
  if (area.kind === 'within')
    return {georel: 'within', geometry: 'Polygon', coordinates: JSON.stringify([area.ring.map((place) => place.map(rounded))])};
  return {};
}

/** What selects; without what says how it is shown. */
export function selection(question: Question): Record<string, string> {
  const where = {type: question.type, q: q(question.conditions), ...geo(question.area)};
  const asks = where.type || where.q || 'georel' in where;
  const all: Record<string, string> = {...where};
  if (!asks) all.local = 'true';
  if (question.orderBy) all.orderBy = question.orderBy + (question.descending ? ';desc' : '');
  return all;
}

export function url(question: Question, more: Record<string, string | number> = {}): string {
  return address(api + '/entities', {...selection(question), ...more});
}

export interface Row extends Entity {
  location?: Geometry;
}
export async function page(question: Question, lang: string, offset: number): Promise<{rows: Row[]; count: number}> {
  const answer = await ask<Row[]>(url(question, {options: 'keyValues', lang, count: 'true', limit: pageSize, offset: offset || ''}));
  return {rows: answer.body, count: Number(answer.headers.get('NGSILD-Results-Count') ?? answer.body.length)};
}

// ---- all of it ----

export const formats = ['csv', 'geojson', 'ndjson'] as const;
export type Format = (typeof formats)[number];
export const mediaTypes: Record<Format, string> = {csv: 'text/csv', geojson: 'application/geo+json', ndjson: 'application/x-ndjson'};

export interface Progress {
  bytes: number;
  done: number; // things, about: lines that have come
  all: number; // things
}

/** All that is found as one file, made by the server while it is read; `told` a few times a second. */
export async function download(question: Question, format: Format, lang: string, signal: AbortSignal, told: (progress: Progress) => void): Promise<Blob> {
  const {orderBy: _, ...where} = selection(question); // a file has no order
  const options = format === 'csv' ? 'bom' : '';
  const {body, headers} = await open(address('/download', {...where, format, options, lang: format === 'ndjson' ? '' : lang}), {signal});
  const progress = {bytes: 0, done: 0, all: Number(headers.get('NGSILD-Results-Count') ?? 0)};
  const parts: Uint8Array[] = [];
  const reader = body.getReader();
  for (let last = 0; ; ) {
    const {done, value} = await reader.read();
    if (done) break;
    parts.push(value);
    progress.bytes += value.length;
    for (let at = value.indexOf(10); at >= 0; at = value.indexOf(10, at + 1)) ++progress.done;
    if (performance.now() - last < 100) continue;
    last = performance.now();
    told({...progress, done: Math.min(progress.done, progress.all)});
  }
  told({...progress, done: progress.all});
  return new Blob(parts as BlobPart[], {type: mediaTypes[format]});
}

/** The attributes that rows have, the commonest first. */
export function columns(rows: Row[], without: string[] = ['location']): string[] {
  const counts = new Map<string, number>();
  for (const row of rows) {
    for (const name of Object.keys(row)) {
      if (name !== 'id' && name !== 'type' && name !== '@context' && !without.includes(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return [...counts].sort((a, b) => b[1] - a[1]).map(([name]) => name);
}

// ---- kept in the address of the page, behind the #: it is nobody else's ----

export function toHash(question: Question): string {
  return question === nothing ? '' : '#' + encodeURIComponent(JSON.stringify(question));
}
export function fromHash(hash: string): Question {
  try {
    const read = JSON.parse(decodeURIComponent(hash.slice(1))) as Partial<Question>;
    return {
      type: String(read.type ?? ''),
      conditions: (read.conditions ?? []).slice(0, 20).map(({attribute, operator, value}) => ({
        attribute: String(attribute), operator: operators.includes(operator) ? operator : '==', value: String(value),
      })),
      area: readArea(read.area),
      orderBy: String(read.orderBy ?? ''),
      descending: read.descending === true,
    };
  } catch {
    return nothing;
  }
}
function readArea(area: Area | undefined): Area {
  if (area?.kind === 'near' && [area.lon, area.lat, area.metres].every(Number.isFinite)) return area;
  if (area?.kind === 'within' && Array.isArray(area.ring) && area.ring.every((place) => place.length === 2 && place.every(Number.isFinite))) return area;
  return {kind: 'none'};
}
