/** `dagstore auth create-token`: a token for who may not do everything, or is elsewhere. */
import { type Command, Option } from 'commander'
import { type Permission, PERMISSIONS } from '@dagstore/lotus-api'
import { namedDaemon } from '../backend/open-backend.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { existingRoot } from '../root-folder.ts'
import { addRootOption } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { toJson } from '../text.ts'

interface CreateTokenOptions extends CommonOptions { readonly perm: Permission, readonly apiInfo?: string }

export const addCreateTokenCommand = (group: Command, common: AddOptions, terminal: Terminal): void => {
  addRootOption(common(group.command('create-token')))
    .description('print a token for the RPC of a store; it holds until jwt-secret in the folder of the store is deleted')
    .addOption(new Option('--perm <permission>', 'what it allows; each allows those before it').choices(PERMISSIONS).makeOptionMandatory())
    .option('--api-info <info>', 'have this daemon sign it, TOKEN:MULTIADDR or TOKEN:URL, with a token that allows admin (default: DAGSTORE_API_INFO, else it is signed here)')
    .action(async (options: CreateTokenOptions) => {
      const { perm, json } = options
      const allow = PERMISSIONS.slice(0, PERMISSIONS.indexOf(perm) + 1)
      const token = await signedByDaemon(allow, options, terminal) ?? await signedHere(allow, options, terminal)
      terminal.stdout(json === true ? `${toJson({ token, allow })}\n` : `${token}\n`)
    })
}

/** Of another store the secret here would be the wrong one. `undefined`: no daemon was named. */
const signedByDaemon = async (allow: readonly Permission[], options: CreateTokenOptions, terminal: Terminal): Promise<string | undefined> => {
  const daemon = await namedDaemon(options, terminal)
  if (daemon === undefined) return undefined
  try {
    return new TextDecoder().decode(await daemon.api.AuthNew(allow, { signal: terminal.signal }))
  } finally {
    await daemon.close()
  }
}

/** Whether a daemon has the store or not: it takes what its secret signed. */
const signedHere = async (allow: readonly Permission[], { root }: CreateTokenOptions, terminal: Terminal): Promise<string> => {
  const folder = existingRoot(root, terminal)
  const [{ createTokens }, { openSecret }] = await Promise.all([import('@dagstore/rpc'), import('../secret-file.ts')])
  return createTokens(await openSecret(folder.path)).sign(allow)
}
