// The flows beside USER_SRP_AUTH, as `sidegate dev` shows them: choosing a first factor, and a pool that takes users over.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { assertError, assertReached, enterCode, fresh, signIn, submit } from "./browser.mjs";
import { dev } from "./gates.mjs";
import { look } from "./pages.mjs";

const ADA = "ada@example.com";

describe("choosing how to sign in (USER_AUTH)", () => {
  let bed;
  before(async () => {
    bed = await dev("--flow", "choice");
  });
  const choose = async (page, way) => {
    await page.getByLabel(way).check();
    await submit(page, "Continue");
  };

  for (const scripts of ["on", "off"]) {
    const options = { javaScriptEnabled: scripts === "on" };

    for (const [way, to] of [["Code by e-mail", ADA], ["Code by text message", "+15555550100"]]) {
      test(`with scripts ${scripts}: ${way}`, () =>
        fresh(bed.url, options, async (page) => {
          await page.goto("/chosen");
          await look(page, "sign_in", "choice");
          await signIn(page, { name: ADA });
          await look(page, "choose", "first-factor");
          await choose(page, way);
          await look(page, "code", "first-factor");
          await enterCode(page, await bed.code(to), "Sign in");
          await notNow(page);
          await assertReached(page, "/chosen");
        }));
    }

    test(`with scripts ${scripts}, another way is chosen after all: the password`, () =>
      fresh(bed.url, options, async (page) => {
        await page.goto("/chosen");
        await signIn(page, { name: ADA });
        await choose(page, "Code by e-mail");
        await submit(page, "Sign in another way");
        await choose(page, "Password");
        await look(page, "password");
        await page.getByLabel("Password", { exact: true }).fill("wrong");
        await submit(page, "Sign in");
        await assertError(page);
        await signIn(page, { name: ADA });
        await choose(page, "Password");
        await page.getByLabel("Password", { exact: true }).fill(bed.password(ADA));
        await submit(page, "Sign in");
        await notNow(page);
        await assertReached(page, "/chosen");
      }));

    test(`with scripts ${scripts}, a newcomer who confirms the account is signed in at once`, () =>
      fresh(bed.url, options, async (page) => {
        const name = `newcomer-${scripts}@example.com`;
        await page.goto("/chosen");
        await page.getByRole("link", { name: "Create an account" }).click();
        await page.getByLabel("User name").fill(name);
        await page.getByLabel("Password", { exact: true }).fill("Fresh-Horse-11!");
        await submit(page, "Create the account");
        await enterCode(page, await bed.code(name), "Confirm the account");
        await notNow(page);
        await assertReached(page, "/chosen");
      }));
  }

  test("the pool's outbox, where the codes are, is a page like the others", () =>
    fresh(bed.outbox, {}, async (page) => {
      await page.goto("/outbox");
      await page.getByText(await bed.code(ADA)).first().waitFor();
      await look(page, "outbox");
    }));

  test("who is asked for the password and has forgotten it is helped", () =>
    fresh(bed.url, {}, async (page) => {
      await page.goto("/chosen");
      await signIn(page, { name: ADA });
      await choose(page, "Password");
      await page.getByRole("link", { name: "Forgot your password?" }).click();
      await look(page, "forgot_password");
    }));
});

describe("a pool that takes users over (USER_PASSWORD_AUTH)", () => {
  let bed;
  before(async () => {
    bed = await dev("--flow", "password");
  });

  for (const name of [ADA, "grace@example.com"]) {
    test(`${name} signs in`, () =>
      fresh(bed.url, {}, async (page) => {
        await page.goto("/taken-over");
        await signIn(page, { name, password: "wrong" });
        await assertError(page);
        await signIn(page, { name, password: bed.password(name) });
        await assertReached(page, "/taken-over");
        assert.ok((await page.locator("dl").innerText()).includes(name));
      }));
  }
});

/** A passkey is offered to who has none. */
async function notNow(page) {
  await look(page, "passkeys", "offer");
  await submit(page, "Not now");
}
