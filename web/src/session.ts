// Who asks, in which tenant, in which language, in which light. The token stays in this tab's session and travels in a
// header only, never in an address.
import {effect, signal} from '@preact/signals';

export type Language = 'ko' | 'en';
export const languages: {code: Language; name: string}[] = [
  {code: 'ko', name: '한국어'},
  {code: 'en', name: 'English'},
];
export type Theme = 'system' | 'light' | 'dark';

function stored(area: Storage, key: string): string {
  try {
    return area.getItem('madang.' + key) ?? '';
  } catch {
    return ''; // storage is switched off
  }
}
function store(area: Storage, key: string, value: string): void {
  try {
    if (value) area.setItem('madang.' + key, value);
    else area.removeItem('madang.' + key);
  } catch {
    // then it holds for this page only
  }
}

function firstLanguage(): Language {
  const wished = [stored(localStorage, 'language'), ...navigator.languages];
  for (const wish of wished) {
    const found = languages.find(({code}) => wish.toLowerCase().startsWith(code));
    if (found) return found.code;
  }
  return 'en';
}

export const language = signal<Language>(firstLanguage());
export const theme = signal<Theme>((stored(localStorage, 'theme') as Theme) || 'system');
export const token = signal(stored(sessionStorage, 'token'));
export const tenant = signal(stored(sessionStorage, 'tenant'));
/** The server wants a token, or another one. */
export const tokenWanted = signal(false);

const darkWished = matchMedia('(prefers-color-scheme: dark)');
export const dark = signal(false);
function lookAtLight(): void {
  dark.value = theme.value === 'dark' || (theme.value === 'system' && darkWished.matches);
}

export function startSession(): void {
  darkWished.addEventListener('change', lookAtLight);
  effect(() => {
    lookAtLight();
    document.documentElement.dataset.theme = dark.value ? 'dark' : 'light';
    store(localStorage, 'theme', theme.value === 'system' ? '' : theme.value);
  });
  effect(() => {
    document.documentElement.lang = language.value;
  });
  effect(() => store(sessionStorage, 'token', token.value));
  effect(() => store(sessionStorage, 'tenant', tenant.value));
}

export function chooseLanguage(code: Language): void {
  language.value = code;
  store(localStorage, 'language', code);
}

/** The headers of every request. */
export function identity(): Record<string, string> {
  const headers: Record<string, string> = {};
  if (token.value) headers.Authorization = 'Bearer ' + token.value;
  if (tenant.value) headers['NGSILD-Tenant'] = tenant.value;
  return headers;
}
