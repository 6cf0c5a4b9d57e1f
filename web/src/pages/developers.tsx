// How to begin, and what there is: examples that run against this server, and its own description.
import {useComputed, useSignal} from '@preact/signals';
import {useEffect} from 'preact/hooks';

import {loadTypes, types} from '../data/city';
import {get, Problem} from '../data/client';
import {api, type Entity} from '../data/model';
import {reference, typeOf, type Entry, type Reference} from '../data/openapi';
import {t} from '../i18n';
import {token} from '../session';
import {Code, Trouble} from '../ui/parts';

type Tongue = 'curl' | 'javascript' | 'python';
const tongues: {key: Tongue; name: string}[] = [
  {key: 'curl', name: 'curl'},
  {key: 'javascript', name: 'JavaScript'},
  {key: 'python', name: 'Python'},
];

export function Developers() {
  const tongue = useSignal<Tongue>('curl');
  const first = useSignal<Entity | null>(null);
  useEffect(() => {
    if (!types.peek()) void loadTypes();
  }, []);
  const type = types.value?.[0]?.type ?? 'Bench';
  useEffect(() => {
    if (types.value?.length) get<Entity[]>(`${api}/entities?type=${encodeURIComponent(type)}&limit=1&options=keyValues`).then(([one]) => (first.value = one ?? null), () => {});
  }, [type]);
  return (
    <div class="developers">
      <h1>{t('developers.title')}</h1>
      <p class="lead">{t('developers.about')}</p>
      <section class="panel" aria-labelledby="begin-title">
        <div class="panel-head">
          <h2 id="begin-title">{t('developers.begin')}</h2>
          <div class="segments" role="group" aria-label={t('developers.tongue')}>
            {tongues.map(({key, name}) => (
              <button key={key} type="button" aria-pressed={tongue.value === key} data-test={'tongue-' + key} onClick={() => (tongue.value = key)}>
                {name}
              </button>
            ))}
          </div>
        </div>
        {token.value && <p>{t('developers.token')}</p>}
        {examples(location.origin, type, first.value?.id ?? 'urn:ngsi-ld:Bench:1', token.value !== '').map((one, i) => (
          <div key={one.key} class="example">
            <h3>
              <span class="step">{i + 1}</span>
              {t(one.key)}
            </h3>
            <Code text={one[tongue.value]} label={t(one.key)} />
          </div>
        ))}
      </section>
      <ApiReference />
    </div>
  );
}

interface Example {
  key: 'example.query' | 'example.create' | 'example.change' | 'example.follow' | 'example.past' | 'example.file' | 'example.features' | 'example.sensors';
  curl: string;
  javascript: string;
  python: string;
}

