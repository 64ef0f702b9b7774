// amazon-cognito-identity-js against the local pool, through every flow and challenge it supports.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { AuthenticationDetails, Browser, CognitoUserAttribute, answered, done, signIn } from './identity_js.mjs';
import { PASSWORD, TestPool, call, codeSentTo, sampleTriggers, totp } from './pool.mjs';

const ADA = 'ada@example.com';
const REFUSED = { name: 'NotAuthorizedException' };

const triggers = await sampleTriggers();

/** A signed-in user of a new browser. */
async function signedIn(pool, name = ADA, password = PASSWORD) {
  const user = new Browser(pool).user(name);
  assert.equal((await signIn(user, password)).came, 'onSuccess');
  return user;
}

const attributes = async (user) =>
  Object.fromEntries((await done((callback) => user.getUserAttributes(callback))).map((each) => [each.Name, each.Value]));

test('SRP and password: tokens, refresh, revocation, sign-out everywhere', async () => {
  const pool = await TestPool.create();
  await pool.user(ADA);
  for (const flow of ['USER_SRP_AUTH', 'USER_PASSWORD_AUTH']) {
    const user = new Browser(pool).user(ADA, flow);
    const { came, values } = await signIn(user, PASSWORD);
    assert.equal(came, 'onSuccess', flow);
    assert.equal(values[0].getIdToken().payload.email, ADA);
    assert.equal((await attributes(user)).email, ADA);
    const renewed = await done((callback) => user.refreshSession(values[0].getRefreshToken(), callback));
    assert.notEqual(renewed.getAccessToken().getJwtToken(), values[0].getAccessToken().getJwtToken());
    await answered((callbacks) => user.globalSignOut(callbacks));
    await assert.rejects(done((callback) => user.refreshSession(values[0].getRefreshToken(), callback)), REFUSED, flow);
    await assert.rejects(signIn(new Browser(pool).user(ADA, flow), 'wrong-Pass-1!'), REFUSED);
    await assert.rejects(signIn(new Browser(pool).user('nobody@example.com', flow), PASSWORD), REFUSED);
  }
  const user = await signedIn(pool);
  const token = user.getSignInUserSession().getRefreshToken();
  await done((callback) => user.signOut(callback));
  await assert.rejects(done((callback) => user.refreshSession(token, callback)), REFUSED);
});

test('a temporary password is replaced, with the attribute that was missing', async () => {
  const pool = await TestPool.create({ Schema: [{ Name: 'given_name', AttributeDataType: 'String', Required: true }] });
  await pool.invited(ADA, 'Temporary-Pass-1!');
  const user = new Browser(pool).user(ADA);
  const { came, values } = await signIn(user, 'Temporary-Pass-1!');
  assert.equal(came, 'newPasswordRequired');
  assert.deepEqual(values[1], ['given_name']);
  const after = await answered((callbacks) => user.completeNewPasswordChallenge(PASSWORD, { given_name: 'Ada' }, callbacks));
  assert.equal(after.came, 'onSuccess');
  assert.equal((await attributes(await signedIn(pool))).given_name, 'Ada');
});

test('a custom challenge, without the password and after it', async () => {
  const pool = await TestPool.create({ LambdaConfig: triggers.custom('captcha') });
  await pool.user(ADA);
  const details = new AuthenticationDetails({ Username: ADA, Password: PASSWORD });
  for (const begin of ['initiateAuth', 'authenticateUser']) {
    const user = new Browser(pool).user(ADA, 'CUSTOM_AUTH');
    const first = await answered((callbacks) => user[begin](details, callbacks));
    assert.equal(first.came, 'customChallenge', begin);
    assert.match(first.values[0].captchaUrl, /^data:image\/png/);
    const second = await answered((callbacks) => user.sendCustomChallengeAnswer('WRONG', callbacks));
    assert.equal(second.came, 'customChallenge');
    const { answer } = triggers.secret();
    const { came } = await answered((callbacks) => user.sendCustomChallengeAnswer(answer, callbacks));
    assert.equal(came, 'onSuccess');
    assert.equal((await attributes(user)).email, ADA);
  }
  const wrong = new AuthenticationDetails({ Username: ADA, Password: 'wrong-Pass-1!' });
  const user = new Browser(pool).user(ADA, 'CUSTOM_AUTH');
  await assert.rejects(answered((callbacks) => user.authenticateUser(wrong, callbacks)), REFUSED);
});
