// VerifyAuthChallengeResponse: whether the answer is the picture's text or the code that was sent.
//
// The answer `email` asks for the code: it is sent, and the round counts as not answered. Each round's text is good for
// that round alone, as Cognito gives a session's private parameters to one answer only.

import { equal } from './equal.mjs';
import { sendCode, verifiedAddress } from './mail.mjs';

export async function handler(event) {
  const { challengeAnswer, privateChallengeParameters } = event.request;
  const { answer, code } = privateChallengeParameters ?? {};
  const typed = typeof challengeAnswer === 'string' ? plain(challengeAnswer) : '';
  if (typed === 'EMAIL' && code) {
    await sendCode(verifiedAddress(event.request), code);
    event.response = { answerCorrect: false };
    return event;
  }
  const [text, mailed] = [equal(typed, answer), equal(typed, code)];
  event.response = { answerCorrect: text || mailed };
  return event;
}

/** As it is compared: capital letters, no spaces, full-width forms made plain. */
function plain(text) {
  return text.normalize('NFKC').replaceAll(/\s/g, '').toUpperCase();
}
