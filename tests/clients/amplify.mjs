// AWS Amplify against the local pool, through every flow and challenge it supports, as a single-page app uses it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Amplify } from 'aws-amplify';
import * as auth from 'aws-amplify/auth';

import { PASSWORD, TestPool, codeSentTo, endpoint, sampleTriggers, totp } from './pool.mjs';

const ADA = 'ada@example.com';
const PHONE = '+15555550123';
const REFUSED = { name: 'NotAuthorizedException' };

// Amplify names a device by its browser; without one it drops the device and says nothing.
globalThis.navigator ??= { userAgent: 'tests' };

const triggers = await sampleTriggers();

/** A new pool that Amplify is set up for; nobody is signed in. */
async function configured(settings, client) {
  const pool = await TestPool.create(settings, client);
  Amplify.configure({ Auth: { Cognito: { userPoolId: pool.id, userPoolClientId: pool.clientId, userPoolEndpoint: endpoint } } });
  return pool;
}

/** The step after a password. */
async function signIn(username, options = {}, password = PASSWORD) {
  const { nextStep } = await auth.signIn({ username, password, options });
  return nextStep;
}

async function answer(challengeResponse, options) {
  const { nextStep } = await auth.confirmSignIn({ challengeResponse, options });
  return nextStep;
}

/** Somebody is signed in, as the pool says, and stays so with new tokens. */
async function assertSignedIn(step, email = ADA) {
  assert.equal(step.signInStep, 'DONE');
  assert.equal((await auth.fetchUserAttributes()).email, email);
  const { tokens } = await auth.fetchAuthSession({ forceRefresh: true });
  assert.equal(tokens.idToken.payload.email, email);
}

test('SRP and password: tokens, refresh, sign-out here and everywhere', async () => {
  const pool = await configured();
  await pool.user(ADA);
  for (const authFlowType of ['USER_SRP_AUTH', 'USER_PASSWORD_AUTH']) {
    await assertSignedIn(await signIn(ADA, { authFlowType }));
    await auth.signOut({ global: authFlowType === 'USER_PASSWORD_AUTH' });
    await assert.rejects(auth.fetchUserAttributes());
    await assert.rejects(signIn(ADA, { authFlowType }, 'wrong-Pass-1!'), REFUSED);
    await assert.rejects(signIn('nobody@example.com', { authFlowType }), REFUSED);
  }
});

test('a temporary password is replaced, with the attribute that was missing', async () => {
  const pool = await configured({ Schema: [{ Name: 'given_name', AttributeDataType: 'String', Required: true }] });
  await pool.invited(ADA, 'Temporary-Pass-1!');
  const step = await signIn(ADA, {}, 'Temporary-Pass-1!');
  assert.equal(step.signInStep, 'CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED');
  assert.deepEqual(step.missingAttributes, ['given_name']);
  await assertSignedIn(await answer(PASSWORD, { userAttributes: { given_name: 'Ada' } }));
  await auth.signOut();
});

test('a custom challenge, without the password and after it', async () => {
  const pool = await configured({ LambdaConfig: triggers.custom('captcha') });
  await pool.user(ADA);
  for (const authFlowType of ['CUSTOM_WITHOUT_SRP', 'CUSTOM_WITH_SRP']) {
    const { nextStep } = await auth.signIn({
      username: ADA,
      password: authFlowType === 'CUSTOM_WITH_SRP' ? PASSWORD : undefined,
      options: { authFlowType },
    });
    assert.equal(nextStep.signInStep, 'CONFIRM_SIGN_IN_WITH_CUSTOM_CHALLENGE', authFlowType);
    assert.match(nextStep.additionalInfo.captchaUrl, /^data:image\/png/);
    assert.equal((await answer('WRONG')).signInStep, 'CONFIRM_SIGN_IN_WITH_CUSTOM_CHALLENGE');
    await assertSignedIn(await answer(triggers.secret().answer));
    await auth.signOut();
  }
  await assert.rejects(signIn(ADA, { authFlowType: 'CUSTOM_WITH_SRP' }, 'wrong-Pass-1!'), REFUSED);
});

test('sign-up, a second code, and the sign-in that follows by itself', async () => {
  await configured();
  const made = await auth.signUp({
    username: ADA,
    password: PASSWORD,
    options: { userAttributes: { email: ADA }, autoSignIn: true },
  });
  assert.equal(made.nextStep.signUpStep, 'CONFIRM_SIGN_UP');
  assert.equal(made.nextStep.codeDeliveryDetails.destination, 'a***@e***');
  await auth.resendSignUpCode({ username: ADA });
  const confirmed = await auth.confirmSignUp({ username: ADA, confirmationCode: await codeSentTo(ADA) });
  assert.equal(confirmed.nextStep.signUpStep, 'COMPLETE_AUTO_SIGN_IN');
  await assertSignedIn((await auth.autoSignIn()).nextStep);
  await auth.deleteUser();
  await assert.rejects(signIn(ADA), REFUSED);
});

