/** A payload on its way through workers: cut into parts, committed to side by side, put together in order. */
import { withdrawable } from '@dagstore/io'
import type { StreamingCommP } from './commp.ts'
import { type CommPWorkers, PART_UNPADDED } from './node-workers.ts'

interface PartOptions {
  readonly signal: AbortSignal | undefined
  /** Called after each part. */
  readonly report: () => void
}

export interface PartWriter {
  /** Keeps no reference. */
  write(bytes: Uint8Array): Promise<void>
  /** Waits for what is under way; all that was written is then in the commitment. */
  end(): Promise<void>
}

/** @param commp - at the end of a part, so far */
export const writeInParts = (commp: StreamingCommP, workers: CommPWorkers, { signal, report }: PartOptions): PartWriter => {
  // one more than the workers take at once, so that none waits while a part is filled here
  const most = 2 * workers.threads + 1
  const underWay: ReturnType<CommPWorkers['commit']>[] = []
  const spare: Uint8Array<ArrayBuffer>[] = []
  let part: Uint8Array<ArrayBuffer> | undefined
  let filled = 0
  const takeOldest = async (): Promise<void> => {
    const { subtree, part: back } = await withdrawable(underWay.shift()!, signal)
    commp.append(subtree, PART_UNPADDED)
    spare.push(back)
    report()
  }
  const send = async (full: Uint8Array<ArrayBuffer>): Promise<void> => {
    if (underWay.length === most) await takeOldest()
    const answer = workers.commit(full)
    // waited for in its turn; until then its failure is nobody's
    answer.catch(() => {})
    underWay.push(answer)
  }
  return {
    write: async (bytes) => {
      for (let at = 0; at < bytes.byteLength;) {
        part ??= spare.pop() ?? new Uint8Array(PART_UNPADDED)
        const taken = bytes.subarray(at, at + PART_UNPADDED - filled)
        part.set(taken, filled)
        filled += taken.byteLength
        at += taken.byteLength
        if (filled < PART_UNPADDED) return
        const full = part
        part = undefined
        filled = 0
        await send(full)
      }
    },
    end: async () => {
      while (underWay.length > 0) await takeOldest()
      if (part !== undefined) commp.write(part.subarray(0, filled))
    },
  }
}
