// Keeps an open page of the desk alive. The server renders; this puts what is new in its place without moving what
// somebody reads or types, sends forms without leaving the page, keeps drafts, and makes everything one key.

const SILENCE_MS = 25_000; // The server pulses every ten seconds.
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 8_000;
const PART_MS = 200; // What is told meanwhile is asked for in one go.
const SEND_MS_MAX = 15_000;
const DRAFT_PREFIX = "draad:";

const byId = (id) => document.getElementById(id);
const thread = byId("draad");
const connection = byId("verbinding");
const news = byId("nieuws");
const part = document.querySelector("[data-part]");
const live = !thread || !thread.dataset.old;

// The connection.

let source = null;
let retryMs = RETRY_MS_MIN;
let retrying = 0;
let watchdog = 0;

function show(state) {
  if (connection.dataset.state === state) return;
  connection.dataset.state = state;
  byId("verbinding-tekst").textContent = connection.dataset[state];
}

function connect() {
  clearTimeout(retrying);
  source?.close();
  const subject = thread && live ? thread.dataset.about : part ? "all" : "";
  const about = subject && `?about=${encodeURIComponent(subject)}`;
  source = new EventSource(`/live${about}`);
  source.addEventListener("pulse", () => {
    const healed = connection.dataset.state === "lost";
    heard();
    if (healed) {
      refresh();
      sendWaiting();
    }
  });
  source.addEventListener("work", (event) => {
    heard();
    putWork(event.data);
  });
  source.addEventListener("story", () => {
    heard();
    refresh();
  });
  source.addEventListener("here", (event) => {
    heard();
    together(event.data);
  });
  source.addEventListener("again", connect);
  source.addEventListener("error", lost);
  listen();
}

function heard() {
  retryMs = RETRY_MS_MIN;
  show("live");
  listen();
}

function listen() {
  clearTimeout(watchdog);
  watchdog = setTimeout(lost, SILENCE_MS);
}

async function lost() {
  source?.close();
  clearTimeout(watchdog);
  clearTimeout(retrying);
  together("");
  if (connection.dataset.state !== "out") show("lost");
  retrying = setTimeout(connect, retryMs * (0.75 + Math.random() / 2));
  retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
  try {
    const answer = await fetch("/", { method: "HEAD", cache: "no-store" });
    if (answer.status === 401) out();
  } catch {
    // Nobody answers: that is another matter, and it is tried again.
  }
}

// Who else is at this story. Without a connection nobody knows, and so nobody is named.

function together(text) {
  const line = byId("wie-hier");
  if (!line) return;
  line.textContent = text;
  line.hidden = !text;
}

const WRITING_MS = 8_000; // The server takes us to write for longer than this.
let told = 0;

function writing(form) {
  if (!form.dataset.writing || Date.now() - told < WRITING_MS) return;
  told = Date.now();
  const body = new URLSearchParams({ csrf: form.elements.csrf.value });
  fetch(form.dataset.writing, { method: "POST", body, headers: { "draad-desk": "1" } }).catch(() => (told = 0));
}

function out() {
  clearTimeout(retrying);
  clearTimeout(watchdog);
  source?.close();
  show("out");
}

// What is new goes in its place. An element that did not change stays what it is, and so does one that is in use.

const KEY = /(<input[^>]*name="key"[^>]*value=")[^"]*/g;
const plain = (element) => element.outerHTML.replace(KEY, "$1");

function served(element) {
  if (element.served === undefined) element.served = plain(element);
  return element.served;
}

function remember(root) {
  for (const element of root.querySelectorAll("[id], form, section")) served(element);
  for (const child of root.children) served(child);
}

function inUse(element) {
  if (element.contains(document.activeElement) && document.activeElement !== document.body) return true;
  return [...element.querySelectorAll("input:not([type=hidden]), textarea")].some((field) => field.value !== field.defaultValue);
}

// Whether it has words of its own beside its elements: then it is one whole.
const speaks = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());

// It may look otherwise now, such as what was only perhaps somebody's; whatever it is, its own state stays.
function look(mine, child) {
  const text = child.getAttribute("class");
  if (text === null) mine.removeAttribute("class");
  else if (mine.getAttribute("class") !== text) mine.setAttribute("class", text);
}

