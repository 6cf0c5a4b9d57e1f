// The portal in a real browser over a real server. Called by run.sh: node run.mjs PROGRAM [FOLDER FOR PICTURES] [--fast] [--only=WORDS]
// --fast: a page on a phone, one on a desk, and what the portal is for. Ends with a line "N passed, M failed".
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {mkdtempSync, readFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {colourAt, inaccessible, launch, open, picture} from './browser.mjs';
import {busAt, city, feed} from './city.mjs';
import {Server} from './server.mjs';

const [program, pictures = 'build/portal'] = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const only = /--only=(.*)/.exec(process.argv.join(' '))?.[1] ?? '';
const fast = process.argv.includes('--fast');
const quick = ['now opens at phone width in ko', 'thing opens at desktop width in en', 'what moves', 'a question put together', 'what was found', 'files are sent'];
const tests = [];
const test = (name, work) => tests.push([name, work]);

const api = '/ngsi-ld/v1';
const pages = {now: '/', thing: '/things/urn:ngsi-ld:AirQualityObserved:0', explore: '/explore', feeds: '/feeds', developers: '/developers'};
const settled = {
  now: async (page) => {
    await page.waitForFunction(() => window.madangMap?.whereIs('urn:ngsi-ld:Bus:7000') && window.madangMap.map.loaded());
    await page.waitForFunction(() => document.querySelector('[data-test=things]').textContent !== '0');
  },
  thing: async (page) => page.waitForSelector('.link-list a'),
  explore: async (page) => {
    await page.waitForFunction(() => document.querySelectorAll('[data-test=type] option').length > 5);
    await page.waitForFunction(() => window.madangMap?.map.loaded());
  },
  feeds: async (page) => page.waitForSelector('[data-test=feed]'),
  developers: async (page) => page.waitForSelector('[data-test=operation]'),
};

// ---- every page, in each language, at each size ----

for (const [size, language, colorScheme] of [['phone', 'ko', 'dark'], ['desktop', 'en', 'light'], ['desktop', 'ko', 'dark'], ['phone', 'en', 'light']]) {
  for (const [name, path] of Object.entries(pages)) {
    test(`${name} opens at ${size} width in ${language}, ${colorScheme}, silent, at home and accessible`, async ({browser, server}) => {
      const {context, page, faults} = await open(browser, server.url + path, {size, language, colorScheme});
      await settled[name](page);
      assert.equal(await page.getAttribute('html', 'lang'), language);
      assert.equal(await page.getAttribute('html', 'data-theme'), colorScheme);
      assert.equal(await page.locator('h1').count(), 1);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `the page is ${wide} pixels wider than the window`);
      const words = await page.evaluate(() => document.body.innerText);
      assert.equal(/[가-힣]/.test(words.replace(/마당|한국어|ko: .*/g, '')), language === 'ko', 'words in the chosen language');
      assert.deepEqual(await inaccessible(page), []);
      await picture(page, pictures, `${name}-${size}-${language}-${colorScheme}`);
      assert.deepEqual(faults, []);
      await context.close();
    });
  }
}

// ---- now ----

test('what moves, moves on the map without a reload', async ({browser, server}) => {
  const {context, page, faults} = await open(browser, server.url + '/');
  await settled.now(page);
  await page.evaluate(() => (window.mark = 'same page'));
  // Alone on the map, so that its colour is nobody else's.
  await page.click('.layers .panel-head button');
  await page.locator('.layer', {hasText: /^Bus\d/}).click();
  const id = 'urn:ngsi-ld:Bus:7000';
  const to = busAt(2, 0.31);
  await server.ask('PATCH', `${api}/entities/${id}/attrs`, {location: {type: 'GeoProperty', value: {type: 'Point', coordinates: to}}});
  await page.waitForFunction(([id, to]) => {
    const at = window.madangMap.whereIs(id);
    return Math.hypot(at[0] - to[0], at[1] - to[1]) < 1e-6;
  }, [id, to]);
  const place = await page.evaluate((to) => {
    const {x, y} = window.madangMap.map.project(to);
    const box = window.madangMap.map.getCanvas().getBoundingClientRect();
    return [box.x + x, box.y + y];
  }, to);
  await page.waitForFunction(() => !window.madangMap.map.isMoving());
  const wanted = [180, 80, 11]; // #b4500b, the second colour of the light palette
  let seen = [];
  for (let tries = 0; tries < 20 && !seen.every((one, i) => Math.abs(one - wanted[i]) < 24 && seen.length); ++tries) seen = await colourAt(page, ...place);
  assert.ok(seen.every((one, i) => Math.abs(one - wanted[i]) < 24), `drawn where it is: ${seen}`);
  assert.equal(await page.evaluate(() => window.mark), 'same page');
  assert.deepEqual(faults, []);
  await context.close();
});

