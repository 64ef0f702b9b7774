// Second factors: codes by app, e-mail and text message, setting them up while signing in, and browsers that are trusted.

import assert from "node:assert/strict";
import jsQR from "jsqr";
import { before, describe, test } from "node:test";
import { PNG } from "pngjs";
import {
  assertError, assertReached, enterCode, fresh, hasScripts, signIn, submit, totp, wrongCode,
} from "./browser.mjs";
import { gate, pool } from "./gates.mjs";
import { look } from "./pages.mjs";

const PASSWORD = "Correct-Horse-9!";
const SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

/** Everybody needs a second factor. Those named like it have it; who has none sets one up. */
const POOL = `
[[pool]]
name = "factors"
mfa = "ON"
mfa_methods = ["SOFTWARE_TOKEN_MFA", "SMS_MFA", "EMAIL_OTP"]
[pool.devices]
challenge_required_on_new_device = true
[[pool.client]]
name = "web"
explicit_auth_flows = ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
${["app-on", "app-off", "address-on", "address-off"].map((name) => user(name)).join("")}
${["on", "off"].map((scripts) => user(`mail-${scripts}`, `email = "mail-${scripts}@example.com", email_verified = "true"`)).join("")}
${user("text", 'phone_number = "+15555550100", phone_number_verified = "true"')}
${user("both-on", 'email = "both-on@example.com", email_verified = "true", phone_number = "+15555550101", phone_number_verified = "true"')}
${user("both-off", 'email = "both-off@example.com", email_verified = "true", phone_number = "+15555550102", phone_number_verified = "true"')}
${user("trusting")}
mfa = ["SOFTWARE_TOKEN_MFA"]
preferred_mfa = "SOFTWARE_TOKEN_MFA"
totp_secret = "${SECRET}"
`;

function user(username, attributes = "") {
  return `
[[pool.user]]
username = "${username}"
password = "${PASSWORD}"
attributes = { ${attributes} }
`;
}

