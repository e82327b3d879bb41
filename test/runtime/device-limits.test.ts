import { describe, expect, it } from 'vitest';
import { requireGradients } from '../../src/runtime/device-limits.js';
import type { OpenedRuntime } from '../../src/runtime/open.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';

const on = (device: string, accelerated: boolean): OpenedRuntime => ({ runtime: ortRuntime, description: device, choice: { runtime: 'ort', device }, accelerated });

describe('gradients that nothing compares', () => {
  it('are not taken from webgpu', () => {
    expect(() => { requireGradients(on('webgpu', true)); }).toThrow('wrong gradients');
    expect(() => { requireGradients(on('cuda', true)); }).not.toThrow();
    expect(() => { requireGradients(on('cpu', false)); }).not.toThrow();
  });
});
