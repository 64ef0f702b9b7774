// VerifyAuthChallengeResponse: whether the answer is the code that was sent.

import { equal } from './equal.mjs';

export async function handler(event) {
  const { challengeAnswer, privateChallengeParameters } = event.request;
  // Mail programs show codes with spaces, and people copy them so.
  const typed = typeof challengeAnswer === 'string' ? challengeAnswer.normalize('NFKC').replaceAll(/\s/g, '') : '';
  event.response = { answerCorrect: equal(typed, privateChallengeParameters?.answer) };
  return event;
}
