import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { needsNoRule } from '../../autodiff/backward.js';
import { gradientRules } from '../../autodiff/rules/index.js';
import { ClassifierGraph } from '../../classifier/classifier.js';
import { unusableLayers } from '../../classifier/usable-layers.js';
import type { ModelSpec } from '../../classifier/spec.js';
import { MODEL_SPEC_KEY, mergeSpecs, modelSpecSchema, readSidecar, specOfMetadata } from '../../classifier/spec.js';
import { messageOf, naming, UserError } from '../../errors.js';
import { forwardPath } from '../../classifier/forward-path.js';
import { strideAliases } from '../../classifier/layers.js';
import type { FeatureLayer } from '../../classifier/layers.js';
import { annotateModel } from '../../onnx/file/metadata.js';
import type { OnnxModel } from '../../onnx/model.js';
import { operatorName } from '../../onnx/model.js';
import { readModel } from '../../onnx/file/read.js';
import type { Size } from '../../size.js';
import { writeModel } from '../../onnx/file/write.js';
import { EXIT } from '../exit-codes.js';
import type { CommandRegistrar } from '../command.js';
import { registerCamProgram } from './model-cam-program.js';
import { registerDilate } from './model-dilate.js';
import { registerImport } from './model-import.js';
import { describeValue } from '../text/describe-value.js';
import { sayNetworkNotes } from '../text/model-notes.js';
import { GROUPS } from '../options/groups.js';
import { addModelOptions, classSetOption, specOfFlags } from '../options/model-options.js';
import type { ModelFlags } from '../options/model-options.js';
import { SUMMARIES } from './summaries.js';

/** `voc-seeds model inspect|annotate|dilate|cam-program|import` */
export const registerModel: CommandRegistrar = (program, done) => {
  const model = program.command('model').description(SUMMARIES.model);
  registerInspect(model, done);
  registerAnnotate(model, done);
  registerDilate(model, done);
  registerCamProgram(model, done);
  registerImport(model, done);
};

interface InspectFlags extends ModelFlags {
  allLayers?: boolean;
  json?: boolean;
}

function registerInspect(model: Command, done: (code: number) => void): void {
  const command = model.command('inspect').argument('<file>', 'an ONNX model')
    .description('List inputs, outputs, feature layers, preprocessing, classes, and operators with and without a gradient rule.');
  addModelOptions(command)
    .optionsGroup(GROUPS.output)
    .option('--all-layers', 'list every feature map, not only the one of each stride')
    .option('--json', 'print the result as JSON')
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
  // If the logits are unknown, the layers on the path to the first output are listed.
  const target = spec.logits ?? model.graph.outputs[0]?.name ?? '';
  const { layers, unusable, classCount, inputSize, declaredBatch, activation, onPath, problem } = (
    layersOf(() => new ClassifierGraph(model, target, spec.inputSize, spec.tokens)));
  const aliases = new Map([...strideAliases(layers)].map(([alias, layer]) => [layer.name, alias]));
  return {
    file,
    producer: model.producer, opset: model.opset,
    inputs: model.graph.inputs.map(describeValue), outputs: model.graph.outputs.map(describeValue),
    parameters: [...model.graph.initializers.values()].reduce((sum, tensor) => sum + tensor.size, 0),
    operators: [...counts].sort((a, b) => b[1] - a[1])
      .map(([name, count]) => ({ name, count, gradient: gradientRules.has(name) || needsNoRule(name) || onPath?.has(name) === false })),
    /** `unusable`: why methods with gradients cannot be used at the layer. */
    layers: layers.map((layer) => ({ ...layer, alias: aliases.get(layer.name), unusable: unusable?.get(layer.name) })),
    problem,
    /** The activation function after the logits, and the tensor before it, which is used. */
    activation,
    /** The batch size that the file declares, if it is more than one. Other batch sizes work too. */
    declaredBatch,
    /** The number of logits. */
    classCount,
    /** The only image size that the network works with. */
    inputSize,
    spec,
    missing: Object.keys(modelSpecSchema.shape).filter((part) => !optionalParts.has(part) && spec[part as keyof ModelSpec] === undefined),
  };
}

