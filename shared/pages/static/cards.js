// Keeps the assistant's page as it is now: asks every few seconds with the tag of what it shows, says
// what is new, and puts cards away without leaving the page. Without it the page works by reloading.
"use strict";

const SEEN_S = 5;
const HIDDEN_S = 60; // Only for those who allowed notifications; nobody else's hidden page asks.
const said = document.getElementById("said");
const allow = document.getElementById("allow");
const notifies = () => "Notification" in window && Notification.permission === "granted";
let tag = null;
let timer = null;
let round = 0;

function later() {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(look, SEEN_S * 1000);
  else if (notifies()) timer = setTimeout(look, HIDDEN_S * 1000);
}

async function look() {
  clearTimeout(timer);
  const mine = ++round;
  try {
    const headers = tag ? { "If-None-Match": tag } : {};
    const answer = await fetch(location.href, { headers, redirect: "error", cache: "no-store" });
    // What was asked for before a card was put away would bring it back.
    if (answer.ok && mine === round) show(await answer.text(), answer.headers.get("ETag"));
  } catch {
    // The service is away, or the session is over: the page stays, and asks again.
  }
  later();
}

function show(html, newTag) {
  const now = new DOMParser().parseFromString(html, "text/html").getElementById("cards");
  const before = document.getElementById("cards");
  if (!now) return;
  const first = tag === null;
  tag = newTag;
  if (now.innerHTML === before.innerHTML) return;
  const focused = document.activeElement;
  const form = focused && before.contains(focused) ? focused.closest("form") : null;
  const fresh = [...now.querySelectorAll(".card")].filter((card) => !document.getElementById(card.id));
  before.replaceWith(now);
  if (form) {
    const same = [...now.querySelectorAll("form")].find((one) => one.action === form.action);
    (same?.querySelector("button") ?? now.querySelector("button, a") ?? allow).focus();
  }
  if (first && !fresh.length) return;
  if (fresh.length) said.textContent = fresh.map((card) => card.dataset.say).join(" · ");
  if (notifies()) fresh.forEach(notify);
}

function notify(card) {
  const note = new Notification(card.dataset.say, { tag: card.id });
  note.addEventListener("click", () => {
    window.focus();
    location.assign(card.dataset.page);
  });
}

async function putAway(event) {
  const form = event.target;
  if (form.method !== "post") return;
  event.preventDefault();
  clearTimeout(timer);
  round += 1;
  try {
    const answer = await fetch(form.action, { method: "POST", cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    history.replaceState(null, "", answer.url);
    show(await answer.text(), answer.headers.get("ETag"));
    const away = document.querySelector(".away");
    said.textContent = away ? away.querySelector("p").textContent : "";
    (away?.querySelector("button") ?? document.querySelector("#cards button, #cards a"))?.focus();
  } catch {
    form.submit(); // The browser shows what is wrong.
    return;
  }
  later();
}

document.addEventListener("submit", putAway);
document.addEventListener("visibilitychange", () => (document.hidden ? later() : look()));
if ("Notification" in window && Notification.permission === "default") {
  allow.hidden = false;
  allow.addEventListener("click", async () => {
    allow.hidden = (await Notification.requestPermission()) !== "default";
  });
}
look();
