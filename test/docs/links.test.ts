import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repository } from '../helpers.js';

const read = (path: string): string => readFileSync(path, 'utf8');

/** Every page but those that are generated for the site. */
const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'].map((name) => join(repository, name)),
  ...readdirSync(join(repository, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !/^(?:api|\.vitepress)[\\/]/.test(name)).map((name) => join(repository, 'docs', name)),
];

/** Markdown without its code. */
const withoutCode = (text: string): string => text.replace(/^ *(```+)[^]*?^ *\1/gm, '').replace(/`[^`\n]*`/g, '');

/** What a page links to: links, pictures, and those of a page's front matter. */
function targets(text: string): string[] {
  const inline = [...withoutCode(text).matchAll(/\]\(([^()\s]+)\)/g)];
  const frontMatter = /^---\n([^]*?)\n---\n/.exec(text)?.[1] ?? '';
  return [...inline, ...frontMatter.matchAll(/^\s*(?:link|src): (\S+)$/gm)].map(([, target]) => target);
}

/** The anchors of a page's headings. GitHub and VitePress make them in different ways; a link must use one that both make. */
function anchors(text: string): Set<string> {
  const headings = [...text.replace(/^ *(```+)[^]*?^ *\1/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading.replace(/[`*]/g, ''));
  const github = headings.map((heading) => heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-'));
  const vitepress = headings.map((heading) => heading.toLowerCase().replace(/[^\p{L}\p{N}_]+/gu, '-').replace(/^-|-$/g, ''));
  return new Set(github.filter((anchor, i) => anchor === vitepress[i]));
}

/** The file that a link leads to, if it is one of ours. Links of a front matter begin at docs/ and have no ending. */
function fileOf(page: string, path: string): string {
  if (path === '') return page;
  if (!path.startsWith('/')) return resolve(dirname(page), path);
  return join(repository, 'docs', /\.\w+$/.test(path) ? path : `${path}.md`);
}

describe('the documentation', () => {
  it.each(pages.map((page) => [relative(repository, page), page]))('%s has no dead link', (_, page) => {
    const text = read(page);
    const dead = targets(text).filter((target) => {
      if (/^https?:/.test(target)) return false;
      const [path, anchor] = target.split('#');
      const file = fileOf(page, path);
      return !existsSync(file) || (anchor !== undefined && !anchors(read(file)).has(anchor));
    });
    expect(dead).toEqual([]);
  });

  it('is linked from the sidebar of the site', () => {
    const sidebar = read(join(repository, 'docs/.vitepress/config.mjs'));
    const unlinked = pages.map((page) => relative(join(repository, 'docs'), page)).filter((name) => !name.startsWith('..') && name !== 'index.md')
      .filter((name) => !sidebar.includes(`'${name.slice(0, -3)}'`));
    expect(unlinked).toEqual([]);
  });
});

describe('README.md', () => {
  const readme = read(join(repository, 'README.md'));

  it('has at most 900 words', () => {
    expect(readme.trim().split(/\s+/).length).toBeLessThanOrEqual(900);
  });

  it('links only to what the package holds', () => {
    const { files } = JSON.parse(read(join(repository, 'package.json'))) as { files: string[] };
    const shipped = files.map((glob) => new RegExp(`^${glob.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}(?:/|$)`));
    const local = targets(readme).filter((target) => !/^https?:/.test(target)).map((target) => target.split('#')[0]);
    expect(local.filter((path) => !shipped.some((glob) => glob.test(path)))).toEqual([]);
  });
});
