// The console, as support staff use it, with the demo application. One story a run: `story` names it;
// `protocol` is what the application signs in with.
import assert from 'node:assert/strict';
import { confirm, inBrowser, person, signIn } from '../lib/chromium.mjs';
import { facts } from '../lib/facts.mjs';
import { Album } from '../lib/look.mjs';

const it = await facts();
const heading = (page, name) => page.getByRole('heading', { name, level: 1 }).waitFor();
const button = (page, name) => page.getByRole('button', { name, exact: true });
const verdict = (page, name) => page.locator('#verdict').getByRole('heading', { name }).waitFor();

/// What each protocol's application of the demo is called, and how it greets.
const APPLICATIONS = {
  oauth2: { id: 'northwind-orders', name: 'Northwind Orders', greeting: 'Good to see you, Alice' },
  samlp: { id: 'northwind-saml', name: 'Northwind by SAML', greeting: 'Good to see you, Alice Chen' },
  wsfed: { id: 'northwind-wsfed', name: 'Northwind by WS-Federation', greeting: 'Good to see you, Alice Chen' },
  'wsfed-rms': { id: 'northwind-rms', name: 'Northwind Rights Management', greeting: 'Good to see you, Alice Chen' },
};
const application = APPLICATIONS[it.protocol ?? 'oauth2'];
const form = (user, more = {}) =>
  `${it.issuer}/console/users/${user}/sign-in-as?${new URLSearchParams({ application: application.id, ...more })}`;

async function enter(page, who = it.sam) {
  await page.goto(`${it.issuer}/console`);
  await heading(page, 'Sign in');
  await signIn(page, who);
  await heading(page, 'Users');
}

async function landed(page) {
  await heading(page, application.greeting);
  assert.equal(new URL(page.url()).origin, it.demo);
  assert.doesNotMatch(page.url(), /bewit|csrf/);
}

