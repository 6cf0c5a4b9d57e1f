// Words in the reader's language, from locales/*.json. Another language is another file and a line in session.ts.
import en from './locales/en.json';
import ko from './locales/ko.json';
import {language, type Language} from './session';

interface Words {
  text: Record<Key, string>;
  types: Record<string, string>;
  attributes: Record<string, string>;
}
const all: Record<Language, Words> = {en, ko};

export type Key = keyof (typeof en)['text'];

function words(): Words {
  return all[language.value];
}

export function t(key: Key, values: Record<string, string | number> = {}): string {
  return words().text[key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}

export const spaced = (name: string) =>
  name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .replace(/[_-]+/g, ' ');

/** The last part of an expanded name. */
export function bare(name: string): string {
  return /^[a-z][a-z\d+.-]*:/i.test(name) ? (name.split(/[/#:]/).filter(Boolean).pop() ?? name) : name;
}

export function typeName(type: string): string {
  const name = bare(type);
  return words().types[name] ?? spaced(name);
}

export function attributeName(attribute: string): string {
  const name = bare(attribute);
  const known = words().attributes[name];
  if (known) return known;
  const text = spaced(name).toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const formats = new Map<string, Intl.NumberFormat>();
export function number(value: number, digits = 2): string {
  const key = language.value + digits;
  let format = formats.get(key);
  if (!format) formats.set(key, (format = new Intl.NumberFormat(language.value, {maximumFractionDigits: digits})));
  return format.format(value);
}

/** A size as people read it: 12 kB, 3.4 MB. */
export function bytes(size: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;
  const step = Math.min(units.length - 1, size < 1000 ? 0 : Math.floor(Math.log10(size) / 3));
  return new Intl.NumberFormat(language.value, {style: 'unit', unit: units[step]!, maximumFractionDigits: step > 1 ? 1 : 0}).format(size / 1000 ** step);
}

export function when(time: number, style: 'time' | 'short' | 'full' = 'short'): string {
  const options: Intl.DateTimeFormatOptions =
    style === 'time' ? {hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23'}
    : style === 'short' ? {month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23'}
    : {dateStyle: 'full', timeStyle: 'long'};
  return new Intl.DateTimeFormat(language.value, options).format(time);
}

/** "3 minutes ago". */
export function ago(time: number, now = Date.now()): string {
  const format = new Intl.RelativeTimeFormat(language.value, {numeric: 'auto', style: 'short'});
  const seconds = Math.round((time - now) / 1000);
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [
    ['second', 60],
    ['minute', 60],
    ['hour', 24],
    ['day', 30],
    ['month', 12],
  ];
  let value = seconds;
  for (const [unit, most] of steps) {
    if (Math.abs(value) < most) return format.format(Math.round(value), unit);
    value /= most;
  }
  return format.format(Math.round(value), 'year');
}
