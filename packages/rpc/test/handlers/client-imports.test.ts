/** Imports and data over the RPC. */
import type { ByteProgress } from '@dagstore/io'
import type { ClientImportProgress } from '@dagstore/lotus-api'
import { describe, expect, it } from 'vitest'
import type { BrokenImport, ImportHow } from '../../src/handlers/index.ts'
import { cidOf, dataParts, importFacts, importParts, openClient } from './client-kit.ts'
import { all, gate } from './node-kit.ts'

class OurError extends Error {
  readonly code: string
  constructor (code: string, message: string) {
    super(message)
    this.code = code
  }
}

describe('imports over the RPC', () => {
  it('are made with ids of all digits, as Lotus writes them', async () => {
    const asked: (readonly [string, ImportHow])[] = []
    const { call } = openClient({ imports: importParts({ importPath: async (path, how) => { asked.push([path, how]); return importFacts(1_786_000_000_123_456_789n) } }) })
    const { text } = await call('ClientImport', [{ Path: '/data/big.iso', IsCAR: false }])
    expect(text).toBe(`{"jsonrpc":"2.0","id":1,"result":{"Root":{"/":"${cidOf('root 1786000000123456789').toString()}"},"ImportID":1786000000123456789}}`)
    expect(asked).toMatchObject([['/data/big.iso', { isCar: false }]])
  })

  it('L16: are refused where a path is relative, since this process stands elsewhere than its caller', async () => {
    const { api, call } = openClient({ imports: importParts(), data: dataParts() })
    for (const Path of ['big.iso', '', './x', '../x', 'C:x', '/a\0b', `/${'x'.repeat(5000)}`]) {
      expect(await call('ClientImport', [{ Path, IsCAR: false }])).toMatchObject({ error: { code: -32602 } })
      expect(await call('ClientCalcCommP', [Path])).toMatchObject({ error: { code: -32602 } })
      expect(await call('ClientGenCar', [{ Path, IsCAR: false }, '/out'])).toMatchObject({ error: { code: -32602 } })
      expect(await call('ClientGenCar', [{ Path: '/in', IsCAR: false }, Path])).toMatchObject({ error: { code: -32602 } })
      expect(() => api.ClientImportWithEvents({ Path, IsCAR: false })).toThrow(expect.objectContaining({ code: 'RPC_BAD_PARAMS' }))
      expect(() => api.ClientAdopt(Path)).toThrow(expect.objectContaining({ code: 'RPC_BAD_PARAMS' }))
    }
  })

  it('are listed by age, broken ones with why', async () => {
    const [first, second] = [importFacts(1n, { root: undefined, form: 'unknown', carPath: undefined, profile: undefined, blocks: undefined, carBytes: undefined, fileBytes: undefined }), importFacts(2n, { piece: { pieceCid: cidOf('piece') } })]
    const { api } = openClient({ imports: importParts({
      list: async function * () { yield first; yield second },
      check: async function * () { yield { record: first, reason: 'no-car-path', message: 'lacks the path of its CAR' }; return 2 },
    }) })
    expect(await api.ClientListImports()).toEqual([
      { Key: 1n, Err: 'lacks the path of its CAR', Root: null, Source: 'import', FilePath: '/data/1', CARPath: '', Form: 'unknown' },
      { Key: 2n, Err: '', Root: cidOf('root 2'), Source: 'import', FilePath: '/data/2', CARPath: '/store/imports/2.car', Form: 'ref', Profile: 'lotus-2021', Blocks: 3, CARBytes: 500, FileBytes: 1000, PieceCID: cidOf('piece') },
    ])
  })

  it('are checked: all are counted, and the first thousand broken ones named', async () => {
    const { api } = openClient({ imports: importParts({ check: async function * () {
      for (let id = 1n; id <= 1500n; id++) yield { record: importFacts(id), reason: 'broken', message: 'gone' } satisfies BrokenImport
      return 2000
    } }) })
    const { Total, BrokenCount, Broken } = await api.ClientCheckImports()
    expect([Total, BrokenCount, Broken.length, Broken[999]?.Key]).toEqual([2000, 1500, 1000, 1000n])
  })

  it('tell how far they are, and the last value has the import', async () => {
    let how: ImportHow | undefined
    const { api } = openClient({ imports: importParts({ importPath: async (_path, given) => {
      how = given
      given.onProgress?.({ doneBytes: 10, totalBytes: 20 })
      return importFacts(5n)
    } }) })
    const values = await all(api.ClientImportWithEvents({ Path: '/data/a', IsCAR: false }, { Form: 'dense', Links: 'keep', Profile: 'unixfs-v1-2025' }))
    expect(values.at(-1)).toMatchObject({ DoneBytes: 10, TotalBytes: 20, Import: { Key: 5n } })
    expect(values.slice(0, -1).every((value: ClientImportProgress) => value.Import === null)).toBe(true)
    expect(how).toMatchObject({ form: 'dense', links: 'keep', profile: 'unixfs-v1-2025', isCar: false })
  })

  it('end when whoever asked for the stream leaves it, and only then is it over', async () => {
    let ended = false
    let report: ((progress: ByteProgress) => void) | undefined
    const { api } = openClient({ imports: importParts({ importPath: (_path, { signal, onProgress }) => new Promise((_resolve, reject) => {
      report = onProgress
      onProgress?.({ doneBytes: 1, totalBytes: undefined })
      signal?.addEventListener('abort', () => { ended = true; reject(signal.reason as Error) })
    }) }) })
    for await (const value of api.ClientImportWithEvents({ Path: '/data/a', IsCAR: false })) {
      expect(value).toEqual({ DoneBytes: 1, TotalBytes: null, Import: null })
      break
    }
    expect(ended).toBe(true)
    report?.({ doneBytes: 2, totalBytes: undefined }) // too late, and nobody minds
  })

  it('pass on the newest progress to a caller who is slow, and hold no more than that', async () => {
    const { passed, open } = gate()
    const { api } = openClient({ imports: importParts({ reimport: async (id, { onProgress }) => {
      for (let doneBytes = 1; doneBytes <= 1000; doneBytes++) onProgress?.({ doneBytes, totalBytes: 1000 })
      await passed
      return importFacts(id)
    } }) })
    const stream = api.ClientReimport(9n)[Symbol.asyncIterator]()
    expect((await stream.next()).value).toMatchObject({ DoneBytes: 1000 })
    open()
    expect((await stream.next()).value).toMatchObject({ DoneBytes: 1000, Import: { Key: 9n } })
    expect((await stream.next()).done).toBe(true)
  })

  it('reject with the code of what went wrong, and words of others are told to nobody', async () => {
    const notices = openClient({ imports: importParts({ remove: async (id) => { throw id === 1n ? new OurError('IMPORT_UNKNOWN', 'no such import; id=1') : new Error('secret at /data/x') } }) })
    expect(await notices.call('ClientRemoveImport', [1])).toMatchObject({ error: { message: 'no such import; id=1', data: { code: 'IMPORT_UNKNOWN' } } })
    const { text } = await notices.call('ClientRemoveImport', [2])
    expect(text).not.toContain('secret')
    expect(notices.notices).toHaveLength(1)
  })

  it('fail as a stream too: the error comes, and the stream has ended', async () => {
    const { api } = openClient({ imports: importParts({ verify: async () => { throw new OurError('IMPORT_UNKNOWN', 'no such import') } }) })
    await expect(all(api.ClientVerifyImport(1n))).rejects.toMatchObject({ data: { code: 'IMPORT_UNKNOWN' } })
  })

  it('report a check with the first hundred faults, and the number of all', async () => {
    const faults = Array.from({ length: 150 }, (_, at) => ({ code: 'REF_CAR_CHANGED', message: 'changed', path: '/data/a', offset: at, cid: cidOf(`leaf ${at}`) }))
    const { api } = openClient({ imports: importParts({ verify: async (id) => ({ record: importFacts(id), checkedBlocks: 7, checkedBytes: 700, faultCount: 400, faults }) }) })
    const [last] = await all(api.ClientVerifyImport(3n))
    expect(last?.Report).toMatchObject({ Sound: false, FaultCount: 400, CheckedBlocks: 7 })
    expect(last?.Report?.Faults).toHaveLength(100)
    expect(last?.Report?.Faults[5]).toEqual({ Code: 'REF_CAR_CHANGED', Message: 'changed', Cid: cidOf('leaf 5'), Path: '/data/a', Offset: 5 })
  })

  it('adopted one by one, those that cannot be with why', async () => {
    const { api } = openClient({ imports: importParts({ adopt: async function * () {
      yield { id: 2n ** 60n, root: cidOf('a'), filename: '/a', adopted: true }
      yield { id: 2n, root: undefined, filename: '', adopted: false, error: new OurError('IMPORT_BAD_RECORD', 'damaged record') }
    } }) })
    expect(await all(api.ClientAdopt('/home/x/.lotus'))).toEqual([
      { Key: 2n ** 60n, Root: cidOf('a'), FilePath: '/a', Adopted: true, Error: '' },
      { Key: 2n, Root: null, FilePath: '', Adopted: false, Error: 'IMPORT_BAD_RECORD: damaged record' },
    ])
  })

  it('are not there on a node that was opened without', async () => {
    const { call } = openClient({})
    expect(await call('ClientListImports', [])).toMatchObject({ error: { message: 'client not available on this node', data: { code: 'RPC_UNAVAILABLE' } } })
  })
})

