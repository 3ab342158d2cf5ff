/** `verify-shard`: the bytes of shards, their indices and entries, held against each other. */
import type { VerifyReport } from '@dagstore/dagstore'
import { type Command, Option } from 'commander'
import { type Bulk, inBulk } from '../bulk.ts'
import type { ShardBackend } from '../backend/shard-backend.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { progressText } from '../progress.ts'
import type { Terminal } from '../terminal.ts'
import { count, showBytes } from '../text.ts'
import { hintOf } from './keys.ts'
import { addBackendOptions, withExistingStore } from './store.ts'

interface VerifyOptions extends CommonOptions { readonly mode: 'structure' | 'sampled' | 'full' }

export const addVerifyShardCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(program.command('verify-shard')))
    .description('check the bytes of shards, and their indices against them; indices that are wrong are made anew')
    .argument('<key...>', 'of shards, as list-shards shows them')
    .addOption(new Option('--mode <mode>', 'structure: hash nothing; sampled: some blocks; full: all').choices(['structure', 'sampled', 'full']).default('sampled'))
    .action((keys: string[], options: VerifyOptions) => withExistingStore(options, terminal, (store) => inBulk(terminal, options, async (bulk) => {
      // one after another: each reads as fast as the disk gives it
      for (const key of new Set(keys)) await verify(key, store, options, bulk, terminal)
    })))
}

const verify = async (key: string, { dagstore }: ShardBackend, { mode }: VerifyOptions, bulk: Bulk, { signal }: Terminal): Promise<void> => {
  let report: VerifyReport
  bulk.status.show(() => `  verify    …  ${key}`)
  try {
    report = await dagstore.verify(key, { mode, signal, onProgress: ({ doneBytes, totalBytes }) => { bulk.status.show(() => `${progressText('verify', doneBytes, totalBytes)}  ${key}`) } })
  } catch (error) {
    signal.throwIfAborted()
    await bulk.fail({ key }, error, key, hintOf(error, key))
    return
  }
  const { blocks, bytes, checked, bad, badCount, repaired } = report
  const item = { key, result: (await import('@dagstore/rpc/wire')).verifyReportOf(report) }
  for (const { part, code, message } of repaired) await bulk.say(`repaired ${key}: ${part}: ${message} (${code})`)
  if (badCount === 0) {
    await bulk.done(item, `verified ${key}: ${count(blocks, 'block')}, ${showBytes(bytes)}, ${checked === blocks ? 'all' : count(checked, 'block')} hashed`)
    return
  }
  for (const { code, offset, cid, message } of bad) await bulk.say(`bad ${key}: ${cid === undefined ? '' : `${cid} `}${message}${offset === undefined ? '' : ` at byte ${offset}`} (${code})`)
  const [first] = bad
  const told = Object.assign(new Error(`${count(badCount, 'fault')} in ${count(blocks, 'block')}, the first: ${first?.message ?? ''}`), { code: first?.code, offset: first?.offset })
  await bulk.fail(item, told, key)
}
