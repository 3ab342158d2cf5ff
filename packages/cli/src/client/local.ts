/** `client local`: the imports, with the lines of Lotus. */
import type { Import } from '@dagstore/lotus-api'
import type { Command } from 'commander'
import { rpcJson } from '../backend/rpc-json.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { addClientOptions } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { count, paint, printable, showBytes } from '../text.ts'
import { withClient } from './with-client.ts'

interface LocalOptions extends CommonOptions { readonly verbose?: boolean }

export const addLocalCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addClientOptions(common(client.command('local')))
    .description('list the imports, the oldest first; of broken ones why')
    .option('-v, --verbose', 'how each is kept, and how large it is')
    .action(async (options: LocalOptions) => {
      const found = await withClient(options, terminal, ({ calls }) => calls.ClientListImports({ signal: terminal.signal }))
      if (options.json === true) return terminal.stdout(await rpcJson('ClientListImports', found))
      for (const one of [...found].sort((a, b) => a.Key < b.Key ? -1 : 1)) {
        terminal.stdout(linesOf(one, options, options.color ?? terminal.colors))
        await terminal.drained?.()
      }
    })
}

/** Source: lotus cli/client.go `clientLocalCmd`. */
const linesOf = (one: Import, { verbose }: LocalOptions, colors: boolean): string => {
  const { Key, Root, FilePath, Source, Err } = one
  const more = verbose === true ? `\t${printable(howOf(one))}\n` : ''
  return `${Key}: ${Root?.toString() ?? '<none>'} @${printable(FilePath)} (${printable(Source)})\n${more}${Err === '' ? '' : `\t${paint(`broken: ${printable(Err)}`, 'red', colors)}\n`}`
}

const FORMS: Readonly<Record<NonNullable<Import['Form']>, string>> = { ref: 'references into the original', dense: 'a copy', car: 'a CAR in place', unknown: 'unknown form' }

const howOf = ({ Form, Profile, Blocks, FileBytes, CARBytes, CARPath, PieceCID }: Import): string => [
  Form === undefined ? undefined : FORMS[Form],
  Profile,
  Blocks === undefined ? undefined : count(Blocks, 'block'),
  FileBytes === undefined ? undefined : showBytes(FileBytes),
  CARPath === '' ? undefined : `${CARPath}${CARBytes === undefined ? '' : ` (${showBytes(CARBytes)})`}`,
  PieceCID === undefined ? undefined : `piece ${PieceCID.toString()}`,
].filter((part) => part !== undefined).join(', ')
