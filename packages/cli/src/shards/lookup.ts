/** `lookup-pieces`: which shards hold a block. */
import type { Command } from 'commander'
import { parseCid } from '../car/cid-argument.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { count } from '../text.ts'
import { listShards } from './listed.ts'
import { addBackendOptions, withExistingStore } from './store.ts'

export const addLookupPiecesCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(program.command('lookup-pieces')))
    .description('list the indexed shards that hold the block of a CID')
    .argument('<cid>', 'of a block, whatever its codec')
    .action(async (text: string, options: CommonOptions) => {
      const cid = parseCid(text)
      await withExistingStore(options, terminal, async ({ dagstore }) => {
        const { signal } = terminal
        const found = await listShards(dagstore.holders(cid, { signal }), options, terminal)
        if (found > 0) return
        const unindexed = await dagstore.unindexed(cid, { signal })
        terminal.stderr(`in no indexed shard${unindexed > 0 ? `; ${count(unindexed, 'shard')} ${unindexed === 1 ? 'is' : 'are'} not indexed; what to do: dagstore why ${cid.toString()}` : ''}\n`)
      })
    })
}
