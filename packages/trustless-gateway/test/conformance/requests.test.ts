/** What may be asked, and how: methods, formats, parameters, conditions. The public suite has none of these cases. */
import { asciiText, cborDocument, duplicateFiles, helloText, multiblockText, oddDirectory, rawNode, subdirTwoFiles } from '@dagstore-tooling/fixtures/gateway'
import { describe, expect, it } from 'vitest'
import { carOf, cidOf, cidsOf, inEveryForm, once, textOf, withPlace } from './harness.ts'
import { openTestStore } from './store.ts'

const RAW = 'application/vnd.ipld.raw'
const CAR = 'application/vnd.ipld.car'
const absent = cidOf(rawNode(new TextEncoder().encode('nobody has it')))
const text = cidOf(asciiText)
const directory = cidOf(subdirTwoFiles)

inEveryForm('HEAD', (form) => {
  it.each([
    { of: 'a raw block', target: `/ipfs/${text}?format=raw` },
    { of: 'a CAR', target: `/ipfs/${text}?format=car` },
    { of: 'a CAR by a path', target: `/ipfs/${directory}/subdir/ascii.txt?format=car&dag-scope=block` },
  ])('has the headers of GET and no body, of $of', async ({ target }) => {
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      const [got, head] = [await place.ask(target), await place.ask(target, { method: 'HEAD' })]
      expect(head.body.byteLength).toBe(0)
      const { 'content-length': ofGet, date: _, 'transfer-encoding': __, ...headers } = got.headers
      expect({ status: head.status, headers: head.headers }).toMatchObject({ status: 200, headers: { ...headers, ...(ofGet === undefined || target.includes('car') ? {} : { 'content-length': ofGet }) } })
    })
  })

  it('reads no data of a raw block, and none of what lies below the root', async () => {
    const blockstore = openTestStore()
    await withPlace(form, { blockstore }, async (place) => {
      await place.ask(`/ipfs/${text}?format=raw`, { method: 'HEAD' })
      expect(blockstore.asked).toEqual([])
      await place.ask(`/ipfs/${cidOf(multiblockText)}?format=car`, { method: 'HEAD' })
      expect(blockstore.asked.filter((cid) => cid !== cidOf(multiblockText))).toEqual([])
    })
  })

  it.each([
    { of: 'an absent raw block', target: `/ipfs/${absent}?format=raw`, status: 404 },
    { of: 'a CAR of an absent root', target: `/ipfs/${absent}?format=car`, status: 404 },
    { of: 'a path that leads nowhere', target: `/ipfs/${directory}/subdir/none?format=car`, status: 404 },
    { of: 'no CID', target: '/ipfs/not-a-cid?format=raw', status: 400 },
  ])('says $status of $of', async ({ target, status }) => {
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      const answered = await place.ask(target, { method: 'HEAD' })
      expect({ status: answered.status, bytes: answered.body.byteLength }).toEqual({ status, bytes: 0 })
    })
  })
})

inEveryForm('the probe CID', (form) => {
  it.each(['GET', 'HEAD'])('is an empty block to %s, and a CAR with that root', async (method) => {
    const blockstore = openTestStore([])
    await withPlace(form, { blockstore }, async (place) => {
      for (const asked of [{ target: '/ipfs/bafkqaaa?format=raw', headers: {} }, { target: '/ipfs/bafkqaaa', headers: { accept: RAW } }]) {
        const { status, headers, body } = await place.ask(asked.target, { method, headers: asked.headers })
        expect({ status, type: headers['content-type'], bytes: body.byteLength }).toEqual({ status: 200, type: RAW, bytes: 0 })
      }
      const answered = await place.ask('/ipfs/bafkqaaa', { method, headers: { accept: CAR } })
      expect(answered.status).toBe(200)
      if (method === 'HEAD') expect(answered.body.byteLength).toBe(0)
      else expect((await carOf(answered)).roots.map(String)).toEqual(['bafkqaaa'])
      expect(blockstore.asked).toEqual([])
    })
  })
})