function examples(origin: string, type: string, id: string, auth: boolean): Example[] {
  const base = origin + api;
  const curlAuth = auth ? ' -H "Authorization: Bearer $TOKEN"' : '';
  const jsAuth = auth ? "{headers: {Authorization: `Bearer ${token}`}}" : '';
  const jsWith = (more: string) => (auth ? `{${more}, headers: {'Content-Type': 'application/json', Authorization: \`Bearer \${token}\`}}` : `{${more}, headers: {'Content-Type': 'application/json'}}`);
  const pyHead = auth ? 'import json, os, urllib.request\n\nauth = {"Authorization": "Bearer " + os.environ["TOKEN"]}\n' : 'import json, urllib.request\n\n';
  const pyAuth = auth ? ', headers=auth' : '';
  const pyJson = auth ? 'headers={"Content-Type": "application/json", **auth}' : 'headers={"Content-Type": "application/json"}';
  const bench = '{"id": "urn:ngsi-ld:Bench:portal", "type": "Bench", "seats": {"type": "Property", "value": 4},\n  "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [126.978, 37.5665]}}}';
  const js = (more: string) => (more ? ', ' + more : '');
  return [
    {
      key: 'example.query',
      curl: `curl${curlAuth} '${base}/entities?type=${type}&options=keyValues&limit=5'`,
      javascript: `const answer = await fetch('${base}/entities?type=${type}&options=keyValues&limit=5'${js(jsAuth)});\nconsole.log(await answer.json());`,
      python: `${pyHead}request = urllib.request.Request("${base}/entities?type=${type}&options=keyValues&limit=5"${pyAuth})\nprint(json.load(urllib.request.urlopen(request)))`,
    },
    {
      key: 'example.create',
      curl: `curl -i -X POST${curlAuth} -H 'Content-Type: application/json' \\\n  '${base}/entityOperations/upsert' -d '[${bench}]'`,
      javascript: `const bench = ${bench};\nconst made = await fetch('${base}/entityOperations/upsert', ${jsWith("method: 'POST', body: JSON.stringify([bench])")});\nconsole.log(made.status); // 201, or 204 where it was there`,
      python: `${pyHead}bench = ${bench}\nrequest = urllib.request.Request("${base}/entityOperations/upsert", json.dumps([bench]).encode(),\n    ${pyJson}, method="POST")\nprint(urllib.request.urlopen(request).status)  # 201, or 204 where it was there`,
    },
    {
      key: 'example.change',
      curl: `curl -i -X PATCH${curlAuth} -H 'Content-Type: application/json' \\\n  '${base}/entities/urn:ngsi-ld:Bench:portal/attrs' \\\n  -d '{"seats": {"type": "Property", "value": 5}}'`,
      javascript: `const changed = await fetch('${base}/entities/urn:ngsi-ld:Bench:portal/attrs',\n  ${jsWith("method: 'PATCH', body: JSON.stringify({seats: {type: 'Property', value: 5}})")});\nconsole.log(changed.status); // 204`,
      python: `${pyHead}request = urllib.request.Request("${base}/entities/urn:ngsi-ld:Bench:portal/attrs",\n    json.dumps({"seats": {"type": "Property", "value": 5}}).encode(),\n    ${pyJson}, method="PATCH")\nprint(urllib.request.urlopen(request).status)  # 204`,
    },
    {
      key: 'example.follow',
      curl: `curl -N${curlAuth} '${origin}/live?type=${type}&options=keyValues'`,
      javascript: auth
        ? `const stream = await fetch('${origin}/live?type=${type}&options=keyValues', ${jsAuth});\nfor await (const text of stream.body.pipeThrough(new TextDecoderStream())) console.log(text);`
        : `const stream = new EventSource('${origin}/live?type=${type}&options=keyValues');\nstream.addEventListener('entity', (event) => console.log(JSON.parse(event.data)));`,
      python: `${pyHead}request = urllib.request.Request("${origin}/live?type=${type}&options=keyValues"${pyAuth})\nfor line in urllib.request.urlopen(request):\n    if line.startswith(b"data: "):\n        print(json.loads(line[6:]))`,
    },
    {
      key: 'example.past',
      curl: `curl${curlAuth} '${base}/temporal/entities/${id}?format=temporalValues&lastN=10'`,
      javascript: `const past = await fetch('${base}/temporal/entities/${id}?format=temporalValues&lastN=10'${js(jsAuth)});\nconsole.log(await past.json());`,
      python: `${pyHead}request = urllib.request.Request("${base}/temporal/entities/${id}?format=temporalValues&lastN=10"${pyAuth})\nprint(json.load(urllib.request.urlopen(request)))`,
    },
    {
      key: 'example.file',
      curl: `curl${curlAuth} -o ${type}.csv '${origin}/download?type=${type}&format=csv'`,
      javascript: `const file = await fetch('${origin}/download?type=${type}&format=csv'${js(jsAuth)});\nconsole.log(file.headers.get('NGSILD-Results-Count'), (await file.text()).length);`,
      python: `${pyHead}request = urllib.request.Request("${origin}/download?type=${type}&format=ndjson"${pyAuth})\nfor line in urllib.request.urlopen(request):\n    print(json.loads(line)["id"])`,
    },
    {
      key: 'example.features',
      curl: `curl${curlAuth} '${origin}/ogc/collections/${type}/items?limit=5'`,
      javascript: `const features = await fetch('${origin}/ogc/collections/${type}/items?limit=5'${js(jsAuth)});\nconsole.log((await features.json()).features.map(({id, geometry}) => [id, geometry]));`,
      python: `${pyHead}request = urllib.request.Request("${origin}/ogc/collections/${type}/items?limit=5"${pyAuth})\nfor feature in json.load(urllib.request.urlopen(request))["features"]:\n    print(feature["id"], feature["geometry"])`,
    },
    {
      key: 'example.sensors',
      curl: `curl${curlAuth} -g '${origin}/sta/v1.1/Datastreams?$top=5&$expand=Thing,Observations($top=1)'`,
      javascript: `const latest = await fetch('${origin}/sta/v1.1/Datastreams?$top=5&$expand=Observations($top=1)'${js(jsAuth)});\nfor (const {name, Observations} of (await latest.json()).value) console.log(name, Observations[0].result);`,
      python: `${pyHead}request = urllib.request.Request("${origin}/sta/v1.1/Datastreams?$top=5&$expand=Observations($top=1)"${pyAuth})\nfor stream in json.load(urllib.request.urlopen(request))["value"]:\n    print(stream["name"], stream["Observations"][0]["result"])`,
    },
  ];
}

