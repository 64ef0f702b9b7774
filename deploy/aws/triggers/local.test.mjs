import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { json } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { define, migration } from './events.mjs';
import { NAMES, load } from './functions.mjs';

const script = (name) => fileURLToPath(new URL(name, import.meta.url));
const local = (name, input) =>
  spawnSync(process.execPath, [script('local.mjs'), ...(name ? [name] : [])], { input, encoding: 'utf8' });

let server;
let port;
before(async () => {
  server = spawn(process.execPath, [script('serve.mjs'), '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(createInterface({ input: server.stdout }), 'line');
  port = Number(line.split(':').at(-1));
});
after(async () => {
  server.kill();
  await once(server, 'exit');
});

async function invoke(path, body, { method = 'POST', headers = {} } = {}) {
  const call = request({ host: '127.0.0.1', port, path, method, headers });
  call.end(body);
  const [response] = await once(call, 'response');
  return { status: response.statusCode, headers: response.headers, body: await json(response) };
}

test('every function that is listed has a handler', async () => {
  for (const name of NAMES) {
    assert.equal(typeof (await load(name)), 'function', name);
    assert.equal(await load(name.replace('/', '-')), await load(name));
  }
  assert.equal(await load('../captcha/define'), undefined);
});

test('a command answers on stdout, and says on stderr what it threw', () => {
  const done = local('captcha/define', JSON.stringify(define([])));
  assert.equal(done.status, 0, done.stderr);
  assert.equal(JSON.parse(done.stdout).response.challengeName, 'CUSTOM_CHALLENGE');
  const threw = local('migrate-user', JSON.stringify(migration('nobody@example.com', 'x')));
  assert.equal(threw.status, 1);
  assert.equal(threw.stderr.trim().split('\n').at(-1), 'Incorrect username or password.');
  assert.equal(threw.stdout, '');
  assert.equal(local('captcha/define', 'no JSON').status, 1);
  for (const name of [undefined, 'captcha/define.mjs', 'constructor']) {
    assert.equal(local(name, '').status, 64, name);
  }
});

test('the Invoke API answers as Lambda does', async () => {
  const path = (name) => `/2015-03-31/functions/${name}/invocations`;
  for (const name of ['captcha-define', 'captcha%2Fdefine']) {
    const done = await invoke(path(name), JSON.stringify(define([])));
    assert.equal(done.status, 200);
    assert.equal(done.headers['x-amz-function-error'], undefined);
    assert.equal(done.body.response.challengeName, 'CUSTOM_CHALLENGE');
  }
  const threw = await invoke(path('migrate-user'), JSON.stringify(migration('nobody@example.com', 'x')));
  assert.equal(threw.status, 200);
  assert.equal(threw.headers['x-amz-function-error'], 'Unhandled');
  assert.equal(threw.body.errorMessage, 'Incorrect username or password.');
  assert.equal((await invoke(path('captcha-define'), 'no JSON')).status, 400);
  for (const wrong of [path('nothing'), path('%'), '/', `${path('captcha-define')}?x=1`]) {
    const answer = await invoke(wrong, '{}');
    assert.equal(answer.status, 404, wrong);
    assert.equal(answer.headers['x-amzn-errortype'], 'ResourceNotFoundException');
  }
  assert.equal((await invoke(path('captcha-define'), undefined, { method: 'GET' })).status, 404);
});

test('a page of a browser cannot call the functions', async () => {
  for (const headers of [{ host: 'evil.example' }, { origin: 'http://evil.example' }]) {
    const answer = await invoke('/2015-03-31/functions/captcha-define/invocations', '{}', { headers });
    assert.equal(answer.status, 403);
  }
});
