import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';

import { ADA, NOBODY, create, define, entry, verify } from '../events.mjs';
import { handler as createHandler } from './create.mjs';
import { handler as defineHandler } from './define.mjs';
import { handler as verifyHandler } from './verify.mjs';

const folder = await mkdtemp(join(tmpdir(), 'email-code-'));
after(() => rm(folder, { recursive: true }));

beforeEach(() => {
  process.env.MAIL_FILE = join(folder, 'mail');
  return rm(process.env.MAIL_FILE, { force: true });
});

const mails = async () => {
  const text = await readFile(process.env.MAIL_FILE, 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).map(JSON.parse);
};

async function round(session = [], user = ADA) {
  return (await createHandler(create(session, user))).response;
}

async function right(answer, secret) {
  return (await verifyHandler(verify(answer, secret))).response.answerCorrect;
}

test('a sign-in by the code from the e-mail, from the first event to the tokens', async () => {
  const history = [];
  const decided = async () => (await defineHandler(define(history))).response;
  assert.equal((await decided()).challengeName, 'CUSTOM_CHALLENGE');
  const made = await round(history);
  assert.equal(made.publicChallengeParameters.email, 'a***@e***');
  const [{ to, text }] = await mails();
  assert.equal(to, 'ada@example.com');
  const correct = await right(/\d{6}/.exec(text)[0], made.privateChallengeParameters);
  assert.equal(correct, true);
  history.push(entry('CUSTOM_CHALLENGE', correct, made.challengeMetadata));
  assert.equal((await decided()).issueTokens, true);
});

test('the code is made and sent once; a second round asks for the same one', async () => {
  const first = await round();
  const second = await round([entry('CUSTOM_CHALLENGE', false, first.challengeMetadata)]);
  assert.deepEqual(second.privateChallengeParameters, first.privateChallengeParameters);
  assert.equal(second.challengeMetadata, first.challengeMetadata);
  assert.notEqual(second.publicChallengeParameters.question, first.publicChallengeParameters.question);
  assert.equal((await mails()).length, 1);
});

test('a code of six digits is what the client never gets', async () => {
  const made = await round();
  assert.match(made.privateChallengeParameters.answer, /^\d{6}$/);
  assert.ok(!JSON.stringify(made.publicChallengeParameters).includes(made.privateChallengeParameters.answer));
  assert.deepEqual(Object.keys(made.publicChallengeParameters), ['email', 'question']);
});

test('another start has another code', async () => {
  const codes = new Set();
  for (let start = 0; start < 5; start += 1) {
    codes.add((await round()).privateChallengeParameters.answer);
  }
  assert.ok(codes.size > 1);
});

test('nobody and unverified addresses get no message, and the client cannot tell', async () => {
  const unverified = { ...ADA, userAttributes: { ...ADA.userAttributes, email_verified: 'false' } };
  for (const user of [NOBODY, unverified]) {
    const made = await round([], user);
    assert.deepEqual(Object.keys(made.publicChallengeParameters), ['email', 'question']);
    assert.match(made.publicChallengeParameters.email, /^[a-z]\*\*\*@[a-z]\*\*\*$/);
    assert.match(made.privateChallengeParameters.answer, /^\d{6}$/);
    const again = await round([entry('CUSTOM_CHALLENGE', false, made.challengeMetadata)], user);
    assert.equal(again.publicChallengeParameters.email, made.publicChallengeParameters.email);
  }
  assert.equal((await round([], NOBODY)).publicChallengeParameters.email, 'n***@e***');
  assert.deepEqual(await mails(), []);
});

test('a message that cannot be sent does not show', async () => {
  process.env.MAIL_FILE = join(folder, 'no such folder', 'mail');
  const made = await round();
  assert.equal(made.publicChallengeParameters.email, 'a***@e***');
});

test('inside Lambda a code is never written to the log', async (t) => {
  delete process.env.MAIL_FILE;
  process.env.AWS_LAMBDA_FUNCTION_NAME = 'email-code-create';
  const log = t.mock.method(console, 'error', () => {});
  t.after(() => delete process.env.AWS_LAMBDA_FUNCTION_NAME);
  const { privateChallengeParameters } = await round();
  const written = log.mock.calls.flatMap((call) => call.arguments).join(' ');
  assert.match(written, /MAIL_FROM/);
  assert.ok(!written.includes(privateChallengeParameters.answer));
});

test('the code counts with the spaces it was copied with; nothing is always wrong', async () => {
  const secret = { answer: '123456' };
  for (const typed of ['123456', ' 123456\n', '123 456', '１２３４５６']) {
    assert.equal(await right(typed, secret), true, typed);
  }
  for (const typed of [undefined, null, '', ' ', 123456, ['123456'], '12345', '1234567', '654321']) {
    assert.equal(await right(typed, secret), false, JSON.stringify(typed));
  }
  for (const nothing of [undefined, null, {}, { answer: '' }, { answer: null }]) {
    for (const typed of [undefined, '', 'undefined', 'null']) {
      assert.equal(await right(typed, nothing), false, `${typed} against ${JSON.stringify(nothing)}`);
    }
  }
});
