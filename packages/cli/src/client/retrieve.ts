/** `client retrieve`: a DAG is fetched, from here where it can be had here, and written to a file or directory. */
import type { RetrievalEvent, RetrievalOrder } from '@dagstore/lotus-api'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ClientCalls } from '../backend/client-calls.ts'
import { parseCid } from '../car/cid-argument.ts'
import { type Output, refuseEarly, refuseMixture } from '../car/output.ts'
import { CommandError } from '../failure.ts'
import { parseFil, showFil } from '../fil.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { startProgress } from '../progress.ts'
import { addBackendOptions } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { printable, showBytes, toJson } from '../text.ts'
import { type DagPath, parseDagPath } from './dag-path.ts'
import { isOverRetrieval, retrievalState } from './deal-states.ts'
import { several } from './find.ts'
import { askOffers, offerName, usable } from './offers.ts'
import { exportDag, type ExportHow, printFile } from './export.ts'
import { namedPath } from './paths.ts'
import { type AskedClient, withAnyClient } from './with-client.ts'

interface RetrieveOptions extends CommonOptions, ExportHow {
  readonly provider: readonly string[]
  readonly local: boolean
  readonly pieceCid?: string
  readonly path?: string
  readonly dataSelector?: string
  readonly maxPrice: bigint
  readonly into?: 'file' | 'ipfs' | 'ipfs-pinned'
}

export const addRetrieveCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(client.command('retrieve')))
    .description('fetch data and write them to a file or directory: from an import where one has them, else from providers and trustless gateways; makes the store where there is none')
    .argument('<root>', 'CID of the data, with a path below it where only that is wanted')
    .argument('[output]', 'file or directory to make; - is stdout, for a file (default: the data stay in the store)')
    .option('--provider <url>', 'ask this provider or gateway; several times: the next one where one fails (default: those that find lists, the cheapest first)', several, [])
    .option('--no-local', 'from providers, also where an import has them')
    .option('--piece-cid <cid>', 'out of this piece')
    .option('--path <path>', 'below the root: only what is there')
    .option('--data-selector <selector>', 'only this part: a path, or a selector of Lotus as JSON')
    .addOption(new Option('--max-price <fil>', 'for all of it; no more is agreed to').argParser(fil).default(0n, '0'))
    .addOption(new Option('--into <place>', 'where the blocks go (default: as the configuration says, else file)').choices(['file', 'ipfs', 'ipfs-pinned']))
    .option('--car', 'write a CAR')
    .addOption(new Option('--car-version <version>', 'of the CAR').choices(['1', '2']).default('1'))
    .addOption(new Option('--force', 'replace a file that is there already'))
    .action((text: string, output: string | undefined, options: RetrieveOptions) => retrieve(parseDagPath(text, options.path), output, options, terminal))
}

/** @throws {InvalidArgumentError} wrong usage */
function fil (text: string): bigint {
  try {
    return parseFil(text)
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : '')
  }
}

const retrieve = async (dag: DagPath, argument: string | undefined, options: RetrieveOptions, terminal: Terminal): Promise<void> => {
  const { signal } = terminal
  if (options.dataSelector !== undefined && dag.path !== '') throw new CommandError('COMMAND_USAGE', 'a path or --data-selector')
  const selector = options.dataSelector ?? (dag.path === '' ? undefined : dag.path)
  const output: Output | undefined = argument === undefined ? undefined : { ...namedPath(argument, terminal), force: options.force === true }
  if (output?.label === '-' && (options.car === true || options.dataSelector !== undefined)) throw new CommandError('COMMAND_USAGE', 'a CAR needs an output file')
  if (output !== undefined) refuseMixture(output, options)
  await withAnyClient(options, terminal, async (client) => {
    if (output !== undefined && client.isHere) await refuseEarly(output, options)
    const order = await orderOf(dag, selector, options, client, terminal)
    const done = await follow(client.calls.ClientRetrieveWithEvents(order, null, { signal }), terminal)
    const from = done.From === undefined || done.From === 'import' ? 'an import' : done.From
    const ref = { Root: dag.root, DAGs: selector === undefined ? [] : [{ DataSelector: selector, ExportMerkleProof: false }], FromLocalCAR: '', DealID: done.DealID ?? 0n }
    if (output?.label === '-') await printFile({ Root: dag.root, Path: dag.path, ...(done.DealID === undefined || done.DealID === 0n ? {} : { DealID: done.DealID }) }, client, terminal)
    else if (output !== undefined) await exportDag(ref, output, options, client, terminal)
    const said = `${showBytes(done.BytesReceived)} from ${from}${output === undefined || output.label === '-' ? '' : `, into ${output.label}`}`
    if (options.json === true) terminal.stdout(`${toJson({ id: done.DealID ?? null, root: dag.root.toString(), selector: selector ?? null, from: done.From ?? null, bytes: done.BytesReceived, path: output?.path ?? null })}\n`)
    // source: lotus cli/client.go `clientRetrieveCmd`, whose last word it is
    else if (output?.label !== '-') terminal.stdout('Success\n')
    if (options.json !== true) terminal.stderr(`${printable(said)}\n`)
  })
}

