// What the page and the worker that follows the server say to each other.
import type {Geometry} from './model';

export interface Wanted {
  type: string;
  attribute: string;
  how: 'mean' | 'sum';
}
export interface Added {
  slot: number;
  id: string;
  type: string;
  name: string;
  lon: number;
  lat: number;
}
/** A thing with an extent: a line or an area. */
export interface Shape {
  id: string;
  type: string;
  name: string;
  geometry: Geometry;
}
export interface News {
  kind: 'new' | 'gone' | 'changed' | 'seen';
  id: string;
  type: string;
  name: string;
  attribute: string;
  from: string;
  to: string;
  time: number; // ms since 1970
}
/** The newest of what happened to points, a slot each once. `places` are longitude and latitude of `moved`. */
export interface Batch {
  kind: 'batch';
  added: Added[];
  moved: Int32Array;
  places: Float64Array;
  removed: Int32Array;
}

export type ToWorker =
  | {kind: 'follow'; url: string; headers: Record<string, string>}
  | {kind: 'figures'; wanted: Wanted[]}
  | {kind: 'taken'} // the last batch was drawn: another may come
  | {kind: 'replay'; from: number; to: number; types: string[]; headers: Record<string, string>}
  | {kind: 'seek'; time: number}
  | {kind: 'present'};

export type FromWorker =
  | Batch
  | {kind: 'shapes'; shapes: Shape[]}
  | {kind: 'connection'; state: 'connecting' | 'live' | 'waiting'}
  | {kind: 'refused'; status: number}
  | {kind: 'told'; counts: Record<string, number>; rate: number; figures: (number | null)[]}
  | {kind: 'news'; news: News[]}
  | {kind: 'tracks'; buckets: number[]; moving: number; points: number; partial: boolean; trouble: string};
