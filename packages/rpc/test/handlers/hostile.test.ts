/** Parameters that no client of good will sends: each call is answered, by a result, by -32602, or by an error with a code. */
import type { RpcConnection, SocketListener } from '@dagstore/json-rpc'
import { METHOD_NAMES, METHODS, PERMISSIONS } from '@dagstore/lotus-api'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { all, openNode, type NodeKit, type TestPiece, until } from './node-kit.ts'

/** As text of JSON, so that numbers are what a peer may write and not what a program may hold. */
type Json = string

const HOSTILE: readonly Json[] = [
  'null', 'true', '-1', '0.5', '1e400', '-0', '9007199254740993', '18446744073709551616', `-${'9'.repeat(400)}`, '""', '"\\u0000"', '"\\ud800"', '"../../../etc/passwd"', '"__proto__"', '"constructor"',
  JSON.stringify('x'.repeat(100_000)), JSON.stringify('😀'.repeat(200)), '[]', '{}', '{"__proto__":{"polluted":true}}', '{"constructor":{"prototype":{"polluted":true}}}', '{"/":"__proto__"}', '{"/":null}', '{"/":""}',
  `{"/":"${'b'.repeat(5000)}"}`, '{"/":"bafkqaaa"}', `${'['.repeat(500)}${']'.repeat(500)}`, `${'{"a":'.repeat(500)}1${'}'.repeat(500)}`, '[null]', '[[{}]]', '{"toString":1,"valueOf":2,"hasOwnProperty":3}',
  '{"MaxConcurrency":-1}', '{"MaxConcurrency":1e308,"IncludeSealed":"yes"}', '{"MaxConcurrency":9007199254740991}', '{"Limit":0}', '{"Limit":-5,"After":7}', '{"After":"\\ud800","Limit":1000}', '{"Mode":"deep"}', '{"Seed":-1}', '{"Mode":"full","Seed":9007199254740991}',
  '[{"Key":"a"}]', '[{"Key":"__proto__","MountURL":"file:///etc/passwd"}]', '[{"Key":"b","MountURL":"http://127.0.0.1:1/"}]', '[{"Key":"c","MountURL":"lotus://x"}]', '[{"Key":"d","MountURL":"bytes:","Eager":true}]', '[{"Key":"e","MountURL":"first-of:","Eager":true}]',
  '"{\\"dagstore-shards\\":1}\\n{\\"key\\":\\"__proto__\\",\\"url\\":\\"bytes:\\"}\\n{\\"end\\":1}\\n"', '"{\\"dagstore-shards\\":1}\\n{\\"key\\":\\"x\\",\\"url\\":\\"bytes:\\",\\"borrowed\\":\\"in.car\\"}\\n{\\"end\\":1}\\n"', '"{\\"dagstore-shards\\":2}\\n"',
  '["read","root"]', '["admin","admin"]', '"*"', '"debug"',
]

/** Of the type that the method takes, and wrong in itself; or right. */
const fitting = (type: string, piece: TestPiece): readonly Json[] => {
  if (type === 'CID') return [JSON.stringify({ '/': piece.blocks[0]!.toString() }), JSON.stringify({ '/': piece.key })]
  if (type === 'string') return [JSON.stringify(piece.key), '"a"', '"/tmp/x"', '"relative"']
  if (type === 'integer') return ['0', '1', '2', '1048576']
  if (type === 'boolean') return ['true', 'false']
  return ['{}', '{"MaxConcurrency":0,"IncludeSealed":true}']
}

const calls = (piece: TestPiece): fc.Arbitrary<{ readonly name: typeof METHOD_NAMES[number], readonly params: readonly Json[] }> =>
  fc.constantFrom(...METHOD_NAMES).chain((name) => {
    const { params } = METHODS[name]
    const one = (params as readonly { readonly schema: { readonly type: string } }[]).map(({ schema }) => fc.oneof(
      fc.constantFrom(...HOSTILE),
      fc.constantFrom(...fitting(schema.type, piece)),
      fc.json(),
      fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text))
    ))
    return fc.oneof({ weight: 4, arbitrary: fc.tuple(...one) }, { weight: 1, arbitrary: fc.array(fc.constantFrom(...HOSTILE), { maxLength: 6 }) }).map((given) => ({ name, params: given as readonly Json[] }))
  })