function settle(old, fresh) {
  const before = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
  let place = old.firstElementChild;
  for (const child of [...fresh.children]) {
    let mine = child.id ? before.get(child.id) : null;
    if (!child.id && place && !place.id && place.tagName === child.tagName) mine = place;
    if (!mine) {
      child.served = plain(child);
      remember(child);
      old.insertBefore(child, place);
      child.classList.add("is-new");
      continue;
    }
    before.delete(mine.id);
    if (mine !== place) old.insertBefore(mine, place);
    place = mine.nextElementSibling;
    if (served(mine) === plain(child)) continue;
    const text = plain(child);
    if (mine.children.length && child.children.length && !speaks(mine) && !speaks(child)) {
      look(mine, child);
      settle(mine, child);
      mine.served = text;
    } else if (!inUse(mine)) {
      child.served = text;
      remember(child);
      mine.replaceWith(child);
    }
  }
  for (const gone of before.values()) if (!inUse(gone) || gone.matches("li")) gone.remove();
  while (place) {
    const next = place.nextElementSibling;
    if (!place.id && !inUse(place)) place.remove();
    place = next;
  }
}

function put(old, fresh) {
  const focused = document.activeElement?.closest?.("li[id]")?.id;
  const held = document.activeElement;
  settle(old, fresh);
  if (focused && !document.contains(held)) byId(focused)?.querySelector("[data-row]")?.focus({ preventScroll: true });
  tick();
}

// The work list.

function putWork(html) {
  const work = byId("werk");
  if (!work) return;
  const fresh = document.createElement("div");
  fresh.innerHTML = html; // Escaped by the server.
  const before = new Set([...work.querySelectorAll(".job")].map((job) => job.id));
  const first = work.dataset.seen === undefined;
  work.dataset.seen = "";
  if (work.querySelector(":scope > .notice:not([id])")) work.replaceChildren();
  put(work, fresh);
  const added = [...work.querySelectorAll(".job")].filter((job) => !before.has(job.id));
  if (first || !added.length) return;
  const rings = added.some((job) => job.classList.contains("job--ring"));
  say(rings ? "De telefoon gaat over. Druk op g om het gesprek te openen." : `${added.length} nieuw in de werklijst`);
}

function say(text) {
  news.textContent = "";
  setTimeout(() => (news.textContent = text), 100);
}

// The story of this thread.

let asking = false;
let askAgain = false;
let unseen = 0;

