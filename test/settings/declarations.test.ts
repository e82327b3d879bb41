import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandSettings, fileSchemas } from '../../src/settings/commands.js';
import type { FileKind } from '../../src/settings/commands.js';
import { jsonSchemaOf } from '../../src/settings/json-schema.js';
import { allSettings } from '../../src/settings/reference.js';
import { repository } from '../helpers.js';
import { run } from '../cli/terminal.js';

const text = (...path: string[]): string => readFileSync(join(repository, ...path), 'utf8');

describe('files made from the declarations', () => {
  it.each(Object.keys(fileSchemas) as FileKind[])('configs/schema/%s.json is current: npm run docs:generate', async (command) => {
    const { code, stdout } = await run('config', 'schema', command);
    expect(code).toBe(0);
    expect(text('configs/schema', `${command}.json`)).toBe(stdout);
    expect(JSON.parse(stdout)).toEqual(jsonSchemaOf(command));
  });

  it('docs/reference/settings.md is current: npm run docs:generate', () => {
    const { stdout, status } = spawnSync('node', [join(repository, 'scripts/docs/settings-reference.mjs')], { encoding: 'utf8' });
    expect(status).toBe(0);
    expect(text('docs/reference/settings.md')).toBe(stdout);
  });

  it('every configuration names its schema', () => {
    const files = readdirSync(join(repository, 'configs')).filter((name) => name.endsWith('.yaml'));
    expect(files.length).toBeGreaterThan(5);
    for (const name of files) expect(text('configs', name), name).toMatch(/^# yaml-language-server: \$schema=schema\/(?:generate|ablate|train)\.json\n/);
  });
});

describe('the JSON Schema', () => {
  it('has types, ranges, defaults and texts', () => {
    const { properties, additionalProperties } = jsonSchemaOf('generate') as { properties: Record<string, object>; additionalProperties: boolean };
    expect(additionalProperties).toBe(false);
    expect(properties.threshold).toEqual({ type: 'number', minimum: 0, maximum: 1, default: 0.4, description: 'foreground if the largest map exceeds this, 0..1' });
    expect(properties.fuse).toMatchObject({ enum: ['max', 'mean'], default: 'max' });
    expect(properties.scales).toMatchObject({ type: 'array', items: { type: 'number', exclusiveMinimum: 0 }, minItems: 1, default: [1] });
    const ablate = jsonSchemaOf('ablate') as { properties: Record<string, { properties?: object }> };
    expect(ablate.properties.grid.properties).toMatchObject({ gamma: { type: 'array', items: { type: 'number' } } });
  });
});

describe('the list of settings', () => {
  const rows = allSettings();

  it('has every setting of every command, with a text', () => {
    for (const [command, table] of Object.entries(commandSettings)) {
      expect(rows.filter(({ commands }) => commands.includes(command)).map(({ name }) => name).sort()).toEqual(Object.keys(table).sort());
    }
    for (const { name, help, group } of rows) expect([help.length, group.length].every((length) => length > 2), name).toBe(true);
  });

  it('tells type, range, default and flag', () => {
    expect(rows.find(({ name }) => name === 'scoreCamTopK')).toMatchObject({ flag: '--score-cam-top-k', values: 'a whole number from 1 up', default: 'all', axis: false, commands: ['generate', 'cam', 'ablate', 'faithfulness', 'localize'] });
    expect(rows.find(({ name }) => name === 'gamma')).toMatchObject({ flag: '--gamma', values: 'a number above 0', default: '2', axis: true });
    expect(rows.find(({ name }) => name === 'alsoTrainOn')).toMatchObject({ flag: '--also', commands: ['train', 'prototypes'] });
    expect(rows.find(({ name }) => name === 'grid')?.flag).toBeUndefined();
  });
});
