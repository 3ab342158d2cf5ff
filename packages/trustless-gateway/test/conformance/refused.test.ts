/** What a gateway does not serve, or not now: what is denied, and more than it can do at once. */
import { asciiText, multiblockText, streamedFile, subdirMixedFiles, subdirTwoFiles } from '@dagstore-tooling/fixtures/gateway'
import { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import type { Denylist } from '../../src/index.ts'
import { cidOf, inEveryForm, textOf, withPlace } from './harness.ts'
import { openTestStore } from './store.ts'

const directory = cidOf(subdirTwoFiles)
const mixed = cidOf(subdirMixedFiles)
const text = cidOf(asciiText)

/** Denies these CIDs, and `path` below the root. */
const denying = (status: 410 | 451, cids: readonly string[], path?: string): Denylist => ({
  check: (cid, below = '') => (cids.includes(cid.toString()) && (path === undefined ? true : below === path) ? { status, reason: 'by order' } : undefined),
})

inEveryForm('what is denied', (form) => {
  it.each([410, 451] as const)('is answered %d, however it is asked for', async (status) => {
    const blockstore = openTestStore()
    await withPlace(form, { blockstore, denylist: denying(status, [text]) }, async (place) => {
      for (const format of ['raw', 'car']) {
        for (const method of ['GET', 'HEAD']) {
          const answered = await place.ask(`/ipfs/${text}?format=${format}`, { method })
          expect({ status: answered.status, code: answered.headers['x-error-code'] }).toEqual({ status, code: 'GATEWAY_DENIED' })
          expect(answered.headers['cache-control'] ?? '').not.toContain('immutable')
        }
      }
      expect(blockstore.asked).toEqual([])
      expect((await place.ask(`/ipfs/${cidOf(multiblockText)}?format=raw`)).status).toBe(200)
    })
  })

  it('under a path is answered so there, and nowhere else', async () => {
    await withPlace(form, { blockstore: openTestStore(), denylist: denying(451, [directory], 'subdir/ascii.txt') }, async (place) => {
      expect((await place.ask(`/ipfs/${directory}/subdir/ascii.txt?format=car`)).status).toBe(451)
      expect((await place.ask(`/ipfs/${directory}/subdir/%61scii.txt?format=car`)).status).toBe(451)
      expect((await place.ask(`/ipfs/${directory}/subdir/hello.txt?format=car`)).status).toBe(200)
    })
  })

  it('at the end of a path is answered before a byte of it', async () => {
    await withPlace(form, { blockstore: openTestStore(), denylist: denying(410, [text]) }, async (place) => {
      const answered = await place.ask(`/ipfs/${directory}/subdir/ascii.txt?format=car`)
      expect({ status: answered.status, whole: answered.whole }).toEqual({ status: 410, whole: true })
    })
  })

  it('inside a DAG ends the CAR before its bytes', async () => {
    const leaf = multiblockText.blocks[3]!
    await withPlace(form, { blockstore: openTestStore(), denylist: denying(451, [cidOf(leaf)]) }, async (place) => {
      const answered = await place.ask(`/ipfs/${mixed}?format=car`)
      expect({ status: answered.status, whole: answered.whole }).toEqual({ status: 200, whole: false })
      expect(textOf(answered)).not.toContain(new TextDecoder().decode(leaf.data))
    })
  })
})

inEveryForm('more than can be done at once', (form) => {
  const streamed = streamedFile(1 << 14)
  /** One answer under way that does not end, and no room for a second. */
  const crowded = async (limits: Readonly<Record<string, unknown>>, status: 429 | 503): Promise<void> => {
    const blockstore = openTestStore([...streamed.blocks, ...asciiText.blocks])
    let goOn = (): void => {}
    const held = new Promise<void>((resolve) => { goOn = resolve })
    const last = CID.decode(streamed.blocks.at(-1)!.cid)
    blockstore.before = (cid) => (cid.equals(last) ? held : undefined)
    await withPlace(form, { blockstore, limits }, async (place) => {
      const begun = await place.begin(`/ipfs/${cidOf(streamed)}?format=car`)
      const refused = await place.ask(`/ipfs/${text}?format=raw`)
      expect(refused.status).toBe(status)
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
      expect(refused.headers['x-error-code']).toBe(status === 429 ? 'GATEWAY_CLIENT_BUSY' : 'GATEWAY_BUSY')
      goOn()
      await begun.leave()
      // its place is free again
      let { status: now } = refused
      for (let tries = 0; now !== 200 && tries < 1000; tries++) now = (await place.ask(`/ipfs/${text}?format=raw`)).status
      expect(now).toBe(200)
    })
  }

  it('is 429 with Retry-After, where one client asks for it', () => crowded({ client: { requests: 1, waiting: 0 } }, 429))

  it('is 503 with Retry-After, where all together do', () => crowded({ total: { requests: 1, waiting: 0 } }, 503))
})