test('a click on a thing opens its page; back is the map again', async ({browser, server}) => {
  const {context, page, faults} = await open(browser, server.url + '/');
  await settled.now(page);
  const place = await page.evaluate(() => {
    const {x, y} = window.madangMap.map.project(window.madangMap.whereIs('urn:ngsi-ld:Library:0'));
    const box = window.madangMap.map.getCanvas().getBoundingClientRect();
    return [box.x + x, box.y + y];
  });
  await page.mouse.click(...place);
  await page.waitForSelector('.thing h1');
  assert.match(page.url(), /\/things\/urn:ngsi-ld:\w+:/);
  await page.goBack();
  await page.waitForSelector('[data-test=things]');
  assert.deepEqual(faults, []);
  await context.close();
});

test('streets come as vector tiles, can be switched off, and lead to their pages', async ({browser, server}) => {
  const {context, page, faults} = await open(browser, server.url + '/');
  await settled.now(page);
  await page.waitForFunction(() => window.madangMap.map.queryRenderedFeatures(undefined, {layers: ['tiles-Road-line']}).length > 3);
  const id = 'urn:ngsi-ld:Road:03';
  const {body} = await server.ask('GET', `${api}/entities/${id}?options=keyValues`);
  const [from, to] = body.location.coordinates;
  await page.click('.layers .panel-head button'); // nothing
  await page.locator('.layer', {hasText: /^Street|^Road/}).click(); // but streets
  await page.waitForFunction(() => !window.madangMap.map.isMoving() && window.madangMap.map.loaded());
  const place = await page.evaluate(([from, to]) => {
    const {x, y} = window.madangMap.map.project([from[0] * 0.45 + to[0] * 0.55, from[1] * 0.45 + to[1] * 0.55]);
    const box = window.madangMap.map.getCanvas().getBoundingClientRect();
    return [box.x + x, box.y + y];
  }, [from, to]);
  await page.mouse.click(...place);
  await page.waitForSelector('.thing h1');
  assert.ok(page.url().endsWith(id), page.url());
  assert.deepEqual(faults, []);
  await context.close();
});

test('a thing that appears and one that goes are told; a change shows old and new', async ({browser, server}) => {
  const {context, page} = await open(browser, server.url + '/');
  await settled.now(page);
  await server.ask('POST', api + '/entities', {id: 'urn:ngsi-ld:Bench:told', type: 'Library', name: {type: 'Property', value: 'Told library'}});
  await page.waitForSelector('.events >> text=Told library');
  await server.ask('PATCH', `${api}/entities/urn:ngsi-ld:Bench:told/attrs`, {name: {type: 'Property', value: 'Renamed library'}});
  await page.waitForSelector('.events b:has-text("Renamed library")');
  await server.ask('DELETE', `${api}/entities/urn:ngsi-ld:Bench:told`);
  await page.waitForSelector('.events >> text=Library went');
  await context.close();
});

test('the slider leads back to where things were', async ({browser, server}) => {
  const id = 'urn:ngsi-ld:Bus:7003';
  const then = busAt(3, 0.1), now = busAt(3, 0.4);
  for (const coordinates of [then, now]) {
    await server.ask('PATCH', `${api}/entities/${id}/attrs`, {location: {type: 'GeoProperty', value: {type: 'Point', coordinates}}});
    await new Promise((later) => setTimeout(later, 20));
  }
  const past = await server.ask('GET', `${api}/temporal/entities/${id}?attrs=location&timeproperty=modifiedAt&format=temporalValues`);
  const time = Date.parse(past.body.location.values.find(([place]) => place.coordinates[0] === then[0] && place.coordinates[1] === then[1])[1]);
  const {context, page, faults} = await open(browser, server.url + '/');
  await settled.now(page);
  await page.click('[data-test=replay]');
  await page.waitForSelector('[data-test=slider]:not([disabled])');
  const near = ([id, to]) => {
    const at = window.madangMap.whereIs(id);
    return Math.hypot(at[0] - to[0], at[1] - to[1]) < 1e-6;
  };
  await page.evaluate((time) => {
    const slider = document.querySelector('[data-test=slider]');
    slider.step = 1;
    slider.value = time + 1;
    slider.dispatchEvent(new InputEvent('input', {bubbles: true}));
  }, time);
  const between = await page.waitForFunction(([id, then, now]) => {
    const at = window.madangMap.whereIs(id);
    return Math.hypot(at[0] - now[0], at[1] - now[1]) > Math.hypot(at[0] - then[0], at[1] - then[1]);
  }, [id, then, now]);
  assert.ok(await between.jsonValue());
  await page.click('[data-test=present]');
  await page.waitForFunction(near, [id, now]);
  assert.deepEqual(faults, []);
  await context.close();
});

