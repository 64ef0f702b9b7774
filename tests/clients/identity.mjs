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

test('an authenticator app is set up by its owner, preferred, and asked for', async () => {
  const pool = await TestPool.create();
  await pool.mfa({ SoftwareTokenMfaConfiguration: { Enabled: true }, MfaConfiguration: 'OPTIONAL' });
  await pool.user(ADA);
  const user = await signedIn(pool);
  const { values } = await answered((callbacks) => user.associateSoftwareToken(callbacks));
  const [secret] = values;
  await assert.rejects(
    answered((callbacks) => user.verifySoftwareToken('000000', 'phone', callbacks)),
    { name: 'EnableSoftwareTokenMFAException' },
  );
  await answered((callbacks) => user.verifySoftwareToken(totp(secret, -1), 'phone', callbacks));
  await done((callback) => user.setUserMfaPreference(null, { Enabled: true, PreferredMfa: true }, callback));

  const next = new Browser(pool).user(ADA);
  const asked = await signIn(next, PASSWORD);
  assert.equal(asked.came, 'totpRequired');
  assert.equal(asked.values[1].FRIENDLY_DEVICE_NAME, 'phone');
  const send = (code) => answered((callbacks) => next.sendMFACode(code, callbacks, 'SOFTWARE_TOKEN_MFA'));
  await assert.rejects(send('000000'), { name: 'CodeMismatchException' });
  await assert.rejects(send(totp(secret, -1)), { name: 'ExpiredCodeException' }, 'a code is good once');
  assert.equal((await send(totp(secret))).came, 'onSuccess');
});

test('who must have a second factor and has none sets one up on the way in', async () => {
  const pool = await TestPool.create();
  await pool.mfa({ SoftwareTokenMfaConfiguration: { Enabled: true }, MfaConfiguration: 'ON' });
  await pool.user(ADA);
  const user = new Browser(pool).user(ADA);
  assert.equal((await signIn(user, PASSWORD)).came, 'mfaSetup');
  const { values } = await answered((callbacks) => user.associateSoftwareToken(callbacks));
  const set = await answered((callbacks) => user.verifySoftwareToken(totp(values[0], -1), 'phone', callbacks));
  assert.equal(set.came, 'onSuccess');
  const next = new Browser(pool).user(ADA);
  assert.equal((await signIn(next, PASSWORD)).came, 'totpRequired');
  const code = totp(values[0]);
  assert.equal((await answered((callbacks) => next.sendMFACode(code, callbacks, 'SOFTWARE_TOKEN_MFA'))).came, 'onSuccess');
});

test('a code by SMS, and a choice between two factors', async () => {
  const pool = await TestPool.create();
  await pool.mfa({
    SoftwareTokenMfaConfiguration: { Enabled: true },
    SmsMfaConfiguration: pool.sms(),
    MfaConfiguration: 'OPTIONAL',
  });
  await pool.user(ADA, { phone_number: '+15555550123', phone_number_verified: 'true' });
  const user = await signedIn(pool);
  await done((callback) => user.setUserMfaPreference({ Enabled: true, PreferredMfa: true }, null, callback));

  const bySms = new Browser(pool).user(ADA);
  const asked = await signIn(bySms, PASSWORD);
  assert.equal(asked.came, 'mfaRequired');
  assert.equal(asked.values[1].CODE_DELIVERY_DESTINATION, '+*******0123');
  const code = await codeSentTo('+15555550123');
  assert.equal((await answered((callbacks) => bySms.sendMFACode(code, callbacks))).came, 'onSuccess');

  const { values } = await answered((callbacks) => bySms.associateSoftwareToken(callbacks));
  await answered((callbacks) => bySms.verifySoftwareToken(totp(values[0], -1), 'phone', callbacks));
  const both = { Enabled: true, PreferredMfa: false };
  await done((callback) => bySms.setUserMfaPreference(both, both, callback));
  for (const [choice, came] of [['SOFTWARE_TOKEN_MFA', 'totpRequired'], ['SMS_MFA', 'mfaRequired']]) {
    const chooser = new Browser(pool).user(ADA);
    const offered = await signIn(chooser, PASSWORD);
    assert.equal(offered.came, 'selectMFAType');
    assert.deepEqual(JSON.parse(offered.values[1].MFAS_CAN_CHOOSE).sort(), ['SMS_MFA', 'SOFTWARE_TOKEN_MFA']);
    assert.equal((await answered((callbacks) => chooser.sendMFASelectionAnswer(choice, callbacks))).came, came);
    const typed = choice === 'SMS_MFA' ? await codeSentTo('+15555550123') : totp(values[0]);
    assert.equal((await answered((callbacks) => chooser.sendMFACode(typed, callbacks, choice))).came, 'onSuccess');
  }
});

test('a remembered device proves itself and skips the second factor, until it is forgotten', async () => {
  const pool = await TestPool.create({
    DeviceConfiguration: { ChallengeRequiredOnNewDevice: true, DeviceOnlyRememberedOnUserPrompt: true },
  });
  await pool.mfa({ SmsMfaConfiguration: pool.sms(), MfaConfiguration: 'OPTIONAL' });
  await pool.user(ADA, { phone_number: '+15555550123', phone_number_verified: 'true' });
  await pool.admin('AdminSetUserMFAPreference', { Username: ADA, SMSMfaSettings: { Enabled: true, PreferredMfa: true } });
  const browser = new Browser(pool);
  const withCode = async () => {
    const user = browser.user(ADA);
    assert.equal((await signIn(user, PASSWORD)).came, 'mfaRequired');
    const code = await codeSentTo('+15555550123');
    const { came, values } = await answered((callbacks) => user.sendMFACode(code, callbacks));
    assert.equal(came, 'onSuccess');
    return { user, askToRemember: values[1] };
  };
  const { user, askToRemember } = await withCode();
  assert.equal(askToRemember, true, 'the person is asked');
  await answered((callbacks) => user.setDeviceStatusRemembered(callbacks));
  const { values } = await answered((callbacks) => user.listDevices(10, null, callbacks));
  assert.equal(values[0].Devices.length, 1);
  const key = values[0].Devices[0].DeviceKey;

  const trusted = browser.user(ADA);
  const entered = await signIn(trusted, PASSWORD);
  assert.equal(entered.came, 'onSuccess', 'no code on a remembered device');
  assert.equal(entered.values[0].getAccessToken().payload.device_key, key);
  assert.ok(await done((callback) => trusted.refreshSession(entered.values[0].getRefreshToken(), callback)));
  const elsewhere = new Browser(pool).user(ADA);
  assert.equal((await signIn(elsewhere, PASSWORD)).came, 'mfaRequired', 'another browser is another device');

  await answered((callbacks) => trusted.forgetSpecificDevice(key, callbacks));
  trusted.clearCachedDeviceKeyAndPassword();
  await withCode();
});
