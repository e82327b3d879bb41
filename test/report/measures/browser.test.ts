import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeFaithfulnessReport } from '../../../src/report/measures/faithfulness-report.js';
import { writeLocalizeReport } from '../../../src/report/measures/localize-report.js';
import { hostile, makeResults } from './tiny-results.js';
import type { TinyResults } from './tiny-results.js';

const chrome = process.env.CHROME_PATH ?? '/usr/bin/chromium';

describe.skipIf(!existsSync(chrome))('the reports of localize and faithfulness in a browser', () => {
  let tiny: TinyResults;
  let browser: Browser;
  beforeAll(async () => {
    tiny = await makeResults();
    browser = await chromium.launch({ executablePath: chrome, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    await rm(tiny.folder, { recursive: true });
  });

  /** Opens a page, and collects what a reader of its console would see. */
  async function open(path: string, complaints: string[]): Promise<Page> {
    const page = await browser.newPage({ reducedMotion: 'reduce' });
    page.on('console', (message) => { if (!message.text().includes('readback')) complaints.push(message.text()); });
    page.on('pageerror', (error) => { complaints.push(error.message); });
    await page.goto(pathToFileURL(path).href);
    return page;
  }

  it.each([['one file', true], ['a folder', false]])('shows boxes, and filters by result: %s', async (name, singleFile) => {
    const complaints: string[] = [];
    const { page: path } = await writeLocalizeReport({ run: tiny.boxes, out: join(tiny.folder, name), singleFile });
    const page = await open(path!, complaints);
    const ids = (): Promise<string[]> => page.locator('.card .id').allTextContents();
    const colourAt = (x: number, y: number): Promise<number[]> => page.evaluate(
      `[...document.querySelector('.card canvas').getContext('2d').getImageData(${x}, ${y}, 1, 1).data]`);
    expect((await ids()).slice(0, 2)).toEqual(['missed', 'wide']);
    await page.getByLabel('Result').selectOption({ label: 'wrong class' });
    expect(await ids()).toEqual(['missed', hostile]);
    await page.getByLabel('Result').selectOption({ label: 'wrong box' });
    await page.getByLabel('Id', { exact: true }).fill('wide');
    expect(await page.locator('.kind').allTextContents()).toEqual(['wrong box']);
    await page.locator('.card').first().scrollIntoViewIfNeeded();
    // The true box is 10..49, the found one is drawn over its left side and ends at 89.
    await expect.poll(() => colourAt(50 - 2, 25)).toEqual([0, 158, 115, 255]);
    expect(await colourAt(11, 25)).toEqual([230, 159, 0, 255]);
    expect(await colourAt(88, 25)).toEqual([230, 159, 0, 255]);
    expect((await colourAt(70, 25))[3]).toBe(0);
    await page.locator('.open').first().click();
    expect(await page.locator('#facts tbody').textContent()).toBe('<cat>, tabby47.8');
    expect(await page.locator('#viewer-legend').textContent()).toContain('true box');
    await page.keyboard.press('b');
    expect(await page.locator('.panel[aria-pressed=true]').textContent()).toBe('Photo');
    await page.close();
    expect(complaints).toEqual([]);
  });

  it('works without a gallery', async () => {
    const complaints: string[] = [];
    const page = await open((await writeFaithfulnessReport({ run: tiny.faithfulness })).page!, complaints);
    await page.getByRole('button', { name: /^Theme/ }).click();
    expect(await page.locator('#theme').textContent()).toBe('Theme: light');
    expect(await page.locator('.contents a').allTextContents()).toEqual(['Scores', 'Curves', 'The run']);
    await page.close();
    expect(complaints).toEqual([]);
  });
});
