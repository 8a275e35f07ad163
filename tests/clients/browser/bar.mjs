// The bar in applications: Northwind's, and a page of our own under the strictest policy that lets it run.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { confirm, inBrowser, person, signIn } from '../lib/chromium.mjs';
import { facts } from '../lib/facts.mjs';
import { Album } from '../lib/look.mjs';

const it = await facts();
const album = new Album(it.album);
const bar = (page) => page.getByRole('region', { name: 'Impersonation' });
const MARK = 'https://understudy.dev/claims/impersonation';
const marked = {
  sub: 'usr_alice', name: 'Alice <b>Chen', impersonated: true, impersonator: { user_id: 'usr_sam', email: 'sam@understudy.test' },
  act: { iss: it.issuer, sub: 'usr_sam' }, [MARK]: { id: 'imp_1', mode: 'read_only', exp: Math.floor(Date.now() / 1000) + 1790 },
};

/// A page with the two lines, and nothing allowed but the bar.
async function strict(browser) {
  const quoted = (text) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  const page = await person(browser);
  const complaints = [];
  page.on('console', (message) => complaints.push(message.text()));
  let element = '';
  const server = createServer((request, answer) => {
    answer.setHeader('content-type', 'text/html');
    answer.setHeader('content-security-policy', `default-src 'none'; script-src ${it.issuer}/impersonation/bar.js; base-uri 'none'; require-trusted-types-for 'script'`);
    answer.setHeader('cross-origin-embedder-policy', 'require-corp');
    answer.end(`<!doctype html><html lang="en"><title>Strict</title>${element}<main><h1>An application</h1></main><script src="${it.issuer}/impersonation/bar.js" defer></script>`);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${server.address().port}/`;
  const show = async (attributes) => {
    element = `<understudy-bar ${Object.entries(attributes).map(([name, value]) => `${name}="${quoted(value)}"`).join(' ')}></understudy-bar>`;
    await page.goto(url);
    return page.locator('understudy-bar');
  };
  try {
    for (const nothing of ['', '{}', JSON.stringify({ ...marked, impersonated: false, impersonator: undefined, act: undefined, [MARK]: undefined })]) {
      assert.equal((await (await show({ marks: nothing })).boundingBox()), null, nothing);
    }
    const shown = await show({ marks: JSON.stringify(marked), application: 'Northwind' });
    await bar(page).waitFor();
    assert.match(await bar(page).innerText(), /^sam@understudy.test is acting as Alice <b>Chen in Northwind · read only\n+2[89] min left/);
    const background = await shown.evaluate((host) => getComputedStyle(host.shadowRoot.querySelector('section')).backgroundColor);
    assert.equal(background, 'rgb(243, 182, 63)', 'its style is not applied');
    const stop = bar(page).getByRole('link', { name: 'Stop' });
    assert.equal(await stop.getAttribute('href'), `${it.issuer}/me/impersonation`);
    await album.look(page, 'bar-strict');

    const token = `x.${Buffer.from(JSON.stringify(marked)).toString('base64url')}.x`;
    await show({ marks: token, actor: 'Sam', stop: '/logout' });
    assert.equal(await bar(page).getByRole('link').getAttribute('href'), `${url}logout`);
    // What is no address of the web leads to our own page.
    for (const wrong of ['javascript:alert(1)', 'data:text/html,x']) {
      await show({ marks: token, stop: wrong });
      assert.equal(await bar(page).getByRole('link').getAttribute('href'), `${it.issuer}/me/impersonation`);
    }
    // The page may change its mind, as pages of one document do.
    await shown.evaluate((host) => host.removeAttribute('marks'));
    assert.equal(await shown.boundingBox(), null);
    assert.deepEqual(complaints.filter((text) => /Content Security Policy|refused/i.test(text)), []);
  } finally {
    server.close();
  }
}

async function northwind(browser) {
  const page = await person(browser);
  await page.goto(it.links[0]);
  await signIn(page, it.sam);
  await confirm(page, 'Alice Chen').click();
  await bar(page).waitFor();
  assert.match(await bar(page).innerText(), /^Sam Support is acting as Alice Chen in Northwind Orders\s+\d+ min left/);
  assert.ok(await page.locator('understudy-bar').evaluate((host) => Boolean(host.shadowRoot)));
  await album.look(page, 'demo-bar');
  await bar(page).getByRole('link').count().then((count) => assert.equal(count, 0, 'the form of the application is the way to stop'));

  // Without the script, or without scripts at all, the page says it too.
  const plain = await page.context().newPage();
  await plain.route('**/impersonation/bar.js', (route) => route.abort());
  await plain.goto(it.demo);
  await plain.getByText('Sam Support is acting as Alice Chen').waitFor();
  await plain.getByRole('button', { name: 'Stop' }).waitFor();
  await plain.close();

  // The subject has had enough: at the next click Sam is out.
  const alice = await person(browser);
  await alice.goto(`${it.issuer}/account`);
  await signIn(alice, it.alice);
  await alice.getByRole('button', { name: /^End access now/ }).first().click();
  await alice.getByText('you ended it').first().waitFor();
  await page.goto(it.demo);
  await page.getByText('The impersonation has ended.').waitFor();
  assert.equal(await bar(page).count(), 0);
}

await inBrowser(async (browser) => {
  await strict(browser);
  await northwind(browser);
});
