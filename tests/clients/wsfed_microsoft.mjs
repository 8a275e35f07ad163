// Microsoft's own relying party of WS-Federation, the strategy that came with Azure AD: fetches our metadata by
// its address, asks for a sign-in, reads the token, asks for a sign-out. Prints where it sends the browser, and
// whom it takes the person for.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { facts } from './lib/facts.mjs';

const { WsfedStrategy } = createRequire(import.meta.url)('passport-azure-ad');

const it = await facts();
const party = new WsfedStrategy(
  { realm: it.realm, wreply: it.wreply, logoutUrl: it.wreply, identityMetadata: it.metadata, loggingLevel: 'error' },
  (profile, done) => done(null, profile),
);

function authenticate(request) {
  return new Promise((resolve, reject) => {
    party.success = (user) => resolve({ user });
    party.redirect = (url) => resolve({ url });
    party.fail = (challenge) => reject(new Error(`failed: ${challenge}`));
    party.error = reject;
    party.authenticate({ headers: {}, query: {}, ...request });
  });
}

const { url } = await authenticate({ method: 'GET' });
const signOut = await new Promise((resolve, reject) => {
  party.logout({}, (problem, to) => (problem ? reject(problem) : resolve(to)));
});
let user;
if (it.fields) {
  ({ user } = await authenticate({ method: 'POST', body: it.fields }));
  const forged = { ...it.fields, wresult: it.fields.wresult.replaceAll('usr_alice', 'usr_admin') };
  assert.notEqual(forged.wresult, it.fields.wresult);
  await assert.rejects(authenticate({ method: 'POST', body: forged }), /Invalid signature/);
}
console.log(JSON.stringify({ url, user, signOut }));
