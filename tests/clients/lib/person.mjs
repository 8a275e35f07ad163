// A person at a browser without a screen: keeps cookies, follows redirects while they stay with the
// provider, fills in forms.
import assert from 'node:assert/strict';

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", '#34': '"', '#38': '&', '#60': '<', '#62': '>' };
const decode = (text) => text.replace(/&([^;]+);/g, (all, name) => ENTITIES[name] ?? all);

/// The action and the fields of the first POST form of a page.
export function formOf(page) {
  const form = /<form[^>]*method="post"[^>]*>[\s\S]*?<\/form>/.exec(page.html)?.[0];
  assert.ok(form, `no form on ${page.url}: ${page.html}`);
  const fields = [...form.matchAll(/<input[^>]*>/g)].map(([input]) => [
    decode(/ name="([^"]*)"/.exec(input)[1]),
    decode(/ value="([^"]*)"/.exec(input)?.[1] ?? ''),
  ]);
  return { action: decode(/action="([^"]*)"/.exec(form)[1]), fields };
}

export class Person {
  #cookies = new Map();

  constructor(provider, { email, password }) {
    this.provider = new URL(provider).origin;
    this.email = email;
    this.password = password;
  }

  async #ask(url, options = {}) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { accept: 'text/html', ...(cookie && { cookie }), ...options.headers };
    const answer = await fetch(url, { ...options, headers, redirect: 'manual' });
    for (const line of answer.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(';').map((part) => part.trim());
      const at = pair.indexOf('=');
      const gone = attributes.some((it) => /^max-age=0$/i.test(it)) || pair.length === at + 1;
      if (gone) this.#cookies.delete(pair.slice(0, at));
      else this.#cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    const to = answer.headers.get('location');
    return { url, status: answer.status, to: to && new URL(to, url), html: await answer.text() };
  }

  /// Either a page of the provider, or `left`: the address it sent the browser away to.
  async #follow(page) {
    for (let hops = 0; page.to; hops += 1) {
      assert.ok(hops < 10, `redirected without end: ${page.to}`);
      if (page.to.origin !== this.provider) return { left: page.to };
      page = await this.#ask(page.to);
    }
    assert.equal(page.status, 200, page.html);
    return page;
  }

  async open(url) {
    return this.#follow(await this.#ask(url));
  }

  /// Sends the first POST form of `page`, as the browser would.
  async submit(page, typed = {}) {
    const { action, fields } = formOf(page);
    const body = new URLSearchParams(fields.map(([name, value]) => [name, typed[name] ?? value]));
    const headers = { origin: this.provider, 'sec-fetch-site': 'same-origin' };
    return this.#follow(await this.#ask(new URL(action, page.url), { method: 'POST', body, headers }));
  }

  async signIn(page) {
    assert.match(page.html ?? '', /name="password"/, 'a login page is expected');
    return this.submit(page, { email: this.email, password: this.password });
  }
}
