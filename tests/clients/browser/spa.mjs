// npm @auth0/auth0-spa-js as it is, in a page of a browser application: signs in, renews, calls an API elsewhere.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer, request as ask } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { inBrowser, person, signIn } from '../lib/chromium.mjs';
import { facts } from '../lib/facts.mjs';

const it = await facts();
const folder = mkdtempSync(join(tmpdir(), 'spa-'));
const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(folder, name));
execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' });
const tls = { key: readFileSync(key), cert: readFileSync(cert) };
const library = readFileSync(join(dirname(createRequire(import.meta.url).resolve('@auth0/auth0-spa-js')), '..', 'auth0-spa-js.production.js'));

const servers = [];
async function listen(server, port) {
  servers.push(server);
  await new Promise((ready) => server.listen(port, '127.0.0.1', ready));
  return server.address().port;
}

/// What stands before every installation: TLS.
const grants = [];
await listen(createTlsServer(tls, (incoming, outgoing) => {
  const { pathname } = new URL(incoming.url, it.issuer);
  const headers = { ...incoming.headers, 'x-forwarded-for': '203.0.113.9' };
  const onward = ask(it.upstream + incoming.url, { method: incoming.method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.rawHeaders);
    answer.pipe(outgoing);
  });
  if (pathname === '/oauth/token' && incoming.method === 'POST') {
    let body = '';
    incoming.on('data', (chunk) => { body += chunk; });
    incoming.on('end', () => grants.push(new URLSearchParams(body).get('grant_type')));
  }
  incoming.pipe(onward);
}), Number(new URL(it.issuer).port));

/// The API, on an origin of its own.
const keys = createRemoteJWKSet(new URL(`${it.upstream}/.well-known/jwks.json`));
const api = await listen(createTlsServer(tls, async (request, response) => {
  const cors = { 'access-control-allow-origin': it.application, 'access-control-allow-headers': 'authorization' };
  if (request.method === 'OPTIONS') return response.writeHead(204, cors).end();
  try {
    const token = request.headers.authorization.replace('Bearer ', '');
    const { payload } = await jwtVerify(token, keys, { issuer: it.issuer, audience: it.audience });
    response.writeHead(200, { ...cors, 'content-type': 'application/json' }).end(JSON.stringify({ sub: payload.sub }));
  } catch (error) {
    response.writeHead(401, cors).end(String(error));
  }
}), 0);

await listen(createTlsServer(tls, (request, response) => {
  const script = request.url === '/auth0.js';
  response.writeHead(200, { 'content-type': script ? 'text/javascript' : 'text/html' });
  response.end(script ? library : '<!doctype html><title>Application</title><script src="/auth0.js"></script><h1>Application</h1>');
}), Number(new URL(it.application).port));

/// In the page: a client of the library, kept for the next step.
async function open(page, options) {
  await page.evaluate(async ([it, options]) => {
    window.client = new auth0.Auth0Client({
      domain: new URL(it.issuer).host,
      issuer: it.issuer,
      clientId: it.client_id,
      authorizeTimeoutInSeconds: 20,
      authorizationParams: { redirect_uri: `${it.application}/callback`, audience: it.audience, scope: 'openid profile email' },
      ...options,
    });
  }, [it, options]);
}

const renew = (page) => page.evaluate(() => window.client.getTokenSilently({ cacheMode: 'off' }));

async function signedIn(page, options) {
  await page.goto(`${it.application}/`);
  await open(page, options);
  await Promise.all([page.waitForURL(`${it.issuer}/**`), page.evaluate(() => { window.client.loginWithRedirect(); })]);
  await signIn(page, it.alice);
  await page.waitForURL(`${it.application}/callback?**`);
  await open(page, options);
  await page.evaluate(() => window.client.handleRedirectCallback());
  const user = await page.evaluate(() => window.client.getUser());
  assert.equal(user.sub, 'usr_alice');
  assert.equal(user.email, it.alice.email);
}

async function calls(page, token) {
  const answer = await page.evaluate(async ([url, token]) => {
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    return [answer.status, await answer.text()];
  }, [`https://127.0.0.1:${api}/orders`, token]);
  assert.deepEqual(answer, [200, '{"sub":"usr_alice"}']);
}

const stories = {
  async rotation(browser) {
    const page = await person(browser, { ignoreHTTPSErrors: true });
    await signedIn(page, { useRefreshTokens: true, cacheLocation: 'localstorage' });
    const first = await page.evaluate(() => window.client.getTokenSilently());
    await calls(page, first);
    let last = first;
    for (let nth = 0; nth < 3; nth += 1) {
      const next = await renew(page);
      assert.notEqual(next, last);
      last = next;
    }
    await calls(page, last);
    assert.deepEqual(grants, ['authorization_code', 'refresh_token', 'refresh_token', 'refresh_token']);
    await Promise.all([
      page.waitForURL(`${it.issuer}/**`),
      page.evaluate((returnTo) => { window.client.logout({ logoutParams: { returnTo } }); }, `${it.application}/`),
    ]);
  },

  /// Without refresh tokens, the default: by a hidden frame.
  async silent(browser) {
    const page = await person(browser, { ignoreHTTPSErrors: true });
    await signedIn(page, {});
    // A new visit: the memory of the page is gone.
    await page.goto(`${it.application}/`);
    await open(page, {});
    const token = await renew(page);
    await calls(page, token);
    assert.deepEqual(grants, ['authorization_code', 'authorization_code']);
    // Somebody who is signed in nowhere hears so at once.
    const other = await person(browser, { ignoreHTTPSErrors: true });
    await other.goto(`${it.application}/`);
    await open(other, {});
    const refused = await other.evaluate(() => window.client.getTokenSilently().then(() => '', (error) => error.error));
    assert.equal(refused, 'login_required');
  },

  async popup(browser) {
    const page = await person(browser, { ignoreHTTPSErrors: true });
    await page.goto(`${it.application}/`);
    await open(page, {});
    const opened = page.waitForEvent('popup');
    const finished = page.evaluate(() => window.client.loginWithPopup());
    const popup = await opened;
    await signIn(popup, it.alice);
    await finished;
    assert.equal((await page.evaluate(() => window.client.getUser())).sub, 'usr_alice');
  },
};

try {
  await inBrowser(stories[it.story]);
} finally {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
}
