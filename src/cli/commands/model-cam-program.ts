import { resolve } from 'node:path';
import type { Command } from 'commander';
import { chooseLayers } from '../../cam/layer-choice.js';
import { UserError } from '../../errors.js';
import { refuseInputFile } from '../../jobs/journal/own-folder.js';
import { camProgramModel } from '../../maps/cam-program.js';
import type { CamProgramOptions } from '../../maps/cam-program.js';
import { writeModel } from '../../onnx/file/write.js';
import type { OnnxValueInfo } from '../../onnx/model.js';
import { dataTypeName } from '../../onnx/tensor.js';
import { storeHalf } from '../../onnx/rewrite/half.js';
import { commandSettings } from '../../settings/commands.js';
import { generateSchema } from '../../settings/generate.js';
import type { GenerateConfig } from '../../settings/generate.js';
import { loadConfig } from '../../settings/load.js';
import { DEFAULT_PRESET, presetSettings } from '../../settings/presets.js';
import { EXIT } from '../exit-codes.js';
import { choice } from '../options/choice.js';
import { addConfigOption, sayPreset, startOf } from '../options/config-options.js';
import type { ConfigFlags } from '../options/config-options.js';
import { showDefaults } from '../options/default-help.js';
import { GROUPS } from '../options/groups.js';
import { addForceOption, addModelOptions, modelOrDefault, openClassifier } from '../options/model-options.js';
import type { ModelFlags } from '../options/model-options.js';
import { addSettings, givenSettings } from '../options/setting-options.js';
import { describeValue } from '../text/describe-value.js';
import { idleNotes } from '../text/idle-notes.js';
import { sayModelNotes } from '../text/model-notes.js';

/** The flags that are not settings. Those are read by {@link givenSettings}. */
interface ProgramFlags extends ConfigFlags, ModelFlags {
  input: CamProgramOptions['input'];
  sizeInput?: boolean;
  half?: boolean;
  force?: boolean;
}

const INPUTS = ['pixels', 'tensor'] satisfies CamProgramOptions['input'][];
const settings = commandSettings['model cam-program'];

const examples = `
The program takes a photograph and class indices, and returns logits and the maps of 'voc-seeds cam', in one run of any ONNX
runtime. Its maps have the size of the photograph that it gets. Settings of refinement and of seeds have no effect.

Score-CAM, Ablation-CAM, several scales and mirror images need several runs of the network, so they are refused.

Examples:
  # RGB pixels in, maps out
  voc-seeds model cam-program program.onnx --model classifier.onnx

  # The maps of single layers, from a tensor that is already normalised
  voc-seeds model cam-program program.onnx --model classifier.onnx --layers /16,/32 --fuse none --input tensor
`;

/** `voc-seeds model cam-program` */
export function registerCamProgram(model: Command, done: (code: number) => void): void {
  const command = model.command('cam-program').argument('<out>', 'the ONNX file to write')
    .description('Write the CAM program of a classifier as an ONNX file, to run without voc-seeds, in any language.')
    .optionsGroup(GROUPS.input)
    .addOption(choice('--input <what>', 'what the program takes; pixels: uint8 RGB [1, H, W, 3], preprocessing included; tensor: float32 [1, C, H, W], already normalised', INPUTS).default('pixels'))
    .optionsGroup(GROUPS.output)
    .option('--size-input', 'add the input size, with the height and width of the fused maps')
    .option('--half', 'store the weights in half precision, which halves the file; computation stays in float32')
    .option('--json', 'print inputs, outputs and metadata as JSON');
  addConfigOption(command, '; settings of refinement and seeds have no effect here');
  addForceOption(addModelOptions(addSettings(command, settings)));
  showDefaults(command, () => presetSettings(generateSchema, DEFAULT_PRESET))
    .addHelpText('after', examples)
    .action(async (out: string, flags: ProgramFlags) => { done(await run(out, flags)); });
}

async function run(out: string, flags: ProgramFlags): Promise<number> {
  const { fuse, ...given } = givenSettings(settings, flags);
  const layersOnly = fuse === 'none';
  const own = layersOnly ? given : { ...given, fuse };
  const config = await loadConfig(generateSchema, startOf(flags), own);
  requireOneRun(config);
  if (layersOnly && flags.sizeInput === true) throw new UserError('--size-input is the size of the fused maps, but --fuse none has none', 'leave one of them out');
  const path = modelOrDefault(config.model);
  await refuseInputFile(out, 'the program', [path, flags.config === undefined ? undefined : resolve(flags.config)]);
  sayPreset(flags);
  for (const note of idleNotes(own, config)) process.stderr.write(`${note}\n`);
  const classifier = await openClassifier({ ...config, model: path }, flags);
  const chosen = chooseLayers(classifier.graph, config.layers, config.method);
  sayModelNotes(classifier, chosen);
  const program = camProgramModel(classifier, {
    requests: chosen.requests, target: config.target, finerStrength: config.finerStrength, fusion: layersOnly ? undefined : config,
    input: flags.input, sizeInput: flags.sizeInput,
  });
  await writeModel(out, flags.half === true ? storeHalf(program) : program);
  const { inputs, outputs } = program.graph;
  process.stdout.write(flags.json === true
    ? `${JSON.stringify({ file: out, opset: program.opset, inputs: inputs.map(valueJson), outputs: outputs.map(valueJson), metadata: Object.fromEntries(program.metadata) }, null, 2)}\n`
    : [
        `${out}: operator set ${program.opset}`,
        ...inputs.map((value) => `input   ${describeValue(value)}`),
        ...outputs.map((value, i) => `output  ${describeValue(value)}${layerText(chosen.names, i - (outputs.length - chosen.names.length))}`),
      ].map((line) => `${line}\n`).join(''));
  return EXIT.ok;
}

/** @throws UserError if the settings show the photograph to the network several times */
function requireOneRun({ scales, flip }: GenerateConfig): void {
  const several = [...scales.length > 1 || scales[0] !== 1 ? [`scales ${scales.join(',')}`] : [], ...flip ? ['mirror images'] : []];
  if (several.length === 0) return;
  throw new UserError(`a CAM program runs the network once at the size of the image, but the settings have ${several.join(' and ')}`, 'turn them off: --scales 1 --no-flip');
}

function valueJson({ name, type, shape }: OnnxValueInfo): Record<string, unknown> {
  return { name, type: dataTypeName(type), shape };
}

function layerText(names: readonly string[], i: number): string {
  return i < 0 ? '' : `, ${names[i]}`;
}
