import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { crc32, inflateSync } from 'node:zlib';

import { ADA, NOBODY, create, entry, verify } from '../events.mjs';
import { handler as createHandler } from './create.mjs';
import { ALPHABET, HEIGHT, WIDTH, picture } from './picture.mjs';
import { handler as verifyHandler } from './verify.mjs';

const folder = await mkdtemp(join(tmpdir(), 'captcha-'));
after(() => rm(folder, { recursive: true }));

beforeEach(() => {
  process.env.MAIL_FILE = join(folder, 'mail');
  return rm(process.env.MAIL_FILE, { force: true });
});

const mails = async () => {
  const text = await readFile(process.env.MAIL_FILE, 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).map(JSON.parse);
};

async function round(session = [], user = ADA) {
  return (await createHandler(create(session, user))).response;
}

async function right(answer, secret, user = ADA) {
  return (await verifyHandler(verify(answer, secret, user))).response.answerCorrect;
}

/** The PNG's pixels, 0 to 15, read by its chunks. */
function pixels(png) {
  assert.equal(png.subarray(0, 8).toString('latin1'), '\x89PNG\r\n\x1a\n');
  const chunks = {};
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const body = png.subarray(at + 4, at + 8 + length);
    assert.equal(png.readUInt32BE(at + 8 + length), crc32(body), 'the checksum');
    chunks[body.toString('latin1', 0, 4)] = body.subarray(4);
    at += 12 + length;
  }
  assert.deepEqual(Object.keys(chunks), ['IHDR', 'IDAT', 'IEND']);
  assert.deepEqual([chunks.IHDR.readUInt32BE(0), chunks.IHDR.readUInt32BE(4)], [WIDTH, HEIGHT]);
  const rows = inflateSync(chunks.IDAT);
  assert.equal(rows.length, HEIGHT * (1 + WIDTH / 2));
  return Array.from({ length: WIDTH * HEIGHT }, (_, at) => {
    const [x, y] = [at % WIDTH, Math.floor(at / WIDTH)];
    const byte = rows[y * (1 + WIDTH / 2) + 1 + (x >> 1)];
    return x % 2 === 0 ? byte >> 4 : byte & 15;
  });
}

test('the picture is a PNG with paper, ink and all its signs', () => {
  for (const sign of ALPHABET) {
    const image = pixels(picture(sign.repeat(6)));
    const dark = image.filter((grey) => grey < 7).length / image.length;
    assert.ok(dark > 0.03 && dark < 0.4, `${sign}: ${dark} of the picture is dark`);
    for (let place = 0; place < 6; place += 1) {
      const [from, to] = [20 + (place * (WIDTH - 40)) / 6, 20 + ((place + 1) * (WIDTH - 40)) / 6];
      const here = image.filter((grey, at) => at % WIDTH >= from && at % WIDTH < to && grey < 7);
      assert.ok(here.length > 40, `${sign} at ${place}: ${here.length} dark pixels`);
    }
  }
});

test('two pictures of one text differ in much of their ink', () => {
  const [one, two] = [pixels(picture('ACEFHK')), pixels(picture('ACEFHK'))];
  const ink = one.filter((grey) => grey < 7).length;
  const moved = one.filter((grey, at) => grey < 7 !== two[at] < 7).length;
  assert.ok(moved > ink / 2, `${moved} of ${ink}`);
});

test('a picture is small enough for a challenge parameter', () => {
  assert.ok(picture('WWWWWW').length < 8 * 1024);
});

test('the client gets texts only, and neither the answer nor the code among them', async () => {
  const { publicChallengeParameters: shown, privateChallengeParameters: secret, challengeMetadata } = await round();
  assert.deepEqual(Object.keys(shown).sort(), ['alternative', 'captchaUrl', 'hint', 'question']);
  assert.match(shown.captchaUrl, /^data:image\/png;base64,[A-Za-z0-9+/]+=*$/);
  assert.equal(shown.alternative, 'email');
  assert.match(secret.answer, new RegExp(`^[${ALPHABET}]{6}$`));
  assert.match(secret.code, /^\d{6}$/);
  assert.equal(challengeMetadata, `CAPTCHA-${secret.code}`);
  for (const text of Object.values(shown)) {
    assert.equal(typeof text, 'string');
    assert.ok(!text.includes(secret.answer) && !text.includes(secret.code));
  }
});

