// Small parts that several pages show.
import {signal} from '@preact/signals';
import type {ComponentChildren} from 'preact';
import {useState} from 'preact/hooks';

import {Problem} from '../data/client';
import {ago, t, when} from '../i18n';
import {palettes, quiet, shapeNames, shapePaths, type Look} from '../map/look';
import {dark} from '../session';
import {Icon} from './icons';

/** The colour and shape of a type, as on the map. */
export function Mark({look}: {look: Look | undefined}) {
  const palette = dark.value ? palettes.dark : palettes.light;
  const colour = palette[look?.colour ?? quiet];
  return (
    <svg class="type-mark" viewBox="-1.1 -1.1 2.2 2.2" aria-hidden="true">
      {look?.kind === 'line' ? (
        <path d="M-.9.6C-.3-.9.3.9.9-.6" fill="none" stroke={colour} stroke-width=".4" stroke-linecap="round" />
      ) : look?.kind === 'area' ? (
        <path d="M-.8-.5.3-.85.85.4-.5.8z" fill={colour} fill-opacity=".25" stroke={colour} stroke-width=".22" stroke-linejoin="round" />
      ) : (
        <path d={shapePaths[shapeNames[look?.shape ?? 0]!]} fill={colour} />
      )}
    </svg>
  );
}

/** One clock for all that is told in words of now. */
const clock = signal(Date.now());
setInterval(() => (clock.value = Date.now()), 10_000);

/** "3 min ago", kept true, with the time itself for who wants it. */
export function Ago({time}: {time: number}) {
  const now = Math.max(time, clock.value);
  return (
    <time dateTime={new Date(time).toISOString()} title={when(time, 'full')}>
      {ago(time, now)}
    </time>
  );
}

/** With `bare`, a mark whose name only screen readers tell. */
export function CopyButton({text, label, bare = false}: {text: string; label: string; bare?: boolean}) {
  const [done, setDone] = useState(false);
  return (
    <button
      type="button"
      class={bare ? 'quiet square small' : 'quiet'}
      title={bare ? label : undefined}
      onClick={() => {
        void copy(text).then((copied) => {
          setDone(copied);
          setTimeout(() => setDone(false), 2000);
        });
      }}
    >
      <Icon name={done ? 'check' : 'copy'} />
      <span aria-live="polite" class={bare ? 'unseen' : ''}>{done ? t('copied') : label}</span>
    </button>
  );
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without TLS there is no clipboard but this one.
    const area = document.createElement('textarea');
    area.value = text;
    document.body.appendChild(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    return copied;
  }
}

export function Code({text, label, wrap = false}: {text: string; label?: string; wrap?: boolean}) {
  return (
    <div class="code">
      <pre tabIndex={0} class={wrap ? 'wrap' : ''} aria-label={label}>
        <code>{text}</code>
      </pre>
      <CopyButton text={text} label={t('copy')} />
    </div>
  );
}

/** What went wrong, in words, and what to do. */
export function Trouble({problem, retry}: {problem: Problem; retry?: () => void}) {
  const words =
    problem.status === 0 ? t('trouble.unreached')
    : problem.status === 401 ? t('trouble.token')
    : problem.status === 403 ? t('trouble.forbidden')
    : problem.status === 404 ? t('trouble.missing')
    : problem.status === 429 || problem.status === 503 ? t('trouble.busy')
    : t('trouble.refused', {status: problem.status});
  return (
    <div class="trouble" role="alert">
      <p>
        <strong>{words}</strong>
      </p>
      {problem.detail && problem.status !== 401 && <p lang="en">{problem.detail}</p>}
      {retry && (
        <button type="button" onClick={retry}>
          {t('again')}
        </button>
      )}
    </div>
  );
}

export function Empty({children}: {children: ComponentChildren}) {
  return <p class="empty">{children}</p>;
}

/** A course of values as a small line; what it says stands beside it in words. */
export function Sparkline({values}: {values: number[]}) {
  const known = values.filter((value) => Number.isFinite(value));
  if (known.length < 2) return <svg class="spark" viewBox="0 0 100 28" aria-hidden="true" />;
  const least = Math.min(...known), most = Math.max(...known);
  const y = (value: number) => (most === least ? 14 : 25 - ((value - least) / (most - least)) * 22);
  const x = (i: number) => (i / (known.length - 1)) * 100;
  const line = known.map((value, i) => `${i ? 'L' : 'M'}${x(i).toFixed(1)} ${y(value).toFixed(1)}`).join('');
  return (
    <svg class="spark" viewBox="0 0 100 28" preserveAspectRatio="none" aria-hidden="true">
      <path class="spark-area" d={`${line}L100 28L0 28Z`} />
      <path class="spark-line" d={line} vector-effect="non-scaling-stroke" />
    </svg>
  );
}
