/** The finished part of a tree that grows to the right: its whole subtrees, one for each 1 in the binary number of leaves. */
import type { Subtree } from './engine.ts'
import { NODE_BYTES, type PairHasher } from './pair-hasher.ts'
import { zeroNode } from './zero-nodes.ts'

export class SubtreeStack {
  readonly #hasher: PairHasher
  /** Heights fall from each to the next. */
  readonly #entries: Subtree[] = []

  constructor (hasher: PairHasher) {
    this.#hasher = hasher
  }

  /** Highest first. */
  get entries (): readonly Subtree[] {
    return this.#entries
  }

  /** The next subtree to the right; zeros come before it where its place in the tree wants them. */
  push (subtree: Subtree): void {
    for (let top = this.#entries.at(-1); top !== undefined && top.height < subtree.height; top = this.#entries.at(-1)) {
      this.#join({ height: top.height, node: zeroNode(top.height) })
    }
    this.#join(subtree)
  }

  /** The root at `height` with zeros behind what was pushed; `last` is pushed for this root only. */
  root (height: number, last?: Subtree): Uint8Array {
    let root = last
    for (const upper of this.#entries.toReversed()) {
      root = root === undefined ? upper : { height: upper.height + 1, node: parentOf(this.#hasher, upper.node, climb(this.#hasher, root, upper.height)) }
    }
    return root === undefined ? zeroNode(height).slice() : climb(this.#hasher, root, height)
  }

  /** A subtree no higher than the last one. */
  #join (subtree: Subtree): void {
    let { height, node } = subtree
    for (let top = this.#entries.at(-1); top?.height === height; top = this.#entries.at(-1)) {
      this.#entries.pop()
      node = parentOf(this.#hasher, top.node, node)
      height++
    }
    this.#entries.push({ height, node })
  }
}

/** The node above two others. */
const parentOf = (hasher: PairHasher, left: Uint8Array, right: Uint8Array): Uint8Array => {
  const nodes = new Uint8Array(2 * NODE_BYTES)
  nodes.set(left)
  nodes.set(right, NODE_BYTES)
  hasher.hashPairs(nodes, 1)
  return nodes.slice(0, NODE_BYTES)
}

/** The root at `height` of a tree whose left edge is the subtree, and zeros otherwise; memory of its own. */
export const climb = (hasher: PairHasher, subtree: Subtree, height: number): Uint8Array => {
  let node: Uint8Array = subtree.node.slice()
  for (let at = subtree.height; at < height; at++) node = parentOf(hasher, node, zeroNode(at))
  return node
}
