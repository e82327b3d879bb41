import eslint from '@eslint/js';
import stylistic from '@stylistic/eslint-plugin';
import tseslint from 'typescript-eslint';

// Floors of the architecture, top to bottom: a folder imports only from itself or from floors below.
const floors = [
  ['cli'],
  ['ablate'],
  ['seeds'],
  ['cam', 'train', 'architectures'],
  ['autodiff', 'runtime', 'metrics', 'report', 'refine'],
  ['voc', 'onnx', 'image', 'config', 'jobs', 'wasm', 'weights', 'pickle'],
];

const floorRules = floors.flatMap((folders, depth) => folders.map((folder) => {
  const above = floors.slice(0, depth).flat();
  return {
    files: [`src/${folder}/**/*.ts`],
    rules: {
      'no-restricted-imports': ['error', {
        patterns: above.length === 0 ? [] : [{ regex: `^\\.\\./(?:${above.join('|')})/`, message: `src/${folder} may import only from its own floor or from floors below` }],
      }],
    },
  };
}));

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/', 'data/*', '!data/report/', 'out/', 'wasm/'] },
  eslint.configs.recommended,
  ...tseslint.configs.strict,
  stylistic.configs.customize({ indent: 2, quotes: 'single', semi: true, braceStyle: '1tbs', arrowParens: true, commaDangle: 'always-multiline' }),
  {
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@stylistic/max-len': ['error', { code: 150, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreUrls: true, ignoreRegExpLiterals: true }],
      '@stylistic/max-statements-per-line': ['error', { max: 2 }],
      'eqeqeq': ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
    },
  },
  { files: ['src/**/*.ts'], rules: { '@typescript-eslint/no-explicit-any': 'error' } },
  { files: ['**/*.js', '**/*.mjs'], languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly', Buffer: 'readonly' } } },
  // The script of the report's page runs in a browser.
  {
    files: ['data/report/*.js'],
    languageOptions: {
      globals: Object.fromEntries([
        'window', 'document', 'localStorage', 'atob', 'Blob', 'Response', 'DecompressionStream', 'ImageData', 'IntersectionObserver',
        'HTMLInputElement', 'HTMLSelectElement',
      ].map((name) => [name, 'readonly'])),
    },
  },
  { files: ['bench/**', 'scripts/**'], rules: { 'no-console': 'off' } },
  ...floorRules,
);
