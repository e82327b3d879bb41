/** Well-known networks that cannot be imported, by the names of their parameters. */
const programs: readonly (readonly [sign: RegExp, what: string])[] = [
  [/(?:^|\.)(?:conv1a|b2\.conv_branch2a|b7\.conv_branch2b1|bn7)\./, 'the ResNet38 of PSA and SEAM'],
  [/(?:^|\.)(?:patch_embed\.proj|cls_token|pos_embed|conv_proj)(?:\.|$)/, 'vision transformers'],
];

/** The well-known network that has parameters with such names but cannot be imported, if any. */
export function otherProgram(names: readonly string[]): string | undefined {
  return programs.find(([sign]) => names.some((name) => sign.test(name)))?.[1];
}
