/** `pieces list-pieces`, `list-cids`, `piece-info`, `cid-info`: where pieces and payloads lie, with the columns of Lotus. */
import type { Command } from 'commander'
import type { CID } from 'multiformats/cid'
import type { PieceCalls } from '../backend/provider-calls.ts'
import { rpcJson } from '../backend/rpc-json.ts'
import { parseCid } from '../car/cid-argument.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { addBackendOptions, withExistingStore } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { table } from '../text.ts'

export const addListPiecesCommand = (pieces: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(pieces.command('list-pieces')))
    .description('list the pieces of which a place is known')
    .action((options: CommonOptions) => listCids('PiecesListPieces', options, terminal))
}

export const addListCidsCommand = (pieces: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(pieces.command('list-cids')))
    .description('list the payloads of which a piece is known')
    .action((options: CommonOptions) => listCids('PiecesListCidInfos', options, terminal))
}

/** Lotus's tables have no colours, and their first line stands apart. Source: lotus cmd/lotus-miner/pieces.go. */
export const addPieceInfoCommand = (pieces: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(pieces.command('piece-info')))
    .description('say in which sectors a piece lies, and for which deals; lengths and offsets are padded bytes')
    .argument('<cid>', 'of the piece, version 1 or 2')
    .action(async (text: string, options: CommonOptions) => {
      const cid = parseCid(text)
      const info = await ask(options, terminal, ({ PiecesGetPieceInfo }) => PiecesGetPieceInfo(cid, { signal: terminal.signal }))
      if (options.json === true) return terminal.stdout(await rpcJson('PiecesGetPieceInfo', info))
      const rows = info.Deals.map(({ DealID, SectorID, Length, Offset }) => [DealID, SectorID, Length, Offset].map((value) => ({ text: String(value) })))
      terminal.stdout(`Piece:  ${info.PieceCID.toString()}\nDeals:\n${table(['DealID', 'SectorID', 'Length', 'Offset'], rows, false) || 'DealID  SectorID  Length  Offset\n'}`)
    })
}

export const addCidInfoCommand = (pieces: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(pieces.command('cid-info')))
    .description('list the pieces that hold a payload')
    .argument('<cid>', 'of the payload')
    .action(async (text: string, options: CommonOptions) => {
      const cid = parseCid(text)
      const info = await ask(options, terminal, ({ PiecesGetCIDInfo }) => PiecesGetCIDInfo(cid, { signal: terminal.signal }))
      if (options.json === true) return terminal.stdout(await rpcJson('PiecesGetCIDInfo', info))
      const rows = info.PieceBlockLocations.map(({ PieceCID, RelOffset, BlockSize }) => [PieceCID.toString(), RelOffset, BlockSize].map((value) => ({ text: String(value) })))
      terminal.stdout(`Info for:  ${info.CID.toString()}\n${table(['PieceCid', 'Offset', 'Size'], rows, false)}`)
    })
}

const ask = <T>(options: CommonOptions, terminal: Terminal, work: (calls: PieceCalls) => Promise<T>): Promise<T> =>
  withExistingStore(options, terminal, async ({ provider }) => work(await provider.pieces()))

const listCids = async (method: 'PiecesListPieces' | 'PiecesListCidInfos', options: CommonOptions, terminal: Terminal): Promise<void> => {
  const cids: readonly CID[] = await ask(options, terminal, (calls) => calls[method]({ signal: terminal.signal }))
  terminal.stdout(options.json === true ? await rpcJson(method, cids) : cids.map((cid) => `${cid.toString()}\n`).join(''))
}
