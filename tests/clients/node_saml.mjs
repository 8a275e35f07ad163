// node-saml as a service provider, with every check of its own switched on.
import assert from 'node:assert/strict';
import { SAML, ValidateInResponseTo } from '@node-saml/node-saml';
import { facts } from './lib/facts.mjs';
import { Person, formOf } from './lib/person.mjs';

const it = await facts();
const MARK = 'http://schemas.auth0.com/';

const idpCert = [...(it.metadata ?? '').replace(/^[\s\S]*<\/ds:Signature>/, '').matchAll(/<ds:X509Certificate>([^<]+)/g)];

function provider(options = {}) {
  return new SAML({
    callbackUrl: it.acs,
    entryPoint: it.sso ?? 'https://idp.example/',
    issuer: it.entity_id,
    audience: it.entity_id,
    idpCert: idpCert.length ? idpCert.map(([, certificate]) => certificate) : [it.certificate],
    idpIssuer: it.issuer,
    privateKey: it.private_key,
    publicCert: it.certificate,
    decryptionPvk: it.private_key,
    signatureAlgorithm: 'sha256',
    digestAlgorithm: 'sha256',
    wantAuthnResponseSigned: true,
    wantAssertionsSigned: true,
    validateInResponseTo: ValidateInResponseTo.always,
    acceptedClockSkewMs: 0,
    maxAssertionAgeMs: 300_000,
    identifierFormat: it.name_id_format,
    ...options,
  });
}

if (it.story === 'metadata') {
  process.stdout.write(provider().generateServiceProviderMetadata(it.certificate, it.certificate));
  process.exit(0);
}

const shop = provider();

/// The answer is taken once, and not when it has been changed.
async function take(page, saml = shop) {
  const { action, fields } = formOf(page);
  assert.equal(action, it.acs);
  const sent = Object.fromEntries(fields);
  assert.equal(sent.RelayState, it.relay_state);
  const changed = Buffer.from(sent.SAMLResponse, 'base64').toString().replace(/SignatureValue>./, (piece) => piece.slice(0, -1) + (piece.endsWith('A') ? 'B' : 'A'));
  const other = provider({ validateInResponseTo: ValidateInResponseTo.never });
  await assert.rejects(other.validatePostResponseAsync({ SAMLResponse: Buffer.from(changed).toString('base64') }));
  const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: sent.SAMLResponse });
  assert.equal(profile.issuer, it.issuer);
  assert.ok(profile.sessionIndex);
  return profile;
}

const begin = () => shop.getAuthorizeUrlAsync(it.relay_state, undefined, {});
const told = (profile, name) => profile.attributes[name];

function isMarked(profile) {
  assert.equal(told(profile, `${MARK}impersonated`), 'true');
  assert.equal(told(profile, `${MARK}impersonator`), it.actor);
  assert.equal(told(profile, `${MARK}impersonator_email`), it.person.email);
}

function isAlice(profile) {
  assert.equal(profile.nameID, it.name_id ?? it.subject);
  const claims = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/';
  assert.equal(told(profile, `${claims}nameidentifier`), it.subject);
  assert.equal(told(profile, `${claims}emailaddress`), 'alice@acme.test');
}

async function normal() {
  const alice = new Person(it.issuer, it.person);
  const profile = await take(await alice.signIn(await alice.open(await begin())));
  isAlice(profile);
  assert.equal(told(profile, `${MARK}impersonated`), undefined);
}

/// The link leads to the application, which asks by itself.
async function impersonated() {
  const sam = new Person(it.issuer, it.person);
  const { left } = await sam.submit(await sam.signIn(await sam.open(it.link)));
  assert.equal(left.origin + left.pathname, it.initiate_login_uri);
  const profile = await take(await sam.open(await begin()));
  isAlice(profile);
  isMarked(profile);
}

/// The link leads to an answer that nobody asked for.
async function unsolicited() {
  const sam = new Person(it.issuer, it.person);
  const page = await sam.open(it.link);
  await assert.rejects(take(page), /InResponseTo/);
  const profile = await take(page, provider({ validateInResponseTo: ValidateInResponseTo.ifPresent }));
  isAlice(profile);
  isMarked(profile);
}

await { normal, impersonated, unsolicited }[it.story]();