test('who has not confirmed an account is asked to', async () => {
  await configured();
  await auth.signUp({ username: ADA, password: PASSWORD, options: { userAttributes: { email: ADA } } });
  assert.equal((await signIn(ADA)).signInStep, 'CONFIRM_SIGN_UP');
});

test('a forgotten password by code, one that was reset, and one changed by its owner', async () => {
  const pool = await configured();
  await pool.user(ADA);
  const { nextStep } = await auth.resetPassword({ username: ADA });
  assert.equal(nextStep.resetPasswordStep, 'CONFIRM_RESET_PASSWORD_WITH_CODE');
  const confirm = async (newPassword) =>
    auth.confirmResetPassword({ username: ADA, newPassword, confirmationCode: await codeSentTo(ADA) });
  await confirm('Another-Horse-7!');
  await assertSignedIn(await signIn(ADA, {}, 'Another-Horse-7!'));
  await auth.updatePassword({ oldPassword: 'Another-Horse-7!', newPassword: PASSWORD });
  await auth.signOut();
  await pool.admin('AdminResetUserPassword', { Username: ADA });
  assert.equal((await signIn(ADA)).signInStep, 'RESET_PASSWORD');
  await confirm('A-third-Horse-5!');
  await assertSignedIn(await signIn(ADA, {}, 'A-third-Horse-5!'));
  await auth.signOut();
});

test('attributes are changed, verified by code and removed', async () => {
  const pool = await configured({
    UserAttributeUpdateSettings: { AttributesRequireVerificationBeforeUpdate: ['email'] },
  });
  await pool.user(ADA, { given_name: 'Ada' });
  await signIn(ADA);
  const { nextStep } = await auth.updateUserAttribute({
    userAttribute: { attributeKey: 'email', value: 'augusta@example.com' },
  });
  assert.equal(nextStep.updateAttributeStep, 'CONFIRM_ATTRIBUTE_WITH_CODE');
  assert.equal((await auth.fetchUserAttributes()).email, ADA, 'the old address stays until the new one is verified');
  const confirmationCode = await codeSentTo('augusta@example.com');
  await auth.confirmUserAttribute({ userAttributeKey: 'email', confirmationCode });
  await auth.deleteUserAttributes({ userAttributeKeys: ['given_name'] });
  const now = await auth.fetchUserAttributes();
  assert.deepEqual([now.email, now.email_verified, now.given_name], ['augusta@example.com', 'true', undefined]);
  await auth.signOut();
});

test('an authenticator app is set up by its owner, preferred, and asked for', async () => {
  const pool = await configured();
  await pool.mfa({ SoftwareTokenMfaConfiguration: { Enabled: true }, MfaConfiguration: 'OPTIONAL' });
  await pool.user(ADA);
  await signIn(ADA);
  const { sharedSecret } = await auth.setUpTOTP();
  await auth.verifyTOTPSetup({ code: totp(sharedSecret, -1) });
  await auth.updateMFAPreference({ totp: 'PREFERRED' });
  assert.deepEqual(await auth.fetchMFAPreference(), { enabled: ['TOTP'], preferred: 'TOTP' });
  await auth.signOut();
  assert.equal((await signIn(ADA)).signInStep, 'CONFIRM_SIGN_IN_WITH_TOTP_CODE');
  await assert.rejects(answer('000000'), { name: 'CodeMismatchException' });
  await assertSignedIn(await answer(totp(sharedSecret)));
  await auth.signOut();
});

test('who must have a second factor and has none sets up an app on the way in', async () => {
  const pool = await configured();
  await pool.mfa({ SoftwareTokenMfaConfiguration: { Enabled: true }, MfaConfiguration: 'ON' });
  await pool.user(ADA);
  const step = await signIn(ADA);
  assert.equal(step.signInStep, 'CONTINUE_SIGN_IN_WITH_TOTP_SETUP');
  const { sharedSecret } = step.totpSetupDetails;
  await assertSignedIn(await answer(totp(sharedSecret, -1)));
  await auth.signOut();
  assert.equal((await signIn(ADA)).signInStep, 'CONFIRM_SIGN_IN_WITH_TOTP_CODE');
  await assertSignedIn(await answer(totp(sharedSecret)));
  await auth.signOut();
});

