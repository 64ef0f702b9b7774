// Accounts beside signing in: forgotten passwords, new accounts, and confirming one's addresses.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { assertError, assertReached, enterCode, fresh, signIn, submit, wrongCode } from "./browser.mjs";
import { gate, pool } from "./gates.mjs";
import { look } from "./pages.mjs";

const PASSWORD = "Correct-Horse-9!";
const NEW_PASSWORD = "Fresh-Horse-11!";

const POOL = `
[[pool]]
name = "accounts"
username_attributes = ["email"]
required_attributes = ["email", "given_name"]
auto_verified_attributes = ["email"]
account_recovery = ["verified_email"]
allow_sign_up = true
[[pool.client]]
name = "web"
explicit_auth_flows = ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
${["on", "off"].map((scripts) => [
    user(`forgetful-${scripts}@example.com`, "CONFIRMED", true),
    user(`reset-${scripts}@example.com`, "RESET_REQUIRED", true),
    user(`new-${scripts}@example.com`, "UNCONFIRMED", false),
    user(`unproven-${scripts}@example.com`, "CONFIRMED", false),
  ].join("")).join("")}
`;

function user(username, status, verified) {
  return `
[[pool.user]]
username = "${username}"
password = "${PASSWORD}"
status = "${status}"
attributes = { given_name = "Nova", email_verified = "${verified}" }
`;
}

describe("accounts", () => {
  let bed;
  before(async () => {
    bed = await gate(await pool(POOL), { settings: '[account]\nsign_up = true\nsign_up_attributes = ["given_name"]\n' });
  });

  for (const scripts of ["on", "off"]) {
    const on = (what, visit) => test(`with scripts ${scripts}, ${what}`, () =>
      fresh(bed.url, { javaScriptEnabled: scripts === "on" }, visit));

    on("a forgotten password is set anew with the code that was sent", async (page) => {
      const name = `forgetful-${scripts}@example.com`;
      await page.goto("/reports/7");
      await look(page, "sign_in", "accounts");
      await page.getByRole("link", { name: "Forgot your password?" }).click();
      await look(page, "forgot_password");
      await page.getByLabel("User name").fill(name);
      await submit(page, "Send the code");
      await look(page, "reset_password");
      const first = await bed.code(name);
      await reset(page, wrongCode(first));
      await assertError(page);
      await look(page, "reset_password", "wrong-code");
      await reset(page, first, "weak");
      await assertError(page);
      await look(page, "reset_password", "weak");
      await submit(page, "Send a new code");
      const second = await bed.code(name);
      assert.notEqual(second, first);
      await reset(page, second);
      await page.getByText("Your password has been changed.").waitFor();
      await look(page, "sign_in", "changed");
      await signIn(page, { name, password: NEW_PASSWORD });
      await assertReached(page, "/reports/7");
    });

    on("who must reset the password is led there", async (page) => {
      const name = `reset-${scripts}@example.com`;
      await page.goto("/must");
      await signIn(page, { name, password: PASSWORD });
      await look(page, "reset_password", "required");
      await submit(page, "Send a new code");
      await reset(page, await bed.code(name));
      await signIn(page, { name, password: NEW_PASSWORD });
      await assertReached(page, "/must");
    });

    on("a newcomer makes an account, asks for another code, confirms and signs in", async (page) => {
      const name = `newcomer-${scripts}@example.com`;
      await page.goto("/welcome");
      await page.getByRole("link", { name: "Create an account" }).click();
      await look(page, "sign_up");
      const fill = async (password) => {
        await page.getByLabel("User name").fill(name);
        await page.getByLabel("Password", { exact: true }).fill(password);
        await page.getByLabel("Given name").fill("Nova");
        await submit(page, "Create the account");
      };
      await fill("weak");
      await assertError(page);
      await look(page, "sign_up", "error");
      await fill(NEW_PASSWORD);
      await look(page, "confirm");
      const first = await bed.code(name);
      await enterCode(page, wrongCode(first), "Confirm the account");
      await assertError(page);
      await look(page, "confirm", "error");
      await submit(page, "Send a new code");
      await look(page, "confirm", "again");
      await enterCode(page, await bed.code(name), "Confirm the account");
      await look(page, "sign_in", "confirmed");
      await signIn(page, { name, password: NEW_PASSWORD });
      await assertReached(page, "/welcome");
    });

    on("who has not confirmed the account is led there", async (page) => {
      const name = `new-${scripts}@example.com`;
      await page.goto("/late");
      await signIn(page, { name, password: PASSWORD });
      await look(page, "confirm", "required");
      await submit(page, "Send a new code");
      await enterCode(page, await bed.code(name), "Confirm the account");
      await signIn(page, { name, password: PASSWORD });
      await assertReached(page, "/late");
    });

    on("an address is confirmed by who is signed in", async (page) => {
      const name = `unproven-${scripts}@example.com`;
      await page.goto("/");
      await signIn(page, { name, password: PASSWORD });
      await page.goto("/.sidegate/verify");
      await look(page, "verify");
      await submit(page, `Send a code to ${name}`);
      await look(page, "verify", "asked");
      await enterCode(page, wrongCode(await bed.code(name)), "Confirm");
      await assertError(page);
      await look(page, "verify", "error");
      await enterCode(page, await bed.code(name), "Confirm");
      await look(page, "verify", "done");
      assert.match(await page.locator(".facts").innerText(), /– confirmed/);
    });
  }
});

async function reset(page, code, password = NEW_PASSWORD) {
  await page.getByLabel("New password", { exact: true }).fill(password);
  return enterCode(page, code, "Save the new password");
}
