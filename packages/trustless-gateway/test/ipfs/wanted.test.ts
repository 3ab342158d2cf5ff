import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { acceptedOf } from '../../src/ipfs/accept.ts'
import { contentPathOf } from '../../src/ipfs/target.ts'
import { wantedOf, type Wanted } from '../../src/ipfs/wanted.ts'

const RAW = 'application/vnd.ipld.raw'
const CAR = 'application/vnd.ipld.car'
const IPNS = 'application/vnd.ipfs.ipns-record'
const PATH = '/ipfs/bafkqaaa'

const wanted = (query: string, accept?: string): Wanted => wantedOf(contentPathOf(`${PATH}${query}`), accept)
const codeOf = (query: string, accept?: string): string | undefined => {
  try {
    wanted(query, accept)
    return undefined
  } catch (error) {
    return (error as { code?: string }).code
  }
}
const dups = (query: string, accept?: string): boolean | undefined => wanted(query, accept).car?.duplicates

describe('the format', () => {
  it.each([
    { query: '?format=raw', accept: undefined, type: RAW },
    { query: '?format=car', accept: undefined, type: `${CAR}; version=1; order=dfs; dups=n` },
    // the query goes first, whatever is accepted
    { query: '?format=raw', accept: CAR, type: RAW },
    { query: '?format=car', accept: RAW, type: `${CAR}; version=1; order=dfs; dups=n` },
    { query: '?format=raw', accept: 'text/html', type: RAW },
    { query: '?format=car', accept: `${CAR};dups=y`, type: `${CAR}; version=1; order=dfs; dups=y` },
    { query: '?format=&format=car', accept: RAW, type: RAW },
    { query: '', accept: RAW, type: RAW },
    { query: '', accept: 'APPLICATION/VND.IPLD.RAW ; x="y"', type: RAW },
    { query: '', accept: `${RAW};q=0.5, ${CAR};q=0.6`, type: `${CAR}; version=1; order=dfs; dups=n` },
    { query: '', accept: `${RAW}, ${CAR}`, type: RAW },
    { query: '', accept: `${CAR}, ${RAW}`, type: `${CAR}; version=1; order=dfs; dups=n` },
    { query: '', accept: '*/*', type: `${CAR}; version=1; order=dfs; dups=n` },
    { query: '', accept: 'text/html,application/xhtml+xml,*/*;q=0.8', type: `${CAR}; version=1; order=dfs; dups=n` },
    { query: '', accept: `*/*, ${RAW};q=0.1`, type: `${CAR}; version=1; order=dfs; dups=n` },
    { query: '', accept: `*/*;q=0.1, ${RAW};q=0.1`, type: RAW },
    { query: '', accept: `${CAR};q=0, */*`, type: RAW },
    { query: '', accept: `${CAR};q=0.1, */*`, type: RAW },
    { query: '', accept: `application/*;q=0.2, */*, ${RAW};q=0.3`, type: RAW },
    { query: '', accept: `${CAR};q=2, ${RAW};q=0.9`, type: `${CAR}; version=1; order=dfs; dups=n` },
    { query: '', accept: `${CAR};version=2, ${RAW};q=0.1`, type: RAW },
    { query: '', accept: `${CAR};order=foo, ${CAR};order=dfs;dups=y;q=0.5`, type: `${CAR}; version=1; order=dfs; dups=y` },
    { query: '', accept: `${CAR}; version="1"; order=unk; future=1`, type: `${CAR}; version=1; order=dfs; dups=n` },
  ])('of $query with Accept: $accept is $type', ({ query, accept, type }) => {
    expect(wanted(query, accept).type).toBe(type)
  })

  it.each([
    { query: '', accept: undefined, code: 'GATEWAY_NO_FORMAT' },
    { query: '?format=', accept: ' ', code: 'GATEWAY_NO_FORMAT' },
    { query: '', accept: 'text/html', code: 'GATEWAY_NOT_OFFERED' },
    { query: '?format=json', accept: RAW, code: 'GATEWAY_NOT_OFFERED' },
    { query: '?format=RAW', accept: undefined, code: 'GATEWAY_NOT_OFFERED' },
    { query: '', accept: `${CAR};version=2`, code: 'GATEWAY_NOT_OFFERED' },
    { query: '', accept: `${CAR};dups=maybe`, code: 'GATEWAY_NOT_OFFERED' },
    { query: '', accept: `${RAW};q=0`, code: 'GATEWAY_NOT_OFFERED' },
    { query: '', accept: 'application/*;q=0, */*', code: 'GATEWAY_NOT_OFFERED' },
    { query: '?format=car&car-version=2', accept: undefined, code: 'GATEWAY_NOT_OFFERED' },
    { query: '?format=car&car-order=rnd', accept: undefined, code: 'GATEWAY_NOT_OFFERED' },
    { query: '?format=car&car-version=one', accept: undefined, code: 'GATEWAY_BAD_PARAMETER' },
    { query: '?format=car&car-dups=maybe', accept: undefined, code: 'GATEWAY_BAD_PARAMETER' },
    { query: '?format=car&dag-scope=some', accept: undefined, code: 'GATEWAY_BAD_PARAMETER' },
    { query: '?format=car&entity-bytes=1', accept: undefined, code: 'GATEWAY_BAD_PARAMETER' },
    { query: '?format=ipns-record', accept: undefined, code: 'GATEWAY_NO_IPNS' },
    { query: '', accept: IPNS, code: 'GATEWAY_NO_IPNS' },
  ])('of $query with Accept: $accept is refused: $code', ({ query, accept, code }) => {
    expect(codeOf(query, accept)).toBe(code)
  })

  it.each([
    { accept: `${RAW}, ${CAR}`, type: `${CAR}; version=1; order=dfs; dups=n` },
    { accept: `${RAW}, ${CAR};dups=y;q=0.1`, type: `${CAR}; version=1; order=dfs; dups=y` },
    { accept: `${RAW}, */*;q=0.1`, type: `${CAR}; version=1; order=dfs; dups=n` },
    { accept: `${RAW}, ${CAR};version=2, application/*;q=0.1`, type: `${CAR}; version=1; order=dfs; dups=n` },
    { accept: `${IPNS}, ${RAW}, ${CAR}`, type: `${CAR}; version=1; order=dfs; dups=n` },
    // nothing but what a path has none of: refused where it is known why
    { accept: RAW, type: RAW },
    { accept: `${RAW}, ${CAR};version=2`, type: RAW },
    { accept: `${RAW}, ${CAR};q=0`, type: RAW },
  ])('of a path with Accept: $accept is $type, since a path leads to a CAR alone', ({ accept, type }) => {
    expect(wantedOf(contentPathOf(`${PATH}/a`), accept)).toMatchObject({ type, location: `${PATH}/a?format=${type === RAW ? 'raw' : 'car'}${type.endsWith('y') ? '&car-dups=y' : ''}` })
    expect(wantedOf(contentPathOf(`${PATH}/a?format=raw`), accept).type).toBe(RAW)
  })

  it('that is not there is passed over for one that is', () => {
    for (const [accept, type] of [[`${IPNS}, ${CAR};q=0.5`, `${CAR}; version=1; order=dfs; dups=n`], [`${IPNS};q=0.9, ${RAW};q=0.1`, RAW]] as const) expect(wanted('', accept).type).toBe(type)
    for (const accept of [IPNS, `${IPNS}, ${IPNS};x=y`, `${IPNS}, text/html`]) expect(codeOf('', accept)).toBe('GATEWAY_NO_IPNS')
    expect(codeOf('', `${IPNS}, ${CAR};version=2`)).toBe('GATEWAY_NOT_OFFERED')
    expect(codeOf('?format=ipns-record', `${IPNS}, ${CAR}`)).toBe('GATEWAY_NO_IPNS')
  })

  it('takes no notice of parameters of CARs when it is raw', () => {
    expect(wanted('?format=raw&dag-scope=some&entity-bytes=x&car-dups=maybe')).toMatchObject({ car: undefined, type: RAW })
  })
})

