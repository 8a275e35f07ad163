// The pictures of the README: what a support agent, an administrator and a customer see. WebP, as Chromium writes it:
// a tenth of a PNG.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inBrowser, person, signIn } from '../lib/chromium.mjs';
import { facts } from '../lib/facts.mjs';

const it = await facts();
mkdirSync(it.album, { recursive: true });

/// What fits into the window, in light or dark.
async function picture(page, name, colorScheme = 'light') {
  await page.emulateMedia({ colorScheme });
  await page.evaluate(() => Promise.all(document.getAnimations().map((it) => it.finished)));
  const wire = await page.context().newCDPSession(page);
  const { data } = await wire.send('Page.captureScreenshot', { format: 'webp', quality: 78 });
  writeFileSync(join(it.album, `${name}-${colorScheme}.webp`), Buffer.from(data, 'base64'));
  await page.emulateMedia({ colorScheme: 'light' });
}

const heading = (page, name) => page.getByRole('heading', { name, level: 1 }).waitFor();
const button = (page, name) => page.getByRole('button', { name, exact: true });
const window = { viewport: { width: 1280, height: 760 }, deviceScaleFactor: 1.5 };

async function agent(page) {
  await page.goto(`${it.issuer}/console`);
  await signIn(page, { email: 'sam.support@understudy.test', password: 'sam-demo' });
  await heading(page, 'Users');
  await picture(page, 'users');
  const query = { application: 'northwind-orders', reason: 'Order NW-20418 looks wrong', ticket: 'T-4711' };
  await page.goto(`${it.issuer}/console/users/usr_alice/sign-in-as?${new URLSearchParams(query)}`);
  await heading(page, 'Sign in as Alice Chen');
  await picture(page, 'sign-in-as');
  await picture(page, 'sign-in-as', 'dark');
  await button(page, 'Open now').click();
  await heading(page, 'Good to see you, Alice');
  await picture(page, 'application');
}

async function customer(page) {
  await page.goto(`${it.issuer}/account`);
  await signIn(page, { email: 'alice@acme.test', password: 'alice-demo' });
  await heading(page, 'Your account');
  await picture(page, 'account');
}

async function administrator(page) {
  await page.goto(`${it.issuer}/console/impersonations`);
  await signIn(page, { email: 'ada@understudy.test', password: 'ada-demo' });
  await heading(page, 'Impersonations');
  await picture(page, 'impersonations');
  await page.goto(`${it.issuer}/console/audit`);
  await heading(page, 'Audit');
  await picture(page, 'audit');
  await page.goto(`${it.issuer}/console/roles/support`);
  await heading(page, 'support');
  await picture(page, 'role');
}

await inBrowser(async (browser) => {
  await agent(await person(browser, window));
  await customer(await person(browser, window));
  await administrator(await person(browser, window));
});
