/** curl, as operators and scripts use it, against our gateway. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { carV1 } from '@dagstore-tooling/fixtures'
import { gatewayCar, missingBlock, multiblockText, type Node, streamedFile, threeBlockFile } from '@dagstore-tooling/fixtures/gateway'
import { CID } from 'multiformats/cid'
import { afterAll, beforeAll, expect, it, type TestContext } from 'vitest'
import { cidsOf, type ServedStore, serveStore } from './gateway-world.ts'

const run = promisify(execFile)
const streamed = streamedFile()
const nameOf = ({ block }: Node): string => CID.decode(block.cid).toString()

let folder = ''
let [plain, secure]: ServedStore[] = []
let version = ''

beforeAll(async () => {
  version = await run('curl', ['--version']).then(({ stdout }) => stdout, () => '')
  folder = await mkdtemp(join(tmpdir(), 'curl-'))
  await writeFile(join(folder, 'dags.car'), gatewayCar())
  await writeFile(join(folder, 'streamed.car'), carV1([], streamed.blocks))
  const paths = [join(folder, 'dags.car'), join(folder, 'streamed.car')]
  plain = await serveStore(folder, paths)
  secure = await serveStore(folder, paths, { tls: true })
})

afterAll(async () => {
  await plain?.[Symbol.asyncDispose]()
  await secure?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

interface Ran { readonly exit: number, readonly out: Buffer }

/** What it wrote, and how it ended; a skip where it is not there, or cannot do HTTP/2 where `needs` says so. */
const curl = async (context: TestContext, args: readonly string[], needs = ''): Promise<Ran> => {
  if (version === '') context.skip('no curl on the path')
  if (!version.includes(needs)) context.skip(`this curl has no ${needs}`)
  try {
    return { exit: 0, out: (await run('curl', ['--silent', '--insecure', ...args], { encoding: 'buffer', maxBuffer: 1 << 26 })).stdout }
  } catch (error) {
    const { code, stdout } = error as { code: number, stdout: Buffer }
    return { exit: code, out: stdout }
  }
}

const text = multiblockText.blocks[1]!
const rawTarget = `/ipfs/${CID.decode(text.cid).toString()}?format=raw`
const carTarget = `/ipfs/${nameOf(streamed)}?format=car`

it.for([
  { by: 'HTTP/2 over TLS', args: ['--http2'], tls: true, wanted: '2' }, { by: 'HTTP/1.1 over TLS', args: ['--http1.1'], tls: true, wanted: '1.1' },
  { by: 'HTTP/2 with prior knowledge', args: ['--http2-prior-knowledge'], tls: false, wanted: '2' }, { by: 'HTTP/1.1 with an offer of HTTP/2', args: ['--http2'], tls: false, wanted: '1.1' },
])('fetches a CAR of 16 MiB whole, by $by', async ({ args, tls, wanted }, context) => {
  const file = join(folder, 'fetched.car')
  const { exit, out } = await curl(context, [...args, '--output', file, '--write-out', '%{http_code} %{http_version}', `${(tls ? secure : plain)!.url}${carTarget}`], 'HTTP2')
  expect({ exit, out: out.toString() }).toEqual({ exit: 0, out: `200 ${wanted}` })
  expect(await cidsOf(await readFile(file))).toEqual(streamed.blocks.map(({ cid }) => CID.decode(cid).toString()))
})

it('fetches a part of a block, and resumes one that it has in part', async (context) => {
  expect((await curl(context, ['--range', '6-16', `${plain!.url}${rawTarget}`])).out).toEqual(Buffer.from(text.data.subarray(6, 17)))
  const file = join(folder, 'resumed.bin')
  await writeFile(file, text.data.subarray(0, 100))
  expect((await curl(context, ['--continue-at', '-', '--output', file, '--write-out', '%{http_code}', `${plain!.url}${rawTarget}`])).out.toString()).toBe('206')
  expect(await readFile(file)).toEqual(Buffer.from(text.data))
})

it('is told that a CAR cannot be resumed', async (context) => {
  const file = join(folder, 'begun.car')
  await writeFile(file, new Uint8Array(1000))
  const noRanges = 33
  expect((await curl(context, ['--continue-at', '-', '--output', file, `${plain!.url}${carTarget}`])).exit).toBe(noRanges)
})

it('gets headers alone, and nothing a second time under an Etag that it keeps', async (context) => {
  const head = (await curl(context, ['--head', `${plain!.url}${rawTarget}`])).out.toString()
  expect(head).toMatch(/^HTTP\/1\.1 200 [^]*content-length: 256\r\n/i)
  const [etag, file] = [join(folder, 'etag'), join(folder, 'kept.bin')]
  const codes: string[] = []
  for (let i = 0; i < 2; i++) codes.push((await curl(context, ['--etag-save', etag, '--etag-compare', etag, '--output', file, '--write-out', '%{http_code}', `${plain!.url}${rawTarget}`])).out.toString())
  expect(codes).toEqual(['200', '304'])
})

it('reads slowly while others are served', async (context) => {
  const file = join(folder, 'slow.car')
  const slow = curl(context, ['--limit-rate', '12M', '--output', file, `${plain!.url}${carTarget}`])
  for (let i = 0; i < 20; i++) expect((await curl(context, [`${plain!.url}${rawTarget}`])).out).toEqual(Buffer.from(text.data))
  expect((await slow).exit).toBe(0)
  expect((await cidsOf(await readFile(file)))?.length).toBe(streamed.blocks.length)
})

it.for([
  { by: 'HTTP/1.1', args: ['--http1.1'], exits: [18] },
  { by: 'HTTP/2', args: ['--http2'], exits: [92, 18] },
])('knows by $by that a CAR was broken off', async ({ args, exits }, context) => {
  const { exit, out } = await curl(context, [...args, `${secure!.url}/ipfs/${nameOf(threeBlockFile)}?format=car`], 'HTTP2')
  expect(exits).toContain(exit)
  expect(out.includes(Buffer.from(missingBlock.data))).toBe(false)
})
