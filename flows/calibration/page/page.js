"use strict";
// The rating page. Texts that others wrote reach it as textContent only. One answer at a time is on its way, and the
// page stays with its item until the server has said that it is on the disk.

const byId = (id) => document.getElementById(id);
const RETRY_MS = [500, 1000, 2000, 4000];
const WAIT_MS = 10000;
const LEVEL_KEYS = /^[0-9]$/;
const HIDE_TABLE_ABOVE = 3000;

let sheet = null;
let at = 0;
let shown = null; // texts of the item on the page
let asTable = false;
const texts = new Map(); // item -> promise of its texts
const drafts = new Map(); // item -> note that has no answer to go with yet
const past = []; // what was said before each change in this tab, for undo
let saving = null; // the promise of the save under way
let isFailing = false;
let isHeld = false; // somebody wanted to move on and could not; level keys may have been meant for the next item
let wanted = null; // what the server must still be told of the present item

const item = () => sheet.items[at];
const answerOf = (id) => sheet.answers[id];
const open = () => sheet.items.filter((id) => !answerOf(id));

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

class Refused extends Error {}

async function call(path, options = {}) {
  const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(WAIT_MS), ...options });
  const told = await response.json().catch(() => ({}));
  if (response.ok) return told;
  const why = told.error || `the server said ${response.status}`;
  // From 500 on it may go better the next time; what is below is for a person.
  throw response.status >= 500 ? new Error(why) : new Refused(why);
}

function textsOf(id) {
  if (!texts.has(id)) {
    const asked = call(`items/${encodeURIComponent(id)}`);
    asked.catch(() => texts.delete(id));
    texts.set(id, asked);
  }
  return texts.get(id);
}

// ---- saving

function say(text, state = "") {
  byId("status").textContent = text;
  byId("status").dataset.state = state;
}

function trouble(text) {
  const box = byId("trouble");
  box.hidden = !text;
  if (box.textContent !== text) box.textContent = text;
}

function wish(answer) {
  // `answer` null: what was said counts no more.
  wanted = { id: item(), answer };
  if (!saving) isFailing = false;
  show_answer();
  say("Saving…");
  saving ??= send_all().finally(() => { saving = null; });
  return saving;
}

async function send_all() {
  for (let tries = 0; wanted; ) {
    const sent = wanted;
    try {
      const path = `answers/${encodeURIComponent(sent.id)}`;
      const told = await call(path, sent.answer === null ? { method: "DELETE" } : {
        method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify(sent.answer),
      });
      if (told.answer) sheet.answers[sent.id] = told.answer;
      else delete sheet.answers[sent.id];
      drafts.delete(sent.id);
      if (told.answer && wanted === sent && document.activeElement !== byId("note")) byId("note").value = told.answer.note;
      tries = 0;
      if (wanted === sent) wanted = null;
      isFailing = isHeld = false;
      trouble("");
    } catch (error) {
      isFailing = true;
      if (error instanceof Refused) {
        say("NOT saved");
        trouble(`Not saved: ${error.message}. It will not be tried again by itself; click on your answer to try.`);
        return;
      }
      say("NOT saved yet");
      trouble(`Not saved yet: ${error.message === "Failed to fetch" ? "the server does not answer" : error.message}. ` +
        "Trying again; this page stays here until it is saved.");
      await new Promise((done) => { setTimeout(done, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]); });
      tries += 1;
    }
  }
  show_answer();
  say(saved_text(), "saved");
}

function saved_text() {
  const answer = answerOf(item());
  if (!answer) return "Withdrawn; this one is open again";
  return answer.level === null ? "Saved: cannot be assessed" : `Saved: level ${answer.level}`;
}

function choose(level) {
  if (!byId("done").hidden) return;
  if (!shown) {
    say("The text is not here yet");
    return;
  }
  past.push({ id: item(), answer: answerOf(item()) || null });
  wish({ level, note: byId("note").value.trim() });
  byId("next").focus({ preventScroll: true });
}

function save_note() {
  const answer = wanted ? wanted.answer : answerOf(item());
  const note = byId("note").value.trim();
  if (!answer) {
    if (note) drafts.set(item(), note);
    else drafts.delete(item());
  } else if (note !== answer.note) {
    past.push({ id: item(), answer: answerOf(item()) || null });
    wish({ level: answer.level, note });
  }
}

async function undo() {
  if (!(await settled())) return false;
  const last = past.pop();
  if (!last) {
    say("Nothing to undo since this page was opened");
    return true;
  }
  await go(sheet.items.indexOf(last.id));
  byId("note").value = last.answer ? last.answer.note : "";
  await wish(last.answer);
  if (!isFailing) say(last.answer ? `Undone. ${saved_text()}` : "Undone; this one is open again", "saved");
  return !isFailing;
}

