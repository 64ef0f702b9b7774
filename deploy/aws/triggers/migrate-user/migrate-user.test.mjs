import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { migration } from '../events.mjs';
import { handler } from './index.mjs';

const folder = await mkdtemp(join(tmpdir(), 'migrate-user-'));
const file = join(folder, 'legacy-users.json');
after(() => rm(folder, { recursive: true }));

const addUser = (input, ...args) =>
  spawnSync(process.execPath, [fileURLToPath(new URL('add-user.mjs', import.meta.url)), ...args], {
    input,
    encoding: 'utf8',
    env: { ...process.env, LEGACY_USERS: file },
  });

before(() => {
  process.env.LEGACY_USERS = file;
  assert.equal(addUser('an old password\n', 'Lena@example.com', 'given_name=Lena', 'custom:team=a=b').status, 0);
  assert.equal(addUser('x1', 'olaf', 'email=olaf@example.com', 'email_verified=false').status, 0);
});

test('the right password moves a person over, confirmed and without a welcome message', async () => {
  const event = migration('lena@example.com', 'an old password');
  const answer = await handler(structuredClone(event));
  assert.deepEqual(answer, {
    ...event,
    response: {
      ...event.response,
      userAttributes: {
        email: 'Lena@example.com',
        email_verified: 'true',
        given_name: 'Lena',
        'custom:team': 'a=b',
      },
      finalUserStatus: 'CONFIRMED',
      messageAction: 'SUPPRESS',
    },
  });
});

test('who forgot the password moves over without one', async () => {
  const { response } = await handler(migration('LENA@example.com'));
  assert.equal(response.userAttributes.email_verified, 'true');
  assert.equal(response.messageAction, 'SUPPRESS');
  assert.equal(response.finalUserStatus, null, 'the status is for sign-ins');
});

test('an address that the directory calls unverified stays so', async () => {
  assert.equal((await handler(migration('olaf', 'x1'))).response.userAttributes.email_verified, 'false');
});

test('a wrong password, none and an unknown name are refused in the same words', async () => {
  for (const event of [
    migration('lena@example.com', 'wrong'),
    migration('lena@example.com', ''),
    migration('nobody@example.com', 'an old password'),
    migration('nobody@example.com'),
    migration('constructor', 'x'),
    migration('__proto__'),
    { ...migration('lena@example.com'), triggerSource: 'UserMigration_Authentication' },
  ]) {
    await assert.rejects(handler(event), { message: 'Incorrect username or password.' }, event.userName);
  }
});

test('a directory that cannot be read, and another trigger, say nothing to the client', async (t) => {
  const log = t.mock.method(console, 'error', () => {});
  const neutral = { message: 'Incorrect username or password.' };
  await assert.rejects(handler({ ...migration('lena@example.com'), triggerSource: 'PreSignUp_SignUp' }), neutral);
  process.env.LEGACY_USERS = join(folder, 'missing.json');
  t.after(() => (process.env.LEGACY_USERS = file));
  await assert.rejects(handler(migration('lena@example.com', 'an old password')), neutral);
  assert.equal(log.mock.callCount(), 2, 'the operator reads both');
});

test('the file holds salted hashes and is closed to others', async () => {
  const text = await readFile(file, 'utf8');
  assert.ok(!text.includes('an old password'));
  for (const { password } of Object.values(JSON.parse(text))) {
    assert.match(password, /^scrypt\$65536\$8\$2\$[A-Za-z0-9+/=]{24}\$[A-Za-z0-9+/=]{44}$/);
  }
  assert.equal((await stat(file)).mode & 0o777, 0o600);
});

test('add-user refuses what it cannot use, and gives a person a new password', async () => {
  for (const [input, ...args] of [
    ['x'],
    ['', 'lena@example.com'],
    ['two\nlines', 'lena@example.com'],
    ['x', 'no-address'],
    ['x', 'lena@example.com', 'no pair'],
  ]) {
    assert.equal(addUser(input, ...args).status, 64, JSON.stringify(args));
  }
  assert.equal(addUser('x2', 'OLAF', 'email=olaf@example.com').status, 0);
  await assert.rejects(handler(migration('olaf', 'x1')));
  assert.ok(await handler(migration('olaf', 'x2')));
});
