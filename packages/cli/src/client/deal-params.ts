/** What a proposal says, from the options of `client deal`. */
import type { DataRef, StartDealParams } from '@dagstore/lotus-api'
import { Argument, type Command, Option } from 'commander'
import type { CID } from 'multiformats/cid'
import { parsePieceCid } from '../car/cid-argument.ts'
import { CommandError } from '../failure.ts'
import { positiveNumber, wholeNumber } from '../shards/numbers.ts'
import { epochs, fil } from './amounts.ts'

export interface DealOptions {
  readonly provider?: string
  readonly price?: bigint
  readonly duration?: number
  readonly startEpoch: number
  readonly from: string
  readonly providerCollateral: bigint
  readonly verifiedDeal?: boolean
  readonly fastRetrieval: boolean
  readonly label?: string
  readonly transfer: string
  readonly manualPieceCid?: string
  readonly manualPieceSize?: number
}

/** 180 days, the least that Filecoin takes. */
const DURATION = 518_400

/** Those of Lotus's command, by argument too, and what ours needs besides. */
export const addDealOptions = (command: Command): Command => command
  .argument('<root>', 'CID of the data: of an import, or in the IPFS node')
  .argument('[miner]', 'address of the provider, or its URL; instead of --provider, or beside it')
  .addArgument(new Argument('[price]', 'instead of --price').argParser(fil))
  .addArgument(new Argument('[duration]', 'instead of --duration').argParser(epochs))
  .option('--provider <url>', 'where the provider answers, such as http://127.0.0.1:2350')
  .option('--price <fil>', 'for each epoch of the whole piece; no more is agreed to (default: only what costs nothing)', fil)
  .option('--duration <epochs>', 'how long; 180d, 26w and 1y are taken too (default: 180d)', epochs)
  .addOption(new Option('--start-epoch <epoch>', 'by when the data have to be sealed').argParser(wholeNumber).default(0, 'two days from now'))
  .addOption(new Option('--from <address>', 'of the client').default('', 'that of the configuration, else of the local ledger'))
  .addOption(new Option('--provider-collateral <fil>', 'what the provider puts up').argParser(fil).default(0n, '0'))
  .option('--verified-deal', 'paid by the client\'s data cap')
  .addOption(new Option('--fast-retrieval', 'the provider keeps an unsealed copy').default(true, 'it does'))
  .option('--no-fast-retrieval', 'it need not')
  .option('--label <text>', 'of the deal (default: the root)')
  .addOption(new Option('--transfer <how>', 'http-push: we send; http-pull: the provider fetches; manual: the data go another way').choices(['http-push', 'http-pull', 'manual', 'graphsync']).default('http-push'))
  .option('--manual-piece-cid <cid>', 'of an offline deal whose piece is known')
  .option('--manual-piece-size <bytes>', 'its size, padded or not', positiveNumber)

/** @throws {CommandError} `COMMAND_USAGE`: two of one kind, none where there must be one, or what does not go together */
export const dealParams = async (root: CID, [miner, price, duration]: readonly [miner: string | undefined, price: bigint | undefined, duration: number | undefined], options: DealOptions): Promise<StartDealParams> => {
  const { provider } = options
  const named = provider ?? miner
  if (named === undefined || named === '') throw new CommandError('COMMAND_USAGE', 'name a provider: --provider URL')
  const isUrl = URL.canParse(named) && /^https?:/.test(named)
  if (provider !== undefined && miner !== undefined && !isUrl) throw new CommandError('COMMAND_USAGE', `--provider is its URL; got ${provider}`)
  for (const [name, option, argument] of [['price', options.price, price], ['duration', options.duration, duration]] as const) {
    if (option !== undefined && argument !== undefined) throw new CommandError('COMMAND_USAGE', `two ${name}s`)
  }
  return {
    Data: await dataOf(root, options),
    Wallet: options.from,
    Miner: miner ?? named,
    EpochPrice: String(options.price ?? price ?? 0n),
    MinBlocksDuration: options.duration ?? duration ?? DURATION,
    ProviderCollateral: String(options.providerCollateral),
    DealStartEpoch: options.startEpoch,
    FastRetrieval: options.fastRetrieval,
    VerifiedDeal: options.verifiedDeal === true,
    ...(provider !== undefined && miner !== undefined ? { ProviderURL: provider } : {}),
    ...(options.label === undefined ? {} : { Label: options.label }),
  }
}

const dataOf = async (root: CID, { manualPieceCid, manualPieceSize, transfer }: DealOptions): Promise<DataRef> => {
  if ((manualPieceCid === undefined) !== (manualPieceSize === undefined)) throw new CommandError('COMMAND_USAGE', '--manual-piece-cid and --manual-piece-size go together')
  const isManual = manualPieceCid !== undefined
  return {
    TransferType: isManual ? 'manual' : transfer,
    Root: root,
    PieceCid: isManual ? await parsePieceCid(manualPieceCid) : null,
    PieceSize: manualPieceSize === undefined ? 0 : unpadded(manualPieceSize),
    RawBlockSize: 0,
  }
}

/** Padded sizes are powers of two, others never are. */
const unpadded = (bytes: number): number => {
  const isPowerOfTwo = (value: number): boolean => Number.isInteger(Math.log2(value))
  if (bytes >= 128 && isPowerOfTwo(bytes)) return bytes / 128 * 127
  if (bytes % 127 === 0 && isPowerOfTwo(bytes / 127)) return bytes
  throw new CommandError('COMMAND_USAGE', `no size of a piece: ${bytes}; it is a power of two from 128, or 127/128 of that`)
}
