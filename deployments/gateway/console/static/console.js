// What pages gain with a script: times in the viewer's zone, "/" to search, one press of a button, live parts.
"use strict";

const time = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const today = new Intl.DateTimeFormat(undefined, time);
const thisYear = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", ...time });
const anyYear = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long", hourCycle: "h23" });

function localise(root) {
  const now = new Date();
  for (const element of root.querySelectorAll("time[datetime]")) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const style = at.toDateString() === now.toDateString() ? today
      : at.getFullYear() === now.getFullYear() ? thisYear : anyYear;
    element.title = `${whole.format(at)} (${element.textContent})`;
    element.textContent = style.format(at);
  }
}

function focusSearch(event) {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = document.querySelector("[data-search]");
  if (!search) return;
  event.preventDefault();
  search.focus();
}

// A second press while the first is on its way does nothing; the server knows a repeated act, too.
function pressOnce(event) {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
}

// A part with data-live is fetched again every so many seconds, while somebody looks and nobody types in it.
// It is replaced only if it has changed, where it says its version, and not while another script writes in it.
async function refresh(part) {
  if (!document.hidden && !part.contains(document.activeElement)) {
    const answer = await fetch(part.dataset.live, { headers: { accept: "text/html" } }).catch(() => null);
    part.dataset.stale = answer?.ok ? "" : "yes";
    const fresh = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
    if (fresh && part.ariaBusy !== "true" && (!fresh.dataset.version || fresh.dataset.version !== part.dataset.version)) {
      part.replaceWith(fresh);
      part = fresh;
      localise(part);
    }
  }
  if (part.dataset.live) follow(part);
}

function follow(part) {
  setTimeout(refresh, Number(part.dataset.every || 2) * 1000, part);
}

localise(document);
document.addEventListener("keydown", focusSearch);
document.addEventListener("submit", pressOnce);
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
for (const part of document.querySelectorAll("[data-live]")) follow(part);
