import { open } from 'node:fs/promises';
import { Composer, isAlias, isMap, isScalar, isSeq, LineCounter, Parser, visit } from 'yaml';
import type { CST, Document, Node } from 'yaml';
import { messageOf, UserError } from '../../errors.js';
import { limitOf, requireWithin } from '../../limits.js';
import type { Path } from './issues.js';

/** The settings in a file. */
export interface SettingsFile {
  /** The file's content as plain data; `undefined` for an empty file. */
  readonly value: unknown;
  /** The line of a setting, counted from 1, or of its parent if the setting is missing. */
  readonly lineOf: (path: Path) => number | undefined;
}

/**
 * Reads a settings file in YAML or JSON (which is also YAML).
 *
 * @returns `undefined` if there is no such file
 * @throws UserError with file and line if it cannot be read, is too large, or is not YAML
 */
export async function readSettingsFile(path: string): Promise<SettingsFile | undefined> {
  const text = await readText(path);
  return text === undefined ? undefined : parseSettings(text, path);
}

async function readText(path: string): Promise<string | undefined> {
  let bytes: Buffer;
  try {
    const file = await open(path, 'r');
    try {
      const entry = await file.stat();
      if (entry.isDirectory()) throw new UserError(`${path} is a folder`, 'give a settings file in YAML');
      requireWithin('configBytes', entry.size, `${path} has ${entry.size} bytes`);
      bytes = await readAtMost(file.createReadStream({ autoClose: false }), path);
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot read ${path}: ${messageOf(error)}`, undefined, { cause: error });
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (!text.includes('\0')) return text;
  } catch {
    // Reported below.
  }
  throw new UserError(`${path} is not UTF-8 text`, 'write settings in YAML, one "name: value" per line');
}

/** The size of a pipe's content is only known after reading it. */
async function readAtMost(stream: AsyncIterable<Buffer>, path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > limitOf('configBytes')) requireWithin('configBytes', length, `${path} has ${length} bytes or more`);
  }
  return Buffer.concat(chunks);
}

/**
 * Reads settings from text.
 *
 * @param path for messages
 * @throws UserError with file and line if it is not YAML
 */
export function parseSettings(text: string, path: string): SettingsFile {
  const lines = new LineCounter();
  const fail = (message: string, offset: number | undefined): never => {
    const line = offset === undefined ? undefined : lines.linePos(offset).line;
    throw new UserError(`${path}${line === undefined || line === 0 ? '' : `:${line}`}: ${message}`);
  };
  try {
    const tokens = [...new Parser(lines.addNewLine).parse(text)];
    // What follows is recursive.
    if (isDeeperThan(MAX_DEPTH, tokens)) fail(`lists and settings are nested more than ${MAX_DEPTH} levels deep`, undefined);
    const [document, second] = new Composer({ prettyErrors: false, stringKeys: true, uniqueKeys: false }).compose(tokens, true, text.length);
    const [error] = [...document.errors, ...document.warnings];
    if (error !== undefined) fail(explain(error.code, error.message), error.pos[0]);
    if (second !== undefined) fail('a second document starts here (---), but settings must be one document', second.range[0]);
    visit(document, {
      Map: (_, { items }) => {
        const seen = new Set<string>();
        for (const { key } of items) {
          if (!isScalar(key)) continue;
          const name = String(key.value);
          if (name === '__proto__') fail('there is no setting \'__proto__\'', key.range?.[0]);
          // The library can check this too, but in quadratic time.
          if (seen.has(name)) fail(`'${name}' is given twice`, key.range?.[0]);
          seen.add(name);
        }
      },
    });
    // The library refuses aliases that expand to very much.
    return { value: document.toJS() as unknown, lineOf: (path) => lineIn(document, lines, path) };
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof ReferenceError) return fail('its aliases (*name) expand to too much', undefined);
    return fail(messageOf(error).split('\n')[0], undefined);
  }
}

/** Far deeper than any real settings. */
const MAX_DEPTH = 100;

function isDeeperThan(most: number, tokens: readonly CST.Token[]): boolean {
  let level = [...tokens];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > most) return true;
    level = level.flatMap(partsOf);
  }
  return false;
}

/** The tokens directly inside a token. */
function partsOf(token: CST.Token): CST.Token[] {
  if (token.type === 'document') return token.value === undefined ? [] : [token.value];
  if (!('items' in token)) return [];
  return token.items.flatMap(({ key, value }) => [key, value].filter((part) => part !== undefined && part !== null));
}

function explain(code: string, message: string): string {
  switch (code) {
    case 'TAB_AS_INDENT': return 'the line is indented with a tab, but YAML only allows spaces';
    default: return `this is not YAML: ${message.split('\n')[0]}`;
  }
}

function lineIn(document: Document, lines: LineCounter, path: Path): number | undefined {
  let node = document.contents as Node | null | undefined;
  let offset: number | undefined;
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
      if (pair === undefined) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value as Node | null;
    } else if (isSeq(node) && typeof part === 'number' && part < node.items.length) {
      node = node.items[part] as Node | null;
      offset = node?.range?.[0] ?? offset;
    } else {
      break;
    }
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}