// ---- the reference ----

function ApiReference() {
  const all = useSignal<Reference | null>(null);
  const problem = useSignal<Problem | null>(null);
  const wish = useSignal('');
  useEffect(() => {
    reference().then((read) => (all.value = read), (fault) => (problem.value = fault as Problem));
  }, []);
  const groups = useComputed(() => {
    const words = wish.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = (all.value?.entries ?? []).filter(({method, path, operation}) => {
      const text = `${method} ${path} ${operation.operationId} ${operation.summary}`.toLowerCase();
      return operation.operationId && words.every((word) => text.includes(word));
    });
    const by = new Map<string, Entry[]>();
    for (const entry of found) by.set(entry.group, [...(by.get(entry.group) ?? []), entry]);
    return [...by];
  });
  return (
    <section class="panel reference" aria-labelledby="reference-title">
      <div class="panel-head">
        <h2 id="reference-title">{t('reference.title')}</h2>
        <a href="/openapi.json" target="_blank" rel="noopener">
          /openapi.json
        </a>
      </div>
      <p class="about">{t('reference.about', {version: all.value?.version ?? ''})}</p>
      {problem.value && <Trouble problem={problem.value} />}
      <label class="field filter">
        <span>{t('reference.filter')}</span>
        <input type="search" value={wish.value} data-test="filter" onInput={(event) => (wish.value = event.currentTarget.value)} />
      </label>
      {groups.value.map(([group, entries]) => (
        <div key={group} class="group">
          <h3>{group || '/'}</h3>
          {entries.map((entry) => (
            <One key={entry.method + entry.path} entry={entry} />
          ))}
        </div>
      ))}
    </section>
  );
}

function One({entry: {method, path, operation, parameters}}: {entry: Entry}) {
  return (
    <details class="operation" data-test="operation">
      <summary>
        <span class={'method is-' + method.toLowerCase()}>{method}</span>
        <code>{path}</code>
        <span class="about" lang="en">{operation.summary}</span>
      </summary>
      {parameters.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={t('reference.parameters')}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t('reference.parameter')}</th>
                <th scope="col">{t('reference.in')}</th>
                <th scope="col">{t('reference.type')}</th>
                <th scope="col">{t('reference.meaning')}</th>
              </tr>
            </thead>
            <tbody>
              {parameters.map((one) => (
                <tr key={one.in + one.name}>
                  <th scope="row">
                    <code>{one.name}</code>
                    {one.required && <abbr title={t('reference.required')}> *</abbr>}
                  </th>
                  <td>{one.in}</td>
                  <td>{typeOf(one.schema)}</td>
                  <td lang="en">
                    {one.description}
                    {(one.schema?.enum ?? one.schema?.items?.enum)?.map((word) => (
                      <code key={word} class="word">
                        {word}
                      </code>
                    ))}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {operation.requestBody && (
        <p>
          <strong>{t('reference.body')}</strong>{' '}
          {Object.entries(operation.requestBody.content).map(([media, {schema}]) => (
            <code key={media} class="word">
              {media} {typeOf(schema)}
            </code>
          ))}
        </p>
      )}
      <ul class="answers">
        {Object.entries(operation.responses).map(([status, {description}]) => (
          <li key={status} class={'status is-' + status[0]}>
            <code>{status}</code> <span lang="en">{description}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
