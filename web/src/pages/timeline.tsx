// The last day under the map: drag to go back, play to watch it pass.
import {useSignal, type Signal} from '@preact/signals';
import {useEffect, useRef} from 'preact/hooks';

import type {Stream} from '../data/city';
import {number, t, when} from '../i18n';
import {Icon} from '../ui/icons';

const day = 24 * 3600_000;
const speeds = [60, 300, 1800]; // seconds of the past in one of ours

export function Timeline({stream, all, past}: {stream: Stream; all: string[]; past: Signal<number | null>}) {
  const open = useSignal(false);
  const playing = useSignal(false);
  const speed = useSignal(speeds[1]!);
  const span = useSignal({from: 0, to: 0});
  const tracks = stream.tracks.value;
  const last = useRef(0);

  const seek = (time: number) => {
    past.value = time;
    stream.say({kind: 'seek', time});
  };
  const begin = () => {
    const to = Date.now();
    span.value = {from: to - day, to};
    open.value = true;
    stream.replay(to - day, to, all);
    past.value = to;
  };
  const end = () => {
    open.value = false;
    playing.value = false;
    past.value = null;
    stream.say({kind: 'present'});
  };

  useEffect(() => {
    if (!playing.value) return;
    let next = 0;
    last.current = performance.now();
    const step = (now: number) => {
      const time = (past.peek() ?? span.peek().from) + (now - last.current) * speed.peek();
      last.current = now;
      if (time >= span.peek().to) {
        playing.value = false;
        seek(span.peek().to);
        return;
      }
      seek(time);
      next = requestAnimationFrame(step);
    };
    next = requestAnimationFrame(step);
    return () => cancelAnimationFrame(next);
  }, [playing.value]);

  if (!open.value) {
    return (
      <button type="button" class="timeline-open" data-test="replay" onClick={begin}>
        <Icon name="back" />
        {t('timeline.open')}
      </button>
    );
  }
  const {from, to} = span.value;
  const most = Math.max(1, ...(tracks?.buckets ?? []));
  return (
    <div class="timeline" role="group" aria-label={t('timeline.label')}>
      <button type="button" class="square" disabled={!tracks} aria-label={playing.value ? t('timeline.pause') : t('timeline.play')} data-test="play"
        onClick={() => {
          if (!playing.value && (past.value ?? to) >= to) seek(from);
          playing.value = !playing.value;
        }}>
        <Icon name={playing.value ? 'pause' : 'play'} />
      </button>
      <div class="timeline-track">
        <svg viewBox="0 0 96 20" preserveAspectRatio="none" aria-hidden="true">
          {tracks?.buckets.map((count, i) => count > 0 && <rect key={i} x={i + 0.15} width={0.7} y={20 - 3 - (count / most) * 17} height={3 + (count / most) * 17} />)}
        </svg>
        <input type="range" min={from} max={to} step={60_000} value={past.value ?? to} disabled={!tracks} aria-label={t('timeline.time')}
          aria-valuetext={when(past.value ?? to)} data-test="slider" onInput={(event) => ((playing.value = false), seek(Number(event.currentTarget.value)))} />
        <div class="timeline-ends">
          <span>{when(from)}</span>
          <output data-test="past">{!tracks ? t('timeline.loading') : tracks.trouble ? t('timeline.trouble') : tracks.moving === 0 ? t('timeline.still') : when(past.value ?? to)}</output>
          <span>{t('timeline.now')}</span>
        </div>
        {tracks?.partial && <p class="about">{t('timeline.partial', {points: number(tracks.points), moving: number(tracks.moving)})}</p>}
      </div>
      <select aria-label={t('timeline.speed')} value={speed.value} onChange={(event) => (speed.value = Number(event.currentTarget.value))}>
        {speeds.map((one) => (
          <option key={one} value={one}>
            {t('timeline.times', {count: one})}
          </option>
        ))}
      </select>
      <button type="button" class="primary" data-test="present" onClick={end}>
        {t('timeline.back')}
      </button>
    </div>
  );
}
