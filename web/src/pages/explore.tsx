// A question, put together by choosing; the address that asks it; what it finds.
import {useComputed, useSignal, useSignalEffect, type Signal} from '@preact/signals';
import {useEffect, useRef} from 'preact/hooks';

import {baseTypes, cityLooks, loadTypes, types} from '../data/city';
import {Problem} from '../data/client';
import {firstType, nameOf, plain} from '../data/model';
import {
  columns, download, formats, fromHash, operators, page, pageSize, toHash, url, type Area, type Condition, type Format, type Progress, type Question, type Row,
} from '../data/question';
import {attributeName, bytes, number, t, typeName} from '../i18n';
import type {CityMap} from '../map/city_map';
import type {AreaDrawer} from '../map/draw';
import {go, thingPath} from '../router';
import {dark, language} from '../session';
import {Icon} from '../ui/icons';
import {CopyButton, Empty, Trouble} from '../ui/parts';
import {curl} from './thing';

interface Found {
  rows: Row[];
  count: number;
}
type View = 'table' | 'chart';
const mostColumns = 10;

export function Explore() {
  const question = useSignal<Question>(fromHash(location.hash));
  const found = useSignal<Found | null>(null);
  const problem = useSignal<Problem | null>(null);
  const busy = useSignal(false);
  const view = useSignal<View>('table');
  const turn = useRef(0);

  useEffect(() => {
    if (!types.peek()) void loadTypes();
  }, []);
  useSignalEffect(() => {
    history.replaceState(null, '', location.pathname + toHash(question.value));
  });

  const run = async (offset = 0) => {
    const mine = ++turn.current;
    busy.value = true;
    try {
      const answer = await page(question.value, language.value, offset);
      if (mine !== turn.current) return;
      found.value = {rows: offset ? [...(found.value?.rows ?? []), ...answer.rows] : answer.rows, count: answer.count};
      problem.value = null;
    } catch (fault) {
      if (!(fault instanceof Problem)) throw fault;
      if (mine === turn.current) problem.value = fault;
    } finally {
      if (mine === turn.current) busy.value = false;
    }
  };
  useEffect(() => {
    void run();
  }, []);

  const shownUrl = useComputed(() => url(question.value, {options: 'keyValues', lang: language.value, count: 'true', limit: pageSize}));
  return (
    <div class="explore">
      <h1>{t('explore.title')}</h1>
      <p class="lead">{t('explore.about')}</p>
      <div class="columns">
        <form
          class="panel builder"
          onSubmit={(event) => {
            event.preventDefault();
            void run();
          }}
        >
          <Builder question={question} />
          <div class="row">
            <button type="submit" class="primary" data-test="run" disabled={busy.value}>
              <Icon name="search" />
              {t('explore.run')}
            </button>
          </div>
        </form>
        <AreaMap question={question} rows={found.value?.rows ?? []} />
      </div>
      <section class="panel asked" aria-label={t('explore.url')}>
        <h2>{t('explore.url')}</h2>
        <p class="url">
          <code data-test="url">{shownUrl.value}</code>
        </p>
        <div class="row">
          <CopyButton text={location.origin + shownUrl.value} label={t('explore.copyUrl')} />
          <CopyButton text={curl(shownUrl.value)} label={t('thing.curl')} />
        </div>
      </section>
      <section class="panel result" aria-labelledby="result-title" aria-busy={busy.value}>
        <div class="panel-head">
          <h2 id="result-title" role="status" data-test="found">
            {found.value ? t('explore.found', {count: number(found.value.count)}) : t('explore.notYet')}
          </h2>
          {found.value && (
            <div class="segments" role="group" aria-label={t('explore.view')}>
              {(['table', 'chart'] as View[]).map((one) => (
                <button key={one} type="button" aria-pressed={view.value === one} data-test={'view-' + one} onClick={() => (view.value = one)}>
                  {t(`explore.${one}`)}
                </button>
              ))}
            </div>
          )}
        </div>
        {problem.value && <Trouble problem={problem.value} />}
        {found.value && !problem.value && (
          <>
            {found.value.rows.length > 0 && <Downloads question={question.value} />}
            {view.value === 'table' ? <Table found={found.value} /> : <Bars rows={found.value.rows} />}
            {found.value.rows.length < found.value.count && (
              <div class="row">
                <button type="button" disabled={busy.value} onClick={() => void run(found.value!.rows.length)}>
                  {t('explore.more', {shown: number(found.value.rows.length), count: number(found.value.count)})}
                </button>
              </div>
            )}
          </>
        )}
      </section>
    </div>
  );
}

