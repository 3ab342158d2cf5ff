import { seededRandom } from '@dagstore-tooling/testkit'
import { createHashes } from '@dagstore/hashes'
import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import type { Denylist } from '../../src/denylist/denylist.ts'
import { createDenylist } from '../../src/denylist/create-denylist.ts'
import { type DenylistOptions, type DenylistReport, type DenylistSource, parseDenylists } from '../../src/denylist/parse-denylist.ts'

const hashes = createHashes()
const encoder = new TextEncoder()
const decoder = new TextDecoder()
const source = (text: string, name = 'a.deny'): DenylistSource => ({ name, read: () => [encoder.encode(text)] })
const parse = async (text: string | readonly DenylistSource[], options: Partial<DenylistOptions> = {}): Promise<{ readonly denies: (path: string) => number | undefined, readonly list: Denylist, readonly report: DenylistReport }> => {
  const { rules, report } = await parseDenylists(typeof text === 'string' ? [source(text)] : text, { hashes, ...options })
  return {
    list: rules,
    report,
    /** `CID/path` */
    denies: (path) => {
      const [cid = '', ...below] = path.split('/')
      return rules.check(cid.startsWith('f') ? CID.decode(Uint8Array.from(cid.slice(1).match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))) : CID.parse(cid), below.join('/'))?.status
    },
  }
}
const rawCid = (text: string): CID => CID.createV1(0x55, Digest.create(0x12, hashes.digest(0x12, encoder.encode(text))))
const sha256Hex = (text: string): string => [...hashes.digest(0x12, encoder.encode(text))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
const sha256Multihash = (text: string): string => base58btc.baseEncode(hashes.multihash(0x12, encoder.encode(text)))

// the rules and cases that nopfs tests blockers with: tester/test.deny and tester/tester.go
const NOPFS = `version: 1
name: "Testing denylist"
description: "to test blockers with"
author: "@somebody"
---
# a CID
/ipfs/bafybeihvvulpp4evxj7x7armbqcyg6uezzuig6jp3lktpbovlqfkuqeuoq

# and all below
/ipfs/QmdWFA9FL52hx3j9EJZPQP1ZUH8Ygi5tLCX2cRDs6knSf8/*
/ipfs/Qmah2YDTfrox4watLCr3YgKyBwvjq8FJZEFdWY6WtJ3Xt2/test*
/ipfs/QmTuvSQbEDR3sarFAN9kAeXBpiBCyYYNxdxciazBba11eC/test/*
# exceptions
/ipfs/QmUboz9UsQBDeS6Tug1U8jgoFkgYxyYood9NDyVURAY9pK/blocked*
!/ipfs/QmUboz9UsQBDeS6Tug1U8jgoFkgYxyYood9NDyVURAY9pK/blockednot
!/ipfs/QmUboz9UsQBDeS6Tug1U8jgoFkgYxyYood9NDyVURAY9pK/blocked/not
!/ipfs/QmUboz9UsQBDeS6Tug1U8jgoFkgYxyYood9NDyVURAY9pK/blocked/exceptions*
# names
/ipns/domain.example
/ipns/domain2.example/path
/ipns/k51qzi5uqu5dhmzyv3zac033i7rl9hkgczxyl81lwoukda2htteop7d3x0y1mf
# hashed twice
//d9d295bde21f422d471a90f2a37ec53049fdf3e5fa3ee2e8f20e10003da429e7
//3f8b9febd851873b3774b937cce126910699ceac56e72e64b866f8e258d09572
//QmX9dhRcQcKUw3Ws8485T5a9dtjrSCQaUAHnG4iK9i4ceM
//QmbK7LDv5NNBvYQzNfm2eED17SNLt1yNMapcUhSuNLgkqz
`
const BLAKE3_V1 = 'bafyb4ieqht3b2rssdmc7sjv2cy2gfdilxkfh7623nvndziyqnawkmo266a'
const BLAKE3_HEX = 'f01701e20903cf61d46521b05f926ba1634628d0bba8a7ffb5b6d5a3ca310682ca63b5ef0'
const EXCEPTED = 'QmUboz9UsQBDeS6Tug1U8jgoFkgYxyYood9NDyVURAY9pK'

describe('the rules that nopfs is tested with', () => {
  it.each([
    'bafybeihvvulpp4evxj7x7armbqcyg6uezzuig6jp3lktpbovlqfkuqeuoq', 'bafkreihvvulpp4evxj7x7armbqcyg6uezzuig6jp3lktpbovlqfkuqeuoq', 'QmesfgDQ3q6prBy2Kg2gKbW4MAGuWiRP2DVuGA5MZSERLo',
    'QmdWFA9FL52hx3j9EJZPQP1ZUH8Ygi5tLCX2cRDs6knSf8', 'QmdWFA9FL52hx3j9EJZPQP1ZUH8Ygi5tLCX2cRDs6knSf8/a/b', 'QmdWFA9FL52hx3j9EJZPQP1ZUH8Ygi5tLCX2cRDs6knSf8/z/',
    'Qmah2YDTfrox4watLCr3YgKyBwvjq8FJZEFdWY6WtJ3Xt2/test', 'Qmah2YDTfrox4watLCr3YgKyBwvjq8FJZEFdWY6WtJ3Xt2/test2', 'Qmah2YDTfrox4watLCr3YgKyBwvjq8FJZEFdWY6WtJ3Xt2/test/one',
    'QmTuvSQbEDR3sarFAN9kAeXBpiBCyYYNxdxciazBba11eC/test', 'QmTuvSQbEDR3sarFAN9kAeXBpiBCyYYNxdxciazBba11eC/test2', 'QmTuvSQbEDR3sarFAN9kAeXBpiBCyYYNxdxciazBba11eC/test/one',
    `${EXCEPTED}/blocked`, `${EXCEPTED}/blocked2`,
    'bafybeiefwqslmf6zyyrxodaxx4vwqircuxpza5ri45ws3y5a62ypxti42e', 'bafybeiefwqslmf6zyyrxodaxx4vwqircuxpza5ri45ws3y5a62ypxti42e/', 'bafybeiefwqslmf6zyyrxodaxx4vwqircuxpza5ri45ws3y5a62ypxti42e/path',
    'bafybeidjwik6im54nrpfg7osdvmx7zojl5oaxqel5cmsz46iuelwf5acja', 'QmVTF1yEejXd9iMgoRTFDxBv7HAz9kuZcQNBzHrceuK9HR',
    `${BLAKE3_V1}/path`, `${BLAKE3_HEX}/path`,
  ])('deny %s', async (path) => {
    expect((await parse(NOPFS)).denies(path)).toBe(410)
  })

  it.each([
    'bafybeihvvulpp4evxj7x7armbqcyg6uezzuig6jp3lktpbovlqfkuqeuoq/sub2', 'QmesfgDQ3q6prBy2Kg2gKbW4MAGuWiRP2DVuGA5MZSERLo/sub4',
    'Qmah2YDTfrox4watLCr3YgKyBwvjq8FJZEFdWY6WtJ3Xt2', 'Qmah2YDTfrox4watLCr3YgKyBwvjq8FJZEFdWY6WtJ3Xt2/tes', 'Qmah2YDTfrox4watLCr3YgKyBwvjq8FJZEFdWY6WtJ3Xt2/one/test',
    `${EXCEPTED}/blockednot`, `${EXCEPTED}/blocked/not`, `${EXCEPTED}/blocked/exceptions`, `${EXCEPTED}/blocked/exceptions2`, `${EXCEPTED}/blocked/exceptions/one`,
    'bafybeiefwqslmf6zyyrxodaxx4vwqircuxpza5ri45ws3y5a62ypxti42e/path2',
    `${BLAKE3_V1}/`, `${BLAKE3_V1}/path2`, `${BLAKE3_HEX}/path2`,
    'QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn', 'bafyaabakaieac', 'bafkqaaa', 'bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua',
  ])('let %s pass', async (path) => {
    expect((await parse(NOPFS)).denies(path)).toBeUndefined()
  })

  it('are all understood', async () => {
    const { report } = await parse(NOPFS, { badLines: 'refuse' })
    expect(report).toMatchObject({ rules: 12, badLineCount: 0, badLines: [] })
  })
})

describe('a rule', () => {
  it('is for all CIDs of a multihash that are in use, in the older form too, and in the newer for all there are', async () => {
    const v1 = CID.parse('bafybeidjwik6im54nrpfg7osdvmx7zojl5oaxqel5cmsz46iuelwf5acja')
    const [v0, raw, cbor] = [v1.toV0(), CID.createV1(0x55, v1.multihash), CID.createV1(0x71, v1.multihash)]
    const older = await parse(`//${sha256Hex(`${v1.toString()}/`)}\n`)
    expect([v1, v0, raw, cbor].map((cid) => older.list.check(cid) !== undefined)).toEqual([true, true, true, true])
    const path = await parse(`//${sha256Hex(`${raw.toString()}/a/b`)}\n`)
    expect([v1, v0, raw, cbor].map((cid) => path.list.check(cid, 'a/b') !== undefined)).toEqual([true, true, true, true])
    expect([v1, raw].map((cid) => path.list.check(cid))).toEqual([undefined, undefined])
    const other = CID.createV1(0x0129, v1.multihash)
    const json = await parse(`//${sha256Hex(`${other.toString()}/`)}\n`)
    expect([other, v1].map((cid) => json.list.check(cid) !== undefined)).toEqual([true, false])
    // whatever base a CID was asked for in
    expect(older.list.check(CID.parse(v1.toString(base36), base36))).toBeDefined()
    const newer = await parse(`//${sha256Multihash(v0.toString())}\n`)
    expect([v1, v0, raw].map((cid) => newer.list.check(cid) !== undefined)).toEqual([true, true, true])
  })

  it('of hexadecimal digits may be written large or small', async () => {
    const cid = rawCid('x')
    expect((await parse(`//${sha256Hex(`${cid.toString()}/`).toUpperCase()}`)).list.check(cid)).toBeDefined()
  })

  it('of hexadecimal digits that are a multihash in base58 by chance counts all the same', async () => {
    const cid = rawCid('70091')
    const hex = sha256Hex(`${cid.toString()}/`)
    expect(Digest.decode(base58btc.baseDecode(hex)).code).toBe(0x50) // the first one of its kind; no hash function of ours
    const { list, report } = await parse(`//${hex}`, { badLines: 'refuse' })
    expect(report.rules).toBe(1)
    expect(list.check(cid)).toBeDefined()
  })

  it('may hash by any function that there is', async () => {
    const cid = rawCid('x')
    const text = base58btc.baseEncode(cid.multihash.bytes)
    const lines = [0x13, 0xb220].map((code) => `//${base58btc.baseEncode(hashes.multihash(code, encoder.encode(text)))}`)
    for (const line of lines) expect((await parse(line)).list.check(cid)).toEqual({ status: 410, reason: undefined })
  })

  it('names an identity CID by what it holds', async () => {
    const identity = CID.createV1(0x55, Digest.create(0, encoder.encode('inline')))
    const { list } = await parse(`/ipfs/${identity.toString()}`)
    expect(list.check(identity)).toBeDefined()
    expect(list.check(CID.createV1(0x55, Digest.create(0, encoder.encode('inlino'))))).toBeUndefined()
    const long = CID.createV1(0x55, Digest.create(0, new Uint8Array(32)))
    expect((await parse(`/ipfs/${long.toString()}/*`)).list.check(CID.createV1(0x55, Digest.create(0x12, new Uint8Array(32))))).toBeUndefined()
  })

  it('may name a multihash in base58 alone', async () => {
    const cid = CID.decode(CID.parse(BLAKE3_V1).bytes)
    expect((await parse(`/ipfs/${base58btc.baseEncode(cid.multihash.bytes)}`)).list.check(cid)).toBeDefined()
  })

  it('has its path percent-encoded; a star in a name is no wildcard, and slashes around it count for nothing', async () => {
    const cid = rawCid('x').toString()
    const { denies } = await parse(`/ipfs/${cid}/a%20b%2A\n/ipfs/${cid}/%C3%A9/\n/ipfs/${cid}/p+q\n`)
    expect(['a b*', 'a b*/', 'é', 'p+q'].map((path) => denies(`${cid}/${path}`))).toEqual([410, 410, 410, 410])
    expect(['a b', 'a b*c', 'p q', 'é/x', ''].map((path) => denies(`${cid}/${path}`))).toEqual([undefined, undefined, undefined, undefined, undefined])
  })

  it('says its status by a hint, else its list does, else 410', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => rawCid(name).toString())
    const { denies } = await parse(`hints:\n  gateway_status: 451\n---\n/ipfs/${a!}\n/ipfs/${b!} gateway_status=410 other:x\n/ipfs/${c!} gateway_status:418\n`)
    expect([a, b, c].map((cid) => denies(cid!))).toEqual([451, 410, 451])
    expect((await parse(`/ipfs/${a!}`, { status: 451 })).denies(a!)).toBe(451)
  })

  it('gives the name of its list as the reason, where it has one, and never that of a file', async () => {
    const cids = ['a', 'b', 'c'].map(rawCid)
    const { list } = await parse([source(`/ipfs/${cids[0]!.toString()}\n`, '/etc/one.deny'), source(`name: "The second"\n---\n/ipfs/${cids[1]!.toString()}\n`), source(`---\n/ipfs/${cids[2]!.toString()}\n`)])
    expect(cids.map((cid) => list.check(cid))).toEqual([{ status: 410, reason: undefined }, { status: 410, reason: 'The second' }, { status: 410, reason: undefined }])
  })

  it('counts for more the later it stands, in later lists too', async () => {
    const cid = rawCid('x').toString()
    const hashed = `//${sha256Hex(`${cid}/`)}`
    expect((await parse(`/ipfs/${cid}\n!/ipfs/${cid}\n`)).denies(cid)).toBeUndefined()
    expect((await parse(`!/ipfs/${cid}\n/ipfs/${cid}\n`)).denies(cid)).toBe(410)
    expect((await parse(`${hashed}\n!/ipfs/${cid}/*\n`)).denies(cid)).toBeUndefined()
    expect((await parse(`!/ipfs/${cid}\n${hashed}\n`)).denies(cid)).toBe(410)
    const both = await parse([source(`/ipfs/${cid}\n`, 'first'), source(`!/ipfs/${cid}\n`, 'second')])
    expect(both.denies(cid)).toBeUndefined()
  })

  it.each(['rules-1', 'rules-2', 'rules-3'])('is found as if all were gone through from the last to the first (seed %s)', async (seed) => {
    const random = seededRandom(seed)
    const cids = ['a', 'b', 'c'].map(rawCid)
    const paths = ['', 'x', 'xy', 'x/y', 'x/y/z', 'y']
    const rules = Array.from({ length: 40 }, () => {
      const [cid, path, allows] = [random.pick(cids), random.pick(paths), random.chance(0.4)]
      const form = random.pick(['exact', 'open', 'modern', 'legacy'] as const)
      const below = path === '' ? '' : `/${path}`
      const multihash = base58btc.baseEncode(cid.multihash.bytes)
      const item = {
        exact: `/ipfs/${cid.toString()}${below}`, open: `/ipfs/${cid.toString()}${below}${path === '' ? '/' : ''}*`,
        modern: `//${sha256Multihash(`${multihash}${below}`)}`, legacy: `//${sha256Hex(`${cid.toString()}/${path}`)}`,
      }[form]
      return { line: `${allows ? '!' : ''}${item}`, allows, matches: (other: CID, at: string) => other.equals(cid) && (form === 'open' ? at.startsWith(path) : at === path) }
    })
    for (let count = 0; count <= rules.length; count += 4) {
      const { list } = await parse(rules.slice(0, count).map(({ line }) => `${line}\n`).join(''), { badLines: 'refuse' })
      for (const cid of cids) {
        for (const path of paths) {
          const last = rules.slice(0, count).findLast((rule) => rule.matches(cid, path))
          expect(list.check(cid, path) !== undefined, `${count} ${cid.toString()}/${path}`).toBe(last?.allows === false)
        }
      }
    }
  })
})

