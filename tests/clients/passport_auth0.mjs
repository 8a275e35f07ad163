// npm passport-auth0 in an application of express and express-session: sign-in, and acting as somebody.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import express from 'express';
import session from 'express-session';
import passport from 'passport';
import Auth0Strategy from 'passport-auth0';
import { facts } from './lib/facts.mjs';
import { Person } from './lib/person.mjs';
import { front } from './lib/tls.mjs';

const it = await facts();
const before = await front(it);

const strategy = new Auth0Strategy({
  domain: new URL(it.issuer).host,
  clientID: it.client_id,
  clientSecret: it.client_secret,
  callbackURL: it.redirect_uri,
  expectedIssuer: it.issuer, // its default has a slash at its end
}, (accessToken, refreshToken, extra, profile, done) => done(null, { profile, extra }));
passport.use(strategy);
/// Before: the library sends the access token in the query, where logs have it, and userinfo takes it from there from
/// nobody (RFC 9700 §4.3.2).
const inHeader = (yes) => strategy._oauth2.useAuthorizationHeaderforGET(yes);
passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user, done) => done(null, user));

const app = express();
app.use(session({ secret: 'of the test', resave: false, saveUninitialized: false }));
app.use(passport.initialize(), passport.session());
app.get('/login', (request, response, next) => {
  const options = { scope: 'openid profile email', login_hint: request.query.login_hint };
  passport.authenticate('auth0', options)(request, response, next);
});
app.get('/callback', passport.authenticate('auth0', { failureRedirect: '/failed' }), (_, response) => response.redirect('/me'));
app.get('/me', (request, response) => response.json(request.user ?? null));
app.get('/failed', (_, response) => response.status(401).send('not signed in'));
app.use((error, _request, response, _next) => response.status(500).send(`${error.message} ${error.oauthError ?? ''}`));
const server = createServer(app);
await new Promise((ready) => server.listen(Number(new URL(it.application).port), '127.0.0.1', ready));

/// The person's browser at the application.
const at = (person) => new Person(it.application, { email: person.email, password: person.password });
const body = (page) => JSON.parse(page.html);

/// Through the application's own login: what it then knows.
async function signIn(browser, person, address) {
  const page = await person.open((await browser.open(address)).left);
  const { left } = page.left ? page : await person.signIn(page);
  assert.equal(left.origin + left.pathname, it.redirect_uri);
  return body(await browser.open(left));
}

async function normal() {
  const browser = at(it.person);
  const { profile, extra } = await signIn(browser, new Person(it.issuer, it.person), `${it.application}/login`);
  assert.equal(profile.id, it.subject);
  assert.equal(profile.emails[0].value, it.person.email);
  assert.equal(profile.displayName, 'Alice Chen');
  assert.deepEqual(profile.name, { familyName: 'Chen', givenName: 'Alice' });
  assert.equal(profile._json.impersonated, undefined);
  assert.equal(profile._json.impersonator, undefined);
  assert.ok(extra.id_token);
}

/// What docs/topics/from-auth0.md says about the library as it comes.
async function inQuery() {
  inHeader(false);
  const browser = at(it.person);
  const alice = new Person(it.issuer, it.person);
  const { left } = await alice.signIn(await alice.open((await browser.open(`${it.application}/login`)).left));
  await assert.rejects(browser.open(left), /failed to fetch user profile/);
  const { url, status } = before.requests.at(-1);
  assert.match(url, /^\/userinfo\?access_token=/);
  assert.equal(status, 401);
  inHeader(true);
}

/// The callback of a person who pressed nothing of this application's.
async function foreign() {
  const answer = await fetch(`${it.redirect_uri}?code=x&state=x`);
  assert.equal(answer.status, 401);
  assert.equal(await answer.text(), 'not signed in');
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
  assert.equal(left.origin + left.pathname, `${it.application}/login`);
  const { profile, extra } = await signIn(at(it.agent), sam, left);
  assert.equal(profile.id, it.subject);
  assert.equal(profile._json.impersonated, true);
  assert.deepEqual(profile._json.impersonator, { user_id: it.actor, email: it.agent.email });
  assert.deepEqual(profile._json.act, { iss: it.issuer, sub: it.actor });
  assert.equal(extra.refresh_token, undefined);
}

try {
  await inQuery();
  await normal();
  await foreign();
  await impersonated();
} finally {
  server.closeAllConnections();
  server.close();
  before.close();
}
