// Box's SDK for Node.js or the one for TypeScript that it grew out of, whichever is named, unmodified, with nothing
// but base URLs pointed here.
import assert from 'node:assert/strict';
import { createPrivateKey, randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { facts } from './lib/facts.mjs';

const require = createRequire(import.meta.url);
const [sdk] = process.argv.slice(2);
const { BoxCcgAuth, BoxClient, BoxDeveloperTokenAuth, BoxJwtAuth, CcgConfig, JwtConfig } = require(sdk);
const { BoxApiError } = require(`${sdk}/box/errors`);

const it = await facts();
const bases = { baseUrl: it.issuer, uploadUrl: `${it.issuer}/api`, oauth2Url: `${it.issuer}/oauth2` };
// As Box hands keys out: encrypted.
const phrase = randomUUID();
const key = createPrivateKey(it.private_key)
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: phrase });

const client = (auth) => new BoxClient({ auth }).withCustomBaseUrls(bases);
const keyed = (subject) => new BoxJwtAuth({
  config: new JwtConfig({
    clientId: it.client_id, clientSecret: it.client_secret, jwtKeyId: it.key_id, privateKey: key,
    privateKeyPassphrase: phrase, ...subject,
  }),
});
const secret = (subject) => new BoxCcgAuth({
  config: new CcgConfig({ clientId: it.client_id, clientSecret: it.client_secret, ...subject }),
});
const refused = (status, call) => assert.rejects(call, (problem) => {
  assert.ok(problem instanceof BoxApiError, problem);
  assert.equal(problem.responseInfo.statusCode, status, JSON.stringify(problem.responseInfo.body));
  return true;
});

const enterprise = client(keyed({ enterpriseId: it.enterprise_id }));
const service = await enterprise.users.getUserMe();
assert.equal(service.id, it.service_account);
assert.equal((await client(secret({ enterpriseId: it.enterprise_id })).users.getUserMe()).id, service.id);

// An app user, with every field that the SDK knows.
const external = randomUUID();
const fields = [
  'name', 'is_platform_access_only', 'external_app_user_id', 'is_sync_enabled', 'can_see_managed_users',
  'is_external_collab_restricted', 'is_exempt_from_device_limits', 'is_exempt_from_login_verification',
  'tracking_codes', 'role', 'enterprise', 'status', 'space_amount',
];
const made = await enterprise.users.createUser({
  name: 'Ned Stark', isPlatformAccessOnly: true, externalAppUserId: external, language: 'en', jobTitle: 'Hand',
  phone: '1', address: 'Winterfell', spaceAmount: 7, timezone: 'Europe/London', status: 'active', role: 'user',
  isSyncEnabled: true, canSeeManagedUsers: false, isExternalCollabRestricted: true,
  isExemptFromDeviceLimits: true, isExemptFromLoginVerification: false,
  trackingCodes: [{ type: 'tracking_code', name: 'house', value: 'Stark' }],
});
assert.ok(made.login.startsWith('AppUser_'), made.login);
const read = await enterprise.users.getUserById(made.id, { queryParams: { fields } });
assert.equal(read.isPlatformAccessOnly, true);
assert.equal(read.externalAppUserId, external);
assert.deepEqual(
  [read.isSyncEnabled, read.canSeeManagedUsers, read.isExternalCollabRestricted, read.isExemptFromDeviceLimits,
    read.isExemptFromLoginVerification],
  [true, false, true, true, false],
);
assert.equal(read.trackingCodes[0].value, 'Stark');
assert.equal(read.enterprise.id, it.enterprise_id);
assert.equal(read.spaceAmount, 7);
const changed = await enterprise.users.updateUserById(made.id, { requestBody: { name: 'patient 35321' } });
assert.equal(changed.name, 'patient 35321');
const found = await enterprise.users.getUsers({ externalAppUserId: external });
assert.deepEqual(found.entries.map((user) => user.id), [made.id]);
await refused(400, () => enterprise.users.updateUserById(made.id, { requestBody: { login: 'a@b.test' } }));

// As-User, and who may not be named.
assert.equal((await enterprise.withAsUserHeader(made.id).users.getUserMe()).id, made.id);
assert.equal((await enterprise.withAsUserHeader(it.managed_user).users.getUserMe()).login, it.managed_login);
await refused(403, () => enterprise.withAsUserHeader(service.id).users.getUserMe());

// Tokens of the app user, a narrower one, and the end of one.
for (const auth of [keyed({ userId: made.id }), secret({ userId: made.id }),
  keyed({ enterpriseId: it.enterprise_id }).withUserSubject(made.id)]) {
  assert.equal((await client(auth).users.getUserMe()).id, made.id);
}
const own = secret({ userId: made.id });
const session = client(own).networkSession;
const first = (await own.retrieveToken(session)).accessToken;
const less = await own.downscopeToken(['item_upload'], undefined, undefined, session);
assert.equal((await client(new BoxDeveloperTokenAuth({ token: less.accessToken })).users.getUserMe()).id, made.id);
await own.revokeToken(session);
assert.equal((await client(own).users.getUserMe()).id, made.id);
assert.notEqual((await own.retrieveToken(session)).accessToken, first);

await enterprise.users.deleteUserById(made.id);
await refused(404, () => enterprise.users.getUserById(made.id));
await refused(400, () => client(keyed({ userId: made.id })).users.getUserMe());
