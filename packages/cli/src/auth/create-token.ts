/** `dagstore auth create-token`: a token for who may not do everything, or is elsewhere. */
import { type Command, Option } from 'commander'
import { type Permission, PERMISSIONS } from '@dagstore/lotus-api'
import type { AddOptions, CommonOptions } from '../options.ts'
import { existingRoot } from '../root-folder.ts'
import { addRootOption } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { toJson } from '../text.ts'

interface CreateTokenOptions extends CommonOptions { readonly perm: Permission }

export const addCreateTokenCommand = (group: Command, common: AddOptions, terminal: Terminal): void => {
  addRootOption(common(group.command('create-token')))
    .description('print a token for the RPC of a store; it holds until jwt-secret in the folder of the store is deleted')
    .addOption(new Option('--perm <permission>', 'what it allows; each allows those before it').choices(PERMISSIONS).makeOptionMandatory())
    .action(async ({ perm, root, json }: CreateTokenOptions) => {
      const folder = existingRoot(root, terminal)
      const [{ createTokens }, { openSecret }] = await Promise.all([import('@dagstore/rpc'), import('../secret-file.ts')])
      const allow = PERMISSIONS.slice(0, PERMISSIONS.indexOf(perm) + 1)
      const token = createTokens(await openSecret(folder.path)).sign(allow)
      terminal.stdout(json === true ? `${toJson({ token, allow })}\n` : `${token}\n`)
    })
}
