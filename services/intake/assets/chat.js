/* The chat on anybody's page: one script, nothing else. It keeps what is typed until it is acknowledged, and says each
   message under an id of its own, so that saying it again adds nothing. All of it lives in a shadow tree with a sheet
   of its own: the page's style does not reach it, and the page's policy needs no inline style.

     <script src="https://…/chat/widget.js" data-inbox="main" data-lang="nl" defer></script>                        */

(() => {
  "use strict";

  const script = document.currentScript;
  const inbox = script.dataset.inbox || "main";
  const asked = script.dataset.lang || document.documentElement.lang || "nl";
  const lang = asked.toLowerCase().startsWith("en") ? "en" : "nl";
  const address = new URL(`${encodeURIComponent(inbox)}/socket`, new URL(".", script.src));
  address.protocol = address.protocol.replace("http", "ws");

  const AGAIN_MS = 500; // Doubled after each failure,
  const AGAIN_MS_MAX = 15000; // up to this.
  const SILENT_MS_MAX = 25000; // The other side says something every ten seconds.
  const ANSWER_MS_MAX = 15000; // A message that is not acknowledged in this time is said again.
  const WAITING_MAX = 50; // Messages that wait to be sent.
  const CHARS_MAX = 4000;
  const LINES_MAX = 500; // On the page: what is older is let go.
  const GOT_MAX = 100; // Answers that are said to have come, at a time.

  const WORDS = {
    nl: {
      open: "Chat",
      title: "Chat",
      close: "Chat sluiten",
      intro: "Stel uw vraag. Een medewerker antwoordt hier. Deel geen burgerservicenummer (BSN) of wachtwoord.",
      label: "Uw bericht",
      send: "Verstuur",
      hint: "Enter verstuurt. Shift en Enter maakt een nieuwe regel.",
      you: "U",
      agent: "Medewerker",
      log: "Berichten",
      sending: "Wordt verstuurd",
      sent: "Verstuurd",
      waiting: "Nog niet verstuurd",
      refused: "Kan niet worden verstuurd",
      lost: "Geen verbinding. Wat u typt blijft bewaard. We proberen het opnieuw.",
      often: (s) => `U stuurt veel berichten achter elkaar. Het volgende bericht gaat vanzelf over ${s} seconden.`,
      away: "Uw bericht is nog niet aangekomen. We proberen het zo opnieuw.",
      full: "Er wachten nog berichten. Wacht tot die verstuurd zijn.",
      left: (n) => `Nog ${n} tekens`,
      closed: "Dit gesprek is afgesloten. Hebt u nog een vraag? Stuur gerust een nieuw bericht.",
      news: (n) => (n === 1 ? "1 nieuw bericht" : `${n} nieuwe berichten`),
    },
    en: {
      open: "Chat",
      title: "Chat",
      close: "Close chat",
      intro: "Ask your question. A member of staff answers here. Do not share your citizen service number or a password.",
      label: "Your message",
      send: "Send",
      hint: "Enter sends. Shift and Enter makes a new line.",
      you: "You",
      agent: "Member of staff",
      log: "Messages",
      sending: "Sending",
      sent: "Sent",
      waiting: "Not sent yet",
      refused: "Cannot be sent",
      lost: "No connection. What you type is kept. We keep trying.",
      often: (s) => `You send many messages in a row. The next one goes by itself in ${s} seconds.`,
      away: "Your message has not arrived yet. We try again in a moment.",
      full: "Messages are still waiting. Wait until they are sent.",
      left: (n) => `${n} characters left`,
      closed: "This conversation is closed. Another question? Just send a new message.",
      news: (n) => (n === 1 ? "1 new message" : `${n} new messages`),
    },
  }[lang];

  const STYLE = `
    :host { all: initial; }
    .chat { color: #16212c; font: 1rem/1.5 "Source Sans 3", "Source Sans Pro", "Segoe UI", Roboto, "Helvetica Neue",
      Arial, sans-serif; text-align: start; }
    .chat, .chat * { box-sizing: border-box; }
    [hidden] { display: none !important; }
    .sr { clip-path: inset(50%); height: 1px; margin: -1px; overflow: hidden; position: absolute; white-space: nowrap;
      width: 1px; }
    button, textarea { font: inherit; }
    button { background: #1d4e79; border: 0.125rem solid #1d4e79; border-radius: 0.5rem; color: #fff; cursor: pointer;
      font-weight: 600; min-block-size: 2.75rem; min-inline-size: 2.75rem; padding: 0.4375rem 1rem; }
    button:hover { background: #143a5b; border-color: #143a5b; }
    .launch { align-items: center; border-radius: 1.5rem; bottom: 1rem; box-shadow: 0 0.25rem 1rem rgb(22 33 44 / 30%);
      display: flex; gap: 0.5rem; inset-inline-end: 1rem; min-block-size: 3rem; padding-inline: 1.25rem;
      position: fixed; z-index: 2147483000; }
    .launch svg { block-size: 1.375rem; fill: currentcolor; inline-size: 1.375rem; }
    .news { background: #ffdd00; border-radius: 1rem; color: #16212c; padding-inline: 0.625rem; }
    .panel { background: #fff; border: 0.0625rem solid #4a5866; border-radius: 0.75rem; bottom: 1rem;
      box-shadow: 0 0.5rem 2rem rgb(22 33 44 / 30%); display: flex; flex-direction: column; inset-inline-end: 1rem;
      inline-size: min(24rem, calc(100vw - 2rem)); max-block-size: calc(100vh - 2rem); block-size: 36rem;
      overflow: hidden; position: fixed; z-index: 2147483000; }
    .head { align-items: center; background: #1d4e79; border-block-end: 0.25rem solid #143a5b; color: #fff;
      display: flex; gap: 0.5rem; padding: 0.375rem 0.5rem 0.375rem 1rem; }
    .head h2 { flex: 1; font-size: 1.1875rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
    .shut { padding: 0; }
    .shut svg { block-size: 1.25rem; display: block; fill: none; inline-size: 1.25rem; margin: auto; stroke: currentcolor;
      stroke-linecap: round; stroke-width: 2.5; }
    .log { background: #f3f6f8; flex: 1; min-block-size: 6rem; overflow-y: auto; overscroll-behavior: contain;
      padding: 1rem; }
    .intro { color: #4a5866; margin: 0 0 1rem; }
    .notice { background: #fdf0dc; border-inline-start: 0.25rem solid #8a4b00; margin: 0; padding: 0.5rem 0.75rem; }
    .line { margin: 0 0 0.75rem; max-inline-size: 85%; inline-size: fit-content; }
    .line p { border-radius: 0.75rem; margin: 0; overflow-wrap: anywhere; padding: 0.5rem 0.75rem;
      white-space: pre-wrap; }
    .agent p { background: #fff; border: 0.0625rem solid #d5dde4; border-end-start-radius: 0; }
    .mine { margin-inline-start: auto; }
    .mine p { background: #1d4e79; border: 0.0625rem solid #1d4e79; border-end-end-radius: 0; color: #fff; }
    .mine[data-state="waiting"] p, .mine[data-state="sending"] p { background: #e4eef6; color: #16212c; }
    .mine[data-state="refused"] p { background: #fdeae7; border-color: #a3261b; color: #16212c; }
    .meta { color: #4a5866; font-size: 0.875rem; }
    .mine .meta { text-align: end; }
    .mine[data-state="refused"] .meta { color: #a3261b; }
    .over { border-block-start: 0.0625rem solid #4a5866; color: #4a5866; inline-size: auto; max-inline-size: none;
      padding-block-start: 0.5rem; }
    .state { background: #fdf0dc; color: #16212c; padding: 0.5rem 1rem; }
    .state:empty, .notice:empty { border: 0; padding: 0; }
    form { border-block-start: 0.0625rem solid #d5dde4; display: grid; gap: 0.25rem 0.5rem;
      grid-template-columns: 1fr auto; padding: 0.75rem 1rem; }
    label { font-weight: 600; grid-column: 1 / -1; }
    textarea { background: #fff; border: 0.125rem solid #4a5866; border-radius: 0.5rem; color: #16212c;
      max-block-size: 10rem; min-block-size: 4.25rem; padding: 0.375rem 0.625rem; resize: vertical; inline-size: 100%; }
    .send { align-self: end; }
    .hint { color: #4a5866; font-size: 0.875rem; grid-column: 1 / -1; margin: 0; }
    :focus-visible { box-shadow: 0 0 0 0.25rem #ffdd00; outline: 0.1875rem solid #16212c; outline-offset: 0.125rem; }
    .log:focus-visible { box-shadow: inset 0 0 0 0.25rem #ffdd00; outline-offset: -0.1875rem; }
    @media (max-width: 30rem) {
      .panel { block-size: 100%; border: 0; border-radius: 0; inline-size: 100%; inset: 0; max-block-size: none; }
    }
    @media (max-height: 30rem) {
      .panel { block-size: 100%; inset-block: 0; max-block-size: none; }
      .hint { display: none; }
      textarea { min-block-size: 2.75rem; }
    }
    @media (prefers-reduced-motion: no-preference) {
      .panel { animation: rise 0.15s ease-out; }
      @keyframes rise { from { opacity: 0; transform: translateY(0.5rem); } }
    }
    @media (forced-colors: active) {
      button, .line p { border: 0.125rem solid; }
    }`;

  /* What has to outlive a reload, and no more than this tab. */

  const key = `draad-chat-${inbox}`;
  const kept = { ticket: "", waiting: [], got: [], draft: "", open: false };

  function recall() {
    try {
      Object.assign(kept, JSON.parse(sessionStorage.getItem(key) || "{}"));
    } catch {
      /* The browser keeps nothing for us, or somebody else wrote there: we go on without. */
    }
  }

  function keep() {
    try {
      sessionStorage.setItem(key, JSON.stringify(kept));
    } catch {
      /* As above: it lives as long as this page. */
    }
  }

  /* What is on the page. */

  function make(name, attributes, ...inside) {
    const element = document.createElement(name);
    for (const [attribute, value] of Object.entries(attributes)) {
      element.setAttribute(attribute, value);
    }
    element.append(...inside);
    return element;
  }

  function drawn(d) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", d);
    svg.append(path);
    return svg;
  }

  const news = make("span", { class: "news", hidden: "" });
  const launch = make(
    "button",
    { class: "launch", type: "button", "aria-expanded": "false", "aria-haspopup": "dialog" },
    drawn("M4 3h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2h-8l-6 5v-5H4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2z"),
    make("span", {}, WORDS.open),
    news,
  );
  const title = make("h2", { id: "title" }, WORDS.title);
  const shut = make("button", { class: "shut", type: "button", "aria-label": WORDS.close }, drawn("M5 5l14 14M19 5L5 19"));
  const lines = make("div", { role: "log", "aria-label": WORDS.log, "aria-relevant": "additions" });
  const log = make("div", { class: "log", tabindex: "0", role: "group", "aria-label": WORDS.log });
  const notice = make("p", { class: "notice", role: "status" });
  const state = make("div", { class: "state", role: "status" });
  const text = make("textarea", { id: "text", maxlength: CHARS_MAX, rows: "2", "aria-describedby": "hint" });
  const send = make("button", { class: "send", type: "submit" }, WORDS.send);
  const hint = make("p", { class: "hint", id: "hint" }, WORDS.hint);
  const form = make("form", {}, make("label", { for: "text" }, WORDS.label), text, send, hint);
  log.append(make("p", { class: "intro" }, WORDS.intro), lines);
  const head = make("div", { class: "head" }, title, shut);
  const panel = make(
    "div",
    { class: "panel", role: "dialog", "aria-labelledby": "title", hidden: "" },
    head,
    notice,
    log,
    state,
    form,
  );

  function show() {
    const host = make("div", { id: key });
    const root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    root.append(make("aside", { class: "chat", lang, "aria-label": WORDS.open }, launch, panel));
    document.body.append(host);
  }

  let unread = 0;
  let pinned = true; // The end is in sight, and stays so.

  function follow() {
    if (pinned) {
      log.scrollTop = log.scrollHeight;
    }
  }

  function tell(sentence) {
    if (state.textContent !== sentence) {
      state.textContent = sentence;
    }
  }

  function count(more) {
    unread = panel.hidden ? unread + more : 0;
    news.textContent = unread ? WORDS.news(unread) : "";
    news.hidden = !unread;
  }

  function unfold(focus) {
    panel.hidden = false;
    launch.hidden = true;
    launch.setAttribute("aria-expanded", "true");
    kept.open = true;
    keep();
    count(0);
    follow();
    if (focus) {
      text.focus();
    }
    connect();
  }

  function fold() {
    panel.hidden = true;
    launch.hidden = false;
    launch.setAttribute("aria-expanded", "false");
    kept.open = false;
    keep();
    launch.focus();
  }

  /* A line stands where the log has it; what is not there yet stands at the end. */

  function put(line, place) {
    if (place) {
      line.dataset.place = place;
    }
    const later = [...lines.children].find((o) => o !== line && (!o.dataset.place || Number(o.dataset.place) > place));
    const next = place ? later || null : null;
    if (line.parentNode !== lines || line.nextElementSibling !== next) {
      lines.insertBefore(line, next);
    }
    if (lines.children.length > LINES_MAX) {
      lines.firstElementChild.remove();
    }
    if (line.classList.contains("mine") && !line.dataset.place) {
      pinned = true;
    }
    follow();
  }

  function found(name) {
    return [...lines.children].find((line) => line.dataset.name === name);
  }

  function line(name, by, said) {
    const who = by === "resident" ? WORDS.you : WORDS.agent;
    const meta = make("div", { class: "meta" });
    const shown = make("div", { class: `line ${by === "resident" ? "mine" : "agent"}` });
    shown.append(make("span", { class: "sr" }, `${who}: `), make("p", {}, said), meta);
    shown.dataset.name = name;
    return shown;
  }

  function mark(shown, how, at) {
    if (!shown) {
      return; // It was long ago, and is no more on the page.
    }
    const hour = at && new Date(at).toLocaleTimeString(lang === "en" ? "en-GB" : "nl-NL", { hour: "2-digit", minute: "2-digit" });
    shown.dataset.state = how;
    shown.querySelector(".meta").textContent = [how && WORDS[how], hour].filter(Boolean).join(", ");
  }

  function said(one) {
    let shown = found(one.name);
    if (one.by === "closed") {
      shown = shown || make("div", { class: "line over" }, WORDS.closed);
      shown.dataset.name = one.name;
    } else if (one.by === "resident") {
      shown = shown || line(one.name, one.by, one.text);
      mark(shown, "sent", one.at);
      done(one.name);
    } else {
      if (!shown) {
        shown = line(one.name, one.by, one.text);
        mark(shown, "", one.at);
        count(1);
      }
      if (!kept.got.includes(one.name)) {
        kept.got.push(one.name);
      }
    }
    put(shown, one.position);
  }

  /* The connection. What waits is said one at a time, in order, until each is acknowledged. */

  let socket = null;
  let welcome = false;
  let place = 0;
  let failures = 0;
  let timer = 0;
  let heard = 0;
  let pause = 0;
  let asking = "";
  let askedAt = 0;

  function connect() {
    clearTimeout(timer);
    if (socket) {
      return;
    }
    heard = Date.now();
    const mine = new WebSocket(address);
    socket = mine;
    mine.onopen = () => say({ hello: { ticket: kept.ticket, place, language: lang } });
    mine.onmessage = (message) => socket === mine && hear(JSON.parse(message.data));
    mine.onclose = () => socket === mine && lose();
  }

  function lose() {
    const old = socket;
    socket = null;
    welcome = false;
    asking = "";
    if (old) {
      old.onclose = null;
      old.close();
    }
    tell(WORDS.lost);
    for (const one of kept.waiting) {
      mark(found(one.id), "waiting");
    }
    const wait = Math.min(AGAIN_MS * 2 ** failures, AGAIN_MS_MAX);
    failures += 1;
    clearTimeout(timer);
    timer = setTimeout(connect, wait * (0.5 + Math.random() / 2));
  }

  function say(frame) {
    if (socket && socket.readyState === WebSocket.OPEN) {
      socket.send(JSON.stringify(frame));
    }
  }

  function flush() {
    clearTimeout(pause);
    pause = 0;
    const [first] = kept.waiting;
    if (welcome && first && asking !== first.id) {
      asking = first.id;
      askedAt = Date.now();
      mark(found(first.id), "sending");
      say({ say: first });
    }
  }

  function thank() {
    if (kept.got.length) {
      say({ got: kept.got.slice(0, GOT_MAX) });
    }
  }

  function done(name) {
    kept.waiting = kept.waiting.filter((one) => one.id !== name);
    if (asking === name) {
      asking = "";
    }
    keep();
  }

  const HEARD = {
    welcome(told) {
      if (told.ticket !== kept.ticket) {
        kept.got = [];
        for (const old of [...lines.children].filter((o) => o.dataset.place)) {
          old.remove();
        }
      }
      kept.ticket = told.ticket;
      place = told.place;
      keep();
      title.textContent = told.title;
      failures = 0;
      welcome = true;
      tell("");
      HEARD.pulse(told);
      thank();
      flush();
    },
    pulse(told) {
      if (notice.textContent !== told.notice) {
        notice.textContent = told.notice;
      }
    },
    lines(several) {
      several.forEach(said);
      place = Math.max(place, ...several.map((one) => one.position));
      keep();
      thank();
      flush();
    },
    kept(told) {
      done(told.id);
      const shown = found(told.id);
      if (shown && shown.dataset.state !== "sent") {
        mark(shown, "sent", Date.now());
      }
      tell("");
      flush();
    },
    held(told) {
      asking = "";
      mark(found(told.id), "waiting");
      tell(told.why === "often" ? WORDS.often(Math.ceil(told.wait_s)) : WORDS.away);
      clearTimeout(pause);
      pause = setTimeout(flush, told.wait_s * 1000 + 50);
    },
    refused(told) {
      done(told.id);
      mark(found(told.id), "refused");
      flush();
    },
    noted(names) {
      kept.got = kept.got.filter((name) => !names.includes(name));
      keep();
      thank();
    },
  };

  function hear(frame) {
    heard = Date.now();
    for (const [name, told] of Object.entries(frame)) {
      if (Object.hasOwn(HEARD, name)) {
        HEARD[name](told);
      }
    }
  }

  function name() {
    return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function submit() {
    const words = text.value.trim();
    if (!words) {
      text.focus();
      return;
    }
    if (kept.waiting.length >= WAITING_MAX) {
      tell(WORDS.full);
      return;
    }
    const one = { id: name(), text: words };
    kept.waiting.push(one);
    kept.draft = text.value = "";
    keep();
    const shown = line(one.id, "resident", one.text);
    mark(shown, "waiting");
    put(shown, 0);
    typed();
    text.focus();
    if (!pause) {
      flush();
    }
    connect();
  }

  function typed() {
    kept.draft = text.value;
    keep();
    const left = CHARS_MAX - text.value.length;
    hint.textContent = left < 500 ? WORDS.left(left) : WORDS.hint;
  }

  function listen() {
    launch.addEventListener("click", () => unfold(true));
    log.addEventListener("scroll", () => {
      pinned = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    });
    new ResizeObserver(follow).observe(log);
    shut.addEventListener("click", fold);
    panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        fold();
      }
    });
    text.addEventListener("input", typed);
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        submit();
      }
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      submit();
    });
    window.addEventListener("online", () => {
      failures = 0;
      if (!socket && (kept.ticket || kept.open)) {
        connect();
      }
    });
    setInterval(() => {
      const silent = Date.now() - heard > SILENT_MS_MAX;
      const unanswered = asking && Date.now() - askedAt > ANSWER_MS_MAX;
      if (socket && (silent || unanswered)) {
        lose();
      }
    }, 1000);
  }

  function begin() {
    recall();
    show();
    listen();
    text.value = kept.draft;
    typed();
    for (const one of kept.waiting) {
      const shown = line(one.id, "resident", one.text);
      mark(shown, "waiting");
      put(shown, 0);
    }
    if (kept.open) {
      unfold(false);
    } else if (kept.ticket) {
      connect();
    }
  }

  if (document.body) {
    begin();
  } else {
    addEventListener("DOMContentLoaded", begin);
  }
})();
