/** Which CIDs a walk has met, so that none is yielded twice. */
import { IDENTITY } from '@dagstore/hashes'
import type { CID } from 'multiformats/cid'
import { cidKey, type CidSet, createCidSet } from './cid-set.ts'
import { DagError } from './errors.ts'
import { DAG_PB } from './links.ts'
import { isWhole, type Task } from './tasks.ts'
import type { WalkOptions } from './walk-options.ts'

export class MetCids {
  /** `undefined`: each counts as new. */
  readonly #met: CidSet | undefined
  readonly #maxCids: number
  readonly #skipsIdentity: boolean
  /** Met, but not with all that is below them. */
  readonly #inPart = new Set<string>()

  constructor ({ duplicates, maxCids = Infinity, identity }: Pick<WalkOptions, 'duplicates' | 'maxCids' | 'identity'>) {
    this.#met = duplicates === true ? undefined : createCidSet()
    this.#maxCids = maxCids
    this.#skipsIdentity = identity === 'skip'
  }

  has (cid: CID): boolean { return this.#met?.has(cid) === true }

  /** False when it was met before. @throws {DagError} `DAG_TOO_MANY_CIDS` */
  remember (cid: CID): boolean {
    // one that is not yielded is not kept either: it may be long, and what is below it costs no more than the bytes that name it
    if (this.#met === undefined || (this.#skipsIdentity && cid.multihash.code === IDENTITY)) return true
    if (!this.#met.add(cid)) return false
    if (this.#met.size > this.#maxCids) throw new DagError('DAG_TOO_MANY_CIDS', `more CIDs to remember than allowed; max=${this.#maxCids}`, cid)
    return true
  }

  /**
   * Parts of files make it three-valued: a node of which a part was wanted may be met again for more of it. It is not yielded
   * again, but what is below it is walked. At each level of a file there are two such nodes at most, at the ends of the range.
   *
   * @throws as {@link remember}
   */
  meet (cid: CID, task: Task): 'first' | 'in part' | 'before' {
    const isNew = this.remember(cid)
    if (this.#met === undefined) return 'first'
    const whole = isWhole(task) || cid.code !== DAG_PB
    if (isNew) {
      if (!whole) this.#inPart.add(cidKey(cid))
      return 'first'
    }
    if (this.#inPart.size === 0 || !this.#inPart.has(cidKey(cid))) return 'before'
    if (whole) this.#inPart.delete(cidKey(cid))
    return 'in part'
  }
}
