// The site of the documentation: npm run docs:build writes it to out/docs.
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';

const api = fileURLToPath(new URL('../api', import.meta.url));

const page = (link, text) => ({ text, link: `/${link}` });
const commands = ['generate', 'eval', 'merge', 'ablate', 'localize', 'faithfulness', 'report', 'export', 'cam', 'pipeline', 'train', 'prototypes', 'labels', 'model', 'doctor', 'config'];

/** The pages of a folder of the API reference, and of the folders in it, by their names. */
function apiPages(folder) {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => name !== 'index.md');
  return entries.map((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return { text: entry.name.replaceAll('-', ' '), collapsed: true, items: apiPages(path) };
    return page(`api${path.slice(api.length, -'.md'.length)}`, entry.name.slice(0, -'.md'.length));
  });
}

const guide = [
  {
    text: 'Guide',
    items: [
      page('getting-started', 'Getting started'),
      page('data', 'Data'),
      page('class-sets', 'Class sets'),
      page('maps', 'Layers, methods and maps'),
      page('refinement', 'Refinement'),
      page('seeds', 'From maps to seeds'),
      page('student', 'Students'),
      page('next-steps', 'Next steps: training with seeds'),
      page('presets', 'Presets and settings files'),
      page('parallel', 'Parallel and distributed runs'),
      page('defects', 'An example: defects'),
      page('library', 'Use as a library'),
    ],
  },
  {
    text: 'Classifiers',
    items: [
      page('models', 'Models, and what the file must say'),
      page('import', 'Importing trained weights'),
      page('training', 'What training brings'),
      page('cam-program', 'The CAM program as a file'),
      page('runtimes', 'Runtimes and devices'),
    ],
  },
  {
    text: 'Results',
    items: [
      page('results', 'Results'),
      page('ablation', 'Ablations'),
      page('reproduction', 'The LayerCAM paper\'s experiments'),
      page('speed', 'Speed'),
      page('conformance', 'Conformance with PyTorch'),
    ],
  },
  {
    text: 'Commands',
    items: commands.map((command) => page(command, command)),
  },
  {
    text: 'Reference',
    items: [
      ...(existsSync(fileURLToPath(new URL('../reference/settings.md', import.meta.url))) ? [page('reference/settings', 'Settings')] : []),
      page('api/', 'API'),
    ],
  },
  {
    text: 'About',
    items: [
      page('architecture', 'Architecture'),
      page('privacy', 'Privacy and hostile files'),
      page('credits', 'Credits'),
    ],
  },
];

export default defineConfig({
  title: 'voc-seeds',
  description: 'Segmentation pseudo-labels from image-level labels, in Node.js',
  outDir: '../out/docs',
  cacheDir: '../out/docs-cache',
  // Help texts are 80 columns wide.
  head: [['style', {}, '.vp-doc .language-text code { font-size: 0.75rem; }']],
  themeConfig: {
    nav: [page('getting-started', 'Guide'), page('generate', 'Commands'), page('api/', 'API')],
    sidebar: {
      '/': guide,
      '/api/': [{ text: 'API reference', link: '/api/', items: apiPages(api) }],
    },
    outline: [2, 3],
    search: { provider: 'local' },
  },
});