// ---- a thing ----

test('links lead from a thing to another and back', async ({browser, server}) => {
  const {context, page, faults} = await open(browser, server.url + '/things/urn:ngsi-ld:School:1');
  const district = (await server.ask('GET', `${api}/entities/urn:ngsi-ld:School:1`)).body.inDistrict.object;
  await page.click('.link-list a');
  await page.waitForFunction((id) => location.pathname === '/things/' + id, district);
  await page.click('.link-list >> text=Saemteo Elementary School');
  await page.waitForSelector('h1:has-text("Saemteo Elementary School")');
  assert.match(page.url(), /School:1$/);
  assert.deepEqual(faults, []);
  await context.close();
});

test('a thing shows units, its past as a chart and as a table, and follows changes', async ({browser, server}) => {
  const id = 'urn:ngsi-ld:AirQualityObserved:1';
  const at = (value, minutes) => ({type: 'Property', value, unitCode: 'GQ', observedAt: new Date(Date.now() - minutes * 60_000).toISOString()});
  for (const [value, minutes] of [[41, 30], [42, 20], [43, 10]]) await server.ask('PATCH', `${api}/entities/${id}/attrs`, {pm10: at(value, minutes)});
  const {context, page, faults} = await open(browser, server.url + '/things/' + id);
  const reading = page.locator('.attributes tr', {hasText: 'pm10'}).locator('.reading');
  await page.waitForSelector('.attributes');
  assert.equal((await reading.innerText()).trim(), '43 µg/m³');
  const chart = page.locator('.chart', {hasText: 'PM10'});
  await chart.locator('canvas').waitFor();
  await chart.locator('summary').click();
  const cells = await chart.locator('td:last-child').allInnerTexts();
  for (const value of ['41', '42', '43']) assert.ok(cells.includes(value), `${value} in ${cells}`);
  await server.ask('PATCH', `${api}/entities/${id}/attrs`, {pm10: at(77, 0)});
  await page.waitForFunction(() => [...document.querySelectorAll('.attributes .reading')].some((one) => one.textContent.startsWith('77')));
  assert.deepEqual(faults, []);
  await context.close();
});

test('the printed curl command gives the entity', async ({browser, server}) => {
  const {context, page} = await open(browser, server.url + '/things/urn:ngsi-ld:Library:1');
  const line = await page.locator('.code code').first().innerText();
  const told = execFileSync('sh', ['-c', line.replace(/^curl/, 'curl -sf')], {encoding: 'utf8'});
  assert.equal(JSON.parse(told).id, 'urn:ngsi-ld:Library:1');
  await context.close();
});

test('what is not there is said, not shown empty', async ({browser, server}) => {
  const {context, page} = await open(browser, server.url + '/things/urn:ngsi-ld:Nothing:1');
  await page.waitForSelector('[role=alert] >> text=There is no such thing');
  await page.goto(server.url + '/nowhere');
  await page.waitForSelector('h1:has-text("There is no such page")');
  await context.close();
});

// ---- explore ----

