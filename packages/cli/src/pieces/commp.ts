/** `pieces commp`: the piece commitment of a file. */
import type { Command } from 'commander'
import { readChunks } from '@dagstore/io'
import { pieceBytes } from '@dagstore/piece'
import { commpOf } from '@dagstore/piece/node'
import { withSource } from '../car/input.ts'
import { hashThreads } from '../hash-threads.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { showBytes, toJson } from '../text.ts'
import { payloadRange } from './payload-range.ts'

interface CommpOptions extends CommonOptions { readonly raw?: boolean }

export const addCommpCommand = (pieces: Command, common: AddOptions, terminal: Terminal): void => { addCommp('commp', pieces, common, terminal) }

/** The same under the name of Lotus's `client commP`; no store is needed for it. */
export const addClientCommpCommand = (client: Command, common: AddOptions, terminal: Terminal): void => { addCommp('commP', client, common, terminal) }

const addCommp = (name: string, group: Command, common: AddOptions, terminal: Terminal): void => {
  common(group.command(name))
    .description('the piece commitment of a file: of a CARv2 its CARv1 payload, of anything else every byte')
    .argument('<file>', '- is what is piped in')
    .option('--raw', 'every byte of a CARv2 file too, header and index included')
    .action((file: string, options: CommpOptions) => commp(file, options, terminal))
}

const commp = async (file: string, options: CommpOptions, terminal: Terminal): Promise<void> => {
  const { signal } = terminal
  const piece = await withSource(file, 'commp', terminal, async (source, onProgress) => {
    const { from, to } = options.raw === true ? { from: 0, to: source.sizeBytes } : await payloadRange(source, { signal })
    pieceBytes(to - from)
    return commpOf(readChunks(source, from, to, { signal }), { signal, workers: hashThreads(), onProgress: ({ doneBytes }) => { onProgress({ doneBytes, totalBytes: to - from }) } })
  })
  const result = { pieceCid: piece.cidV1.toString(), pieceCidV2: piece.cidV2.toString(), pieceSizePadded: piece.paddedBytes, payloadBytes: piece.payloadBytes }
  if (options.json === true) terminal.stdout(`${toJson(result)}\n`)
  else terminal.stdout(`CID: ${result.pieceCid}\nCID v2: ${result.pieceCidV2}\nPiece size: ${showBytes(result.pieceSizePadded)} ( ${result.pieceSizePadded} B )\nPayload: ${result.payloadBytes} B\n`)
}
