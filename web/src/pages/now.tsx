// The city now: a map on which things move as they are told, figures, what happens, and the last day to go back to.
import {useComputed, useSignal, useSignalEffect} from '@preact/signals';
import type {VNode} from 'preact';
import {useEffect, useMemo, useRef} from 'preact/hooks';

import {loadTypes, locatedTypes, plan, Stream, types, typesTrouble, type Plan} from '../data/city';
import {courseOf, figuresOf, type Figure} from '../data/figures';
import {unit} from '../data/model';
import {attributeName, number, t, typeName, when} from '../i18n';
import type {News} from '../data/messages';
import type {CityMap} from '../map/city_map';
import {looks, themes, type Look} from '../map/look';
import {go, thingPath} from '../router';
import {dark, language} from '../session';
import {Icon} from '../ui/icons';
import {Ago, Empty, Mark, Sparkline, Trouble} from '../ui/parts';
import {Timeline} from './timeline';

const mostFigures = 4;
const frame = (work: () => void) => requestAnimationFrame(work);

declare global {
  interface Window {
    madangMap?: CityMap; // for the tests
  }
}

export function Now() {
  const stream = useMemo(() => new Stream(), []);
  const hidden = useSignal<ReadonlySet<string>>(new Set());
  const map = useSignal<CityMap | null>(null);
  const past = useSignal<number | null>(null); // ms; null: the present
  const box = useRef<HTMLDivElement>(null);

  const all = useComputed(() => (types.value ?? []).map(({type}) => type));
  const look = useComputed(() => looks(locatedTypes.value, stream.extents.value));
  const figures = useComputed(() => figuresOf(types.value ?? [], mostFigures));

  useEffect(() => {
    types.value = null;
    void loadTypes();
    // What the stream does not tell of: new types, where it follows some.
    const timer = setInterval(() => planned.peek().followed && void loadTypes(), 30_000);
    return () => (clearInterval(timer), stream.close());
  }, []);

  // One stream of what there is; anew in another language.
  const known = useComputed(() => types.value && all.value.slice().sort().join('\n'));
  const planned = useSignal<Plan>({followed: null, base: [], many: [], counts: {}});
  const followedIn = useRef('');
  const askedFor = useMemo(() => new Set<string>(), []);
  useSignalEffect(() => {
    void language.value;
    if (known.value === null) return;
    void plan(all.peek()).then((made) => {
      const before = planned.peek();
      planned.value = made;
      const asBefore = followedIn.current === language.peek() && JSON.stringify(before.followed) === JSON.stringify(made.followed);
      followedIn.current = language.peek();
      // Nothing to follow is no question.
      if (!asBefore && made.followed?.length !== 0) stream.follow(made.followed);
    });
  });
  // A type that the server told of first joins the others.
  useSignalEffect(() => {
    const fresh = Object.keys(stream.counts.value).filter((type) => !all.peek().includes(type) && !askedFor.has(type));
    if (known.peek() === null || !fresh.length) return;
    for (const type of fresh) askedFor.add(type);
    void loadTypes();
  });
  useSignalEffect(() => stream.figuresOf(figures.value));

  useEffect(() => {
    let gone = false;
    let made: CityMap | null = null;
    void import('../map/city_map').then(({CityMap}) => {
      if (gone || !box.current) return;
      made = new CityMap(
        box.current, dark.peek(),
        {zoomIn: t('map.zoomIn'), zoomOut: t('map.zoomOut'), map: t('map.label')},
        (hit) => go(thingPath(hit.id)),
      );
      made.tipText = ({name, type}) => [name, typeName(type)];
      let fitted = 0;
      map.value = made;
      window.madangMap = made;
      stream.attach((message) =>
        frame(() => {
          if (!made || gone) return;
          if (message.kind === 'shapes') made.setShapes(message.shapes);
          else made.apply(message, past.peek() === null);
          if (message.kind === 'batch') stream.say({kind: 'taken'});
          // The first moments bring what there is.
          if (fitted < 4 && (message.kind === 'shapes' || message.added.length)) ++fitted, made.showAll();
        }),
      );
    });
    return () => {
      gone = true;
      delete window.madangMap;
      made?.remove();
    };
  }, []);

  useSignalEffect(() => {
    const [drawn, isDark, its, hide] = [map.value, dark.value, look.value, hidden.value];
    drawn?.setLook(its, (type) => !hide.has(type), isDark);
  });
  useSignalEffect(() => {
    void language.value; // names in the tiles
    const {base, many} = planned.value;
    map.value?.setTiled([...base, ...many]);
  });

  if (typesTrouble.value && !types.value) return <Trouble problem={typesTrouble.value} retry={() => void loadTypes()} />;
  return (
    <div class="now">
      <h1 class="unseen">{t('now.title')}</h1>
      <section class="now-map" aria-label={t('map.label')}>
        <div ref={box} class="map" data-test="map" />
        <Connection stream={stream} past={past.value} />
        <Timeline stream={stream} all={all.value} past={past} />
      </section>
      <Figures stream={stream} figures={figures.value} planned={planned.value} />
      <div class="side">
        <Layers stream={stream} all={locatedTypes.value} looks={look.value} hidden={hidden} planned={planned.value} />
        <Happenings stream={stream} looks={look.value} map={map.value} />
      </div>
    </div>
  );
}

function Connection({stream, past}: {stream: Stream; past: number | null}) {
  const state = stream.connection.value;
  return (
    <p class={'connection is-' + (past === null ? state : 'past')} role="status" data-test="connection">
      <span class="dot" aria-hidden="true" />
      {past === null ? t(`connection.${state}`) : t('connection.past', {time: when(past)})}
    </p>
  );
}

// ---- figures ----