// ---- the builder ----

function Builder({question}: {question: Signal<Question>}) {
  const it = question.value;
  const set = (change: Partial<Question>) => (question.value = {...question.value, ...change});
  const known = types.value ?? [];
  const attributes = it.type ? (known.find(({type}) => type === it.type)?.attributes ?? []) : [...new Set(known.flatMap((one) => one.attributes))].sort();
  const setCondition = (i: number, change: Partial<Condition>) => set({conditions: it.conditions.map((one, at) => (at === i ? {...one, ...change} : one))});
  return (
    <>
      <label class="field">
        <span>{t('explore.type')}</span>
        <select value={it.type} data-test="type" onChange={(event) => set({type: event.currentTarget.value, orderBy: ''})}>
          <option value="">{t('explore.anyType')}</option>
          {[...known].sort((a, b) => typeName(a.type).localeCompare(typeName(b.type), language.value)).map(({type}) => (
            <option key={type} value={type}>
              {typeName(type)} ({type})
            </option>
          ))}
        </select>
      </label>
      <fieldset class="conditions">
        <legend>{t('explore.conditions')}</legend>
        {it.conditions.map((condition, i) => (
          <div class="condition" key={i}>
            <select aria-label={t('explore.attribute')} value={condition.attribute} data-test="attribute" onChange={(event) => setCondition(i, {attribute: event.currentTarget.value})}>
              {!attributes.includes(condition.attribute) && <option value={condition.attribute}>{condition.attribute || '–'}</option>}
              {attributes.map((name) => (
                <option key={name} value={name}>
                  {attributeName(name)}
                </option>
              ))}
            </select>
            <select aria-label={t('explore.operator')} value={condition.operator} data-test="operator" onChange={(event) => setCondition(i, {operator: event.currentTarget.value as Condition['operator']})}>
              {operators.map((one) => (
                <option key={one} value={one}>
                  {t(`operator.${one}`)}
                </option>
              ))}
            </select>
            {condition.operator !== 'exists' && (
              <input aria-label={t('explore.value')} value={condition.value} placeholder={t('explore.value')} data-test="value" onInput={(event) => setCondition(i, {value: event.currentTarget.value})} />
            )}
            <button type="button" class="quiet square" aria-label={t('explore.dropCondition')} onClick={() => set({conditions: it.conditions.filter((_, at) => at !== i)})}>
              <Icon name="close" />
            </button>
          </div>
        ))}
        <button type="button" class="quiet" data-test="add-condition" onClick={() => set({conditions: [...it.conditions, {attribute: attributes[0] ?? '', operator: '==', value: ''}]})}>
          <Icon name="plus" />
          {t('explore.addCondition')}
        </button>
      </fieldset>
      <AreaFields area={it.area} set={(area) => set({area})} />
      <div class="order">
        <label class="field">
          <span>{t('explore.order')}</span>
          <select value={it.orderBy} onChange={(event) => set({orderBy: event.currentTarget.value})}>
            <option value="">{t('explore.noOrder')}</option>
            {attributes.map((name) => (
              <option key={name} value={name}>
                {attributeName(name)}
              </option>
            ))}
          </select>
        </label>
        {it.orderBy && (
          <label class="check">
            <input type="checkbox" checked={it.descending} onChange={(event) => set({descending: event.currentTarget.checked})} />
            {t('explore.descending')}
          </label>
        )}
      </div>
    </>
  );
}

/** A circle can be given in numbers, too: nobody needs a pointer for it. */
function AreaFields({area, set}: {area: Area; set: (area: Area) => void}) {
  if (area.kind === 'none') return null;
  return (
    <fieldset>
      <legend>{t('area.title')}</legend>
      {area.kind === 'near' ? (
        <div class="numbers">
          {(['lon', 'lat', 'metres'] as const).map((name) => (
            <label key={name} class="field">
              <span>{t(`area.${name}`)}</span>
              <input type="number" step="any" value={name === 'metres' ? area[name] : Math.round(area[name] * 1e6) / 1e6} onChange={(event) => set({...area, [name]: Number(event.currentTarget.value)})} />
            </label>
          ))}
        </div>
      ) : (
        <p>{t('area.polygon', {count: area.ring.length - 1})}</p>
      )}
      <button type="button" class="quiet" onClick={() => set({kind: 'none'})}>
        <Icon name="close" />
        {t('area.drop')}
      </button>
    </fieldset>
  );
}

