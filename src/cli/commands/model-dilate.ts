import { resolve } from 'node:path';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { MODEL_SPEC_KEY, mergeSpecs, requireSpec, specSources } from '../../classifier/spec.js';
import { naming, UserError } from '../../errors.js';
import type { WindowChange } from '../../classifier/dilate/dilate.js';
import { dilation } from '../../classifier/dilate/dilate.js';
import { strideAliases } from '../../classifier/layers.js';
import { describeOutputs, NetworkGraph } from '../../classifier/network.js';
import { readModel } from '../../onnx/file/read.js';
import { writeModel } from '../../onnx/file/write.js';
import { EXIT } from '../exit-codes.js';
import { sayNetworkNotes } from '../text/model-notes.js';
import type { ModelFlags } from '../options/model-options.js';
import { GROUPS } from '../options/groups.js';
import { addModelOptions, specOfFlags } from '../options/model-options.js';

interface DilateFlags extends ModelFlags {
  outputStride?: number;
  out?: string;
  json?: boolean;
}

/** `voc-seeds model dilate` */
export function registerDilate(model: Command, done: (code: number) => void): void {
  const command = model.command('dilate').argument('<file>', 'an ONNX model')
    .description('Make a network\'s feature maps finer without changing its weights: remove its last strides and dilate the windows after them.')
    .option('--output-stride <n>', 'pixels per cell of its deepest feature maps: 16 or 8 instead of 32', parseStride)
    .option('--out <file>', 'the new model');
  addModelOptions(command)
    .optionsGroup(GROUPS.output)
    .option('--json', 'print the changes as JSON')
    .addHelpText('after', `
The specification of a sidecar file or of flags is written into the metadata of the new model.

In the new model no layer has a larger stride, and all deep layers have the new one. With --output-stride 16, /16 is the output
of the last stage, which was /32 (in a few networks without ReLU an earlier layer). The former /16 still exists: this command
prints its tensor name, and 'model inspect --all-layers' lists all. Choose the layers of other commands with --layers, because
their defaults include /32.

Examples:
  voc-seeds model dilate classifier.onnx --output-stride 16 --out classifier_s16.onnx
  voc-seeds cam photo.jpg --class dog --model classifier_s16.onnx --layers /16
`)
    .action(async (file: string, flags: DilateFlags) => {
      const report = await dilateFile(file, flags);
      process.stdout.write(flags.json === true ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
      done(EXIT.ok);
    });
}

function parseStride(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('Expected a whole number of pixels, for instance 16.');
  return Number(text);
}

type DilateReport = Awaited<ReturnType<typeof dilateFile>>;

async function dilateFile(file: string, flags: DilateFlags) {
  const { outputStride, out } = flags;
  if (outputStride === undefined) throw new UserError('the output stride is missing', 'set it with --output-stride, for instance 16');
  if (out === undefined) throw new UserError('the output file is missing', 'set it with --out FILE');
  if (resolve(file) === resolve(out)) throw new UserError(`--out is the model itself, ${file}`, 'write another file: the strides cannot be restored');
  const model = await readModel(file);
  const sources = await specSources(model, file, await specOfFlags(flags));
  const merged = mergeSpecs(sources);
  const outputs = model.graph.outputs.map(({ name }) => name);
  const named = merged.logits ?? (outputs.length === 1 ? outputs[0] : requireSpec(merged, file, ['logits'], describeOutputs(model.graph)).logits);
  const before = naming(file, () => new NetworkGraph(model, named, merged.inputSize));
  sayNetworkNotes(file, before);
  const { target } = before;
  const spec = merged.logits === undefined ? merged : { ...merged, logits: target };
  const { model: dilated, changes, strideBefore } = dilation(before, outputStride);
  const more = spec.logits !== merged.logits || [sources.sidecar, sources.flags].some((part) => Object.keys(part).length > 0);
  const result = more ? { ...dilated, metadata: new Map([...dilated.metadata, [MODEL_SPEC_KEY, JSON.stringify(spec)]]) } : dilated;
  await writeModel(out, result);
  const after = new NetworkGraph(result, target, spec.inputSize);
  const aliases = (network: NetworkGraph) => Object.fromEntries([...strideAliases(network.layers)].map(([alias, { name }]) => [alias, name]));
  return {
    file: out, outputStride: { before: strideBefore, after: outputStride }, changes,
    /** The tensor of each stride alias. */
    layers: { before: aliases(before), after: aliases(after) },
  };
}

function describe({ file, outputStride, changes, layers }: DilateReport): string {
  const alias = `/${outputStride.after}`;
  const width = Math.max(...changes.map(({ tensor }) => tensor.length));
  const moved = Object.entries(layers.before).filter(([former]) => Number(former.slice(1)) >= outputStride.after);
  const lines = [
    `${file}: output stride ${outputStride.before} -> ${outputStride.after}, ${changes.length} ${changes.length === 1 ? 'window' : 'windows'} changed`,
    ...changes.map((change) => `  ${change.op.padEnd(11)} ${change.tensor.padEnd(width)}  ${describeChange(change)}`),
    `feature layers now at stride ${outputStride.after}, with their former aliases:`,
    ...moved.map(([former, name]) => `  ${former.padEnd(5)} ${name}${name === layers.after[alias] ? `, now ${alias}` : ''}`),
  ];
  return `${lines.join('\n')}\n`;
}

function describeChange({ strides, dilations, pads }: WindowChange): string {
  const change = (what: string, { before, after }: WindowChange['strides']): string[] => (
    before.join() === after.join() ? [] : [`${what} ${pair(before)} -> ${pair(after)}`]);
  return [...change('stride', strides), ...change('dilation', dilations), `padding ${pads.every((pad) => pad === pads[0]) ? pads[0] : pads.join(',')}`].join(', ');
}

function pair([vertical, horizontal]: readonly number[]): string {
  return vertical === horizontal ? String(vertical) : `${vertical}x${horizontal}`;
}