const rowIds = (page) => page.$$eval('[data-test=rows] tbody tr', (rows) => rows.map((row) => row.dataset.id));
async function asApi(page, server) {
  const shown = await page.innerText('[data-test=url]');
  return {shown, ids: (await server.ask('GET', shown)).body.map(({id}) => id)};
}
async function ask(page) {
  await Promise.all([page.waitForResponse((answer) => answer.url().includes(api + '/entities?') && answer.url().includes('count=true')), page.click('[data-test=run]')]);
  await page.waitForSelector('.result[aria-busy=false]');
}
async function askForBikes(page) {
  await settled.explore(page);
  await page.selectOption('[data-test=type]', 'BikeHireDockingStation');
  await page.click('[data-test=add-condition]');
  await page.selectOption('[data-test=attribute]', 'availableBikeNumber');
  await page.selectOption('[data-test=operator]', '>=');
  await page.fill('[data-test=value]', '5');
  await ask(page);
}

test('a question put together by clicks finds what the interface finds', async ({browser, server}) => {
  const {context, page, faults} = await open(browser, server.url + '/explore');
  await askForBikes(page);
  const {shown, ids} = await asApi(page, server);
  assert.match(shown, /type=BikeHireDockingStation&q=availableBikeNumber%3E=5/);
  assert.ok(ids.length > 2);
  assert.deepEqual(await rowIds(page), ids);
  assert.match(await page.innerText('[data-test=found]'), new RegExp(`: ${ids.length}$`));
  await page.click('[data-test=view-chart]');
  await page.locator('[data-test=chart] canvas').waitFor();
  await picture(page, pictures, 'explore-asked');
  // The address of the page holds the question.
  await page.reload();
  await page.waitForSelector('[data-test=rows]');
  assert.deepEqual(await rowIds(page), ids);
  assert.deepEqual(faults, []);
  await context.close();
});

test('an area drawn on the map bounds what is found', async ({browser, server}) => {
  const {context, page, faults} = await open(browser, server.url + '/explore');
  await askForBikes(page);
  const all = await rowIds(page);
  await page.waitForFunction(() => !window.madangMap.map.isMoving());
  const box = await page.locator('[data-test=map] canvas').boundingBox();
  const at = (x, y) => page.mouse.click(box.x + box.width * x, box.y + box.height * y);
  await page.click('[data-test=area-near]');
  await at(0.5, 0.5);
  await at(0.72, 0.5);
  await page.waitForFunction(() => document.querySelector('[data-test=url]').textContent.includes('georel=near'));
  await ask(page);
  await page.waitForFunction((count) => document.querySelectorAll('[data-test=rows] tbody tr').length !== count, all.length);
  const circle = await asApi(page, server);
  assert.match(circle.shown, /georel=near;maxDistance==\d+&geometry=Point|georel=near%3BmaxDistance==\d+&geometry=Point/);
  assert.deepEqual(await rowIds(page), circle.ids);
  assert.ok(circle.ids.length < all.length);
  await page.click('[data-test=area-polygon]');
  await at(0.1, 0.1);
  await at(0.9, 0.15);
  await at(0.5, 0.95);
  await page.click('[data-test=area-polygon]');
  await page.waitForFunction(() => document.querySelector('[data-test=url]').textContent.includes('georel=within'));
  await ask(page);
  const polygon = await asApi(page, server);
  await page.waitForFunction((ids) => JSON.stringify([...document.querySelectorAll('[data-test=rows] tbody tr')].map((row) => row.dataset.id)) === JSON.stringify(ids), polygon.ids);
  assert.deepEqual(faults, []);
  await context.close();
});

test('what was found can be taken along, in three formats', async ({browser, server}) => {
  const {context, page, faults} = await open(browser, server.url + '/explore');
  await askForBikes(page);
  const {ids} = await asApi(page, server);
  const got = async (format) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(`[data-test=download-${format}]`)]);
    assert.equal(download.suggestedFilename(), 'BikeHireDockingStation.' + format);
    return readFileSync(await download.path(), 'utf8');
  };
  const csv = (await got('csv')).replace(/^\ufeff/, '').trim().split('\r\n');
  assert.match(csv[0], /^id,type,.*location\.lon,location\.lat/);
  assert.deepEqual(csv.slice(1).map((line) => line.split(',')[0]), ids);
  const geojson = JSON.parse(await got('geojson'));
  assert.equal(geojson.type, 'FeatureCollection');
  assert.deepEqual(geojson.features.map(({id}) => id), ids);
  await page.waitForFunction((count) => document.querySelector('[data-test=download-state]').textContent.startsWith(count + ' '), ids.length);
  assert.equal(geojson.features[0].geometry.type, 'Point');
  const lines = (await got('ndjson')).trim().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(lines.map(({id}) => id), ids);
  assert.equal(lines[0].availableBikeNumber.type, 'Property');
  assert.deepEqual(faults, []);
  await context.close();
});

