// A page as people see it: no violation that axe-core finds in either colour scheme, on a phone in one of them;
// nothing cut off there, and pictures of it.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

export class Album {
  constructor(directory) {
    this.directory = directory;
    mkdirSync(directory, { recursive: true });
  }

  async look(page, name) {
    await page.evaluate(axe);
    for (const [view, size, colorScheme] of [
      ['light', DESK, 'light'],
      ['dark', DESK, 'dark'],
      ['phone', PHONE, 'light'],
    ]) {
      await page.setViewportSize(size);
      await page.evaluate(() => window.scrollTo(0, 0));
      await page.emulateMedia({ colorScheme });
      await page.evaluate(() => Promise.all(document.getAnimations().map((it) => it.finished)));
      await page.screenshot({ path: join(this.directory, `${name}-${view}.png`), fullPage: true });
      // What the wide light page shows, the phone shows too, only below one another.
      if (view !== 'light') {
        const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
        assert.deepEqual(violations.map(describe), [], `${name}, ${view}`);
      }
      const [needs, has] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
      assert.ok(needs <= has, `${name}, ${view}: ${needs} pixels wide`);
    }
    await page.setViewportSize(DESK);
    await page.emulateMedia({ colorScheme: 'light' });
  }
}

const describe = ({ id, help, nodes }) =>
  `${id}: ${help}\n${nodes.map((node) => `  ${node.html}\n  ${node.failureSummary}`).join('\n')}`;
