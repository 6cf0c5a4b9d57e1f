// How the numbers of a thing were, as charts; the same as a table for who does not see charts.
import {useSignal} from '@preact/signals';
import {useEffect, useRef} from 'preact/hooks';

import {plain, unit, type Attribute} from '../data/model';
import {courseOf, type Course} from '../data/past';
import {attributeName, number, t, when, type Key} from '../i18n';
import {dark, language} from '../session';
import {Empty} from '../ui/parts';

const hour = 3600_000;
const spans: {key: Key; length: number}[] = [
  {key: 'span.hour', length: hour},
  {key: 'span.day', length: 24 * hour},
  {key: 'span.week', length: 7 * 24 * hour},
  {key: 'span.month', length: 30 * 24 * hour},
];
const mostCharts = 12;

export function History({id, attributes}: {id: string; attributes: [string, Attribute[]][]}) {
  const span = useSignal(spans[1]!);
  const numbers = attributes.filter(([, [first]]) => typeof first?.value === 'number').slice(0, mostCharts);
  if (!numbers.length) return null;
  return (
    <section class="panel history" aria-labelledby="history-title">
      <div class="panel-head">
        <h2 id="history-title">{t('history.title')}</h2>
        <div class="segments" role="group" aria-label={t('history.span')}>
          {spans.map((one) => (
            <button key={one.key} type="button" aria-pressed={span.value === one} onClick={() => (span.value = one)}>
              {t(one.key)}
            </button>
          ))}
        </div>
      </div>
      {numbers.map(([name, [first]]) => (
        <Chart key={name} id={id} attribute={name} unitText={unit(first?.unitCode)} length={span.value.length} stamp={plain(first?.observedAt ?? first?.modifiedAt)} />
      ))}
    </section>
  );
}

function Chart({id, attribute, unitText, length, stamp}: {id: string; attribute: string; unitText: string; length: number; stamp: string}) {
  const course = useSignal<Course | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const asked = useRef(0);
  useEffect(() => {
    // A value each second is no reason to ask for the past each second.
    const wait = Math.max(0, asked.current + 10_000 - Date.now());
    const timer = setTimeout(() => {
      asked.current = Date.now();
      const to = Date.now() + 1000;
      courseOf(id, attribute, to - length, to).then((found) => (course.value = found), () => (course.value = {times: [], values: [], low: null, high: null, period: ''}));
    }, wait);
    return () => clearTimeout(timer);
  }, [id, attribute, length, stamp]);
  useEffect(() => {
    asked.current = 0;
  }, [length]);

  const isDark = dark.value;
  const words = language.value;
  const its = course.value;
  useEffect(() => {
    if (!its || its.times.length < 2 || !box.current) return;
    let gone = false;
    let remove = () => {};
    const place = box.current;
    void import('../ui/chart').then(({drawCourse}) => {
      if (!gone) remove = drawCourse(place, its, attributeName(attribute), unitText);
    });
    return () => ((gone = true), remove());
  }, [its, isDark, words]);

  const values = its?.values ?? [];
  return (
    <figure class="chart">
      <figcaption>
        <strong>{attributeName(attribute)}</strong> {unitText && <span class="about">{unitText}</span>}
        {its?.period && <span class="about">{t('history.means', {period: its.period})}</span>}
      </figcaption>
      {its && values.length === 0 && <Empty>{t('history.none')}</Empty>}
      {its && values.length === 1 && <Empty>{t('history.one', {value: number(values[0]!, 4) + (unitText && ' ' + unitText), time: when(its.times[0]! * 1000)})}</Empty>}
      <div ref={box} class={values.length > 1 ? 'chart-box' : ''} />
      {its && values.length > 1 && (
        <details>
          <summary>{t('history.table', {count: values.length})}</summary>
          <div class="scroll" tabIndex={0}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{t('history.time')}</th>
                  <th scope="col">{t('thing.value')}</th>
                </tr>
              </thead>
              <tbody>
                {values.slice(-200).reverse().map((value, i) => {
                  const time = its.times[values.length - 1 - i]! * 1000;
                  return (
                    <tr key={time + i}>
                      <td>{when(time)}</td>
                      <td>{number(value, 4)}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        </details>
      )}
    </figure>
  );
}
