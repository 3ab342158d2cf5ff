/** `client list-retrievals`, `cancel-retrieval`, `remove-retrieval`, `prune-retrievals`. */
import type { RetrievalInfo } from '@dagstore/lotus-api'
import { type Command, InvalidArgumentError } from 'commander'
import { rpcJson } from '../backend/rpc-json.ts'
import { inBulk } from '../bulk.ts'
import { CommandError } from '../failure.ts'
import { parseEpochs } from '../epochs.ts'
import { showFil } from '../fil.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { addClientOptions } from '../shards/store.ts'
import { shortCid } from '../short-cid.ts'
import type { Terminal } from '../terminal.ts'
import { type Cell, count, printable, showBytes, table } from '../text.ts'
import { retrievalCell, retrievalState } from './deal-states.ts'
import { parseId, parseIds } from './ids.ts'
import { shownPeer } from './shown-peer.ts'
import { watchLines } from './watch.ts'
import { withClient } from './with-client.ts'

interface ListOptions extends CommonOptions { readonly verbose?: boolean, readonly watch?: boolean }

export const addListRetrievalsCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addClientOptions(common(client.command('list-retrievals')))
    .description('list the retrievals, the oldest first')
    .option('-v, --verbose', 'whole CIDs, and times and files too')
    .option('--watch', 'go on with a line for each change, until Ctrl-C; with --json one object a line')
    .action((options: ListOptions) => withClient(options, terminal, async ({ calls }) => {
      const { signal } = terminal
      const first = async (): Promise<readonly RetrievalInfo[]> => [...await calls.ClientListRetrievals({ signal })].sort((a, b) => a.ID < b.ID ? -1 : 1)
      if (options.watch === true) {
        return watchLines({ first, updates: () => calls.ClientGetRetrievalUpdates({ signal }), line: lineOf, json: (one) => rpcJson('ClientGetRetrievalUpdates', one) }, options, terminal)
      }
      const all = await first()
      if (options.json === true) return terminal.stdout(await rpcJson('ClientListRetrievals', all))
      const columns = options.verbose === true ? VERBOSE : COLUMNS
      terminal.stdout(table(columns.map(([title]) => title), all.map((one) => columns.map(([, cell]) => cell(one))), options.color ?? terminal.colors))
    }))
}

const lineOf = ({ ID, Status, BytesReceived, PayloadCID, Message }: RetrievalInfo): string =>
  printable(`${ID} ${retrievalState(Status)} ${showBytes(BytesReceived)} ${PayloadCID.toString()}${Message === '' ? '' : `: ${Message}`}`)

type Column = readonly [title: string, cell: (one: RetrievalInfo) => Cell]

const plain = (text: string): Cell => ({ text: printable(text) })

/** Source: lotus cli/client.go `outputRetrievalDeals`. */
const COLUMNS: readonly Column[] = [
  ['PayloadCID', ({ PayloadCID }) => plain(shortCid(PayloadCID))],
  ['DealId', ({ ID }) => plain(String(ID))],
  ['Provider', ({ Provider, From = Provider }) => plain(shownPeer(From))],
  ['Status', ({ Status }) => retrievalCell(Status)],
  ['Received', ({ BytesReceived }) => plain(showBytes(BytesReceived))],
  ['TotalPaid', ({ TotalPaid }) => plain(showFil(BigInt(TotalPaid)))],
  ['Message', ({ Message }) => plain(Message)],
]

const VERBOSE: readonly Column[] = [
  ['Created', ({ CreatedAt }) => plain(CreatedAt?.slice(0, 19).replace('T', ' ') ?? '')],
  ['PayloadCID', ({ PayloadCID }) => plain(PayloadCID.toString())],
  ...COLUMNS.slice(1, -1),
  ['PieceCID', ({ PieceCID }) => plain(PieceCID?.toString() ?? '')],
  ['Selector', ({ DataSelector }) => plain(DataSelector ?? '')],
  ['File', ({ FileName }) => plain(FileName ?? '')],
  ['Message', ({ Message }) => plain(Message)],
]

interface CancelOptions extends CommonOptions { readonly dealId?: bigint }

