import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import type { TrainingReport } from '../../../src/report/charts/training-page.js';
import { smoothed, trainingPage } from '../../../src/report/charts/training-page.js';

const report: TrainingReport = {
  title: 'Training <1> & "2"',
  steps: [{ step: 0, loss: 0.75, rate: 0.1 }, { step: 1, loss: 0.5, rate: 0.05 }, { step: 2, loss: 0.625, rate: 0 }],
  epochs: [{ epoch: 1, loss: 0.7, map: 0.5 }, { epoch: 2, loss: 0.55 }, { epoch: 3, loss: 0.61234, map: 0.75 }, { epoch: 4, loss: 0.4, map: 0.625 }],
  settings: { backbone: 'a<b>.onnx', rate: 0.1, flip: true, layers: ['/8', '/16'], cache: null, unset: undefined },
};

interface Row { td: (string | number)[] }
interface Page {
  html: {
    head: { title: string };
    body: { main: { h1: string; p: string; figure: { svg: { title: string; desc: string } }[]; div: { table: { tbody: { tr: Row | Row[] } } }[] } };
  };
}

function parsed(input: TrainingReport) {
  const page = trainingPage(input);
  expect(XMLValidator.validate(page)).toBe(true);
  return (new XMLParser({ parseTagValue: false }).parse(page) as Page).html;
}

describe('trainingPage', () => {
  it('is well-formed and says what became of the training', () => {
    const { head, body: { main } } = parsed(report);
    expect(head.title).toBe('Training <1> & "2"');
    expect(main.h1).toBe('Training <1> & "2"');
    expect(main.p).toBe('3 steps, 4 epochs. Loss of the last epoch: 0.4000. Best mAP: 0.7500 after epoch 3.');
  });

  it('shows charts of loss, learning rate and mAP', () => {
    const { body: { main: { figure } } } = parsed(report);
    expect(figure.map(({ svg }) => svg.title)).toEqual(['Loss', 'Learning rate', 'Mean average precision']);
    expect(figure[0].svg.desc).toContain('each step: 3 points from 0.75 at 0 to 0.625 at 2; lowest 0.5, highest 0.75.');
    // The middle of the smoothed curve is the mean of all three: 0.625.
    expect(figure[0].svg.desc).toContain('smoothed: 3 points from 0.75 at 0 to 0.625 at 2; lowest 0.625, highest 0.75.');
    expect(figure[1].svg.desc).toContain('3 points from 0.1 at 0 to 0 at 2');
    expect(figure[2].svg.desc).toContain('validation: 3 points from 0.5 at 1 to 0.625 at 4; lowest 0.5, highest 0.75.');
  });

  it('leaves out the chart of mAP where none was measured', () => {
    const { body: { main } } = parsed({ ...report, epochs: [{ epoch: 1, loss: 0.5 }] });
    expect(main.figure.map(({ svg }) => svg.title)).toEqual(['Loss', 'Learning rate']);
    expect(main.p).toBe('3 steps, 1 epoch. Loss of the last epoch: 0.5000.');
  });

  it('shows epochs and settings as tables', () => {
    const { body: { main: { div: [epochs, settings] } } } = parsed(report);
    const rows = ({ table }: typeof epochs) => [table.tbody.tr].flat().map(({ td }) => td);
    expect(rows(epochs)).toEqual([['1', '0.7000', '0.5000'], ['2', '0.5500', ''], ['3', '0.6123', '0.7500'], ['4', '0.4000', '0.6250']]);
    expect(rows(settings)).toEqual([['backbone', 'a<b>.onnx'], ['rate', '0.1'], ['flip', 'true'], ['layers', '["/8","/16"]'], ['cache', 'null']]);
  });

  it('fits a phone, knows dark pages, and loads nothing', () => {
    const page = trainingPage(report);
    expect(page).toMatch(/^<!DOCTYPE html>\n/);
    expect(page).toContain('<meta name="viewport" content="width=device-width, initial-scale=1"/>');
    expect(page).toContain('@media (prefers-color-scheme:dark){:root{');
    expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|url\(|@import|<script|<link|src=|href/);
  });

  it('holds before the first step and after 100,000', () => {
    expect(parsed({ title: 'empty', steps: [], epochs: [], settings: {} }).body.main.p).toBe('0 steps, 0 epochs.');
    const steps = Array.from({ length: 100_000 }, (_, step) => ({ step, loss: (step * 7919) % 1009, rate: 1 - step / 100_000 }));
    expect(trainingPage({ ...report, steps }).length).toBeLessThan(300_000);
  });
});

describe('smoothed', () => {
  it('is the mean of as many values on one side as on the other', () => {
    // (1 + 5 + 3) / 3, (1 + 5 + 3 + 7 + 9) / 5, (3 + 7 + 9) / 3 with the ends as they are.
    expect(smoothed([1, 5, 3, 7, 9], 2)).toEqual([1, 3, 5, 19 / 3, 9]);
    expect(smoothed([1, 5, 3, 7, 9], 0)).toEqual([1, 5, 3, 7, 9]);
  });

  it('passes over gaps', () => {
    expect(smoothed([2, NaN, 6, 4, 8], 1)).toEqual([2, NaN, 5, 6, 8]);
    expect(smoothed([1, 2, Infinity, 4, 6], 2)).toEqual([1, 1.5, NaN, 5, 6]);
  });
});
