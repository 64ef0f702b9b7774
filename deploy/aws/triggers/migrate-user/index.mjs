// UserMigration: takes a person over from a legacy directory when Cognito does not know them.
//
// Cognito calls it at a sign-in with USER_PASSWORD_AUTH (never with SRP: then no password reaches Cognito) and when somebody
// forgot a password. What it throws counts as a wrong user name or password; the text may reach the client, so it is one for
// all reasons. LEGACY_USERS names the directory's file; `legacy-users.json` beside this file when it is left out.

import { directory } from './directory.mjs';

export async function handler(event) {
  const person = await legacyPerson(event).catch((error) => {
    console.error(error);
  });
  if (person === undefined) {
    throw new Error('Incorrect username or password.');
  }
  event.response = {
    ...event.response,
    // Cognito sends reset codes to verified addresses only. A directory that knows better says so in the attributes.
    userAttributes: { email_verified: 'true', ...person.attributes },
    // The person has an account already: no welcome message.
    messageAction: 'SUPPRESS',
  };
  if (event.triggerSource === 'UserMigration_Authentication') {
    // The password is proven: Cognito keeps it, and the sign-in goes on.
    event.response.finalUserStatus = 'CONFIRMED';
  }
  return event;
}

async function legacyPerson({ triggerSource, userName, request }) {
  const legacy = await directory(process.env.LEGACY_USERS);
  switch (triggerSource) {
    case 'UserMigration_Authentication':
      return legacy.authenticate(userName, request.password);
    case 'UserMigration_ForgotPassword':
      return legacy.find(userName);
    default:
      throw new Error(`not a migration: ${triggerSource}`);
  }
}
