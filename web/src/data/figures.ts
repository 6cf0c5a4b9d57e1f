// Key figures: attributes of well-known types that say how a city is, and their course over the last day.
import type {Wanted} from './messages';
import {address, get} from './client';
import type {TypeInfo} from './city';
import {bare} from '../i18n';
import {api} from './model';

export interface Figure extends Wanted {
  unit: string; // a UN/CEFACT code, where the model prescribes it
}

const wellKnown: [string, string, 'mean' | 'sum', string][] = [
  ['AirQualityObserved', 'pm25', 'mean', 'GQ'],
  ['AirQualityObserved', 'pm10', 'mean', 'GQ'],
  ['BikeHireDockingStation', 'availableBikeNumber', 'sum', ''],
  ['WeatherObserved', 'temperature', 'mean', 'CEL'],
  ['TrafficFlowObserved', 'averageVehicleSpeed', 'mean', 'KMH'],
  ['TrafficFlowObserved', 'intensity', 'sum', ''],
  ['Vehicle', 'speed', 'mean', 'KMH'],
  ['Bus', 'speed', 'mean', 'KMH'],
  ['OffStreetParking', 'availableSpotNumber', 'sum', ''],
  ['OnStreetParking', 'availableSpotNumber', 'sum', ''],
  ['EVChargingStation', 'availableCapacity', 'sum', ''],
  ['NoiseLevelObserved', 'LAeq', 'mean', '2N'],
  ['WaterObserved', 'level', 'mean', 'MTR'],
  ['WasteContainer', 'fillingLevel', 'mean', ''],
  ['AirQualityObserved', 'o3', 'mean', 'GQ'],
  ['AirQualityObserved', 'no2', 'mean', 'GQ'],
];

/** Those that this city has, at most so many. */
export function figuresOf(types: TypeInfo[], most: number): Figure[] {
  const found: Figure[] = [];
  for (const [name, attribute, how, unit] of wellKnown) {
    const type = types.find((one) => bare(one.type) === name && one.attributes.some((its) => its === attribute));
    if (type && found.length < most) found.push({type: type.type, attribute, how, unit});
  }
  return found;
}

const day = 24 * 3600_000;
const step = 1800_000;
const mostEntities = 200;

/** Values each half hour of the last day; a thing keeps its value until it tells another. Empty where nothing is known. */
export async function courseOf({type, attribute, how}: Figure): Promise<number[]> {
  const until = Math.ceil(Date.now() / step) * step;
  const since = until - day;
  for (const timeproperty of ['observedAt', 'modifiedAt']) {
    const rows = await get<Record<string, {avg?: [number, string, string][]}>[]>(
      address(api + '/temporal/entities', {
        type, attrs: attribute, format: 'aggregatedValues', aggrMethods: 'avg', aggrPeriodDuration: 'PT30M', timerel: 'between',
        timeAt: new Date(since).toISOString(), endTimeAt: new Date(until).toISOString(), timeproperty, limit: mostEntities,
      }),
    );
    const courses = rows.map((row) => row[attribute]?.avg ?? []).filter((course) => course.length);
    if (!courses.length) continue;
    const sums = new Float64Array(day / step), counts = new Float64Array(day / step);
    for (const course of courses) {
      const starts = course.map(([, begin]) => Math.round((Date.parse(begin) - since) / step));
      for (let i = 0, at = -1; i < sums.length; ++i) {
        while (at + 1 < starts.length && starts[at + 1]! <= i) ++at;
        if (at < 0) continue;
        sums[i]! += course[at]![0];
        ++counts[i]!;
      }
    }
    return [...sums].map((sum, i) => (how === 'sum' ? sum : sum / counts[i]!)).filter((_, i) => counts[i]! > 0);
  }
  return [];
}