function AreaMap({question, rows}: {question: Signal<Question>; rows: Row[]}) {
  const box = useRef<HTMLDivElement>(null);
  const made = useRef<{map: CityMap; drawer: AreaDrawer} | null>(null);
  const ready = useSignal(false);
  const drawing = useSignal<'near' | 'within' | null>(null);
  const set = (area: Area) => (question.value = {...question.value, area});

  useEffect(() => {
    let gone = false;
    void Promise.all([import('../map/city_map'), import('../map/draw')]).then(([{CityMap}, {AreaDrawer}]) => {
      if (gone || !box.current) return;
      let drawer: AreaDrawer | null = null;
      const map = new CityMap(box.current, dark.peek(), {zoomIn: t('map.zoomIn'), zoomOut: t('map.zoomOut'), map: t('map.label')}, (hit) => {
        if (!drawing.peek() && !drawer?.busy) go(thingPath(hit.id));
      });
      map.tipText = ({name, type}) => [name, typeName(type)];
      drawer = new AreaDrawer(map.map, (area) => (set(area), setTimeout(() => (drawing.value = null))), () => (dark.peek() ? '#f2c14e' : '#8a5a00'));
      drawer.set(question.peek().area);
      made.current = {map, drawer};
      window.madangMap = map;
      ready.value = true;
    });
    return () => {
      gone = true;
      delete window.madangMap;
      made.current?.map.remove();
      made.current = null;
    };
  }, []);

  useEffect(() => {
    const map = made.current?.map;
    if (!map) return;
    map.setLook(cityLooks.value, () => true, dark.value);
    map.setTiled(baseTypes.value);
    map.replaceAll(
      rows.map((row) => ({id: row.id, type: firstType(row), name: nameOf(row.id, row), geometry: row.location ?? null})),
    );
    if (rows.length) map.showAll();
  }, [rows, ready.value, dark.value, types.value]);
  useSignalEffect(() => made.current?.drawer.set(question.value.area));

  const begin = (kind: 'near' | 'within') => {
    if (drawing.value) {
      made.current?.drawer.finish();
      drawing.value = null;
    } else {
      drawing.value = kind;
      made.current?.drawer.begin(kind);
    }
  };
  return (
    <section class="panel area" aria-label={t('area.title')}>
      <div class="row">
        <button type="button" class="quiet" disabled={!ready.value} data-test="area-view"
          onClick={() => {
            const [w, s, e, n] = made.current!.map.bounds();
            set({kind: 'within', ring: [[w, s], [e, s], [e, n], [w, n], [w, s]]});
          }}>
          {t('area.view')}
        </button>
        <button type="button" class="quiet" aria-pressed={drawing.value === 'near'} disabled={!ready.value || drawing.value === 'within'} data-test="area-near" onClick={() => begin('near')}>
          {drawing.value === 'near' ? t('cancel') : t('area.near')}
        </button>
        <button type="button" class="quiet" aria-pressed={drawing.value === 'within'} disabled={!ready.value || drawing.value === 'near'} data-test="area-polygon" onClick={() => begin('within')}>
          {drawing.value === 'within' ? t('area.finish') : t('area.draw')}
        </button>
      </div>
      {drawing.value && <p class="about" role="status">{t(drawing.value === 'near' ? 'area.nearHow' : 'area.drawHow')}</p>}
      <div ref={box} class="map" data-test="map" />
    </section>
  );
}

// ---- what was found ----

