/** `client query-ask`: what a provider asks for. */
import type { StorageAsk } from '@dagstore/lotus-api'
import type { Command } from 'commander'
import { rpcJson } from '../backend/rpc-json.ts'
import { showFil } from '../fil.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { type Row, rows } from '../rows.ts'
import { positiveNumber } from '../shards/numbers.ts'
import { addClientOptions } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { showBytes } from '../text.ts'
import { epochs } from './amounts.ts'
import { withClient } from './with-client.ts'

interface QueryAskOptions extends CommonOptions { readonly size?: number, readonly duration?: number }

const GIB = 1n << 30n

/** Of a piece, for each epoch; rounded up. @param paddedBytes - of the piece */
export const pricePerEpoch = ({ Price, VerifiedPrice }: Pick<StorageAsk, 'Price' | 'VerifiedPrice'>, paddedBytes: number, verified: boolean): bigint =>
  (BigInt(verified ? VerifiedPrice : Price) * BigInt(paddedBytes) + GIB - 1n) / GIB

export const addQueryAskCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addClientOptions(common(client.command('query-ask')))
    .description('ask a provider for its prices, and the pieces that it takes')
    .argument('<provider>', 'its URL, or the address of one that the configuration has')
    .option('--size <bytes>', 'of a piece: say what that costs', positiveNumber)
    .option('--duration <epochs>', 'for so long; 180d, 26w and 1y are taken too', epochs)
    .action(async (provider: string, options: QueryAskOptions) => {
      const ask = await withClient(options, terminal, ({ calls }) => calls.ClientQueryAsk(provider, '', { signal: terminal.signal }))
      terminal.stdout(options.json === true ? await rpcJson('ClientQueryAsk', ask) : rows(rowsOf(ask, options), options.color ?? terminal.colors))
    })
}

/** Source: lotus cli/client.go `clientQueryAskCmd`. */
const rowsOf = (ask: StorageAsk, { size, duration }: QueryAskOptions): readonly Row[] => {
  const perGib = (price: string): string => `${showFil(BigInt(price))} per GiB and epoch`
  const perEpoch = size === undefined ? undefined : pricePerEpoch(ask, size, false)
  return [
    ['Ask', ask.Miner],
    ['Price', perGib(ask.Price)],
    ['Verified price', perGib(ask.VerifiedPrice)],
    ['Max piece size', showBytes(ask.MaxPieceSize)],
    ['Min piece size', showBytes(ask.MinPieceSize)],
    ['Data come by', ask.TransferTypes?.join(', ')],
    ['Price for size', perEpoch === undefined ? undefined : `${showFil(perEpoch)} per epoch`],
    ['Price in all', perEpoch === undefined || duration === undefined ? undefined : showFil(perEpoch * BigInt(duration))],
  ]
}
