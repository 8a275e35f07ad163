// npm auth0: the AuthenticationClient (`auth0/legacy` since version 7), its successor @auth0/auth0-auth-js and the
// ManagementClient, as they are.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { AuthClient } from '@auth0/auth0-auth-js';
import { ManagementClient } from 'auth0';
import { AuthenticationClient, UserInfoClient } from 'auth0/legacy';
import { facts } from './lib/facts.mjs';
import { Person } from './lib/person.mjs';
import { front } from './lib/tls.mjs';

const it = await facts();
const before = await front(it);
const domain = new URL(it.issuer).host;
const client = (clientId, clientSecret) => new AuthenticationClient({ domain, clientId, clientSecret });
const app = client(it.client_id, it.client_secret);
const alice = new Person(it.issuer, it.person);

/// The person signs in, and the application gets a code.
async function code(scope, more = {}) {
  const state = randomBytes(16).toString('hex');
  const parameters = { client_id: it.client_id, response_type: 'code', redirect_uri: it.redirect_uri, scope, state, ...more };
  const page = await alice.open(`${it.issuer}/authorize?${new URLSearchParams(parameters)}`);
  const { left } = page.left ? page : await alice.signIn(page);
  assert.equal(left.origin + left.pathname, it.redirect_uri);
  assert.equal(left.searchParams.get('state'), state);
  return left.searchParams.get('code');
}

async function machine() {
  const robot = client(it.machine_id, it.machine_secret);
  const { data } = await robot.oauth.clientCredentialsGrant({ audience: it.machine_audience });
  assert.equal(data.token_type, 'Bearer');
  const claims = JSON.parse(Buffer.from(data.access_token.split('.')[1], 'base64url'));
  assert.equal(claims.sub, it.machine_id); // RFC 9068 §2.2; Auth0 adds `@clients`
  const wrong = client(it.machine_id, 'wrong').oauth.clientCredentialsGrant({ audience: it.machine_audience });
  await assert.rejects(wrong, (error) => error.error === 'invalid_client' && error.statusCode === 401);
}

async function user() {
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const sent = await code('orders:read offline_access', { audience: it.audience, code_challenge: challenge, code_challenge_method: 'S256' });
  const redemption = { code: sent, redirect_uri: it.redirect_uri, code_verifier: verifier };
  const { data: tokens } = await app.oauth.authorizationCodeGrantWithPKCE(redemption);
  assert.equal(tokens.scope, 'orders:read offline_access');
  await assert.rejects(app.oauth.authorizationCodeGrantWithPKCE(redemption), (error) => error.error === 'invalid_grant');

  const plain = { code: await code('orders:read offline_access', { audience: it.audience }), redirect_uri: it.redirect_uri };
  const { data: first } = await app.oauth.authorizationCodeGrant(plain);
  const { data: second } = await app.oauth.refreshTokenGrant({ refresh_token: first.refresh_token });
  assert.notEqual(second.access_token, first.access_token);
  const latest = second.refresh_token ?? first.refresh_token;
  await app.oauth.revokeRefreshToken({ token: latest });
  await assert.rejects(app.oauth.refreshTokenGrant({ refresh_token: latest }), (error) => error.error === 'invalid_grant');
}

/// Its check of ID tokens has `https://{domain}/` built in; our issuer has no slash at its end.
async function issuer() {
  const sent = { code: await code('openid profile email'), redirect_uri: it.redirect_uri };
  const expected = new RegExp(`Issuer \\(iss\\) claim mismatch in the ID token; expected "${it.issuer}/", found "${it.issuer}"`);
  await assert.rejects(app.oauth.authorizationCodeGrant(sent), expected);
}

async function userinfo() {
  const body = new URLSearchParams({ grant_type: 'authorization_code', client_id: it.client_id, client_secret: it.client_secret, redirect_uri: it.redirect_uri, code: await code('openid profile email') });
  const { access_token } = await (await fetch(`${it.issuer}/oauth/token`, { method: 'POST', body })).json();
  const users = new UserInfoClient({ domain });
  const { data } = await users.getUserInfo(access_token);
  assert.equal(data.sub, it.subject);
  assert.equal(data.email, it.person.email);
  await assert.rejects(users.getUserInfo('none'), (error) => error.statusCode === 401 && error.error === 'invalid_token');
}

/// It asks the metadata for the issuer, and so needs nothing set.
async function successor() {
  const auth = new AuthClient({
    domain,
    clientId: it.client_id,
    clientSecret: it.client_secret,
    authorizationParams: { redirect_uri: it.redirect_uri, audience: it.audience, scope: 'openid profile email offline_access' },
  });
  const { authorizationUrl, codeVerifier } = await auth.buildAuthorizationUrl();
  const { left } = await alice.open(authorizationUrl);
  const tokens = await auth.getTokenByCode(left, { codeVerifier });
  assert.equal(tokens.claims.sub, it.subject);
  assert.equal(tokens.claims.iss, it.issuer);
  const profile = await auth.getUserInfo({ accessToken: tokens.accessToken, expectedSubject: it.subject });
  assert.equal(profile.email, it.person.email);
  const second = await auth.getTokenByRefreshToken({ refreshToken: tokens.refreshToken });
  assert.notEqual(second.accessToken, tokens.accessToken);
  await auth.revokeToken({ token: second.refreshToken ?? tokens.refreshToken });
  await assert.rejects(auth.getTokenByRefreshToken({ refreshToken: second.refreshToken ?? tokens.refreshToken }), (error) => error.cause.error === 'invalid_grant');

  const robot = new AuthClient({ domain, clientId: it.machine_id, clientSecret: it.machine_secret });
  assert.ok((await robot.getTokenByClientCredentials({ audience: it.machine_audience })).accessToken);

  const { left: bye } = await alice.submit(await alice.open(await auth.buildLogoutUrl({ returnTo: `${it.application}/` })));
  assert.equal(bye.href, `${it.application}/`);
}

/// There is no Management API: the SDK is answered 404, and does not take it for an empty list.
async function management() {
  const desk = new ManagementClient({ domain, clientId: it.global_id, clientSecret: it.global_secret, maxRetries: 0 });
  for (const call of [() => desk.users.list(), () => desk.users.get(it.subject), () => desk.clients.list()]) {
    await assert.rejects(call, (error) => error.statusCode === 404);
    const { url, status } = before.requests.at(-1);
    assert.match(url, /^\/api\/v2\//);
    assert.equal(status, 404);
  }
}

try {
  for (const story of [machine, user, issuer, userinfo, successor, management]) await story();
} finally {
  before.close();
}
