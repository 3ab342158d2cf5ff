import { createServer } from 'node:http'
import { once } from 'node:events'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { plainPieceName } from '@dagstore-tooling/fixtures'
import { ClassicLevel } from 'classic-level'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocketServer } from 'ws'
import { type DealSystem, openDealReader } from '../src/deal-readers.ts'
import { temporaryFolder } from './terminal.ts'

const { v1: pieceCid } = plainPieceName(new Uint8Array(1000).fill(3), 1024)
const TOKEN = 'eyJhbGciOiJIUzI1NiJ9.eyJBbGxvdyI6WyJyZWFkIl19.c2ln'

/** Answers calls by POST and over a WebSocket; gives its port. */
const answering = async (answers: Readonly<Record<string, unknown>>): Promise<{ readonly port: number, readonly asked: string[] }> => {
  const asked: string[] = []
  const answer = (text: string, authorization: string | undefined): string => {
    const { id, method } = JSON.parse(text) as { readonly id: number, readonly method: string }
    asked.push(`${method} ${authorization ?? ''}`.trim())
    return JSON.stringify({ jsonrpc: '2.0', id, result: answers[method] })
  }
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString()
    response.writeHead(200).end(answer(body, request.headers.authorization))
  }).listen(0, '127.0.0.1')
  new WebSocketServer({ server }).on('connection', (socket, request) => { socket.on('message', (message: Buffer) => { socket.send(answer(message.toString(), request.headers.authorization)) }) })
  await once(server, 'listening')
  onTestFinished(() => { server.close(); server.closeAllConnections() })
  return { port: (server.address() as { readonly port: number }).port, asked }
}

const read = async (system: DealSystem, source: string, cwd: string): Promise<readonly { readonly piece: string, readonly deals: readonly string[] }[]> => {
  const reader = await openDealReader(system, source, { cwd })
  const found: { piece: string, deals: string[] }[] = []
  try {
    for await (const { pieceCid: piece, deals } of reader.list()) found.push({ piece: piece.toString(), deals: deals.map(({ dealId, miner, sector }) => `${dealId} ${miner} ${sector}`) })
  } finally {
    await reader.close()
  }
  return found
}

describe('openDealReader', () => {
  it('asks a Lotus node, with the token of its API info', async () => {
    const { port, asked } = await answering({
      'Filecoin.ActorAddress': 't01000',
      'Filecoin.PiecesListPieces': [{ '/': pieceCid }],
      'Filecoin.PiecesGetPieceInfo': { PieceCID: { '/': pieceCid }, Deals: [{ DealID: 5, SectorID: 7, Offset: 0, Length: 1024 }] },
      'Filecoin.MarketListIncompleteDeals': [],
    })
    expect(await read('lotus', `${TOKEN}:/ip4/127.0.0.1/tcp/${port}/http`, '/')).toEqual([{ piece: pieceCid, deals: ['5 1000 7'] }])
    expect(asked.every((call) => call.endsWith(`Bearer ${TOKEN}`))).toBe(true)
  })

  it('reads a copy of the metadata of a repository, and leaves the original as it is', async () => {
    const cwd = await temporaryFolder()
    const folder = join(cwd, 'repo', 'datastore', 'metadata')
    await mkdir(folder, { recursive: true })
    const level = new ClassicLevel(folder)
    await level.put('/storagemarket/pieces/versions/current', '1')
    await level.close()
    const before = await readdir(folder)
    await read('lotus', 'repo', cwd).catch((error: unknown) => { expect(error).toMatchObject({ name: 'PieceStoreError' }) })
    expect(await readdir(folder)).toEqual(before)
    await expect(read('lotus', 'nowhere', cwd)).rejects.toMatchObject({ code: 'PIECE_STORE_FAILED' })
  })

  it('asks the index directory of Boost over its WebSocket', async () => {
    const { port, asked } = await answering({
      'boostddata.ListPieces': [{ '/': pieceCid }],
      'boostddata.GetPieceDeals': [{ u: 'a-b', y: false, i: 9, m: 'f01000', s: 4, o: 0, l: 1024, c: 1000 }],
    })
    expect(await read('boost', `ws://127.0.0.1:${port}`, '/')).toMatchObject([{ piece: pieceCid, deals: [expect.stringContaining(' 1000 4')] }])
    expect(asked.length).toBeGreaterThan(1)
  })

  it('reads lists from where the user is', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'deals.ndjson'), `${JSON.stringify({ pieceCid, deals: [{ dealId: '5', miner: '1000', sector: '7', offsetPadded: 0, lengthPadded: 1024 }] })}\n`)
    expect(await read('file', 'deals.ndjson', cwd)).toEqual([{ piece: pieceCid, deals: ['5 1000 7'] }])
    await expect(read('file', 'none.ndjson', cwd)).rejects.toMatchObject({ code: 'PIECE_STORE_FAILED' })
  })
})