test('a download tells how far it is, and can be stopped', async ({browser, server}) => {
  const {context, page} = await open(browser, server.url + '/explore');
  await askForBikes(page);
  const slow = await context.newCDPSession(page);
  await slow.send('Network.enable');
  await slow.send('Network.emulateNetworkConditions', {offline: false, latency: 0, downloadThroughput: 500, uploadThroughput: -1});
  await page.click('[data-test=download-ndjson]');
  await page.waitForFunction(() => /^\d+ of \d+ things/.test(document.querySelector('[data-test=download-state]').textContent));
  assert.ok(await page.locator('[data-test=download-progress]').isVisible());
  await page.click('[data-test=download-stop]');
  await page.waitForSelector('[data-test=download-state] >> text=stopped');
  assert.ok(await page.locator('[data-test=download-csv]').isEnabled());
  await context.close();
});

test('a table of texts that spreadsheets would run is made harmless', async ({browser, server}) => {
  await server.ask('POST', api + '/entities', {id: 'urn:ngsi-ld:Sheet:1', type: 'Sheet', word: {type: 'Property', value: '=1+1'}, more: {type: 'Property', value: 'a "b", c'}});
  const {context, page} = await open(browser, server.url + '/explore');
  await settled.explore(page);
  await page.selectOption('[data-test=type]', 'Sheet');
  await ask(page);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('[data-test=download-csv]')]);
  const text = readFileSync(await download.path(), 'utf8');
  assert.ok(text.includes("'=1+1") && text.includes('"a ""b"", c"'), text);
  await server.ask('DELETE', api + '/entities/urn:ngsi-ld:Sheet:1');
  await context.close();
});

// ---- feeds ----

test('a feed tells what it could not read, and tries it again', async ({browser, server}) => {
  const {context, page, faults} = await open(browser, server.url + '/feeds');
  await page.waitForSelector('[data-test=feed]');
  const feed = page.locator('[data-test=feed]', {hasText: 'Sensors of the test'});
  await feed.locator('summary').first().click();
  await feed.locator('[data-test=dead] li').first().waitFor();
  assert.equal(await feed.locator('[data-test=dead] > li').count(), 1);
  await feed.locator('[data-test=replay-dead]').click();
  await feed.locator('[data-test=told] >> text=/not understood: 1/').waitFor();
  assert.deepEqual(faults, []);
  await context.close();
});

test('a feed is declared, what is wrong with it is told, and it is mended', async ({browser, server}) => {
  const {context, page, faults} = await open(browser, server.url + '/feeds');
  const form = page.locator('[data-test=declare]');
  await form.locator('summary').click();
  const text = await form.locator('[data-test=declaration]').inputValue();
  await form.locator('[data-test=declaration]').fill(text.replace('"push": true', '"pushed": true'));
  await form.locator('[data-test=declaration-save]').click();
  await form.locator('[data-test=declaration-told].trouble >> text=/^\\/source/').waitFor();
  await picture(page, pictures, 'feeds-declare');
  await form.locator('[data-test=declaration]').fill(text.replace('"observed": "time"', '"observed": {"from": "time", "format": "%d.%m.%Y"}'));
  await form.locator('[data-test=declaration-save]').click();
  await page.waitForSelector('[data-test=feed] >> text=Air quality');
  const rows = 'station,time,lon,lat,name,pm10\nA,2026-01-01T00:00:00Z,127,37,One,7\n';
  const push = () => fetch(server.url + '/admin/feeds/air/records', {method: 'POST', body: rows, headers: {'Content-Type': 'text/csv'}});
  assert.equal((await push()).status, 200);
  const feed = page.locator('[data-test=feed]', {hasText: 'Air quality'});
  await feed.locator('summary').first().click();
  const change = feed.locator('[data-test=change]');
  await change.locator('summary').click();
  await change.locator('[data-test=declaration]').fill(text);
  await change.locator('[data-test=declaration-save]').click();
  await change.locator('[data-test=declaration-told] >> text=saved').waitFor();
  assert.equal((await push()).status, 200);
  assert.equal((await server.ask('GET', `${api}/entities/urn:ngsi-ld:AirQualityObserved:A?options=keyValues`)).body.pm10, 7);
  assert.deepEqual(faults, ['Failed to load resource: the server responded with a status of 400 (Bad Request)']); // of the first try
  assert.deepEqual(await inaccessible(page), []);
  await server.ask('DELETE', '/admin/feeds/air');
  await server.ask('DELETE', `${api}/entities/urn:ngsi-ld:AirQualityObserved:A`);
  await context.close();
});

