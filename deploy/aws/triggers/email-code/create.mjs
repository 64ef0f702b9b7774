// CreateAuthChallenge: a code by e-mail is the whole proof.
//
// The code is made and sent once a sign-in. A wrong answer brings the same code again, carried from round to round in the
// metadata, which only triggers see; no further message goes out. A user who does not exist, or whose address is not
// verified, gets the same answer in the same time, and no message.

import { createHmac, randomBytes } from 'node:crypto';

import { newCode, sendCode, verifiedAddress } from './mail.mjs';

const METADATA = /^CODE-(\d{6})$/;

// Makes up the masked address of those who have none. Random, it changes with every start of the function.
const maskKey = process.env.MASK_KEY || randomBytes(32);

export async function handler(event) {
  const { challengeName, session } = event.request;
  if (challengeName !== 'CUSTOM_CHALLENGE') {
    return event;
  }
  const address = verifiedAddress(event.request);
  let code = carriedCode(session ?? []);
  const again = code !== undefined;
  if (!again) {
    code = newCode();
    await sendCode(address, code);
  }
  event.response = {
    publicChallengeParameters: {
      email: address === undefined ? madeUp(event.userName) : mask(address),
      question: again ? 'That was not the code. Type the code from the e-mail again.' : 'Type the code that we have sent by e-mail.',
    },
    privateChallengeParameters: { answer: code },
    challengeMetadata: `CODE-${code}`,
  };
  return event;
}

function carriedCode(session) {
  const ours = session.filter(({ challengeName }) => challengeName === 'CUSTOM_CHALLENGE');
  return METADATA.exec(ours.at(-1)?.challengeMetadata ?? '')?.[1];
}

/** `ada@example.com` as `a***@e***`, the way Cognito masks. */
function mask(address) {
  const [name, domain] = address.split('@');
  return `${name.slice(0, 1)}***@${domain.slice(0, 1)}***`;
}

/** The mask of the user name where that is an address, else letters that stay the same for one name. */
function madeUp(userName) {
  if (/^[^@]+@[^@]+$/.test(userName)) {
    return mask(userName);
  }
  const digest = createHmac('sha256', maskKey).update(userName).digest();
  const letter = (byte) => String.fromCharCode(97 + (byte % 26));
  return `${letter(digest[0])}***@${letter(digest[1])}***`;
}
