import { carV1, makeBlock, makeBlocks } from '@dagstore-tooling/fixtures'
import { indexName } from '@dagstore/index-repo'
import { createMemoryDirectory, type Directory, IoError } from '@dagstore/io'
import { createMountRegistry, type Mount, MountError, type MountFactory } from '@dagstore/mounts'
import { openTopLevelIndex, shardNumber } from '@dagstore/top-level-index'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { createMemoryCatalogue, openCatalogue, type WhyReport } from '../src/index.ts'
import { command, registering, shownUrl } from '../src/why/command.ts'
import { why, type WhyParts } from '../src/why/why.ts'
import { carWithData, gate, type Harness, makeCar, namesIn, openHarness, rejection, Sources, until } from './harness.ts'

/** `name ok`, and what is told where it is not. */
const short = ({ steps }: WhyReport): string[] => steps.map(({ name, ok, code }) => ok ? `${name} ok` : `${name} ${code ?? 'no code'}`)

const indexed = async (h: Harness, key: string, car = makeCar(1), options = {}): Promise<CID> => {
  await h.store.register(key, h.sources.put(key, car, options), { indexing: 'eager' })
  return car.blocks[1]!.cid
}

describe('why', () => {
  it('follows a block from its CID to its bytes', async () => {
    await using h = await openHarness()
    const cid = await indexed(h, 'a')
    const report = await h.store.why(cid)
    expect(short(report)).toEqual(['key ok', 'shards ok', 'state ok', 'source ok', 'section ok', 'hash ok'])
    expect(report).toMatchObject({ cid: cid.toString(), retrievable: true, fix: undefined })
    const details = report.steps.map(({ detail }) => detail)
    expect(details[0]).toMatch(/^1220[0-9a-f]{64}$/)
    expect(details[1]).toBe('a (1 of 1)')
    expect(details[2]).toBe('Available')
    expect(details[3]).toMatch(/^test:a, \d+ bytes$/)
    expect(details[4]).toMatch(/^@\d+, \d+ bytes$/)
    expect(details[5]).toMatch(/^sha2-256, \d+ bytes$/)
    expect(h.sources.open).toBe(0)
    expect(await h.store.why(cid.toString())).toEqual(report)
  })

  it('says what is no CID', async () => {
    await using h = await openHarness()
    expect(await h.store.why('bafynope')).toMatchObject({ cid: 'bafynope', retrievable: false, steps: [{ name: 'key', ok: false, code: 'BAD_CID' }] })
  })

  it('says that a CID holds its block itself', async () => {
    await using h = await openHarness()
    const cid = CID.createV1(0x55, create(0x00, new Uint8Array(12)))
    expect(await h.store.why(cid)).toEqual({ cid: cid.toString(), retrievable: true, steps: [{ name: 'key', ok: true, detail: 'identity: the CID holds the block, 12 bytes' }], fix: undefined })
  })

  it('says that nothing holds the block when all shards are indexed', async () => {
    await using h = await openHarness()
    await indexed(h, 'a')
    const report = await h.store.why(makeCar(9).blocks[0]!.cid)
    expect(short(report)).toEqual(['key ok', 'shards BLOCKSTORE_NOT_FOUND'])
    expect(report).toMatchObject({ retrievable: false, fix: 'add the CAR that holds it: dagstore add --eager PATH' })
  })

  it('says how many shards are not indexed, and why some could not be', async () => {
    await using h = await openHarness()
    for (const key of ['a', 'b', 'c']) await h.store.register(key, h.sources.put(key, makeCar(1)))
    const lazy = await h.store.why(makeCar(1).blocks[0]!.cid)
    expect(lazy.steps.at(-1)).toMatchObject({ ok: false, detail: 'in no indexed shard; 3 not indexed' })
    expect(lazy.fix).toBe('dagstore initialize-all')
    h.sources.place('b').bytes = undefined
    await rejection(h.store.acquire('b'))
    const some = await h.store.why(makeCar(1).blocks[0]!.cid)
    expect(some.steps.at(-1)?.detail).toBe('in no indexed shard; 3 not indexed; 1 of them Errored, as b: MOUNT_MISSING')
    expect(some.fix).toBe('dagstore initialize-all, then: dagstore recover-shard --all')
  })

  it('names the source that is gone, and how to go on when it is back', async () => {
    await using h = await openHarness()
    const cid = await indexed(h, 'a')
    const { bytes } = h.sources.place('a')
    h.sources.place('a').bytes = undefined
    const fresh = await h.store.why(cid)
    expect(short(fresh)).toEqual(['key ok', 'shards ok', 'state ok', 'source MOUNT_MISSING'])
    expect(fresh).toMatchObject({ retrievable: false, fix: 'restore the file; or, if it is elsewhere now: dagstore refresh --mount URL a' })
    await rejection(h.store.acquire('a'))
    const errored = await h.store.why(cid)
    expect(short(errored)).toEqual(['key ok', 'shards ok', 'state MOUNT_MISSING', 'source MOUNT_MISSING'])
    expect(errored.steps[2]?.detail).toMatch(/^Errored MOUNT_MISSING since 2021-08-17 00:00/)
    expect(errored.steps[3]?.detail).toBe('test:a → nothing is there')
    expect(errored.fix).toBe('restore the file, then: dagstore recover-shard a; or, if it is elsewhere now: dagstore refresh --mount URL a')
    h.sources.place('a').bytes = bytes
    const back = await h.store.why(cid)
    expect(short(back)).toEqual(['key ok', 'shards ok', 'state MOUNT_MISSING', 'source ok', 'section ok', 'hash ok'])
    expect(back).toMatchObject({ retrievable: false, fix: 'dagstore recover-shard a' })
    await h.store.recover('a')
    expect(await h.store.why(cid)).toMatchObject({ retrievable: true })
  })

  it('counts a failure that may pass as passed when the source can be read now', async () => {
    await using h = await openHarness()
    const cid = await indexed(h, 'a')
    h.sources.place('a').before = async () => { throw new MountError('MOUNT_UNREACHABLE', 'down', { retry: 'later' }) }
    await rejection(h.store.acquire('a'))
    expect(await h.store.why(cid)).toMatchObject({ retrievable: false, fix: 'make it reachable, then: dagstore recover-shard a' })
    h.sources.place('a').before = async () => {}
    expect(await h.store.why(cid)).toMatchObject({ retrievable: true, fix: undefined })
    expect(await h.store.blockstore.bytes(cid)).toBeInstanceOf(Uint8Array)
  })

  it('tells in the words of the mount where it looked', async () => {
    const sources = new Sources()
    const telling: MountFactory = {
      scheme: 'test',
      mount: (url): Mount => ({ ...sources.mount(url), explain: async () => 't01000 sector 42 @0: s-t01000-42 not in /mnt/a, /mnt/b' }),
    }
    await using h = await openHarness({ mounts: createMountRegistry([telling]) }, { sources })
    const cid = await indexed(h, 'a')
    sources.place('a').bytes = undefined
    expect((await h.store.why(cid)).steps.at(-1)?.detail).toBe('test:a → t01000 sector 42 @0: s-t01000-42 not in /mnt/a, /mnt/b')
  })

  it('names a scheme that nobody mounts', async () => {
    const first = await openHarness()
    const cid = await indexed(first, 'a')
    await using h = await first.reopen({ mounts: createMountRegistry([]) })
    const report = await h.store.why(cid)
    expect(short(report)).toEqual(['key ok', 'shards ok', 'state ok', 'source MOUNT_UNKNOWN_SCHEME'])
    expect(report.fix).toBe('open the store with a mount for test:')
  })

  it('names a source of other bytes', async () => {
    await using h = await openHarness()
    const car = makeCar(1)
    const cid = await indexed(h, 'a', car)
    h.sources.put('a', carWithData(car, 5))
    h.sources.place('a').version = 2
    const report = await h.store.why(cid)
    expect(short(report)).toEqual(['key ok', 'shards ok', 'state ok', 'source IO_SOURCE_CHANGED'])
    expect(report).toMatchObject({ retrievable: false, fix: 'put back what was there, or take what is there now, if it has the block: dagstore refresh a' })
  })

  it('names an index that is lost, and one that is damaged', async () => {
    await using h = await openHarness()
    const cid = await indexed(h, 'a')
    const name = `index/${indexName('a', 1)}`
    h.wrong.below.add(name)
    const damaged = await h.store.why(cid)
    expect(short(damaged)).toEqual(['key ok', 'shards ok', 'state ok', 'source ok', 'section CARV2_BAD_INDEX'].map((line) => line.replace('CARV2_BAD_INDEX', damaged.steps.at(-1)?.code ?? '')))
    expect(damaged.steps.at(-1)).toMatchObject({ name: 'section', ok: false, code: expect.stringMatching(/^CARV2_/) })
    h.wrong.below.clear()
    await h.files.remove(name)
    const lost = await h.store.why(cid)
    expect(short(lost)).toEqual(['key ok', 'shards ok', 'state ok', 'source ok', 'section INDEX_MISSING'])
    expect(lost.fix).toMatch(/^dagstore verify-shard a/)
    expect(h.sources.open).toBe(0)
    // it only looked
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', indexGeneration: 1 })
    await h.store.verify('a')
    expect(await h.store.why(cid)).toMatchObject({ retrievable: true })
  })

  it('names a block whose bytes are not what its CID says', async () => {
    await using h = await openHarness()
    const car = makeCar(1)
    const cid = await indexed(h, 'a', car)
    const bytes = car.bytes.slice()
    const { data } = car.blocks[1]!
    const at = Buffer.from(bytes).indexOf(data)
    bytes[at] = bytes[at]! ^ 1
    h.sources.place('a').bytes = bytes // under the same version
    const report = await h.store.why(cid)
    expect(short(report)).toEqual(['key ok', 'shards ok', 'state ok', 'source ok', 'section ok', 'hash BLOCKSTORE_HASH_MISMATCH'])
    expect(report.fix).toMatch(/restore it/)
  })

  it('names a section that is not where the index says', async () => {
    await using h = await openHarness()
    const car = makeCar(1)
    const cid = await indexed(h, 'a', car)
    const other = car.bytes.slice()
    other.fill(0xff, other.byteLength - 900)
    const last = car.blocks.at(-1)!.cid
    h.sources.place('a').bytes = other
    const report = await h.store.why(last)
    expect(short(report)).toEqual(['key ok', 'shards ok', 'state ok', 'source ok', 'section BLOCKSTORE_UNREADABLE'].map((line, at) => at === 4 ? `section ${report.steps[4]?.code}` : line))
    expect(report).toMatchObject({ retrievable: false, fix: 'the source is damaged: restore it, then: dagstore verify-shard a' })
    expect(cid).toBeDefined()
  })

  it('says that a copy has to be fetched first, and fetches nothing', async () => {
    const first = await openHarness()
    const cid = await indexed(first, 'a', makeCar(1), { access: 'sequential' })
    expect(await first.store.why(cid)).toMatchObject({ retrievable: true })
    await first.store.close()
    for (const name of await namesIn(first.files)) if (name.startsWith('transients/')) await first.files.remove(name)
    await using h = await first.reopen()
    const report = await h.store.why(cid)
    expect(short(report)).toEqual(['key ok', 'shards ok', 'state ok', 'source ok', 'section ok', 'hash DAGSTORE_NOT_LOCAL'])
    expect((await namesIn(h.files)).filter((name) => name.endsWith('.transient'))).toEqual([])
  })

  it('says that a destruction is under way', async () => {
    await using h = await openHarness()
    const cid = await indexed(h, 'a')
    const lease = await h.store.acquire('a')
    const destroying = h.store.destroy('a')
    await until(async () => (await h.store.shard('a'))?.destroying === true)
    const report = await h.store.why(cid)
    expect(short(report)).toEqual(['key ok', 'shards ok', 'state DAGSTORE_SHARD_DESTROYED'])
    expect(report.fix).toMatch(/dagstore register-shard --eager a test:a$/)
    await lease.close()
    await destroying
    expect((await h.store.why(cid)).steps.at(-1)).toMatchObject({ name: 'shards', ok: false })
  })

  it('is content with one shard of several that gives the block', async () => {
    await using h = await openHarness()
    const cid = await indexed(h, 'a')
    await indexed(h, 'b')
    await indexed(h, 'c')
    h.sources.place('a').bytes = undefined
    h.sources.place('b').bytes = undefined
    const report = await h.store.why(cid)
    expect(report).toMatchObject({ retrievable: true, fix: undefined })
    expect(short(report)).toEqual(['key ok', 'shards ok', 'state ok', 'source ok', 'section ok', 'hash ok'])
    expect(report.steps[1]?.detail).toMatch(/^c \(3 of 3\); not from /)
    h.sources.place('c').before = async () => { throw new MountError('MOUNT_FORBIDDEN', 'no') }
    const none = await h.store.why(cid)
    expect(none.retrievable).toBe(false)
    expect(none.steps[1]?.detail).toBe('a, b, c (0 of 3)')
    expect(none.steps.slice(2).map(({ detail }) => detail.slice(0, 3))).toEqual(['a: ', 'a: ', 'b: ', 'b: ', 'c: ', 'c: '])
    expect(none.fix).toBe('restore the file; or, if it is elsewhere now: dagstore refresh --mount URL a; or: restore the file; or, if it is elsewhere now: dagstore refresh --mount URL b; or: allow the store to read it')
  })

  it('says that a hash is not known', async () => {
    await using h = await openHarness()
    const { cid } = makeBlock(new Uint8Array(3))
    const strange = CID.createV1(0x55, create(0x7777, CID.decode(cid).multihash.digest))
    expect((await h.store.why(strange)).steps.map(({ name }) => name)).toEqual(['key', 'shards'])
  })

  it('is withdrawn by its signal and by the end of the store, even when a source hangs', async () => {
    await using h = await openHarness()
    const cid = await indexed(h, 'a')
    const { passed, open } = gate()
    let stats = 0
    h.sources.place('a').before = async (step) => { if (step === 'stat') { stats++; await passed } }
    const leaving = new AbortController()
    const asked = rejection(h.store.why(cid, { signal: leaving.signal }))
    await until(() => stats === 1)
    leaving.abort(new Error('gone'))
    expect(await asked).toBe(leaving.signal.reason)
    const other = rejection(h.store.why(cid))
    await until(() => stats === 2)
    await h.store.close()
    expect(await other).toMatchObject({ code: 'DAGSTORE_CLOSED' })
    expect(await rejection(h.store.why(cid))).toMatchObject({ code: 'DAGSTORE_CLOSED' })
    open()
  })

  it('says which shards name a block as their root and do not hold it', async () => {
    await using h = await openHarness()
    const made = makeBlocks(3, 4, { min: 10, max: 90 })
    await h.store.register('a', h.sources.put('a', carV1([made[0]!.cid], made.slice(1))), { indexing: 'eager' })
    const report = await h.store.why(CID.decode(made[0]!.cid))
    expect(report.steps.at(-1)).toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND', detail: 'in none of the shards; all are indexed; the root of a' })
  })

  it('says that a lost index may be the reason, and that the top-level index is not whole yet', async () => {
    const first = await openHarness()
    const cid = await indexed(first, 'a')
    await indexed(first, 'b', makeCar(2))
    await first.files.remove(`index/${indexName('a', 1)}`)
    await first.store.close()
    const catalogue = await openCatalogue(first.db)
    const top = await openTopLevelIndex(first.db)
    await top.publish(shardNumber((await catalogue.get('a'))!.record.index!.shardNumber), [])
    await top.close()
    await using h = await openHarness({}, { db: first.db, files: first.files, sources: first.sources })
    const report = await h.store.why(cid)
    expect(report.steps.at(-1)).toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND', detail: 'in no shard whose index can be read; 1 cannot, as a: INDEX_MISSING' })
    expect(report.fix).toBe('dagstore verify-shard a; it builds the index anew')
    await h.store.verify('a')
    expect(await h.store.why(cid)).toMatchObject({ retrievable: true })
    await h.store.close()
    const building = createMemoryCatalogue()
    await building.setNote('rebuild', new TextEncoder().encode('{"left":7,"from":3}'))
    const other = await why({
      catalogue: building, finder: { candidates: async function * () {}, look: async () => [] }, unindexed: () => 0,
    } as unknown as WhyParts, cid, { signal: new AbortController().signal })
    expect(other.steps.at(-1)?.detail).toBe('the top-level index is being built anew, and names it for no shard yet; 7 to go')
  })

  it('writes commands as a shell takes them, and URLs without their queries', () => {
    expect(command('recover-shard', 'a.car')).toBe('dagstore recover-shard a.car')
    expect(command('verify-shard', "it's", '--mode', 'full')).toBe("dagstore verify-shard --mode full 'it'\\''s'")
    expect(command('refresh', '-x')).toBe('dagstore refresh -- -x')
    expect(registering('a', 'file:///a%20b.car')).toBe('dagstore register-shard --eager a file:///a%20b.car')
    expect(registering('a', 'https://h/a.car?sig=1')).toBe('dagstore register-shard --eager a URL')
    expect(shownUrl('https://h/a.car?sig=1')).toBe('https://h/a.car?…')
    const inner = encodeURIComponent('https://h/a.car?sig=secret')
    expect(shownUrl(`first-of:${inner},file%3A%2F%2F%2Fa.car`)).toBe('first-of:https%3A%2F%2Fh%2Fa.car?…')
    expect(shownUrl(`first-of:${encodeURIComponent(`first-of:${inner}`)}`)).not.toContain('secret')
    expect(shownUrl('file:///a%3Fb.car')).toBe('file:///a%3Fb.car')
    expect(shownUrl(`bytes:${'A'.repeat(1000)}`)).toHaveLength(201)
  })

  it('finds a block that the top-level index has lost', async () => {
    const first = await openHarness()
    const cid = await indexed(first, 'a')
    await indexed(first, 'b', makeCar(2))
    await first.store.close()
    const number = shardNumber((await (await openCatalogue(first.db)).get('a'))!.record.index!.shardNumber)
    const top = await openTopLevelIndex(first.db)
    await top.publish(number, [])
    await top.close()
    await using h = await openHarness({}, { db: first.db, files: first.files, sources: first.sources })
    const report = await h.store.why(cid)
    expect(short(report)).toEqual(['key ok', 'shards TOP_LEVEL_INDEX_INCOMPLETE'])
    expect(report.steps[1]?.detail).toBe('a holds it, but the top-level index does not name it')
    await h.store.verify('a')
    expect(await h.store.why(cid)).toMatchObject({ retrievable: true })
  })

  it('tells of failing disks as of anything else, and rejects only when its own database fails', async () => {
    await using h = await openHarness()
    const cid = await indexed(h, 'a')
    h.sources.place('a').before = async (step) => { if (step === 'read') throw new IoError('IO_FAILED', 'EIO', { retry: 'later' }) }
    const source = await h.store.why(cid)
    expect(source).toMatchObject({ retrievable: false })
    expect(source.steps.at(-1)).toMatchObject({ ok: false, code: 'IO_FAILED' })
    h.sources.place('a').before = async () => {}
    Object.assign(h.db, { get: () => Promise.reject(new Error('disk is gone')), getMany: () => Promise.reject(new Error('disk is gone')) })
    expect(await rejection(h.store.why(cid))).toMatchObject({ code: expect.stringMatching(/^(?:DAGSTORE_STORAGE_FAILED|TOP_LEVEL_INDEX_FAILED)$/) })
  })

  it('tells of an index that the disk does not give', async () => {
    const files = createMemoryDirectory('test')
    let failing = false
    const over = (directory: Directory): Directory => ({
      ...directory,
      child: (name) => over(directory.child(name)),
      openSource: async (name, options) => {
        if (failing && name.endsWith('.idx')) throw new IoError('IO_FAILED', 'EIO', { retry: 'later' })
        return directory.openSource(name, options)
      },
    })
    await using h = await openHarness({}, { files: over(files) })
    const cid = await indexed(h, 'a')
    failing = true
    const report = await h.store.why(cid)
    expect(short(report)).toEqual(['key ok', 'shards ok', 'state ok', 'source ok', 'section IO_FAILED'])
    failing = false
    expect(await h.store.why(cid)).toMatchObject({ retrievable: true })
  })

  it('says the attempts of a failure that the store tries again by itself', async () => {
    await using h = await openHarness()
    const cid = await indexed(h, 'a')
    h.sources.place('a').before = async () => { throw new MountError('MOUNT_UNREACHABLE', 'down', { retry: 'later' }) }
    await rejection(h.store.acquire('a'))
    const report = await h.store.why(cid)
    expect(report.steps[2]).toMatchObject({ name: 'state', ok: false, code: 'MOUNT_UNREACHABLE', detail: 'Errored MOUNT_UNREACHABLE since 2021-08-17 00:00, attempt 1 of 5' })
  })

  it('D46: a shard shows why and since when it failed, how often, and what a check has found', async () => {
    await using h = await openHarness()
    await h.store.register('a', h.sources.put('a', new Uint8Array(40)))
    await rejection(h.store.acquire('a'))
    expect(await h.store.shard('a')).toMatchObject({
      health: 'errored', error: { code: expect.stringMatching(/^CARV2_/), at: '2021-08-17T00:00:00.000Z', retry: 'never', attempts: 1 }, findings: [],
    })
    expect(h.events.filter(({ type }) => type === 'health').at(-1)).toMatchObject({ key: 'a', to: 'errored', failure: { retry: 'never' } })
  })

  it('says retrievable exactly when a read gives the block, whatever is wrong', async () => {
    const wrongs = ['nothing', 'gone', 'down', 'changed', 'flipped', 'cut'] as const
    await fc.assert(fc.asyncProperty(fc.array(fc.constantFrom(...wrongs), { minLength: 1, maxLength: 4 }), fc.boolean(), async (states, touched) => {
      await using h = await openHarness({ retry: { attempts: 0 } })
      const car = makeCar(1)
      for (const at of states.keys()) await indexed(h, `k${at}`, car)
      for (const [at, state] of states.entries()) {
        const place = h.sources.place(`k${at}`)
        if (state === 'gone') place.bytes = undefined
        if (state === 'down') place.before = async () => { throw new MountError('MOUNT_UNREACHABLE', 'down', { retry: 'later' }) }
        if (state === 'changed') h.sources.put(`k${at}`, carWithData(car, 9))
        if (state === 'changed') place.version = 2
        if (state === 'flipped') place.bytes = car.bytes.map((byte, position) => position === Buffer.from(car.bytes).indexOf(car.blocks[1]!.data) ? byte ^ 1 : byte)
        if (state === 'cut') place.bytes = car.bytes.map((byte, position) => position > 120 ? 0xff : byte)
      }
      const { cid, data } = car.blocks[1]!
      if (touched) await h.store.blockstore.bytes(cid).catch(() => {})
      const { retrievable, steps, fix } = await h.store.why(cid)
      expect(fix === undefined).toBe(retrievable)
      expect(steps.some(({ ok }) => !ok)).toBe(!retrievable || steps.some(({ name, ok }) => name === 'state' && !ok))
      const read = await h.store.blockstore.bytes(cid).catch(() => undefined)
      if (retrievable) expect(read).toEqual(data)
      else expect(read).toBeUndefined()
      expect(h.sources.open).toBeLessThanOrEqual(states.length)
    }), { numRuns: 60 })
  })
})
