// Every page, light and dark, wide and narrow: axe-core has nothing to say, and there is a picture of each.
import assert from 'node:assert/strict';
import { confirm, inBrowser, person, signIn } from '../lib/chromium.mjs';
import { facts } from '../lib/facts.mjs';
import { Album } from '../lib/look.mjs';

const it = await facts();
const album = new Album(it.album);
const heading = (page, name) => page.getByRole('heading', { name, level: 1 }).waitFor();

async function agent(page) {
  await page.goto(it.link);
  await heading(page, 'Sign in');
  await album.look(page, 'login');
  await signIn(page, { ...it.sam, password: 'wrong' });
  await page.getByRole('alert').waitFor();
  await album.look(page, 'login-refused');
  await signIn(page, it.sam);
  await heading(page, 'Act as Alice Chen');
  await album.look(page, 'confirm');
  await confirm(page, 'Alice Chen').click();
  await heading(page, 'Good to see you, Alice');
  await album.look(page, 'demo-dashboard');
  await page.getByRole('rowheader').getByRole('link').first().click();
  await heading(page, /^Order /);
  await album.look(page, 'demo-order');
}

async function provider(page) {
  await page.goto(`${it.issuer}/account`);
  await heading(page, 'Your account');
  assert.match(await page.getByLabel('Impersonation in progress').innerText(), /Sam Support is acting as Alice Chen/);
  await album.look(page, 'account-acting');
  await page.goto(`${it.issuer}/me/impersonation`);
  await heading(page, 'Running impersonations');
  await album.look(page, 'impersonation');
  await page.getByRole('button', { name: 'Stop acting as Alice Chen' }).click();
  await heading(page, 'Impersonation ended');
  await album.look(page, 'stopped');
  await page.goto(`${it.issuer}/me/impersonation`);
  await heading(page, 'You\'re not impersonating anyone');
  await album.look(page, 'impersonation-none');
  await page.goto(it.demo);
  await page.getByText('The impersonation has ended.').waitFor();
  await album.look(page, 'demo-landing');
  await page.goto(it.link);
  await heading(page, 'This link was used already');
  await album.look(page, 'message');
  await page.goto(`${it.issuer}/logout`);
  await heading(page, 'Sign out?');
  await album.look(page, 'logout');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForLoadState();
  await album.look(page, 'signed-out');
}

async function customer(page) {
  await page.goto(it.consent);
  await heading(page, 'Sign in');
  await album.look(page, 'login-for-an-application');
  await signIn(page, it.alice);
  await page.getByRole('button', { name: 'Allow' }).waitFor();
  await album.look(page, 'consent');
  await page.goto(`${it.issuer}/account`);
  await page.getByText('Sam Support in Northwind Orders').waitFor();
  await album.look(page, 'account');
  await page.goto(`${it.demo}/callback?state=x`);
  await heading(page, 'This sign-in cannot be finished');
  await album.look(page, 'demo-problem');
  await page.goto(`${it.issuer}/nothing-here`);
  await album.look(page, 'not-found');
}

await inBrowser(async (browser) => {
  const sam = await person(browser);
  await agent(sam);
  await provider(sam);
  await customer(await person(browser));
});
