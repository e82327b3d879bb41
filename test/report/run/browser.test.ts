import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeRunReport } from '../../../src/report/run/run-report.js';
import { makeRun, writeRun } from './tiny-run.js';
import type { TinyImage, TinyRun } from './tiny-run.js';

const chrome = process.env.CHROME_PATH ?? '/usr/bin/chromium';

// The page as a reader meets it, in a real browser; set CHROME_PATH where it is not Debian's Chromium.
const found = existsSync(chrome);

/** A picture of 40 x 30 whose left part has a label. */
const striped = (label: number, columns: number): number[] => Array.from({ length: 1200 }, (_, i) => (i % 40 < columns ? label : 0));

// Image i of 30 has a cat (odd) or a dog in its left 20 columns, and seeds in the left 20 - i / 2 or so: the higher, the worse.
const images: Record<string, TinyImage> = Object.fromEntries(Array.from({ length: 30 }, (_, i) => {
  const label = i % 2 === 0 ? 12 : 8;
  return [`image_${String(i).padStart(2, '0')}`, {
    width: 40, height: 30, truth: striped(label, 20), seeds: striped(label, 20 - Math.ceil(i / 2)),
    maps: { [label]: striped(1, 18), 15: striped(0, 0).map(() => 0.25) },
  }];
}));
const hostile = '<img/src="x"onerror="window.pwned=1">'.replace('/', '&');

