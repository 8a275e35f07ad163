// Applications and signing keys in the console, as an administrator uses them. One story a run.
import assert from 'node:assert/strict';
import { inBrowser, person, signIn } from '../lib/chromium.mjs';
import { facts } from '../lib/facts.mjs';
import { Album } from '../lib/look.mjs';

const it = await facts();
const heading = (page, name) => page.getByRole('heading', { name, level: 1 }).waitFor();
const button = (page, name) => page.getByRole('button', { name, exact: true });
const link = (page, name) => page.getByRole('link', { name, exact: true });
const LIST = `${it.issuer}/console/applications`;
const REDIRECT = `${it.demo}/made-in-the-console`;

const METADATA = `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://sp.example/saml">
<SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://sp.example/slo"/>
<AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://sp.example/acs" index="0"/>
</SPSSODescriptor></EntityDescriptor>`;
const FILE = { name: 'sp.xml', mimeType: 'text/xml', buffer: Buffer.from(METADATA) };

async function enter(page) {
  await page.goto(`${it.issuer}/console/applications`);
  await signIn(page, it.ada);
  await heading(page, 'Applications');
}

/// A web application; its id and secret.
async function make(page, name) {
  await link(page, 'New application').click();
  await heading(page, 'New application');
  await link(page, 'Web application').click();
  await page.getByLabel('Name').fill(name);
  await page.getByLabel(/^Redirect URIs/).fill(`javascript:alert(1)\n${REDIRECT}`);
  await button(page, 'Create application').click();
  await page.getByRole('alert').getByText('has a scheme that is never allowed').waitFor();
  assert.equal(await page.getByLabel('Name').inputValue(), name);
  await page.getByLabel(/^Redirect URIs/).fill(REDIRECT);
  await button(page, 'Create application').click();
  await heading(page, 'Application created');
  return credentials(page);
}

async function credentials(page) {
  const value = (label) => page.getByLabel(label, { exact: true }).inputValue();
  return { client_id: await value('Client ID'), client_secret: await value('Client secret') };
}

/// Alice signs in to the application; the status of its exchange.
async function exchange(browser, { client_id, client_secret }) {
  const page = await person(browser);
  await page.route(`${REDIRECT}**`, (route) => route.fulfill({ body: 'back', contentType: 'text/plain' }));
  const query = { response_type: 'code', client_id, redirect_uri: REDIRECT, scope: 'openid' };
  await page.goto(`${it.issuer}/authorize?${new URLSearchParams(query)}`);
  await signIn(page, it.alice);
  await page.waitForURL(`${REDIRECT}**`);
  const code = new URL(page.url()).searchParams.get('code');
  await page.context().close();
  const body = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: REDIRECT, client_id, client_secret });
  return (await fetch(`${it.issuer}/oauth/token`, { method: 'POST', body })).status;
}

/// What was changed is everywhere within a second, on each worker.
async function settles(browser, credentials, status) {
  for (let i = 0; i < 20; i += 1) {
    if ((await exchange(browser, credentials)) === status) return;
  }
  assert.fail(`the exchange never answers ${status}`);
}

