import type { Command } from 'commander';
import { needsNoRule } from '../autodiff/backward.js';
import { gradientRules } from '../autodiff/rules/index.js';
import { ClassifierGraph } from '../cam/classifier.js';
import type { ModelSpec } from '../config/model-spec.js';
import { MODEL_SPEC_KEY, mergeSpecs, modelSpecSchema, readSidecar, specOfMetadata } from '../config/model-spec.js';
import { messageOf, UserError } from '../errors.js';
import { imagePath } from '../onnx/image-path.js';
import { strideAliases } from '../onnx/layers.js';
import type { FeatureLayer } from '../onnx/layers.js';
import { annotateModel } from '../onnx/metadata.js';
import type { OnnxModel, OnnxNode, OnnxValueInfo } from '../onnx/model.js';
import { readModel } from '../onnx/read.js';
import type { Size } from '../onnx/shapes.js';
import { dataTypeName } from '../onnx/tensor.js';
import { EXIT } from './exit-codes.js';
import type { CommandRegistrar } from './main.js';
import { registerDilate } from './model-dilate.js';
import { registerImport } from './model-import.js';
import { addModelOptions, specOfFlags } from './model-options.js';
import type { ModelFlags } from './model-options.js';

/** `voc-seeds model inspect|annotate|dilate|import` */
export const registerModel: CommandRegistrar = (program, done) => {
  const model = program.command('model').description('Look into an ONNX classifier, write down what its file does not say, make its feature maps finer, or make one of trained weights.');
  registerInspect(model, done);
  registerAnnotate(model, done);
  registerDilate(model, done);
  registerImport(model, done);
};

interface InspectFlags extends ModelFlags {
  allLayers?: boolean;
  json?: boolean;
}

function registerInspect(model: Command, done: (code: number) => void): void {
  const command = model.command('inspect').argument('<file>', 'an ONNX model')
    .description('List inputs, outputs, feature layers, operators and whether each has a gradient rule, preprocessing and classes.');
  addModelOptions(command)
    .option('--all-layers', 'list every feature map, not only the one of each stride')
    .option('--json', 'print it as JSON')
    .addHelpText('after', '\nExample:\n  voc-seeds model inspect classifier.onnx\n')
    .action(async (file: string, flags: InspectFlags) => {
      const report = await inspect(file, flags);
      process.stdout.write(flags.json === true ? `${JSON.stringify(report, null, 2)}\n` : describe(report, flags.allLayers === true));
      done(EXIT.ok);
    });
}

type InspectReport = Awaited<ReturnType<typeof inspect>>;

async function inspect(file: string, flags: ModelFlags) {
  const model = await readModel(file);
  const spec = mergeSpecs({ metadata: specOfMetadata(model, file), sidecar: await readSidecar(file), flags: await specOfFlags(flags) });
  const counts = new Map<string, number>();
  for (const node of model.graph.nodes) counts.set(operatorName(node), (counts.get(operatorName(node)) ?? 0) + 1);
  // Without a declared tensor of logits the layers are those on the way to the first output: a listing, not a decision.
  const target = spec.logits ?? model.graph.outputs[0]?.name ?? '';
  const { layers, classCount, inputSize, onPath, problem } = layersOf(() => new ClassifierGraph(model, target, spec.inputSize, spec.tokens));
  const aliases = new Map([...strideAliases(layers)].map(([alias, layer]) => [layer.name, alias]));
  return {
    file,
    producer: model.producer, opset: model.opset,
    inputs: model.graph.inputs.map(describeValue), outputs: model.graph.outputs.map(describeValue),
    parameters: [...model.graph.initializers.values()].reduce((sum, tensor) => sum + tensor.size, 0),
    operators: [...counts].sort((a, b) => b[1] - a[1])
      .map(([name, count]) => ({ name, count, gradient: gradientRules.has(name) || needsNoRule(name) || onPath?.has(name) === false })),
    layers: layers.map((layer) => ({ ...layer, alias: aliases.get(layer.name) })),
    problem,
    /** The number of logits. */
    classCount,
    /** The only size that the network works at. */
    inputSize,
    spec,
    missing: Object.keys(modelSpecSchema.shape).filter((part) => !optionalParts.has(part) && spec[part as keyof ModelSpec] === undefined),
  };
}

const optionalParts = new Set(['inputSize', 'tokens', 'untrained']);

interface LayerReport {
  layers: ClassifierGraph['layers'];
  classCount?: number;
  inputSize?: { readonly size: Size; readonly declared: boolean };
  /** The operators that carry the image. */
  onPath?: ReadonlySet<string>;
  problem?: string;
}

function operatorName({ op, domain }: OnnxNode): string {
  return domain === '' ? op : `${domain}.${op}`;
}

function layersOf(make: () => ClassifierGraph): LayerReport {
  try {
    const { model, logits, layers, classCount, input: { name, fixedSize }, sizeFound } = make();
    const onPath = new Set(imagePath(model.graph, name, logits).nodes.map(operatorName));
    return { layers, classCount, onPath, inputSize: fixedSize && { size: fixedSize, declared: !sizeFound } };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { layers: [], problem: error.hint === undefined ? error.message : `${error.message} (${error.hint})` };
  }
}

