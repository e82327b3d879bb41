/** Networks of the field that are not imported, by names of their parameters. */
const programs: readonly (readonly [sign: RegExp, what: string])[] = [
  [/(?:^|\.)(?:conv1a|b2\.conv_branch2a|b7\.conv_branch2b1|bn7)\./, 'the ResNet38 of PSA and SEAM does'],
  [/(?:^|\.)(?:patch_embed\.proj|cls_token|pos_embed|conv_proj)(?:\.|$)/, 'vision transformers do'],
];

/** What network has parameters with such names, if it is a well-known one that cannot be imported. */
export function otherProgram(names: readonly string[]): string | undefined {
  return programs.find(([sign]) => names.some((name) => sign.test(name)))?.[1];
}
