/** `client retrieve`: a DAG is fetched, from here where it can be had here, and written to a file or directory. */
import type { RetrievalEvent } from '@dagstore/lotus-api'
import { type Command, Option } from 'commander'
import type { CID } from 'multiformats/cid'
import { parsePieceCid } from '../car/cid-argument.ts'
import { type Output, refuseEarly, refuseMixture } from '../car/output.ts'
import { CommandError, explain } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { startProgress } from '../progress.ts'
import { addClientOptions } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { printable, showBytes, toJson } from '../text.ts'
import { fil } from './amounts.ts'
import { isLostHere } from './data-here.ts'
import { type DagPath, parseDagPath } from './dag-path.ts'
import { retrievalState } from './deal-states.ts'
import { several } from './find.ts'
import { addCarOptions, carVersionOf, exportDag, type ExportHow, printFile } from './export.ts'
import { namedPath } from './paths.ts'
import { orderOf, type OrderQuery, placeOf } from './retrieval-order.ts'
import { type AskedClient, withAnyClient } from './with-client.ts'

interface RetrieveOptions extends CommonOptions, ExportHow {
  readonly provider?: readonly string[]
  readonly local: boolean
  readonly pieceCid?: string
  readonly path?: string
  readonly dataSelector?: string
  readonly maxPrice: bigint
  readonly into?: 'file' | 'ipfs' | 'ipfs-pinned'
}

export const addRetrieveCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  const command = addClientOptions(common(client.command('retrieve')))
    .description('fetch data and write them to a file or directory: from an import where one has them, else from providers and trustless gateways; makes the store where there is none')
    .argument('<root>', 'CID of the data, with a path below it where only that is wanted')
    .argument('[output]', 'file or directory to make; - is stdout, for a file (default: the data stay in the store)')
    .option('--provider <url>', 'ask this provider or gateway; several times: the next one where one fails (default: those that find lists, the cheapest first)', several)
    .option('--no-local', 'from providers, also where an import has them')
    .option('--piece-cid <cid>', 'out of this piece')
    .option('--path <path>', 'below the root: only what is there')
    .option('--data-selector <selector>', 'only this part: a path, or a selector of Lotus as JSON')
    .addOption(new Option('--max-price <fil>', 'for all of it; no more is agreed to').argParser(fil).default(0n, '0'))
    .addOption(new Option('--into <place>', 'where the blocks go (default: as the configuration says, else file)').choices(['file', 'ipfs', 'ipfs-pinned']))
  addCarOptions(command)
    .action((text: string, output: string | undefined, options: RetrieveOptions) => retrieve(parseDagPath(text, options.path), output, options, terminal))
}

const retrieve = async (dag: DagPath, argument: string | undefined, options: RetrieveOptions, terminal: Terminal): Promise<void> => {
  if (options.dataSelector !== undefined && dag.path !== '') throw new CommandError('COMMAND_USAGE', 'a path or --data-selector')
  const selector = options.dataSelector ?? (dag.path === '' ? undefined : dag.path)
  const output: Output | undefined = argument === undefined ? undefined : { ...namedPath(argument, terminal), force: options.force === true }
  if (output?.label === '-' && (options.car === true || options.dataSelector !== undefined)) throw new CommandError('COMMAND_USAGE', 'a CAR needs an output file')
  if (output !== undefined) refuseMixture(output, options)
  if (carVersionOf(options) !== undefined && output === undefined) throw new CommandError('COMMAND_USAGE', 'a CAR needs an output file')
  const piece = options.pieceCid === undefined ? null : await parsePieceCid(options.pieceCid)
  await withAnyClient(options, terminal, async (client) => {
    if (output !== undefined && client.isHere) await refuseEarly(output, options)
    const bring = async (how: RetrieveOptions): Promise<Fetched> => {
      const { id, from, bytes: fetched } = await fetchedOf(dag.root, selector, piece, how, client, terminal)
      try {
        const written = await writeOut(dag, selector, id, output, how, client, terminal)
        return { id, from, bytes: fetched ?? written }
      } catch (error) {
        // what was printed cannot be taken back
        if (id !== undefined || from !== 'import' || output?.label === '-' || !isLostHere(error)) throw error
        terminal.stderr(`${printable(`what is here cannot be read: ${explain(error)}`)}\n`)
        return bring({ ...how, local: false })
      }
    }
    const { id, from, bytes } = await bring(options)
    if (options.json === true) terminal.stdout(`${toJson({ id: id ?? null, root: dag.root.toString(), selector: selector ?? null, from, bytes: bytes ?? null, path: output?.path ?? null })}\n`)
    // source: lotus cli/client.go `clientRetrieveCmd`, whose last word it is
    else if (output?.label !== '-') terminal.stdout('Success\n')
    if (options.json !== true) terminal.stderr(`${printable(`${bytes === undefined ? '' : `${showBytes(bytes)} `}from ${FROM[from] ?? from}${output === undefined || output.label === '-' ? '' : `, into ${output.label}`}`)}\n`)
  })
}

const FROM: Readonly<Record<string, string>> = { import: 'an import', cid: 'the CID itself' }

/** `id`: of the retrieval that has the data. */
interface Fetched { readonly id: bigint | undefined, readonly from: string, readonly bytes: number | undefined }

/** What is here is not fetched again, and what was cut off, has failed or was cancelled goes on. */
const fetchedOf = async (root: CID, selector: string | undefined, piece: CID | null, options: RetrieveOptions, client: AskedClient, terminal: Terminal): Promise<Fetched> => {
  const { signal } = terminal
  const query: OrderQuery = { root, selector, piece, providers: options.provider ?? [], local: options.local, maxPrice: options.maxPrice, into: options.into }
  const place = await placeOf(query, client, terminal)
  if (place.type === 'import') return { id: undefined, from: 'import', bytes: undefined }
  if (place.type === 'retrieval') return { id: place.id, from: `retrieval ${place.id}`, bytes: place.bytes }
  const { DealID, From, BytesReceived } = await follow(client.calls.ClientRetrieveWithEvents(await orderOf(query, client, signal), null, { signal }), terminal)
  const id = DealID === 0n ? undefined : DealID
  // nobody had to be asked for what is in the CID
  return From === undefined ? { id, from: 'cid', bytes: undefined } : { id, from: From, bytes: BytesReceived }
}

/** @returns bytes that were written */
const writeOut = async ({ root, path }: DagPath, selector: string | undefined, id: bigint | undefined, output: Output | undefined, options: RetrieveOptions, client: AskedClient, terminal: Terminal): Promise<number | undefined> => {
  if (output === undefined) return undefined
  if (output.label === '-') return printFile({ Root: root, Path: path, ...(id === undefined ? {} : { DealID: id }) }, client, terminal)
  return exportDag({ Root: root, DAGs: selector === undefined ? [] : [{ DataSelector: selector, ExportMerkleProof: false }], FromLocalCAR: '', DealID: id ?? 0n }, output, options, client, terminal)
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
