// A question to the interface, as the builder holds it, and the address that asks it.
import {address, ask, type Answer} from './client';
import {api, plain, type Entity, type Geometry} from './model';

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
const mostDownloaded = 50_000;

/** Follows the pages to the end, or to what a browser should hold. */
async function everything<T>(first: string, headers: Record<string, string>, take: (answer: Answer<T>) => number, told: (count: number) => void): Promise<boolean> {
  let next: string | undefined = first;
  for (let count = 0; next; ) {
    const answer: Answer<T> = await ask<T>(next, {headers});
    count += take(answer);
    told(count);
    next = nextPage(answer.headers.get('Link') ?? '');
    if (count >= mostDownloaded && next) return false;
  }
  return true;
}

function nextPage(link: string): string | undefined {
  const found = /<([^>]+)>\s*;[^<]*rel="?next"?/.exec(link)?.[1];
  if (!found) return undefined;
  const to = new URL(found, location.origin + api + '/');
  return to.pathname + to.search; // whatever name the server goes by: this page asks its own origin
}

export async function download(question: Question, format: Format, lang: string, told: (count: number) => void): Promise<{text: string; type: string; whole: boolean}> {
  if (format === 'geojson') {
    const features: unknown[] = [];
    const whole = await everything<{features: unknown[]}>(
      url(question, {options: 'keyValues', lang, limit: 1000}), {Accept: 'application/geo+json', Prefer: 'body=json'},
      ({body}) => (features.push(...body.features), body.features.length), told,
    );
    return {text: JSON.stringify({type: 'FeatureCollection', features}), type: 'application/geo+json', whole};
  }
  const rows: Row[] = [];
  const shown: Record<string, string> = format === 'csv' ? {options: 'keyValues', lang} : {};
  const whole = await everything<Row[]>(url(question, {...shown, limit: 1000}), {}, ({body}) => (rows.push(...body), body.length), told);
  if (format === 'ndjson') return {text: rows.map((row) => JSON.stringify(row) + '\n').join(''), type: 'application/x-ndjson', whole};
  return {text: csv(rows), type: 'text/csv', whole};
}

/** RFC 4180, with a byte order mark for spreadsheets; places as longitude and latitude. */
export function csv(rows: Row[]): string {
  const names = columns(rows);
  const places = rows.some(({location}) => location?.type === 'Point');
  const head = ['id', 'type', ...(places ? ['longitude', 'latitude'] : []), ...names];
  const lines = rows.map((row) => {
    const [lon, lat] = row.location?.type === 'Point' ? (row.location.coordinates as number[]) : [];
    return [row.id, plain(row.type), ...(places ? [lon, lat] : []), ...names.map((name) => row[name])].map(cell).join(',');
  });
  return '\ufeff' + [head.map(cell).join(','), ...lines].join('\r\n') + '\r\n';
}

function cell(value: unknown): string {
  let text = plain(value);
  // A spreadsheet would take such a text for a formula.
  if (typeof value !== 'number' && /^[=+\-@\t\r]/.test(text)) text = "'" + text;
  return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
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
