// Where things were in a span of the past, from the temporal interface. Bounded: a portal is no archive.
import {api} from './model';

const pageSize = 200;
const mostPoints = 300_000;
const bucketCount = 96;

interface Track {
  times: Float64Array;
  places: Float64Array; // longitude, latitude, ...
  at: number; // where the last question was answered
}

export class Replay {
  private tracks = new Map<string, Track>();
  buckets: number[] = new Array<number>(bucketCount).fill(0);
  partial = false;
  points = 0;

  async load(from: number, to: number, types: string[], headers: Record<string, string>): Promise<void> {
    for (const type of types) {
      for (let offset = 0; ; offset += pageSize) {
        const question = new URLSearchParams({
          type, attrs: 'location', timerel: 'between', timeproperty: 'modifiedAt', format: 'temporalValues',
          timeAt: new Date(from).toISOString(), endTimeAt: new Date(to).toISOString(),
          limit: String(pageSize), offset: String(offset),
        });
        const response = await fetch(`${api}/temporal/entities?${question}`, {headers});
        if (!response.ok) throw new Error(String(response.status));
        if (response.status === 206) this.partial = true;
        const page = (await response.json()) as {id: string; location?: {values?: [unknown, string][]}}[];
        for (const entity of page) {
          const values = (entity.location?.values ?? []).filter(isPoint);
          if (values.length < 2) continue;
          this.points += values.length;
          this.add(entity.id, values, from, to);
        }
        if (this.points > mostPoints) {
          this.partial = true;
          return;
        }
        if (page.length < pageSize) break;
      }
    }
  }

  private add(id: string, values: [{coordinates: [number, number]}, string][], from: number, to: number): void {
    const rows = values.map(([point, time]) => [Date.parse(time), ...point.coordinates] as [number, number, number]);
    rows.sort((a, b) => a[0] - b[0]);
    const track: Track = {times: new Float64Array(rows.length), places: new Float64Array(rows.length * 2), at: 0};
    rows.forEach(([time, lon, lat], i) => {
      track.times[i] = time;
      track.places[2 * i] = lon;
      track.places[2 * i + 1] = lat;
      const bucket = Math.min(bucketCount - 1, Math.max(0, Math.floor(((time - from) / (to - from)) * bucketCount)));
      this.buckets[bucket]!++;
    });
    this.tracks.set(id, track);
  }

  get moving(): number {
    return this.tracks.size;
  }

  /** Longitude and latitude of each thing that moved; not a number before its first place. */
  places(time: number, each: (id: string, lon: number, lat: number) => void): void {
    for (const [id, track] of this.tracks) {
      const {times, places} = track;
      if (time < times[0]!) {
        each(id, NaN, NaN);
        continue;
      }
      let at = times[track.at]! <= time ? track.at : 0;
      if (at === 0) {
        let high = times.length;
        while (at + 1 < high) {
          const middle = (at + high) >> 1;
          if (times[middle]! <= time) at = middle;
          else high = middle;
        }
      }
      while (at + 1 < times.length && times[at + 1]! <= time) ++at;
      track.at = at;
      const next = Math.min(at + 1, times.length - 1);
      const span = times[next]! - times[at]!;
      // A thing that was silent for long stood still: it is not drawn gliding for hours.
      const share = span > 0 && span < 120_000 ? (time - times[at]!) / span : 0;
      each(id, places[2 * at]! + (places[2 * next]! - places[2 * at]!) * share, places[2 * at + 1]! + (places[2 * next + 1]! - places[2 * at + 1]!) * share);
    }
  }
}

function isPoint(entry: [unknown, string]): entry is [{coordinates: [number, number]}, string] {
  const value = entry[0] as {type?: string; coordinates?: unknown} | null;
  return value?.type === 'Point' && Array.isArray(value.coordinates);
}
