/** `client deal`: a storage deal is proposed, and its data are sent. */
import type { DealInfo, StartDealParams } from '@dagstore/lotus-api'
import { type Command, Option } from 'commander'
import type { CID } from 'multiformats/cid'
import { rpcJson } from '../backend/rpc-json.ts'
import { parseCid } from '../car/cid-argument.ts'
import { CommandError, markTold } from '../failure.ts'
import { showFil } from '../fil.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { addClientOptions } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { printable, showBytes } from '../text.ts'
import { shownUrl } from './shown-peer.ts'
import { addDealOptions, type DealOptions, dealParams } from './deal-params.ts'
import { watchDeal } from './deal-progress.ts'
import { dealState, isFailedDeal } from './deal-states.ts'
import { pricePerEpoch } from './query-ask.ts'
import { type AskedClient, withClient } from './with-client.ts'

type Point = 'transferred' | 'active' | 'final'

interface DealCommandOptions extends CommonOptions, DealOptions {
  readonly wait: Point | false
  readonly manualStatelessDeal?: boolean
}

export const addDealCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addDealOptions(addClientOptions(common(client.command('deal'))))
    .description('propose a storage deal and send its data; prints the CID of the proposal, then waits until the provider has them and has checked them')
    .option('--manual-stateless-deal', 'propose an offline deal that nothing is remembered of; it costs nothing')
    .addOption(new Option('--wait <point>', 'until the provider has the data (has agreed, where they go another way), until the deal is active, or until nothing more will happen').choices(['transferred', 'active', 'final']).default('transferred'))
    .option('--no-wait', 'do not: a daemon goes on with it by itself, and without one get-deal --wait')
    .action(async (root: string, miner: string | undefined, price: bigint | undefined, duration: number | undefined, options: DealCommandOptions) => {
      const params = await dealParams(parseCid(root), [miner, price, duration], options)
      await withClient(options, terminal, (client) => options.manualStatelessDeal === true ? stateless(params, client, options, terminal) : propose(params, client, options, terminal))
    })
}

const stateless = async (params: StartDealParams, { calls }: AskedClient, options: DealCommandOptions, terminal: Terminal): Promise<void> => {
  const { Data, EpochPrice } = params
  if (Data.TransferType !== 'manual') throw new CommandError('COMMAND_USAGE', 'a deal that nothing is remembered of is an offline one: --transfer manual, or --manual-piece-cid')
  if (EpochPrice !== '0') throw new CommandError('COMMAND_USAGE', 'a deal that nothing is remembered of costs nothing')
  const cid = await calls.ClientStatelessDeal(params, { signal: terminal.signal })
  terminal.stdout(options.json === true ? await rpcJson('ClientStatelessDeal', cid) : `${cid.toString()}\n`)
}

const propose = async (params: StartDealParams, client: AskedClient, options: DealCommandOptions, terminal: Terminal): Promise<void> => {
  const { calls, goesOn } = client
  const { signal } = terminal
  const progress = watchDeal(client, params.Data.Root, terminal)
  let begun: CID | undefined
  try {
    await mustAfford(params, client, options, terminal)
    const cid = await calls.ClientStartDeal(params, { signal })
    progress.clear()
    // said at once: what follows may take long, and be interrupted
    terminal.stdout(options.json === true ? await rpcJson('ClientStartDeal', cid) : `${cid.toString()}\n`)
    begun = cid
    if (options.wait === false) return
    progress.follow(cid)
    const deal = await calls.ClientWaitDeal(cid, options.wait, { signal })
    progress.clear()
    if (isFailedDeal(deal.State)) throw new CommandError('COMMAND_REFUSED', `the deal has failed: ${deal.Message === '' ? dealState(deal.State) : deal.Message}`)
    terminal.stderr(`${printable(standing(deal))}\n`)
  } catch (error) {
    if (begun === undefined) throw error
    // the same command again would propose a second one
    const told = signal.aborted
      ? new CommandError('COMMAND_INTERRUPTED', goesOn ? `interrupted; the deal goes on by itself: dagstore client get-deal ${begun.toString()}` : `interrupted; to go on with the deal: dagstore client get-deal --wait transferred ${begun.toString()}`, { cause: error })
      : error
    markTold(told) // the document on stdout is that of the proposal
    throw told
  } finally {
    progress.end()
  }
}

const standing = ({ State, DataRef, PayloadBytes, ProviderURL, Provider }: DealInfo): string =>
  `${dealState(State)}${PayloadBytes === undefined || DataRef?.TransferType === 'manual' ? '' : `: ${ProviderURL === undefined ? Provider : shownUrl(ProviderURL)} has ${showBytes(PayloadBytes)}`}`

/** What costs something is agreed to by name alone. @throws {CommandError} `COMMAND_REFUSED` */
const mustAfford = async ({ Miner, ProviderURL, Data, VerifiedDeal, MinBlocksDuration, EpochPrice }: StartDealParams, { calls }: AskedClient, options: DealCommandOptions, { signal }: Terminal): Promise<void> => {
  if (EpochPrice !== '0' || Data.Root === null) return
  const ask = await calls.ClientQueryAsk(ProviderURL ?? Miner, ProviderURL === undefined ? '' : Miner, { signal })
  if (BigInt(VerifiedDeal ? ask.VerifiedPrice : ask.Price) === 0n) return
  const { PieceSize } = Data.PieceSize > 0 ? { PieceSize: Data.PieceSize / 127 * 128 } : await calls.ClientDealSize(Data.Root, { signal })
  const price = pricePerEpoch(ask, PieceSize, VerifiedDeal)
  const amount = showFil(price).replace(' FIL', '')
  throw new CommandError('COMMAND_REFUSED', `the provider asks for ${showFil(price)} per epoch of this piece, ${showFil(price * BigInt(MinBlocksDuration))} in all; to agree to that: --price ${amount}`)
}
