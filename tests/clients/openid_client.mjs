// openid-client signs a person in, with every check of its own switched on.
import assert from 'node:assert/strict';
import * as oidc from 'openid-client';
import { facts } from './lib/facts.mjs';
import { Person } from './lib/person.mjs';

const it = await facts();

async function discover(clientId, secret, method) {
  const authentication = method === 'post' ? oidc.ClientSecretPost(secret) : oidc.ClientSecretBasic(secret);
  const config = await oidc.discovery(new URL(it.issuer), clientId, undefined, authentication, {
    execute: [oidc.allowInsecureRequests], // plain http, as on every loopback address
  });
  oidc.enableNonRepudiationChecks(config); // the signature too, although the answer came directly
  return config;
}

const shop = await discover(it.client_id, it.client_secret, 'basic');
assert.equal(shop.serverMetadata().authorization_response_iss_parameter_supported, true, 'RFC 9207');

/// A request of the application's own; the answer is good only for this one.
async function begin(parameters = {}) {
  const verifier = oidc.randomPKCECodeVerifier();
  const checks = {
    pkceCodeVerifier: verifier,
    expectedState: oidc.randomState(),
    expectedNonce: oidc.randomNonce(),
    idTokenExpected: true,
  };
  const url = oidc.buildAuthorizationUrl(shop, {
    redirect_uri: it.redirect_uri,
    scope: 'openid profile email',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...parameters,
  });
  return { url, checks };
}

async function finish(callback, checks) {
  assert.equal(callback.origin + callback.pathname, it.redirect_uri);
  assert.equal(callback.searchParams.get('iss'), it.issuer);
  // The client refuses an answer that is not its own.
  for (const wrong of ['state', 'iss']) {
    const forged = new URL(callback);
    forged.searchParams.set(wrong, 'https://elsewhere.test');
    await assert.rejects(oidc.authorizationCodeGrant(shop, forged, checks), wrong);
  }
  const tokens = await oidc.authorizationCodeGrant(shop, callback, checks);
  const profile = await oidc.fetchUserInfo(shop, tokens.access_token, tokens.claims().sub);
  return { tokens, profile };
}

const MARKS = ['impersonated', 'impersonator', 'act', 'https://understudy.dev/claims/impersonation'];

async function normal() {
  const alice = new Person(it.issuer, it.person);
  const { url, checks } = await begin({ login_hint: it.person.email });
  const { left } = await alice.signIn(await alice.open(url));
  const { tokens, profile } = await finish(left, checks);
  for (const claims of [tokens.claims(), profile]) {
    assert.equal(claims.sub, it.subject);
    assert.equal(claims.email, it.person.email);
    // Alice has written marks into her own metadata. They are not marks.
    for (const mark of MARKS) assert.equal(claims[mark], undefined, mark);
  }
  const again = await begin({ prompt: 'none', max_age: '600' });
  const silent = await alice.open(again.url);
  await finish(silent.left, { ...again.checks, maxAge: 600 });
}

/// K-35: the error of a wrong secret is seen, and the challenge only by who tried HTTP authentication.
async function wrongSecret() {
  const inForm = await discover(it.client_id, 'wrong', 'post');
  const grant = (config) => oidc.genericGrantRequest(config, 'refresh_token', { refresh_token: 'x' });
  await assert.rejects(grant(inForm), (error) => error.error === 'invalid_client' && error.status === 401);
  const inHeader = await discover(it.client_id, 'wrong', 'basic');
  await assert.rejects(grant(inHeader), (error) => error.status === 401 || error.response?.status === 401);
}

async function impersonated() {
  const desk = await discover(it.global_id, it.global_secret, 'post');
  const { access_token } = await oidc.clientCredentialsGrant(desk);
  const asked = await fetch(`${it.issuer}/users/${it.subject}/impersonate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ protocol: 'oauth2', impersonator_id: it.actor, client_id: it.client_id, reason: 'a story' }),
  });
  const link = await asked.text();
  assert.equal(asked.status, 200, link);

  const sam = new Person(it.issuer, it.person);
  const confirm = await sam.signIn(await sam.open(link));
  for (const name of it.names) assert.ok(confirm.html.includes(name), `${name} is not on the page`);
  const initiation = (await sam.submit(confirm)).left;
  assert.equal(initiation.origin + initiation.pathname, it.initiate_login_uri);
  assert.equal(initiation.searchParams.get('iss'), it.issuer);

  const { url, checks } = await begin({ login_hint: initiation.searchParams.get('login_hint') });
  const { tokens, profile } = await finish((await sam.open(url)).left, checks);
  const claims = tokens.claims();
  for (const said of [claims, profile]) {
    assert.equal(said.sub, it.subject);
    assert.equal(said.impersonated, true);
    assert.deepEqual(said.impersonator, { user_id: it.actor, email: it.person.email });
    assert.deepEqual(said.act, { iss: it.issuer, sub: it.actor });
    assert.match(said[MARKS[3]].id, /^imp_/);
    assert.equal(said[MARKS[3]].mode, 'full');
  }
  assert.equal(claims.acr, '0');
  assert.equal(claims.amr, undefined);
  assert.ok(claims.exp <= claims[MARKS[3]].exp, 'the ID token outlives the impersonation');
  assert.equal(tokens.refresh_token, undefined);
  await stop(sam, tokens);
}

/// The application's own logout ends the impersonation and nothing else.
async function stop(sam, tokens) {
  const state = oidc.randomState();
  const { left } = await sam.open(oidc.buildEndSessionUrl(shop, {
    id_token_hint: tokens.id_token,
    post_logout_redirect_uri: it.post_logout_redirect_uri,
    state,
  }));
  assert.equal(left.href, `${it.post_logout_redirect_uri}?state=${state}`);
  await assert.rejects(oidc.fetchUserInfo(shop, tokens.access_token, it.subject));
  const account = await sam.open(`${it.issuer}/account`);
  assert.ok(account.html.includes(it.person.email), 'Sam is still signed in');
}

const stories = { normal, impersonated, 'wrong-secret': wrongSecret };
await stories[it.story]();