describe('a denylist', () => {
  const cid = rawCid('x').toString()

  it.each([
    { why: 'a header', text: `version: 1\nname: 'x' # y\n"author": z\ncustom:\n  - a\n  - b\n---\n/ipfs/${cid}\n` },
    { why: 'an empty header', text: `---\n/ipfs/${cid}\n` },
    { why: 'no header', text: `# x\n\n/ipfs/${cid}` },
    { why: 'ends of lines of another system', text: `version: 1\r\nhints:\r\n  a: b\r\n---\r\n/ipfs/${cid}\r\n` },
  ])('may have $why', async ({ text }) => {
    const { denies, report } = await parse(text, { badLines: 'refuse' })
    expect(report.rules).toBe(1)
    expect(denies(cid)).toBe(410)
    // byte by byte it is the same
    const parted = await parse([{ name: 'a', read: () => [...encoder.encode(text)].map((byte) => Uint8Array.of(byte)) }], { badLines: 'refuse' })
    expect(parted.denies(cid)).toBe(410)
  })

  it.each([
    { why: 'another version', text: 'version: 2\n---\n', code: 'DENYLIST_BAD_VERSION', line: 1 },
    { why: 'a header that is none', text: `version: 1\n/ipfs/${cid}\n---\n`, code: 'DENYLIST_BAD_HEADER', line: 2 },
    { why: 'a line in it that belongs to nothing', text: 'version: 1\n\nfoo\n---\n', code: 'DENYLIST_BAD_HEADER', line: 3 },
    { why: 'a hint that is none', text: 'hints:\n  foo\n---\n', code: 'DENYLIST_BAD_HEADER', line: 2 },
    { why: 'a line longer than two mebibytes', text: `# x\n#${'y'.repeat(2 << 20)}\n`, code: 'DENYLIST_LINE_TOO_LONG', line: 2 },
  ])('is refused as a whole for $why', async ({ text, code, line }) => {
    await expect(parse(text)).rejects.toMatchObject({ name: 'DenylistError', code, list: 'a.deny', line })
  })

  it('with lines that are no rules is taken without them, and says which they are', async () => {
    const bad = ['/ipfs/', '/ipfs/nothing', 'ipfs', '//xyz', '//0OIl', `/ipfs/${cid}/%zz`, '/some/path', `+/ipfs/${cid}`, `//${base58btc.baseEncode(Digest.create(0x1e, new Uint8Array(32)).bytes)}`, '/ipfs/bafy\u0000']
    const text = `# one\n${bad.join('\n')}\n/ipfs/${cid}\n`
    const { report, denies } = await parse(text)
    expect(report.badLines.map(({ line }) => line)).toEqual(bad.map((_, at) => at + 2))
    expect(report.badLineCount).toBe(bad.length)
    expect(denies(cid)).toBe(410)
    await expect(parse(text, { badLines: 'refuse' })).rejects.toMatchObject({ code: 'DENYLIST_BAD_LINE', line: 2 })
    const many = await parse(`${'x\n'.repeat(5000)}`)
    expect([many.report.badLineCount, many.report.badLines.length]).toEqual([5000, 100])
  })

  it('with what could be a header but is too long is read from its beginning', async () => {
    const { report } = await parse(`${'foo: bar\n'.repeat(130_000)}---\n/ipfs/${cid}\n`)
    expect(report).toMatchObject({ rules: 1, badLineCount: 130_001 })
  })

  it.each(['noise-1', 'noise-2', 'noise-3'])('of any bytes is refused or read, and never more than that (seed %s)', async (seed) => {
    const random = seededRandom(seed)
    const parts = ['/ipfs/', '//', '!', cid, '\n', '---\n', '#', ' ', '*', '%', ':', '\r\n', '/ipns/x', 'version: 1\n', 'hints:\n', '\u00e9', decoder.decode(random.bytes(20))]
    for (let n = 0; n < 100; n++) {
      const text = Array.from({ length: random.int(30) }, () => random.pick(parts)).join('')
      const outcome = await parse(text).then(({ report }) => report.rules >= 0, (error: { name: string }) => error.name === 'DenylistError')
      expect(outcome).toBe(true)
    }
  })

  it('of many hashed lines takes some forty bytes for each, and finds them all', async () => {
    const count = 40_000
    const numbered = (n: number): CID => CID.createV1(0x55, Digest.create(0x12, hashes.digest(0x12, encoder.encode(`${n}`))))
    const lines = function * (): Generator<Uint8Array> {
      for (let at = 0; at < count; at += 1000) yield encoder.encode(Array.from({ length: 1000 }, (_, n) => `//${sha256Hex(`${numbered(at + n).toString()}/`)}\n`).join(''))
    }
    const { list, report } = await parse([{ name: 'many', read: lines }])
    expect(report.rules).toBe(count)
    expect(report.bytes / count).toBeLessThan(56)
    for (let n = 0; n < count; n += 997) expect(list.check(numbered(n))).toBeDefined()
    for (let n = count; n < count + 50; n++) expect(list.check(numbered(n))).toBeUndefined()
    // said again they take no more
    const twice = await parse([{ name: 'one', read: lines }, { name: 'two', read: lines }])
    expect(twice.report.bytes).toBe(report.bytes)
  })
})

