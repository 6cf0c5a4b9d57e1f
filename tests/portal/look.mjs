// Takes pictures of every page, of the made-up district that a first start brings, for the eye:
//   node tests/portal/look.mjs build/dev/madang OUT [PAGE,PAGE]
import {mkdirSync} from 'node:fs';
import {chromium} from 'playwright-core';
import {Server} from './server.mjs';

const [program, out, only = ''] = process.argv.slice(2);
mkdirSync(out, {recursive: true});
const server = await Server.start(program);
const first = async (type) => (await server.ask('GET', `/ngsi-ld/v1/entities?type=${type}&limit=1`)).body[0]?.id;
while (!(await first('Vehicle')) || !(await first('AirQualityObserved'))) await new Promise((later) => setTimeout(later, 200));
const browser = await chromium.launch({executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--enable-unsafe-swiftshader']});
const sizes = {desktop: [1280, 800, 1], phone: [360, 740, 2]};
const pages = {now: '/', thing: '/things/' + (await first('AirQualityObserved')), vehicle: '/things/' + (await first('Vehicle')), explore: '/explore', feeds: '/feeds', developers: '/developers'};
for (const [size, [width, height, deviceScaleFactor]] of Object.entries(sizes)) {
  for (const [language, colorScheme] of [['ko-KR', 'light'], ['en-GB', 'dark'], ...(only ? [['en-GB', 'light'], ['ko-KR', 'dark']] : [])]) {
    const context = await browser.newContext({viewport: {width, height}, deviceScaleFactor, locale: language, colorScheme, hasTouch: size === 'phone'});
    const page = await context.newPage();
    page.on('response', (answer) => answer.status() >= 400 && console.log(answer.status(), answer.url()));
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && !message.text().includes('GPU stall') && console.log(size, language, message.text()));
    page.on('pageerror', (fault) => console.log(size, language, String(fault)));
    for (const [name, path] of Object.entries(pages)) {
      if (only && !only.split(',').includes(name)) continue;
      await page.goto(server.url + path);
      await page.waitForTimeout(name === 'now' ? 4500 : 2500);
      if (name === 'explore') {
        await page.selectOption('[data-test=type]', 'BikeHireDockingStation');
        await page.click('[data-test=add-condition]');
        await page.selectOption('[data-test=attribute]', 'availableBikeNumber');
        await page.selectOption('[data-test=operator]', '>');
        await page.fill('[data-test=value]', '2');
        await page.click('[data-test=run]');
        await page.waitForTimeout(1500);
      }
      await page.screenshot({path: `${out}/${name}-${size}-${language.slice(0, 2)}-${colorScheme}.png`, fullPage: size === 'phone' || name !== 'now'});
      if (name === 'now' && size === 'desktop') {
        await page.click('[data-test=replay]');
        await page.waitForTimeout(1500);
        await page.screenshot({path: `${out}/replay-${size}-${language.slice(0, 2)}-${colorScheme}.png`});
      }
    }
    await context.close();
  }
}
await browser.close();
await server.stop();
