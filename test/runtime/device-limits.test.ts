import { describe, expect, it } from 'vitest';
import { requireGradients, workersOn } from '../../src/runtime/device-limits.js';
import type { OpenedRuntime } from '../../src/runtime/open.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';

const on = (device: string, accelerated: boolean): OpenedRuntime => ({ runtime: ortRuntime, description: device, choice: { runtime: 'ort', device }, accelerated });

describe('workers', () => {
  it('of the processor are as many as asked for', () => {
    expect(workersOn(on('cpu', false), undefined, 6)).toBe(6);
    expect(workersOn(on('cpu', false), 2, 6)).toBe(2);
  });

  it('of an accelerator: one, unless the user wants more', () => {
    expect(workersOn(on('cuda', true), undefined, 6)).toBe(1);
    expect(workersOn(on('cuda', true), 3, 6)).toBe(3);
  });

  it('of webgpu: one, or an error', () => {
    expect(workersOn(on('webgpu', true), undefined, 6)).toBe(1);
    expect(workersOn(on('webgpu', true), 1, 6)).toBe(1);
    expect(() => workersOn(on('webgpu', true), 4, 6)).toThrow('the device \'webgpu\' works in one worker, not in 4');
  });
});

describe('gradients that nothing compares', () => {
  it('are not taken from webgpu', () => {
    expect(() => { requireGradients(on('webgpu', true)); }).toThrow('wrong gradients');
    expect(() => { requireGradients(on('cuda', true)); }).not.toThrow();
    expect(() => { requireGradients(on('cpu', false)); }).not.toThrow();
  });
});
