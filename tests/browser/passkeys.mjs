// Passkeys, made and used with the browser's virtual authenticator (CDP, domain WebAuthn).

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { assertError, assertReached, enterCode, follow, fresh, signIn, submit } from "./browser.mjs";
import { gate, pool } from "./gates.mjs";
import { look } from "./pages.mjs";

const PASSWORD = "Correct-Horse-9!";
const ADA = "ada@example.com";

const POOL = `
[[pool]]
name = "passkeys"
username_attributes = ["email"]
first_factors = ["PASSWORD", "EMAIL_OTP", "WEB_AUTHN"]
[pool.web_authn]
relying_party_id = "localhost"
user_verification = "required"
[[pool.client]]
name = "web"
explicit_auth_flows = ["ALLOW_USER_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
${[ADA, "bob@example.com"].map((username) => `
[[pool.user]]
username = "${username}"
password = "${PASSWORD}"
attributes = { email_verified = "true" }`).join("\n")}
`;

describe("passkeys", () => {
  let bed;
  before(async () => {
    bed = await gate(await pool(POOL), {
      flow: "USER_AUTH",
      cognito: 'preferred_challenge = "WEB_AUTHN"',
      settings: "[passkey]\noffer = true\n",
    });
  });

  test("a passkey is offered after signing in, signs in alone the next time, and can be deleted", () =>
    fresh(bed.url, {}, async (page, context) => {
      const authenticator = await virtualAuthenticator(page);
      await page.goto("/first");
      await signIn(page, { name: ADA });
      await byPassword(page);
      await look(page, "passkeys", "offer");
      await submit(page, "Create a passkey");
      await look(page, "new_passkey");
      await follow(page, () => page.getByRole("button", { name: "Create the passkey" }).click());
      await assertReached(page, "/first");
      assert.equal((await authenticator.credentials()).length, 1);

      await context.clearCookies();
      await page.goto("/second");
      await signIn(page, { name: ADA });
      await look(page, "passkey");
      await submit(page, "Use passkey");
      await assertReached(page, "/second");

      await page.goto("/.sidegate/passkeys");
      await look(page, "passkeys", "one");
      await submit(page, "Delete");
      await page.getByText("You have none yet.").waitFor();
      await look(page, "passkeys", "none");
      await context.clearCookies();
      await page.goto("/third");
      await signIn(page, { name: ADA });
      await page.getByRole("heading", { name: "Choose how to sign in" }).waitFor();
    }));

  test("a device that has a passkey already makes no second one, and says so", () =>
    fresh(bed.url, {}, async (page) => {
      await virtualAuthenticator(page);
      await page.goto("/");
      await signIn(page, { name: ADA });
      await byPassword(page);
      await submit(page, "Create a passkey");
      await follow(page, () => page.getByRole("button", { name: "Create the passkey" }).click());
      await page.goto("/.sidegate/passkeys");
      await submit(page, "Add another passkey");
      await page.getByRole("button", { name: "Create the passkey" }).click();
      await page.getByText("has a passkey for this account already").waitFor();
      await look(page, "new_passkey", "known");
      await page.getByRole("link", { name: "Cancel" }).click();
      await submit(page, "Delete");
    }));

  test("who does not use the passkey is told, tries again, or signs in another way", () =>
    fresh(bed.url, {}, async (page, context) => {
      const authenticator = await virtualAuthenticator(page);
      await page.goto("/");
      await signIn(page, { name: ADA });
      await byPassword(page);
      await submit(page, "Create a passkey");
      await follow(page, () => page.getByRole("button", { name: "Create the passkey" }).click());

      await context.clearCookies();
      await page.goto("/other");
      await signIn(page, { name: ADA });
      await authenticator.refuses(true);
      await page.getByRole("button", { name: "Use passkey" }).click();
      await page.getByText("No passkey was used.").waitFor();
      await look(page, "passkey", "cancelled");
      await submit(page, "Sign in another way");
      await look(page, "choose", "with-passkey");
      assert.ok(await page.getByLabel("Passkey").isVisible());
      await page.getByLabel("Code by e-mail").check();
      await submit(page, "Continue");
      await enterCode(page, await bed.code(ADA), "Sign in");
      await assertReached(page, "/other");

      await context.clearCookies();
      await authenticator.refuses(false);
      await page.goto("/again");
      await signIn(page, { name: ADA });
      await submit(page, "Sign in another way");
      await page.getByLabel("Passkey").check();
      await submit(page, "Continue");
      await submit(page, "Use passkey");
      await assertReached(page, "/again");
    }));

  test("the offer can be declined, by keyboard alone", () =>
    fresh(bed.url, {}, async (page) => {
      await virtualAuthenticator(page);
      await page.goto("/declined");
      await page.keyboard.type("bob@example.com");
      await follow(page, () => page.keyboard.press("Enter"));
      await page.keyboard.press("Tab");
      await byPassword(page);
      await page.getByRole("button", { name: "Not now" }).focus();
      await follow(page, () => page.keyboard.press("Enter"));
      await assertReached(page, "/declined");
    }));

  test("without scripts the passkey's pages say what is missing, and other ways stay open", () =>
    fresh(bed.url, { javaScriptEnabled: false }, async (page) => {
      await page.goto("/plain");
      await signIn(page, { name: ADA });
      await look(page, "passkey");
      await submit(page, "Sign in another way");
      await look(page, "choose", "with-passkey");
      assert.ok(!(await page.getByLabel("Passkey").isVisible()));
      await byPassword(page);
      await assertReached(page, "/plain");
      await page.goto("/.sidegate/passkeys");
      await look(page, "passkeys", "one");
      // There is no button for it: scripts were switched off in between.
      await follow(page, () => page.locator("form[action$='/add']").evaluate((form) => form.submit()));
      await look(page, "new_passkey");
      await page.goto("/.sidegate/passkeys");
      await submit(page, "Delete");
      await page.getByText("You have none yet.").waitFor();
    }));
});

async function byPassword(page) {
  await page.getByLabel("Password").check();
  await submit(page, "Continue");
  await look(page, "password");
  await page.getByLabel("Password", { exact: true }).fill(`not ${PASSWORD}`);
  await submit(page, "Sign in");
  await assertError(page);
  await look(page, "sign_in", "choice-error");
  await signIn(page, { name: await page.getByLabel("User name").inputValue() });
  if (await page.getByRole("button", { name: "Sign in another way" }).isVisible()) await submit(page, "Sign in another way");
  await page.getByLabel("Password").check();
  await submit(page, "Continue");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await submit(page, "Sign in");
}

/** A platform authenticator of this browser's own, which knows its user. */
async function virtualAuthenticator(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return {
    credentials: async () => (await cdp.send("WebAuthn.getCredentials", { authenticatorId })).credentials,
    refuses: (refuses) => cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: !refuses }),
  };
}