// ---- developers ----

test('the examples work as they are printed, in curl, JavaScript and Python', async ({browser, server}) => {
  const {context, page} = await open(browser, server.url + '/developers');
  await settled.developers(page);
  const run = {
    curl: (text) => execFileSync('sh', ['-c', text.replace(/^curl/, 'curl -sS --fail')], {encoding: 'utf8', cwd: mkdtempSync(join(tmpdir(), 'madang-'))}),
    javascript: (text) => execFileSync(process.execPath, ['--input-type=module', '-e', text], {encoding: 'utf8'}),
    python: (text) => execFileSync('python3', ['-c', text], {encoding: 'utf8'}),
  };
  for (const tongue of Object.keys(run)) {
    await page.click(`[data-test=tongue-${tongue}]`);
    const texts = await page.locator('.example code').allInnerTexts();
    assert.equal(texts.length, 8);
    for (const text of texts.filter((one) => !one.includes('/live'))) {
      assert.doesNotThrow(() => run[tongue](text), `${tongue}: ${text}`);
    }
    const bench = await server.ask('GET', `${api}/entities/urn:ngsi-ld:Bench:portal?options=keyValues`);
    assert.equal(bench.body.seats, 5, tongue);
    await server.ask('DELETE', `${api}/entities/urn:ngsi-ld:Bench:portal`);
  }
  await context.close();
});

test('the reference is the description that the server serves', async ({browser, server}) => {
  const {context, page} = await open(browser, server.url + '/developers');
  await settled.developers(page);
  const {body} = await server.ask('GET', '/openapi.json');
  const count = Object.values(body.paths).reduce((sum, operations) => sum + Object.keys(operations).length, 0);
  assert.equal(await page.locator('[data-test=operation]').count(), count);
  await page.fill('[data-test=filter]', 'temporal query');
  await page.waitForFunction((count) => document.querySelectorAll('[data-test=operation]').length < count, count);
  await page.locator('[data-test=operation] summary').first().click();
  await page.waitForSelector('[data-test=operation] >> text=timerel');
  await context.close();
});

// ---- the frame ----

test('language and light are chosen once and kept', async ({browser, server}) => {
  const {context, page} = await open(browser, server.url + '/developers', {language: 'en'});
  await settled.developers(page);
  await page.click('[data-test=language]');
  await page.waitForSelector('h1:has-text("개발자")');
  await page.click('[data-test=theme]');
  await page.waitForSelector('html[data-theme=dark]');
  await page.reload();
  await page.waitForSelector('html[data-theme=dark][lang=ko]');
  await context.close();
});

test('the keyboard leads past the head of the page', async ({browser, server}) => {
  const {context, page} = await open(browser, server.url + '/developers');
  await settled.developers(page);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  await page.focus('nav a[href="/explore"]');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.explore h1');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  await context.close();
});

test('the first view is less than a megabyte', async ({browser, server}) => {
  const {context, page, requests} = await open(browser, server.url + '/');
  await settled.now(page);
  let bytes = 0;
  for (const request of requests) {
    const {pathname} = new URL(request.url());
    if (pathname === '/' || pathname.startsWith('/assets/')) bytes += (await request.sizes()).responseBodySize;
  }
  for (const worker of page.workers()) bytes += Number((await server.ask('HEAD', new URL(worker.url()).pathname, undefined, {'Accept-Encoding': 'br'})).headers.get('content-length'));
  console.log(`  the portal's files: ${Math.round(bytes / 1000)} kB as sent`);
  assert.ok(bytes > 10_000 && bytes < 1_000_000);
  await context.close();
});

