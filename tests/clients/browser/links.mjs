// What a real browser does with a link, wanted or not. One story a run: `story` names it.
import assert from 'node:assert/strict';
import { Application } from '../lib/application.mjs';
import { confirm, inBrowser, person, signIn } from '../lib/chromium.mjs';
import { facts } from '../lib/facts.mjs';

const it = await facts();
const application = new Application(it);
const arrived = (page) => page.waitForURL(`${it.application}/callback?**`);

/// The link still does what it is for.
async function completes(page) {
  await page.goto(it.link);
  await signIn(page, it.sam);
  await confirm(page, 'Alice Chen').click();
  await arrived(page);
}

const stories = {
  /// b06: a page that fetches the links ahead, and a browser of a mail scanner.
  async preview(browser) {
    application.pages.set('/mail', `<title>Mail</title><link rel="prefetch" href="${it.direct}"><p>mail</p>`);
    const reader = await person(browser);
    const fetched = reader.waitForEvent('requestfinished', (request) => request.url() === it.direct);
    await reader.goto(`${it.application}/mail`);
    const seen = await (await fetched).response();
    assert.equal(seen.status(), 200);
    assert.match((await (await fetched).allHeaders())['sec-purpose'] ?? '', /prefetch/);

    const scanner = await person(browser);
    await scanner.goto(it.link);
    assert.deepEqual((await scanner.context().cookies()).map(({ name }) => name).filter((name) => name !== 'understudy_form'), []);
    await completes(await person(browser));

    const late = await person(browser);
    await late.goto(it.direct);
    await late.waitForURL(`${it.application}/legacy?**`);
  },

  /// b07: a scanner that runs scripts and presses whatever there is.
  async scanner(browser) {
    const scanner = await person(browser);
    await scanner.goto(it.link);
    for (const button of await scanner.getByRole('button').all()) await button.click();
    const loaded = scanner.waitForEvent('load');
    await scanner.evaluate(() => document.querySelector('form').submit());
    await loaded;
    await scanner.goto(it.link);
    await scanner.evaluate(async (link) => {
      await fetch(link, { method: 'POST', headers: { accept: 'text/html' }, body: new URLSearchParams({ csrf: 'x' }) });
    }, it.link);
    await scanner.getByLabel('Password').waitFor();
    assert.equal(application.requests.length, 0, 'the application heard of it');
    await completes(await person(browser));
  },

  /// b23: nobody else learns the link.
  async referer(browser) {
    const page = await person(browser);
    const asked = [];
    page.on('request', (request) => asked.push(new URL(request.url()).origin));
    await completes(page);
    await page.goto(`${it.issuer}/me/impersonation`);
    await page.getByRole('button', { name: 'Stop acting as Alice Chen' }).click();
    await page.getByRole('heading', { name: 'Impersonation ended' }).waitFor();
    assert.deepEqual([...new Set(asked)].sort(), [it.issuer, it.application].sort());
    assert.ok(application.requests.length >= 2);
    for (const { url, headers } of application.requests) {
      assert.ok(!headers.referer?.startsWith(it.issuer), `${url.pathname}: ${headers.referer}`);
      assert.doesNotMatch(url.href, /bewit/);
    }
  },

  /// b24: after redemption the address is clean, and Back shows nothing that can be used.
  async back(browser) {
    const page = await person(browser);
    await completes(page);
    assert.doesNotMatch(page.url(), /bewit/);
    let pages = 0;
    while (await page.goBack({ waitUntil: 'load' }).catch(() => null)) {
      pages += 1;
      assert.equal(await confirm(page, 'Alice Chen').count(), 0, page.url());
      if (page.url() === it.link) assert.match(await page.locator('body').innerText(), /This link was used already/);
    }
    assert.ok(pages > 0);
  },

  /// b29: no page of ours shows itself in a frame of somebody else's.
  async framing(browser) {
    const page = await person(browser);
    await page.goto(it.link);
    await signIn(page, it.sam);
    await confirm(page, 'Alice Chen').waitFor();
    const paths = ['/login', '/account', '/me/impersonation', '/logout', '/consent'];
    const targets = [it.link, ...paths.map((path) => it.issuer + path)];
    application.pages.set('/frames', `<title>Frames</title>${targets.map((url) => `<iframe src="${url}"></iframe>`).join('')}`);
    await page.goto(`${it.application}/frames`);
    const frames = page.frames().filter((frame) => frame !== page.mainFrame());
    assert.equal(frames.length, targets.length);
    for (const frame of frames) {
      await frame.waitForURL(/^chrome-error:/);
      assert.doesNotMatch(await frame.content(), /Understudy|Continue as/);
    }
    await page.goto(it.link);
    await confirm(page, 'Alice Chen').click();
    await arrived(page);
  },

  /// b32: somebody makes a link in the name of a colleague and sends it to them, or opens it as if it were theirs.
  async colleague(browser) {
    const sent = await person(browser);
    await sent.goto(`${it.issuer}/login`);
    await signIn(sent, it.max);
    await sent.waitForURL((url) => url.pathname !== '/login');
    await sent.goto(it.link);
    await sent.getByRole('heading', { name: 'This link is for somebody else' }).waitFor();
    assert.equal(await sent.getByRole('button').count(), 0);
    assert.doesNotMatch(await sent.locator('body').innerText(), /Sam|Alice|Chen/);
    await sent.goto(`${it.issuer}/account`);
    await sent.getByText(it.max.email).waitFor();

    // The colleague follows it: from another site's page, while signed in.
    const named = await person(browser);
    await named.goto(`${it.issuer}/login`);
    await signIn(named, it.sam);
    await named.waitForURL((url) => url.pathname !== '/login');
    application.pages.set('/lure', `<title>Lure</title><h1>Lure</h1><a id="go" href="${it.link}">look</a>
      <form id="act" method="post" action="${it.link}"><input name="csrf" value="x"></form>`);
    await named.goto(`${it.application}/lure`);
    const answered = named.waitForResponse((answer) => answer.request().method() === 'POST');
    await named.locator('#act').evaluate((form) => form.submit());
    assert.ok([200, 403].includes((await answered).status()));
    // The answer may lead on, to the same place without the form.
    await named.waitForLoadState('networkidle');
    assert.equal((await named.context().cookies()).filter(({ name }) => name.includes('_as_')).length, 0);
    await named.goto(`${it.application}/lure`);
    await named.locator('#go').click();
    await confirm(named, 'Alice Chen').waitFor();
    const page = await named.locator('main').innerText();
    for (const who of ['Sam Support', it.sam.email, 'Alice Chen', 'alice@acme.test']) assert.ok(page.includes(who), who);
    // Looked at, loaded anew and left: nobody acts as anybody.
    await named.reload();
    await named.goto(`${it.issuer}/me/impersonation`);
    await named.getByRole('heading', { name: 'You\'re not impersonating anyone' }).waitFor();
    assert.ok(application.requests.every(({ url }) => url.pathname === '/lure' || url.pathname === '/favicon.ico'));
    await named.goto(it.link);
    await confirm(named, 'Alice Chen').click();
    await arrived(named);
  },

  async 'without-javascript'(browser) {
    const page = await person(browser, { javaScriptEnabled: false });
    await completes(page);
    await page.goto(`${it.issuer}/me/impersonation`);
    await page.getByRole('button', { name: 'Stop acting as Alice Chen' }).click();
    await page.getByRole('heading', { name: 'Impersonation ended' }).waitFor();
  },

  async keyboard(browser) {
    const page = await person(browser);
    await page.goto(it.link);
    await page.keyboard.type(it.sam.email); // the field has the focus
    await page.keyboard.press('Tab');
    await page.keyboard.type(it.sam.password);
    await page.keyboard.press('Enter');
    await tabTo(page, confirm(page, 'Alice Chen'));
    await page.keyboard.press('Enter');
    await arrived(page);
    await page.goto(`${it.issuer}/account`);
    await tabTo(page, page.getByLabel('Impersonation in progress').getByRole('button'));
    // The answer has `Clear-Site-Data: "cache"`: Chromium goes on only when its cache on disk is empty, which takes as
    // long as the disk of a loaded machine takes.
    await Promise.all([page.waitForURL(`${it.issuer}/impersonation/stopped?**`), page.keyboard.press('Enter')]);
    await page.getByRole('heading', { name: 'Impersonation ended' }).waitFor();
  },
};

/// Where the focus is can be seen all the way.
async function tabTo(page, target) {
  await target.waitFor();
  const wanted = await target.elementHandle();
  for (let i = 0; i < 12; i += 1) {
    await page.keyboard.press('Tab');
    const [there, shown] = await page.evaluate((element) => {
      const style = getComputedStyle(document.activeElement);
      return [document.activeElement === element, style.outlineStyle !== 'none' || style.boxShadow !== 'none'];
    }, wanted);
    assert.ok(shown, 'the focus cannot be seen');
    if (there) return;
  }
  assert.fail('Tab does not lead there');
}

await application.open();
try {
  await inBrowser(stories[it.story]);
} finally {
  application.close();
}
