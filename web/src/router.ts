// Which page the address names. Links between pages are plain <a href>; clicks on them change the page without a reload.
import {signal} from '@preact/signals';

export type Page = 'now' | 'thing' | 'explore' | 'feeds' | 'developers' | 'unknown';
export interface Route {
  page: Page;
  id: string; // of 'thing'
}

const segments: Record<string, Page> = {explore: 'explore', feeds: 'feeds', developers: 'developers'};

function parse(path: string): Route {
  if (path === '/') return {page: 'now', id: ''};
  const [, first = '', ...rest] = path.split('/');
  if (first === 'things' && rest.length) {
    try {
      return {page: 'thing', id: decodeURIComponent(rest.join('/'))};
    } catch {
      return {page: 'unknown', id: ''};
    }
  }
  return {page: (rest.join('') === '' && segments[first]) || 'unknown', id: ''};
}

export const route = signal<Route>(parse(location.pathname));

export function thingPath(id: string): string {
  return '/things/' + encodeURIComponent(id).replaceAll('%3A', ':');
}

export function go(path: string): void {
  if (path === location.pathname + location.hash) return;
  history.pushState(null, '', path);
  arrive();
}

function arrive(): void {
  const next = parse(location.pathname);
  const now = route.peek();
  if (next.page === now.page && next.id === now.id) return;
  route.value = next;
  scrollTo(0, 0);
}

export function startRouter(): void {
  addEventListener('popstate', arrive);
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = (event.target as Element).closest?.('a[href]') as HTMLAnchorElement | null;
    if (!link || link.origin !== location.origin || link.target || link.hasAttribute('download')) return;
    if (link.hash && link.pathname === location.pathname) return;
    if (parse(link.pathname).page === 'unknown') return;
    event.preventDefault();
    go(link.pathname + link.hash);
  });
}
