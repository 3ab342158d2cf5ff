import type { IncomingMessage } from 'node:http'
import { clientOf, isFromHere, isLoopback } from '@dagstore/io/node'
import { describe, expect, it } from 'vitest'
import { createGate, type GateOptions } from '../src/gate.ts'
import { createTokens } from '../src/index.ts'
import { SECRET } from './server.ts'

const tokens = createTokens(SECRET)

const gate = (options: Partial<GateOptions> = {}) => createGate({ tokens, anonymous: 'loopback', hosts: [], origins: [], ...options })

const request = (headers: Record<string, string>, { url = '/rpc/v0', remoteAddress = '127.0.0.1' } = {}): IncomingMessage =>
  ({ headers: { host: 'localhost:2350', ...headers }, url, socket: { remoteAddress } }) as unknown as IncomingMessage

describe('the names a server is called by', () => {
  it.each([
    'localhost', 'localhost:2350', 'LOCALHOST', 'localhost.', '127.0.0.1:1', '192.168.1.5:2350', '[::1]:2350', '[fd00::1]', '10.0.0.1', 'store.example', 'store.example:443',
    'STORE.example.:443', '[0:0:0:0:0:0:0:1]:2350', '[::FFFF:127.0.0.1]',
  ])('are right: %s', (host) => {
    expect(gate({ hosts: ['store.example'] }).refusal(request({ host }))).toBeUndefined()
  })

  it.each([
    'evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'store.example.evil.example', 'xstore.example', '', ' ', 'user@localhost', 'localhost/x', 'localhost#', 'localhost\\x',
    'a b', 'localhost:x', '%6cocalhost', '[::1', '::1', '[::1%25eth0]', '[::1].evil.example', 'localhost..', 'localhost:2350:1', 'localhost:99999', 'evil.example:127.0.0.1',
  ])('are not: %j', (host) => {
    expect(gate({ hosts: ['store.example'] }).refusal(request({ host }))).toMatchObject({ status: 403, reason: 'host' })
  })

  it('are needed', () => {
    expect(gate().refusal({ headers: {} } as unknown as IncomingMessage)).toMatchObject({ reason: 'host' })
  })

  it('are names, and nothing else', () => {
    for (const host of ['a/b', 'a:80', '', 'http://a']) expect(() => gate({ hosts: [host] })).toThrow(TypeError)
  })
})

describe('pages that ask', () => {
  const open = gate({ origins: ['https://page.example'] })
  it.each(['https://page.example', 'http://localhost:2350'])('may: %s', (origin) => {
    expect(open.refusal(request({ origin }))).toBeUndefined()
  })

  it.each([
    'https://evil.example', 'null', 'http://page.example', 'https://page.example:444', 'https://page.example.evil.example', 'http://localhost', 'http://localhost:2351', 'file://', '', 'https://page.example/',
    'localhost:2350', 'ftp://localhost:2350', 'http://127.0.0.1:2350',
  ])('may not: %j', (origin) => {
    expect(open.refusal(request({ origin }))).toMatchObject({ status: 403, reason: 'origin' })
  })

  it('are those of a secure site where a proxy speaks for it', () => {
    expect(gate({ hosts: ['store.example'] }).refusal(request({ host: 'store.example', origin: 'https://store.example' }))).toBeUndefined()
    expect(gate({ hosts: ['store.example'] }).refusal(request({ host: 'store.example', origin: 'https://store.example:8443' }))).toMatchObject({ reason: 'origin' })
  })

  it('are named one by one: everybody is nobody', () => {
    for (const origin of ['*', 'null', 'page.example', 'https://page.example/', 'https://user@page.example', 'file:///x']) expect(() => gate({ origins: [origin] })).toThrow(TypeError)
  })
})

describe('what a caller may do', () => {
  const token = tokens.sign(['read', 'write'])
  it.each([
    ['a token in the header', { authorization: `Bearer ${token}` }, '/rpc/v0', ['read', 'write']],
    ['one in the query', {}, `/rpc/v0?token=${token}`, ['read', 'write']],
    ['the header before the query', { authorization: `Bearer ${tokens.sign(['sign'])}` }, `/rpc/v0?token=${token}`, ['sign']],
    ['nothing, on this machine', {}, '/rpc/v0', ['read']],
  ])('stands in %s', (_name, headers, url, permissions) => {
    expect(gate().caller(request(headers, { url }))).toMatchObject({ permissions })
  })

  it.each([
    ['a wrong token', { authorization: `Bearer ${token}x` }, {}, 'token'],
    ['a header of another kind', { authorization: `Basic ${token}` }, {}, 'token'],
    ['an empty one', { authorization: 'Bearer ' }, {}, 'token'],
    ['an empty one in the query', {}, { url: '/rpc/v0?token=' }, 'token'],
    ['nothing, from elsewhere', {}, { remoteAddress: '192.168.1.7' }, 'anonymous'],
    ['nothing, passed on by a proxy on this machine', { 'x-forwarded-for': '1.2.3.4' }, {}, 'anonymous'],
    ['nothing, where only the scheme is forwarded', { 'x-forwarded-proto': 'https' }, {}, 'anonymous'],
    ['nothing, from a content network', { 'cf-connecting-ip': '1.2.3.4' }, {}, 'anonymous'],
    ['nothing, where forwarded in the new way', { forwarded: 'for=1.2.3.4' }, {}, 'anonymous'],
  ])('is nothing with %s', (_name, headers, where, reason) => {
    expect(gate().caller(request(headers, where))).toMatchObject({ status: 401, reason })
  })

  it('is what is configured where there is no token', () => {
    expect(gate({ anonymous: 'everywhere' }).caller(request({}, { remoteAddress: '1.2.3.4' }))).toEqual({ permissions: ['read'], anonymous: true })
    expect(gate({ anonymous: 'nobody' }).caller(request({}))).toMatchObject({ status: 401 })
  })
})

describe('addresses', () => {
  it.each(['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])('are of this machine: %s', (address) => { expect(isLoopback(address)).toBe(true) })
  it.each(['127.0.0.1.evil', '128.0.0.1', '::', '::ffff:10.0.0.1', undefined, ''])('are not: %s', (address) => { expect(isLoopback(address)).toBe(false) })
  it('are one client by network where there are many', () => {
    expect(clientOf('::ffff:1.2.3.4')).toBe('1.2.3.4')
    expect(clientOf('2001:DB8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
    expect(clientOf('2001:db8::6')).toBe(clientOf('2001:db8:0:0:ffff::'))
    expect(clientOf('fe80::1%eth0')).toBe('fe80:0:0:0::/64')
  })
  it('are not believed where somebody passes requests on', () => {
    expect(isFromHere(request({ via: '1.1 proxy' }))).toBe(false)
  })
})