export const addCancelRetrievalCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addClientOptions(common(client.command('cancel-retrieval')))
    .description('give retrievals up; what they have fetched stays until they are removed, and retrieve goes on with it')
    .argument('[id...]', 'of retrievals, as list-retrievals lists them', parseIds)
    .option('--deal-id <id>', 'the same, as Lotus takes it', parseId)
    .action((ids: readonly bigint[], options: CancelOptions) => each([...ids, ...(options.dealId === undefined ? [] : [options.dealId])], 'cancelled', (id, calls, how) => calls.ClientCancelRetrievalDeal(id, how), options, terminal))
}

export const addRemoveRetrievalCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addClientOptions(common(client.command('remove-retrieval')))
    .description('forget retrievals that are over, and delete what they have fetched; files that were written stay')
    .argument('<id...>', 'of retrievals, as list-retrievals lists them', parseIds)
    .action((ids: readonly bigint[], options: CommonOptions) => each(ids, 'removed', (id, calls, how) => calls.ClientRemoveRetrieval(id, how), options, terminal))
}

type Calls = Parameters<Parameters<typeof withClient>[2]>[0]['calls']

const each = (ids: readonly bigint[], done: string, work: (id: bigint, calls: Calls, options: { readonly signal: AbortSignal }) => Promise<void>, options: CommonOptions, terminal: Terminal): Promise<void> => {
  if (ids.length === 0) throw new CommandError('COMMAND_USAGE', 'name a retrieval')
  return withClient(options, terminal, ({ calls }) => inBulk(terminal, options, async (bulk) => {
    for (const id of new Set(ids)) {
      try {
        await work(id, calls, { signal: terminal.signal })
        await bulk.done({ id }, `${done} ${id}`)
      } catch (error) {
        await bulk.fail({ id }, error, `retrieval ${id}`)
      }
    }
  }))
}

interface PruneOptions extends CommonOptions { readonly olderThan?: number, readonly maxSize?: number }

export const addPruneRetrievalsCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addClientOptions(common(client.command('prune-retrievals')))
    .description('delete what retrievals that are over have fetched: old ones, or more than there is room for')
    .option('--older-than <time>', 'those that were not touched for so long, such as 12h or 30d', olderThan)
    .option('--max-size <size>', 'the oldest ones, until no more than this is left, such as 50GiB', sizeOf)
    .action(async ({ olderThan, maxSize, ...options }: PruneOptions) => {
      if (olderThan === undefined && maxSize === undefined) throw new CommandError('COMMAND_USAGE', 'say which: --older-than TIME or --max-size SIZE')
      const report = await withClient(options, terminal, ({ calls }) => calls.ClientPruneRetrievals(
        { ...(olderThan === undefined ? {} : { OlderThanMs: olderThan }), ...(maxSize === undefined ? {} : { MaxBytes: maxSize }) }, { signal: terminal.signal }
      ))
      if (options.json === true) return terminal.stdout(await rpcJson('ClientPruneRetrievals', report))
      for (const id of report.Removed) terminal.stdout(`removed ${id}\n`)
      terminal.stderr(report.Removed.length === 0 ? 'nothing to remove\n' : `${count(report.Removed.length, 'retrieval')}, ${showBytes(report.RemovedBytes)}\n`)
    })
}

const EPOCH_MS = 30_000

const olderThan = (text: string): number => {
  try {
    if (!/[a-z]$/i.test(text.trim())) throw new RangeError('it is a time such as 12h or 30d')
    return parseEpochs(text) * EPOCH_MS
  } catch {
    throw new InvalidArgumentError('it is a time such as 12h or 30d')
  }
}

const UNITS: Readonly<Record<string, number>> = { '': 1, kib: 1 << 10, mib: 1 << 20, gib: 1 << 30, tib: 2 ** 40 }

const sizeOf = (text: string): number => {
  const [, digits = '', unit = ''] = /^(\d{1,15})\s*([a-z]*)$/i.exec(text.trim()) ?? []
  const bytes = Number(digits) * (UNITS[unit.toLowerCase()] ?? Number.NaN)
  if (digits !== '' && Number.isSafeInteger(bytes)) return bytes
  throw new InvalidArgumentError('it is a size such as 500MiB or 50GiB')
}
