/* The bar of an impersonated page, for applications: who really acts, as whom, for how long, and a way to stop.
   <understudy-bar marks="…" application="…"></understudy-bar>, and this script. See "The bar" in README. */
"use strict";
(() => {
  const NAME = "understudy-bar";
  const MARK = "https://understudy.dev/claims/impersonation";
  const fits = "customElements" in window && "adoptedStyleSheets" in Document.prototype;
  // Without them the page keeps what it has written inside the element.
  if (!fits || customElements.get(NAME)) return;

  // The page with the stop button, on the server that this script is from.
  const script = document.currentScript;
  const home = script && script.src ? new URL("../me/impersonation", script.src).href : null;

  const sheet = (text) => {
    const it = new CSSStyleSheet();
    it.replaceSync(text);
    return it;
  };
  const NOTHING = sheet(":host { display: none !important; }");
  const BAR = sheet(`
    :host {
      all: initial !important; display: block !important; box-sizing: border-box !important;
      position: sticky !important; inset-block-start: 0 !important; z-index: 2147483647 !important;
      color-scheme: light !important;
    }
    :host([position="static"]) { position: static !important; }
    section {
      display: flex; flex-wrap: wrap; align-items: center; gap: .375rem 1rem; box-sizing: border-box;
      padding: .5rem clamp(1rem, 4vw, 2rem);
      color: var(--understudy-bar-color, #221700); background: var(--understudy-bar-background, #f3b63f);
      font: 400 15px/1.4 var(--understudy-bar-font, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif);
      text-align: start; print-color-adjust: exact; -webkit-print-color-adjust: exact;
    }
    p { margin: 0; overflow-wrap: anywhere; }
    .who { flex: 1 1 16rem; min-width: 0; }
    bdi { font-weight: 700; }
    .left { font-variant-numeric: tabular-nums; }
    a {
      display: inline-flex; align-items: center; min-height: 2.25rem; padding: .25rem 1rem; box-sizing: border-box;
      font-weight: 600; text-decoration: none; border-radius: .5rem;
      color: var(--understudy-bar-button-color, #fff); background: var(--understudy-bar-button-background, #221700);
    }
    a:hover { text-decoration: underline; }
    a:focus-visible { outline: 3px solid var(--understudy-bar-color, #221700); outline-offset: 2px; }
    .heard { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    [hidden] { display: none; }
    @media (max-width: 30rem) { .who { flex-basis: 100%; } .left { flex: 1; } }
    @media (max-height: 26rem) { :host { position: static !important; } }
    @media (forced-colors: active) { section, a { border: 2px solid; } }
    @media print { :host { position: static !important; } section { border: 2px solid; } }
  `);

  /* Claims as JSON, or an ID token as it came; the page has checked it, here it is only shown. */
  function read(text) {
    const trimmed = (text || "").trim();
    if (!trimmed) return {};
    try {
      const parts = trimmed.split(".");
      const json = !trimmed.startsWith("{") && parts.length === 3 ? decode(parts[1]) : trimmed;
      const claims = JSON.parse(json);
      return claims && typeof claims === "object" ? claims : {};
    } catch {
      console.warn("understudy-bar: the attribute `marks` is neither JSON nor an ID token");
      return {};
    }
  }

  function decode(part) {
    const bytes = atob(part.replace(/-/g, "+").replace(/_/g, "/"));
    return new TextDecoder().decode(Uint8Array.from(bytes, (letter) => letter.charCodeAt(0)));
  }

  /* Any one of the marks is enough; `null`: nobody acts as anybody. */
  function acting(claims) {
    const { impersonator, act } = claims;
    const mark = claims[MARK];
    if (claims.impersonated !== true && !impersonator && !act && !mark) return null;
    const who = impersonator || {};
    const exp = mark && Number.isFinite(mark.exp) ? mark.exp * 1000 : null;
    return {
      actor: who.name || who.email || who.user_id || (act && act.sub) || "Somebody",
      subject: claims.name || claims.email || claims.sub || "somebody else",
      readOnly: Boolean(mark && mark.mode === "read_only"),
      issuer: (act && act.iss) || null,
      until: exp,
    };
  }

  /* Where Stop leads: an http(s) address, or nowhere. */
  function address(text, base) {
    try {
      const url = new URL(text, base);
      return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
    } catch {
      return null;
    }
  }

  function words(milliseconds) {
    if (milliseconds <= 0) return "time is up";
    const minutes = Math.floor(milliseconds / 60000);
    return minutes < 1 ? "under a minute left" : `${minutes} min left`;
  }

  function element(name, parent, set = {}) {
    return parent.appendChild(Object.assign(document.createElement(name), set));
  }

  class Bar extends HTMLElement {
    static observedAttributes = ["marks", "actor", "subject", "application", "stop", "now", "position"];

    #root = this.attachShadow({ mode: "open" });
    #timer = 0;
    #skew = 0;

    connectedCallback() {
      this.#show();
    }

    disconnectedCallback() {
      clearInterval(this.#timer);
    }

    attributeChangedCallback() {
      if (this.isConnected) this.#show();
    }

    #show() {
      clearInterval(this.#timer);
      const claims = read(this.getAttribute("marks"));
      const it = acting(claims);
      this.#root.replaceChildren();
      this.#root.adoptedStyleSheets = [it ? BAR : NOTHING];
      if (!it) return;
      const told = Date.parse(this.getAttribute("now") || "");
      this.#skew = Number.isNaN(told) ? 0 : told - Date.now();
      const section = element("section", this.#root);
      section.setAttribute("aria-label", "Impersonation");
      this.#who(section, it);
      this.#stop(section, it);
      if (it.until !== null) this.#count(section, it);
    }

    #who(section, it) {
      const line = element("p", section, { className: "who" });
      const name = (text) => element("bdi", line, { textContent: text });
      name(this.getAttribute("actor") || it.actor);
      line.append(" is acting as ");
      name(this.getAttribute("subject") || it.subject);
      const application = this.getAttribute("application");
      if (application) {
        line.append(" in ");
        name(application);
      }
      if (it.readOnly) line.append(" · read only");
    }

    /* A form of the page's own in the slot `stop` comes first: it can carry the page's own token. */
    #stop(section, it) {
      const slot = element("slot", section, { name: "stop" });
      const own = this.getAttribute("stop");
      const to = (own && address(own, document.baseURI)) || home || (it.issuer && address(`${it.issuer}/me/impersonation`));
      if (to) element("a", slot, { href: to, target: "_top", referrerPolicy: "no-referrer", textContent: "Stop" });
    }

    #count(section, it) {
      const line = element("p", section, { className: "left" });
      section.insertBefore(line, section.querySelector("slot"));
      const time = element("time", line, { dateTime: new Date(it.until).toISOString() });
      const heard = element("span", section, { className: "heard" });
      heard.setAttribute("role", "status");
      let last = Infinity;
      const tick = () => {
        const left = it.until - (Date.now() + this.#skew);
        const text = words(left);
        if (time.textContent !== text) time.textContent = text;
        for (const limit of [300000, 60000, 0]) {
          if (left <= limit && last > limit && last !== Infinity) heard.textContent = `Acting: ${text}`;
        }
        last = left;
        if (left <= 0) {
          clearInterval(this.#timer);
          this.dispatchEvent(new CustomEvent("understudy-bar:over", { bubbles: true }));
        }
      };
      this.#timer = setInterval(tick, 1000);
      tick();
    }
  }

  customElements.define(NAME, Bar);
})();
