// What people see of what was done: the account of the subject, the history, the trail. Light, dark, phone.
import assert from 'node:assert/strict';
import { confirm, inBrowser, person, signIn } from '../lib/chromium.mjs';
import { facts } from '../lib/facts.mjs';
import { Album } from '../lib/look.mjs';

const it = await facts();
const album = new Album(it.album);
const heading = (page, name) => page.getByRole('heading', { name, level: 1 }).waitFor();

async function act(page, link) {
  await page.goto(link);
  if (await page.getByLabel('Password').count()) await signIn(page, it.sam);
  await confirm(page, 'Alice Chen').click();
  await heading(page, 'Good to see you, Alice');
}

async function subject(page) {
  await page.goto(`${it.issuer}/account`);
  await signIn(page, it.alice);
  await page.getByRole('heading', { name: 'Support is signed in to your account right now' }).waitFor();
  await album.look(page, 'account');
  await page.getByRole('link', { name: 'Profile' }).click();
  await heading(page, 'Your profile');
  await page.getByLabel('Nickname').fill('ali');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('status').waitFor();
  await album.look(page, 'account-profile');
  await page.getByRole('link', { name: 'Password' }).click();
  await page.getByLabel('Current password').fill('wrong');
  for (const label of ['New password', 'New password again']) {
    await page.getByLabel(label, { exact: true }).fill('four unrelated words');
  }
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.getByRole('alert').waitFor();
  await album.look(page, 'account-password');
  await page.getByRole('link', { name: 'Sessions' }).click();
  await heading(page, 'Your sessions');
  await album.look(page, 'account-sessions');
  await page.getByRole('link', { name: 'Access', exact: true }).click();
  await page.getByRole('button', { name: /^End access now/ }).first().click();
  await page.getByText('Their access has ended').waitFor();
  await page.getByText('you ended it').first().waitFor();
  await album.look(page, 'account-access');
}

async function administrator(page) {
  await page.goto(`${it.issuer}/console/impersonations`);
  await signIn(page, it.ada);
  await heading(page, 'Impersonations');
  await album.look(page, 'console-impersonations');
  await page.getByText('End everything').first().click();
  await album.look(page, 'console-impersonations-end');
  await page.getByRole('link', { name: /\d\d:\d\d( UTC)?$/ }).first().click();
  await page.getByRole('heading', { name: 'What happened' }).waitFor();
  await page.getByText(/Details|Chrome/).first().click();
  await album.look(page, 'console-impersonation');
  await page.getByRole('button', { name: 'End session' }).click();
  await page.getByText('Impersonation ended.').waitFor();
  await page.goto(`${it.issuer}/console/impersonations/history`);
  await page.getByLabel('Status').selectOption({ label: 'Stopped by the subject' });
  await page.getByText('1 impersonation', { exact: true }).waitFor();
  await album.look(page, 'console-history');
  await page.goto(`${it.issuer}/console/audit`);
  await heading(page, 'Audit');
  await album.look(page, 'console-audit');
  await page.getByRole('button', { name: 'Follow' }).click();
  const rows = await page.getByRole('row').count();
  const other = await person(page.context().browser());
  await other.goto(`${it.issuer}/login`);
  await signIn(other, { ...it.alice, password: 'wrong' });
  await page.waitForFunction((before) => document.querySelectorAll('tr').length > before, rows);
  assert.match(await page.locator('#news').textContent(), /new event/);
}

await inBrowser(async (browser) => {
  const sam = await person(browser);
  await act(sam, it.links[0]);
  await act(sam, it.links[1]);
  await subject(await person(browser));
  await act(sam, it.links[2]);
  await administrator(await person(browser));
});
