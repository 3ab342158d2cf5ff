/** `export-shards`: all that a store knows and cannot find out again, as lines of JSON. */
import type { Command } from 'commander'
import type { ShardBackend } from '../backend/shard-backend.ts'
import { type Output, refuseEarly, resolveOutput, withoutMixture, writeOutput, type OutputOptions } from '../car/output.ts'
import type { AddOptions } from '../options.ts'
import { createStatusLine } from '../status-line.ts'
import type { Terminal } from '../terminal.ts'
import { count, toJson } from '../text.ts'
import { addBackendOptions, withExistingStore } from './store.ts'

const NEWLINE = 0x0a
/** Lines that are no shard: the first and the last. */
const FRAME = 2

export const addExportShardsCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(program.command('export-shards')))
    .description('write keys and mount URLs of all shards, from which import-shards makes the store again')
    .argument('[file]', 'file to make; without it, or -, stdout')
    .option('--force', 'replace a file that is there already')
    .action(async (file: string | undefined, options: OutputOptions) => {
      const output = resolveOutput(file, options, terminal)
      await refuseEarly(output, options)
      await withExistingStore(options, terminal, (store) => exportShards(store, output, options, terminal))
    })
}

const exportShards = async ({ dagstore }: ShardBackend, output: Output, options: OutputOptions, terminal: Terminal): Promise<void> => {
  const status = createStatusLine(withoutMixture(terminal, output))
  let lines = 0
  const counted = async function * (): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of dagstore.exportShards({ signal: terminal.signal })) {
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) lines++
      status.show(() => `  export    ${count(lines, 'shard')} …`)
      yield chunk
    }
  }
  const { sizeBytes } = await writeOutput(output, counted(), terminal).finally(() => { status.clear() })
  const shards = Math.max(0, lines - FRAME)
  if (options.json === true) terminal.stdout(`${toJson({ ok: true, path: output.label, shards, sizeBytes })}\n`)
  else if (output.label !== '-') terminal.stderr(`${count(shards, 'shard')} in ${output.label}\n`)
}
