import { spawnSync } from 'node:child_process'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { multiaddrOf, parseAddress, parseApiInfo } from '../src/api-address.ts'
import { readApiFiles, removeApiFiles, writeApiFiles } from '../src/api-files.ts'
import { temporaryFolder } from './terminal.ts'

const API = { url: 'http://127.0.0.1:2350', token: 'a.b.c' }

const writeOwner = (root: string, owner: Record<string, unknown>): Promise<void> =>
  writeFile(join(root, 'owner.json'), JSON.stringify({ pid: process.pid, host: hostname(), startedAt: '2026-01-01T00:00:00.000Z', api: API.url, ...owner }))

describe('parseApiInfo', () => {
  it.each([
    ['/ip4/127.0.0.1/tcp/2345/http', 'http://127.0.0.1:2345'],
    ['/ip6/::1/tcp/2345/http', 'http://[::1]:2345'],
    ['/ip4/10.0.0.1/tcp/2345', 'http://10.0.0.1:2345'],
    ['/dns/node.example/tcp/443/wss', 'https://node.example'],
    ['/dns4/node.example/tcp/8443/tls/http', 'https://node.example:8443'],
    ['http://127.0.0.1:2345', 'http://127.0.0.1:2345'],
    ['ws://127.0.0.1:2345/', 'http://127.0.0.1:2345'],
    ['https://node.example/below/', 'https://node.example/below'],
  ])('takes %s with a token and without', (text, url) => {
    expect(parseApiInfo(text)).toEqual({ url, token: undefined })
    expect(parseApiInfo(`eyJh.eyJB.x_-9:${text}\n`)).toEqual({ url, token: 'eyJh.eyJB.x_-9' })
  })

  it.each(['', 'x', '/ip4/127.0.0.1', '/ip4/127.0.0.1/udp/2345', '/ip4/127.0.0.1/tcp/99999/http', '/ip4//tcp/1/http', '/unix/x/tcp/1/http', 'ftp://x', 'http://user:secret@host', 'http://host/?token=secret', 'a.b.c:', '/ip4/a b/tcp/1/http'])('refuses %j without repeating it', (text) => {
    expect(() => parseApiInfo(text)).toThrow(SyntaxError)
    try {
      parseApiInfo(`secret.secret.secret:${text}`)
    } catch (error) {
      expect((error as Error).message).not.toContain('secret')
    }
  })

  it('writes multiaddrs that it reads as the same URL', () => {
    for (const url of ['http://127.0.0.1:2350', 'http://[::1]:2350', 'http://localhost:80', 'https://node.example:8443']) expect(parseAddress(multiaddrOf(url))).toBe(parseAddress(url))
    expect(multiaddrOf('http://127.0.0.1:2350')).toBe('/ip4/127.0.0.1/tcp/2350/http')
  })
})

describe('the files of a daemon', () => {
  it('are those of a Lotus repository, for their owner alone', async () => {
    const root = await temporaryFolder()
    await writeApiFiles(root, API)
    expect((await readdir(root)).sort()).toEqual(['api', 'token'])
    expect(await readFile(join(root, 'api'), 'utf8')).toBe('/ip4/127.0.0.1/tcp/2350/http')
    expect(await readFile(join(root, 'token'), 'utf8')).toBe(API.token)
    for (const name of ['api', 'token']) expect((await stat(join(root, name))).mode & 0o777).toBe(0o600)
    await writeOwner(root, {})
    expect(await readApiFiles(root)).toEqual(API)
    await removeApiFiles(root)
    await removeApiFiles(root)
    expect(await readdir(root)).toEqual(['owner.json'])
    expect(await readApiFiles(root)).toBeUndefined()
  })

  it('do not count when the process is gone that wrote them, or the store belongs to another', async () => {
    const root = await temporaryFolder()
    await writeApiFiles(root, API)
    expect(await readApiFiles(root), 'nobody has the store').toBeUndefined()
    await writeOwner(root, { pid: spawnSync(process.execPath, ['-e', '']).pid })
    expect(await readApiFiles(root), 'killed').toBeUndefined()
    await writeOwner(root, { api: undefined })
    expect(await readApiFiles(root), 'a command without an API').toBeUndefined()
    await writeOwner(root, { api: 'http://127.0.0.1:1' })
    expect(await readApiFiles(root), 'another daemon').toBeUndefined()
    await writeOwner(root, {})
    expect(await readApiFiles(root)).toEqual(API)
  })

  it('are read from older daemons whose token is gone', async () => {
    const root = await temporaryFolder()
    await writeOwner(root, {})
    await writeFile(join(root, 'api'), 'http://127.0.0.1:2350\n')
    expect(await readApiFiles(root)).toEqual({ url: API.url, token: undefined })
    await writeFile(join(root, 'api'), 'nonsense')
    await expect(readApiFiles(root)).rejects.toThrow(SyntaxError)
  })
})
