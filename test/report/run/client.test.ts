import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { readClientAssets } from '../../../src/report/run/client.js';

describe('the page\'s script', () => {
  it('is one plain script that may stand in the page, and loads nothing', async () => {
    const { script, style } = await readClientAssets();
    expect(script).not.toMatch(/^\s*(?:import|export)\b/m);
    expect(script).not.toContain('</script');
    // Syntax, without running it; it leaves no names behind in the page.
    expect(() => runInNewContext(`() => {${script}}`)).not.toThrow();
    expect(script).not.toMatch(/^(?:async )?(?:function|const|let|var|class) /m);
    expect(script + style).not.toMatch(/https?:|url\(|@import|innerHTML|\beval\b/);
  });
});
