/** `/ipfs/{cid}[/path]`: raw blocks, and CARs. */
import { type BlockGetter, walkPath } from '@dagstore/dag'
import { createHashes, type Hashes } from '@dagstore/hashes'
import { readBlock, verifyBlock } from '@dagstore/read-blockstore'
import * as CarWriter from '@ipld/car/buffer-writer'
import { CID } from 'multiformats/cid'
import type { GatewayAnswer, GatewayRequest } from '../exchange.ts'

interface Parts {
  readonly blockstore: BlockGetter
  readonly hashes?: Hashes | undefined
  readonly verify?: 'always' | 'never' | undefined
}

export const createIpfsRoute = ({ blockstore, hashes = createHashes(), verify = 'always' }: Parts) => async ({ target, signal, header }: GatewayRequest): Promise<GatewayAnswer> => {
  const [path = '', query = ''] = target.split('?')
  const [name = '', ...segments] = path.slice('/ipfs/'.length).split('/')
  try {
    const cid = CID.parse(name)
    const format = new URLSearchParams(query).get('format') ?? (header('accept')?.includes('raw') === true ? 'raw' : 'car')
    if (format === 'raw') {
      const bytes = await readBlock(blockstore, cid, { signal })
      if (verify === 'always') verifyBlock(hashes, cid, bytes)
      return { status: 200, headers: { 'content-type': 'application/vnd.ipld.raw', 'content-length': `${bytes.byteLength}` }, body: bytes }
    }
    const blocks = walkPath(blockstore, cid, { path: segments.map(decodeURIComponent), hashes, verify, signal })
    const first = await blocks.next()
    return {
      status: 200,
      headers: { 'content-type': 'application/vnd.ipld.car; version=1; order=dfs; dups=n' },
      body: (async function * () {
        try {
          const head = new ArrayBuffer(CarWriter.headerLength({ roots: [cid] }))
          yield CarWriter.createWriter(head, { roots: [cid] }).close()
          for (let next = first; next.done !== true; next = await blocks.next()) {
            const section = new ArrayBuffer(CarWriter.blockLength(next.value))
            const writer = CarWriter.createWriter(section, { headerSize: 0 })
            writer.write(next.value)
            yield writer.close()
          }
        } finally {
          await blocks.return()
        }
      })(),
    }
  } catch (error) {
    const status = error instanceof Error && error.name === 'NotFoundError' ? 404 : error instanceof SyntaxError ? 400 : 500
    return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: new TextEncoder().encode('no\n') }
  }
}
