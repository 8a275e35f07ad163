// The pictures of the README: what a support agent sees on the way from a name into an application.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { inBrowser, person, signIn } from '../lib/chromium.mjs';
import { facts } from '../lib/facts.mjs';

const it = await facts();
mkdirSync(it.album, { recursive: true });

async function picture(page, name) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(it.album, `${name}-${colorScheme}.png`) });
  }
}

const heading = (page, name) => page.getByRole('heading', { name, level: 1 }).waitFor();
const button = (page, name) => page.getByRole('button', { name, exact: true });

await inBrowser(async (browser) => {
  const page = await person(browser, { viewport: { width: 1200, height: 750 }, deviceScaleFactor: 2 });
  await page.goto(`${it.issuer}/console`);
  await signIn(page, { email: 'sam.support@understudy.test', password: 'sam-demo' });
  await heading(page, 'Users');
  await picture(page, 'users');
  const query = { application: 'northwind-orders', reason: 'Order NW-20418 looks wrong', ticket: 'T-4711' };
  await page.goto(`${it.issuer}/console/users/usr_alice/sign-in-as?${new URLSearchParams(query)}`);
  await heading(page, 'Sign in as Alice Chen');
  await picture(page, 'sign-in-as');
  await button(page, 'Open now').click();
  await heading(page, 'Good to see you, Alice');
  await picture(page, 'application');
  await page.goto(`${it.issuer}/console/users/usr_alice`);
  await heading(page, 'Alice Chen');
  await picture(page, 'user');
  await page.goto(`${it.issuer}/console/users/usr_alice/preview?application=northwind-orders`);
  await heading(page, 'Token preview');
  await picture(page, 'preview');
  await page.goto(`${it.issuer}/console/impersonations`);
  await page.waitForLoadState('networkidle');
  await picture(page, 'impersonations');
  const alice = await person(browser, { viewport: { width: 1200, height: 750 }, deviceScaleFactor: 2 });
  await alice.goto(`${it.issuer}/account`);
  await signIn(alice, { email: 'alice@acme.test', password: 'alice-demo' });
  await heading(alice, 'Your account');
  await picture(alice, 'account');
});
