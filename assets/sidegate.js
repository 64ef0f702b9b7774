// Makes the sign-in pages a little kinder; every page works without it.
// Its texts are data attributes in the templates, so that they are changed and translated there.
"use strict";

for (const form of document.forms) {
  // A browser carries the fragment of a deep link (/report#chart) through redirects, but not through a form.
  if (location.hash) form.action += location.hash;

  form.querySelectorAll("input[type=password]").forEach((password) => {
    offerToShow(password);
    warnOfCapsLock(password);
  });
  sendOnce(form);
}

function sendOnce(form) {
  const submit = form.querySelector("button[type=submit]");
  const enable = () => { submit.disabled = false; };
  form.addEventListener("submit", () => {
    submit.disabled = true;
    // An answer that never comes must not take away the second try.
    setTimeout(enable, 15000);
  });
  // Going back shows the page as it was left.
  addEventListener("pageshow", enable);
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
