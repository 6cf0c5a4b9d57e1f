// One thing: what is known of it, what it is linked with, how it was.
import {useSignal} from '@preact/signals';
import {useEffect, useMemo, useRef} from 'preact/hooks';

import {baseTypes, cityLooks, loadTypes, types} from '../data/city';
import {address, ask, get, Problem} from '../data/client';
import {
  api, attributesOf, entityPath, firstType, inLanguage, nameOf, plain, unit, type Attribute, type Entity, type Geometry,
} from '../data/model';
import {follow} from '../data/sse';
import {attributeName, bare, number, t, typeName} from '../i18n';
import type {CityMap} from '../map/city_map';
import {thingPath} from '../router';
import {dark, identity, language, token} from '../session';
import {Icon} from '../ui/icons';
import {Ago, Code, CopyButton, Empty, Mark, Trouble} from '../ui/parts';
import {History} from './history';

export function Thing({id}: {id: string}) {
  const entity = useSignal<Entity | null>(null);
  const problem = useSignal<Problem | null>(null);
  const gone = useSignal(false);

  const load = async () => {
    try {
      entity.value = (await ask<Entity>(address(entityPath(id), {options: 'sysAttrs'}))).body;
      problem.value = null;
      gone.value = false;
    } catch (fault) {
      if (!(fault instanceof Problem)) throw fault;
      problem.value = fault;
    }
  };
  useEffect(() => {
    void load();
    if (!types.peek()) void loadTypes();
    // Then it is followed.
    const stop = new AbortController();
    void follow(address('/live', {id, local: 'true', options: 'sysAttrs'}), identity(), {
      event({event, data}) {
        if (event === 'entity') (entity.value = JSON.parse(data) as Entity), (gone.value = false);
        else if (event === 'gone') gone.value = true;
      },
      turn() {},
      state() {},
      anew() {},
      refused() {},
    }, stop.signal);
    return () => stop.abort();
  }, [id]);

  if (problem.value && !entity.value) return <Trouble problem={problem.value} retry={() => void load()} />;
  const it = entity.value;
  if (!it) return <p class="loading">{t('loading')}</p>;
  const type = firstType(it);
  const attributes = attributesOf(it);
  const links = attributes.filter(([, instances]) => instances.some(isLink));
  const others = attributes.filter(([, instances]) => !instances.some(isLink));
  const changed = Date.parse(plain(it.modifiedAt));
  const place = attributes.map(([, [first]]) => first).find((one) => one?.type === 'GeoProperty')?.value as Geometry | undefined;
  const name = nameOf(id, it, language.value);
  return (
    <article class="thing">
      <header class="thing-head">
        <p class="kind">
          <Mark look={look(type)} />
          {(Array.isArray(it.type) ? it.type : [it.type]).map(typeName).join(', ')}
        </p>
        <h1>{name}</h1>
        <p class="id">
          <code>{id}</code>
          <CopyButton text={id} label={t('thing.copyId')} bare />
        </p>
        {gone.value && <p class="trouble" role="alert">{t('thing.gone')}</p>}
        {changed > 0 && (
          <p class="about">
            {t('thing.changed')} <Ago time={changed} />
          </p>
        )}
      </header>
      <div class="columns">
        <div class="column">
          <section class="panel" aria-labelledby="attributes-title">
            <h2 id="attributes-title">{t('thing.attributes')}</h2>
            <Attributes attributes={others} />
          </section>
          <History id={id} attributes={others} />
        </div>
        <div class="column">
          {place && <Place place={place} name={name} />}
          <Links id={id} type={type} links={links} />
          <section class="panel" aria-labelledby="raw-title">
            <h2 id="raw-title">{t('thing.raw')}</h2>
            <Code text={curl(entityPath(id) + '?options=sysAttrs')} label={t('thing.curl')} wrap />
            <details>
              <summary>{t('thing.json')}</summary>
              <Code text={JSON.stringify(it, null, 2)} label={t('thing.json')} />
            </details>
          </section>
        </div>
      </div>
    </article>
  );
}

function look(type: string) {
  return cityLooks.value.get(type);
}

export function curl(path: string, accept = ''): string {
  const parts = ['curl'];
  if (token.value) parts.push('-H "Authorization: Bearer $TOKEN"');
  if (accept) parts.push(`-H 'Accept: ${accept}'`);
  return [...parts, `'${location.origin}${path}'`].join(' ');
}

