// CreateAuthChallenge: a picture of letters and digits to type, and a code by e-mail for those who cannot read it.
//
// Every round has a new picture. The code is made once a sign-in and carried from round to round in the metadata, which
// only triggers see; VerifyAuthChallengeResponse sends it when it is asked for. What the client gets holds neither.
//
// The picture is a `data:` URL, or with CAPTCHA_BUCKET an object in S3 under `url/`, given as CAPTCHA_URL_BASE (by default
// `url`, a relative address for the page to resolve) and the object's name.

import { randomBytes, randomInt } from 'node:crypto';

import { mailIsSetUp, newCode } from './mail.mjs';
import { ALPHABET, picture } from './picture.mjs';

const LENGTH = 6;
const METADATA = /^CAPTCHA(?:-(\d{6}))?$/;

export async function handler(event) {
  const { challengeName, session } = event.request;
  if (challengeName !== 'CUSTOM_CHALLENGE') {
    return event;
  }
  const answer = Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  const publicChallengeParameters = {
    captchaUrl: await publish(picture(answer)),
    question: 'Type the letters and digits in the picture.',
  };
  const privateChallengeParameters = { answer };
  let challengeMetadata = 'CAPTCHA';
  if (mailIsSetUp()) {
    const earlier = carriedCode(session ?? []);
    const code = earlier ?? newCode();
    privateChallengeParameters.code = code;
    challengeMetadata = `CAPTCHA-${code}`;
    publicChallengeParameters.alternative = 'email';
    // No trigger but Verify sees an answer, so this round cannot know whether the last was a mistake or a request.
    publicChallengeParameters.hint = earlier
      ? 'If you asked for a code by e-mail, type that code instead.'
      : 'Or answer "email" to get a code by e-mail instead.';
  }
  event.response = { publicChallengeParameters, privateChallengeParameters, challengeMetadata };
  return event;
}

function carriedCode(session) {
  const ours = session.filter(({ challengeName }) => challengeName === 'CUSTOM_CHALLENGE');
  return METADATA.exec(ours.at(-1)?.challengeMetadata ?? '')?.[1];
}

/** Where the page finds the picture. */
async function publish(png) {
  const { CAPTCHA_BUCKET, CAPTCHA_URL_BASE = 'url' } = process.env;
  if (!CAPTCHA_BUCKET) {
    return `data:image/png;base64,${png.toString('base64')}`;
  }
  const name = `${randomBytes(16).toString('hex')}.png`;
  // Lambda's Node.js runtime carries the SDK; elsewhere it is never asked for.
  const { S3Client, PutObjectCommand } = await import('@aws-sdk/client-s3');
  await new S3Client({}).send(
    new PutObjectCommand({
      Bucket: CAPTCHA_BUCKET,
      Key: `url/${name}`,
      Body: png,
      ContentType: 'image/png',
      CacheControl: 'private, no-store',
    }),
  );
  return `${CAPTCHA_URL_BASE}/${name}`;
}
