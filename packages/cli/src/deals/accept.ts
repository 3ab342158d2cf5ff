/** `storage-deals accept`: a deal that was agreed on elsewhere, from a file. */
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { classifyNodeError } from '@dagstore/io/node'
import type { DagstoreOfflineDeal } from '@dagstore/lotus-api'
import type { Command } from 'commander'
import { rpcJson } from '../backend/rpc-json.ts'
import { aboutFile } from '../commands/files.ts'
import { CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { addBackendOptions, withExistingStore } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'

/** Many times what a deal takes. */
const MAX_BYTES = 1 << 20

export const addAcceptCommand = (deals: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(deals.command('accept')))
    .description('take on a deal that was agreed on elsewhere; it waits for its data, which import-data gives it. Neither its signature nor the chain is asked')
    .argument('<file>', 'JSON of the deal, as `storage-deals list --json` and MarketListIncompleteDeals of Lotus write it: ProposalCid and Proposal; ClientSignature, DealID, PublishCid, Ref.Root and FastRetrieval where they are known')
    .action(async (file: string, options: CommonOptions) => {
      if (file === '') throw new CommandError('COMMAND_USAGE', 'name a file')
      const path = resolve(terminal.cwd, file)
      const deal = await aboutFile(file, () => readDeal(path), path)
      await withExistingStore(options, terminal, async ({ provider }) => {
        await aboutFile(file, async () => (await provider.deals()).DagstoreAcceptDeal(deal, { signal: terminal.signal }), path)
      })
      terminal.stdout(options.json === true ? await rpcJson('DagstoreAcceptDeal', undefined) : `accepted ${deal.ProposalCid.toString()}\n`)
    })
}

const readDeal = async (path: string): Promise<DagstoreOfflineDeal> => {
  const [{ METHODS }, { parseJson }] = await Promise.all([import('@dagstore/lotus-api'), import('@dagstore/json-rpc')])
  const facts = await stat(path).catch((error: unknown) => { throw classifyNodeError(error, 'cannot be read') })
  if (!facts.isFile() || facts.size > MAX_BYTES) throw new CommandError('COMMAND_REFUSED', facts.isFile() ? `too long for a deal; max=${MAX_BYTES} got=${facts.size}` : 'is no file')
  let value: unknown
  try {
    value = parseJson(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new CommandError('COMMAND_REFUSED', 'not JSON', { cause })
  }
  try {
    return METHODS.DagstoreAcceptDeal.params[0]!.schema.decode(value, 'deal') as DagstoreOfflineDeal
  } catch (cause) {
    throw new CommandError('COMMAND_REFUSED', `not a deal; ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}
