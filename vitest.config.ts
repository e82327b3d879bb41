import { defineConfig } from 'vitest/config';

// Where a file is named, the counts are written there as JSON as well.
const json = process.env.VITEST_JSON;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/global-setup.ts',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: json === undefined ? ['default'] : ['default', ['json', { outputFile: json }]],
    coverage: { include: ['src/**/*.ts'], reporter: ['text', 'html'] },
  },
});
