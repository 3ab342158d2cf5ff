/** `import-shards`: register what `export-shards` has listed, and take over indices of `export-indices`, or of a Go DAG store. */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { readChunks } from '@dagstore/io'
import { classifyNodeError } from '@dagstore/io/node'
import type { Command } from 'commander'
import { type Bulk, inBulk } from '../bulk.ts'
import { withSource } from '../car/input.ts'
import { aboutFile } from '../commands/files.ts'
import type { ShardBackend } from '../backend/shard-backend.ts'
import { CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { count } from '../text.ts'
import { addBackendOptions, withAnyStore, withExistingStore } from './store.ts'

interface ImportOptions extends CommonOptions { readonly indices?: string }

type ByteChunks = AsyncIterable<Uint8Array>

/** The first line of an export has fewer bytes. */
const HEAD_BYTES = 1024

export const addImportShardsCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(program.command('import-shards')))
    .description('register what export-shards has listed; makes the store where there is none')
    .argument('[file]', 'of export-shards; - is what is piped in')
    .option('--indices <dir>', 'then take over the indices that export-indices, or a Go DAG store, has written there, for shards without one')
    .action(async (file: string | undefined, options: ImportOptions) => {
      const { indices } = options
      if (file === undefined && indices === undefined) throw new CommandError('COMMAND_USAGE', 'name a file of export-shards, or --indices')
      if (file === '' || indices === '') throw new CommandError('COMMAND_USAGE', 'name a file, or a folder')
      if (indices !== undefined) await mustBeFolder(indices, terminal)
      const work = (lines: ByteChunks | undefined, label: string): Promise<void> => inBulk(terminal, options, (bulk) => (file === undefined ? withExistingStore : withAnyStore)(options, terminal, async (store) => {
        if (lines !== undefined) await importLines(store, lines, label, bulk, terminal)
        if (indices !== undefined) await takeIndices(store, indices, bulk, terminal)
      }))
      if (file === undefined) return work(undefined, '')
      // its own line shows how far it is
      await withSource(file, 'import', { ...terminal, interactive: false }, async (source, _progress, { label }) => {
        const { signal } = terminal
        const { checkShardsExport } = await import('@dagstore/dagstore') // loaded with the store
        // what is no export makes no store
        checkShardsExport(await source.read(0, Math.min(source.sizeBytes, HEAD_BYTES), { signal }))
        await work(readChunks(source, 0, source.sizeBytes, { signal }), label)
      })
    })
}

const mustBeFolder = (dir: string, { cwd }: Terminal): Promise<void> => aboutFile(dir, async () => {
  const facts = await stat(resolve(cwd, dir)).catch((error: unknown) => { throw classifyNodeError(error, 'cannot be read') })
  if (!facts.isDirectory()) throw new CommandError('COMMAND_REFUSED', 'is no folder')
})

const importLines = async ({ dagstore }: ShardBackend, lines: ByteChunks, label: string, bulk: Bulk, { signal }: Terminal): Promise<void> => {
  for await (const outcome of dagstore.importShards(lines, { signal })) {
    const { line, key } = outcome
    if (outcome.ok) await bulk.done({ line, key, mountUrl: outcome.info.mountUrl })
    else await bulk.fail({ line, key: key ?? null }, outcome.error, key === undefined ? label : `${label}: ${key}`, undefined, key === undefined ? [] : [key])
    bulk.status.show(() => `  import    ${count(bulk.succeeded + bulk.failed, 'shard')} …`)
  }
  await bulk.say(`${count(bulk.succeeded, 'shard')} registered`)
}

const takeIndices = async ({ dagstore }: ShardBackend, dir: string, bulk: Bulk, { signal, cwd }: Terminal): Promise<void> => {
  let adopted = 0
  for await (const outcome of dagstore.adoptIndices(resolve(cwd, dir), { signal })) {
    bulk.status.show(() => `  indices   ${count(bulk.succeeded + bulk.failed, 'file')} …`)
    const { key } = outcome
    if (outcome.ok && outcome.adopted) adopted++
    if (outcome.ok) await bulk.done({ key, adopted: outcome.adopted, entries: outcome.entries })
    else await bulk.fail({ key }, outcome.error, `${dir}: ${key}`, undefined, [key])
  }
  if (adopted === 0) await bulk.say(`no index taken over: ${dir} has none of a shard without one`)
  else await bulk.say(`${adopted === 1 ? '1 index' : `${adopted.toLocaleString('en-US')} indices`} taken over; initialize-all puts the store's own in their place`)
}
