// A page under watch: what it says in the console, whom it asks, and what a reader with a screen reader would miss.
import {existsSync, mkdirSync, readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {chromium} from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const programs = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].filter((path) => path && existsSync(path));

export const sizes = {
  phone: {viewport: {width: 360, height: 740}, deviceScaleFactor: 2, hasTouch: true},
  desktop: {viewport: {width: 1280, height: 800}},
};
const locales = {ko: 'ko-KR', en: 'en-GB'};

export async function launch() {
  // The sandbox wants privileges that containers do not give; the pages are our own.
  return chromium.launch({executablePath: programs[0], args: ['--no-sandbox', '--enable-unsafe-swiftshader', '--force-color-profile=srgb']});
}

/** A page, and what was seen of it: faults[] should stay empty. */
export async function open(browser, url, {size = 'desktop', language = 'en', colorScheme = 'light'} = {}) {
  const context = await browser.newContext({...sizes[size], locale: locales[language], colorScheme, acceptDownloads: true, reducedMotion: 'reduce'});
  const page = await context.newPage();
  const faults = [], requests = [];
  page.on('pageerror', (fault) => faults.push(String(fault)));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('request', (request) => {
    requests.push(request);
    const to = new URL(request.url());
    if (!['blob:', 'data:'].includes(to.protocol) && to.origin !== new URL(url).origin) faults.push(`asked another host: ${request.url()}`);
  });
  await page.goto(url);
  return {context, page, faults, requests};
}

/** What breaks the rules of WCAG 2.2 A and AA, seriously. */
export async function inaccessible(page) {
  await page.evaluate(axe); // by the debugger: the page's policy would refuse a script element
  const {violations} = await page.evaluate(() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}));
  return violations
    .filter(({impact}) => impact === 'serious' || impact === 'critical')
    .map(({id, nodes}) => `${id}: ${nodes.slice(0, 3).map(({target, failureSummary}) => `${target} ${failureSummary}`).join(' | ')}`);
}

/** Red, green and blue as a reader's eye gets them, at a place of the window. */
export async function colourAt(page, x, y) {
  const shot = await page.screenshot({clip: {x: Math.round(x), y: Math.round(y), width: 1, height: 1}});
  return page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
    const canvas = new OffscreenCanvas(1, 1).getContext('2d');
    canvas.drawImage(await createImageBitmap(new Blob([bytes])), 0, 0);
    return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  }, shot.toString('base64'));
}

export async function picture(page, folder, name) {
  mkdirSync(folder, {recursive: true});
  await page.screenshot({path: `${folder}/${name}.png`});
}