function describeValue({ name, type, shape }: OnnxValueInfo): string {
  return `${name}: ${dataTypeName(type)} [${shape?.map((dim) => dim ?? '?').join(', ') ?? '?'}]`;
}

function describe(report: InspectReport, allLayers: boolean): string {
  const { spec } = report;
  const known = (value: unknown): string => (value === undefined ? 'not told' : Array.isArray(value) ? value.join(', ') : String(value));
  const names = spec.classes === undefined ? 'not told' : `${spec.classes.length}: ${spec.classes.slice(0, 6).join(', ')}${spec.classes.length > 6 ? ', ...' : ''}`;
  const clash = spec.classes !== undefined && report.classCount !== undefined && spec.classes.length !== report.classCount;
  const shown = report.layers.filter(({ alias }) => allLayers || alias !== undefined);
  const width = Math.max(0, ...shown.map(({ name }) => name.length));
  const lines = [
    `${report.file}: operator set ${report.opset}, ${(report.parameters / 1e6).toFixed(2)} million parameters${report.producer === '' ? '' : `, by ${report.producer}`}`,
    `inputs   ${report.inputs.join('; ')}`,
    `outputs  ${report.outputs.join('; ')}`,
    ...report.inputSize === undefined
      ? []
      : [`size     ${report.inputSize.size.join('x')} only${report.inputSize.declared ? '' : ': the file declares a free size, but the network works at no other'}`],
    '',
    `preprocessing  (pixel * scale - mean) / std: order ${known(spec.channelOrder)}, scale ${known(spec.scale)}, mean ${known(spec.mean)}, std ${known(spec.std)}`,
    `logits         ${known(spec.logits)}`,
    `classes        ${names}${clash ? `; WRONG: the model has ${report.classCount} logits` : ''}`,
    ...(spec.untrained === true ? ['head           UNTRAINED: its weights are random; train it with \'voc-seeds train --backbone\''] : []),
    ...(report.missing.length > 0 ? [`not told: ${report.missing.join(', ')}; write them into the model with 'voc-seeds model annotate'`] : []),
    '',
    ...(report.problem === undefined ? [] : [`layers cannot be listed: ${report.problem}`]),
    'feature layers (alias, tensor, channels, stride):',
    ...shown.map((layer) => `  ${(layer.alias ?? '').padEnd(5)} ${layer.name.padEnd(width)} ${String(layer.channels).padStart(5)} channels, stride ${layer.stride}${arrangementOf(layer)}${layer.rectified ? '' : ', not rectified'}${layer.cut ? '' : ', on a branch'}`),
    '',
    'operators (a gradient rule?):',
    ...report.operators.map(({ name, count, gradient }) => `  ${name.padEnd(24)} x${String(count).padEnd(4)} ${gradient ? 'yes' : 'NO: layers below it cannot be used'}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** What there is to say where a layer is no [N, C, h, w]. */
function arrangementOf({ arrangement }: Pick<FeatureLayer, 'arrangement'>): string {
  switch (arrangement.kind) {
    case 'channels-first': return '';
    case 'channels-last': return ', channels last';
    case 'tokens': return `, tokens ${arrangement.grid.join('x')}${arrangement.first > 0 ? ` behind ${arrangement.first}` : ''}`;
  }
}

interface AnnotateFlags extends ModelFlags {
  out?: string;
  json?: boolean;
}

function registerAnnotate(model: Command, done: (code: number) => void): void {
  const command = model.command('annotate').argument('<file>', 'an ONNX model')
    .description('Write preprocessing, class names and the tensor of logits into a model\'s metadata; all else stays byte for byte.')
    .option('--out <file>', 'write another file in place of changing this one');
  addModelOptions(command)
    .option('--json', 'print the resulting specification as JSON')
    .addHelpText('after', `
Example:
  voc-seeds model annotate mobilenet.onnx --out annotated.onnx --logits logits --preprocess tensorflow --classes labels.txt
`)
    .action(async (file: string, flags: AnnotateFlags) => {
      const parsed = await readModel(file);
      const given = await specOfFlags(flags);
      if (Object.keys(given).length === 0) throw new UserError('nothing to write: no flag says anything about the model', 'give for instance --logits, --preprocess or --classes');
      const spec = { ...knownSpec(parsed, file), ...given };
      if (spec.logits !== undefined) {
        const graph = new ClassifierGraph(parsed, spec.logits, spec.inputSize, spec.tokens);
        if (spec.classes !== undefined) graph.requireClasses(spec.classes, file);
      }
      const target = flags.out ?? file;
      await annotateModel(file, target, new Map([[MODEL_SPEC_KEY, JSON.stringify(spec)]]));
      process.stdout.write(flags.json === true ? `${JSON.stringify(spec, null, 2)}\n` : `${target}: wrote ${Object.keys(given).join(', ')}\n`);
      done(EXIT.ok);
    });
}

/** What the metadata says. Broken metadata is replaced: this command is the way to mend it. */
function knownSpec(model: OnnxModel, file: string): Partial<ModelSpec> {
  try {
    return specOfMetadata(model, file);
  } catch (error) {
    process.stderr.write(`replaced: ${messageOf(error)}\n`);
    return {};
  }
}