describe('parameters of a CAR', () => {
  it('in the query override those of Accept, before it is looked whether they are offered', () => {
    expect(dups('?format=car&car-dups=n', `${CAR};dups=y`)).toBe(false)
    expect(dups('?format=car&car-dups=y', `${CAR};dups=n`)).toBe(true)
    expect(dups('?car-dups=y', CAR)).toBe(true)
    expect(dups('?format=car&car-version=1&car-order=dfs&car-dups=y', `${CAR}; version=2; order=unk; dups=n`)).toBe(true)
  })

  it('of scope and range are read', () => {
    expect(wanted('?format=car').car).toEqual({ scope: 'all', entityBytes: undefined, duplicates: false })
    for (const scope of ['block', 'entity', 'all']) expect(wanted(`?format=car&dag-scope=${scope}`).car?.scope).toBe(scope)
    expect(wanted('?format=car&dag-scope=all&entity-bytes=1:*').car).toMatchObject({ scope: 'entity', entityBytes: { from: 1 } })
  })

  it.each([
    { range: '0:*', entityBytes: { from: 0 } },
    { range: '0:0', entityBytes: { from: 0, to: 0 } },
    { range: '-5:-5', entityBytes: { from: -5, to: -5 } },
    { range: '512:-256', entityBytes: { from: 512, to: -256 } },
    { range: '-5:2', entityBytes: { from: -5, to: 2 } },
    { range: '-0:00', entityBytes: { from: 0, to: 0 } },
    { range: '0:9223372036854775807', entityBytes: { from: 0, to: Number.MAX_SAFE_INTEGER } },
    { range: '-9223372036854775808:*', entityBytes: { from: -Number.MAX_SAFE_INTEGER } },
  ])('of a range $range is read', ({ range, entityBytes }) => {
    expect(wanted(`?format=car&entity-bytes=${range}`).car?.entityBytes).toEqual(entityBytes)
  })

  it.each([':', '*:*', '*:1', '1:', ':1', '1-2', '2:1', '-1:-2', '1:2:3', '0x1:2', '1.0:2', '%2B1:2', '1:%20*', '99999999999999999999:*', 'a:b'])('of a range %s are refused', (range) => {
    expect(codeOf(`?format=car&entity-bytes=${range}`)).toBe('GATEWAY_BAD_PARAMETER')
  })
})

