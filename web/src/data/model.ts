// Entities as the interface tells them, and what a page wants to know of them.

export type Geometry = {type: string; coordinates: unknown};
export interface Entity {
  id: string;
  type: string | string[];
  [attribute: string]: unknown;
}
/** An attribute instance in the normalized representation. */
export interface Attribute {
  type: string;
  value?: unknown;
  object?: string | string[];
  languageMap?: Record<string, string | string[]>;
  vocab?: unknown;
  json?: unknown;
  valueList?: unknown[];
  objectList?: unknown[];
  unitCode?: string;
  observedAt?: string;
  createdAt?: string;
  modifiedAt?: string;
  datasetId?: string;
  [more: string]: unknown;
}

export const api = '/ngsi-ld/v1';
export const entityPath = (id: string) => api + '/entities/' + encodeURIComponent(id).replaceAll('%3A', ':');

export function firstType(entity: {type: string | string[]}): string {
  return Array.isArray(entity.type) ? (entity.type[0] ?? '') : entity.type;
}

const system = new Set(['id', 'type', 'scope', '@context', 'createdAt', 'modifiedAt', 'deletedAt', 'expiresAt']);
export const isAttribute = (name: string) => !system.has(name);

/** The instances of each attribute of a normalized entity, in the order of the answer. */
export function attributesOf(entity: Entity): [string, Attribute[]][] {
  return Object.entries(entity)
    .filter(([name, value]) => isAttribute(name) && typeof value === 'object' && value !== null)
    .map(([name, value]) => [name, (Array.isArray(value) ? value : [value]) as Attribute[]]);
}

/** A text for a person: numbers, texts, lists, times. */
export function plain(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.map(plain).join(', ');
  if (typeof value === 'object') {
    const typed = value as Record<string, unknown>;
    if ('@value' in typed) return plain(typed['@value']);
    return JSON.stringify(value);
  }
  return String(value);
}

export function inLanguage(map: Record<string, string | string[]>, language: string): string {
  return plain(map[language] ?? map['@none'] ?? Object.values(map)[0]);
}

/** What to call it: its name, else the last part of its id. */
export function shortId(id: string): string {
  const parts = id.split(':');
  return parts.length > 3 ? parts.slice(3).join(':') : id;
}
export function nameOf(id: string, properties: Record<string, unknown>, language = ''): string {
  for (const key of ['name', 'title', 'alternateName', 'stationName', 'refName']) {
    let value = properties[key];
    if (value && typeof value === 'object' && !Array.isArray(value)) {
      const map = (value as Attribute).languageMap ?? (value as {value?: unknown}).value;
      value = map && typeof map === 'object' ? inLanguage(map as Record<string, string>, language) : map;
    }
    if (typeof value === 'string' && value) return value;
  }
  return shortId(id);
}

// UN/CEFACT Recommendation 20, as far as cities use it.
const units: Record<string, string> = {
  GQ: 'µg/m³', GP: 'mg/m³', CEL: '°C', FAH: '°F', KEL: 'K', P1: '%', KMH: 'km/h', MTS: 'm/s', MTR: 'm', KMT: 'km',
  CMT: 'cm', MMT: 'mm', MTK: 'm²', MTQ: 'm³', LTR: 'L', KGM: 'kg', TNE: 't', SEC: 's', MIN: 'min', HUR: 'h', DAY: 'd',
  WTT: 'W', KWT: 'kW', MAW: 'MW', WHR: 'Wh', KWH: 'kWh', MWH: 'MWh', VLT: 'V', AMP: 'A', HTZ: 'Hz', LUX: 'lx', PAL: 'Pa',
  A97: 'hPa', MBR: 'mbar', BAR: 'bar', DD: '°', '2N': 'dB', '59': 'ppm', '61': 'ppb', C62: '', NIU: '', E34: 'GB', MQH: 'm³/h',
};
export function unit(code: string | undefined): string {
  return code === undefined ? '' : (units[code] ?? code);
}
