// README's walk, in a browser: the printed link, sign in, confirm, work as Alice, stop, and back.
import assert from 'node:assert/strict';
import { confirm, inBrowser, person, signIn } from '../lib/chromium.mjs';
import { facts } from '../lib/facts.mjs';

const it = await facts();
const text = (page) => page.locator('body').innerText();

await inBrowser(async (browser) => {
  const page = await person(browser);
  await page.goto(it.link);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await signIn(page, it.sam);
  await page.getByRole('heading', { name: 'Act as Alice Chen' }).waitFor();
  for (const part of ['Sam Support', 'Northwind Orders', 'Order NW-20418 looks wrong']) {
    assert.ok((await text(page)).includes(part), part);
  }
  await confirm(page, 'Alice Chen').click();

  const banner = page.getByRole('region', { name: 'Impersonation' });
  await banner.waitFor();
  assert.equal(new URL(page.url()).origin, it.demo);
  assert.equal(page.url().includes('bewit'), false);
  assert.match(await banner.innerText(), /^Sam Support is acting as Alice Chen/);
  await page.getByRole('heading', { name: 'Good to see you, Alice' }).waitFor();
  await page.getByText('For developers').click();
  assert.match(await page.getByLabel('Claims of the ID token').innerText(), /"impersonated": true/);

  // Every page of the application says it.
  await page.getByRole('rowheader').getByRole('link').first().click();
  await page.getByRole('heading', { name: /^Order / }).waitFor();
  assert.match(await banner.innerText(), /^Sam Support is acting as Alice Chen/);

  // The form is the page's own, in a slot of the bar.
  await page.locator('understudy-bar').getByRole('button', { name: 'Stop' }).click();
  await page.getByRole('heading', { name: 'Impersonation ended' }).waitFor();
  assert.equal(new URL(page.url()).origin, it.issuer);

  // b24: Back leads to nothing of Alice's, and to nothing that can be pressed.
  for (let i = 0; i < 12; i += 1) {
    const back = await page.goBack({ waitUntil: 'load' }).catch(() => null);
    if (!back) break;
    const seen = await text(page);
    assert.doesNotMatch(seen, /Good to see you, Alice|alice@acme|is acting as/, page.url());
    assert.equal(await confirm(page, 'Alice Chen').count(), 0, page.url());
  }

  // Sam has been Sam all the time.
  await page.goto(`${it.issuer}/account`);
  assert.ok((await text(page)).includes(it.sam.email));
  assert.equal(await page.getByLabel('Impersonation in progress').count(), 0);

  await page.goto(it.link);
  await page.getByText('This link was used already').waitFor();

  // Signing in at the application is signing in as Sam again.
  await page.goto(`${it.demo}/login`);
  await page.getByRole('heading', { name: 'Good to see you, Sam' }).waitFor();
  assert.equal(await banner.count(), 0);
});
