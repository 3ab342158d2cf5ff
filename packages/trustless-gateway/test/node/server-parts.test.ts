/** The parts of the server that need none. */
import { describe, expect, it } from 'vitest'
import { accessLine, type ServedRequest } from '../../src/node.ts'
import { createPeers, peerOf } from '../../src/node/peers.ts'
import { protocolOf } from '../../src/node/protocol.ts'

const request: ServedRequest = {
  at: Date.UTC(2026, 10, 23, 9, 15, 2, 113), address: '192.0.2.7', method: 'GET', target: '/ipfs/bafy?format=car', version: '1.1', status: 200, ms: 41.4, bytes: 1048706, agent: 'lassie/v0.24.0', code: undefined,
}

describe('a line of the access log', () => {
  it('has ten fields', () => {
    expect(accessLine(request, 'text')).toBe('2026-11-23T09:15:02.113Z 192.0.2.7 GET "/ipfs/bafy?format=car" 200 41 1048706 - "lassie/v0.24.0" ""\n')
    expect(JSON.parse(accessLine(request, 'json'))).toEqual({
      time: '2026-11-23T09:15:02.113Z', addr: '192.0.2.7', method: 'GET', path: '/ipfs/bafy?format=car', status: 200, ms: 41, bytes: 1048706, ratio: null, agent: 'lassie/v0.24.0', error: '',
    })
  })

  it('is one line whatever others write into it, and a terminal takes no orders from it', () => {
    const hostile = { ...request, address: '', method: 'GET\n', target: '/ipfs/"\\\n\u001b[2J\u009b\u2028', agent: '" 200\r\n1.2.3.4', code: 'CLIENT_LEFT' }
    expect(accessLine(hostile, 'text')).toBe('2026-11-23T09:15:02.113Z - - "/ipfs/\\"\\\\\\u000a\\u001b[2J\\u009b\\u2028" 200 41 1048706 - "\\" 200\\u000d\\u000a1.2.3.4" "CLIENT_LEFT"\n')
    const json = accessLine(hostile, 'json')
    expect(json.slice(0, -1)).not.toContain('\n')
    expect(JSON.parse(json)).toMatchObject({ path: hostile.target, agent: hostile.agent })
  })

  it('is cut off where a path or agent is very long', () => {
    expect(accessLine({ ...request, target: `/${'x'.repeat(15_000)}`, agent: 'y'.repeat(15_000) }, 'text').length).toBeLessThan(4300)
  })
})

describe('the first bytes of a connection', () => {
  it.each([
    ['', undefined], ['P', undefined], ['PR', undefined], ['PRI', undefined], ['PRI ', 'http2'], ['PRI * HTTP/2.0\r\n', 'http2'], ['G', 'http1'], ['PO', 'http1'], ['PRIX', 'http1'], ['PRO', 'http1'], ['\u0016\u0003\u0001', 'http1'],
  ])('%j: %s', (text, protocol) => { expect(protocolOf(Buffer.from(text, 'latin1'))).toBe(protocol) })
})

describe('who asks', () => {
  const peers = createPeers(['127.0.0.1', '10.0.0.2', '::1'])
  const of = (address: string, headers: Record<string, string>, secure = false) => peers.of(peerOf(address), { host: 'a.example', ...headers }, secure)

  it('is the last one that no proxy of ours is', () => {
    expect(of('127.0.0.1', { 'x-forwarded-for': '1.1.1.1, 192.0.2.7, 10.0.0.2' })).toMatchObject({ address: '192.0.2.7', client: '192.0.2.7' })
    expect(of('::ffff:127.0.0.1', { 'x-forwarded-for': '2001:db8:1:2:3::4' })).toMatchObject({ address: '2001:db8:1:2:3::4', client: '2001:db8:1:2::/64' })
    for (const header of ['', 'unknown', '1.1.1.1, "evil"', '10.0.0.2']) expect(of('127.0.0.1', { 'x-forwarded-for': header }), header).toMatchObject({ address: '127.0.0.1' })
    expect(of('192.0.2.1', { 'x-forwarded-for': '1.1.1.1' })).toMatchObject({ address: '192.0.2.1', client: '192.0.2.1' })
  })

  it('has reached us at a name that can be one', () => {
    expect(of('192.0.2.1', {}, true).origin).toBe('https://a.example')
    expect(of('192.0.2.1', { host: '[::1]:2351' }).origin).toBe('http://[::1]:2351')
    expect(of('192.0.2.1', { ':authority': 'b.example:1' }).origin).toBe('http://b.example:1')
    expect(of('127.0.0.1', { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'c.example' }).origin).toBe('https://c.example')
    for (const host of ['', 'a b', 'a/b', 'a@b', 'a:b', '"', 'a\u0000']) expect(of('192.0.2.1', { host }).origin, host).toBeUndefined()
    expect(of('127.0.0.1', { 'x-forwarded-proto': 'javascript' }).origin).toBeUndefined()
  })
})
