import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { ADA, NOBODY, define, entry } from '../events.mjs';
import { handler } from './define.mjs';

const SRP = entry('SRP_A', true);
const PASSWORD = entry('PASSWORD_VERIFIER', true);
const RIGHT = entry('CUSTOM_CHALLENGE', true, 'CAPTCHA');
const WRONG = entry('CUSTOM_CHALLENGE', false, 'CAPTCHA');
const FACTORS = ['SMS_MFA', 'SOFTWARE_TOKEN_MFA', 'EMAIL_OTP', 'DEVICE_SRP_AUTH', 'DEVICE_PASSWORD_VERIFIER'];

/** What the function decides: a challenge's name, `tokens` or `refused`. */
async function next(session, user = ADA) {
  const sent = define(session, user);
  const answer = await handler(structuredClone(sent));
  const { challengeName, issueTokens, failAuthentication } = answer.response;
  assert.deepEqual({ ...answer, response: sent.response }, sent, 'the whole event comes back');
  assert.equal(typeof issueTokens, 'boolean');
  assert.equal(typeof failAuthentication, 'boolean');
  assert.ok(!(issueTokens && failAuthentication), 'never both');
  return issueTokens ? 'tokens' : failAuthentication ? 'refused' : challengeName;
}

test('without a password the challenge comes first and a right answer gives tokens', async () => {
  assert.equal(await next([]), 'CUSTOM_CHALLENGE');
  assert.equal(await next([RIGHT]), 'tokens');
});

test('with a password first, it is proven before the challenge is asked', async () => {
  assert.equal(await next([SRP]), 'PASSWORD_VERIFIER');
  assert.equal(await next([SRP, PASSWORD]), 'CUSTOM_CHALLENGE');
  assert.equal(await next([SRP, PASSWORD, RIGHT]), 'tokens');
});

test('a password that was begun has to be proven, whatever else is right', async () => {
  for (const history of [
    [entry('SRP_A', false)],
    [SRP, RIGHT],
    [SRP, entry('PASSWORD_VERIFIER', false)],
    [SRP, entry('PASSWORD_VERIFIER', false), RIGHT],
    [SRP, entry('SMS_MFA', true)],
  ]) {
    assert.equal(await next(history), 'refused', JSON.stringify(history));
  }
});

test('three wrong answers end the sign-in, and nothing but our challenge is counted', async () => {
  assert.equal(await next([WRONG]), 'CUSTOM_CHALLENGE');
  assert.equal(await next([WRONG, WRONG]), 'CUSTOM_CHALLENGE');
  assert.equal(await next([WRONG, WRONG, RIGHT]), 'tokens');
  assert.equal(await next([WRONG, WRONG, WRONG]), 'refused');
  assert.equal(await next([SRP, PASSWORD, entry('SMS_MFA', true), WRONG, WRONG]), 'CUSTOM_CHALLENGE');
  assert.equal(await next([SRP, PASSWORD, entry('SMS_MFA', true), WRONG, WRONG, WRONG]), 'refused');
  assert.equal(await next([WRONG, WRONG, WRONG, entry('SMS_MFA', true)]), 'refused');
});

test('a factor that Cognito put in between leads to the challenge and never to tokens', async () => {
  for (const factor of FACTORS) {
    assert.equal(await next([SRP, PASSWORD, entry(factor, true)]), 'CUSTOM_CHALLENGE', factor);
    assert.equal(await next([SRP, PASSWORD, entry(factor, true), RIGHT]), 'tokens', factor);
    assert.equal(await next([SRP, PASSWORD, entry(factor, false)]), 'refused', factor);
    assert.notEqual(await next([SRP, PASSWORD, RIGHT, entry(factor, true)]), 'tokens', factor);
  }
});

test('an entry of an unknown name gives no tokens', async () => {
  for (const name of ['ADMIN_NO_SRP_AUTH', 'SOMETHING_NEW', '', undefined]) {
    assert.equal(await next([entry(name, true)]), 'refused', name);
    assert.equal(await next([SRP, PASSWORD, entry(name, true)]), 'refused', name);
  }
});

test('a result that is not true is wrong', async () => {
  for (const result of ['true', 1, null, undefined, {}]) {
    assert.equal(await next([entry('CUSTOM_CHALLENGE', result, 'CAPTCHA')]), 'CUSTOM_CHALLENGE', String(result));
    assert.equal(await next([entry('SRP_A', result)]), 'refused', String(result));
  }
});

test('who does not exist is asked as often as anybody and never let in', async () => {
  for (const history of [[], [SRP], [SRP, PASSWORD], [WRONG], [WRONG, WRONG], [WRONG, WRONG, WRONG]]) {
    assert.equal(await next(history, NOBODY), await next(history), JSON.stringify(history));
  }
  assert.equal(await next([RIGHT], NOBODY), 'refused');
});

test('with REQUIRE_PASSWORD nobody comes in by the challenge alone', async (t) => {
  process.env.REQUIRE_PASSWORD = 'true';
  t.after(() => delete process.env.REQUIRE_PASSWORD);
  assert.equal(await next([]), 'refused');
  assert.equal(await next([RIGHT]), 'refused');
  assert.equal(await next([SRP]), 'PASSWORD_VERIFIER');
  assert.equal(await next([SRP, PASSWORD, RIGHT]), 'tokens');
});

test('what both samples need is one text in two places, as each folder is deployed alone', async () => {
  for (const file of ['define.mjs', 'equal.mjs', 'mail.mjs']) {
    const [ours, theirs] = await Promise.all(
      [`./${file}`, `../email-code/${file}`].map((path) => readFile(new URL(path, import.meta.url), 'utf8')),
    );
    assert.equal(ours, theirs, file);
  }
});
