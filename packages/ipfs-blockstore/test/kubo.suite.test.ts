import { readBlockstoreSuite } from '@dagstore/read-blockstore/suite'
import { describe, expect, it } from 'vitest'
import { createKuboBlockstore } from '../src/index.ts'
import { type KuboStub, openKuboStub } from './kubo-stub.ts'

const storeOf = (stub: KuboStub): Awaited<ReturnType<Parameters<typeof readBlockstoreSuite>[2]['open']>> => {
  const store = createKuboBlockstore({ url: stub.url })
  return {
    ...store,
    [Symbol.asyncDispose]: async () => {
      await store.close()
      await stub[Symbol.asyncDispose]()
    },
  }
}

readBlockstoreSuite('ipfs-blockstore of a Kubo node', { describe, it, expect }, {
  open: async (blocks) => {
    const stub = await openKuboStub()
    for (const { cid, bytes } of blocks) stub.put(cid, bytes)
    return storeOf(stub)
  },
  openDamaged: async (blocks) => {
    const stub = await openKuboStub()
    for (const { cid, bytes } of blocks) stub.put(cid, bytes.map((byte, at) => at === 0 ? byte ^ 1 : byte))
    return storeOf(stub)
  },
  openUnreadable: async () => {
    const stub = await openKuboStub()
    stub.intercept = (request, response) => {
      response.writeHead(500, { 'content-type': 'application/json' }).end('{"Message":"leveldb: closed","Code":0,"Type":"error"}\n')
      return true
    }
    return storeOf(stub)
  },
  lacks: {
    ranges: 'Kubo gives whole blocks only',
    identity: 'Kubo keeps none: they are answered here, and listed nowhere',
    codecs: 'Kubo lists multihashes, as CIDs of raw blocks',
  },
})