test('files are sent compressed, tagged and for ever; pages are asked for anew', async ({server}) => {
  const page = await server.ask('GET', '/');
  assert.equal(page.headers.get('cache-control'), 'no-cache');
  assert.match(page.headers.get('content-security-policy'), /default-src 'none'; script-src 'self'; style-src 'self'/);
  const [script] = /\/assets\/index-[\w-]+\.js/.exec(page.text);
  const tags = new Set();
  for (const coding of ['br', 'gzip', 'identity']) {
    const answer = await server.ask('GET', script, undefined, {'Accept-Encoding': coding});
    assert.equal(answer.headers.get('content-encoding') ?? 'identity', coding);
    assert.equal(answer.headers.get('cache-control'), 'public, max-age=31536000, immutable');
    const tag = answer.headers.get('etag');
    assert.match(tag, /^"/);
    tags.add(tag);
    const again = await server.ask('GET', script, undefined, {'Accept-Encoding': coding, 'If-None-Match': tag});
    assert.equal(again.status, 304);
  }
  assert.equal(tags.size, 3);
});

test('where the portal was not built, / says in both languages how to', async () => {
  const {copyFileSync, mkdtempSync, rmSync} = await import('node:fs');
  const bare = mkdtempSync('/tmp/madang-bare-');
  copyFileSync(program, bare + '/madang');
  const server = await Server.start(bare + '/madang', '--no-sample');
  try {
    const {text, headers} = await server.ask('GET', '/');
    assert.match(text, /web\/build\.sh/);
    assert.match(text, /포털은 아직 빌드하지 않았습니다/);
    assert.match(text, /The portal is not built yet/);
    assert.match(headers.get('content-security-policy'), /default-src 'none'/);
    assert.equal((await server.ask('GET', '/assets/index-1.js')).status, 404);
  } finally {
    await server.stop();
    rmSync(bare, {recursive: true});
  }
});

// ---- tokens ----

test('with tokens, one is asked for, kept in the tab and sent in headers only', async ({browser}) => {
  const made = execFileSync(program, ['token', 'reader', '--role', 'read'], {encoding: 'utf8', env: {...process.env, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8'}});
  const config = /\[\[auth\.token\]\][\s\S]*/.exec(made)[0];
  const token = made.split(/\s+/).find((word) => /^[\w-]{43}$/.test(word));
  assert.ok(token, made);
  const {writeFileSync, mkdtempSync} = await import('node:fs');
  const file = mkdtempSync('/tmp/madang-portal-config-') + '/madang.toml';
  writeFileSync(file, config);
  const server = await Server.start(program, '--config', file);
  try {
    const {context, page, requests} = await open(browser, server.url + '/');
    await page.fill('[data-test=token-input]', token);
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-test=connection] >> text=/Live|No access/');
    await page.waitForSelector('.layers');
    assert.ok(requests.every((request) => !request.url().includes(token)), 'the token is in no address');
    const headers = await Promise.all(requests.filter((request) => request.url().includes('/ngsi-ld/')).map((request) => request.headerValue('authorization')));
    assert.ok(headers.includes('Bearer ' + token));
    assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes(sessionStorage.getItem('madang.token'))), false);
    await page.goto(server.url + '/developers');
    await page.waitForSelector('.example code:has-text("Bearer $TOKEN")');
    const other = await browser.newContext();
    const fresh = await other.newPage();
    await fresh.goto(server.url + '/');
    await fresh.waitForSelector('[data-test=token-input]');
    await other.close();
    await context.close();
  } finally {
    await server.stop();
  }
});

// ---- all of them ----

const browser = await launch();
const server = await Server.start(program, '--no-sample');
let passed = 0, failed = 0;
try {
  await server.upsert(city());
  await server.ask('POST', '/admin/feeds', feed);
  await server.ask('POST', `/admin/feeds/${feed.id}/records`, [{id: 's1', level: 4}, {level: 5}]);
  for (const [name, work] of tests) {
    if (only && !name.includes(only)) continue;
    if (fast && !quick.some((words) => name.startsWith(words))) continue;
    const begun = performance.now();
    try {
      await work({browser, server});
      ++passed;
      console.log(`ok ${name} (${((performance.now() - begun) / 1000).toFixed(1)} s)`);
    } catch (fault) {
      ++failed;
      console.log(`FAILED ${name}\n${String(fault.stack ?? fault).split('\n').slice(0, 14).map((line) => '    ' + line).join('\n')}`);
      for (const context of browser.contexts()) await context.close();
    }
  }
} finally {
  await browser.close();
  await server.stop();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
