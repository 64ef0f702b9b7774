// Makes the sign-in pages a little kinder; every page works without it.
// Its texts are data attributes in the templates, so that they are changed and translated there.
"use strict";

document.querySelectorAll("[data-needs-script]").forEach((part) => { part.hidden = false; });
document.querySelectorAll("[data-without-script]").forEach((part) => { part.hidden = true; });

for (const form of document.forms) {
  // A browser carries the fragment of a deep link (/report#chart) through redirects, but not through a form.
  if (location.hash) form.action += location.hash;

  form.querySelectorAll("input[type=password]").forEach((password) => {
    offerToShow(password);
    warnOfCapsLock(password);
  });
  form.querySelectorAll("input[data-passkey]").forEach((input) => fillIn(input, askForPasskey));
  form.querySelectorAll("input[data-new-passkey]").forEach((input) => fillIn(input, makePasskey));
  sendOnce(form);
}

function sendOnce(form) {
  const buttons = form.querySelectorAll("button[type=submit]");
  let sent = false;
  const mark = (value) => {
    sent = value;
    buttons.forEach((button) => { button.disabled = value; });
  };
  form.addEventListener("submit", (event) => {
    if (sent) return event.preventDefault();
    sent = true;
    // After this event: the value of a disabled button is not sent.
    setTimeout(() => mark(true));
    // An answer that never comes must not take away the second try.
    setTimeout(() => mark(false), 15000);
  });
  // Going back shows the page as it was left.
  addEventListener("pageshow", () => mark(false));
}

// A form whose passkey field is empty gets it from the browser first, then sends itself.
function fillIn(input, ceremony) {
  const form = input.form;
  const status = document.getElementById("passkey-status");
  form.addEventListener("submit", async (event) => {
    if (input.value) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!globalThis.PublicKeyCredential) {
      status.textContent = input.dataset.unsupported;
      return;
    }
    status.textContent = "";
    try {
      input.value = JSON.stringify(await ceremony(input));
    } catch (error) {
      const { wrongSite, known, cancelled } = input.dataset;
      const texts = { SecurityError: wrongSite, InvalidStateError: known };
      status.textContent = texts[error.name] || cancelled;
      return;
    }
    form.requestSubmit();
  });
}

// Options and answers are JSON; the bytes in them are base64url (Web Authentication level 3, 5.1.8).
async function askForPasskey(input) {
  const publicKey = requestOptions(JSON.parse(input.dataset.passkey));
  const credential = await navigator.credentials.get({ publicKey });
  const { clientDataJSON, authenticatorData, signature, userHandle } = credential.response;
  const response = { clientDataJSON: text(clientDataJSON), authenticatorData: text(authenticatorData), signature: text(signature) };
  if (userHandle) response.userHandle = text(userHandle);
  return credentialJson(credential, response);
}

async function makePasskey(input) {
  const publicKey = creationOptions(JSON.parse(input.dataset.newPasskey));
  const credential = await navigator.credentials.create({ publicKey });
  const { clientDataJSON, attestationObject } = credential.response;
  const response = {
    clientDataJSON: text(clientDataJSON),
    attestationObject: text(attestationObject),
    transports: credential.response.getTransports(),
  };
  return credentialJson(credential, response);
}

function requestOptions(json) {
  const withBytes = (credential) => ({ ...credential, id: bytes(credential.id) });
  return { ...json, challenge: bytes(json.challenge), allowCredentials: (json.allowCredentials || []).map(withBytes) };
}

function creationOptions(json) {
  const withBytes = (value) => ({ ...value, id: bytes(value.id) });
  return {
    ...json,
    challenge: bytes(json.challenge),
    user: withBytes(json.user),
    excludeCredentials: (json.excludeCredentials || []).map(withBytes),
  };
}

function credentialJson(credential, response) {
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  };
}

function bytes(base64url) {
  const base64 = base64url.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

function text(buffer) {
  const base64 = btoa(String.fromCharCode(...new Uint8Array(buffer)));
  return base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function offerToShow(password) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "reveal";
  button.setAttribute("aria-controls", password.id);
  const show = (shown) => {
    password.type = shown ? "text" : "password";
    button.textContent = shown ? password.dataset.hide : password.dataset.show;
    button.setAttribute("aria-label", `${button.textContent}: ${password.labels[0].textContent}`);
  };
  button.addEventListener("click", () => show(password.type === "password"));
  // Password managers save only what is in a password field.
  password.form.addEventListener("submit", () => show(false));
  show(false);
  password.after(button);
}

function warnOfCapsLock(password) {
  const hint = document.createElement("p");
  hint.className = "hint caps-lock";
  hint.setAttribute("role", "status");
  password.closest(".field").append(hint);
  const update = (event) => {
    // Autofill sends key events that are not keyboard events.
    if (!event.getModifierState) return;
    hint.textContent = event.getModifierState("CapsLock") ? password.dataset.capsLock : "";
  };
  password.addEventListener("keydown", update);
  password.addEventListener("keyup", update);
  password.addEventListener("blur", () => { hint.textContent = ""; });
}
