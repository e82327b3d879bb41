import type * as FastXml from 'fast-xml-parser';
import { messageOf, UserError } from '../../errors.js';
import { onDemand } from '../../on-demand.js';
import { printable } from '../../text/printable.js';

/** An element of an XML document. */
export interface XmlElement {
  /** In lower case, without namespace. */
  readonly name: string;
  readonly children: readonly XmlElement[];
  /** The text directly inside, with entities not decoded. */
  readonly text: string;
}

const library = onDemand<typeof FastXml>('fast-xml-parser');

let parser: FastXml.XMLParser | undefined;

/** The one parser of all documents. */
function xmlParser(): FastXml.XMLParser {
  return parser ??= new (library().XMLParser)({
    preserveOrder: true, ignoreAttributes: true, ignoreDeclaration: true, ignorePiTags: true, parseTagValue: false, processEntities: false,
    trimValues: false, removeNSPrefix: true, jPath: false, maxNestedTags: 100,
    // Names with a meaning in JavaScript (constructor, __proto__) are all in lower case.
    transformTagName: (name) => name.toUpperCase(),
  });
}

/** The parser's elements: an object with one key, which is the element's name or `#text`. */
type ParsedNode = Readonly<Record<string, readonly ParsedNode[] | string>>;

/**
 * Parses an XML document. Entities are never expanded, and documents that define some are refused.
 *
 * @param where its name for error messages
 * @returns its root element
 * @throws {UserError} with the document's name, if it is not well-formed, has two roots or is nested too deeply
 */
export function parseXml(bytes: Uint8Array, where: string): XmlElement {
  const text = decodeText(bytes);
  if (text.trim() === '') throw new UserError(`${where} is empty`, WRITE_AGAIN);
  const [start] = /\S/.exec(text)!;
  if (start !== '<') throw new UserError(`${where} is not XML: it starts with '${printable(text.trim(), 20)}'`, 'annotations in JSON, such as COCO\'s, are not supported: convert them to VOC\'s XML, or make a list of labels');
  if (/<!ENTITY/i.test(text)) throw new UserError(`${where} defines XML entities, which are not supported`, 'replace them with their text');
  const malformed = (reason: string, line?: number): UserError => (
    new UserError(`${where}${line === undefined ? '' : `:${line}`}: not well-formed XML: ${printable(reason, 200)}`, reason.includes('\'&\'') ? 'Write & as &amp;' : WRITE_AGAIN));
  let roots: XmlElement[];
  try {
    const valid = library().XMLValidator.validate(text);
    if (valid !== true) throw malformed(valid.err.msg, valid.err.line);
    roots = elementsOf(xmlParser().parse(text) as ParsedNode[]);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw malformed(messageOf(error));
  }
  if (roots.length !== 1) throw malformed(`it has ${roots.length} root elements (${roots.slice(0, 5).map(({ name }) => `<${name}>`).join(' ')})`);
  return roots[0];
}

const WRITE_AGAIN = 'Download or write the file again.';

function elementsOf(nodes: readonly ParsedNode[]): XmlElement[] {
  return nodes.flatMap((node) => {
    const [[name, content]] = Object.entries(node);
    if (typeof content === 'string') return [];
    return { name: name.toLowerCase(), children: elementsOf(content), text: content.map((child) => (typeof child['#text'] === 'string' ? child['#text'] : '')).join('') };
  });
}

/** The text of a document, decoded by its byte order mark or the encoding it declares, else as UTF-8. */
function decodeText(bytes: Uint8Array): string {
  const [a, b] = bytes;
  if ((a === 0xff && b === 0xfe) || (a === 0x3c && b === 0)) return new TextDecoder('utf-16le').decode(bytes);
  if ((a === 0xfe && b === 0xff) || (a === 0 && b === 0x3c)) return new TextDecoder('utf-16be').decode(bytes);
  const declared = /^\s*<\?xml[^>]*\sencoding\s*=\s*["']([\w.-]+)["']/.exec(Buffer.from(bytes.subarray(0, 200)).toString('latin1'))?.[1];
  // A declaration that can be read byte by byte is not in UTF-16, whatever it says.
  return new TextDecoder(declared !== undefined && !/^(?:utf|ucs)-?16/i.test(declared) && isEncoding(declared) ? declared : 'utf-8').decode(bytes);
}

function isEncoding(name: string): boolean {
  try {
    new TextDecoder(name);
    return true;
  } catch {
    return false;
  }
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: '\'' };

/**
 * Decodes XML's own entities in a text: `&amp;`, `&#38;` and so on.
 *
 * @throws {UserError} for other entities
 */
export function decodeEntities(text: string, where: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w+));/g, (whole, decimal: string | undefined, hexadecimal: string | undefined, name: string | undefined) => {
    const code = decimal !== undefined ? Number(decimal) : hexadecimal !== undefined ? parseInt(hexadecimal, 16) : undefined;
    if (code !== undefined && code <= 0x10ffff) return String.fromCodePoint(code);
    if (name === undefined || !Object.hasOwn(entities, name)) throw new UserError(`${where} refers to ${printable(whole)}, which is not one of XML's own entities`, 'replace it with its text');
    return entities[name];
  });
}
