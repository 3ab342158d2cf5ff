/** Which bytes of a staged file are hashed to find the payload of a piece. */
import { carV2, makeBlocks } from '@dagstore-tooling/fixtures'
import { readLayout } from '@dagstore/carv2'
import { createBytesSource } from '@dagstore/io'
import { openCommPHere, PieceError, type PieceEngine } from '@dagstore/piece'
import { describe, expect, it } from 'vitest'
import { matchPiece } from '../src/piece-window.ts'
import { engine, proposalOf } from './harness.ts'

const blocks = makeBlocks(1, 8, { min: 30_000, max: 30_000 })
const file = carV2({ roots: [blocks[0]!.cid], blocks })

/** @returns the window that was found, and how many bytes were hashed for it */
const matched = async (wanted: Uint8Array): Promise<{ readonly start: number, readonly length: number, readonly hashed: number }> => {
  let hashed = 0
  const counting: PieceEngine = { ...engine, commit: (payload) => { hashed += payload.byteLength; return engine.commit(payload) } }
  return { ...await matchPiece(createBytesSource(file), proposalOf(wanted), { openCommP: openCommPHere({ engine: counting }) }), hashed }
}

describe('the payload of a piece in a CARv2', () => {
  it('is hashed once, and nothing beside it, where it is what the CARv2 holds', async () => {
    const { payloadStart: start, payloadBytes: length } = await readLayout(createBytesSource(file))
    expect(await matched(file.subarray(start, start + length))).toEqual({ start, length, hashed: length })
  })

  it('may be the whole file, which is hashed when what it holds is not the piece', async () => {
    const { payloadBytes } = await readLayout(createBytesSource(file))
    expect(await matched(file)).toEqual({ start: 0, length: file.byteLength, hashed: payloadBytes + file.byteLength })
  })

  it('is neither, where all was hashed and nothing is the piece', async () => {
    await expect(matched(file.subarray(1))).rejects.toMatchObject({ code: 'DEAL_PIECE_MISMATCH' })
  })

  it('is not told from a commitment that failed, which ends the search and is given up', async () => {
    let [opened, closed] = [0, 0]
    const failing = matchPiece(createBytesSource(file), proposalOf(file), {
      openCommP: () => {
        opened++
        return { write: () => {}, finish: async () => { throw new PieceError('PIECE_WORKER_FAILED', 'a thread ended') }, close: async () => { closed++ } }
      },
    })
    await expect(failing).rejects.toMatchObject({ code: 'PIECE_WORKER_FAILED' })
    expect([opened, closed]).toEqual([1, 1])
  })
})