test('codes by SMS and e-mail, and a choice between them', async () => {
  const pool = await configured();
  await pool.mfa({ SmsMfaConfiguration: pool.sms(), EmailMfaConfiguration: {}, MfaConfiguration: 'OPTIONAL' });
  await pool.user(ADA, { phone_number: PHONE, phone_number_verified: 'true' });
  const prefer = (sms, email) =>
    pool.admin('AdminSetUserMFAPreference', {
      Username: ADA,
      SMSMfaSettings: { Enabled: true, PreferredMfa: sms },
      EmailMfaSettings: { Enabled: true, PreferredMfa: email },
    });
  const ways = [
    { preferred: [true, false], type: 'SMS', step: 'CONFIRM_SIGN_IN_WITH_SMS_CODE', to: PHONE, masked: '+*******0123' },
    { preferred: [false, true], type: 'EMAIL', step: 'CONFIRM_SIGN_IN_WITH_EMAIL_CODE', to: ADA, masked: 'a***@e***' },
  ];
  for (const { preferred, step, to, masked } of ways) {
    await prefer(...preferred);
    const next = await signIn(ADA);
    assert.equal(next.signInStep, step);
    assert.equal(next.codeDeliveryDetails.destination, masked);
    await assertSignedIn(await answer(await codeSentTo(to)));
    await auth.signOut();
  }
  await prefer(false, false);
  for (const { type, step, to } of ways) {
    const choice = await signIn(ADA);
    assert.equal(choice.signInStep, 'CONTINUE_SIGN_IN_WITH_MFA_SELECTION');
    assert.deepEqual(choice.allowedMFATypes.toSorted(), ['EMAIL', 'SMS']);
    assert.equal((await answer(type)).signInStep, step);
    await assertSignedIn(await answer(await codeSentTo(to)));
    await auth.signOut();
  }
});

test('a choice of the first factor: a code by e-mail or SMS, the password, or what the app prefers', async () => {
  const pool = await configured({
    Policies: { SignInPolicy: { AllowedFirstAuthFactors: ['PASSWORD', 'EMAIL_OTP', 'SMS_OTP'] } },
  });
  await pool.user(ADA, { phone_number: PHONE, phone_number_verified: 'true' });
  const begin = async (preferredChallenge, password) =>
    (await auth.signIn({ username: ADA, password, options: { authFlowType: 'USER_AUTH', preferredChallenge } })).nextStep;
  const codes = [
    ['EMAIL_OTP', 'CONFIRM_SIGN_IN_WITH_EMAIL_CODE', ADA],
    ['SMS_OTP', 'CONFIRM_SIGN_IN_WITH_SMS_CODE', PHONE],
  ];
  for (const [factor, step, to] of codes) {
    const choice = await begin();
    assert.equal(choice.signInStep, 'CONTINUE_SIGN_IN_WITH_FIRST_FACTOR_SELECTION');
    assert.deepEqual(choice.availableChallenges.toSorted(), ['EMAIL_OTP', 'PASSWORD', 'PASSWORD_SRP', 'SMS_OTP']);
    assert.equal((await answer(factor)).signInStep, step);
    await assertSignedIn(await answer(await codeSentTo(to)));
    await auth.signOut();
    assert.equal((await begin(factor)).signInStep, step);
    await assertSignedIn(await answer(await codeSentTo(to)));
    await auth.signOut();
  }
  for (const factor of ['PASSWORD', 'PASSWORD_SRP']) {
    await begin();
    assert.equal((await answer(factor)).signInStep, 'CONFIRM_SIGN_IN_WITH_PASSWORD');
    await assertSignedIn(await answer(PASSWORD));
    await auth.signOut();
    await assertSignedIn(await begin(factor, PASSWORD));
    await auth.signOut();
  }
});

test('a remembered device skips the second factor until it is forgotten', async () => {
  const pool = await configured({
    DeviceConfiguration: { ChallengeRequiredOnNewDevice: true, DeviceOnlyRememberedOnUserPrompt: true },
  });
  await pool.mfa({ SmsMfaConfiguration: pool.sms(), MfaConfiguration: 'OPTIONAL' });
  await pool.user(ADA, { phone_number: PHONE, phone_number_verified: 'true' });
  await pool.admin('AdminSetUserMFAPreference', { Username: ADA, SMSMfaSettings: { Enabled: true, PreferredMfa: true } });
  assert.equal((await signIn(ADA)).signInStep, 'CONFIRM_SIGN_IN_WITH_SMS_CODE');
  await assertSignedIn(await answer(await codeSentTo(PHONE)));
  await auth.rememberDevice();
  assert.equal((await auth.fetchDevices()).length, 1);
  await auth.signOut();
  await assertSignedIn(await signIn(ADA));
  await auth.forgetDevice();
  await auth.signOut();
  assert.equal((await signIn(ADA)).signInStep, 'CONFIRM_SIGN_IN_WITH_SMS_CODE');
});
