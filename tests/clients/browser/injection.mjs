// h06: what people can store runs nowhere. Every page of `paths` is opened, and nothing of it may become a
// script, load anything from elsewhere, or offend the policy of the page.
import assert from 'node:assert/strict';
import { inBrowser, person, signIn } from '../lib/chromium.mjs';
import { facts } from '../lib/facts.mjs';

const it = await facts();

await inBrowser(async (browser) => {
  const page = await person(browser);
  const wrong = [];
  await page.exposeFunction('ran', (what) => wrong.push(`ran: ${what}`));
  await page.addInitScript(() => {
    for (const name of ['alert', 'confirm', 'prompt']) window[name] = (what) => window.ran(`${name} ${what}`);
    addEventListener('securitypolicyviolation', (event) => window.ran(`policy ${event.violatedDirective} ${event.blockedURI}`));
  });
  page.on('dialog', (dialog) => {
    wrong.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== it.issuer && protocol !== 'data:') wrong.push(`request: ${request.url()}`);
  });
  await page.goto(`${it.issuer}/console`);
  await signIn(page, it.ada);
  await page.getByRole('heading', { name: 'Users' }).waitFor();
  for (const path of it.paths) {
    const answer = await page.goto(it.issuer + path);
    assert.ok(answer.status() < 400, `${path}: ${answer.status()}`);
    // Whatever waits for a pointer or the focus gets it.
    await page.evaluate(() => {
      for (const element of document.querySelectorAll('main *')) {
        for (const name of ['mouseover', 'mouseenter', 'focus', 'toggle']) element.dispatchEvent(new Event(name, { bubbles: true }));
      }
      for (const details of document.querySelectorAll('details')) details.open = true;
    });
    const strange = await page.evaluate(() => document.querySelectorAll('main :is(script, iframe, object, embed, img, base, meta, link, style, [onerror], [onload], [onclick])').length);
    assert.equal(strange, 0, `${path} has elements that no template has`);
    assert.deepEqual(wrong, [], path);
  }
  console.log(`${it.paths.length} pages`);
});
