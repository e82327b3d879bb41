import { UserError } from '../../errors.js';
import type { GraphBuilder } from '../../onnx/builder.js';
import type { Grid } from './dilate-grid.js';
import { isFiner } from './dilate-grid.js';
import type { Pads } from './dilate-window.js';
import type { OnnxNode } from '../../onnx/model.js';
import { describeNode } from '../../onnx/model.js';
import type { GraphShapes } from '../../onnx/shapes/shapes.js';

/** What a Pad node adds along every axis of its tensor. */
export interface FrontPads {
  /** As it was; `undefined` where it is computed. */
  readonly given: readonly Pads[] | undefined;
  /** The same on the finer map. */
  readonly scaled: readonly Pads[];
}

interface Plan extends FrontPads {
  readonly node: OnnxNode;
  /** Its place among the new nodes. */
  readonly index: number;
  /** As the readers want it. */
  wanted?: readonly Pads[];
}

/**
 * The Pad nodes of a network under change. What such a node is to add is known only when its readers are: a window behind
 * it that gives up its stride may want other padding, and all readers must want the same.
 */
export class PadNodes {
  private readonly plans = new Map<string, Plan>();

  constructor(private readonly builder: GraphBuilder, private readonly shapes: GraphShapes) {}

  /**
   * Takes in a Pad node; the builder gets it as it is for now.
   *
   * @param grid of its input
   * @throws UserError where its padding is not constant, but would have to grow
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

  /** The padding in a tensor that a Pad node makes. */
  inFrontOf(tensor: string): FrontPads | undefined {
    return this.plans.get(tensor);
  }

  /**
   * Notes what a reader of a tensor wants of the Pad node that makes it, if one does: the padding it had, scaled, unless
   * something else is said.
   */
  settle(tensor: string, reader: OnnxNode, wanted?: readonly Pads[]): void {
    const plan = this.plans.get(tensor);
    if (plan === undefined) return;
    const wish = wanted ?? plan.scaled;
    if (wish !== plan.scaled && plan.given === undefined) throw computed(plan.node);
    if (plan.wanted !== undefined && plan.wanted.toString() !== wish.toString()) {
      throw new UserError(`${describeNode(reader)} would need other padding from ${describeNode(plan.node)} than what else reads it`);
    }
    plan.wanted = wish;
  }

  /** Gives all nodes the padding that is wanted of them. */
  finish(): void {
    for (const { node, index, given, scaled, wanted = scaled } of this.plans.values()) {
      if (given === undefined || wanted.toString() === given.toString()) continue;
      if (wanted.some((pads, i) => pads.some((pad, side) => pad < 0 && given[i][side] >= 0))) {
        throw new UserError(`${describeNode(node)} and the window behind it both pad, in a way that cannot be kept without the window's stride`);
      }
      const pads = this.builder.ints([...wanted.map(([before]) => before), ...wanted.map(([, after]) => after)]);
      this.builder.nodes[index] = { ...node, inputs: [node.inputs[0], pads, ...node.inputs.slice(2, 3)] };
    }
  }
}

function computed(node: OnnxNode): UserError {
  return new UserError(`the padding of ${describeNode(node)} is computed, not constant, and would have to change`, 'simplify the model with onnxsim');
}
