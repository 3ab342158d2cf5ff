/** Data that may be here: a node that does not answer, or an import whose files are gone, is no reason not to ask providers. */
import type { CID } from 'multiformats/cid'
import { codeOf, explain } from '../failure.ts'
import type { Terminal } from '../terminal.ts'
import { printable } from '../text.ts'
import type { AskedClient } from './with-client.ts'

/** False too where nobody can tell, which is said. */
export const isHere = async (root: CID, { calls }: Pick<AskedClient, 'calls'>, { signal, stderr }: Pick<Terminal, 'signal' | 'stderr'>): Promise<boolean> => {
  try {
    return await calls.ClientHasLocal(root, { signal })
  } catch (error) {
    signal.throwIfAborted()
    stderr(`${printable(`it is not known whether the data are here: ${explain(error)}`)}\n`)
    return false
  }
}

/** Whether it was the data themselves that could not be read, not what they are written to. */
export const isLostHere = (error: unknown): boolean => {
  for (let current: unknown = error, depth = 0; current instanceof Error && depth < 6; current = current.cause, depth++) {
    if (/^(?:REF_CAR|BLOCKSTORE|IMPORT)_/.test(codeOf(current) ?? '')) return true
  }
  return false
}
