/** `client verify`: all of an import is read and hashed, the files it refers to too. */
import type { ClientImportCheck, ClientImportFault, Import } from '@dagstore/lotus-api'
import type { Command } from 'commander'
import { type Bulk, inBulk } from '../bulk.ts'
import { CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { progressText } from '../progress.ts'
import { addClientOptions } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { count, showBytes } from '../text.ts'
import { parseIds } from './ids.ts'
import { type AskedClient, withClient } from './with-client.ts'

interface VerifyOptions extends CommonOptions { readonly quick?: boolean }

export const addVerifyCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addClientOptions(common(client.command('verify')))
    .description('read and hash all of an import, with the files it refers to; without an id of all imports')
    .argument('[id...]', 'of imports, as local lists them (default: all)', parseIds)
    .option('--quick', 'only whether the files are there, and long enough')
    .action((ids: readonly bigint[], options: VerifyOptions) => withClient(options, terminal, (client) => inBulk(terminal, options, async (bulk) => {
      const all = ids.length > 0 ? ids : (await client.calls.ClientListImports({ signal: terminal.signal })).map(({ Key }) => Key)
      // one after another: each reads as fast as the disk gives it
      for (const id of all) await verify(id, options.quick === true ? 'stat' : 'full', client, bulk, terminal)
      if (all.length === 0 && options.json !== true) terminal.stderr('there are no imports\n')
    })))
}

const verify = async (id: bigint, depth: 'stat' | 'full', { calls }: AskedClient, bulk: Bulk, { signal }: Terminal): Promise<void> => {
  let report: ClientImportCheck | undefined
  try {
    for await (const { DoneBytes, TotalBytes, Report } of calls.ClientVerifyImport(id, { Depth: depth }, { signal })) {
      if (Report !== null) report = Report
      else bulk.status.show(() => `${progressText('verify', DoneBytes, TotalBytes ?? undefined)}  ${id}`)
    }
    if (report === undefined) throw new CommandError('COMMAND_REFUSED', 'the check ended without a report')
  } catch (error) {
    await bulk.fail({ id }, error, `import ${id}`)
    return
  }
  const { Sound, CheckedBlocks, CheckedBytes, FaultCount, Faults } = report
  const item = { id, root: report.Import.Root?.toString() ?? null, blocks: CheckedBlocks, bytes: CheckedBytes, faultCount: FaultCount, faults: Faults.map(faultOf) }
  if (Sound) return bulk.done(item, `verified ${id}: ${count(CheckedBlocks, 'block')}, ${showBytes(CheckedBytes)}, ${depth === 'full' ? 'all hashed' : 'files looked at'}`)
  for (const fault of Faults) await bulk.say(`bad ${id}: ${textOf(fault)}`)
  const [first] = Faults
  const told = Object.assign(new Error(FaultCount === 1 ? first?.Message ?? '' : `${count(FaultCount, 'fault')}, the first: ${first?.Message ?? ''}`), { code: first?.Code })
  await bulk.fail(item, told, `import ${id}`, hintOf({ Key: id, FilePath: report.Import.FilePath }))
}

const faultOf = ({ Code, Message, Cid, Path, Offset }: ClientImportFault): object => ({ code: Code, message: Message, cid: Cid?.toString() ?? null, path: Path, offset: Offset })

const textOf = ({ Code, Message, Cid, Path, Offset }: ClientImportFault): string =>
  `${Cid === null ? '' : `${Cid.toString()} `}${Message}${Path === '' || Message.includes(Path) ? '' : ` in ${Path}`}${Offset === null ? '' : ` at byte ${Offset}`} (${Code})`

const hintOf = ({ Key, FilePath }: Pick<Import, 'Key' | 'FilePath'>): string | undefined => FilePath === '' ? undefined : `to make it again from ${FilePath}: dagstore client reimport ${Key}`
