/** Channels that Score-CAM and Ablation-CAM send through the network at once, unless told otherwise. */
export const DEFAULT_CHANNEL_BATCH = 16;

/** The CAM methods, by the names that users type. */
export const CAM_METHODS = ['cam', 'grad-cam', 'grad-cam++', 'xgrad-cam', 'hires-cam', 'layer-cam', 'score-cam', 'ablation-cam'] as const;
export type CamMethodName = typeof CAM_METHODS[number];

/** What of a class is explained, by the names that users type. */
export const CAM_TARGETS = ['logit', 'softmax', 'sigmoid', 'log-softmax', 'margin'] as const;
export type CamTargetName = typeof CAM_TARGETS[number];

/** The layers unless told otherwise; those that a network has not are left out. */
export const DEFAULT_LAYERS: readonly string[] = ['/8', '/16', '/32'];