async function settled() {
  // True once nothing is left to be saved; a save that is in trouble holds the page.
  save_note();
  if (saving && !isFailing) await Promise.race([saving, troubled()]);
  return !wanted && !isFailing;
}

function troubled() {
  return new Promise((done) => {
    const watch = setInterval(() => {
      if (isFailing || !saving) {
        clearInterval(watch);
        done();
      }
    }, 50);
  });
}

// ---- moving

async function move(step) {
  // False where the page had to stay, since an answer could not be saved.
  if (!(await settled())) {
    isHeld = true;
    return false;
  }
  if (!byId("done").hidden) {
    if (step < 0) await go(sheet.items.length - 1);
    return true;
  }
  if (at + step < 0) {
    say("This is the first one");
  } else if (at + step < sheet.items.length) {
    await go(at + step);
  } else {
    const left = open();
    if (!left.length) finish();
    else if (left.length === 1 && left[0] === item()) say("This is the last one that is open");
    else await go(sheet.items.indexOf(left.find((id) => id !== item())), `Back at the first of ${left.length} still open`);
  }
  return true;
}

async function go(place, told = "") {
  at = place;
  shown = null;
  byId("done").hidden = true;
  byId("frame").hidden = false;
  const id = item();
  byId("place").textContent = `Item ${at + 1} of ${sheet.items.length}`;
  byId("note").value = drafts.get(id) ?? answerOf(id)?.note ?? "";
  show_answer();
  const answer = answerOf(id);
  say(told || (answer ? `Answered before: ${answer.level === null ? "cannot be assessed" : `level ${answer.level}`}` : "Not answered yet"));
  let found;
  try {
    found = await textsOf(id);
  } catch (error) {
    if (item() === id) clear_texts();
    trouble(`This item could not be loaded: ${error.message}. Move on and back to try again.`);
    return;
  }
  if (item() !== id) return;
  trouble("");
  show_texts(found);
  byId("place").focus({ preventScroll: true });
  window.scrollTo(0, 0);
  const following = sheet.items[at + 1];
  if (following) textsOf(following).catch(() => {});
}

function finish() {
  const n = sheet.items.length;
  byId("frame").hidden = true;
  byId("done").hidden = false;
  byId("done-title").textContent = n === 1 ? "The item is answered" : `All ${n} items are answered`;
  byId("done-text").textContent = "Everything is saved; this page can be closed. Thank you.";
  byId("done-title").focus();
}

// ---- showing

function show_answer() {
  const answer = wanted && wanted.id === item() ? wanted.answer : answerOf(item());
  for (const button of byId("levels").children) {
    button.setAttribute("aria-pressed", String(Boolean(answer) && button.dataset.level === String(answer.level)));
  }
  const n = sheet.items.length;
  const answered = n - open().length;
  byId("bar").max = n;
  byId("bar").value = answered;
  byId("count").textContent = `${answered} of ${n} answered`;
}

function clear_texts() {
  shown = null;
  byId("output").replaceChildren();
  byId("request").replaceChildren();
  byId("materials").replaceChildren();
  byId("table").hidden = byId("as-table").hidden = true;
  byId("output").hidden = false;
}

function show_texts(found) {
  shown = found;
  byId("request").textContent = found.request;
  byId("materials-box").hidden = !found.materials.length;
  byId("materials-title").textContent = `Materials (${found.materials.length})`;
  byId("materials").replaceChildren(
    ...found.materials.flatMap(([name, text]) => [element("p", name, { class: "name" }), element("pre", text)]),
  );
  if (found.output.trim()) byId("output").textContent = found.output;
  else byId("output").replaceChildren(element("span", "Nothing was handed in.", { class: "nothing" }));
  const rows = table_of(found.output);
  byId("as-table").hidden = !rows;
  byId("table").replaceChildren(...(rows ? [table(rows)] : []));
  show_as_table(asTable && Boolean(rows));
}

function show_as_table(wantsTable) {
  byId("as-table").setAttribute("aria-pressed", String(wantsTable));
  byId("table").hidden = !wantsTable;
  byId("output").hidden = wantsTable;
}

function toggle_table() {
  if (byId("as-table").hidden) return;
  asTable = byId("table").hidden;
  show_as_table(asTable);
}

