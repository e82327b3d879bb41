import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { joinModules, readClientAssets } from '../../../src/report/run/client.js';

describe('the page\'s script', () => {
  it('joins modules to one script', () => {
    const script = joinModules([
      'export const A = 1;\nexport function f() { return A; }\n',
      '// x\nimport { A, f } from \'./a.js\';\nimport {\n  g,\n} from \'./b-c.js\';\nresult = A + f();\n',
    ]);
    expect(script).not.toMatch(/import|export/);
    const sandbox = { result: 0 };
    runInNewContext(script, sandbox);
    expect(sandbox.result).toBe(2);
    expect(joinModules(['x = "</script>";'])).not.toContain('</script');
  });

  it('has no name twice, nothing left of modules, and loads nothing', async () => {
    const { script, style } = await readClientAssets();
    expect(script).not.toMatch(/^\s*(?:import|export)\b/m);
    const names = [...script.matchAll(/^(?:async )?(?:function|const|let|class) (\w+)/gm)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(10);
    expect(new Set(names).size).toBe(names.length);
    // Syntax, without running it.
    expect(() => runInNewContext(`() => {${script}}`)).not.toThrow();
    expect(script + style).not.toMatch(/https?:|url\(|@import|innerHTML|\beval\b/);
  });
});

interface Score { mean: Record<string, number | null> }
interface Image { id: string; labels: number[]; scores: (Score | null)[] }

describe('order and filter of the gallery', () => {
  const scoreOf = (mean: number | null): Score | null => (mean === null ? null : { mean: { error: mean } });
  const image = (id: string, labels: number[], ...means: (number | null)[]): Image => ({ id, labels, scores: means.map(scoreOf) });
  const images = [image('b1', [12], 0.5, 0.75), image('A2', [8, 15], 0.25, 0.125), image('c3', [12, 15], null, 0.5), image('a4', [], 0.875, 0.875)];
  const select = async (query: Partial<Record<'sort' | 'text', string>> & { label?: number }): Promise<string> => {
    const module = await import(new URL('../../../data/report/query.js', import.meta.url).href) as { selectImages: (images: Image[], query: unknown) => Image[] };
    return module.selectImages(images, { sort: 'id', label: 0, text: '', way: 'error', ...query }).map(({ id }) => id).join(' ');
  };

  it('sorts by IoU, difference, id and number of classes; what has no score comes last', async () => {
    expect(await select({ sort: 'worst' })).toBe('A2 b1 a4 c3');
    expect(await select({ sort: 'best' })).toBe('a4 b1 A2 c3');
    // Differences: b1 -0.25, A2 +0.125, a4 0.
    expect(await select({ sort: 'less:1' })).toBe('b1 a4 A2 c3');
    expect(await select({ sort: 'more:1' })).toBe('A2 a4 b1 c3');
    expect(await select({ sort: 'id' })).toBe('A2 a4 b1 c3');
    expect(await select({ sort: 'most' })).toBe('A2 c3 b1 a4');
    expect(await select({ sort: 'fewest' })).toBe('a4 b1 A2 c3');
  });

  it('filters by class and by a part of the id', async () => {
    expect(await select({ label: 12 })).toBe('b1 c3');
    expect(await select({ text: ' A ' })).toBe('A2 a4');
    expect(await select({ label: 15, text: 'c' })).toBe('c3');
    expect(await select({ text: 'zzz' })).toBe('');
  });
});

describe('the error overlay', () => {
  it('tells every kind of pixel apart', async () => {
    const { errorKind, ERROR_KINDS } = await import(new URL('../../../data/report/errors.js', import.meta.url).href) as {
      errorKind: (truth: number, label: number) => number; ERROR_KINDS: { kind: string; colour: number[] }[];
    };
    const kind = (truth: number, label: number): string | undefined => ERROR_KINDS[errorKind(truth, label)]?.kind;
    expect(kind(0, 0)).toBeUndefined();
    expect(kind(12, 12)).toBe('right');
    expect(kind(12, 0)).toBe('missed');
    expect(kind(0, 12)).toBe('false');
    expect(kind(12, 8)).toBe('wrong');
    expect(kind(12, 255)).toBe('ignored');
    expect(kind(0, 255)).toBe('ignored');
    // The ground truth's void is scored nowhere.
    expect([kind(255, 0), kind(255, 12), kind(255, 255)]).toEqual(['void', 'void', 'void']);
    expect(new Set(ERROR_KINDS.map(({ colour }) => colour.join())).size).toBe(6);
  });
});