function Figures({stream, figures, planned}: {stream: Stream; figures: Figure[]; planned: Plan}) {
  const courses = useSignal<number[][]>([]);
  const key = figures.map(({type, attribute}) => type + attribute).join();
  useEffect(() => {
    let gone = false;
    courses.value = [];
    void Promise.all(figures.map((figure) => courseOf(figure).catch(() => []))).then((all) => {
      if (!gone) courses.value = all;
    });
    return () => (gone = true);
  }, [key]);
  const counts = {...planned.counts, ...stream.counts.value};
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const rates = stream.rates.value;
  const recent = rates.slice(-10);
  const rate = recent.length ? recent.reduce((sum, one) => sum + one, 0) / recent.length : 0;
  return (
    <section class="figures" aria-labelledby="figures-title">
      <h2 id="figures-title" class="unseen">
        {t('figures.title')}
      </h2>
      <ul tabIndex={0} aria-labelledby="figures-title">
        <li class="figure">
          <h3>{t('figures.things')}</h3>
          <p class="value" data-test="things">{number(total)}</p>
          <p class="about">{t('figures.types', {count: Object.keys(counts).length})}</p>
        </li>
        <li class="figure">
          <h3>{t('figures.changes')}</h3>
          <p class="value">
            {number(rate, rate < 10 ? 1 : 0)}
            <small>{t('figures.perSecond')}</small>
          </p>
          <Sparkline values={rates} />
        </li>
        {figures.map((figure, i) => {
          const live = stream.figures.value.map((row) => row[i] ?? NaN);
          const value = live[live.length - 1];
          if (value === undefined || Number.isNaN(value)) return null;
          const past = courses.value[i] ?? [];
          return (
            <li key={figure.type + figure.attribute} class="figure">
              <h3>
                {attributeName(figure.attribute)}
                <span class="about">{typeName(figure.type)}</span>
              </h3>
              <p class="value">
                {number(value, Math.abs(value) < 100 ? 1 : 0)}
                <small>{unit(figure.unit) || (figure.how === 'sum' ? t('figures.sum') : t('figures.mean'))}</small>
              </p>
              <Sparkline values={past.length > 2 ? [...past, value] : live} />
            </li>
          );
        })}
      </ul>
    </section>
  );
}

// ---- layers ----

function Layers({stream, all, looks: its, hidden, planned}: {
  stream: Stream;
  all: string[];
  looks: ReturnType<typeof looks>;
  hidden: {value: ReadonlySet<string>};
  planned: Plan;
}) {
  const counts = {...planned.counts, ...stream.counts.value};
  const set = (names: string[], show: boolean) => {
    const next = new Set(hidden.value);
    for (const name of names) show ? next.delete(name) : next.add(name);
    hidden.value = next;
  };
  const shownThemes = themes.filter((theme) => all.some((type) => its.get(type)?.theme === theme));
  return (
    <section class="panel layers" aria-labelledby="layers-title">
      <div class="panel-head">
        <h2 id="layers-title">{t('layers.title')}</h2>
        {hidden.value.size > 0 ? (
          <button type="button" class="quiet small" onClick={() => set(all, true)}>{t('layers.all')}</button>
        ) : (
          <button type="button" class="quiet small" onClick={() => set(all, false)}>{t('layers.none')}</button>
        )}
      </div>
      {planned.many.length > 0 && <p class="about">{t('layers.leftOut', {types: planned.many.map(typeName).join(', ')})}</p>}
      {types.value?.length === 0 && <Empty>{t('layers.empty')}</Empty>}
      {shownThemes.map((theme) => {
        const members = all.filter((type) => its.get(type)?.theme === theme);
        return (
          <fieldset key={theme}>
            <legend>{t(`theme.${theme}`)}</legend>
            {members.map((type) => (
              <label key={type} class="layer">
                <input type="checkbox" checked={!hidden.value.has(type)} onChange={(event) => set([type], event.currentTarget.checked)} />
                <Mark look={its.get(type)} />
                <span class="layer-name">{typeName(type)}</span>
                <span class="count">{number(counts[type] ?? 0)}</span>
              </label>
            ))}
          </fieldset>
        );
      })}
    </section>
  );
}

// ---- what happens ----

function Happenings({stream, looks: its, map}: {stream: Stream; looks: ReturnType<typeof looks>; map: CityMap | null}) {
  const news = stream.news.value;
  // What was drawn is not drawn again: the same element means the same to Preact.
  const drawn = useMemo(() => new WeakMap<News, VNode>(), [its, map]);
  const row = (item: News) => {
    let element = drawn.get(item);
    if (!element) drawn.set(item, (element = <Happening key={item.id + ' ' + item.attribute} item={item} look={its.get(item.type)} map={map} />));
    return element;
  };
  return (
    <section class="panel events" aria-labelledby="events-title">
      <div class="panel-head">
        <h2 id="events-title">{t('events.title')}</h2>
      </div>
      {!news.length && <Empty>{t('events.none')}</Empty>}
      <ol>{news.map(row)}</ol>
    </section>
  );
}

function Happening({item, look, map}: {item: News; look: Look | undefined; map: CityMap | null}) {
  return (
    <li>
      <a href={thingPath(item.id)} onPointerEnter={() => map?.light(item.id)} onPointerLeave={() => map?.light('')}>
        <Mark look={look} />
        <span class="event-text">
          <strong>{item.name}</strong>
          <span>
            {item.kind === 'changed' ? (
              <>
                {attributeName(item.attribute)} {item.from && <s>{item.from}</s>} <Icon name="arrow" /> <b>{item.to}</b>
              </>
            ) : (
              t(`events.${item.kind}`, {type: typeName(item.type)})
            )}
          </span>
        </span>
        <Ago time={item.time} />
      </a>
    </li>
  );
}