inEveryForm('what cannot be answered', (form) => {
  const cases: readonly { readonly what: string, readonly target: string, readonly status: number, readonly accept?: string, readonly method?: string }[] = [
    { what: 'an absent raw block', target: `/ipfs/${absent}?format=raw`, status: 404 },
    { what: 'a CAR of an absent root', target: `/ipfs/${absent}?format=car`, status: 404 },
    { what: 'a path below an absent root', target: `/ipfs/${absent}/a/b?format=car`, status: 404 },
    { what: 'no CID', target: '/ipfs/foobarbaz', accept: CAR, status: 400 },
    { what: 'no CID at all', target: '/ipfs/?format=car', status: 400 },
    { what: 'a scope that there is not', target: `/ipfs/${text}?dag-scope=bork`, accept: CAR, status: 400 },
    { what: 'entity-bytes that are none', target: `/ipfs/${text}?entity-bytes=bork`, accept: CAR, status: 400 },
    { what: 'entity-bytes backwards', target: `/ipfs/${text}?entity-bytes=9:3`, accept: CAR, status: 400 },
    { what: 'a path of a raw block', target: `/ipfs/${directory}/subdir?format=raw`, status: 400 },
    { what: 'neither format nor Accept', target: `/ipfs/${text}`, status: 400 },
    { what: 'an Accept of other types', target: `/ipfs/${text}`, accept: 'application/json', status: 406 },
    { what: 'a format of another gateway', target: `/ipfs/${text}?format=tar`, status: 406 },
    { what: 'CARs of version 2', target: `/ipfs/${text}?format=car&car-version=2`, status: 406 },
    { what: 'an order that there is not', target: `/ipfs/${text}?format=car&car-order=bfs`, status: 406 },
    { what: 'duplicates that are neither y nor n', target: `/ipfs/${text}?format=car&car-dups=maybe`, status: 400 },
    { what: 'POST', target: `/ipfs/${text}?format=raw`, method: 'POST', status: 405 },
    { what: 'DELETE', target: `/ipfs/${text}?format=raw`, method: 'DELETE', status: 405 },
    { what: 'a key of IPNS', target: '/ipns/k51qzi5uqu5dhjjqhpcuvdnskq4mz84a2xg1rpqzi6s5460q2612egkfjsk42x?format=ipns-record', status: 501 },
    { what: 'a name of DNSLink', target: '/ipns/en.wikipedia-on-ipfs.org?format=car', status: 501 },
  ]
  it.each(cases)('$what: $status', async ({ target, status, accept, method = 'GET' }) => {
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      const answered = await place.ask(target, { method, headers: accept === undefined ? {} : { accept } })
      expect(answered.status).toBe(status)
      expect(answered.headers).toMatchObject({ 'content-type': expect.stringMatching(/^text\/plain/), 'x-error-code': expect.stringMatching(/^[A-Z]+_[A-Z_]+$/), 'access-control-allow-origin': '*' })
      expect(answered.headers['cache-control'] ?? 'no-store').not.toContain('immutable')
      expect(textOf(answered)).toMatch(/^[^<\n]+\n?$/)
      if (status === 405) expect(answered.headers['allow']).toMatch(/GET, HEAD/)
    })
  })
})

inEveryForm('Accept', (form) => {
  it.each([
    { accept: `text/html, ${CAR}; dups=n; q=0.7, ${CAR}; dups=y; q=0.8, */*; q=0.2`, type: `${CAR}; version=1; order=dfs; dups=y` },
    { accept: `text/html, ${CAR}; dups=n; q=0.8, ${CAR}; dups=y; q=0.7, */*; q=0.2`, type: `${CAR}; version=1; order=dfs; dups=n` },
    { accept: `${CAR}; q=0.1, ${RAW}; q=0.9`, type: RAW },
    { accept: `${CAR};order=foo, ${CAR};order=dfs;dups=y;q=0.5`, type: `${CAR}; version=1; order=dfs; dups=y` },
    { accept: 'Application/Vnd.Ipld.Raw', type: RAW },
  ])('$accept', async ({ accept, type }) => {
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      const { status, headers } = await place.ask(`/ipfs/${cidOf(duplicateFiles)}`, { headers: { accept } })
      expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type })
    })
  })
})

inEveryForm('paths', (form) => {
  const [nested, odd] = ['nested/nested/nested/hello.txt', cidOf(oddDirectory)]
  const last = async (path: string): Promise<string | number | undefined> => {
    let found: string | number | undefined
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      const answered = await place.ask(`/ipfs/${path}?format=car&dag-scope=block`)
      found = answered.status === 200 ? (await cidsOf(answered)).at(-1) : answered.status
    })
    return found
  }

  describe('lead to what they name', () => {
    it.each([
      ['a%20space.txt', helloText], ['100%25.txt', asciiText], ['%C4%85%C4%99/%C5%BA%C5%82.txt', helloText], [nested, helloText], ['nested/nested/', 'nested'],
      ['other-hash.txt', 'other-hash.txt'],
    ])('%s', async (path, node) => {
      const named = typeof node === 'string' ? undefined : cidOf(node)
      expect(await last(`${odd}/${path}`)).toEqual(named ?? expect.stringMatching(/^ba/))
    })
  })

  it.each([
    ['a space.txt/below', 404], ['nested/none/hello.txt', 404], ['100%.txt', 400],
  ])('or nowhere: %s', async (path, status) => {
    expect(await last(`${odd}/${path.replaceAll(' ', '%20')}`)).toBe(status)
  })

  it('lead inside a document too, which is what is sent then', async () => {
    expect(await last(`${cidOf(cborDocument)}/title`)).toBe(cidOf(cborDocument))
    expect(await last(`${cidOf(cborDocument)}/files/multi/1`)).toBe(cidOf(helloText))
  })

  it('of a whole DAG with identity CIDs and other hashes send all but the identities', async () => {
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      expect(await cidsOf(await place.ask(`/ipfs/${odd}?format=car`))).toEqual(once(oddDirectory.blocks))
    })
  })
})