const stories = {
  /// From a name on the telephone to seeing what they see, and back.
  async 'sign-in-as'(browser) {
    const page = await person(browser);
    await enter(page);
    await page.getByLabel('Name, email address or id').pressSequentially('alice');
    await page.getByRole('status').getByText('One person').waitFor();
    assert.match(page.url(), /\?q=alice$/);
    await page.getByRole('link', { name: 'Alice Chen' }).click();
    await heading(page, 'Alice Chen');
    await page.getByRole('link', { name: 'Sign in as user' }).click();
    await heading(page, 'Sign in as Alice Chen');
    await page.getByLabel('Application').selectOption({ label: application.name });
    await page.getByLabel('Reason').fill('Order NW-20418 looks wrong');
    await page.getByLabel('Ticket').fill('T-4711');
    await page.getByLabel('Ends after').selectOption('15 minutes');
    await verdict(page, 'Allowed');
    // One click from the filled-in form.
    await button(page, 'Open now').click();
    await landed(page);

    await page.goto(`${it.issuer}/me/impersonation`);
    await button(page, 'Stop acting as Alice Chen').click();
    await heading(page, 'Impersonation ended');
    await page.getByRole('link', { name: 'Back to Alice Chen' }).click();
    await heading(page, 'Alice Chen');
    await page.getByText(`in ${application.name}`).first().waitFor();
    for (let i = 0; i < 8 && (await page.goBack({ waitUntil: 'load' }).catch(() => null)); i += 1) {
      assert.doesNotMatch(await page.locator('body').innerText(), /Good to see you, Alice/, page.url());
    }
  },

  /// Stopping in the application leaves the console as it was.
  async 'stop-in-application'(browser) {
    const page = await person(browser);
    await enter(page);
    await page.goto(form('usr_alice', { reason: 'a call' }));
    await button(page, 'Open now').click();
    await landed(page);
    const tab = await page.context().newPage();
    await tab.goto(`${it.issuer}/console/users/usr_alice`);
    await heading(tab, 'Alice Chen');
    assert.match(await tab.getByLabel('Impersonation in progress').innerText(), /Sam Support is acting as Alice Chen/);
    await page.bringToFront();
    await page.getByRole('button', { name: /^Stop/ }).first().click();
    await heading(page, 'Impersonation ended');
    await page.getByRole('link', { name: 'Back to Alice Chen' }).click();
    await heading(page, 'Alice Chen');
    await tab.reload();
    await heading(tab, 'Alice Chen');
    assert.equal(await tab.getByLabel('Impersonation in progress').count(), 0);
  },

  /// The other protocols: from the page of a user into the application, the bar there, and its way out.
  async 'every-protocol'(browser) {
    const page = await person(browser);
    await enter(page);
    for (const protocol of ['samlp', 'wsfed', 'wsfed-rms']) {
      const { name, greeting } = APPLICATIONS[protocol];
      await page.goto(`${it.issuer}/console/users/usr_alice`);
      await page.getByRole('link', { name: 'Sign in as user' }).click();
      await page.getByLabel('Application').selectOption({ label: name });
      await page.locator(`select[name=protocol] option[value=${protocol}]`).waitFor({ state: 'attached' });
      await page.getByLabel('Signs in with').selectOption(protocol);
      await page.getByLabel('Reason').fill('a call');
      await verdict(page, 'Allowed');
      await button(page, 'Open now').click();
      await heading(page, greeting);
      assert.equal(new URL(page.url()).origin, it.demo);
      assert.doesNotMatch(page.url(), /bewit|csrf|SAML|wresult/);
      const home = page.url();
      const bar = page.getByRole('region', { name: 'Impersonation' });
      await bar.waitFor();
      assert.match(await bar.innerText(), /^Sam Support is acting as Alice Chen in Northwind/, protocol);
      const tab = await page.context().newPage();
      await tab.goto(`${it.issuer}/console/users/usr_alice`);
      assert.match(await tab.getByLabel('Impersonation in progress').innerText(), /Sam Support is acting as Alice Chen/);
      // An application without a key proves nothing by itself: the provider asks.
      await page.getByRole('button', { name: /^Stop/ }).first().click();
      await button(page, 'Stop acting as Alice Chen').click();
      await heading(page, 'Impersonation ended');
      await page.getByText(name).waitFor();
      await page.getByRole('link', { name: 'Back to Alice Chen' }).click();
      await heading(page, 'Alice Chen');
      await tab.reload();
      assert.equal(await tab.getByLabel('Impersonation in progress').count(), 0, protocol);
      await tab.goto(home);
      await heading(tab, 'The same shop');
      await tab.close();
    }
  },

  /// A code typed in a private window, and in nobody else's.
  async 'private-window'(browser) {
    const page = await person(browser);
    await enter(page);
    await page.goto(form('usr_alice', { reason: 'a call' }));
    await button(page, 'Use another browser…').click();
    await heading(page, 'Your code');
    const code = await page.locator('#code').innerText();
    assert.match(code, /^[0-9A-Z]{4}-[0-9A-Z]{4}$/);

    const other = await person(browser);
    await other.goto(`${it.issuer}/go`);
    await signIn(other, it.riley);
    await other.getByLabel('Code').fill(code);
    await button(other, 'Continue').click();
    await other.getByText('This code does not work.').waitFor();

    const own = await person(browser);
    await own.goto(`${it.issuer}/go`);
    await signIn(own, it.sam);
    await own.getByLabel('Code').fill(code.toLowerCase());
    await button(own, 'Continue').click();
    await confirm(own, 'Alice Chen').click();
    await landed(own);
    // The window with the console is untouched.
    await page.goto(`${it.issuer}/account`);
    assert.equal(await page.getByLabel('Impersonation in progress').count(), 0);
  },

  /// The rule is named before anything can be pressed.
  async refusal(browser) {
    const page = await person(browser);
    await enter(page);
    await page.goto(form('usr_erin'));
    await verdict(page, 'Not allowed');
    await page.getByText('They hold rights that you do not have.').waitFor();
    for (const name of ['Open now', 'Copy link', 'Use another browser…']) {
      assert.equal(await button(page, name).count(), 0, name);
    }
    // While the form is filled in, the verdict follows.
    await page.goto(form('usr_alice'));
    await verdict(page, 'Allowed');
    await page.getByText('Advanced').click();
    await page.getByLabel('Land on').fill('https://elsewhere.example/');
    await verdict(page, 'Something is missing');
    await page.getByLabel('Land on').fill('');
    await verdict(page, 'Allowed');
  },

  async keyboard(browser) {
    const page = await person(browser);
    await page.goto(`${it.issuer}/console`);
    await page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'email');
    await page.keyboard.type(it.sam.email);
    await page.keyboard.press('Tab');
    await page.keyboard.type(it.sam.password);
    await page.keyboard.press('Enter');
    await heading(page, 'Users');
    await page.waitForFunction(() => document.activeElement?.tagName === 'INPUT'); // the search has the focus
    await page.keyboard.type('alice chen');
    await page.getByRole('status').getByText('One person').waitFor();
    await tabTo(page, page.getByRole('link', { name: 'Alice Chen' }));
    await page.keyboard.press('Enter');
    await heading(page, 'Alice Chen');
    await tabTo(page, page.getByRole('link', { name: 'Sign in as user' }));
    await page.keyboard.press('Enter');
    await heading(page, 'Sign in as Alice Chen');
    await tabTo(page, page.getByLabel('Application'));
    await page.keyboard.type('North');
    await tabTo(page, page.getByLabel('Reason'));
    await page.keyboard.type('a call');
    await verdict(page, 'Allowed');
    await tabTo(page, button(page, 'Open now'));
    await page.keyboard.press('Enter');
    await landed(page);
  },

  async 'without-javascript'(browser) {
    const page = await person(browser, { javaScriptEnabled: false });
    await enter(page);
    await page.getByLabel('Name, email address or id').fill('alice');
    await button(page, 'Search').click();
    await page.getByRole('link', { name: 'Alice Chen' }).click();
    await page.getByRole('link', { name: 'Sign in as user' }).click();
    await page.getByLabel('Application').selectOption({ label: application.name });
    await page.getByLabel('Reason').fill('a call');
    await button(page, 'Check').click();
    await verdict(page, 'Allowed');
    assert.equal(await page.getByLabel('Reason').inputValue(), 'a call');
    await button(page, 'Open now').click();
    await landed(page);
    await page.goto(`${it.issuer}/me/impersonation`);
    await button(page, 'Stop acting as Alice Chen').click();
    await heading(page, 'Impersonation ended');
  },

  /// b23, b29: the console tells nobody else where it is, and shows itself in no frame.
  async strangers(browser) {
    const page = await person(browser);
    const asked = [];
    page.on('request', (request) => asked.push([new URL(request.url()).origin, request.headers().referer]));
    await enter(page);
    for (const path of it.paths) await page.goto(it.issuer + path);
    await page.goto(form('usr_alice', { reason: 'secret reason', ticket: 'T-1' }));
    await button(page, 'Open now').click();
    await landed(page);
    const issuer = asked.filter(([, referer]) => referer?.startsWith(it.issuer));
    assert.deepEqual(issuer.filter(([origin]) => origin !== it.issuer), []);
    assert.deepEqual([...new Set(asked.map(([origin]) => origin))].sort(), [it.issuer, it.demo].sort());
    await page.setContent(it.paths.map((path) => `<iframe src="${it.issuer}${path}"></iframe>`).join(''));
    const frames = page.frames().filter((frame) => frame !== page.mainFrame());
    assert.equal(frames.length, it.paths.length);
    for (const frame of frames) await frame.waitForURL(/^chrome-error:/);
  },

  /// b30, b31, b32: a link in the browser of somebody else, and in the one of its subject.
  async 'wrong-person'(browser) {
    const page = await person(browser);
    await enter(page);
    await page.goto(form('usr_alice', { reason: 'a call' }));
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await button(page, 'Copy link').click();
    await page.getByText('Link copied.').waitFor();
    await heading(page, 'Sign in as Alice Chen');
    const link = await page.evaluate(() => navigator.clipboard.readText());
    for (const who of [it.riley, it.alice]) {
      const other = await person(browser);
      await other.goto(`${it.issuer}/account`);
      await signIn(other, who);
      await heading(other, 'Your account');
      await other.goto(link);
      await other.getByText('This link is for somebody else').waitFor();
      assert.doesNotMatch(await other.locator('main').innerText(), /Sam Support|Northwind/);
      await other.goto(`${it.issuer}/account`);
      await heading(other, 'Your account');
      assert.equal(await other.getByLabel('Impersonation in progress').count(), 0);
    }
    await page.goto(link);
    await heading(page, 'Act as Alice Chen');
    const text = await page.locator('main').innerText();
    for (const name of ['Sam Support', 'Alice Chen', application.name]) assert.ok(text.includes(name), name);
    await confirm(page, 'Alice Chen').click();
    await landed(page);
  },

  /// Every console page, whole and from an empty cache, is at most 50 KiB over the wire.
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
      await page.goto(it.issuer + path, { waitUntil: 'load' });
      sizes[path] = bytes;
      await page.context().close();
    }
    console.log(JSON.stringify(sizes));
    for (const [path, bytes] of Object.entries(sizes)) assert.ok(bytes > 0 && bytes <= 50 * 1024, `${path}: ${bytes}`);
  },

  /// An administrator makes an organization and a role, gives the role, and takes it all back.
  async manage(browser) {
    const page = await person(browser, { javaScriptEnabled: it.scripts });
    await enter(page, it.ada);
    const menu = page.getByRole('navigation', { name: 'Console' });
    await menu.getByRole('link', { name: 'Organizations' }).click();
    await heading(page, 'Organizations');
    await page.getByRole('link', { name: 'New organization' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Initech');
    await button(page, 'Create').click();
    await heading(page, 'Initech');
    await page.getByText('Organization created.').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('Initrode');
    await page.getByLabel('Support staff may act as its people').uncheck();
    await button(page, 'Save').click();
    await heading(page, 'Initrode');
    await page.getByText('Impersonation switched off').waitFor();
    await page.getByRole('navigation', { name: 'Up' }).getByRole('link').click();
    await page.getByLabel('Name or id').fill('initro');
    if (it.scripts) await page.getByRole('status').getByText('One organization').waitFor();
    else await button(page, 'Search').click();
    await page.getByRole('link', { name: 'Initrode' }).first().click();
    await heading(page, 'Initrode');
    await button(page, 'Remove').click();
    await page.getByText('The organization has been removed.').waitFor();

    await menu.getByRole('link', { name: 'Roles' }).click();
    await heading(page, 'Roles');
    await page.getByRole('link', { name: 'New role' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Front desk');
    await page.getByLabel('Rank').fill('5');
    await page.getByRole('checkbox', { name: 'See organizations' }).check();
    await page.getByLabel(/^Other permissions/).fill('Orders!');
    await button(page, 'Create').click();
    await page.getByText('“Orders!” is no permission').waitFor();
    assert.ok(await page.getByRole('checkbox', { name: 'See organizations' }).isChecked());
    await page.getByLabel(/^Other permissions/).fill('orders:refund');
    await button(page, 'Create').click();
    await heading(page, 'Front desk');
    await page.getByText('Custom permission').waitFor();

    await page.goto(`${it.issuer}/console/users/usr_alice`);
    await page.getByLabel('Add a role').selectOption('Front desk');
    await button(page, 'Add').click();
    await page.getByText('Role added.').waitFor();
    await page.getByRole('link', { name: 'Front desk' }).click();
    await heading(page, 'Front desk');
    await page.getByText('Alice Chen').waitFor();
    await page.getByText('Only a role that nobody holds can be removed.').waitFor();
    await page.getByRole('link', { name: 'Alice Chen' }).click();
    await button(page, 'Remove the role Front desk').click();
    await page.getByText('Role removed.').waitFor();
    await page.getByRole('link', { name: 'Deactivate…' }).click();
    await button(page, 'Deactivate').click();
    await page.getByText('Deactivated.').waitFor();
    await button(page, 'Reactivate').click();
    await page.getByText('Reactivated. They can sign in again.').waitFor();
    await page.goto(`${it.issuer}/console/roles/Front%20desk`);
    await button(page, 'Remove').click();
    await page.getByText('The role has been removed.').waitFor();
  },

  /// Signed in a while ago: the password once more, and on with what was filled in.
  async 'step-up'(browser) {
    const page = await person(browser, { javaScriptEnabled: it.scripts });
    await enter(page);
    const filled = new URLSearchParams({ application: 'portal', reason: 'a call', ticket: 'T-1' });
    await page.goto(`${it.issuer}/console/users/usr_alice/sign-in-as?${filled}`);
    await button(page, 'Use another browser…').click();
    await heading(page, 'Confirm your password');
    if (it.scripts) await new Album(it.album).look(page, 'console-prove');
    await page.getByLabel('Your password').fill('wrong');
    await button(page, 'Continue').click();
    await page.getByRole('alert').getByText('The password is wrong.').waitFor();
    await page.getByRole('link', { name: 'Cancel' }).click();
    await heading(page, 'Sign in as Alice Chen');
    assert.equal(await page.getByLabel('Ticket').inputValue(), 'T-1');
    await button(page, 'Use another browser…').click();
    await page.getByLabel('Your password').fill(it.sam.password);
    await page.keyboard.press('Enter');
    await heading(page, 'Your code');
  },

  /// Nobody is there yet: the code that the server printed makes the first administrator.
  async 'set-up'(browser) {
    const page = await person(browser);
    await page.goto(`${it.issuer}/setup`);
    await heading(page, 'Set up Understudy');
    await new Album(it.album).look(page, 'setup');
    await page.getByLabel('Code').fill(it.code);
    await page.getByLabel('Your email address').fill('root@example.test');
    await page.getByLabel('Your name').fill('Rosa Root');
    await page.getByLabel('Password', { exact: true }).fill('short');
    await page.getByLabel('Confirm password').fill('short');
    await button(page, 'Create administrator').click();
    await page.getByRole('alert').getByText('fewer than 12 characters').waitFor();
    await page.getByLabel('Code').fill(it.code);
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
    await page.getByLabel('Confirm password').fill('correct horse battery');
    await button(page, 'Create administrator').click();
    await heading(page, 'Sign in');
    await signIn(page, { email: 'root@example.test', password: 'correct horse battery' });
    await heading(page, 'Users');
  },

  /// From the click to the page of the application, again and again.
  async landing(browser) {
    const page = await person(browser);
    await enter(page);
    const times = [];
    for (let i = 0; i < (it.runs ?? 5); i += 1) {
      await page.goto(form('usr_alice', { reason: 'a call' }));
      const begun = performance.now();
      await button(page, 'Open now').click();
      await landed(page);
      times.push(Math.round(performance.now() - begun));
    }
    times.sort((a, b) => a - b);
    const p95 = times[Math.ceil(times.length * 0.95) - 1];
    console.log(JSON.stringify({ clicks: 1, p50: times[times.length >> 1], p95 }));
    if (it.limit) assert.ok(p95 < it.limit, `p95 ${p95} ms`);
  },

  /// Every page, in light, dark and on a phone, with axe-core.
  async looks(browser) {
    const album = new Album(it.album);
    const page = await person(browser);
    await enter(page, it.ada);
    await album.look(page, 'console-users');
    await page.getByLabel('Name, email address or id').fill('nobody of that name');
    await page.getByRole('status').getByText('Nobody found').waitFor();
    await album.look(page, 'console-users-none');
    await page.goto(form('usr_alice', { reason: 'Order NW-20418 looks wrong', ticket: 'T-4711' }));
    await album.look(page, 'console-sign-in-as');
    await button(page, 'Use another browser…').click();
    await heading(page, 'Your code');
    await album.look(page, 'console-code');
    await page.goto(form('usr_alice'));
    await button(page, 'Copy link').click();
    await page.getByText('Link copied.').waitFor();
    await album.look(page, 'console-link');
    await page.goto(form('usr_alice', { target: 'https://elsewhere.example/' }));
    await verdict(page, 'Something is missing');
    await album.look(page, 'console-sign-in-as-missing');
    await page.goto(form('usr_dave'));
    await verdict(page, 'Not allowed');
    await album.look(page, 'console-sign-in-as-refused');
    await page.goto(form('usr_alice', { reason: 'a call' }));
    await button(page, 'Open now').click();
    await landed(page);
    await page.goto(`${it.issuer}/console/users/usr_alice`);
    await heading(page, 'Alice Chen');
    await album.look(page, 'console-user');
    await page.goto(`${it.issuer}/console/users/usr_ada`);
    await album.look(page, 'console-user-staff');
    await page.goto(`${it.issuer}/console/users/usr_alice/preview`);
    await album.look(page, 'console-preview');
    for (const [path, name] of [
      ['/console/organizations', 'organizations'],
      ['/console/organizations/acme', 'organization'],
      ['/console/new-organization', 'organization-new'],
      ['/console/roles', 'roles'],
      ['/console/roles/support', 'role-built-in'],
    ]) {
      await page.goto(it.issuer + path);
      await album.look(page, `console-${name}`);
    }
    await page.goto(`${it.issuer}/console/new-role`);
    await page.getByLabel('Name', { exact: true }).fill('Front desk');
    await page.getByLabel('Rank').fill('5000');
    await page.getByRole('checkbox', { name: 'See people' }).check();
    await button(page, 'Create').click();
    await page.getByText('A whole number from 0 to 1000.').waitFor();
    await album.look(page, 'console-role-new');
    await page.getByLabel('Rank').fill('5');
    await button(page, 'Create').click();
    await heading(page, 'Front desk');
    await album.look(page, 'console-role');
    await page.goto(`${it.issuer}/console/users/usr_alice/preview?application=northwind-saml`);
    await album.look(page, 'console-preview-attributes');
    await page.goto(`${it.issuer}/go`);
    await page.getByLabel('Code').fill('AAAA-AAAA');
    await button(page, 'Continue').click();
    await page.getByRole('alert').waitFor();
    await album.look(page, 'go');
    const alice = await person(browser);
    await alice.goto(`${it.issuer}/console`);
    await signIn(alice, it.alice);
    await heading(alice, 'You don\'t have access to this page');
    await album.look(alice, 'console-forbidden');
  },
};

/// Where the focus is can be seen all the way.
async function tabTo(page, target) {
  for (let i = 0; i < 40; i += 1) {
    // What is typed may have drawn it anew.
    const wanted = await target.elementHandle();
    const [there, shown] = await page.evaluate((element) => {
      const style = getComputedStyle(document.activeElement);
      return [document.activeElement === element, style.outlineStyle !== 'none' || style.boxShadow !== 'none' || document.activeElement === document.body];
    }, wanted);
    assert.ok(shown, 'the focus cannot be seen');
    if (there) return;
    await page.keyboard.press('Tab');
  }
  assert.fail('Tab does not lead there');
}

await inBrowser(stories[it.story]);
