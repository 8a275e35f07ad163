// Hawk's own implementation reads our link, and makes one that our server has to read.
import assert from 'node:assert/strict';
import Hawk from '@hapi/hawk';
import { facts } from './lib/facts.mjs';

const it = await facts();
const credentials = { id: it.key_id, key: Buffer.from(it.key, 'base64'), algorithm: 'sha256' };

async function authenticate(url) {
  const { host, pathname, search } = new URL(url);
  const request = { method: 'GET', url: pathname + search, headers: { host } };
  return Hawk.uri.authenticate(request, async (id) => (id === it.key_id ? credentials : null), {});
}

const { attributes } = await authenticate(it.link);
assert.equal(attributes.id, it.key_id);
assert.match(attributes.ext, /./);
const [at, bewit] = it.link.split('&bewit=');
assert.ok(at.endsWith('?'), at);

// It means this link and no other.
for (const changed of [
  it.link.replace('/users/', '/Users/'),
  `${it.link}&scope=admin`,
  it.link.replace(/^http:/, 'https:').replace(/:\d+/, ''),
]) {
  await assert.rejects(authenticate(changed), /Bad mac/, changed);
}

// Made anew for the same ticket, it is another text with the same meaning.
const ttlSec = attributes.exp - Math.floor(Date.now() / 1000) - 5;
const own = Hawk.uri.getBewit(at, { credentials, ttlSec, ext: attributes.ext });
assert.notEqual(own, bewit);
const opened = (url, method = 'GET') => fetch(url, { method, redirect: 'manual' });
const said = async (answer) => {
  const text = await answer.text();
  assert.match(text, /^{/, `${answer.status} ${text}`);
  return [answer.status, JSON.parse(text).error_description];
};

const other = Hawk.uri.getBewit(at, { credentials: { ...credentials, key: 'another key' }, ttlSec, ext: attributes.ext });
assert.deepEqual(await said(await opened(`${at}&bewit=${other}`)), [403, 'Impersonation - Bad mac']);
const late = Hawk.uri.getBewit(at, { credentials, ttlSec: -5, ext: attributes.ext });
assert.deepEqual(await said(await opened(`${at}&bewit=${late}`)), [403, 'Impersonation - Access expired']);

const redeemed = await opened(`${at}&bewit=${own}`);
assert.equal(redeemed.status, 302, await redeemed.text());
assert.ok(redeemed.headers.get('location').startsWith(it.callback), redeemed.headers.get('location'));
assert.deepEqual(await said(await opened(it.link)), [403, 'Impersonation - Link already used']);
