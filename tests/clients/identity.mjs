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

/** Without the client, which repeats a refused refresh for half a minute. */
function refresh({ clientId }, token) {
  const AuthParameters = { REFRESH_TOKEN: token.getToken() };
  return call('InitiateAuth', { AuthFlow: 'REFRESH_TOKEN_AUTH', ClientId: clientId, AuthParameters });
}

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
    await assert.rejects(refresh(pool, values[0].getRefreshToken()), REFUSED, flow);
    await assert.rejects(signIn(new Browser(pool).user(ADA, flow), 'wrong-Pass-1!'), REFUSED);
    await assert.rejects(signIn(new Browser(pool).user('nobody@example.com', flow), PASSWORD), REFUSED);
  }
  const user = await signedIn(pool);
  const token = user.getSignInUserSession().getRefreshToken();
  await done((callback) => user.signOut(callback));
  await assert.rejects(refresh(pool, token), REFUSED);
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

test('sign-up, a second code, confirmation, and the account removed by its owner', async () => {
  const pool = await TestPool.create();
  const browser = new Browser(pool);
  const signUp = (name) =>
    done((callback) => browser.pool.signUp(name, PASSWORD, [new CognitoUserAttribute({ Name: 'email', Value: name })], null, callback));
  const made = await signUp(ADA);
  assert.equal(made.userConfirmed, false);
  assert.equal(made.codeDeliveryDetails.Destination, 'a***@e***');
  const user = browser.user(ADA);
  await assert.rejects(signIn(user, PASSWORD), { name: 'UserNotConfirmedException' });
  const first = await codeSentTo(ADA);
  await done((callback) => user.resendConfirmationCode(callback));
  const second = await codeSentTo(ADA);
  const wrong = ['111111', '222222'].find((code) => code !== first && code !== second);
  await assert.rejects(done((callback) => user.confirmRegistration(wrong, true, callback)), { name: 'CodeMismatchException' });
  await done((callback) => user.confirmRegistration(second, true, callback));
  assert.equal((await signIn(user, PASSWORD)).came, 'onSuccess');
  assert.equal((await attributes(user)).email_verified, 'true');
  await assert.rejects(signUp(ADA), { name: 'UsernameExistsException' });
  await done((callback) => user.deleteUser(callback));
  await assert.rejects(signIn(browser.user(ADA), PASSWORD), REFUSED);
});

test('a forgotten password by code, and a password changed by its owner', async () => {
  const pool = await TestPool.create();
  await pool.user(ADA);
  const user = new Browser(pool).user(ADA);
  const asked = await answered((callbacks) => user.forgotPassword(callbacks));
  assert.equal(asked.came, 'inputVerificationCode');
  assert.equal(asked.values[0].CodeDeliveryDetails.Destination, 'a***@e***');
  const code = await codeSentTo(ADA);
  await answered((callbacks) => user.confirmPassword(code, 'Another-Horse-7!', callbacks));
  await assert.rejects(signIn(new Browser(pool).user(ADA), PASSWORD), REFUSED);
  const again = await signedIn(pool, ADA, 'Another-Horse-7!');
  await assert.rejects(done((callback) => again.changePassword('wrong-Pass-1!', PASSWORD, callback)), REFUSED);
  await done((callback) => again.changePassword('Another-Horse-7!', PASSWORD, callback));
  await signedIn(pool);
});

test('attributes are read, changed, verified by code and removed', async () => {
  const pool = await TestPool.create();
  await pool.user(ADA, { given_name: 'Ada' });
  const user = await signedIn(pool);
  const change = (Name, Value) =>
    done((callback) => user.updateAttributes([new CognitoUserAttribute({ Name, Value })], callback));
  await change('given_name', 'Augusta');
  assert.equal((await attributes(user)).given_name, 'Augusta');
  await done((callback) => user.deleteAttributes(['given_name'], callback));
  assert.equal((await attributes(user)).given_name, undefined);
  await change('email', 'augusta@example.com');
  assert.equal((await attributes(user)).email_verified, 'false');
  const asked = await answered((callbacks) => user.getAttributeVerificationCode('email', callbacks));
  assert.equal(asked.came, 'inputVerificationCode');
  const code = await codeSentTo('augusta@example.com');
  await answered((callbacks) => user.verifyAttribute('email', code, callbacks));
  assert.equal((await attributes(user)).email_verified, 'true');
});
