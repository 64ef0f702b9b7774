// The sample triggers behind the local pool: people sign in with a CAPTCHA, with a code from an e-mail, and as legacy users.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { define } from '../../deploy/aws/triggers/events.mjs';
import { Browser, answered, signIn } from './identity_js.mjs';
import { PASSWORD, TestPool, call, codeSentTo, sampleTriggers } from './pool.mjs';

const folder = await mkdtemp(join(tmpdir(), 'triggers-'));
after(() => rm(folder, { recursive: true }));

process.env.MAIL_FILE = join(folder, 'mail');
process.env.LEGACY_USERS = join(folder, 'legacy-users.json');
const triggers = await sampleTriggers();
beforeEach(() => (triggers.calls.length = 0));

const mailedCode = async () => /\d{6}/.exec(JSON.parse((await readFile(process.env.MAIL_FILE, 'utf8')).trim().split('\n').at(-1)).text)[0];

const start = ({ clientId }, USERNAME, more = {}) =>
  call('InitiateAuth', { AuthFlow: 'CUSTOM_AUTH', ClientId: clientId, AuthParameters: { USERNAME, ...more } });

function answer({ clientId }, { Session, ChallengeParameters }, ANSWER) {
  const ChallengeResponses = { USERNAME: ChallengeParameters.USERNAME, ANSWER };
  return call('RespondToAuthChallenge', { ChallengeName: 'CUSTOM_CHALLENGE', ClientId: clientId, Session, ChallengeResponses });
}

const REFUSED = { name: 'NotAuthorizedException', message: /Incorrect username or password\./ };

test('a CAPTCHA without a password: a wrong answer brings another picture, the right one tokens', async () => {
  const pool = await TestPool.create({ LambdaConfig: triggers.custom('captcha') });
  const ada = await pool.user('ada@example.com');
  const first = await start(pool, ada);
  assert.equal(first.ChallengeName, 'CUSTOM_CHALLENGE');
  assert.match(first.ChallengeParameters.captchaUrl, /^data:image\/png;base64,/);
  const { answer: text } = triggers.secret();
  assert.ok(!JSON.stringify(first).includes(text), 'the client does not get the answer');
  const second = await answer(pool, first, 'WRONG');
  assert.equal(second.ChallengeName, 'CUSTOM_CHALLENGE');
  assert.notEqual(second.Session, first.Session);
  assert.notEqual(second.ChallengeParameters.captchaUrl, first.ChallengeParameters.captchaUrl);
  await assert.rejects(answer(pool, first, text), { name: 'NotAuthorizedException' }, 'a round is answered once');
  const { AuthenticationResult } = await answer(pool, second, triggers.secret().answer.toLowerCase());
  const { UserAttributes } = await call('GetUser', { AccessToken: AuthenticationResult.AccessToken });
  assert.ok(UserAttributes.some(({ Name, Value }) => Name === 'email' && Value === ada));
});

test('the pool sends the events that the triggers are tested with', async () => {
  const pool = await TestPool.create({ LambdaConfig: triggers.custom('captcha') });
  await start(pool, await pool.user('ada@example.com'));
  const [{ sent }] = triggers.calls;
  const expected = define([]);
  assert.deepEqual(Object.keys(sent).sort(), Object.keys(expected).sort());
  assert.deepEqual(Object.keys(sent.request).sort(), Object.keys(expected.request).sort());
  assert.deepEqual(sent.response, expected.response);
  assert.deepEqual(sent.request.session, []);
});

test('three wrong answers end a sign-in', async () => {
  const pool = await TestPool.create({ LambdaConfig: triggers.custom('captcha') });
  let round = await start(pool, await pool.user('ada@example.com'));
  round = await answer(pool, round, 'WRONG');
  round = await answer(pool, round, 'WRONG');
  await assert.rejects(answer(pool, round, 'WRONG'), REFUSED);
});

test('who cannot read the picture signs in by a code from an e-mail', async () => {
  const pool = await TestPool.create({ LambdaConfig: triggers.custom('captcha') });
  const first = await start(pool, await pool.user('ada@example.com'));
  assert.equal(first.ChallengeParameters.alternative, 'email');
  const second = await answer(pool, first, 'email');
  assert.equal(second.ChallengeName, 'CUSTOM_CHALLENGE');
  const { AuthenticationResult } = await answer(pool, second, await mailedCode());
  assert.ok(AuthenticationResult.IdToken);
});

