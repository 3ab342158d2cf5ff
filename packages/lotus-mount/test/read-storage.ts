/** Reads every piece of a storage as whoever runs it: node read-storage.ts RECORDS. */
import { createHash } from 'node:crypto'
import { access, constants, readFile } from 'node:fs/promises'
import { createMemoryPieceStore } from '@dagstore/piece-store'
import { CID } from 'multiformats/cid'
import { createPieceLoader, parkedPieceSource, sectorPieceSource } from '../src/index.ts'
import { curioPieceFiles, localSectors, readStorageFolders } from '../src/node.ts'

interface Records {
  readonly repo: string
  readonly deals: readonly { readonly pieceCid: string, readonly miner: string, readonly sector: string, readonly offsetPadded: number, readonly lengthPadded: number, readonly payloadBytes: number, readonly copy: string }[]
  readonly digests: Readonly<Record<string, string>>
}

const { repo, deals, digests } = JSON.parse(await readFile(process.argv[2]!, 'utf8')) as Records
const folders = await readStorageFolders(repo)
const wrong: string[] = []
let read = 0
for (const { pieceCid, miner, sector, offsetPadded, lengthPadded, payloadBytes, copy } of deals) {
  if (copy !== 'there') continue
  const pieceStore = createMemoryPieceStore()
  await pieceStore.add(CID.parse(pieceCid), { miner: BigInt(miner), sector: BigInt(sector), offsetPadded, lengthPadded, payloadBytes })
  const loader = createPieceLoader([sectorPieceSource({ pieceStore, openSectorFile: localSectors(folders) }), parkedPieceSource({ pieceStore, openPieceFile: curioPieceFiles(folders) })])
  const { unsealed } = await loader.stat(CID.parse(pieceCid))
  const source = await loader.open(CID.parse(pieceCid))
  const bytes = await source.read(0, source.sizeBytes)
  await source.close()
  await loader.close()
  read++
  if (unsealed !== 'yes' || createHash('sha256').update(bytes).digest('hex') !== digests[pieceCid]) wrong.push(pieceCid)
}
const writable = await access(folders[0]!.path, constants.W_OK).then(() => true, () => false)
console.log(JSON.stringify({ uid: process.getuid?.(), read, wrong, writable }))