describe('the location of what was negotiated', () => {
  it.each([
    { query: '', accept: RAW, location: `${PATH}?format=raw` },
    { query: '?filename=x', accept: RAW, location: `${PATH}?filename=x&format=raw` },
    { query: '', accept: '*/*', location: `${PATH}?format=car` },
    { query: '?dag-scope=block', accept: `${CAR};version=1;order=dfs;dups=y`, location: `${PATH}?dag-scope=block&format=car&car-version=1&car-order=dfs&car-dups=y` },
    { query: '?format=car', accept: `${CAR};dups=y`, location: `${PATH}?format=car&car-dups=y` },
    { query: '?format=car&car-dups=n', accept: `${CAR};dups=y`, location: undefined },
    // those that are empty count as absent, and would again
    { query: '?format=&x=1&f%6Frmat=raw&car-dups', accept: `${CAR};dups=y`, location: `${PATH}?x=1&format=car&car-dups=y` },
    { query: '?format=raw', accept: RAW, location: undefined },
    { query: '?format=car', accept: 'text/html', location: undefined },
  ])('of $query with Accept: $accept is $location', ({ query, accept, location }) => {
    expect(wanted(query, accept).location).toBe(location)
  })

  it('asks for the same, without Accept', () => {
    const accepts = fc.array(fc.tuple(fc.constantFrom(RAW, CAR, '*/*', 'application/*', 'text/html'), fc.subarray(['version=1', 'version=2', 'order=dfs', 'order=unk', 'dups=y', 'dups=n', 'q=0.5', 'q=0']))
      .map(([type, parameters]) => [type, ...parameters].join(';')), { minLength: 1, maxLength: 4 }).map((ranges) => ranges.join(', '))
    const queries = fc.shuffledSubarray(['format=', 'format=car', 'car-dups=', 'car-order', 'x', 'car-dups=y', 'car-dups=n', 'car-version=1', 'dag-scope=entity', 'entity-bytes=0:5', 'filename=a%20b']).map((parts) => (parts.length === 0 ? '' : `?${parts.join('&')}`))
    fc.assert(fc.property(queries, accepts, (query, accept) => {
      if (codeOf(query, accept) !== undefined) return
      const { location, ...rest } = wanted(query, accept)
      const again = wantedOf(contentPathOf(location ?? `${PATH}${query}`), undefined)
      expect(again).toEqual({ ...rest, location: undefined })
    }), { seed: 3, numRuns: 400 })
  })
})

describe('acceptedOf', () => {
  it('takes any header', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.array(fc.constantFrom(RAW, CAR, ';', ',', '=', 'q', '0.5', '"', '\\', ' ', '*/*', 'dups')).map((parts) => parts.join(''))), (header) => {
      for (const { format } of acceptedOf(header)) expect(['raw', 'car', 'ipns-record']).toContain(format)
    }), { seed: 5, numRuns: 500 })
  })
})
