// The sample triggers put pictures to S3 and send codes by SES: with the real SDK, recorded on loopback.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { register } from 'node:module';
import { buffer } from 'node:stream/consumers';
import { after, before, beforeEach, test } from 'node:test';

import { ADA, NOBODY, create, verify } from '../../deploy/aws/triggers/events.mjs';

// Lambda's runtime carries the SDK for every function; here it lies beside this file.
const hooks = `export function resolve(name, context, next) {
  return next(name, name.startsWith('@aws-sdk/client-') ? { ...context, parentURL: '${import.meta.url}' } : context);
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

const calls = [];
const server = createServer(async (request, response) => {
  calls.push({ method: request.method, url: request.url, headers: request.headers, body: await buffer(request) });
  response.writeHead(server.status, { 'content-type': 'application/json' }).end('{}');
});
before(async () => {
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${server.address().port}`,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'none',
    AWS_SECRET_ACCESS_KEY: 'none',
    AWS_MAX_ATTEMPTS: '1',
    AWS_LAMBDA_FUNCTION_NAME: 'under-test',
    MAIL_FROM: 'sign-in@example.com',
  });
});
after(() => server.close());
beforeEach(() => {
  calls.length = 0;
  server.status = 200;
});

const load = async (name) => (await import(`../../deploy/aws/triggers/${name}.mjs`)).handler;

test('the picture is put to the bucket under a name that cannot be guessed, and given relative to it', async () => {
  process.env.CAPTCHA_BUCKET = 'pictures';
  const { response } = await (await load('captcha/create'))(create([]));
  const { captchaUrl } = response.publicChallengeParameters;
  assert.match(captchaUrl, /^url\/[0-9a-f]{32}\.png$/);
  const [put, ...more] = calls;
  assert.deepEqual(more, []);
  assert.equal(put.method, 'PUT');
  assert.ok(`${put.headers.host}${put.url}`.includes('pictures'), put.url);
  assert.ok(put.url.split('?')[0].endsWith(captchaUrl), put.url);
  assert.equal(put.headers['content-type'], 'image/png');
  assert.equal(put.headers['cache-control'], 'private, no-store');
  assert.ok(put.body.includes(Buffer.from('\x89PNG', 'latin1')));
});

test('the address of the pictures can be another', async () => {
  process.env.CAPTCHA_BUCKET = 'pictures';
  process.env.CAPTCHA_URL_BASE = 'https://pictures.example.com/url';
  const { response } = await (await load('captcha/create'))(create([]));
  assert.match(response.publicChallengeParameters.captchaUrl, /^https:\/\/pictures\.example\.com\/url\/[0-9a-f]{32}\.png$/);
});

test('codes go out by SES, to the verified address and to nobody else', async () => {
  const createCode = await load('email-code/create');
  const verifyCaptcha = await load('captcha/verify');
  const { response } = await createCode(create([]));
  await verifyCaptcha(verify('email', { answer: 'ACE379', code: '123456' }));
  await createCode(create([], NOBODY));
  await verifyCaptcha(verify('email', { answer: 'ACE379', code: '123456' }, NOBODY));
  assert.deepEqual(calls.map(({ method, url }) => `${method} ${url}`), Array(2).fill('POST /v2/email/outbound-emails'));
  const mails = calls.map(({ body }) => JSON.parse(body));
  for (const [place, code] of [response.privateChallengeParameters.answer, '123456'].entries()) {
    assert.equal(mails[place].FromEmailAddress, 'sign-in@example.com');
    assert.deepEqual(mails[place].Destination, { ToAddresses: [ADA.userAttributes.email] });
    assert.match(mails[place].Content.Simple.Body.Text.Data, new RegExp(`\\b${code}\\b`));
  }
});

test('the client does not learn that SES refused', async (t) => {
  const log = t.mock.method(console, 'error', () => {});
  server.status = 400;
  const { response } = await (await load('email-code/create'))(create([]));
  assert.deepEqual(Object.keys(response.publicChallengeParameters), ['email', 'question']);
  assert.equal(log.mock.callCount(), 1);
});