describe.skipIf(!found)('the report in a browser', () => {
  let tiny: TinyRun;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  let single: string;
  let folder: string;

  beforeAll(async () => {
    tiny = await makeRun({ ...images, [hostile]: images.image_00 });
    const other = join(tiny.folder, 'other');
    // Its seeds are right where those of the run are worst.
    const right = Object.fromEntries(Object.entries(images).map(([id, image]) => [id, { ...image, seeds: image.truth! }]));
    await writeRun(other, right, { vocRoot: tiny.root });
    single = (await writeRunReport({ run: tiny.run, out: join(tiny.folder, 'single.html') })).page!;
    folder = (await writeRunReport({ run: tiny.run, compare: other, out: join(tiny.folder, 'folder'), singleFile: false })).page!;
    browser = await chromium.launch({ executablePath: chrome, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    await rm(tiny.folder, { recursive: true });
  });

  const open = async (path: string, viewport = { width: 1280, height: 800 }): Promise<void> => {
    page = await browser.newPage({ viewport, reducedMotion: 'reduce' });
    page.on('console', (message) => {
      // Reading pixels is the test's doing.
      if (!message.text().includes('readback')) complaints.push(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => { complaints.push(error.message); });
    page.on('request', (request) => {
      if (!/^(?:file|data|blob):/.test(request.url())) complaints.push(`request of ${request.url()}`);
    });
    await page.goto(pathToFileURL(path).href);
  };
  beforeEach(() => { complaints = []; });
  afterEach(async () => {
    await page.close();
    expect(complaints).toEqual([]);
  });

  const ids = (): Promise<string[]> => page.locator('.card .id').allTextContents();
  /** The colour of a pixel of the overlay, as red, green, blue, opacity. */
  const colourAt = (selector: string, x: number, y: number): Promise<number[]> => page.evaluate(
    `[...document.querySelector(${JSON.stringify(selector)}).getContext('2d').getImageData(${x}, ${y}, 1, 1).data]`,
  );
  // Playwright's own way of waiting needs eval, which the page's policy forbids.
  const until = (expression: string): Promise<void> => expect.poll(() => page.evaluate(expression), { timeout: 5000 }).toBe(true);
  const painted = (selector: string): Promise<void> => until(
    `(() => { const c = document.querySelector(${JSON.stringify(selector)}); return c !== null && !c.hidden && c.width > 1; })()`,
  );

  for (const [kind, path] of [['one file', () => single], ['a folder', () => folder]] as const) {
    it(`shows photographs and overlays: ${kind}`, async () => {
      await open(path());
      expect(await page.locator('.card').count()).toBe(24);
      await page.locator('.card').first().scrollIntoViewIfNeeded();
      await painted('.card canvas');
      // Photographs are really there.
      await until('document.querySelector(".card img").naturalWidth === 40');
      // The worst image: columns up to 20 are the class, of which the seeds have 5 (image_29: 20 - 15).
      expect((await ids())[0]).toBe('image_29');
      expect(await colourAt('.card canvas', 2, 15)).toEqual([0, 158, 115, 255]);
      expect(await colourAt('.card canvas', 10, 15)).toEqual([230, 159, 0, 255]);
      expect((await colourAt('.card canvas', 30, 15))[3]).toBe(0);
      await page.getByRole('radio', { name: 'Truth' }).check();
      // VOC's colour of the cat.
      await expect.poll(() => colourAt('.card canvas', 10, 15)).toEqual([64, 0, 0, 255]);
      await page.getByRole('radio', { name: 'Photo' }).check();
      expect(await page.locator('.card canvas').first().isHidden()).toBe(true);
    });
  }

  it('sorts, filters and searches', async () => {
    await open(folder);
    const sort = page.getByLabel('Sort');
    expect((await ids()).slice(0, 3)).toEqual(['image_29', 'image_27', 'image_28']);
    await sort.selectOption('best');
    expect((await ids())[0]).toMatch(/^<img&src|image_00/);
    await sort.selectOption('less:1');
    expect((await ids())[0]).toBe('image_29');
    // 5 / 20 columns of the cat, 20 / 35 of the background, against 1.
    expect(await page.locator('.difference').first().textContent()).toBe('−58.9 against other');
    await sort.selectOption('id');
    expect((await ids())[0]).toBe(hostile);
    await page.getByLabel('Class', { exact: true }).selectOption({ label: 'cat' });
    expect(await page.locator('#count').textContent()).toBe('15 of 31 images');
    expect(await ids()).toEqual(Object.keys(images).filter((_, i) => i % 2 === 1));
    await page.getByLabel('Id', { exact: true }).fill('_1');
    expect(await ids()).toEqual(['image_11', 'image_13', 'image_15', 'image_17', 'image_19']);
    await page.getByLabel('Id', { exact: true }).fill('nothing');
    expect(await page.locator('#empty').isVisible()).toBe(true);
    expect(await page.evaluate('window.pwned')).toBeUndefined();
  });

  it('turns pages', async () => {
    await open(folder);
    await page.getByLabel('Sort').selectOption('id');
    expect(await page.locator('#pages').textContent()).toBe('2');
    await page.getByRole('button', { name: 'Next', exact: true }).click();
    expect(await ids()).toEqual(Object.keys(images).slice(23));
    expect(await page.getByRole('button', { name: 'Next', exact: true }).isDisabled()).toBe(true);
    await page.getByLabel('Page', { exact: true }).fill('1');
    await page.keyboard.press('Enter');
    expect(await page.locator('.card').count()).toBe(24);
  });

  it('is worked by keys alone', async () => {
    await open(folder);
    await page.getByLabel('Sort').selectOption('id');
    await page.evaluate('document.activeElement.blur()');
    const focused = (): Promise<string> => page.evaluate('document.activeElement.getAttribute("aria-label") ?? ""');
    await page.keyboard.press('j');
    await page.keyboard.press('ArrowRight');
    expect(await focused()).toContain('image_00');
    await page.keyboard.press('k');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    const title = page.locator('#viewer-title');
    expect(await title.textContent()).toBe('image_00');
    await page.keyboard.press('ArrowRight');
    expect(await title.textContent()).toBe('image_01');
    await page.keyboard.press('j');
    expect(await title.textContent()).toBe('image_02');
    await page.keyboard.press('k');
    expect(await title.textContent()).toBe('image_01');
    await painted('#stage canvas');
    const pressed = (): Promise<string | null> => page.locator('.panel[aria-pressed=true]').textContent();
    await page.keyboard.press('t');
    expect(await pressed()).toBe('Truth');
    await page.keyboard.press('m');
    expect(await pressed()).toBe('Maps, strongest');
    await page.keyboard.press('m');
    expect(await pressed()).toBe('Map: cat');
    await page.keyboard.press('m');
    expect(await pressed()).toBe('Map: person');
    await page.keyboard.press('p');
    expect(await pressed()).toBe('Photo');
    await page.keyboard.press('-');
    expect(await page.evaluate('getComputedStyle(document.documentElement).getPropertyValue("--overlay")')).toBe('0.6');
    await page.keyboard.press('Escape');
    expect(await page.locator('#viewer').isVisible()).toBe(false);
    expect(await focused()).toContain('image_01');
    await page.keyboard.press('?');
    expect(await page.locator('#help').isVisible()).toBe(true);
    await page.keyboard.press('Escape');
    await page.keyboard.press('/');
    expect(await page.evaluate('document.activeElement.id')).toBe('search');
    // Letters are letters there.
    await page.keyboard.type('tj');
    expect(await page.locator('#search').inputValue()).toBe('tj');
  });

  it('walks from one page to the next with keys', async () => {
    await open(folder);
    await page.getByLabel('Sort').selectOption('id');
    await page.locator('.open').nth(23).focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('#page').inputValue()).toBe('2');
    expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toContain('image_23');
    await page.keyboard.press('ArrowLeft');
    expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toContain('image_22');
  });

  it('shows the labels under the pointer, and blends with the slider', async () => {
    await open(single);
    await page.locator('.open').first().click();
    await painted('#stage canvas');
    const box = (await page.locator('#stage').boundingBox())!;
    await page.mouse.move(box.x + box.width / 4, box.y + box.height / 2);
    expect(await page.locator('#probe').textContent()).toBe('Truth: cat · Seeds: background · map of cat: 1.00 · map of person: 0.25');
    await page.locator('#viewer-opacity').fill('25');
    expect(await page.evaluate('getComputedStyle(document.querySelector("#stage canvas")).opacity')).toBe('0.25');
    // 5 of 20 columns of the cat; 20 of the 35 that are background in one of both.
    expect(await page.locator('#facts dl').textContent()).toBe('mean IoU41.1 %');
    expect(await page.locator('#facts tbody').textContent()).toBe('background57.1cat25.0');
  });

  it('follows the system\'s theme, and the reader\'s', async () => {
    await open(single);
    const back = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await back();
    await page.emulateMedia({ colorScheme: 'dark' });
    const dark = await back();
    expect(dark).not.toBe(light);
    const button = page.getByRole('button', { name: /^Theme/ });
    await button.click();
    expect([await button.textContent(), await back()]).toEqual(['Theme: light', light]);
    await button.click();
    await page.emulateMedia({ colorScheme: 'light' });
    expect([await button.textContent(), await back()]).toEqual(['Theme: dark', dark]);
  });

  it('names every control, and every picture', async () => {
    for (const path of [single, folder]) {
      await open(path);
      await page.locator('.open').first().click();
      await page.locator('.panel').first().waitFor();
      const nameless = await page.evaluate(`[...document.querySelectorAll('button, input, select, [role=img], img')]
        .filter((e) => !(e.ariaLabel || e.title || e.textContent.trim() || (e.labels && e.labels[0] && e.labels[0].textContent.trim()) || e.hasAttribute('alt')))
        .map((e) => e.outerHTML)`);
      expect(nameless).toEqual([]);
      const roles = await page.locator('#viewer').ariaSnapshot();
      expect(roles).toContain('button "Previous image"');
      expect(await page.evaluate('document.querySelectorAll("[id]").length === new Set([...document.querySelectorAll("[id]")].map((e) => e.id)).size')).toBe(true);
      if (path === single) await page.close();
    }
  });

  it.each([[390, 844], [320, 640], [1280, 800]])('does not scroll sideways at %i pixels', async (width, height) => {
    await open(folder, { width, height });
    const beyond = (): Promise<number> => page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
    expect(await beyond()).toBeLessThanOrEqual(0);
    await page.locator('.open').first().click();
    await page.locator('.panel').first().waitFor();
    expect(await page.locator('#viewer').evaluate((dialog) => dialog.scrollWidth - dialog.clientWidth)).toBeLessThanOrEqual(0);
    expect(await beyond()).toBeLessThanOrEqual(0);
  });

  it('has text that stands out enough, in light and dark', async () => {
    await open(folder);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      // WCAG 2.1, 1.4.3: contrast of text against the nearest background of a solid colour.
      const faint = await page.evaluate(`(() => {
        const parse = (text) => text.match(/[\\d.]+/g).map(Number);
        const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((s, c, i) => s + c * [0.2126, 0.7152, 0.0722][i], 0);
        const backOf = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
        return [...document.querySelectorAll('body *')].filter((e) => !e.matches('script, style, svg *, button:disabled') && e.offsetParent && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()))
          .map((e) => { const [a, b] = [light(parse(getComputedStyle(e).color)), light(backOf(e))]; return [e.outerHTML.slice(0, 80), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]; })
          .filter(([, ratio]) => ratio < 4.5);
      })()`);
      expect(faint).toEqual([]);
    }
  });

  it('loads the files of images only when they are near', async () => {
    const loaded: string[] = [];
    page = await browser.newPage({ viewport: { width: 500, height: 600 } });
    page.on('request', (request) => { loaded.push(request.url()); });
    await page.goto(pathToFileURL(folder).href);
    await page.waitForTimeout(500);
    expect(loaded.filter((url) => url.endsWith('.webp'))).toEqual([]);
    expect(loaded.filter((url) => url.endsWith('.js'))).toEqual([]);
    await page.locator('.open').first().scrollIntoViewIfNeeded();
    await painted('.card canvas');
    expect(loaded.filter((url) => url.endsWith('.js')).length).toBeLessThan(12);
  });
});