function Table({found: {rows}}: {found: Found}) {
  if (!rows.length) return <Empty>{t('explore.nothing')}</Empty>;
  const names = columns(rows, ['location', 'name']).slice(0, mostColumns);
  const several = new Set(rows.map(firstType)).size > 1;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t('explore.table')}>
      <table class="rows" data-test="rows">
        <thead>
          <tr>
            <th scope="col">{t('explore.thing')}</th>
            {several && <th scope="col">{t('explore.type')}</th>}
            {names.map((name) => (
              <th key={name} scope="col" class={rows.some((row) => typeof row[name] === 'number') ? 'number' : ''}>
                {attributeName(name)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id} data-id={row.id}>
              <th scope="row">
                <a href={thingPath(row.id)}>{nameOf(row.id, row)}</a>
              </th>
              {several && <td>{typeName(firstType(row))}</td>}
              {names.map((name) => {
                const value = row[name];
                return typeof value === 'number' ? (
                  <td key={name} class="number">{number(value, 4)}</td>
                ) : typeof value === 'string' && /^urn:ngsi-ld:/.test(value) ? (
                  <td key={name}><a href={thingPath(value)}>{value.replace(/^urn:ngsi-ld:/, '')}</a></td>
                ) : (
                  <td key={name} class="clip">{plain(value).slice(0, 200)}</td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const mostBars = 24;
function Bars({rows}: {rows: Row[]}) {
  const names = columns(rows).filter((name) => rows.some((row) => typeof row[name] === 'number'));
  const chosen = useSignal(names[0] ?? '');
  const box = useRef<HTMLDivElement>(null);
  const name = names.includes(chosen.value) ? chosen.value : (names[0] ?? '');
  const isDark = dark.value;
  useEffect(() => {
    const having = rows.filter((row) => typeof row[name] === 'number');
    if (!having.length || !box.current) return;
    let gone = false;
    let remove = () => {};
    const place = box.current;
    void import('../ui/chart').then(({drawBars}) => {
      if (gone) return;
      const values = having.map((row) => row[name] as number);
      if (having.length <= mostBars) {
        remove = drawBars(place, having.map((row) => nameOf(row.id, row)), values);
        return;
      }
      const low = Math.min(...values), width = (Math.max(...values) - low) / mostBars || 1;
      const counts = new Array<number>(mostBars).fill(0);
      for (const value of values) counts[Math.min(mostBars - 1, Math.floor((value - low) / width))]!++;
      remove = drawBars(place, counts.map((_, i) => number(low + i * width, 2)), counts);
    });
    return () => ((gone = true), remove());
  }, [rows, name, isDark]);
  if (!names.length) return <Empty>{t('explore.noNumbers')}</Empty>;
  return (
    <figure class="chart">
      <label class="field">
        <span>{t('explore.attribute')}</span>
        <select value={name} onChange={(event) => (chosen.value = event.currentTarget.value)}>
          {names.map((one) => (
            <option key={one} value={one}>
              {attributeName(one)}
            </option>
          ))}
        </select>
      </label>
      <div ref={box} class="chart-box" data-test="chart" />
      <figcaption class="about">{t(rows.length <= mostBars ? 'explore.barsEach' : 'explore.barsCount')}</figcaption>
    </figure>
  );
}

function Downloads({question}: {question: Question}) {
  const state = useSignal('');
  const progress = useSignal<Progress | null>(null);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);
  const save = async (format: Format) => {
    stop.current = new AbortController();
    state.value = t('download.began');
    progress.value = {bytes: 0, done: 0, all: 0};
    try {
      const file = await download(question, format, language.value, stop.current.signal, (told) => {
        progress.value = told;
        state.value = t('download.count', {count: number(told.done), all: number(told.all), size: bytes(told.bytes)});
      });
      const link = document.createElement('a');
      link.href = URL.createObjectURL(file);
      link.download = `${question.type || 'madang'}.${format}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      state.value = t('download.done', {all: number(progress.value.all), size: bytes(file.size)});
    } catch (fault) {
      state.value = (fault as Error).name === 'AbortError' ? t('download.stopped') : (fault as Error).message || t('download.broken');
    }
    progress.value = null;
  };
  const now = progress.value;
  return (
    <div class="row downloads">
      {formats.map((format) => (
        <button key={format} type="button" class="quiet" disabled={now !== null} data-test={'download-' + format} onClick={() => void save(format)}>
          <Icon name="download" />
          {{csv: 'CSV', geojson: 'GeoJSON', ndjson: 'NDJSON'}[format]}
        </button>
      ))}
      {now && <progress aria-label={t('download.progress')} max={now.all || undefined} value={now.all ? now.done : undefined} data-test="download-progress" />}
      {now && (
        <button type="button" class="quiet" data-test="download-stop" onClick={() => stop.current?.abort()}>
          {t('download.stop')}
        </button>
      )}
      <span class="about" role="status" data-test="download-state">
        {state.value}
      </span>
    </div>
  );
}
