// Sends a message without leaving the page, and writes the reply while it comes. All of it is text, never HTML.
"use strict";

const form = document.getElementById("write");
const field = form.elements.text;
const problem = form.querySelector("[role=alert]");
let busy = false;

const talk = () => document.getElementById("talk");
const lines = () => talk().querySelector(".lines");
const toEnd = () => { talk().scrollTop = talk().scrollHeight; };

function add(kind, who, text) {
  const line = document.createElement("li");
  line.className = `line-of ${kind}`;
  const name = document.createElement("p");
  name.className = "who";
  name.textContent = who;
  const said = document.createElement("p");
  said.className = "said";
  said.textContent = text;
  line.append(name, said);
  lines().append(line);
  toEnd();
  return line;
}

function cite(line, citations) {
  const box = document.createElement("div");
  const list = document.createElement("ol");
  box.className = "cites";
  const title = document.createElement("span");
  title.textContent = form.dataset.sources;
  for (const one of citations) {
    const item = document.createElement("li");
    item.textContent = one;
    list.append(item);
  }
  box.append(title, list);
  line.append(box);
}

function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (one) => one.toString(16).padStart(2, "0")).join("");
}

function refused(text) {
  problem.textContent = `${form.dataset.failed} ${text}`;
  problem.hidden = false;
}

async function post(path, headers, body) {
  const csrf = form.elements.csrf?.value;
  const answer = await fetch(path, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json", ...(csrf ? { "x-csrf-token": csrf } : {}) },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error((await answer.json()).detail);
  return answer;
}

// Yields [name, data] of each server-sent event.
async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    rest += part.value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const found = /^event: (\w+)\ndata: (.*)$/.exec(block);
      if (found) yield [found[1], JSON.parse(found[2])];
    }
  }
}

async function begin() {
  const begun = await (await post("/conversations", {}, {})).json();
  form.dataset.turns = begun.turns;
  history.replaceState(null, "", `/chat/${begun.id}${location.search}`);
  form.action = location.href;
  talk().dataset.live = location.pathname + location.search;
  talk().dataset.every = "3";
  follow(talk());
}

async function send(text) {
  if (!form.dataset.turns) await begin();
  const headers = { accept: "text/event-stream", "idempotency-key": form.elements.sent.value };
  const answer = await post(form.dataset.turns, headers, { text });
  field.value = "";
  form.elements.sent.value = newId();
  add("customer", form.dataset.you, text);
  const line = add("agent waits", form.dataset.agent, form.dataset.answering);
  const said = line.querySelector(".said");
  let begun = false;
  for await (const [name, data] of events(answer)) {
    if (name === "reply") {
      if (!begun) said.textContent = "";
      begun = true;
      line.classList.remove("waits");
      said.textContent += data.text;
    } else if (name === "citations") cite(line, data.citations);
    else if (name === "later") said.textContent = form.dataset.late;
    else if (name === "done" && !data.reply) line.remove();
    toEnd();
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = field.value.trim();
  if (busy || !text) return;
  busy = true;
  problem.hidden = true;
  talk().ariaBusy = "true";
  try {
    await send(text);
  } catch (error) {
    refused(error.message);
  } finally {
    busy = false;
    talk().dataset.version = "";
    talk().ariaBusy = "false";
    delete form.dataset.sent;
    field.focus();
  }
});

field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});

new MutationObserver(toEnd).observe(document.getElementById("main"), { childList: true });
toEnd();
