// How the sources of the city's data fare: what comes, how late, how good; what was not understood, and trying it again.
import {useSignal, type Signal} from '@preact/signals';
import {useEffect} from 'preact/hooks';

import {Problem} from '../data/client';
import {deadLetters, declare, dropDeadLetters, inFull, list, replace, replay, runNow, type DeadLetter, type Feed, type FeedInFull} from '../data/feeds';
import {attributeName, number, t, typeName} from '../i18n';
import {language} from '../session';
import {Icon} from '../ui/icons';
import {Ago, Empty, Trouble} from '../ui/parts';

const every = 5000;

const nameOf = (feed: Feed) => (language.value === 'ko' && feed.nameKo) || feed.name;

export function Feeds() {
  const feeds = useSignal<Feed[] | null>(null);
  const problem = useSignal<Problem | null>(null);
  const load = async () => {
    try {
      feeds.value = await list();
      problem.value = null;
    } catch (fault) {
      if (!(fault instanceof Problem)) throw fault;
      problem.value = fault;
    }
  };
  useEffect(() => {
    void load();
    const timer = setInterval(() => document.visibilityState === 'visible' && void load(), every);
    return () => clearInterval(timer);
  }, []);
  const all = feeds.value ?? [];
  const failing = all.filter(({state}) => state === 'failing').length;
  return (
    <div class="feeds">
      <h1>{t('feeds.title')}</h1>
      <p class="lead">{t('feeds.about')}</p>
      {problem.value && <Trouble problem={problem.value} retry={() => void load()} />}
      {feeds.value && !all.length && <Empty>{t('feeds.none')}</Empty>}
      {all.length > 0 && (
        <>
          <p class="feeds-sum" role="status">
            <span class={'state is-' + (failing ? 'failing' : 'running')}>{failing ? t('feeds.failing', {count: failing, all: all.length}) : t('feeds.allWell', {count: all.length})}</span>
          </p>
          <ul class="feed-list">
            {all.map((feed) => (
              <OneFeed key={feed.id} feed={feed} reload={load} />
            ))}
          </ul>
        </>
      )}
      {feeds.value && (
        <details class="panel declare" data-test="declare">
          <summary>{t('feeds.declare')}</summary>
          <Declaration of={template} save={declare} done={load} />
        </details>
      )}
    </div>
  );
}

const template = JSON.stringify(
  {
    id: 'air',
    name: {en: 'Air quality', ko: '대기질'},
    source: {push: true},
    format: 'csv',
    type: 'AirQualityObserved',
    identity: 'urn:ngsi-ld:AirQualityObserved:{station}',
    observed: 'time',
    location: {lon: 'lon', lat: 'lat'},
    attributes: {name: 'name', pm10: {from: 'pm10', kind: 'number', unit: 'GQ'}},
  },
  null,
  2,
);

/** A declaration as its owner writes it, to be made or changed. */
function Declaration({of, save, done}: {of: string; save: (text: string) => Promise<unknown>; done: () => Promise<void>}) {
  const text = useSignal(of);
  const told = useSignal('');
  const bad = useSignal(false);
  const tell = (words: string, isBad: boolean) => ((told.value = words), (bad.value = isBad));
  const send = async () => {
    try {
      JSON.parse(text.value);
    } catch (fault) {
      return tell((fault as Error).message, true);
    }
    // What the server does not tell would be lost.
    if (/"\*\*\*"|:\*\*\*@/.test(text.value)) return tell(t('feeds.secrets'), true);
    try {
      await save(text.value);
      tell(t('feeds.saved'), false);
      await done();
    } catch (fault) {
      const {status, message, pointer} = fault as Problem;
      tell(status === 401 || status === 403 ? `${t('feeds.adminOnly')} ${message}` : pointer ? `${pointer}: ${message}` : message, true);
    }
  };
  return (
    <form class="declaration" onSubmit={(event) => (event.preventDefault(), void send())}>
      <label class="field">
        <span>{t('feeds.declaration')}</span>
        <textarea rows={14} spellcheck={false} value={text.value} data-test="declaration" onInput={(event) => (text.value = event.currentTarget.value)} />
      </label>
      <p class="about">{t('feeds.declareHow')}</p>
      <div class="row">
        <button type="submit" class="primary" data-test="declaration-save">{t('feeds.save')}</button>
        <span class={bad.value ? 'trouble' : 'about'} role="status" data-test="declaration-told">{told.value}</span>
      </div>
    </form>
  );
}

function OneFeed({feed, reload}: {feed: Feed; reload: () => Promise<void>}) {
  const open = useSignal(false);
  return (
    <li class="panel feed" data-test="feed">
      <div class="panel-head">
        <div>
          <h2>{nameOf(feed)}</h2>
          <p class="about">
            {typeName(feed.entityType)} · {feed.source} · <code>{feed.id}</code>
          </p>
        </div>
        <span class={'state is-' + feed.state}>{t(`feeds.state.${feed.state}`)}</span>
      </div>
      {feed.trouble && <p class="trouble" lang="en">{feed.trouble}</p>}
      <dl class="facts">
        <div>
          <dt>{t('feeds.rate')}</dt>
          <dd>
            {number(feed.records)} <small class="per">{t('feeds.perSecond', {rate: number(feed.recordsPerSecond, feed.recordsPerSecond < 10 ? 1 : 0)})}</small>
          </dd>
        </div>
        <div>
          <dt>{t('feeds.lag')}</dt>
          <dd>{feed.lagSeconds === undefined ? '–' : duration(feed.lagSeconds)}</dd>
        </div>
        <div>
          <dt>{t('feeds.success')}</dt>
          <dd>{feed.lastSuccess ? <Ago time={Date.parse(feed.lastSuccess)} /> : '–'}</dd>
        </div>
        <Share name={t('feeds.completeness')} value={feed.completeness} />
        <Share name={t('feeds.validity')} value={feed.validity} />
        <div>
          <dt>{t('feeds.dead')}</dt>
          <dd class={feed.deadLetters ? 'bad' : ''}>{number(feed.deadLetters)}</dd>
        </div>
      </dl>
      <details onToggle={(event) => (open.value = event.currentTarget.open)}>
        <summary>{t('feeds.more')}</summary>
        {open.value && <InFull id={feed.id} stamp={feed.lastRun ?? ''} dead={feed.deadLetters} reload={reload} />}
      </details>
    </li>
  );
}

