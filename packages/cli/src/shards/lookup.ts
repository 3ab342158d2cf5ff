/** `lookup-pieces`: which shards hold a block. */
import type { ShardInfo } from '@dagstore/dagstore'
import type { Command } from 'commander'
import { parseCid } from '../car/cid-argument.ts'
import type { ShardBackend } from '../backend/shard-backend.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { count } from '../text.ts'
import { listShards } from './listed.ts'
import { addRootOption, withExistingStore } from './store.ts'

export const addLookupPiecesCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addRootOption(common(program.command('lookup-pieces')))
    .description('list the indexed shards that hold the block of a CID')
    .argument('<cid>')
    .action(async (text: string, options: CommonOptions) => {
      const cid = parseCid(text)
      await withExistingStore(options, terminal, async ({ dagstore }) => {
        const { signal } = terminal
        const keys = await dagstore.find(cid.multihash.bytes, { signal })
        const found = await listShards(shardsOf(dagstore, [...keys].sort()), options, terminal)
        if (found > 0) return
        const unindexed = await dagstore.unindexed(cid, { signal })
        terminal.stderr(`in no indexed shard${unindexed > 0 ? `; ${count(unindexed, 'shard')} ${unindexed === 1 ? 'is' : 'are'} not indexed yet: dagstore initialize-all` : ''}\n`)
      })
    })
}

const shardsOf = async function * (dagstore: ShardBackend['dagstore'], keys: readonly string[]): AsyncGenerator<ShardInfo, void, undefined> {
  for (const key of keys) {
    const info = await dagstore.shard(key)
    if (info !== undefined) yield info
  }
}
