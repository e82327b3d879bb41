import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { repository } from '../helpers.js';

interface Manifest {
  name: string;
  bin: Record<string, string>;
  main: string;
  types: string;
  exports: Record<string, unknown>;
  sideEffects: string[];
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  allowScripts: Record<string, boolean>;
}

const read = (name: string): unknown => JSON.parse(readFileSync(resolve(repository, name), 'utf8'));
const manifest = read('package.json') as Manifest;
const lock = (read('package-lock.json') as { packages: Record<string, { hasInstallScript?: boolean } & Partial<Manifest>> }).packages;

describe('what npm ci does', () => {
  // The script of onnxruntime-node fetches CUDA's library from elsewhere and fails without it. npm runs the scripts that the
  // lock file tells of; from npm 11 on, allowScripts decides. A setting in .npmrc would be "unknown project config" to npm 11.
  // npm may write the mark again when it updates the package: take it out again.
  it('runs no script of onnxruntime-node', () => {
    expect(lock['node_modules/onnxruntime-node']).not.toHaveProperty('hasInstallScript');
    expect(manifest.allowScripts['onnxruntime-node']).toBe(false);
  });

  it('leaves no other script of a package undecided', () => {
    const scripted = Object.keys(lock).filter((path) => path !== '' && lock[path].hasInstallScript === true);
    for (const path of scripted) expect(manifest.allowScripts, path).toHaveProperty([path.replace(/^.*node_modules\//, '')]);
  });

  it('has a lock file of the same dependencies', () => {
    expect(lock['']).toMatchObject({ dependencies: manifest.dependencies, optionalDependencies: manifest.optionalDependencies });
  });
});

describe('package.json', () => {
  it('names files that are there', () => {
    const files = [manifest.main, manifest.types, ...Object.values(manifest.bin), ...Object.values(manifest.exports['.'] as Record<string, string>)];
    for (const file of files) expect(existsSync(resolve(repository, file)), file).toBe(true);
    expect(manifest.exports['./package.json']).toBe('./package.json');
  });

  it('lists the modules whose import alone does something as having side effects', () => {
    const patterns = manifest.sideEffects.map((glob) => new RegExp(`^${glob.replaceAll('.', '\\.').replaceAll('*', '[^/]*').replaceAll('[^/]*[^/]*/', '(?:.*/)?')}$`));
    const listed = (module: string): boolean => patterns.some((pattern) => pattern.test(`./dist/${module.replace(/ts$/, 'js')}`));
    const modules = readdirSync(resolve(repository, 'src'), { recursive: true, encoding: 'utf8' }).map((module) => module.replaceAll('\\', '/'));
    const acting = modules.filter((module) => module.endsWith('.ts') && acts(readFileSync(resolve(repository, 'src', module), 'utf8')));
    expect(acting).toContain('pipeline/seed-worker.ts');
    expect(acting.filter((module) => !listed(module))).toEqual([]);
  });
});

/** Whether a module has calls or assignments at its top level, waits there, or imports another for its effects. */
function acts(source: string): boolean {
  return ts.createSourceFile('module.ts', source, ts.ScriptTarget.Latest).statements.some((statement) => {
    if (ts.isImportDeclaration(statement)) return statement.importClause === undefined;
    return ts.isExpressionStatement(statement) || ts.isIfStatement(statement) || ts.isTryStatement(statement);
  });
}