describe('data over the RPC', () => {
  it('have sizes as Lotus counts them: the payload in bytes, the piece padded; of a file unpadded', async () => {
    const { api } = openClient({ data: dataParts({
      size: async () => ({ payloadBytes: 1000, paddedBytes: 1024 }),
      commP: async () => ({ payloadBytes: 1000, paddedBytes: 2048, pieceCid: cidOf('piece') }),
      commPOfCar: async () => ({ paddedBytes: 2048, pieceCid: cidOf('piece') }),
    }) })
    expect(await api.ClientDealSize(cidOf('r'))).toEqual({ PayloadSize: 1000, PieceSize: 1024 })
    expect(await api.ClientDealPieceCID(cidOf('r'))).toEqual({ PayloadSize: 1000, PieceSize: 2048, PieceCID: cidOf('piece') })
    expect(await api.ClientCalcCommP('/a.car')).toEqual({ Root: cidOf('piece'), Size: 2032 })
  })

  it('are read in messages of 256 KiB, of the part that was asked for', async () => {
    const asked: unknown[] = []
    const { api } = openClient({ data: dataParts({ read: async function * (...given) { asked.push(given.slice(0, 3)); yield new Uint8Array(600_000).fill(7) } }) })
    const parts = await all(api.ClientReadDag({ Root: cidOf('r'), Path: 'a/b', DealID: 5n }, 3, 600_003))
    expect(parts.map(({ byteLength }) => byteLength)).toEqual([262_144, 262_144, 75_712])
    expect(asked).toEqual([[{ root: cidOf('r'), path: 'a/b', retrieval: 5n }, 3, 600_003]])
  })

  it.each([[-1, undefined], [undefined, -1], [5, 4]] as const)('are refused from %s to %s', (from, to) => {
    const { api } = openClient({ data: dataParts() })
    expect(() => api.ClientReadDag({ Root: cidOf('r') }, from, to)).toThrow(expect.objectContaining({ code: 'RPC_BAD_PARAMS' }))
  })

  it('are listed: itself first, then what is in it', async () => {
    const { api } = openClient({ data: dataParts({ list: async function * () {
      yield { name: '', cid: cidOf('d'), type: 'directory', sizeBytes: undefined }
      yield { name: 'a', cid: cidOf('a'), type: 'file', sizeBytes: 3 }
      yield { name: 'l', cid: cidOf('l'), type: 'link', sizeBytes: undefined, target: 'a' }
    } }) })
    expect(await all(api.ClientListDag({ Root: cidOf('d') }))).toEqual([
      { Name: '', Cid: cidOf('d'), Type: 'directory', Size: null }, { Name: 'a', Cid: cidOf('a'), Type: 'file', Size: 3 }, { Name: 'l', Cid: cidOf('l'), Type: 'link', Size: null, Target: 'a' },
    ])
  })
})

