// What a frame costs the page's thread while many things move: node tests/portal/frames.mjs PROGRAM [THINGS] [SECONDS]
// Every thing moves once a second. Prints the time of the renderer's main thread between one frame and the next, as the
// browser's own trace tells it: by the processor's clock (what it worked) and by the wall's (with what others took away).
import {launch, open} from './browser.mjs';
import {Server} from './server.mjs';

const [program, things = '10000', seconds = '10'] = process.argv.slice(2);
const count = Number(things), batch = 1000;
const server = await Server.start(program, '--no-sample');
const at = (i, turn) => {
  const angle = i * 2.399963 + turn * 0.01 * (1 + (i % 5));
  const radius = 0.03 * Math.sqrt(i / count);
  return [126.978 + Math.cos(angle) * radius * 1.26, 37.5665 + Math.sin(angle) * radius];
};
const entity = (i, turn) => ({
  id: `urn:ngsi-ld:Vehicle:${i}`, type: 'Vehicle', name: {type: 'Property', value: `Vehicle ${i}`}, speed: {type: 'Property', value: (i + turn) % 60},
  location: {type: 'GeoProperty', value: {type: 'Point', coordinates: at(i, turn)}},
});
await server.upsert(Array.from({length: count}, (_, i) => entity(i, 0)));

let turn = 0, wrote = 0, running = true;
async function move() {
  const begun = Date.now();
  for (; running; ++turn) {
    for (let from = 0; from < count && running; from += batch) {
      await server.upsert(Array.from({length: Math.min(batch, count - from)}, (_, i) => entity(from + i, turn + 1)));
      wrote += Math.min(batch, count - from);
      // Spread over the second, as a city does it.
      const due = begun + (turn + (from + batch) / count) * 1000;
      if (due > Date.now()) await new Promise((go) => setTimeout(go, due - Date.now()));
    }
  }
}

const browser = await launch();
const {page} = await open(browser, server.url + '/');
await (await page.context().newCDPSession(page)).send('Emulation.setEmulatedMedia', {features: [{name: 'prefers-reduced-motion', value: 'no-preference'}]});
await page.waitForFunction((count) => document.querySelector('[data-test=things]')?.textContent.replace(/\D/g, '') === String(count), count);
await page.waitForFunction(() => window.madangMap?.map.loaded());
const moving = move();
await page.waitForTimeout(3000);
const before = wrote;
await browser.startTracing(page, {categories: ['toplevel', 'devtools.timeline', 'disabled-by-default-devtools.timeline']});
await page.waitForTimeout(Number(seconds) * 1000);
const {traceEvents} = JSON.parse((await browser.stopTracing()).toString());
running = false;
const moved = wrote - before;
await moving;
await browser.close();
await server.stop();

// The page's main thread is the one that fires animation frames; of several renderers, the one that does so most.
const fires = traceEvents.filter(({name}) => name === 'FireAnimationFrame');
const threads = new Map();
for (const {pid, tid} of fires) threads.set(`${pid}/${tid}`, (threads.get(`${pid}/${tid}`) ?? 0) + 1);
const [main] = [...threads].sort((a, b) => b[1] - a[1])[0] ?? [];
const here = traceEvents.filter(({pid, tid}) => `${pid}/${tid}` === main);
const frames = here.filter(({name}) => name === 'FireAnimationFrame').map(({ts}) => ts).filter((ts, i, all) => i === 0 || ts - all[i - 1] > 2000).sort((a, b) => a - b);
const tasks = here.filter(({name, ph}) => ph === 'X' && (name === 'RunTask' || name === 'ThreadControllerImpl::RunTask')).sort((a, b) => a.ts - b.ts);
const outer = tasks.filter((task, i) => i === 0 || task.ts >= tasks[i - 1].ts + tasks[i - 1].dur);
const cost = frames.slice(1).map((end, i) => {
  // A task belongs to the frame in which it begins; the frame's own task begins just before it fires.
  const own = outer.filter(({ts}) => ts >= frames[i] - 1000 && ts < end - 1000);
  return {worked: own.reduce((sum, {tdur = 0}) => sum + tdur, 0) / 1000, wall: own.reduce((sum, {dur = 0}) => sum + dur, 0) / 1000};
});
const rank = (values, share) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];
const line = (name, values) => console.log(`${name}: median ${rank(values, 0.5).toFixed(2)} ms, p95 ${rank(values, 0.95).toFixed(2)} ms, p99 ${rank(values, 0.99).toFixed(2)} ms`);
console.log(`${count} things, ${Math.round(moved / Number(seconds))} moves a second, ${frames.length} frames in ${seconds} s`);
line('main thread a frame, worked', cost.map(({worked}) => worked));
line('main thread a frame, wall  ', cost.map(({wall}) => wall));