interface Answer { readonly id?: unknown, readonly result?: unknown, readonly error?: { readonly code: number, readonly message: string, readonly data?: { readonly code?: unknown } } }

const isFine = ({ error, ...rest }: Answer): boolean => error === undefined ? 'result' in rest : (error.code === -32602 || (error.code === 1 && typeof error.data?.code === 'string')) && error.data?.code !== 'RPC_INTERNAL'

/** A WebSocket without a network: what was sent, in order. */
const connect = (node: NodeKit): { readonly connection: RpcConnection, readonly sent: string[], ask (text: string): void } => {
  const sent: string[] = []
  let listener: SocketListener | undefined
  const connection = node.server.connect({ send: async (text) => { sent.push(text) }, close: () => {}, listen: (given) => { listener = given } }, { context: { permissions: PERMISSIONS } })
  return { connection, sent, ask: (text) => listener?.message(text) }
}

const setUp = async (): Promise<{ readonly node: NodeKit, readonly piece: TestPiece }> => {
  const node = await openNode()
  const piece = await node.lazy(1)
  await node.store.initialize(piece.key)
  await node.lazy(2)
  return { node, piece }
}

/** Nothing is held for anybody, and the node answers. */
const isWell = async (node: NodeKit): Promise<void> => {
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  expect(await node.call('Filecoin.Version')).toMatchObject({ result: { Version: '1.2.3' } })
  await node.api.DagstoreListShards()
  expect(node.notices.filter((text) => text.startsWith('a call failed unexpectedly'))).toEqual([])
  const held = async (): Promise<number> => (await all(node.store.shards())).reduce((sum, { leases }) => sum + leases, 0)
  // what is kept open for speed is given back with the store
  await until(async () => await held() <= 3)
  await node.store.close()
  expect(node.openSources).toBe(0)
  expect(node.news.listeners).toBe(0)
}

describe('hostile parameters', () => {
  it('of single calls are answered, one by one', async () => {
    const { node, piece } = await setUp()
    await fc.assert(fc.asyncProperty(calls(piece), async ({ name, params }) => {
      const { body, status } = await node.server.answer(`{"jsonrpc":"2.0","id":1,"method":"Filecoin.${name}","params":[${params.join(',')}]}`, { context: { permissions: PERMISSIONS } })
      const answer = JSON.parse(body ?? 'null') as Answer
      const isStream = METHODS[name].stream && answer.error?.code === -32601
      expect(isStream || isFine(answer), `${status} ${body}`).toBe(true)
    }), { numRuns: 1500 })
    await isWell(node)
  })
  it('of calls and streams side by side are answered, and end with their connection', async () => {
    const { node, piece } = await setUp()
    await fc.assert(fc.asyncProperty(fc.array(calls(piece), { minLength: 1, maxLength: 12 }), fc.boolean(), async (many, cancels) => {
      const { connection, sent, ask } = connect(node)
      for (const [at, { name, params }] of many.entries()) {
        ask(`{"jsonrpc":"2.0","id":${at},"method":"Filecoin.${name}","params":[${params.join(',')}]}`)
        if (cancels) ask(`{"jsonrpc":"2.0","method":"xrpc.cancel","params":[${at}]}`)
      }
      const answers = (): readonly Answer[] => sent.map((text) => JSON.parse(text) as Answer).filter(({ id }) => typeof id === 'number')
      if (!cancels) await until(() => answers().length === many.length)
      await connection.close()
      if (!cancels) for (const answer of answers()) expect(isFine(answer), JSON.stringify(answer)).toBe(true)
      expect(connection.calls).toBe(0)
    }), { numRuns: 150 })
    await isWell(node)
  })
})
