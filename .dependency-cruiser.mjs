// The floors of src/, top floor first. A file imports from its own folder and from floors below, and nothing imports in a circle.
// A folder of src/ that is not listed here is an error.
const floors = [
  ['index.ts', 'entries'],
  ['cli'],
  ['report/measures'],
  ['faithfulness'],
  ['ablate'],
  ['localize'],
  ['variants'],
  ['export'],
  ['report/client'],
  ['report/run'],
  ['prototypes'],
  ['train'],
  ['import'],
  ['pipeline'],
  ['settings'],
  ['student'],
  ['seeds'],
  ['maps'],
  ['cam'],
  ['classifier'],
  ['report/charts'],
  ['metrics'],
  ['autodiff'],
  ['runtime'],
  ['datasets'],
  ['image'],
  ['formats'],
  ['onnx'],
  ['kernels'],
  ['jobs'],
  ['errors.ts', 'limits.ts', 'ndarray.ts', 'on-demand.ts', 'package.ts', 'random.ts', 'setting.ts', 'size.ts', 'text'],
];

const pathOf = (names) => `^src/(?:${names.map((name) => (name.endsWith('.ts') ? `${name.replace('.', '\\.')}$` : `${name}/`)).join('|')})`;

export default {
  forbidden: [
    {
      name: 'no-circles', severity: 'error', comment: 'two files that need each other are one file, or need a third',
      from: {}, to: { circular: true },
    },
    ...floors.slice(1).map((floor, i) => ({
      name: `floor-of-${floor[floor.length - 1]}`, severity: 'error', comment: `src/${floor.join(', ')} may import only from floors below`,
      from: { path: pathOf(floor) }, to: { path: pathOf(floors.slice(0, i + 1).flat()) },
    })),
    {
      name: 'known-floor', severity: 'error', comment: 'every folder of src/ has a floor in .dependency-cruiser.mjs',
      from: {}, to: { path: '^src/', pathNot: pathOf(floors.flat()) },
    },
    {
      name: 'page-alone', severity: 'error', comment: 'the script of the report\'s page runs in a browser: it may import only types from the rest of src/',
      from: { path: '^src/report/client/' }, to: { pathNot: '^src/report/client/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-page-in-node', severity: 'error', comment: 'src/report/client/ is no part of the Node build',
      from: { path: '^src/', pathNot: '^src/report/client/' }, to: { path: '^src/report/client/' },
    },
    {
      name: 'not-from-tests', severity: 'error', comment: 'src/ knows nothing of tests and benchmarks',
      from: { path: '^src/' }, to: { path: '^(?:test|bench|scripts)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    // Imports of types count as well.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};
