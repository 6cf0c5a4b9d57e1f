// An attribute's past, as a chart wants it: values where there are few, means with extremes where there are many.
import {address, ask} from './client';
import {api} from './model';

export interface Course {
  times: number[]; // seconds since 1970
  values: number[];
  low: number[] | null; // extremes, where values are means
  high: number[] | null;
  period: string; // of the means
}

const mostValues = 1500;
const periods: [string, number][] = [
  ['PT1M', 60], ['PT5M', 300], ['PT15M', 900], ['PT1H', 3600], ['PT6H', 21_600], ['P1D', 86_400], ['P7D', 604_800],
];

export async function courseOf(id: string, attribute: string, from: number, to: number): Promise<Course> {
  // As a question, which may find nothing; of the one entity it would be refused then.
  const between = {id, local: 'true', attrs: attribute, timerel: 'between', timeAt: new Date(from).toISOString(), endTimeAt: new Date(to).toISOString()};
  // Instances without observedAt are found by the server's time.
  for (const timeproperty of ['observedAt', 'modifiedAt']) {
    const answer = await ask<Record<string, {values?: [unknown, string][]}>[]>(
      address(api + '/temporal/entities', {...between, timeproperty, format: 'temporalValues', lastN: mostValues}),
    ).catch(() => null);
    const told = answer?.body[0]?.[attribute];
    const rows = (Array.isArray(told) ? (told as {values?: [unknown, string][]}[]).flatMap((one) => one.values ?? []) : (told?.values ?? []))
      .filter((row): row is [number, string] => typeof row[0] === 'number')
      .map(([value, time]) => [Date.parse(time) / 1000, value] as const)
      .sort((a, b) => a[0] - b[0]);
    if (!rows.length) continue;
    if (rows.length < mostValues && answer!.status !== 206)
      return {times: rows.map(([time]) => time), values: rows.map(([, value]) => value), low: null, high: null, period: ''};
    return means(attribute, between, timeproperty, (to - from) / 1000);
  }
  return {times: [], values: [], low: null, high: null, period: ''};
}

async function means(attribute: string, between: Record<string, string>, timeproperty: string, seconds: number): Promise<Course> {
  const [period] = periods.find(([, length]) => seconds / length <= 400) ?? periods[periods.length - 1]!;
  const {body} = await ask<Record<string, Record<string, [number, string, string][]>>[]>(
    address(api + '/temporal/entities', {...between, timeproperty, format: 'aggregatedValues', aggrMethods: 'avg,min,max', aggrPeriodDuration: period}),
  );
  const rows = body[0]?.[attribute] ?? {};
  const pick = (method: string) => (rows[method] ?? []).map(([value]) => value);
  return {times: (rows.avg ?? []).map(([, begin]) => Date.parse(begin) / 1000), values: pick('avg'), low: pick('min'), high: pick('max'), period};
}