function table_of(text) {
  // The rows of a CSV text: two at least, two columns at least, all of the same number of fields; else null.
  const rows = [];
  let row = [];
  let field = "";
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') field += text[(i += 1)];
      else quoted = false;
    } else if (c === '"' && !field) quoted = true;
    else if (c === ",") { row.push(field); field = ""; }
    else if (c === "\n") { rows.push([...row, field]); row = []; field = ""; }
    else if (c !== "\r") field += c;
  }
  if (row.length || field) rows.push([...row, field]);
  const width = rows[0]?.length;
  const isTable = !quoted && width > 1 && rows.length > 1 && rows.length <= HIDE_TABLE_ABOVE && rows.every((each) => each.length === width);
  return isTable ? rows : null;
}

function table([head, ...rows]) {
  const made = element("table");
  const line = (cells, name) => {
    const tr = element("tr");
    tr.append(...cells.map((cell) => element(name, cell)));
    return tr;
  };
  made.append(line(head, "th"), ...rows.map((row) => line(row, "td")));
  return made;
}

function level_button(level, key, text) {
  const button = element("button", undefined, { type: "button", "data-level": String(level), "aria-pressed": "false" });
  button.append(element("kbd", key), element("span", text));
  button.addEventListener("click", () => act(() => choose(level)));
  return button;
}

function lay_out() {
  document.title = `Rating: ${sheet.dimension}`;
  byId("dimension").textContent = sheet.dimension;
  byId("rater").textContent = sheet.rater;
  byId("question").append(...sheet.question.split(/\n{2,}/).map((part) => element("p", part.replace(/\n/g, " "))));
  byId("levels").append(
    ...sheet.levels.map(({ level, anchor }) => level_button(level, String(level), anchor)),
    level_button(null, "x", `Cannot be assessed. ${sheet.cannot_assess}`),
  );
  byId("examples").append(...sheet.levels.map(({ level, example }) => {
    const row = element("div");
    row.append(element("dt", String(level)), element("dd", example));
    return row;
  }));
  byId("note").maxLength = sheet.note_chars;
}

// ---- keys

// What is asked for while an answer is still on its way waits its turn: somebody who types ahead `3 Enter 2` means the 2
// for the next item. Where a move is refused, what was typed after it was meant for another item, and is dropped.
const waiting = [];
let isActing = false;
let isNoteNext = false; // what is typed now is meant for a note that is not open yet

async function act(action) {
  waiting.push(action);
  if (isActing) return;
  isActing = true;
  while (waiting.length) {
    if ((await waiting.shift()()) === false) waiting.length = 0;
  }
  isActing = isNoteNext = false;
}

function open_note() {
  isNoteNext = false;
  if (byId("done").hidden) byId("note").focus();
}

function choose_by_key(level) {
  if (isHeld) say("NOT saved yet; a click changes the answer");
  else choose(level);
}

function action_of(key, isRepeat) {
  if (key === "ArrowLeft") return () => move(-1);
  if (key === "ArrowRight") return () => move(1);
  if (isRepeat) return null;
  if (key === "Enter") return () => move(1);
  if (LEVEL_KEYS.test(key) && Number(key) <= sheet.levels[0].level) return () => choose_by_key(Number(key));
  if (key === "x" || key === "c") return () => choose_by_key(null);
  if (key === "u") return undo;
  if (key === "t") return toggle_table;
  if (key === "n") return open_note;
  return null;
}

function on_key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const { key, target } = event;
  if (target === byId("note")) {
    if (key === "Escape") {
      target.blur();
      event.preventDefault();
    }
    return;
  }
  if (target.closest("#table") && key.startsWith("Arrow")) return; // scrolls it
  if (key === "Enter" && target.closest("button, summary, a")) return; // does what it says
  const action = action_of(key, event.repeat);
  if (!action) return;
  event.preventDefault();
  if (isNoteNext) return;
  isNoteNext = key === "n";
  act(action);
}

async function begin() {
  try {
    sheet = await call("sheet");
  } catch (error) {
    byId("fatal").textContent = `The page could not be loaded: ${error.message}.`;
    byId("fatal").hidden = false;
    return;
  }
  lay_out();
  document.addEventListener("keydown", on_key);
  byId("note").addEventListener("change", save_note);
  byId("next").addEventListener("click", () => act(() => move(1)));
  byId("back").addEventListener("click", () => act(() => move(-1)));
  byId("look-back").addEventListener("click", () => act(() => move(-1)));
  byId("undo").addEventListener("click", () => act(undo));
  byId("as-table").addEventListener("click", () => act(toggle_table));
  window.addEventListener("beforeunload", (event) => {
    save_note();
    if (wanted || drafts.size) event.preventDefault();
  });
  const first = sheet.items.findIndex((id) => !answerOf(id));
  if (first < 0) {
    at = sheet.items.length - 1;
    show_answer();
    finish();
  } else {
    await go(first);
  }
  document.documentElement.dataset.ready = "yes";
}

begin();
