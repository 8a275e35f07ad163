// The machine's own Chromium, and what everybody does in it.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';

function program() {
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  const paths = process.env.PATH.split(delimiter);
  const found = [process.env.CHROMIUM, ...names.flatMap((name) => paths.map((path) => join(path, name)))];
  const it = found.find((path) => path && existsSync(path));
  if (!it) throw new Error('Chromium is missing: run scripts/setup-tests.sh first');
  return it;
}

/// Runs `story` with a fresh browser, which is gone afterwards, whatever happens.
export async function inBrowser(story) {
  const args = ['--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])];
  const browser = await chromium.launch({ executablePath: program(), args });
  try {
    await story(browser);
  } finally {
    await browser.close();
  }
}

export async function person(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...options });
  // For two cores on which everything else runs too: a wait ends when it is over, so only a failure takes this long.
  context.setDefaultTimeout(60_000);
  return context.newPage();
}

export async function signIn(page, { email, password }) {
  await page.getByLabel('Email address').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

export const confirm = (page, subject) => page.getByRole('button', { name: `Continue as ${subject}` });