const isLink = (one: Attribute) => one.type === 'Relationship' || one.type === 'ListRelationship';

function objects(instances: Attribute[]): string[] {
  return instances
    .flatMap((one) => one.objectList ?? one.object ?? [])
    .map((one) => (typeof one === 'object' && one ? plain((one as {object?: unknown}).object) : plain(one)))
    .filter(Boolean);
}

// ---- attributes ----

function Attributes({attributes}: {attributes: [string, Attribute[]][]}) {
  if (!attributes.length) return <Empty>{t('thing.none')}</Empty>;
  return (
    <table class="attributes">
      <thead>
        <tr>
          <th scope="col">{t('thing.attribute')}</th>
          <th scope="col">{t('thing.value')}</th>
          <th scope="col">{t('thing.freshness')}</th>
        </tr>
      </thead>
      <tbody>
        {attributes.flatMap(([name, instances]) =>
          instances.map((one, i) => {
            const time = Date.parse(one.observedAt ?? one.modifiedAt ?? '');
            return (
              <tr key={name + i}>
                <th scope="row">
                  {attributeName(name)}
                  <code>
                    {bare(name)}
                    {one.datasetId && ` · ${one.datasetId}`}
                  </code>
                </th>
                <td>
                  <Value of={one} />
                </td>
                <td class="fresh">{time > 0 && <Ago time={time} />}</td>
              </tr>
            );
          }),
        )}
      </tbody>
    </table>
  );
}

function Value({of}: {of: Attribute}) {
  if (of.languageMap) {
    return (
      <>
        <span class="reading">{inLanguage(of.languageMap, language.value)}</span>
        <span class="about">
          {Object.entries(of.languageMap).map(([tag, text]) => (
            <span key={tag} lang={tag} class="tagged">
              {tag}: {plain(text)}
            </span>
          ))}
        </span>
      </>
    );
  }
  const value = of.value ?? of.vocab ?? of.valueList ?? of.json;
  if (typeof value === 'number') {
    return (
      <span class="reading">
        {number(value, 4)} {of.unitCode && <abbr title={of.unitCode}>{unit(of.unitCode)}</abbr>}
      </span>
    );
  }
  if (typeof value === 'boolean') return <span class="reading">{value ? t('yes') : t('no')}</span>;
  if (of.type === 'GeoProperty') {
    const geometry = value as Geometry;
    const text = geometry.type === 'Point' ? (geometry.coordinates as number[]).map((one) => one.toFixed(5)).join(', ') : '';
    return <span class="reading">{text || geometry.type}</span>;
  }
  const text = plain(value);
  if (/^https?:\/\/\S+$/.test(text)) {
    return (
      <a href={text} rel="noreferrer noopener" target="_blank">
        {text}
      </a>
    );
  }
  return text.length > 200 ? (
    <details>
      <summary>{text.slice(0, 80)}…</summary>
      <pre class="wrap">{text}</pre>
    </details>
  ) : (
    <span class="reading">{text}</span>
  );
}

// ---- place ----

function Place({place, name}: {place: Geometry; name: string}) {
  const box = useRef<HTMLDivElement>(null);
  const made = useSignal<CityMap | null>(null);
  const isDark = dark.value;
  const base = baseTypes.value.join('\n');
  useEffect(() => {
    let gone = false;
    void import('../map/city_map').then(({CityMap}) => {
      if (gone || !box.current) return;
      const map = new CityMap(box.current, isDark, {zoomIn: t('map.zoomIn'), zoomOut: t('map.zoomOut'), map: t('map.label')}, () => {}, false);
      map.setLook(new Map([['', {theme: 'other', kind: 'point', colour: 0, shape: 0}]]), () => true, isDark);
      map.setTiled(base.split('\n').filter(Boolean));
      made.value = map;
    });
    return () => {
      gone = true;
      made.value?.remove();
      made.value = null;
    };
  }, [isDark, base, language.value]);
  // A thing that moves takes its map along.
  useEffect(() => {
    const map = made.value;
    if (!map) return;
    map.replaceAll([{id: name, type: '', name, geometry: place}]);
    map.showThing(place);
  }, [made.value, JSON.stringify(place), name]);
  return (
    <section class="panel place" aria-label={t('thing.place')}>
      <div ref={box} class="map small-map" />
    </section>
  );
}

// ---- links ----

interface Linked {
  id: string;
  name: string;
  type: string;
}
type Simple = Entity & Record<string, unknown>;
const shownLinks = 30;
const triedAttributes = 24;

