// Sends a one-time code by e-mail, without telling by its time or its failure whether there was anybody to send it to.
//
// MAIL_FROM: a sender address verified in SES; the code goes out by SES. MAIL_FILE: the message is appended to this file
// as a line of JSON instead, for local work and tests. Neither: the message is written to stderr, but never inside
// Lambda, where stderr is a log that others read.

import { randomInt } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

// SES answers within this time as a rule. It is spent whether or not a message goes out.
const MAIL_TIME_MS = 700;

/** Whether codes can be sent as this function is set up. */
export function mailIsSetUp() {
  return Boolean(process.env.MAIL_FROM || process.env.MAIL_FILE || !process.env.AWS_LAMBDA_FUNCTION_NAME);
}

/** Six digits, each as likely as any other. */
export function newCode() {
  return randomInt(1_000_000).toString().padStart(6, '0');
}

/** The address that proves a user: the verified one. A user who does not exist has none. */
export function verifiedAddress({ userAttributes, userNotFound }) {
  return !userNotFound && userAttributes?.email_verified === 'true' ? userAttributes.email : undefined;
}

/** Sends `code` to `address`, or to nobody when it is undefined. Never rejects: what went wrong is logged. */
export async function sendCode(address, code) {
  const { MAIL_FROM, MAIL_FILE } = process.env;
  const message = {
    to: address,
    subject: 'Your sign-in code',
    text: `Your sign-in code is ${code}.\n\nIf you did not ask for it, somebody typed your user name. Do not pass it on.\n`,
  };
  const send = MAIL_FROM ? bySes : MAIL_FILE ? toFile : toStderr;
  const sent = address === undefined ? undefined : send(message);
  await Promise.all([
    Promise.resolve(sent).catch((error) => console.error(`the code was not sent: ${error.name}: ${error.message}`)),
    send === bySes && pause(MAIL_TIME_MS),
  ]);
}

async function bySes({ to, subject, text }) {
  // Lambda's Node.js runtime carries the SDK; elsewhere it is never asked for.
  const { SESv2Client, SendEmailCommand } = await import('@aws-sdk/client-sesv2');
  await new SESv2Client({}).send(
    new SendEmailCommand({
      FromEmailAddress: process.env.MAIL_FROM,
      Destination: { ToAddresses: [to] },
      Content: { Simple: { Subject: { Data: subject }, Body: { Text: { Data: text } } } },
    }),
  );
}

async function toFile(message) {
  await appendFile(process.env.MAIL_FILE, `${JSON.stringify(message)}\n`, { mode: 0o600 });
}

async function toStderr({ to, text }) {
  if (process.env.AWS_LAMBDA_FUNCTION_NAME) {
    throw new Error('set MAIL_FROM to a sender address that is verified in SES');
  }
  console.error(`to ${to}: ${text}`);
}
