// The frame around every page: where one is, the language, the light, who one is.
import {effect, signal} from '@preact/signals';
import type {ComponentType} from 'preact';
import {useEffect, useRef} from 'preact/hooks';

import {get} from './data/client';
import {api} from './data/model';
import {t, type Key} from './i18n';
import {route, type Page} from './router';
import {chooseLanguage, dark, language, languages, tenant, theme, token, tokenWanted, type Theme} from './session';
import {Icon} from './ui/icons';
import {TokenDialog} from './ui/token';

const loaded = signal<{page: Page; Component: ComponentType<{id: string}>} | null>(null);
const load: Record<Page, () => Promise<ComponentType<{id: string}>>> = {
  now: async () => (await import('./pages/now')).Now,
  thing: async () => (await import('./pages/thing')).Thing,
  explore: async () => (await import('./pages/explore')).Explore,
  feeds: async () => (await import('./pages/feeds')).Feeds,
  developers: async () => (await import('./pages/developers')).Developers,
  unknown: async () => (await import('./pages/unknown')).Unknown,
};
effect(() => {
  const {page} = route.value;
  void load[page]().then((Component) => {
    if (route.peek().page === page) loaded.value = {page, Component};
  });
});

const tenants = signal<string[]>([]);

const links: {path: string; page: Page; key: Key; icon: 'map' | 'search' | 'feed' | 'code'}[] = [
  {path: '/', page: 'now', key: 'nav.now', icon: 'map'},
  {path: '/explore', page: 'explore', key: 'nav.explore', icon: 'search'},
  {path: '/feeds', page: 'feeds', key: 'nav.feeds', icon: 'feed'},
  {path: '/developers', page: 'developers', key: 'nav.developers', icon: 'code'},
];

function Nav() {
  return (
    <nav class="nav" aria-label={t('nav.label')}>
      {links.map(({path, page, key, icon}) => (
        <a key={path} href={path} aria-current={route.value.page === page ? 'page' : undefined}>
          <Icon name={icon} />
          <span>{t(key)}</span>
        </a>
      ))}
    </nav>
  );
}

function Switches() {
  const next: Record<Theme, Theme> = {system: dark.value ? 'light' : 'dark', light: 'dark', dark: 'light'};
  const other = languages.find(({code}) => code !== language.value)!;
  return (
    <div class="switches">
      {tenants.value.length > 1 && (
        <select aria-label={t('tenant.label')} value={tenant.value} onChange={(event) => (tenant.value = event.currentTarget.value)}>
          {tenants.value.map((name) => (
            <option key={name} value={name}>
              {name || t('tenant.default')}
            </option>
          ))}
        </select>
      )}
      {languages.length > 2 ? (
        <select aria-label={t('language.label')} value={language.value} onChange={(event) => chooseLanguage(event.currentTarget.value as typeof language.value)}>
          {languages.map(({code, name}) => (
            <option key={code} value={code} lang={code}>
              {name}
            </option>
          ))}
        </select>
      ) : (
        <button class="quiet" type="button" lang={other.code} data-test="language" onClick={() => chooseLanguage(other.code)}>
          {other.name}
        </button>
      )}
      <button class="quiet square" type="button" data-test="theme" aria-label={dark.value ? t('theme.light') : t('theme.dark')} title={dark.value ? t('theme.light') : t('theme.dark')} onClick={() => (theme.value = next[theme.value])}>
        <Icon name={dark.value ? 'sun' : 'moon'} />
      </button>
      <button class={'quiet square' + (token.value ? ' is-on' : '')} type="button" data-test="token" aria-label={t('token.button')} title={t('token.button')} onClick={() => (tokenWanted.value = true)}>
        <Icon name="key" />
      </button>
    </div>
  );
}

export function App() {
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const {page, id} = route.value;
  const who = `${token.value}|${tenant.value}`;

  useEffect(() => {
    get<string[]>(api + '/tenants').then((names) => (tenants.value = names), () => (tenants.value = []));
  }, [token.value]);

  // A new page is told to those who do not see it, and the keyboard goes on there.
  useEffect(() => {
    if (!first.current) main.current?.focus({preventScroll: true});
    first.current = false;
  }, [page, id]);

  useEffect(() => {
    const name = links.find((link) => link.page === page);
    document.title = (name ? t(name.key) + ' · ' : '') + 'Madang 마당';
  }, [page, language.value]);

  const shown = loaded.value;
  return (
    <>
      <a class="skip" href="#main">
        {t('nav.skip')}
      </a>
      <header class="top">
        <a class="brand" href="/">
          <svg viewBox="0 0 32 32" aria-hidden="true" class="mark">
            <path d="M6 6h20v20H6z" />
            <circle cx="16" cy="16" r="4" />
          </svg>
          <span lang="ko">마당</span>
          <span class="latin">Madang</span>
        </a>
        <Nav />
        <Switches />
      </header>
      <main id="main" ref={main} tabIndex={-1} class={'page page-' + page}>
        {shown && shown.page === page ? <shown.Component key={id + who} id={id} /> : <p class="loading">{t('loading')}</p>}
      </main>
      {tokenWanted.value && <TokenDialog />}
    </>
  );
}
