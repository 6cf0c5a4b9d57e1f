import {readdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {brotliCompressSync, constants, gzipSync} from 'node:zlib';
import {defineConfig, type Plugin} from 'vite';

/** Leaves name.br and name.gz beside each file that gains by it: the server sends them as they are. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    closeBundle() {
      for (const folder of ['dist', 'dist/assets']) {
        for (const name of readdirSync(folder)) {
          const path = join(folder, name);
          if (!/\.(html|js|css|svg|json)$/.test(name) || statSync(path).size < 512) continue;
          const plain = readFileSync(path);
          const brotli = brotliCompressSync(plain, {params: {[constants.BROTLI_PARAM_SIZE_HINT]: plain.length}});
          writeFileSync(path + '.br', brotli);
          writeFileSync(path + '.gz', gzipSync(plain, {level: 9}));
        }
      }
    },
  };
}

export default defineConfig({
  plugins: [compressed()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // nothing inline: the policy of the pages forbids it
    modulePreload: {polyfill: false},
    chunkSizeWarningLimit: 1100, // MapLibre is one file
    reportCompressedSize: false,
  },
  worker: {format: 'es'},
  server: {
    // `npm run dev` beside a running server
    proxy: Object.fromEntries(
      ['/ngsi-ld', '/live', '/changes', '/openapi.json', '/health', '/metrics', '/admin', '/tiles'].map(
        (path) => [path, process.env.MADANG_URL ?? 'http://localhost:8080'],
      ),
    ),
  },
});
