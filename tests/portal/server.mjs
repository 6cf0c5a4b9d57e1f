// A server under test: on a free port, over a folder of its own, gone at the end.
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const startSeconds = 60;

export class Server {
  static async start(program, ...options) {
    const server = new Server();
    server.folder = mkdtempSync(join(tmpdir(), 'madang-portal-'));
    server.process = spawn(program, ['serve', '--port', '0', '--data', join(server.folder, 'data'), ...options], {
      env: {...process.env, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8'},
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    server.process.stderr.on('data', (text) => (said += text));
    await new Promise((ready, failed) => {
      const late = setTimeout(() => failed(new Error(`the server did not start in ${startSeconds} s: ${said}`)), startSeconds * 1000);
      server.process.on('exit', (code) => failed(new Error(`the server ended (${code}): ${said}`)));
      server.process.stdout.on('data', (text) => {
        said += text;
        server.url ??= /is ready at (http:\S+)/.exec(said)?.[1];
        if (/^Ctrl-C/m.test(said)) clearTimeout(late), ready();
      });
    });
    server.process.removeAllListeners('exit');
    return server;
  }

  async ask(method, path, body, headers = {}) {
    const response = await fetch(this.url + path, {
      method,
      headers: {...(body === undefined ? {} : {'Content-Type': 'application/json'}), ...headers},
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok && response.status !== 404 && response.status !== 304) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return {status: response.status, headers: response.headers, text, body: response.headers.get('content-type')?.includes('json') && text ? JSON.parse(text) : null};
  }

  /** Puts entities in, or changes them, a thousand at a time. */
  async upsert(entities, headers = {}) {
    for (let at = 0; at < entities.length; at += 1000) {
      await this.ask('POST', '/ngsi-ld/v1/entityOperations/upsert?options=update', entities.slice(at, at + 1000), headers);
    }
  }

  async stop() {
    const ended = new Promise((done) => this.process.on('exit', done));
    this.process.kill('SIGTERM');
    const killer = setTimeout(() => this.process.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(killer);
    rmSync(this.folder, {recursive: true, force: true});
  }
}
