// The live parts of the sample application: the WebSocket echo and the server-sent clock.
"use strict";

const part = (id) => document.getElementById(id);

const form = part("echo");
const send = form.querySelector("button");
const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/echo");

socket.addEventListener("open", () => {
  part("echo-state").textContent = "connected";
  send.disabled = false;
});
socket.addEventListener("message", (event) => {
  const line = document.createElement("p");
  line.textContent = event.data;
  part("echo-log").append(line);
  while (part("echo-log").children.length > 3) part("echo-log").firstChild.remove();
});
socket.addEventListener("close", (event) => {
  send.disabled = true;
  // 1008: the gate closes with "policy violation" when the session has ended.
  part("echo-state").textContent = event.code === 1008 ? "your session has ended" : `closed (${event.code})`;
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  socket.send(part("echo-text").value);
});

let clock;

function openClock() {
  clock = new EventSource("/clock");
  clock.addEventListener("open", () => { part("clock-state").textContent = "connected"; });
  clock.addEventListener("message", (event) => { part("clock").textContent = event.data; });
  clock.addEventListener("error", () => {
    // A browser tries again by itself unless the answer was refused.
    const refused = clock.readyState === EventSource.CLOSED;
    part("clock-state").textContent = refused ? "refused: sign in again" : "connecting again";
  });
}

// A browser opens six HTTP/1.1 connections to a host and no more: seven tabs with a clock would block each other.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) clock.close();
  else openClock();
});
openClock();