describe('a denylist that is read again', () => {
  const [a, b] = ['a', 'b'].map(rawCid) as [CID, CID]

  it('lets nothing pass before it is there', async () => {
    const denylist = createDenylist(() => [source(`/ipfs/${a.toString()}\n`)], { hashes })
    expect(denylist.report).toBeUndefined()
    expect(() => denylist.check(b)).toThrow(expect.objectContaining({ code: 'GATEWAY_DENYLIST_MISSING', status: 503, retryAfterS: 10 }))
    expect(await denylist.reload()).toMatchObject({ rules: 1 })
    expect(denylist.check(b)).toBeUndefined()
    expect(denylist.check(a)?.status).toBe(410)
  })

  it('changes in one step, and stays as it was when reading fails or is stopped', async () => {
    let text = `/ipfs/${a.toString()}\n`
    let goOn = (): void => {}
    let held = Promise.resolve()
    const denylist = createDenylist(() => [{ name: 'x', read: async function * () { await held; yield encoder.encode(text) } }], { hashes, badLines: 'refuse' })
    await denylist.reload()
    held = new Promise((resolve) => { goOn = resolve })
    text = `/ipfs/${b.toString()}\n`
    const reloading = denylist.reload()
    expect([a, b].map((cid) => denylist.check(cid)?.status)).toEqual([410, undefined])
    goOn()
    await reloading
    expect([a, b].map((cid) => denylist.check(cid)?.status)).toEqual([undefined, 410])
    text = 'nonsense\n'
    await expect(denylist.reload()).rejects.toMatchObject({ code: 'DENYLIST_BAD_LINE' })
    text = ''
    await expect(denylist.reload({ signal: AbortSignal.abort('stopped') })).rejects.toBe('stopped')
    expect(denylist.check(b)?.status).toBe(410)
    await Promise.all([denylist.reload(), denylist.reload()])
    expect(denylist.check(b)).toBeUndefined()
  })
})