describe("second factors", () => {
  let bed;
  before(async () => {
    bed = await gate(await pool(POOL), { settings: '[device]\nremember = "ask"\n' });
  });
  const visit = (options, visit) => fresh(bed.url, options, visit);

  for (const scripts of ["on", "off"]) {
    const options = { javaScriptEnabled: scripts === "on" };

    test(`with scripts ${scripts}, an authenticator app is set up from the picture or the typed key`, async () => {
      const who = { name: `app-${scripts}`, password: PASSWORD };
      let secret;
      await visit(options, async (page) => {
        await page.goto("/reports/7?year=2026");
        await signIn(page, who);
        await look(page, "choose", "set-up");
        await page.getByLabel("Code from an authenticator app").check();
        await submit(page, "Continue");
        await look(page, "authenticator");

        const uri = await page.getByRole("link", { name: "open the app" }).getAttribute("href");
        secret = new URL(uri).searchParams.get("secret");
        const label = `Reports:${who.name}`;
        assert.equal(uri, `otpauth://totp/${label}?secret=${secret}&issuer=Reports&algorithm=SHA1&digits=6&period=30`);
        for (const colorScheme of ["light", "dark"]) {
          await page.emulateMedia({ colorScheme });
          assert.equal(await readQrCode(page), uri, colorScheme);
        }
        await page.getByText("Or type the key").click();
        assert.equal((await page.locator("code.key").innerText()).replaceAll(" ", ""), secret);
        if (hasScripts(page)) await look(page, "authenticator", "key");

        await enterCode(page, wrongCode(totp(secret)), "Save and sign in");
        await assertError(page);
        await look(page, "authenticator", "error");
        assert.equal(await readQrCode(page), uri, "the key stays the same after a wrong code");
        await page.getByLabel("Name of this app (optional)").fill("my phone");
        const code = totp(secret);
        await enterCode(page, `${code.slice(0, 3)} ${code.slice(3)}`, "Save and sign in");
        await assertReached(page, "/reports/7?year=2026");
      });
      await visit(options, async (page) => {
        await page.goto("/");
        await signIn(page, who);
        await look(page, "code", "app");
        assert.match(await page.locator(".lead").innerText(), /my phone/);
        await enterCode(page, wrongCode(totp(secret, 1)), "Sign in");
        await assertError(page);
        await look(page, "code", "error");
        await enterCode(page, totp(secret, 1), "Sign in");
        await assertReached(page, "/");
      });
    });

    test(`with scripts ${scripts}, codes by e-mail are set up with an address`, () =>
      visit(options, async (page) => {
        await page.goto("/mail");
        await signIn(page, { name: `address-${scripts}`, password: PASSWORD });
        await page.getByLabel("Code by e-mail").check();
        await submit(page, "Continue");
        await look(page, "email_setup");
        const address = `address-${scripts}@example.com`;
        await page.getByLabel("E-mail address").fill(address);
        await submit(page, "Continue");
        await look(page, "code", "e-mail-set-up");
        await enterCode(page, await bed.code(address), "Sign in");
        await assertReached(page, "/mail");
      }));

    test(`with scripts ${scripts}, a code by e-mail is refused when wrong, sent again and taken`, () =>
      visit(options, async (page) => {
        const address = `mail-${scripts}@example.com`;
        await page.goto("/mail");
        await signIn(page, { name: `mail-${scripts}`, password: PASSWORD });
        await look(page, "code", "e-mail");
        assert.match(await page.locator(".lead").innerText(), /m\*\*\*@e\*\*\*/);
        const first = await bed.code(address);
        await enterCode(page, wrongCode(first), "Sign in");
        await assertError(page);
        // The pool has no second code for the same sign-in.
        await submit(page, "Send a new code");
        await page.getByText("Sign in again to get a new code.").waitFor();
        await look(page, "sign_in", "new-code");
        await signIn(page, { name: `mail-${scripts}`, password: PASSWORD });
        const second = await bed.code(address);
        assert.notEqual(second, first);
        await enterCode(page, second, "Sign in");
        await assertReached(page, "/mail");
      }));

    test(`with scripts ${scripts}, who has two second factors chooses one`, () =>
      visit(options, async (page) => {
        await page.goto("/both");
        await signIn(page, { name: `both-${scripts}`, password: PASSWORD });
        await look(page, "choose", "factor");
        await page.getByLabel("Code by text message").check();
        await submit(page, "Continue");
        await look(page, "code", "text-message");
        await enterCode(page, await bed.code(scripts === "on" ? "+15555550101" : "+15555550102"), "Sign in");
        await assertReached(page, "/both");
      }));
  }

  test("by keyboard alone, a code by text message is entered", () =>
    visit({}, async (page) => {
      await page.goto("/keys");
      await page.keyboard.type("text");
      await page.keyboard.press("Tab");
      await page.keyboard.type(PASSWORD);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Enter your code" }).waitFor();
      await page.keyboard.type(await bed.code("+15555550100"));
      await page.keyboard.press("Enter");
      await assertReached(page, "/keys");
    }));

  test("a browser that is trusted is asked for no code, until it is forgotten", () =>
    visit({}, async (page) => {
      const who = { name: "trusting", password: PASSWORD };
      await page.goto("/trusted");
      await page.getByLabel("Trust this browser").check();
      await look(page, "sign_in", "trust");
      await signIn(page, who);
      await enterCode(page, totp(SECRET), "Sign in");
      await assertReached(page, "/trusted");

      await page.goto("/.sidegate/sign-out");
      await submit(page, "Sign out");
      await page.goto("/trusted");
      await signIn(page, who);
      await assertReached(page, "/trusted");

      await page.goto("/.sidegate/sign-out");
      await look(page, "sign_out", "trusted");
      await submit(page, "Sign out and forget this browser");
      await page.goto("/trusted");
      await signIn(page, who);
      await look(page, "code", "app");
      await enterCode(page, totp(SECRET, 1), "Sign in");
      await assertReached(page, "/trusted");
    }));
});

/** What a phone's camera reads from the picture on the screen. */
async function readQrCode(page) {
  const { data, width, height } = PNG.sync.read(await page.locator("svg.qr").screenshot());
  const code = jsQR(new Uint8ClampedArray(data), width, height);
  assert.ok(code, "the picture cannot be read");
  return code.data;
}
