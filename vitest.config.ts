import { defineConfig } from 'vitest/config';

// Where a file is named, the counts are written there as JSON as well.
const json = process.env.VITEST_JSON;

// Each of these needs a process of its own: one in which no photograph has been opened yet, one that has not run for minutes, or one in
// which ONNX Runtime has not made the processor take denormal numbers for zeros. All others share processes, and the modules loaded in them.
const alone = ['image/libvips', 'jobs/files/temporary', 'onnx/tensor', 'seeds/assign'].map((name) => `test/${name}.test.ts`);

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