test('a CAPTCHA after the password: the triggers see both, in order', async () => {
  const pool = await TestPool.create({ LambdaConfig: triggers.custom('captcha') });
  const ada = await pool.user('ada@example.com');
  const user = () => new Browser(pool).user(ada, 'CUSTOM_AUTH');
  await assert.rejects(signIn(user(), 'wrong-Pass-1!'), { name: 'NotAuthorizedException' });
  const signingIn = user();
  assert.equal((await signIn(signingIn, PASSWORD)).came, 'customChallenge');
  const { answer: text } = triggers.secret();
  const { came } = await answered((callbacks) => signingIn.sendCustomChallengeAnswer(text, callbacks));
  assert.equal(came, 'onSuccess');
  const histories = triggers.calls
    .filter(({ sent }) => sent.triggerSource.startsWith('DefineAuthChallenge'))
    .map(({ sent }) => sent.request.session.map(({ challengeName, challengeResult }) => `${challengeName} ${challengeResult}`));
  assert.deepEqual(histories.at(-1), ['SRP_A true', 'PASSWORD_VERIFIER true', 'CUSTOM_CHALLENGE true']);
});

test('who does not exist is asked like anybody, and never let in', async () => {
  const pool = await TestPool.create({ LambdaConfig: triggers.custom('captcha') });
  const round = await start(pool, 'nobody@example.com');
  assert.deepEqual(Object.keys(round.ChallengeParameters).sort(), ['USERNAME', 'alternative', 'captchaUrl', 'hint', 'question']);
  await assert.rejects(answer(pool, round, triggers.secret().answer), REFUSED);
});

test('a code from an e-mail is the whole sign-in, and a mistake brings no second message', async () => {
  const pool = await TestPool.create({ LambdaConfig: triggers.custom('email-code') });
  await rm(process.env.MAIL_FILE, { force: true });
  const first = await start(pool, await pool.user('ada@example.com'));
  assert.equal(first.ChallengeParameters.email, 'a***@e***');
  const second = await answer(pool, first, '000 000 0');
  const { AuthenticationResult } = await answer(pool, second, await mailedCode());
  assert.ok(AuthenticationResult.IdToken);
  assert.equal((await readFile(process.env.MAIL_FILE, 'utf8')).trim().split('\n').length, 1);
  assert.deepEqual(
    Object.keys((await start(pool, 'nobody@example.com')).ChallengeParameters).sort(),
    Object.keys(first.ChallengeParameters).sort(),
  );
});

test('a legacy user moves over at the first sign-in, and the directory is asked no more', async () => {
  const script = fileURLToPath(new URL('../../deploy/aws/triggers/migrate-user/add-user.mjs', import.meta.url));
  const added = spawnSync(process.execPath, [script, 'lena@example.com', 'given_name=Lena'], { input: 'old' });
  assert.equal(added.status, 0, String(added.stderr));
  const pool = await TestPool.create({ LambdaConfig: triggers.migration() });
  const enter = (USERNAME, PASSWORD) =>
    call('InitiateAuth', {
      AuthFlow: 'USER_PASSWORD_AUTH',
      ClientId: pool.clientId,
      AuthParameters: { USERNAME, PASSWORD },
    });
  await assert.rejects(enter('lena@example.com', 'wrong-Pass-1!'), REFUSED);
  await assert.rejects(enter('nobody@example.com', 'old'), REFUSED);
  assert.deepEqual(triggers.calls, [], 'who is refused is not moved');
  const { AuthenticationResult } = await enter('lena@example.com', 'old');
  const { UserAttributes } = await call('GetUser', { AccessToken: AuthenticationResult.AccessToken });
  assert.ok(UserAttributes.some(({ Name, Value }) => Name === 'given_name' && Value === 'Lena'));
  assert.ok((await enter('lena@example.com', 'old')).AuthenticationResult);
  assert.equal(triggers.calls.length, 1);
});

test('a legacy user who forgot the password moves over, and sets another by code', async () => {
  const pool = await TestPool.create({ LambdaConfig: triggers.migration() });
  const { CodeDeliveryDetails } = await call('ForgotPassword', { ClientId: pool.clientId, Username: 'lena@example.com' });
  assert.equal(CodeDeliveryDetails.Destination, 'l***@e***');
  const ConfirmationCode = await codeSentTo('lena@example.com');
  await call('ConfirmForgotPassword', { ClientId: pool.clientId, Username: 'lena@example.com', ConfirmationCode, Password: PASSWORD });
  assert.equal((await signIn(new Browser(pool).user('lena@example.com'), PASSWORD)).came, 'onSuccess');
});
