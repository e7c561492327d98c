// Keeps the timeline up to date. The server renders; this only puts each entry in its place, says whether the
// connection holds, and comes back by itself when it was lost.

const SILENCE_MS = 25_000; // The server pulses every ten seconds.
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 8_000;
const ANNOUNCE_MS = 1_500;
const RELOAD_MS_MIN = 2_000;

const timeline = document.getElementById("tijdlijn");
const connection = document.getElementById("verbinding");
const connectionText = document.getElementById("verbinding-tekst");
const news = document.getElementById("nieuws");
const upward = document.getElementById("naar-boven");
const older = document.getElementById("ouder");

let source = null;
let place = timeline.dataset.place;
let today = timeline.dataset.today;
let retryMs = RETRY_MS_MIN;
let retrying = 0;
let watchdog = 0;
let unsaid = 0;
let unseen = 0;
let reloaded = 0;

// The connection.

function show(state) {
  if (connection.dataset.state === state) return;
  connection.dataset.state = state;
  connectionText.textContent = connection.dataset[state];
}

function connect() {
  clearTimeout(retrying);
  source?.close();
  source = new EventSource(`/v1/timeline/stream?after=${encodeURIComponent(place)}`);
  source.addEventListener("pulse", (event) => heard(event, () => turnDay(event.data)));
  source.addEventListener("entry", (event) => heard(event, () => put(event.data)));
  source.addEventListener("reload", (event) => heard(event, reload));
  source.addEventListener("again", connect);
  source.addEventListener("error", lost);
  listen();
}

function heard(event, react) {
  place = event.lastEventId || place;
  retryMs = RETRY_MS_MIN;
  show("live");
  listen();
  react();
}

function listen() {
  clearTimeout(watchdog);
  watchdog = setTimeout(lost, SILENCE_MS);
}

async function lost() {
  source?.close();
  clearTimeout(watchdog);
  clearTimeout(retrying);
  show("lost");
  retrying = setTimeout(connect, retryMs * (0.75 + Math.random() / 2));
  retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
  if (await signedOut()) {
    clearTimeout(retrying);
    source?.close();
    clearTimeout(watchdog);
    show("out");
  }
}

async function signedOut() {
  try {
    const answer = await fetch("/", { method: "HEAD", cache: "no-store" });
    return answer.status === 401;
  } catch {
    return false; // Nobody answers: that is another matter.
  }
}

// The entries.

function put(html) {
  const entry = read(html);
  if (document.getElementById(entry.id)) return;
  if (!older.hidden && compare(entry, oldest()) > 0) return; // It stands on an older page.
  document.getElementById("leeg")?.remove();
  const thread = threadOf(entry);
  const next = [...thread.children].find((other) => compare(entry, other) < 0);
  thread.insertBefore(entry, next ?? null);
  entry.classList.add("entry--new");
  trim();
  announce();
}

function read(html) {
  const template = document.createElement("template");
  template.innerHTML = html; // Escaped by the server.
  return template.content.firstElementChild;
}

// Negative where `one` happened later, and so stands higher.
function compare(one, other) {
  if (one.dataset.at !== other.dataset.at) return one.dataset.at > other.dataset.at ? -1 : 1;
  return Number(other.dataset.position) - Number(one.dataset.position);
}

function oldest() {
  return [...timeline.querySelectorAll(".entry")].at(-1);
}

function threadOf(entry) {
  const days = [...timeline.querySelectorAll(".day")];
  const found = days.find((day) => day.dataset.day === entry.dataset.day);
  if (found) return found.querySelector(".thread");
  const day = document.createElement("section");
  day.className = "day";
  day.dataset.day = entry.dataset.day;
  const name = document.createElement("h2");
  name.className = "day__name";
  name.dataset.said = entry.dataset.daySaid;
  const thread = document.createElement("ol");
  thread.className = "thread";
  day.append(name, thread);
  timeline.insertBefore(day, days.find((other) => other.dataset.day < day.dataset.day) ?? null);
  nameDays();
  return thread;
}

function trim() {
  const entries = [...timeline.querySelectorAll(".entry")];
  const most = Number(timeline.dataset.entriesMax);
  if (entries.length <= most || entries.at(-1).contains(document.activeElement)) return;
  const gone = entries.at(-1);
  const day = gone.closest(".day");
  gone.remove();
  if (!day.querySelector(".entry")) day.remove();
  const last = oldest();
  older.querySelector("a").href = `/?before=${encodeURIComponent(`${last.dataset.at}p${last.dataset.position}`)}`;
  older.hidden = false;
}

async function reload() {
  if (Date.now() - reloaded < RELOAD_MS_MIN) {
    setTimeout(reload, RELOAD_MS_MIN);
    return;
  }
  reloaded = Date.now();
  try {
    const answer = await fetch("/", { cache: "no-store" });
    if (!answer.ok) throw new Error();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    timeline.replaceChildren(...page.getElementById("tijdlijn").childNodes);
    older.replaceChildren(...page.getElementById("ouder").childNodes);
    older.hidden = page.getElementById("ouder").hidden;
    nameDays();
  } catch {
    lost();
  }
}

// The days.

function turnDay(date) {
  if (date === today) return;
  today = date;
  nameDays();
}

function nameDays() {
  const before = new Date(`${today}T12:00:00Z`);
  before.setUTCDate(before.getUTCDate() - 1);
  const yesterday = before.toISOString().slice(0, 10);
  for (const day of timeline.querySelectorAll(".day")) {
    const name = day.querySelector(".day__name");
    const near = { [today]: "Vandaag, ", [yesterday]: "Gisteren, " }[day.dataset.day] ?? "";
    name.textContent = near + name.dataset.said;
  }
}

// What is new, for who does not look at the top.

function announce() {
  unsaid += 1;
  unseen += window.scrollY > 200 ? 1 : 0;
  if (unsaid === 1) setTimeout(say, ANNOUNCE_MS);
  if (unseen) {
    upward.textContent = `${unseen} nieuw: naar boven`;
    upward.hidden = false;
  }
}

function say() {
  news.textContent = unsaid === 1 ? "1 nieuw bericht op de tijdlijn" : `${unsaid} nieuwe berichten op de tijdlijn`;
  unsaid = 0;
}

function seen() {
  unseen = 0;
  upward.hidden = true;
}

upward.addEventListener("click", () => {
  window.scrollTo({ top: 0 });
  document.getElementById("inhoud").focus({ preventScroll: true });
  seen();
});
window.addEventListener("scroll", () => window.scrollY < 100 && seen(), { passive: true });
window.addEventListener("online", connect);
window.addEventListener("offline", lost);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && connection.dataset.state === "lost") connect();
});
window.addEventListener("pagehide", () => source?.close());
window.addEventListener("pageshow", (event) => event.persisted && connect());

nameDays();
connect();
