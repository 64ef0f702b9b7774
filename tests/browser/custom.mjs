// Custom challenges: questions of the pool's own triggers, with and without a password before them.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { PNG } from "pngjs";
import { assertError, assertReached, follow, fresh, hasScripts, signIn, submit } from "./browser.mjs";
import { dev, gate, pool } from "./gates.mjs";
import { look } from "./pages.mjs";

const PASSWORD = "Correct-Horse-9!";
const ADA = { name: "ada@example.com", password: PASSWORD };
const PICTURES = "pictures.example.com";

const trigger = JSON.stringify([process.execPath, fileURLToPath(new URL("question.mjs", import.meta.url))]);
const POOL = `
[[pool]]
name = "custom"
username_attributes = ["email"]
[pool.triggers]
define_auth_challenge = ${trigger}
create_auth_challenge = ${trigger}
verify_auth_challenge_response = ${trigger}
[[pool.client]]
name = "web"
explicit_auth_flows = ["ALLOW_CUSTOM_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
[[pool.user]]
username = "ada@example.com"
password = "${PASSWORD}"
attributes = { email_verified = "true" }
`;

describe("custom challenges", () => {
  let users, shows, refuses;
  before(async () => {
    users = await pool(POOL);
    shows = await gate(users, {
      flow: "CUSTOM_WITHOUT_SRP",
      settings: `[challenge]\nimage_hosts = ["${PICTURES}"]\nanswer_label = "Your answer"\n`,
    });
    refuses = await gate(users, { flow: "CUSTOM_WITHOUT_SRP" });
  });

  /** A visit that may load pictures from where the challenge has them. */
  const visit = (options, visit) => fresh(shows.url, { otherHosts: [PICTURES], ...options }, async (page, context) => {
    await context.route(`https://${PICTURES}/**`, (route) => route.fulfill({ contentType: "image/png", body: drawing() }));
    await visit(page);
  });

  for (const scripts of ["on", "off"]) {
    test(`with scripts ${scripts}, no password is asked, and every question in turn until the answer is right`, () =>
      visit({ javaScriptEnabled: scripts === "on" }, async (page) => {
        await page.goto("/questions?of=two");
        assert.equal(await page.locator("input[type=password]").count(), 0);
        await look(page, "sign_in", "name-only");
        await signIn(page, { name: ADA.name });
        await look(page, "custom", "question");
        assert.match(await page.locator("#question").innerText(), /two and three/);
        assert.match(await page.locator(".facts").innerText(), /a\*\*\*@e\*\*\*/);
        await answer(page, "6");
        await assertError(page, /not right/);
        await look(page, "custom", "wrong");
        await answer(page, "5");
        await page.getByText("What do you see?").waitFor();
        const picture = page.getByRole("img");
        assert.ok(await picture.evaluate((image) => image.complete && image.naturalWidth > 0), "the picture is not drawn");
        await look(page, "custom", "picture");
        await answer(page, "cat");
        await assertReached(page, "/questions?of=two");
      }));

    test(`with scripts ${scripts}, one wrong answer too many ends the sign-in, which begins anew`, () =>
      visit({ javaScriptEnabled: scripts === "on" }, async (page) => {
        await page.goto("/questions");
        await signIn(page, { name: ADA.name });
        await answer(page, "6");
        await answer(page, "7");
        await assertError(page);
        await look(page, "sign_in", "refused");
        assert.equal(await page.getByLabel("User name").inputValue(), ADA.name);
      }));
  }

  test("a picture from elsewhere is not loaded, and the page says so", () =>
    fresh(refuses.url, {}, async (page) => {
      await page.goto("/questions");
      await signIn(page, { name: ADA.name });
      await submitAnswer(page, "Answer", "5");
      await page.getByText("cannot be shown here").waitFor();
      assert.equal(await page.getByRole("img").count(), 0);
      await look(page, "custom", "picture-refused");
      await submitAnswer(page, "Answer", "cat");
      await assertReached(page, "/questions");
    }));

  test("by keyboard alone, every question is answered", () =>
    visit({}, async (page) => {
      await page.goto("/keys");
      for (const [heading, text] of [["Sign in", ADA.name], ["One more step", "5"], ["One more step", "cat"]]) {
        await page.getByRole("heading", { level: 1, name: heading }).waitFor();
        await page.keyboard.type(text);
        await follow(page, () => page.keyboard.press("Enter"));
      }
      await assertReached(page, "/keys");
    }));

  test("with the password first (SRP), the questions follow", async () => {
    const both = await gate(users, { flow: "CUSTOM_WITH_SRP" });
    await fresh(both.url, {}, async (page) => {
      await page.goto("/both");
      await signIn(page, { ...ADA, password: "wrong" });
      await assertError(page);
      await signIn(page, ADA);
      await submitAnswer(page, "Answer", "5");
      await submitAnswer(page, "Answer", "cat");
      await assertReached(page, "/both");
    });
  });

  for (const flow of ["custom", "custom-srp"]) {
    test(`sidegate dev --flow ${flow} draws a picture, and sends a code to who cannot read it`, async () => {
      const sample = await dev("--flow", flow);
      for (const scripts of ["on", "off"]) {
        await fresh(sample.url, { javaScriptEnabled: scripts === "on" }, async (page) => {
          const name = "ada@example.com";
          await page.goto("/sample");
          await signIn(page, flow === "custom" ? { name } : { name, password: sample.password(name) });
          const picture = page.getByRole("img");
          assert.ok(await picture.evaluate((image) => image.complete && image.naturalWidth > 100), "no picture");
          await look(page, "custom", "sample");
          await submit(page, "Get a code by e-mail instead");
          if (hasScripts(page)) await look(page, "custom", "sample-code");
          await submitAnswer(page, "Answer", await sample.code(name));
          await assertReached(page, "/sample");
        });
      }
    });
  }
});

const answer = (page, text) => submitAnswer(page, "Your answer", text);

async function submitAnswer(page, label, text) {
  await page.getByLabel(label, { exact: true }).fill(text);
  return submit(page, "Continue");
}

/** A grey picture. */
function drawing() {
  const picture = new PNG({ width: 240, height: 80 });
  picture.data.fill(160);
  return PNG.sync.write(picture);
}
