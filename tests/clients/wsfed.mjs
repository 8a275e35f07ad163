// A relying party of WS-Federation: reads our metadata, asks for a sign-in, reads the token. Prints where it
// sends the browser, and whom it takes the person for.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { facts } from './lib/facts.mjs';

const require = createRequire(import.meta.url);
const { Strategy } = require('passport-wsfed-saml2');
const { SignedXml } = require('xml-crypto');
const { DOMParser } = require('@auth0/xmldom');
const xpath = require('xpath');

const it = await facts();

const metadata = new DOMParser().parseFromString(it.metadata, 'text/xml');
const find = (path) => xpath.select(path.replaceAll(/\/(\w+)/g, "/*[local-name(.)='$1']"), metadata);
const certificate = find('/EntityDescriptor/RoleDescriptor/KeyDescriptor//X509Certificate')[0].textContent;
const endpoint = find('/EntityDescriptor/RoleDescriptor/PassiveRequestorEndpoint//Address')[0].textContent;

const signed = new SignedXml();
signed.keyInfoProvider = {
  getKeyInfo: () => '',
  getKey: () => `-----BEGIN CERTIFICATE-----\n${certificate.match(/.{1,64}/g).join('\n')}\n-----END CERTIFICATE-----\n`,
};
signed.loadSignature(find('/EntityDescriptor/Signature')[0]);
assert.ok(signed.checkSignature(it.metadata), `metadata: ${signed.validationErrors}`);

const party = new Strategy(
  {
    realm: it.realm,
    wreply: it.wreply,
    identityProviderUrl: endpoint,
    cert: certificate,
    recipientUrl: it.wreply,
    clockSkew: 0,
    checkCertExpiration: true,
    checkExpiration: true,
    checkAudience: true,
    checkRecipient: true,
  },
  (profile, done) => done(null, profile),
);

function authenticate(request, options = {}) {
  return new Promise((resolve, reject) => {
    party.success = (user) => resolve({ user });
    party.redirect = (url) => resolve({ url });
    party.fail = (challenge) => reject(new Error(`failed: ${challenge}`));
    party.error = reject;
    party.authenticate({ headers: {}, query: {}, body: {}, ...request }, options);
  });
}

const { url } = await authenticate({ method: 'GET' }, { wctx: it.wctx });
const { user } = it.fields ? await authenticate({ method: 'POST', body: it.fields }) : {};
console.log(JSON.stringify({ url, user, entity: metadata.documentElement.getAttribute('entityID') }));
