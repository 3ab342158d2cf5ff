import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createKuboBlockstore } from '../src/index.ts'
import { block, errorOf } from './blocks.ts'
import { type KuboStub, openKuboStub, refuse } from './kubo-stub.ts'

let stub: KuboStub
beforeEach(async () => { stub = await openKuboStub() })
afterEach(async () => { await stub[Symbol.asyncDispose]() })

const TOKEN = 'sEcReT-token-0123456789'
const { cid, bytes } = block('hello')

it('sends headers with every request, and user and password of the URL as one', async () => {
  await using bearer = createKuboBlockstore({ url: stub.url, headers: { authorization: `Bearer ${TOKEN}` } })
  await using basic = createKuboBlockstore({ url: stub.url.replace('http://', 'http://me:p%40ss@') })
  await bearer.has(cid)
  await bearer.put(cid, bytes)
  await bearer.flush()
  await basic.has(cid)
  expect(stub.headers.map(({ authorization }) => authorization)).toEqual([`Bearer ${TOKEN}`, `Bearer ${TOKEN}`, `Basic ${btoa('me:p@ss')}`])
  expect(`${bearer.name} ${basic.name}`).toBe(`kubo ${stub.host} kubo ${stub.host}`)
})

it('lets them stand in no error, not even where the node or the platform repeats them', async () => {
  const fails: typeof fetch = async () => { throw new TypeError(`fetch failed with Bearer ${TOKEN}`, { cause: new Error(TOKEN) }) }
  const stores = [
    createKuboBlockstore({ url: stub.url, headers: { authorization: `Bearer ${TOKEN}` } }),
    createKuboBlockstore({ url: stub.url.replace('http://', `http://me:${TOKEN}@`) }),
    createKuboBlockstore({ url: stub.url, headers: { 'x-api-key': TOKEN }, fetch: fails }),
  ]
  const answers: KuboStub['intercept'][] = [
    (request, response) => refuse(response, `who is ${request.headers.authorization} ${TOKEN}?`),
    (_request, response) => { response.writeHead(403).end(`no entry with ${TOKEN}`); return true },
    (_request, response) => { response.writeHead(404).end(TOKEN); return true },
    (_request, response) => { response.end(`${TOKEN}`); return true },
    (request) => { request.socket.destroy(); return true },
  ]
  for (const store of stores) {
    for (const answer of answers) {
      stub.intercept = answer
      for (const call of [() => store.size(cid), () => store.pin(cid), () => store.unpin(cid)]) {
        const shown = inspect(await errorOf(call), { depth: 9, showHidden: true })
        expect([shown.includes(TOKEN), shown.includes(btoa(`me:${TOKEN}`)), shown.includes('BLOCKSTORE_') || shown.includes('IPFS_')]).toEqual([false, false, true])
      }
    }
  }
})

it('does not follow a redirection to somebody else', async () => {
  await using other = await openKuboStub()
  other.put(cid, bytes)
  stub.intercept = (request, response) => { response.writeHead(307, { location: `${other.url}${request.url}` }).end(); return true }
  await using store = createKuboBlockstore({ url: stub.url, headers: { 'x-api-key': TOKEN } })
  expect(await errorOf(() => store.bytes(cid))).toMatchObject({ code: 'BLOCKSTORE_UNREADABLE', cause: { code: 'IPFS_BAD_ANSWER', status: 307 } })
  expect(other.log).toEqual([])
})

it('refuses at once what cannot be sent, without repeating it', async () => {
  for (const options of [{ url: `ftp://me:${TOKEN}@x` }, { url: `${TOKEN}` }, { url: stub.url, headers: { authorization: `${TOKEN}\nx: y` } }, { url: stub.url, headers: { 'bad name': TOKEN } }]) {
    const error = await errorOf(() => createKuboBlockstore(options))
    expect([error.name, inspect(error).includes(TOKEN)]).toEqual(['TypeError', false])
  }
})
