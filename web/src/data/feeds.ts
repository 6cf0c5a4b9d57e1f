// The feeds of the server, as it tells of them.
import {ask, get} from './client';

export interface Feed {
  id: string;
  name: string;
  nameKo?: string;
  entityType: string;
  source: string;
  declaredBy: string;
  state: 'waiting' | 'running' | 'failing' | 'paused';
  trouble?: string;
  lastRun?: string;
  lastSuccess?: string;
  newest?: string;
  lagSeconds?: number;
  recordsPerSecond: number;
  records: number;
  rejected: number;
  duplicates: number;
  late: number;
  changes: number;
  deadLetters: number;
  completeness: number; // 0 to 1
  validity: number;
}
export interface FeedInFull extends Feed {
  attributes: {name: string; missing: number; invalid: number; outOfRange: number; jumps: number; frozen: number}[];
  faults: {at: string; place: string; reason: string}[];
  declaration: unknown;
}
export interface DeadLetter {
  number: number;
  at: string;
  place: string;
  reason: string;
  record: unknown;
}

const feeds = '/admin/feeds';
const one = (id: string) => feeds + '/' + encodeURIComponent(id);

export const list = () => get<Feed[]>(feeds);
export const inFull = (id: string) => get<FeedInFull>(one(id));
export const deadLetters = (id: string) => get<DeadLetter[]>(one(id) + '/deadLetters?limit=50');
export const replay = async (id: string) => (await ask<{records: number; rejected: number}>(one(id) + '/deadLetters/replay', {method: 'POST'})).body;
export const dropDeadLetters = (id: string) => ask(one(id) + '/deadLetters', {method: 'DELETE'});
const json = (method: string, declaration: string): RequestInit => ({method, body: declaration, headers: {'Content-Type': 'application/json'}});
export const declare = (declaration: string) => ask(feeds, json('POST', declaration));
export const replace = (id: string, declaration: string) => ask(one(id), json('PUT', declaration));
export const runNow = (id: string) => ask(one(id) + '/run', {method: 'POST'});
