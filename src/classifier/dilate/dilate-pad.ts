import { UserError } from '../../errors.js';
import type { GraphBuilder } from '../../onnx/builder.js';
import type { Grid } from './dilate-grid.js';
import { isFiner } from './dilate-grid.js';
import type { Pads } from './dilate-window.js';
import type { OnnxNode } from '../../onnx/model.js';
import { describeNode } from '../../onnx/model.js';
import type { GraphShapes } from '../../onnx/shapes/shapes.js';

/** The padding of a Pad node along every axis of its tensor. */
export interface FrontPads {
  /** The original padding; `undefined` if it is computed. */
  readonly given: readonly Pads[] | undefined;
  /** The same on the finer map. */
  readonly scaled: readonly Pads[];
}

interface Plan extends FrontPads {
  readonly node: OnnxNode;
  /** Its index among the new nodes. */
  readonly index: number;
  /** The padding that its readers need. */
  wanted?: readonly Pads[];
}

/**
 * The Pad nodes of a network that is being dilated. The new padding of such a node depends on its readers: a window that loses
 * its stride may need other padding. All readers must need the same.
 */
export class PadNodes {
  private readonly plans = new Map<string, Plan>();

  constructor(private readonly builder: GraphBuilder, private readonly shapes: GraphShapes) {}

  /**
   * Adds a Pad node, unchanged for now.
   *
   * @param grid of its input
   * @throws UserError if its padding is not constant, but would have to grow
   */
  add(node: OnnxNode, grid: Grid): void {
    const given = this.padsOf(node, grid.length);
    if (given === undefined && grid.some(isFiner)) throw computed(node);
    const scaled = grid.map((axis, i): Pads => {
      const [before, after] = given?.[i] ?? [0, 0];
      return [before * (axis?.factor ?? 1), after * (axis?.factor ?? 1)];
    });
    this.plans.set(node.outputs[0], { node, index: this.builder.nodes.length, given, scaled });
    this.builder.nodes.push(node);
  }

  private padsOf({ inputs: [, pads, , axesName] }: OnnxNode, rank: number): Pads[] | undefined {
    const values = this.shapes.values(pads);
    const axes = axesName ? this.shapes.values(axesName) : Array.from({ length: rank }, (_, i) => i);
    if (values === undefined || axes === undefined) return undefined;
    const given = Array.from({ length: rank }, (): Pads => [0, 0]);
    for (const [i, axis] of axes.entries()) given[axis < 0 ? axis + rank : axis] = [values[i], values[i + axes.length]];
    return given;
  }

  /** The padding in a tensor, if a Pad node produces it. */
  inFrontOf(tensor: string): FrontPads | undefined {
    return this.plans.get(tensor);
  }

  /**
   * Records the padding that a reader of a tensor needs from the Pad node that produces it, if there is one. Default: the
   * original padding, scaled.
   */
  settle(tensor: string, reader: OnnxNode, wanted?: readonly Pads[]): void {
    const plan = this.plans.get(tensor);
    if (plan === undefined) return;
    const wish = wanted ?? plan.scaled;
    if (wish !== plan.scaled && plan.given === undefined) throw computed(plan.node);
    if (plan.wanted !== undefined && plan.wanted.toString() !== wish.toString()) {
      throw new UserError(`${describeNode(reader)} would need other padding from ${describeNode(plan.node)} than its other readers`);
    }
    plan.wanted = wish;
  }

  /** Sets the padding of all nodes. */
  finish(): void {
    for (const { node, index, given, scaled, wanted = scaled } of this.plans.values()) {
      if (given === undefined || wanted.toString() === given.toString()) continue;
      if (wanted.some((pads, i) => pads.some((pad, side) => pad < 0 && given[i][side] >= 0))) {
        throw new UserError(`${describeNode(node)} and the window after it both pad, which cannot be kept without the window's stride`);
      }
      const pads = this.builder.ints([...wanted.map(([before]) => before), ...wanted.map(([, after]) => after)]);
      this.builder.nodes[index] = { ...node, inputs: [node.inputs[0], pads, ...node.inputs.slice(2, 3)] };
    }
  }
}

function computed(node: OnnxNode): UserError {
  return new UserError(`the padding of ${describeNode(node)} is computed, not constant, and would have to change`, 'simplify the model with onnxsim');
}