async function refresh() {
  if (part) return reloadPart();
  if (!thread || !live) return;
  if (asking) {
    askAgain = true;
    return;
  }
  asking = true;
  try {
    const answer = await fetch(thread.dataset.path, { cache: "no-store", headers: { Accept: "text/html" } });
    if (answer.status === 401) return out();
    if (!answer.ok) throw new Error();
    putStory(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    lost();
  } finally {
    asking = false;
    if (askAgain) {
      askAgain = false;
      refresh();
    }
  }
}

function putStory(page) {
  thread.dataset.seen = page.getElementById("draad").dataset.seen;
  const before = new Set([...document.querySelectorAll(".entry")].map((entry) => entry.id));
  const doing = byId("doen");
  const anchor = [...document.querySelectorAll(".entry")].find((entry) => entry.getBoundingClientRect().bottom > 0);
  const top = anchor?.getBoundingClientRect().top;
  for (const id of ["kop", "verhaal", "rechts", "oproep", "ouder"]) {
    const [old, fresh] = [byId(id), page.getElementById(id)];
    if (old && fresh) put(old, document.adoptNode(fresh));
    if (id === "ouder" && fresh) old.hidden = fresh.hidden;
  }
  const fresh = page.getElementById("doen");
  if (doing && fresh && !inUse(doing) && served(doing) !== plain(fresh)) {
    const opened = doing.querySelector("details[open]")?.id;
    const text = plain(fresh);
    doing.replaceChildren(...document.adoptNode(fresh).childNodes);
    doing.served = text;
    for (const fold of doing.querySelectorAll("details")) fold.open = opened ? fold.id === opened : fold.open;
    prepare(doing);
  }
  nameDays();
  const added = [...document.querySelectorAll(".entry")].filter((entry) => !before.has(entry.id));
  if (!added.length) return;
  if (anchor && document.contains(anchor) && window.scrollY > 200) {
    window.scrollBy(0, anchor.getBoundingClientRect().top - top);
    unseen += added.filter((entry) => entry.getBoundingClientRect().bottom < 0).length;
    byId("naar-boven").textContent = `${unseen} nieuw: naar boven`;
    byId("naar-boven").hidden = unseen === 0;
  }
  say(added.length === 1 ? "1 nieuw in dit verhaal" : `${added.length} nieuw in dit verhaal`);
}

byId("naar-boven")?.addEventListener("click", () => {
  unseen = 0;
  byId("naar-boven").hidden = true;
  window.scrollTo({ top: 0 });
  byId("inhoud").focus({ preventScroll: true });
});

function nameDays() {
  if (!thread) return;
  const before = new Date(`${thread.dataset.today}T12:00:00Z`);
  before.setUTCDate(before.getUTCDate() - 1);
  const yesterday = before.toISOString().slice(0, 10);
  for (const day of document.querySelectorAll(".day")) {
    const name = day.querySelector(".day__name");
    const near = { [thread.dataset.today]: "Vandaag, ", [yesterday]: "Gisteren, " }[day.dataset.day] ?? "";
    if (name.textContent !== near + name.dataset.said) name.textContent = near + name.dataset.said;
  }
}

// Waiting time counts. A minute is enough for what waits long.

function waited(since) {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(since)) / 1000));
  if (seconds < 600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} u`;
  return `${Math.floor(seconds / 86_400)} d`;
}

const moment = new Intl.DateTimeFormat("nl-NL", { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: "Europe/Amsterdam" });

function tick() {
  const set = (element, text) => element.textContent !== text && (element.textContent = text);
  for (const each of document.querySelectorAll("[data-since]")) set(each, waited(each.dataset.since));
  for (const each of document.querySelectorAll("[data-due]")) {
    const late = Date.parse(each.dataset.due) < Date.now();
    set(each, `${late ? "te laat: " : "uiterlijk "}${moment.format(Date.parse(each.dataset.due))}`);
  }
  for (const each of document.querySelectorAll("[data-moment], [data-day-of]")) {
    set(each, moment.format(Date.parse(each.dataset.moment ?? each.dataset.dayOf)));
  }
}

// Forms. What was typed stays until it is surely kept; a send that nobody answered is sent again with the same key.

const waiting = new Set();

function draftName(form) {
  const where = thread ? thread.dataset.about : location.pathname;
  const who = thread ? thread.dataset.agent : document.querySelector(".top__agent")?.textContent ?? "";
  return `${DRAFT_PREFIX}${who}:${where}:${form.dataset.draft}`;
}

const typed = (form) => [...form.elements].filter((field) => field.name && field.type !== "hidden" && field.type !== "submit");

function save(form) {
  const said = typed(form).map((field) => [field.name, field.value]);
  said.push(["key", form.elements.key.value]);
  const empty = typed(form).every((field) => !["TEXTAREA"].includes(field.tagName) || !field.value.trim());
  try {
    if (empty && form.querySelector("textarea")) localStorage.removeItem(draftName(form));
    else localStorage.setItem(draftName(form), JSON.stringify(said));
  } catch {
    // The browser keeps nothing, such as in a private window: then the page itself is all there is.
  }
}

function restore(form) {
  let said = null;
  try {
    said = JSON.parse(localStorage.getItem(draftName(form)) ?? "null");
  } catch {
    said = null;
  }
  for (const [name, value] of said ?? []) {
    const field = form.elements[name];
    if (field && (field.tagName !== "SELECT" || [...field.options].some((one) => one.value === value && !one.disabled))) field.value = value;
  }
  if (said) form.closest("details")?.setAttribute("open", "");
}

function forget(form) {
  try {
    localStorage.removeItem(draftName(form));
  } catch {
    // Nothing was kept.
  }
}

const SENTENCES = {
  400: "Dit kon niet worden bewaard. Kijk na wat u invulde.",
  403: "Dit mag u niet doen, of de pagina is te oud. Open de pagina opnieuw.",
  409: "Dit kan nu niet meer. Kijk wat er veranderd is.",
};

function tell(form, text, kind = "") {
  const said = form.querySelector(".said");
  if (!said) return say(text);
  said.textContent = text;
  said.dataset.kind = kind;
}

async function send(form) {
  if (form.busy) return;
  form.busy = true;
  tell(form, "Wordt bewaard…");
  const body = new URLSearchParams(new FormData(form));
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body,
      headers: { Accept: "application/json", "draad-desk": "1" },
      signal: AbortSignal.timeout(SEND_MS_MAX),
    });
    if (answer.ok) kept(form);
    else if (answer.status === 401) {
      out();
      tell(form, "U bent uitgelogd. Uw tekst staat er nog.", "not");
    } else if (answer.status === 409 && form.dataset.overtaken) {
      await refresh();
      form.elements.seen.value = thread.dataset.seen;
      tell(form, form.dataset.overtaken, "not");
    } else if (SENTENCES[answer.status]) tell(form, SENTENCES[answer.status], "not");
    else later(form);
  } catch {
    later(form);
  } finally {
    form.busy = false;
  }
}

function later(form) {
  waiting.add(form);
  tell(form, "Nog niet bewaard. We proberen het opnieuw zodra er verbinding is.", "not");
  setTimeout(sendWaiting, RETRY_MS_MAX / 2);
}

function sendWaiting() {
  for (const form of [...waiting]) {
    waiting.delete(form);
    send(form); // Also where the page has put another in its place meanwhile: it was sent, and is kept once.
  }
}

function kept(form) {
  waiting.delete(form);
  forget(form);
  form.reset();
  if (form.elements.seen) form.elements.seen.value = thread.dataset.seen;
  form.elements.key.value = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;
  tell(form, "Bewaard.");
  if (form.dataset.then) location.assign(form.dataset.then);
  form.closest("details.fold--small, main > details")?.removeAttribute("open");
  refresh();
}

let reloading = 0;

function reloadPart() {
  reloading ||= setTimeout(async () => {
    try {
      const answer = await fetch(part.dataset.part || location.pathname, { cache: "no-store", headers: { Accept: "text/html" } });
      reloading = 0;
      if (answer.status === 401) return out();
      if (!answer.ok) throw new Error();
      put(part, document.adoptNode(new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id)));
    } catch {
      reloading = 0;
      lost();
    }
  }, PART_MS);
}

function prepare(root) {
  for (const form of root.querySelectorAll("form[data-draft]")) restore(form);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.send !== undefined) {
    event.preventDefault();
    send(form);
  } else if (form.dataset.draft) {
    forget(form);
  }
});
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-draft]");
  if (form) {
    save(form);
    writing(form);
  }
  waiting.delete(form);
});

// Keys. They work wherever nothing is typed.

const visible = (element) => element.getClientRects().length > 0;
const rows = () => [...document.querySelectorAll("[data-row]")].filter(visible);

function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((row) => row === document.activeElement || row.parentElement.contains(document.activeElement));
  const story = all.findIndex((row) => row.closest("main [data-part], #verhaal"));
  const start = thread && story >= 0 && at < 0 ? story : 0;
  const next = at < 0 ? start : Math.min(all.length - 1, Math.max(0, at + step));
  all[next].focus();
}

function openFold(key) {
  const fold = document.querySelector(`details[data-open="${key}"]`);
  if (!fold) return false;
  choose();
  fold.open = true;
  const field = fold.querySelector("textarea") ?? fold.querySelector("input:not([type=hidden]), select");
  field?.focus();
  return true;
}

function choose() {
  const entry = document.activeElement?.closest?.(".entry");
  if (!entry?.dataset.contact || !entry.dataset.address) return;
  for (const field of document.querySelectorAll("#doen [data-contact]")) field.value = entry.dataset.contact;
  for (const field of document.querySelectorAll("#doen [data-address]")) field.value = entry.dataset.address;
  for (const label of document.querySelectorAll("#doen [data-about]")) label.textContent = entry.dataset.about;
}

const GO = { c: "/register/phone", b: "/register/counter", w: "/" };
const ALWAYS = {
  j: () => move(1),
  k: () => move(-1),
  "/": () => byId("zoek").focus(),
  "?": () => byId("toetsen").showModal(),
  g: () => document.querySelector(".job--ring a")?.click(),
};

document.addEventListener("keydown", (event) => {
  const field = event.target.closest("input, textarea, select");
  if (event.key === "Escape" && field) field.blur();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && field?.form) {
    event.preventDefault();
    field.form.requestSubmit();
  }
  if (field || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
  const row = document.activeElement?.closest?.("[data-actions]");
  const button = row?.querySelector(`[data-key="${CSS.escape(event.key)}"]`) ?? document.querySelector(`main > [data-key="${CSS.escape(event.key)}"], #oproep [data-key="${CSS.escape(event.key)}"], #rechts [data-key="${CSS.escape(event.key)}"], .actions [data-key="${CSS.escape(event.key)}"]`);
  if (button) button.click();
  else if (ALWAYS[event.key]) ALWAYS[event.key]();
  else if (openFold(event.key)) event.preventDefault();
  else if (GO[event.key]) location.assign(GO[event.key]);
  else return;
  event.preventDefault();
});

for (const button of document.querySelectorAll("[data-help]")) {
  button.hidden = false;
  button.addEventListener("click", () => byId("toetsen").showModal());
}
window.addEventListener("online", connect);
window.addEventListener("offline", lost);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && connection.dataset.state === "lost") connect();
});
window.addEventListener("pagehide", () => source?.close());
window.addEventListener("pageshow", (event) => event.persisted && connect());

for (const root of ["werk", "kop", "verhaal", "rechts", "oproep", "ouder", part?.id].filter(Boolean).map(byId).filter(Boolean)) remember(root);
if (byId("doen")) served(byId("doen"));
prepare(document);
nameDays();
tick();
setInterval(tick, 1_000);
connect();
