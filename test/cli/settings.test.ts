import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { messageOf, run } from './terminal.js';

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-settings-')); });
afterAll(() => rm(folder, { recursive: true }));

/** The help of a command, with one space for each run of them. */
async function helpOf(command: string): Promise<string> {
  const { code, stdout } = await run(command, '--help');
  expect(code).toBe(0);
  return stdout.replaceAll(/\s+/g, ' ');
}

/** The text of a flag in a help, up to the next flag. */
function textOf(help: string, flag: string): string {
  const start = help.search(new RegExp(` ${flag} [<[]`));
  expect(start, flag).toBeGreaterThan(0);
  const end = help.slice(start + 3).search(/ --[a-z-]+ [<[]/);
  return help.slice(start, end < 0 ? undefined : start + 3 + end);
}

describe('--help', () => {
  // As configs/fast.yaml has them, and for the rest the tables of the README.
  it.each(['generate', 'cam'])('%s shows the defaults of the preset fast', async (command) => {
    const help = await helpOf(command);
    const defaults: Record<string, string> = { '--layers': '/8,/16,/32@grad-cam', '--input-size': 'short:320', '--fuse': 'mean', '--scale-layers': 'all', '--gamma': '3', '--method': 'layer-cam', '--scales': '1', '--max-pixels': '4194304' };
    if (command === 'generate') Object.assign(defaults, { '--threshold': '0.53', '--refine': 'random-walk:beta=600', '--alpha': '4', '--conflict': 'argmax', '--rescue': '0', '--png': 'palette', '--edge-upsample': 'none' });
    for (const [flag, value] of Object.entries(defaults)) expect(textOf(help, flag)).toContain(`default: ${value})`);
    expect(help).not.toContain('default: 0.4)');
    expect(help).not.toContain('a configuration that says nothing');
  });

  it('ablate shows the defaults of the preset fast, and says so', async () => {
    const help = await helpOf('ablate');
    for (const [flag, value] of Object.entries({ '--layers': '/8,/16,/32@grad-cam', '--fuse': 'mean', '--scale-layers': 'all', '--gamma': '3', '--refine': 'random-walk:beta=600', '--thresholds': '60', '--bootstrap': '1000', '--alphas': '1,2,4,8,16,32' })) {
      expect(textOf(help, flag)).toContain(`default: ${value})`);
    }
    expect(help).toContain('Variants start from --config, by default the preset fast.');
  });

  it('train shows its own', async () => {
    const help = await helpOf('train');
    for (const [flag, value] of Object.entries({ '--mode': 'head', '--rate': '0.0002; with --mode segment, 0.002', '--resize': '224,320', '--epochs': '10; with --mode segment, 6', '--momentum': '0.9', '--weight-decay': '0.0001', '--input-sizes': 'short:320' })) {
      expect(textOf(help, flag)).toContain(`default: ${value})`);
    }
  });
});

describe('settings that cannot be', () => {
  it.each<[string[], string]>([
    [['--threshold', '7'], '--threshold is 7; it must be from 0 to 1'],
    [['--gamma', '-1'], '--gamma is -1; it must be above 0'],
    [['--rescue', '2'], '--rescue is 2; it must be from 0 to 1'],
    [['--conflict-margin', '-0.1'], '--conflict-margin is -0.1; it must be from 0 to 1'],
    [['--percentile', '101'], '--percentile is 101; it must be from 0 to 100'],
    [['--background-threshold', '0.9'], '--background-threshold is 0.9; it must not be above threshold of the preset fast, which is 0.53'],
    [['--config', 'bset'], 'there is no preset or file called \'bset\'\ndid you mean best?'],
    [['--refine', 'pmar:iteration=5'], '--refine is \'pmar:iteration=5\'; there is no refiner "pmar"; did you mean pamr?'],
    [['--refine', 'pamr:iteration=5'], 'has no option "iteration"; did you mean iterations?'],
    [['--refine', 'pamr,random-walk:radius=99'], 'the refiner random-walk: radius is 99; it must be a whole number from 1 to 16'],
    [['--edge-upsample', 'guidde'], 'did you mean guided?'],
    [['--layers', '/8,/32@gradcam'], 'there is no method \'gradcam\' for the layer /32@gradcam; did you mean grad-cam?'],
    [['--class-thresholds', 'dogg=0.3'], '\'dogg\' is not a VOC class; did you mean dog?'],
    [['--class-thresholds', 'dog=0.3,dog=0.4'], 'There are two thresholds for dog.'],
    [['--class-thresholds', 'dog=0x1'], 'Expected classes with thresholds'],
    [['--class-thresholds', 'dog=2'], '--class-thresholds: dog is 2; it must be from 0 to 1'],
    [['--input-size', 'shrt:320'], '--input-size is \'shrt:320\'; it must be native, short:N, long:N, short:N/M, long:N/M or fixed:HxW, for example short:320 (did you mean short:320?)'],
    [['--method', 'layercam'], 'Did you mean layer-cam?'],
    [['--target', 'softmx'], 'Allowed choices are logit, softmax, sigmoid, log-softmax, margin, finer. Did you mean softmax?'],
    [['--runtime', 'otr'], 'Allowed choices are auto, ort, tfjs. Did you mean ort?'],
    [['--device', 'cdua'], 'Did you mean cuda?'],
    [['--labels', 'xlm'], 'Allowed are xml, npy, list, masks, main, own. Did you mean xml?'],
    [['--png', 'pallete'], 'Did you mean palette?'],
    [['--preprocess', 'torchvison'], 'Did you mean torchvision?'],
    [['--preprocess', 'toString'], 'Allowed are torchvision, tensorflow, caffe.'],
    [['--scales', '0'], 'Expected numbers above 0'],
    [['--scales', ','], 'Expected numbers above 0'],
    [['--scales', '1,0x2'], 'Expected numbers above 0'],
    [['--gamma', '0x10'], 'Expected a number'],
    [['--gamma', 'Infinity'], 'Expected a number'],
    [['--gamma', '1e400'], 'Expected a number'],
    [['--gamma', ''], 'Expected a number'],
    [['--workers', '1e9'], 'Expected a whole number from 1 to 1024.'],
    [['--threads', '4096'], 'Expected a whole number from 1 to 1024.'],
    [['--limit', '0'], 'Expected a whole number from 1 up.'],
    [['--max-pixels', '0'], 'Expected a whole number from 1 up.'],
    [['--max-pixels', '99999999999999999999'], 'Expected a whole number from 1 up.'],
    [['--treshold', '0.3'], 'Did you mean --threshold?'],
    [['--save-unrefined', '--refine', 'none'], '--save-unrefined is true; there is nothing to save because nothing is refined'],
  ])('generate --print-config %j', async (flags, message) => {
    expect(messageOf(await run('generate', '--print-config', ...flags))).toContain(message);
  });

  it.each<[string[], string]>([
    [['--fuse', 'max,maen'], '\'maen\' is not known. Allowed are max, mean. Did you mean mean?'],
    [['--refine', 'none', '--refine', 'pmar'], '--refine contains \'pmar\'; there is no refiner "pmar"; did you mean pamr?'],
    [['--percentiles', '30,101'], '--percentiles contains 101; it must be from 0 to 100'],
    [['--conflict-margin', '0.1,2'], '--conflict-margin contains 2; it must be from 0 to 1'],
    [['--thresholds', '1001'], '--thresholds is 1001; it must be a whole number from 2 to 1000'],
    [['--bootstrap', '0.5'], '--bootstrap is 0.5; it must be a whole number from 0 to 100000'],
    [['--config', 'fsat'], 'there is no preset or file called \'fsat\'\ndid you mean fast?'],
    [['--refine', 'pmar'], '--refine is \'pmar\'; there is no refiner "pmar"; did you mean pamr?'],
    [['--target', 'logits'], 'Did you mean logit?'],
  ])('ablate --print-config %j', async (flags, message) => {
    expect(messageOf(await run('ablate', '--print-config', ...flags))).toContain(message);
  });

  it('train, cam and eval name the flag as well', async () => {
    expect(messageOf(await run('train', '--print-config', '--momentum', '3'))).toContain('--momentum is 3; it must be from 0 to 1');
    expect(messageOf(await run('train', '--print-config', '--resize', '320,224'))).toContain('--resize is [320,224]; the smaller size must come first');
    expect(messageOf(await run('train', '--print-config', '--config', 'fast'))).toContain('fast is a preset of generate, cam and ablate; this command takes a file');
    expect(messageOf(await run('train', '--print-config', '--also', 'root'))).toContain('Expected root,split,labels');
    expect(messageOf(await run('train', '--print-config', '--also', ',train,xlm'))).toContain('Did you mean xml?');
    expect(messageOf(await run('cam', 'nowhere.jpg', '--layers', '/32@gradcam'))).toContain('did you mean grad-cam?');
    expect(messageOf(await run('cam', 'nowhere.jpg', '--config', 'bset'))).toContain('did you mean best?');
    expect(messageOf(await run('eval', '--ignored-as', 'errors'))).toContain('Did you mean error?');
    expect(messageOf(await run('eval', '--thresholds', '1000000000'))).toContain('Expected a whole number from 1 to 10000.');
    expect(messageOf(await run('report', '--choose', 'wrost'))).toContain('Did you mean worst?');
  });
});

describe('flags that switch something off', () => {
  it('take back what a preset or file switches on', async () => {
    const settings = async (...flags: string[]): Promise<Record<string, unknown>> => {
      const { code, stdout, stderr } = await run('generate', '--print-config', '--json', ...flags);
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout) as Record<string, unknown>;
    };
    const config = join(folder, 'aligned.yaml');
    await writeFile(config, 'alignCorners: true\nlayers: ["a,b", /32]\n');
    expect(await settings('--config', 'best')).toMatchObject({ flip: true });
    expect(await settings('--config', 'best', '--no-flip')).toMatchObject({ flip: false });
    expect(await settings('--config', config)).toMatchObject({ alignCorners: true, layers: ['a,b', '/32'] });
    expect(await settings('--config', config, '--no-align-corners')).toMatchObject({ alignCorners: false });
    expect(await settings('--flip', '--align-corners', '--layers', 'a\\,b,/32')).toMatchObject({ flip: true, alignCorners: true, layers: ['a,b', '/32'] });
    expect(await settings()).toMatchObject({ flip: false, alignCorners: false });
  });
});

describe('presets', () => {
  it.each(['generate', 'ablate'])('%s starts from fast if no configuration is named, and takes the former name of paper', async (command) => {
    const gamma = async (...flags: string[]): Promise<unknown> => {
      const { code, stdout, stderr } = await run(command, '--print-config', '--json', ...flags);
      expect(code, stderr).toBe(0);
      return [(JSON.parse(stdout) as { gamma: number }).gamma, stderr];
    };
    // As configs/fast.yaml and configs/paper.yaml have it.
    expect(await gamma()).toEqual([3, '']);
    expect(await gamma('--config', 'paper')).toEqual([2, '']);
    expect(await gamma('--config', 'layercam')).toEqual([2, 'note: the preset layercam is now called paper\n']);
  });

  it('config presets lists them', async () => {
    const { code, stdout } = await run('config', 'presets');
    expect(code).toBe(0);
    expect(stdout.split('\n').map((line) => line.split(' ')[0])).toEqual(['fast', 'best', 'paper', 'irn', '']);
  });
});
