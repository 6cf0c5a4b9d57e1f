// Charts by uPlot, in the colours of the page. Loaded when a page first shows one.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

import type {Course} from '../data/past';
import {number, t, when} from '../i18n';

const height = 168;

function ink(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function axes(): uPlot.Axis[] {
  const common = {
    stroke: ink('--ink-soft'), font: '12px ' + ink('--font'), ticks: {show: false}, grid: {stroke: ink('--line'), width: 1},
  };
  return [
    {...common, grid: {show: false}, size: 30, space: 70, values: (_, splits) => splits.map((one) => when(one * 1000, splits[splits.length - 1]! - splits[0]! < 3600 * 30 ? 'time' : 'short').replace(/:00$/, ''))},
    {...common, size: 52, values: (_, splits) => splits.map((one) => number(one, 3))},
  ];
}

/** Follows the width of its place. Returns what takes it away. */
function mount(place: HTMLElement, options: Omit<uPlot.Options, 'width' | 'height'>, data: uPlot.AlignedData): () => void {
  const plot = new uPlot({...options, width: Math.max(120, place.clientWidth), height}, data, place);
  const watch = new ResizeObserver(() => plot.setSize({width: Math.max(120, place.clientWidth), height}));
  watch.observe(place);
  return () => (watch.disconnect(), plot.destroy());
}

export function drawCourse(place: HTMLElement, course: Course, name: string, unit: string): () => void {
  const accent = ink('--accent'), soft = ink('--accent-wash');
  const value = (_: uPlot, one: number | null) => (one === null ? '–' : number(one, 4) + (unit && ' ' + unit));
  const series: uPlot.Series[] = [
    {label: t('history.time'), value: (_, one) => (one === null ? '–' : when(one * 1000, 'short'))},
    {label: name, stroke: accent, width: 2, fill: course.low ? undefined : soft, points: {show: course.times.length < 60, size: 5, fill: accent}, value},
  ];
  const data: (number[] | Float64Array)[] = [course.times, course.values];
  const options: Omit<uPlot.Options, 'width' | 'height'> = {
    series, axes: axes(), cursor: {y: false, points: {size: 7}}, legend: {live: true}, padding: [8, 22, 0, 0],
    scales: {y: {range: (_, low, high) => spread(low, high)}},
  };
  if (course.low && course.high) {
    series.push({label: 'min', stroke: 'transparent', points: {show: false}, value}, {label: 'max', stroke: 'transparent', points: {show: false}, value});
    data.push(course.low, course.high);
    options.bands = [{series: [3, 2], fill: soft}];
  }
  return mount(place, options, data as uPlot.AlignedData);
}

/** Bars: how many of the values lie in each part of their range, or a value for each of some things. */
export function drawBars(place: HTMLElement, labels: string[], values: number[]): () => void {
  const options: Omit<uPlot.Options, 'width' | 'height'> = {
    series: [{label: t('explore.thing'), value: (_, i) => (i === null ? '–' : (labels[i] ?? ''))}, {label: '', fill: ink('--accent'), paths: uPlot.paths.bars!({size: [0.8, 60], radius: 0.12}), points: {show: false}, value: (_, one) => (one === null ? '–' : number(one, 4))}],
    scales: {x: {time: false, range: [-0.6, labels.length - 0.4]}, y: {range: (_, low, high) => [Math.min(0, low), Math.max(high, 0) * 1.05 || 1]}},
    axes: [
      {...axes()[0]!, space: 60, incrs: [1, 2, 5, 10, 20, 50], values: (_, splits) => splits.map((i) => (Number.isInteger(i) ? shorten(labels[i] ?? '') : ''))},
      axes()[1]!,
    ],
    cursor: {y: false}, legend: {live: true}, padding: [8, 22, 0, 0],
  };
  return mount(place, options, [labels.map((_, i) => i), values]);
}

function shorten(text: string): string {
  return text.length > 18 ? text.slice(0, 17) + '…' : text;
}

function spread(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const room = (high - low) * 0.12 || Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}