test('every round has an answer of its own and the code of the sign-in', async () => {
  const first = await round();
  const second = await round([
    entry('SRP_A', true),
    entry('PASSWORD_VERIFIER', true),
    entry('CUSTOM_CHALLENGE', false, first.challengeMetadata),
  ]);
  assert.notEqual(second.privateChallengeParameters.answer, first.privateChallengeParameters.answer);
  assert.notEqual(second.publicChallengeParameters.captchaUrl, first.publicChallengeParameters.captchaUrl);
  assert.equal(second.privateChallengeParameters.code, first.privateChallengeParameters.code);
  const another = await round();
  assert.notEqual(another.privateChallengeParameters.code, first.privateChallengeParameters.code);
});

test('the text counts in any case, with spaces and in full-width forms', async () => {
  const secret = { answer: 'ACE379', code: '123456' };
  for (const typed of ['ACE379', 'ace379', ' ace 379 ', 'ＡＣＥ３７９', '123456', '123 456']) {
    assert.equal(await right(typed, secret), true, typed);
  }
});

test('nothing, or something else, is always wrong', async () => {
  const secret = { answer: 'ACE379', code: '123456' };
  for (const typed of [undefined, null, '', ' ', '\u3000', 0, true, [], ['ACE379'], {}, 'ACE37', 'ACE3799', '654321']) {
    assert.equal(await right(typed, secret), false, JSON.stringify(typed));
  }
  for (const nothing of [undefined, null, {}, { answer: '' }, { answer: null, code: null }, { answer: 5 }]) {
    for (const typed of [undefined, null, '', 'undefined', 'null', '5', 'email']) {
      assert.equal(await right(typed, nothing), false, `${typed} against ${JSON.stringify(nothing)}`);
    }
  }
  assert.deepEqual(await mails(), []);
});

test('the answer `email` sends the code to the verified address, and the code then counts', async () => {
  const first = await round();
  assert.equal(await right('Email', first.privateChallengeParameters), false);
  const [mail, ...more] = await mails();
  assert.deepEqual(more, []);
  assert.equal(mail.to, 'ada@example.com');
  const code = /\d{6}/.exec(mail.text)[0];
  const second = await round([entry('CUSTOM_CHALLENGE', false, first.challengeMetadata)]);
  assert.match(second.publicChallengeParameters.hint, /type that code/);
  assert.equal(await right(code, second.privateChallengeParameters), true);
});

test('no code goes to an unverified address or to nobody, and the client cannot tell', async () => {
  const unverified = { ...ADA, userAttributes: { ...ADA.userAttributes, email_verified: 'false' } };
  const shape = ({ publicChallengeParameters: { captchaUrl, ...rest } }) => rest;
  for (const user of [unverified, NOBODY]) {
    const made = await round([], user);
    assert.deepEqual(shape(made), shape(await round()));
    assert.equal(await right('email', made.privateChallengeParameters, user), false);
  }
  assert.deepEqual(await mails(), []);
});

test('where no mail can be sent, none is offered', async (t) => {
  delete process.env.MAIL_FILE;
  process.env.AWS_LAMBDA_FUNCTION_NAME = 'captcha-create';
  t.after(() => delete process.env.AWS_LAMBDA_FUNCTION_NAME);
  const made = await round();
  assert.deepEqual(Object.keys(made.publicChallengeParameters).sort(), ['captchaUrl', 'question']);
  assert.deepEqual(Object.keys(made.privateChallengeParameters), ['answer']);
  assert.equal(made.challengeMetadata, 'CAPTCHA');
  assert.equal(await right('email', made.privateChallengeParameters), false);
});

test('another challenge than ours is left alone', async () => {
  const event = create([], ADA, 'PASSWORD_VERIFIER');
  assert.deepEqual(await createHandler(structuredClone(event)), event);
});