async function tabTo(page, target) {
  for (let i = 0; i < 80; i += 1) {
    const wanted = await target.elementHandle();
    if (await page.evaluate((element) => document.activeElement === element, wanted)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail('Tab does not lead there');
}

const stories = {
  /// An application is made, people sign in to it, and its secret is changed.
  async made(browser) {
    const page = await person(browser);
    await enter(page);
    const first = await make(page, 'Made in the console');
    await settles(browser, first, 200);
    await link(page, 'Done').click();
    await heading(page, 'Made in the console');
    assert.ok(!(await page.content()).includes(first.client_secret));
    // The answer of a form that is not kept: the browser does not have it any more.
    await page.goBack().catch(() => null);
    await page.waitForTimeout(300);
    assert.ok(!(await page.content()).includes(first.client_secret), 'Back shows the secret');
    await page.goto(`${LIST}/${first.client_id}`);
    await link(page, 'Rotate secret').click();
    await page.getByText('is refused from now on').waitFor();
    await button(page, 'Make a new secret').click();
    await heading(page, 'The new client secret');
    const second = await credentials(page);
    assert.equal(second.client_id, first.client_id);
    await settles(browser, first, 401);
    await settles(browser, second, 200);
    await page.goto(LIST);
    await page.getByLabel('Name or id').pressSequentially('made in');
    await page.getByRole('status').getByText('One application').waitFor();
    await page.getByRole('link', { name: 'Made in the console' }).click();
    await link(page, 'Delete…').click();
    await button(page, 'Delete for good').click();
    await page.getByRole('status').getByText('Application deleted.').waitFor();
  },

  /// The keyboard alone makes and changes one.
  async keyboard(browser) {
    const page = await person(browser);
    await enter(page);
    for (const name of ['New application', 'Single-page application']) {
      await tabTo(page, link(page, name));
      await page.keyboard.press('Enter');
      await heading(page, 'New application');
    }
    await page.waitForURL(/kind=spa/);
    await tabTo(page, page.getByLabel('Name'));
    await page.keyboard.type('By keyboard');
    await tabTo(page, page.getByLabel(/^Redirect URIs/));
    await page.keyboard.type('https://spa.example/callback');
    await tabTo(page, page.getByLabel('Support staff may sign in to it as its users'));
    await page.keyboard.press('Space');
    await tabTo(page, button(page, 'Create application'));
    await page.keyboard.press('Enter');
    await heading(page, 'By keyboard');
    await tabTo(page, link(page, 'Edit'));
    await page.keyboard.press('Enter');
    await heading(page, 'Edit application');
    assert.ok(await page.getByLabel('Support staff may sign in to it as its users').isChecked());
    await tabTo(page, page.getByLabel('Name'));
    await page.keyboard.type(' alone');
    await page.keyboard.press('Enter');
    await page.getByRole('status').getByText('Saved.').waitFor();
  },

  /// Everything works with JavaScript off: a file, a change, a secret, the switch, the keys.
  async 'without-javascript'(browser) {
    const page = await person(browser, { javaScriptEnabled: false });
    await enter(page);
    await link(page, 'New application').click();
    await link(page, 'SAML 2.0').click();
    await page.getByText("Fill in from the application's metadata").click();
    await page.getByLabel('Metadata file').setInputFiles(FILE);
    await button(page, 'Read the metadata').click();
    await page.getByText('This is what the metadata say.').waitFor();
    assert.equal(await page.getByLabel('Entity ID').last().inputValue(), 'https://sp.example/saml');
    await button(page, 'Create application').click();
    await heading(page, 'sp.example');
    await link(page, 'Edit').click();
    await page.getByLabel('Name', { exact: true }).fill('Made without scripts');
    await button(page, 'Save').click();
    await heading(page, 'Made without scripts');
    await link(page, 'Configuration').click();
    await page.getByLabel('Metadata address').waitFor();
    const download = page.waitForEvent('download');
    await link(page, 'Download our metadata').click();
    assert.equal((await download).suggestedFilename(), 'understudy-metadata.xml');
    await page.goBack();
    await page.goto(LIST);
    await page.getByLabel('Protocol').selectOption('SAML 2.0');
    await button(page, 'Search').click();
    await page.getByRole('link', { name: 'Made without scripts' }).click();
    await link(page, 'Switch off…').click();
    await button(page, 'Switch off').click();
    await page.getByText('The application is off').waitFor();
    await page.goto(`${it.issuer}/console/keys`);
    await link(page, 'Rotate…').click();
    await button(page, 'Rotate now').click();
    await page.getByText('The next keys sign from now on.').waitFor();
    await link(page, 'Replace stolen keys…').click();
    await page.getByLabel('Your password').fill('not hers');
    await button(page, 'Replace every key').click();
    await page.getByText('The password is wrong.').waitFor();
    await page.getByLabel('Your password').fill(it.ada.password);
    await button(page, 'Replace every key').click();
    await heading(page, 'Every key has been replaced');
    await link(page, 'Sign in').click();
    await signIn(page, it.ada);
    await heading(page, 'Signing keys');
  },

  /// Each page, whole and from an empty cache, is at most 50 KiB over the wire.
  async sizes(browser) {
    const signed = await person(browser);
    await enter(signed);
    const state = await signed.context().storageState();
    const sizes = {};
    for (const path of it.paths) {
      const page = await person(browser, { storageState: state });
      const wire = await page.context().newCDPSession(page);
      let bytes = 0;
      await wire.send('Network.enable');
      wire.on('Network.loadingFinished', (event) => (bytes += event.encodedDataLength));
      const answer = await page.goto(it.issuer + path, { waitUntil: 'load' });
      assert.equal(answer.status(), 200, path);
      sizes[path] = bytes;
      await page.context().close();
    }
    console.log(JSON.stringify(sizes));
    for (const [path, bytes] of Object.entries(sizes)) assert.ok(bytes > 0 && bytes <= 50 * 1024, `${path}: ${bytes}`);
  },

  /// The pages with a form in them, in light, dark and on a phone, with axe-core.
  async 'looks-writing'(browser) {
    const album = new Album(it.album);
    const page = await person(browser);
    await enter(page);
    await page.goto(`${it.issuer}/console/new-application?kind=saml`);
    await page.locator('summary').click();
    await album.look(page, 'application-new-saml');
    await page.goto(`${it.issuer}/console/new-application?kind=web`);
    await page.getByLabel('Name').fill('A shop');
    await page.getByLabel(/^Redirect URIs/).fill('javascript:alert(1)');
    await page.getByLabel('Access token lifetime').fill('100000');
    await page.getByLabel('Token endpoint auth method').selectOption('private_key_jwt');
    await button(page, 'Create application').click();
    await page.getByRole('alert').waitFor();
    await album.look(page, 'application-mistakes');
    await page.goto(LIST);
    await make(page, 'A shop');
    await album.look(page, 'application-secret-once');
    const { client_id: id } = await credentials(page);
    await page.goto(`${LIST}/${id}/secret`);
    await album.look(page, 'application-secret');
    await page.goto(`${LIST}/${id}/delete`);
    await album.look(page, 'application-delete');
    const other = await page.context().newPage();
    await page.goto(`${LIST}/${id}/edit`);
    await other.goto(`${LIST}/${id}/edit`);
    await other.getByLabel('Name', { exact: true }).fill('The shop');
    await other.getByLabel(/^Redirect URIs/).fill(`${REDIRECT}\nhttps://shop.example/callback`);
    await button(other, 'Save').click();
    await heading(other, 'The shop');
    await page.getByLabel('Name', { exact: true }).fill('Our shop');
    await button(page, 'Save').click();
    await page.getByRole('heading', { name: 'Where you differ' }).waitFor();
    await album.look(page, 'application-clash');
  },

  /// Those that only show.
  async 'looks-reading'(browser) {
    const album = new Album(it.album);
    const page = await person(browser);
    await enter(page);
    await album.look(page, 'applications');
    for (const [path, name] of [
      ['new-application', 'application-kinds'],
      ['applications/northwind-orders', 'application'],
      ['applications/northwind-orders/setup', 'application-setup'],
      ['applications/box-app/edit', 'application-box'],
      ['applications/northwind-wsfed/setup', 'application-setup-wsfed'],
      ['keys', 'keys'],
      ['keys/rotate', 'keys-rotate'],
      ['keys/replace', 'keys-replace'],
    ]) {
      await page.goto(`${it.issuer}/console/${path}`);
      for (const summary of await page.locator('main summary').all()) await summary.click();
      await album.look(page, name);
    }
  },
};

await inBrowser(stories[it.story]);
