// Events as Cognito sends them, for the tests.

const CLIENT = '1example23456789';

function envelope(triggerSource, request, response, userName) {
  return {
    version: '1',
    triggerSource,
    region: 'eu-west-1',
    userPoolId: 'eu-west-1_AbCdEfGhI',
    userName,
    callerContext: { awsSdkVersion: 'aws-sdk-unknown-unknown', clientId: CLIENT },
    request,
    response,
  };
}

export const ADA = {
  userName: '5f3c1b9e-0000-4000-8000-000000000001',
  userAttributes: {
    sub: '5f3c1b9e-0000-4000-8000-000000000001',
    'cognito:user_status': 'CONFIRMED',
    email_verified: 'true',
    email: 'ada@example.com',
  },
  userNotFound: false,
};

/** A name that nobody has, in a pool that hides who exists. */
export const NOBODY = { userName: 'nobody@example.com', userAttributes: {}, userNotFound: true };

/** An entry of a history. `metadata` is Create's, null for what Cognito asked itself. */
export const entry = (challengeName, challengeResult, challengeMetadata = null) => ({
  challengeName,
  challengeResult,
  challengeMetadata,
});

export function define(session, { userName, ...user } = ADA) {
  const response = { challengeName: null, issueTokens: null, failAuthentication: null };
  return envelope('DefineAuthChallenge_Authentication', { ...user, session }, response, userName);
}

export function create(session, { userName, ...user } = ADA, challengeName = 'CUSTOM_CHALLENGE') {
  const response = { publicChallengeParameters: null, privateChallengeParameters: null, challengeMetadata: null };
  return envelope('CreateAuthChallenge_Authentication', { ...user, challengeName, session }, response, userName);
}

export function verify(challengeAnswer, privateChallengeParameters, { userName, ...user } = ADA) {
  const request = { ...user, privateChallengeParameters, challengeAnswer };
  return envelope('VerifyAuthChallengeResponse_Authentication', request, { answerCorrect: null }, userName);
}

/** With a password a sign-in, without one a forgotten password. */
export function migration(userName, password) {
  const request = { password, validationData: null, clientMetadata: {} };
  const response = {
    userAttributes: null,
    finalUserStatus: null,
    messageAction: null,
    desiredDeliveryMediums: null,
    forceAliasCreation: null,
    enableSMSMFA: null,
  };
  if (password === undefined) {
    delete request.password;
    return envelope('UserMigration_ForgotPassword', request, response, userName);
  }
  return envelope('UserMigration_Authentication', request, response, userName);
}