/** An earlier one of the same data that was cut off goes on. */
const orderOf = async ({ root }: DagPath, selector: string | undefined, options: RetrieveOptions, client: AskedClient, { signal }: Terminal): Promise<RetrievalOrder> => {
  const { calls } = client
  const piece = options.pieceCid === undefined ? null : parseCid(options.pieceCid)
  const isLocal = options.local && options.into === undefined && await calls.ClientHasLocal(root, { signal })
  const providers = isLocal ? options.provider : await providersOf(root, piece, options, client, signal)
  const earlier = isLocal ? undefined : await unfinished(root.toString(), selector, calls, signal)
  return {
    Root: root, Piece: piece, Size: 0, FromLocalCAR: '', Total: String(options.maxPrice), UnsealPrice: '0', PaymentInterval: 0, PaymentIntervalIncrease: 0, Client: '', Miner: '', MinerPeer: null,
    Providers: providers, LocalFirst: options.local,
    ...(selector === undefined ? {} : { DataSelector: selector }), ...(options.into === undefined ? {} : { Into: options.into }), ...(earlier === undefined ? {} : { ID: earlier }),
  }
}

const unfinished = async (root: string, selector: string | undefined, calls: ClientCalls, signal: AbortSignal): Promise<bigint | undefined> =>
  (await calls.ClientListRetrievals({ signal })).findLast(({ PayloadCID, DataSelector, Status }) => PayloadCID.toString() === root && DataSelector === selector && !isOverRetrieval(Status))?.ID

/** @throws {CommandError} `COMMAND_REFUSED`: nobody is known to have it, or not for that price */
const providersOf = async (root: RetrievalOrder['Root'], piece: RetrievalOrder['Piece'], { provider, maxPrice }: RetrieveOptions, client: AskedClient, signal: AbortSignal): Promise<readonly string[]> => {
  if (provider.length > 0) return provider
  const offers = await askOffers(client, root, piece, [], { signal })
  const found = usable(offers)
  const paid = found.filter(({ MinPrice }) => BigInt(MinPrice) <= maxPrice)
  if (paid.length > 0) return paid.map(({ MinerPeer: { ID, URL = ID } }) => URL)
  const [cheapest] = found
  if (cheapest !== undefined) throw new CommandError('COMMAND_REFUSED', `${offerName(cheapest)} asks for ${showFil(BigInt(cheapest.MinPrice))}; to agree to that: --max-price ${showFil(BigInt(cheapest.MinPrice)).replace(' FIL', '')}`)
  throw new CommandError('COMMAND_REFUSED', offers.length === 0
    ? 'no import has it, and no provider is known: --provider URL'
    : `no import has it, and nobody who was asked: ${offers.map((offer) => `${offerName(offer)}: ${offer.Err}`).join('; ')}`)
}

/** Of the last event. @throws {CommandError} `COMMAND_REFUSED`: an event says that it has failed */
const follow = async (events: AsyncIterable<RetrievalEvent>, terminal: Terminal): Promise<RetrievalEvent> => {
  const progress = startProgress(terminal, 'retrieve')
  let last: RetrievalEvent | undefined
  let from: string | undefined
  let id: bigint | undefined
  try {
    for await (const event of events) {
      from = event.From ?? from
      id = event.DealID ?? id
      last = { ...event, ...(from === undefined ? {} : { From: from }), ...(id === undefined ? {} : { DealID: id }) }
      if (event.Err !== '') throw new CommandError('COMMAND_REFUSED', `${event.Err}${id === undefined ? '' : `; retrieval ${id}`}`)
      progress.update(event.BytesReceived, event.TotalBytes, retrievalState(event.Status).replace(/^DealStatus/, ''))
    }
  } finally {
    progress.end()
  }
  terminal.signal.throwIfAborted()
  if (last === undefined) throw new CommandError('COMMAND_REFUSED', 'the retrieval ended without a word')
  return last
}
