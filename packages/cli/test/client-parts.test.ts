/** Parts of the client's side by themselves: who providers are, files that are whole or not there, the check that never stops a start. */
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RetrievalClient } from '@dagstore/deal-client'
import type { BrokenImport, ClientDealFacts } from '@dagstore/rpc/handlers'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createProviders } from '../src/client/provider-names.ts'
import { retrievalParts } from '../src/client/retrieval-parts.ts'
import { checkImports } from '../src/client/sanity-check.ts'
import { writeFileWhole } from '../src/client/written-file.ts'
import { temporaryFolder } from './terminal.ts'

const unasked = (): never => { throw new Error('not to be asked') }

const [root, other] = [CID.parse('bafkqaaa'), CID.parse('bafkqaalb')]

const deal = (provider: string, address: string, more: Partial<ClientDealFacts> = {}): ClientDealFacts =>
  ({ provider, root, state: 'StorageDealActive', createdAt: 1, proposal: { provider: address }, ...more }) as ClientDealFacts

describe('providers', () => {
  const deals = [deal('http://old/', 'f01', { createdAt: 1 }), deal('http://new/', 'f01', { createdAt: 2 }), deal('http://failed/', 'f02', { state: 'StorageDealError' }), deal('http://else/', 'f03', { root: other })]
  const providers = createProviders({ clientProviders: ['f09=http://configured:2350'], clientGateways: ['https://gateway', 'http://new'] }, async function * () { yield * deals })

  it('are where the configuration says, else where the newest deal with them is; on any network', async () => {
    expect(await Promise.all(['f09', 't09', 'f01', 't01', 'f0404'].map((address) => providers.urlOf(address, {})))).toEqual(['http://configured:2350', 'http://configured:2350', 'http://new/', 'http://new/', undefined])
  })

  it('are known by their URL, however its end is written; gateways have no address', async () => {
    expect(await Promise.all(['http://configured:2350/', 'http://old', 'https://gateway/', 'http://unknown'].map((url) => providers.addressOf(url, {})))).toEqual(['f09', 'f01', '', undefined])
  })

  it('that may have data are those of its deals, then the configured ones, each once; not those whose deal has failed', async () => {
    expect(await providers.of(root, {})).toEqual(['http://old/', 'http://new/', 'http://configured:2350', 'https://gateway'])
    expect(await providers.of(other, {})).toEqual(['http://else/', 'http://configured:2350', 'https://gateway', 'http://new'])
  })
})

describe('a file that is written whole', () => {
  const chunks = async function * (...texts: readonly string[]): AsyncGenerator<Uint8Array, void, undefined> { for (const text of texts) yield Buffer.from(text) }

  it('is there when it is whole; a file that was there is replaced if that is said, and nothing else ever', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'a')
    const seen: number[] = []
    await writeFileWhole(path, chunks('ab', 'c'), { force: false, onBytes: (bytes) => { seen.push(bytes) } })
    expect([await readFile(path, 'utf8'), seen]).toEqual(['abc', [2, 1]])
    await expect(writeFileWhole(path, chunks('x'), { force: false })).rejects.toMatchObject({ code: 'COMMAND_REFUSED' })
    await writeFileWhole(path, chunks('x'), { force: true })
    expect(await readFile(path, 'utf8')).toBe('x')
    await symlink(path, join(folder, 'link'))
    for (const there of [folder, join(folder, 'link')]) await expect(writeFileWhole(there, chunks('y'), { force: true })).rejects.toMatchObject({ code: 'COMMAND_REFUSED' })
    expect(await readFile(path, 'utf8')).toBe('x')
  })

  it('leaves nothing where its content fails, or it is aborted', async () => {
    const folder = await temporaryFolder()
    const failing = async function * (): AsyncGenerator<Uint8Array, void, undefined> {
      yield Buffer.from('ab')
      throw new Error('no more')
    }
    await expect(writeFileWhole(join(folder, 'a'), failing(), { force: false })).rejects.toThrow('no more')
    const stop = new AbortController()
    const aborted = writeFileWhole(join(folder, 'a'), chunks('a', 'b'), { force: false, signal: stop.signal, onBytes: () => { stop.abort(new Error('left')) } })
    await expect(aborted).rejects.toThrow('left')
    await expect(writeFileWhole(join(folder, 'none', 'a'), chunks('a'), { force: false })).rejects.toMatchObject({ code: 'IO_NOT_FOUND' })
    expect(await readdir(folder)).toEqual([])
    await writeFile(join(folder, 'b'), 'mine')
    await expect(writeFileWhole(join(folder, 'b'), failing(), { force: true })).rejects.toThrow('no more')
    expect([await readdir(folder), await readFile(join(folder, 'b'), 'utf8')]).toEqual([['b'], 'mine'])
  })
})

describe('retrievals', () => {
  it('whose file somebody has taken away are told as those that have none', async () => {
    const folder = await temporaryFolder()
    await writeFile(join(folder, '1.car'), '')
    const client = { retrievals: async function * () { for (const file of ['1.car', '2.car', undefined]) yield { file } } } as unknown as RetrievalClient
    const parts = retrievalParts({ client, folder, into: 'file', providers: createProviders({ clientProviders: [], clientGateways: [] }, async function * () {}), export: async () => {}, openExport: unasked })
    const found: (string | undefined)[] = []
    for await (const { filePath } of parts.retrievals({})) found.push(filePath)
    expect(found).toEqual([join(folder, '1.car'), undefined, undefined])
  })

  it('join one under way, and none of another place: that of the configuration, unless it is said', async () => {
    const orders: unknown[] = []
    const client = { start: async (order: unknown) => { orders.push(order); return {} } } as unknown as RetrievalClient
    const parts = retrievalParts({ client, folder: '/', into: 'ipfs', providers: createProviders({ clientProviders: [], clientGateways: [] }, async function * () {}), export: async () => {}, openExport: unasked })
    await parts.start({ root, providers: [], localFirst: true }, {})
    await parts.start({ root, providers: [], localFirst: true, into: 'file' }, {})
    expect(orders).toMatchObject([{ into: 'ipfs', join: true }, { into: 'file', join: true }])
  })
})

describe('the check of imports', () => {
  const said = async (check: () => AsyncGenerator<BrokenImport, number, undefined>, signal?: AbortSignal): Promise<string[]> => {
    const lines: string[] = []
    await checkImports({ check }, { log: { isOn: () => true }, format: 'text', write: (line) => { lines.push(line) }, clock: { now: () => 0 }, signal })
    return lines
  }

  it('that cannot list them says so, and stops nobody', async () => {
    expect(await said(() => { throw new Error('disk') })).toEqual(['1970-01-01T00:00:00.000Z WARN importmgr failed to list imports {"error":"disk"}\n'])
  })

  it('prints names as one line, whatever is in them', async () => {
    const record = { id: 2n ** 60n, root, source: 'import', filename: 'a\n\u001b[31mb"' } as BrokenImport['record']
    const [line = '', last] = await said(async function * () {
      yield { record, reason: 'no-car-path', message: '' }
      return 1
    })
    expect(line).toBe('1970-01-01T00:00:00.000Z WARN importmgr import lacks carv2 path; import will not work; please reimport {"id":1152921504606846976,"source":"import","root":"bafkqaaa","original":"a\\n\\u001b[31mb\\""}\n')
    expect(last).toContain('{"broken":1,"total":1}')
  })

  it('ends with its signal', async () => {
    const stop = AbortSignal.abort(new Error('left'))
    await expect(said(async function * () { stop.throwIfAborted(); yield * []; return 0 }, stop)).rejects.toThrow('left')
  })
})
