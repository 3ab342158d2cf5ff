/** `client stat`, `client ls`, `client cat`: what lies under a root that is here. */
import type { ClientDagEntry, ClientDagRef } from '@dagstore/lotus-api'
import type { Command } from 'commander'
import { rpcJson } from '../backend/rpc-json.ts'
import { parseCid } from '../car/cid-argument.ts'
import { CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { addClientOptions } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { printable } from '../text.ts'
import { type ByteRange, parseByteRange } from './byte-range.ts'
import { parseDagPath } from './dag-path.ts'
import { printFile } from './export.ts'
import { parseId } from './ids.ts'
import { type AskedClient, withClient } from './with-client.ts'

interface StatOptions extends CommonOptions { readonly pieceCid?: boolean }

/** Source: lotus cli/client.go `clientStat`. */
export const addStatCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addClientOptions(common(client.command('stat')))
    .description('say how large a deal of data that are here would be')
    .argument('<root>', 'CID of the data')
    .option('--piece-cid', 'and the commitment of its piece, which takes a read of all data the first time')
    .action(async (text: string, options: StatOptions) => {
      const root = parseCid(text)
      const { signal } = terminal
      await withClient(options, terminal, async ({ calls }) => {
        if (options.pieceCid !== true) {
          const size = await calls.ClientDealSize(root, { signal })
          return terminal.stdout(options.json === true ? await rpcJson('ClientDealSize', size) : `Piece Size  : ${size.PieceSize}\nPayload Size: ${size.PayloadSize}\n`)
        }
        const piece = await calls.ClientDealPieceCID(root, { signal })
        terminal.stdout(options.json === true ? await rpcJson('ClientDealPieceCID', piece) : `Piece Size  : ${piece.PieceSize}\nPayload Size: ${piece.PayloadSize}\nPiece CID   : ${piece.PieceCID.toString()}\n`)
      })
    })
}

interface ReadOptions extends CommonOptions { readonly path?: string, readonly retrieval?: bigint, readonly bytes?: string }

const addDagOptions = (command: Command): Command => command
  .argument('<root>', 'CID of the data, with a path below it')
  .option('--path <path>', 'below the root')
  .option('--retrieval <id>', 'of this retrieval, not of an import', parseId)

const dagOf = (text: string, { path, retrieval }: ReadOptions): ClientDagRef => {
  const dag = parseDagPath(text, path)
  return { Root: dag.root, Path: dag.path, ...(retrieval === undefined ? {} : { DealID: retrieval }) }
}

export const addCatCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addDagOptions(addClientOptions(common(client.command('cat'))))
    .description('print a file of data that are here')
    .option('--bytes <from:to>', 'only these, the last one too, such as 0:1023, 4096:* or -1024:*')
    .action(async (text: string, options: ReadOptions) => {
      const dag = dagOf(text, options)
      const range = options.bytes === undefined ? undefined : parseByteRange(options.bytes)
      if (options.json === true) throw new CommandError('COMMAND_USAGE', '--json needs an output file: dagstore client export')
      await withClient(options, terminal, async (client) => {
        const [from, to] = range === undefined ? [] : await placesOf(range, dag, client, terminal)
        await printFile(dag, client, terminal, from, to)
      })
    })
}

/** As the RPC has it: without the last one, and from the start. */
const placesOf = async ({ from, to }: ByteRange, dag: ClientDagRef, { calls }: AskedClient, { signal }: Terminal): Promise<readonly [number, number | undefined]> => {
  if (from >= 0 && (to === undefined || to >= 0)) return [from, to === undefined ? undefined : to + 1]
  let size: number | null = null
  for await (const { Name, Size } of calls.ClientListDag(dag, { signal })) {
    if (Name === '') size = Size
    break
  }
  if (size === null) throw new CommandError('COMMAND_REFUSED', 'nobody knows how long it is, so bytes cannot be counted from its end')
  const place = (at: number): number => Math.max(0, at < 0 ? size + at : at)
  return [place(from), to === undefined ? undefined : Math.max(place(from), place(to) + 1)]
}

export const addLsCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addDagOptions(addClientOptions(common(client.command('ls'))))
    .description('list a directory of data that are here: CID, bytes and name; with --json one object a line')
    .action(async (text: string, options: ReadOptions) => {
      const dag = dagOf(text, options)
      await withClient(options, terminal, async ({ calls }) => {
        for await (const entry of calls.ClientListDag(dag, { signal: terminal.signal })) {
          if (options.json === true) terminal.stdout(await rpcJson('ClientListDag', entry))
          // of a directory its entries are meant, not itself
          else if (entry.Name !== '' || entry.Type !== 'directory') terminal.stdout(lineOf(entry, dag))
          await terminal.drained?.()
        }
      })
      terminal.signal.throwIfAborted()
    })
}

/** As `ipfs ls` writes it. */
const lineOf = ({ Name, Cid, Type, Size, Target }: ClientDagEntry, { Path = '' }: ClientDagRef): string =>
  `${Cid.toString()} ${Size ?? '-'} ${printable(`${Name === '' ? Path.split('/').at(-1) ?? '' : Name}${Type === 'directory' ? '/' : ''}${Target === undefined ? '' : ` -> ${Target}`}`)}`.trimEnd() + '\n'