function Share({name, value}: {name: string; value: number}) {
  const per = Math.floor(value * 1000) / 10; // never 100 where something is missing
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {number(per, 1)} <small class="per">%</small>
        <svg class={'share' + (value < 0.9 ? ' is-low' : '')} viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
          <rect class="share-whole" width="100" height="4" rx="2" />
          <rect class="share-part" width={value * 100} height="4" rx="2" />
        </svg>
      </dd>
    </div>
  );
}

function duration(seconds: number): string {
  const steps: [number, string][] = [
    [86_400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
  ];
  const [length, unit] = steps.find(([one]) => Math.abs(seconds) >= one) ?? [1, 'second'];
  return new Intl.NumberFormat(language.value, {style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: length > 60 ? 1 : 0}).format(seconds / length);
}

function InFull({id, stamp, dead, reload}: {id: string; stamp: string; dead: number; reload: () => Promise<void>}) {
  const feed = useSignal<FeedInFull | null>(null);
  const letters = useSignal<DeadLetter[]>([]);
  const told = useSignal('');
  const load = async () => {
    feed.value = await inFull(id);
    letters.value = dead ? await deadLetters(id) : [];
  };
  useEffect(() => {
    load().catch((fault) => (told.value = (fault as Error).message));
  }, [id, stamp, dead]);
  const act = (work: () => Promise<string>) => () => {
    told.value = t('loading');
    work().then(
      (words) => ((told.value = words), void reload()),
      (fault: Problem) => (told.value = fault.status === 401 || fault.status === 403 ? t('feeds.adminOnly') : fault.message),
    );
  };
  const its = feed.value;
  if (!its) return <p class="about">{told.value || t('loading')}</p>;
  return (
    <div class="feed-full">
      <div class="row">
        <button type="button" onClick={act(async () => (await runNow(id), t('feeds.started')))}>
          <Icon name="play" />
          {t('feeds.run')}
        </button>
        {dead > 0 && (
          <>
            <button type="button" data-test="replay-dead" onClick={act(async () => {
              const {records, rejected} = await replay(id);
              return t('feeds.replayed', {count: records, rejected});
            })}>
              {t('feeds.replay')}
            </button>
            <button type="button" class="quiet" onClick={act(async () => (await dropDeadLetters(id), t('feeds.dropped')))}>
              {t('feeds.drop')}
            </button>
          </>
        )}
        <span class="about" role="status" data-test="told">{told.value}</span>
      </div>
      <Quality feed={feed} />
      {its.declaredBy === 'api' && (
        <details data-test="change">
          <summary>{t('feeds.change')}</summary>
          <Declaration of={JSON.stringify(its.declaration, null, 2)} save={(text) => replace(id, text)} done={reload} />
        </details>
      )}
      {its.faults.length > 0 && (
        <section>
          <h3>{t('feeds.faults')}</h3>
          <ul class="faults">
            {its.faults.slice(0, 8).map((fault) => (
              <li key={fault.at + fault.place}>
                <Ago time={Date.parse(fault.at)} /> <code>{fault.place}</code> <span lang="en">{fault.reason}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {letters.value.length > 0 && (
        <section>
          <h3>{t('feeds.dead')}</h3>
          <ul class="faults" data-test="dead">
            {letters.value.map((letter) => (
              <li key={letter.number}>
                <details>
                  <summary>
                    <code>{letter.place}</code> <span lang="en">{letter.reason}</span>
                  </summary>
                  <pre class="wrap">{JSON.stringify(letter.record, null, 1)}</pre>
                </details>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

function Quality({feed}: {feed: Signal<FeedInFull | null>}) {
  const its = feed.value!;
  const columns = ['missing', 'invalid', 'outOfRange', 'jumps', 'frozen'] as const;
  return (
    <section>
      <h3>{t('feeds.quality')}</h3>
      <p class="about">{t('feeds.counts', {records: number(its.records), changes: number(its.changes), duplicates: number(its.duplicates), late: number(its.late), rejected: number(its.rejected)})}</p>
      <div class="scroll" tabIndex={0} role="region" aria-label={t('feeds.quality')}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t('thing.attribute')}</th>
              {columns.map((name) => (
                <th key={name} scope="col" class="number">{t(`feeds.${name}`)}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {its.attributes.map((one) => (
              <tr key={one.name}>
                <th scope="row">{attributeName(one.name)}</th>
                {columns.map((name) => (
                  <td key={name} class={'number' + (one[name] ? ' bad' : '')}>{number(one[name])}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
