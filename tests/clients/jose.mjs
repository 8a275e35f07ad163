// jose verifies an ID token with the published keys.
import assert from 'node:assert/strict';
import * as jose from 'jose';
import { facts } from './lib/facts.mjs';

const it = await facts();
const discovered = await (await fetch(`${it.issuer}/.well-known/openid-configuration`)).json();
assert.ok(discovered.id_token_signing_alg_values_supported.includes(it.algorithm));
const keys = jose.createRemoteJWKSet(new URL(discovered.jwks_uri));
const rules = { issuer: it.issuer, audience: it.client_id, algorithms: [it.algorithm], requiredClaims: ['sub', 'exp', 'iat', 'act'] };

const { payload, protectedHeader } = await jose.jwtVerify(it.id_token, keys, rules);
assert.equal(protectedHeader.alg, it.algorithm);
assert.equal(payload.sub, it.subject);
assert.equal(payload.impersonated, true);
assert.deepEqual(payload.act, { iss: it.issuer, sub: it.actor });

// One letter of the signature, and of the claims, and another algorithm: no.
const [header, body, signature] = it.id_token.split('.');
const turned = (text) => (text[4] === 'A' ? 'B' : 'A');
const change = (text) => text.slice(0, 4) + turned(text) + text.slice(5);
await assert.rejects(jose.jwtVerify([header, body, change(signature)].join('.'), keys, rules));
await assert.rejects(jose.jwtVerify([header, change(body), signature].join('.'), keys, rules));
await assert.rejects(jose.jwtVerify(it.id_token, keys, { ...rules, algorithms: ['HS256', 'none'] }));

// Nothing private is published.
for (const key of (await (await fetch(discovered.jwks_uri)).json()).keys) {
  for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) assert.equal(key[secret], undefined, secret);
  assert.ok(key.kid && key.use === 'sig' && key.alg);
  await jose.importJWK(key);
}