const optionalParts = new Set(['inputSize', 'tokens', 'untrained']);

interface LayerReport {
  layers: ClassifierGraph['layers'];
  classCount?: number;
  unusable?: ReadonlyMap<string, string>;
  inputSize?: { readonly size: Size; readonly declared: boolean };
  declaredBatch?: number | undefined;
  activation?: { readonly op: string; readonly of: string; readonly before: string } | undefined;
  /** The operators on the path from the image to the logits. */
  onPath?: ReadonlySet<string>;
  problem?: string;
}

function layersOf(make: () => ClassifierGraph): LayerReport {
  try {
    const classifier = make();
    const { model, logits, layers, classCount, input: { name, fixedSize }, sizeFound, declaredBatch, activation } = classifier;
    const onPath = new Set(forwardPath(model.graph, name, logits).nodes.map(operatorName));
    return {
      layers, unusable: unusableLayers(classifier), classCount, onPath, declaredBatch,
      inputSize: fixedSize && { size: fixedSize, declared: !sizeFound },
      activation: activation && { op: activation.op, of: activation.of, before: logits },
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { layers: [], problem: error.hint === undefined ? error.message : `${error.message} (${error.hint})` };
  }
}

function describe(report: InspectReport, allLayers: boolean): string {
  const { spec } = report;
  const known = (value: unknown): string => (value === undefined ? 'unknown' : Array.isArray(value) ? value.join(', ') : String(value));
  const names = spec.classes === undefined ? 'unknown' : `${spec.classes.length}: ${spec.classes.slice(0, 6).join(', ')}${spec.classes.length > 6 ? ', ...' : ''}`;
  const clash = spec.classes !== undefined && report.classCount !== undefined && spec.classes.length !== report.classCount;
  const shown = report.layers.filter(({ alias }) => allLayers || alias !== undefined);
  const width = Math.max(0, ...shown.map(({ name }) => name.length));
  const lines = [
    `${report.file}: operator set ${report.opset}, ${(report.parameters / 1e6).toFixed(2)} million parameters${report.producer === '' ? '' : `, by ${report.producer}`}`,
    `inputs   ${report.inputs.join('; ')}`,
    `outputs  ${report.outputs.join('; ')}`,
    ...report.inputSize === undefined
      ? []
      : [`size     ${report.inputSize.size.join('x')} only${report.inputSize.declared ? '' : ': the file declares a free size, but the network works only with this one'}`],
    ...report.declaredBatch === undefined ? [] : [`batch    ${report.declaredBatch} images declared, but any number works`],
    '',
    `preprocessing  (pixel * scale - mean) / std: order ${known(spec.channelOrder)}, scale ${known(spec.scale)}, mean ${known(spec.mean)}, std ${known(spec.std)}`,
    `logits         ${known(spec.logits)}${describeScores(report)}`,
    `classes        ${names}${clash ? `; WRONG: the model has ${report.classCount} logits` : ''}`,
    ...(spec.untrained === true ? ['head           UNTRAINED: its weights are random; train it with \'voc-seeds train --backbone\''] : []),
    ...(report.missing.length > 0 ? [`unknown: ${report.missing.join(', ')}; add them to the model with 'voc-seeds model annotate'`] : []),
    '',
    ...(report.problem === undefined ? [] : [`cannot list the layers: ${report.problem}`]),
    'feature layers (alias, tensor, channels, stride):',
    ...shown.map((layer) => `  ${(layer.alias ?? '').padEnd(5)} ${layer.name.padEnd(width)} ${String(layer.channels).padStart(5)} channels, stride ${layer.stride}${arrangementOf(layer)}${layer.rectified ? '' : ', not rectified'}${layer.cut ? '' : ', on a branch'}${layer.unusable === undefined ? '' : `, NOT USABLE with gradients: ${layer.unusable}`}`),
    '',
    'operators (a gradient rule?):',
    ...report.operators.map(({ name, count, gradient }) => `  ${name.padEnd(24)} x${String(count).padEnd(4)} ${gradient ? 'yes' : 'NO: layers below it cannot be used'}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** Describes the activation function after the logits, if there is one. */
function describeScores({ activation }: InspectReport): string {
  if (activation === undefined) return '';
  const { op, of, before } = activation;
  return `; '${of}' is the output of ${op}${before === of ? ', which is left out' : `; the scores before it are '${before}'`}`;
}

/** Describes the arrangement of a layer that is not [N, C, h, w]. */
function arrangementOf({ arrangement }: Pick<FeatureLayer, 'arrangement'>): string {
  switch (arrangement.kind) {
    case 'channels-first': return '';
    case 'channels-last': return ', channels last';
    case 'tokens': return `, tokens ${arrangement.grid.join('x')}${arrangement.first > 0 ? ` after ${arrangement.first}` : ''}`;
  }
}

interface AnnotateFlags extends ModelFlags {
  classSet?: string;
  out?: string;
  json?: boolean;
}

function registerAnnotate(model: Command, done: (code: number) => void): void {
  const command = model.command('annotate').argument('<file>', 'an ONNX model')
    .description('Write preprocessing, class names and the name of the logits into a model\'s metadata. Everything else stays unchanged.')
    .option('--out <file>', 'write a new file instead of changing this one');
  addModelOptions(command)
    .addOption(classSetOption())
    .optionsGroup(GROUPS.output)
    .option('--json', 'print the resulting specification as JSON')
    .addHelpText('after', `
Example:
  voc-seeds model annotate mobilenet.onnx --out annotated.onnx --logits logits --preprocess tensorflow --classes labels.txt
`)
    .action(async (file: string, flags: AnnotateFlags) => {
      const parsed = await readModel(file);
      const given = await specOfFlags({ ...flags, classes: flags.classSet ?? flags.classes });
      if (Object.keys(given).length === 0) throw new UserError('there is nothing to write: no flag describes the model', 'use for instance --logits, --preprocess or --classes');
      const spec: Partial<ModelSpec> = { ...knownSpec(parsed, file), ...given };
      if (spec.logits !== undefined) {
        const { logits, inputSize, tokens } = spec;
        const graph = naming(file, () => new ClassifierGraph(parsed, logits, inputSize, tokens));
        if (spec.classes !== undefined) graph.requireClasses(spec.classes, file);
        sayNetworkNotes(file, graph);
        spec.logits = graph.logits;
      }
      const target = flags.out ?? file;
      await writeAnnotated(parsed, file, target, new Map([[MODEL_SPEC_KEY, JSON.stringify(spec)]]));
      process.stdout.write(flags.json === true ? `${JSON.stringify(spec, null, 2)}\n` : `${target}: wrote ${Object.keys(given).join(', ')}\n`);
      done(EXIT.ok);
    });
}

/** Weights in side files are found only from the model's own folder. In another folder they are written into the model. */
async function writeAnnotated(model: OnnxModel, file: string, target: string, entries: ReadonlyMap<string, string>): Promise<void> {
  if (model.sideFiles === undefined || dirname(resolve(file)) === dirname(resolve(target))) {
    await annotateModel(file, target, entries);
    return;
  }
  await writeModel(target, { ...model, metadata: new Map([...model.metadata, ...entries]) });
  process.stderr.write(`note: the weights of ${file} are in ${model.sideFiles.join(', ')}; those of ${target} are in the model file\n`);
}

/** The specification in the metadata. Broken metadata is replaced, because this command is the way to fix it. */
function knownSpec(model: OnnxModel, file: string): Partial<ModelSpec> {
  try {
    return specOfMetadata(model, file);
  } catch (error) {
    process.stderr.write(`replaced: ${messageOf(error)}\n`);
    return {};
  }
}
