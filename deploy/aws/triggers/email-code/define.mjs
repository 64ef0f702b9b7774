// DefineAuthChallenge: decides what comes next in a sign-in with a custom challenge.
//
// Takes both starts: an empty history (CUSTOM_AUTH), and SRP_A first (CUSTOM_AUTH with CHALLENGE_NAME=SRP_A: the
// password, then whatever factor Cognito adds, then the challenge). Decides by the name of the history's last entry and
// never by its length: Cognito may add entries of its own. Only a right answer to our own challenge gives tokens.
//
// REQUIRE_PASSWORD=true refuses the start without a password.

const WRONG_ANSWERS = 3;

// What Cognito may ask before our challenge. Right answers to these lead to it, never to tokens.
const BEFORE_OURS = new Set([
  'PASSWORD_VERIFIER',
  'SMS_MFA',
  'SOFTWARE_TOKEN_MFA',
  'EMAIL_OTP',
  'DEVICE_SRP_AUTH',
  'DEVICE_PASSWORD_VERIFIER',
]);

const ASK = { challengeName: 'CUSTOM_CHALLENGE', issueTokens: false, failAuthentication: false };
const ASK_PASSWORD = { challengeName: 'PASSWORD_VERIFIER', issueTokens: false, failAuthentication: false };
const TOKENS = { issueTokens: true, failAuthentication: false };
const REFUSE = { issueTokens: false, failAuthentication: true };

export async function handler(event) {
  const { session, userNotFound } = event.request;
  const next = decide(session ?? [], process.env.REQUIRE_PASSWORD === 'true');
  // A user who does not exist is asked like any other and never let in.
  event.response = next === TOKENS && userNotFound ? REFUSE : next;
  return event;
}

function decide(session, requirePassword) {
  const last = session.at(-1);
  if (last === undefined) {
    return requirePassword ? REFUSE : ASK;
  }
  if (last.challengeName === 'SRP_A') {
    return last.challengeResult === true ? ASK_PASSWORD : REFUSE;
  }
  const passwordStarted = requirePassword || session.some(({ challengeName }) => challengeName === 'SRP_A');
  if (passwordStarted && !session.some((entry) => is(entry, 'PASSWORD_VERIFIER', true))) {
    return REFUSE;
  }
  if (is(last, 'CUSTOM_CHALLENGE', true)) {
    return TOKENS;
  }
  if (session.filter((entry) => is(entry, 'CUSTOM_CHALLENGE', false)).length >= WRONG_ANSWERS) {
    return REFUSE;
  }
  const right = BEFORE_OURS.has(last.challengeName) && last.challengeResult === true;
  return right || last.challengeName === 'CUSTOM_CHALLENGE' ? ASK : REFUSE;
}

function is(entry, challengeName, right) {
  return entry.challengeName === challengeName && (entry.challengeResult === true) === right;
}
