// npm @auth/core: its Auth0 provider and a provider of one's own, with state, PKCE and nonce.
import assert from 'node:assert/strict';
import { Auth } from '@auth/core';
import Auth0 from '@auth/core/providers/auth0';
import { facts } from './lib/facts.mjs';
import { Person } from './lib/person.mjs';

const it = await facts();
const registered = { issuer: it.issuer, clientId: it.client_id, clientSecret: it.client_secret, checks: ['pkce', 'state', 'nonce'] };
const own = { id: 'understudy', name: 'Understudy', type: 'oidc', ...registered };
const problems = [];
const config = {
  providers: [Auth0(registered), own, { ...own, id: 'by-userinfo', idToken: false, client: { token_endpoint_auth_method: 'client_secret_post' } }],
  secret: 'of the test, and long enough for everything',
  trustHost: true,
  basePath: '/auth',
  logger: { error: (error) => problems.push(error), warn() {}, debug() {} },
  callbacks: {
    jwt: ({ token, profile }) => (profile ? { ...token, profile } : token),
    session: ({ session, token }) => ({ ...session, profile: token.profile }),
  },
};

/// A browser at the application, which is a function from requests to answers.
class Browser {
  cookies = new Map();

  async ask(path, options = {}) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const request = new Request(new URL(path, it.application), { ...options, headers: { cookie, ...options.headers } });
    const answer = await Auth(request, config);
    for (const line of answer.headers.getSetCookie()) {
      const pair = line.split(';')[0];
      const at = pair.indexOf('=');
      if (/max-age=0/i.test(line) || at + 1 === pair.length) this.cookies.delete(pair.slice(0, at));
      else this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return answer;
  }

  async start(provider, parameters = {}) {
    const { csrfToken } = await (await this.ask('/auth/csrf')).json();
    const body = new URLSearchParams({ csrfToken, callbackUrl: it.application });
    const answer = await this.ask(`/auth/signin/${provider}?${new URLSearchParams(parameters)}`, { method: 'POST', body });
    const to = new URL(answer.headers.get('location'));
    assert.equal(to.origin, it.issuer, String(problems.at(-1)?.cause ?? problems.at(-1)));
    return to;
  }

  async session() {
    return (await this.ask('/auth/session')).json();
  }
}

async function signIn(provider, person, parameters) {
  const browser = new Browser();
  const page = await person.open(await browser.start(provider, parameters));
  const { left } = page.left ? page : await person.signIn(page);
  assert.equal(left.href.split('?')[0], `${it.application}/auth/callback/${provider}`);
  // An answer that is another issuer's is refused (RFC 9207).
  const forged = new URL(left);
  forged.searchParams.set('iss', 'https://elsewhere.test');
  const copy = new Browser();
  copy.cookies = new Map(browser.cookies);
  assert.match((await copy.ask(forged)).headers.get('location'), /error/);
  problems.length = 0;
  const answer = await browser.ask(left);
  assert.deepEqual(problems, [], String(problems[0]?.cause?.err ?? problems[0]));
  assert.ok(!/error/.test(answer.headers.get('location')), answer.headers.get('location'));
  return browser.session();
}

async function normal() {
  const alice = new Person(it.issuer, it.person);
  for (const { id } of [{ id: 'auth0' }, { id: 'understudy' }, { id: 'by-userinfo' }]) {
    const { user, profile } = await signIn(id, alice);
    assert.equal(user.email, it.person.email, id);
    assert.equal(user.name, 'Alice Chen', id);
    assert.equal(profile.sub, it.subject, id);
    assert.equal(profile.impersonated, undefined, id);
  }
}

async function impersonated() {
  const grant = { grant_type: 'client_credentials', client_id: it.global_id, client_secret: it.global_secret };
  const { access_token } = await (await fetch(`${it.issuer}/oauth/token`, { method: 'POST', body: new URLSearchParams(grant) })).json();
  const asked = await fetch(`${it.issuer}/users/${it.subject}/impersonate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ protocol: 'oauth2', impersonator_id: it.actor, client_id: it.client_id, reason: 'a story' }),
  });
  const link = await asked.text();
  assert.equal(asked.status, 200, link);
  const sam = new Person(it.issuer, it.agent);
  const { left } = await sam.submit(await sam.signIn(await sam.open(link)));
  const { user, profile } = await signIn('auth0', sam, { login_hint: left.searchParams.get('login_hint') });
  assert.equal(user.email, it.person.email);
  assert.equal(profile.impersonated, true);
  assert.deepEqual(profile.impersonator, { user_id: it.actor, email: it.agent.email });
}

await normal();
await impersonated();
