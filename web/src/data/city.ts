// What the pages know of the whole city: its types, and the live stream of all of them.
import {computed, signal} from '@preact/signals';

import {bare} from '../i18n';
import {roleOf} from '../map/ground';
import {looks} from '../map/look';
import {identity, language} from '../session';
import {address, ask, get, Problem} from './client';
import type {FromWorker, News, Shape, ToWorker, Wanted} from './messages';
import {api} from './model';

export interface TypeInfo {
  type: string; // as the context writes it
  attributes: string[];
}

/** Those that can lie on a map. */
export function located({attributes}: TypeInfo): boolean {
  return attributes.some((name) => bare(name) === 'location');
}

export const types = signal<TypeInfo[] | null>(null);
/** Of those that lie on a map: the same on every page. */
export const locatedTypes = computed(() => (types.value ?? []).filter(located).map(({type}) => type));
export const cityLooks = computed(() => looks(locatedTypes.value));
/** The base map. */
export const baseTypes = computed(() => locatedTypes.value.filter((type) => roleOf(type)));
export const typesTrouble = signal<Problem | null>(null);

interface TypeRow {
  typeName: string;
  attributeNames?: string[];
}

export async function loadTypes(): Promise<void> {
  try {
    const rows = await get<TypeRow[]>(address(api + '/types', {details: 'true'}));
    types.value = rows.map(({typeName, attributeNames}) => ({type: typeName, attributes: attributeNames ?? []}));
    typesTrouble.value = null;
  } catch (fault) {
    if (fault instanceof Problem) typesTrouble.value = fault;
    else throw fault;
  }
}

/** More than this a browser is not given to hold: then the smaller types are followed. */
const mostThings = 60_000;
const mostTypes = 300;

export interface Plan {
  followed: string[] | null; // by the stream; null: everything
  base: string[]; // as tiles: what lies under the rest
  many: string[]; // as tiles, too: too many for the stream
  counts: Record<string, number>; // of what comes as tiles
}

/** How each type comes to the map. */
export async function plan(of: string[]): Promise<Plan> {
  const base = of.filter((type) => roleOf(type));
  const rest = of.filter((type) => !roleOf(type));
  const followed = await followable(rest, !base.length);
  const many = followed ? rest.filter((type) => !followed.includes(type)) : [];
  const counted = await Promise.all([...base, ...many].map(async (type) => [type, await countOf(type)] as const));
  return {followed, base, many: many.slice(0, mostTiled), counts: Object.fromEntries(counted)};
}

const countOf = async (type: string) => (await get<{entityCount: number}>(`${api}/types/${encodeURIComponent(type)}`)).entityCount;
const mostTiled = 32;

async function followable(of: string[], all: boolean): Promise<string[] | null> {
  const {headers} = await ask(address(api + '/entities', {local: 'true', limit: 0, count: 'true'}));
  if (Number(headers.get('NGSILD-Results-Count') ?? 0) <= mostThings) return all ? null : of;
  const counted = await Promise.all(
    of.slice(0, mostTypes).map(async (type) => ({type, count: await countOf(type)})),
  );
  let sum = 0;
  return counted.sort((a, b) => a.count - b.count).filter(({count}) => (sum += count) <= mostThings).map(({type}) => type);
}

type ForMap = Extract<FromWorker, {kind: 'batch' | 'shapes'}>;

/** One stream of all types, read by a worker; the page is told what a frame needs. */
export class Stream {
  readonly connection = signal<'connecting' | 'live' | 'waiting' | 'refused'>('connecting');
  readonly counts = signal<Record<string, number>>({});
  readonly rates = signal<number[]>([]);
  readonly figures = signal<(number | null)[][]>([]);
  readonly news = signal<News[]>([]);
  /** Types that are lines or areas. */
  readonly extents = signal<ReadonlyMap<string, 'line' | 'area'>>(new Map());
  readonly tracks = signal<Extract<FromWorker, {kind: 'tracks'}> | null>(null);
  private map: ((message: ForMap) => void) | null = null;
  private untold: ForMap[] = []; // before there is a map; at most one batch, since the next waits for it

  private readonly worker = new Worker(new URL('./live.worker.ts', import.meta.url), {type: 'module'});
  private static readonly newsKept = 30;
  private static readonly samplesKept = 120;

  constructor() {
    this.worker.onmessage = ({data}: MessageEvent<FromWorker>) => this.hear(data);
  }

  private hear(message: FromWorker): void {
    switch (message.kind) {
      case 'batch':
      case 'shapes':
        if (message.kind === 'shapes') this.seeExtents(message.shapes);
        if (this.map) this.map(message);
        else this.untold.push(message);
        break;
      case 'connection':
        this.connection.value = message.state;
        break;
      case 'refused':
        this.connection.value = 'refused';
        break;
      case 'told':
        this.counts.value = message.counts;
        this.rates.value = [...this.rates.value, message.rate].slice(-Stream.samplesKept);
        this.figures.value = [...this.figures.value, message.figures].slice(-Stream.samplesKept);
        break;
      case 'news': {
        // Of an attribute that changes again and again, the newest.
        const fresh = new Map(message.news.map((item) => [item.id + ' ' + item.attribute, item]));
        const older = this.news.value.filter(({id, attribute}) => !fresh.has(id + ' ' + attribute));
        this.news.value = [...[...fresh.values()].reverse(), ...older].slice(0, Stream.newsKept);
        break;
      }
      case 'tracks':
        this.tracks.value = message;
    }
  }

  private seeExtents(shapes: Shape[]): void {
    const seen = new Map(this.extents.peek());
    for (const {type, geometry} of shapes) seen.set(type, geometry.type.endsWith('Polygon') ? 'area' : 'line');
    if (seen.size !== this.extents.peek().size) this.extents.value = seen;
  }

  attach(map: (message: ForMap) => void): void {
    this.map = map;
    this.untold.splice(0).forEach(map);
  }

  say(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  /** Follows things of these types; null: everything, also of types that are yet to come. */
  follow(of: string[] | null): void {
    const url = address('/live', {
      ...(of ? {type: of.join(',')} : {local: 'true'}), options: 'keyValues,sysAttrs', accept: 'application/geo+json', omit: 'location', lang: language.value,
    });
    this.news.value = [];
    this.say({kind: 'follow', url, headers: identity()});
  }

  figuresOf(wanted: Wanted[]): void {
    this.figures.value = [];
    this.say({kind: 'figures', wanted});
  }

  replay(from: number, to: number, of: string[]): void {
    this.tracks.value = null;
    this.say({kind: 'replay', from, to, types: of, headers: identity()});
  }

  close(): void {
    this.worker.terminate();
  }
}
