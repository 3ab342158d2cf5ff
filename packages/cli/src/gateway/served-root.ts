/** A store that a daemon has is served by the daemon. */
import { readApiFiles } from '../api-files.ts'
import { CommandError } from '../failure.ts'
import type { RootFolder } from '../root-folder.ts'
import { printable } from '../text.ts'

/** For an answer of the daemon. */
const ASK_MS = 2000

/** @throws {CommandError} `COMMAND_REFUSED`: a daemon has the store; then where it serves it */
export const refuseServedRoot = async (root: RootFolder, paths: readonly string[]): Promise<void> => {
  const daemon = await readApiFiles(root.path)
  if (daemon === undefined) return
  const answer = await fetch(`${daemon.url}/ipfs/bafkqaaa?format=raw`, { method: 'HEAD', signal: AbortSignal.timeout(ASK_MS) }).catch(() => undefined)
  // one that is gone, and has left its files
  if (answer === undefined) return
  const serves = answer.ok ? `and serves it too: ${daemon.url}/ipfs/{cid}?format=raw` : 'which does not serve it: GatewayAccess in its configuration'
  const add = paths.length === 0 ? '' : `; to add to it: dagstore add ${paths.map(printable).join(' ')}`
  throw new CommandError('COMMAND_REFUSED', `a daemon has the store at ${printable(root.label)}, ${serves}${add}`)
}
