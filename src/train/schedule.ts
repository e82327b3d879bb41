/** How the learning rate changes over a training run. */
export interface Schedule {
  /** The highest learning rate. */
  readonly rate: number;
  /** The share of all updates, 0..1, over which the rate grows linearly to its highest value. */
  readonly warmUp: number;
  /** The decay after that: `poly` is (1 - t)^0.9 as in DeepLab and most WSSS code, `cosine` is (1 + cos(pi t)) / 2. */
  readonly decay: 'poly' | 'cosine' | 'constant';
}

const POWER = 0.9;

/**
 * The learning rate of an update.
 *
 * @param update from 0
 * @param total the number of updates of the whole run
 */
export function learningRate({ rate, warmUp, decay }: Schedule, update: number, total: number): number {
  const warming = Math.round(warmUp * total);
  if (update < warming) return (rate * (update + 1)) / warming;
  const t = (update - warming) / (total - warming);
  if (decay === 'poly') return rate * (1 - t) ** POWER;
  if (decay === 'cosine') return (rate * (1 + Math.cos(Math.PI * t))) / 2;
  return rate;
}

/** The decay of the moving average at an update. It is smaller in the beginning, when few weights have been averaged. */
export function averageDecay(most: number, update: number): number {
  return Math.min(most, (1 + update) / (10 + update));
}