function linked(entity: Simple): Linked {
  return {id: entity.id, name: nameOf(entity.id, entity), type: firstType(entity)};
}

function Links({id, type, links}: {id: string; type: string; links: [string, Attribute[]][]}) {
  const known = useSignal<Record<string, Linked>>({});
  const incoming = useSignal<{attribute: string; from: Linked[]; count: number}[] | null>(null);
  const targets = useMemo(() => [...new Set(links.flatMap(([, instances]) => objects(instances)))], [links]);

  useEffect(() => {
    if (!targets.length) return;
    const ids = targets.slice(0, 100).join(',');
    get<Simple[]>(address(api + '/entities', {id: ids, local: 'true', options: 'keyValues', lang: language.value, limit: 100})).then(
      (found) => (known.value = Object.fromEntries(found.map((one) => [one.id, linked(one)]))),
      () => {},
    );
  }, [targets.join(), language.value]);

  // Backwards: whatever Relationship names this thing.
  useEffect(() => {
    let gone = false;
    incoming.value = null;
    void (async () => {
      const attributes = await get<{attributeName: string; attributeTypes?: string[]}[]>(address(api + '/attributes', {details: 'true'}));
      const names = await relationships(attributes.map((one) => one.attributeName));
      const found = await Promise.all(
        names.map(async (attribute) => {
          const answer = await ask<Simple[]>(
            address(api + '/entities', {q: `${attribute}=="${id}"`, options: 'keyValues', lang: language.value, limit: shownLinks, count: 'true'}),
          ).catch(() => null);
          return {attribute, from: (answer?.body ?? []).map(linked), count: Number(answer?.headers.get('NGSILD-Results-Count') ?? 0)};
        }),
      );
      if (!gone) incoming.value = found.filter(({count}) => count > 0);
    })().catch(() => (incoming.value = []));
    return () => (gone = true);
  }, [id, type, language.value]);

  const none = !links.length && incoming.value?.length === 0;
  return (
    <section class="panel links" aria-labelledby="links-title">
      <h2 id="links-title">{t('thing.links')}</h2>
      {none && <Empty>{t('thing.unlinked')}</Empty>}
      {links.map(([name, instances]) => (
        <LinkList key={name} title={attributeName(name)} code={bare(name)} outgoing things={objects(instances).map((target) => known.value[target] ?? {id: target, name: target, type: ''})} />
      ))}
      {incoming.value?.map(({attribute, from, count}) => (
        <LinkList key={attribute} title={attributeName(attribute)} code={bare(attribute)} things={from} count={count} />
      ))}
    </section>
  );
}

/** Those of these attributes that are Relationships somewhere. */
async function relationships(names: string[]): Promise<string[]> {
  const infos = await Promise.all(
    names.slice(0, 200).map((name) =>
      get<{attributeName: string; attributeTypes?: string[]}>(`${api}/attributes/${encodeURIComponent(name)}`).catch(() => null),
    ),
  );
  return infos
    .filter((info) => info?.attributeTypes?.some((kind) => kind.endsWith('Relationship')))
    .map((info) => info!.attributeName)
    .slice(0, triedAttributes);
}

function LinkList({title, code, things, outgoing = false, count}: {title: string; code: string; things: Linked[]; outgoing?: boolean; count?: number}) {
  return (
    <div class="link-list">
      <h3>
        <span class={'direction ' + (outgoing ? 'out' : 'in')} title={outgoing ? t('thing.outgoing') : t('thing.incoming')}>
          <Icon name={outgoing ? 'arrow' : 'back'} />
          <span class="unseen">{outgoing ? t('thing.outgoing') : t('thing.incoming')}</span>
        </span>
        {title} <code>{code}</code>
        {count !== undefined && <span class="count">{number(count)}</span>}
      </h3>
      <ul>
        {things.slice(0, shownLinks).map((thing) => (
          <li key={thing.id}>
            <a href={thingPath(thing.id)}>
              <Mark look={look(thing.type)} />
              <span>{thing.name}</span>
              {thing.type && <span class="about">{typeName(thing.type)}</span>}
            </a>
          </li>
        ))}
      </ul>
      {things.length > 0 && (count ?? things.length) > Math.min(things.length, shownLinks) && <p class="about">{t('thing.more', {count: (count ?? things.length) - Math.min(things.length, shownLinks)})}</p>}
    </div>
  );
}
