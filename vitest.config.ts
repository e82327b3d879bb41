import { defineConfig } from 'vitest/config';

// Where a file is named, the counts are written there as JSON as well.
const json = process.env.VITEST_JSON;

// Each of these has a process of its own: the first test needs one in which no photograph has been opened yet, the second one in which
// no native code has changed how the processor treats denormal numbers. All others share processes, and the modules loaded in them.
const alone = ['test/image/libvips.test.ts', 'test/onnx/tensor.test.ts'];

export default defineConfig({
  test: {
    globalSetup: 'test/global-setup.ts',
    projects: [
      { extends: true, test: { name: 'shared', include: ['test/**/*.test.ts'], exclude: alone, isolate: false } },
      { extends: true, test: { name: 'alone', include: alone } },
    ],
    unstubEnvs: true,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: json === undefined ? ['default'] : ['default', ['json', { outputFile: json }]],
    coverage: { include: ['src/**/*.ts'], reporter: ['text', 'html'] },
  },
});
