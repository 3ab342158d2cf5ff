/** `dagstore gateway` as a process of its own, and the gateway of a daemon: asked from outside. */
import { once } from 'node:events'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { carV1, makeBlocks, selfSigned } from '@dagstore-tooling/fixtures'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { commandFile, type RunningCommand, startCommand, startDaemon, type StartOptions } from './daemon-process.ts'
import { dagstore, temporaryFolder } from './terminal.ts'

const bin = await commandFile()

const blocks = makeBlocks(77, 6, { min: 20, max: 300 })
const textOf = (at: number): string => CID.decode(blocks[at]?.cid ?? new Uint8Array()).toString()

/** A folder with two CARs, each with its root in front. */
const withCars = async (): Promise<string> => {
  const cwd = await temporaryFolder()
  await mkdir(join(cwd, 'cars', 'more'), { recursive: true })
  await writeFile(join(cwd, 'cars', 'a.car'), carV1([blocks[0]?.cid ?? new Uint8Array()], blocks.slice(0, 3)))
  await writeFile(join(cwd, 'cars', 'more', 'b.car'), carV1([blocks[3]?.cid ?? new Uint8Array()], blocks.slice(3)))
  return cwd
}

interface RunningGateway extends RunningCommand { readonly url: string }

const startGateway = async (args: readonly string[], options: StartOptions): Promise<RunningGateway> => {
  const running = startCommand(bin, ['gateway', '--listen', '127.0.0.1:0', ...args], options)
  await running.until('Ctrl-C stops it.')
  return { ...running, url: / at (https?:\S+)/.exec(running.said().stderr)?.[1] ?? '' }
}

const stopped = async ({ child, ended }: RunningCommand): Promise<Awaited<RunningCommand['ended']>> => {
  child.kill('SIGINT')
  return ended
}

/** Asks until the answer is this one: what another process does takes a moment. */
const untilStatus = async (url: string, status: number): Promise<void> => {
  while ((await fetch(url)).status !== status);
}

describe('dagstore gateway FOLDER', () => {
  it('makes a store, serves what the folder has, says what can be asked for, and sums up at the end', async () => {
    const cwd = await withCars()
    const running = await startGateway(['cars'], { cwd })
    const { stderr, stdout } = running.said()
    expect(stderr).toMatch(/^made a DAG store at \.dagstore\n2 ok, 0 failed\n/)
    expect(stdout).toBe('cars: 2 added\n')
    expect(stderr).toContain('serving 2 CARs of .dagstore at http://127.0.0.1:')
    await running.until(/ indexed cars=2/)
    const [block, dag] = [...stderr.matchAll(/curl -o \S+ +'(\S+)'/g)].map(([, url = '']) => url)
    expect(block).toMatch(new RegExp(`/ipfs/(${textOf(0)}|${textOf(3)})\\?format=raw$`))
    const found = await fetch(block ?? '')
    expect(found.status).toBe(200)
    const bytes = Buffer.from(await found.arrayBuffer())
    expect(blocks.some(({ data }) => bytes.equals(data))).toBe(true)
    expect((await fetch(dag ?? '')).headers.get('content-type')).toMatch(/^application\/vnd\.ipld\.car/)
    for (const at of [0, 1, 2, 3, 4, 5]) expect(Buffer.from(await (await fetch(`${running.url}/ipfs/${textOf(at)}?format=raw`)).arrayBuffer())).toEqual(Buffer.from(blocks[at]?.data ?? []))
    const metrics = await (await fetch(`${running.url}/metrics`)).text()
    expect(metrics).toContain('dagstore_gateway_requests_total{')
    expect(metrics).toMatch(/dagstore_[a-z_]+_seconds_count/)
    expect((await fetch(`${running.url}/readyz`)).status).toBe(200)
    const { code, stdout: log, stderr: words } = await stopped(running)
    expect(code).toBe(0)
    expect(words).toMatch(/\nserved 10 requests, [\d.]+ (Ki)?B, in [\d.]+ m?s\n$/)
    const lines = log.trimEnd().split('\n').slice(1)
    expect(lines).toHaveLength(10)
    expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z 127\.0\.0\.1 GET "\/ipfs\/\w+\?format=raw" 200 \d+ \d+ - "[^"]*" ""$/)
  })

  it('begins again after it was killed, on the same port, with what it has', async () => {
    const cwd = await withCars()
    const first = await startGateway(['cars'], { cwd })
    await first.until(/ indexed cars=2/)
    first.child.kill('SIGKILL')
    await first.ended
    const { port } = new URL(first.url)
    const again = startCommand(bin, ['gateway', '--listen', `127.0.0.1:${port}`], { cwd })
    await again.until('Ctrl-C stops it.')
    expect((await fetch(`${first.url}/ipfs/${textOf(5)}?format=raw`)).status).toBe(200)
    expect((await stopped(again)).code).toBe(0)
  })

  it('serves the other CARs where one cannot be read, and tells which', async () => {
    const cwd = await withCars()
    await writeFile(join(cwd, 'cars', 'broken.car'), 'nothing of the kind')
    const running = await startGateway(['cars'], { cwd })
    await running.until('recover-shard --all cars=2 failed=1')
    expect(running.said().stderr).toMatch(/a shard failed .*shard=broken\.car/)
    expect((await fetch(`${running.url}/ipfs/${textOf(1)}?format=raw`)).status).toBe(200)
    expect((await stopped(running)).code).toBe(0)
  })

  it('with --json prints one document, and the access log where it is wanted', async () => {
    const cwd = await withCars()
    const running = await startGateway(['cars', '--json', '--access-log', 'access.log', '--access-log-format', 'json'], { cwd })
    while (running.said().stdout === '') await new Promise((resolve) => { setTimeout(resolve, 5) })
    const document = JSON.parse(running.said().stdout) as { readonly url: string, readonly pid: number }
    expect(document).toEqual({ url: running.url, root: join(cwd, '.dagstore'), pid: running.child.pid })
    await fetch(`${running.url}/ipfs/${textOf(0)}?format=raw`)
    // the line comes when the answer is out
    while ((await readFile(join(cwd, 'access.log'), 'utf8')) === '') await new Promise((resolve) => { setTimeout(resolve, 5) })
    await rename(join(cwd, 'access.log'), join(cwd, 'access.log.1'))
    running.child.kill('SIGHUP')
    await running.until('reading files again')
    while (!(await readdir(cwd)).includes('access.log')) await new Promise((resolve) => { setTimeout(resolve, 5) })
    await fetch(`${running.url}/healthz`)
    expect((await stopped(running)).stdout.trimEnd().split('\n')).toHaveLength(1)
    const lines = async (name: string): Promise<{ readonly path: string }[]> => (await readFile(join(cwd, name), 'utf8')).trimEnd().split('\n').map((line) => JSON.parse(line))
    expect([(await lines('access.log.1'))[0]?.path, (await lines('access.log'))[0]?.path]).toEqual([`/ipfs/${textOf(0)}?format=raw`, '/healthz'])
  })

  it('does not serve what a denylist names, as soon as it is told', async () => {
    const cwd = await withCars()
    await writeFile(join(cwd, 'deny'), `/ipfs/${textOf(0)}\n`)
    const running = await startGateway(['cars', '--denylist', 'deny'], { cwd })
    await untilStatus(`${running.url}/ipfs/${textOf(1)}?format=raw`, 200)
    expect((await fetch(`${running.url}/ipfs/${textOf(0)}?format=raw`)).status).toBe(410)
    await writeFile(join(cwd, 'deny'), `/ipfs/${textOf(1)}\n`)
    running.child.kill('SIGHUP')
    await untilStatus(`${running.url}/ipfs/${textOf(1)}?format=raw`, 410)
    expect((await fetch(`${running.url}/ipfs/${textOf(0)}?format=raw`)).status).toBe(200)
    await rm(join(cwd, 'deny'))
    running.child.kill('SIGHUP')
    await running.until('could not be read again')
    expect((await fetch(`${running.url}/ipfs/${textOf(1)}?format=raw`)).status).toBe(410)
  })

  it('answers by TLS, with a certificate that may be renewed', async () => {
    const cwd = await withCars()
    const write = async (serial: number): Promise<void> => {
      const { cert, key } = selfSigned(serial)
      await writeFile(join(cwd, 'cert.pem'), cert)
      await writeFile(join(cwd, 'key.pem'), key)
    }
    await write(1)
    const running = await startGateway(['cars', '--tls-cert', 'cert.pem', '--tls-key', 'key.pem'], { cwd })
    expect(running.url).toMatch(/^https:/)
    const serial = (): Promise<string> => new Promise((resolve, reject) => {
      const socket = connectTls({ port: Number(new URL(running.url).port), host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] }, () => {
        resolve(`${socket.getPeerCertificate().serialNumber} ${String(socket.alpnProtocol)}`)
        socket.end()
      })
      socket.on('error', reject)
    })
    expect(await serial()).toBe('01 h2')
    await write(2)
    running.child.kill('SIGHUP')
    await running.until('the certificate was read again')
    expect(await serial()).toBe('02 h2')
    await writeFile(join(cwd, 'key.pem'), 'x')
    running.child.kill('SIGHUP')
    await running.until('the one before is used')
    expect(await serial()).toBe('02 h2')
  })
})

describe('dagstore gateway of a store', () => {
  it('serves it, and says of a folder without CARs that there are none', async () => {
    const cwd = await withCars()
    await dagstore(cwd, ['add', 'cars'])
    await mkdir(join(cwd, 'empty'))
    const running = await startGateway(['empty'], { cwd })
    expect(running.said().stderr).toContain('serving 2 CARs of .dagstore')
    await running.until(/ indexed cars=2/)
    expect((await fetch(`${running.url}/ipfs/${textOf(2)}?format=raw`)).status).toBe(200)
    expect((await stopped(running)).stdout).toContain('empty: no file matches **/*.car\n')
  })
})

describe('dagstore gateway that cannot begin', () => {
  const refused = async (cwd: string, args: readonly string[]): Promise<{ readonly code: number, readonly stderr: string }> => dagstore(cwd, ['gateway', '--listen', '127.0.0.1:0', ...args])

  it('says why, and makes no store', async () => {
    const cwd = await withCars()
    await mkdir(join(cwd, 'empty'))
    await writeFile(join(cwd, 'text.car'), 'text')
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    for (const [args, code, words] of [
      [[], 1, /^dagstore: no DAG store at \.dagstore; name a folder of CARs: dagstore gateway \.\/cars\n$/],
      [['nowhere'], 1, /^dagstore: nowhere: .*no such file.*IO_NOT_FOUND/],
      [['cars', 'nowhere'], 1, /^dagstore: nowhere: /],
      [['empty'], 1, /^dagstore: no CARs in empty/],
      [['text.car'], 1, /^dagstore: text\.car: /],
      [['cars', '--listen', `127.0.0.1:${port}`], 1, new RegExp(`^dagstore: another program listens at 127\\.0\\.0\\.1:${port}; choose another port: --listen 127\\.0\\.0\\.1:${port + 1}\\n$`)],
      [['cars', '--listen', '192.0.2.1:1'], 1, /^dagstore: cannot listen at 192\.0\.2\.1:1/],
      [['cars', '--listen', 'x'], 2, /HOST:PORT/],
      [['cars', '--tls-cert', 'cert.pem'], 2, /TlsCert wants TlsKey/],
      [['cars', '--tls-cert', 'cert.pem', '--tls-key', 'key.pem'], 1, /certificate cannot be read; file=.*cert\.pem/],
      [['cars', '--tls-cert', 'text.car', '--tls-key', 'text.car'], 1, /not a certificate as PEM/],
      [['cars', '--denylist', 'none'], 1, /a denylist cannot be used: .*none: /],
      [['cars', '--proxy', 'nginx'], 2, /IP addresses/],
      [['cars', '--access-log', 'no/such/folder.log'], 1, /the access log cannot be opened: /],
    ] as const) {
      const answer = await refused(cwd, args)
      expect([answer.code, answer.stderr], args.join(' ')).toEqual([code, expect.stringMatching(words)])
      expect(await readdir(cwd), args.join(' ')).not.toContain('.dagstore')
    }
    taken.close()
  })

  it('says who has the store', async () => {
    const cwd = await withCars()
    const running = await startGateway(['cars'], { cwd })
    const second = await refused(cwd, ['cars'])
    expect([second.code, second.stderr]).toEqual([1, expect.stringMatching(/in use by process \d+ .*DAGSTORE_LOCKED/)])
    await stopped(running)
    const daemon = await startDaemon(bin, [], { cwd })
    const third = await refused(cwd, ['cars'])
    expect([third.code, third.stderr]).toEqual([1, `dagstore: a daemon has the store at .dagstore, and serves it too: ${daemon.url}/ipfs/{cid}?format=raw; to add to it: dagstore add cars\n`])
  })
})

describe('the gateway of a daemon', () => {
  const daemonWith = async (keys: string): Promise<Awaited<ReturnType<typeof startDaemon>>> => {
    const cwd = await withCars()
    await dagstore(cwd, ['add', '--eager', 'cars'])
    await writeFile(join(cwd, '.dagstore', 'config.toml'), keys)
    return startDaemon(bin, [], { cwd })
  }
  const ask = (url: string, headers: Record<string, string> = {}): Promise<Response> => fetch(`${url}/ipfs/${textOf(4)}?format=raw`, { headers })

  it('answers those who may read', async () => {
    const daemon = await daemonWith('')
    expect(Buffer.from(await (await ask(daemon.url)).arrayBuffer())).toEqual(Buffer.from(blocks[4]?.data ?? []))
    expect((await ask(daemon.url, { 'x-forwarded-for': '192.0.2.1' })).status, 'from elsewhere').toBe(401)
    expect((await ask(daemon.url, { 'x-forwarded-for': '192.0.2.1', authorization: `Bearer ${daemon.token}` })).status).toBe(200)
    expect((await fetch(`${daemon.url}/routing/v1/providers/${textOf(4)}`)).status).toBe(200)
    expect((await fetch(`${daemon.url}/ipns/x`)).status).toBe(501)
    expect((await fetch(`${daemon.url}/else`)).status).toBe(404)
    expect(await (await fetch(`${daemon.url}/metrics`)).text()).toContain('dagstore_gateway_requests_total{')
  })

  it('GatewayAccess: answers everybody, or nobody', async () => {
    const open = await daemonWith('[Gateway]\nGatewayAccess = "always"\n[Daemon]\nAnonymousRead = "never"\n')
    expect((await ask(open.url, { 'x-forwarded-for': '192.0.2.1', origin: 'https://page.example' })).status).toBe(200)
    const closed = await daemonWith('[Gateway]\nGatewayAccess = "never"\n')
    expect((await ask(closed.url)).status).toBe(404)
  })

  it('Denylists, AccessLog: as of a gateway of its own', async () => {
    const daemon = await daemonWith(`[Gateway]\nDenylists = ["deny"]\nAccessLog = "access.log"\n`).catch(() => undefined)
    expect(daemon, 'a denylist that is not there').toBeUndefined()
    const cwd = await withCars()
    await dagstore(cwd, ['add', '--eager', 'cars'])
    await writeFile(join(cwd, '.dagstore', 'deny'), `/ipfs/${textOf(4)}\n`)
    await writeFile(join(cwd, '.dagstore', 'config.toml'), '[Gateway]\nDenylists = ["deny"]\nAccessLog = "access.log"\n')
    const served = await startDaemon(bin, [], { cwd })
    expect((await ask(served.url)).status).toBe(410)
    await writeFile(join(cwd, '.dagstore', 'deny'), '')
    served.child.kill('SIGHUP')
    await untilStatus(`${served.url}/ipfs/${textOf(4)}?format=raw`, 200)
    await stopped(served)
    const lines = (await readFile(join(cwd, '.dagstore', 'access.log'), 'utf8')).trimEnd().split('\n')
    expect(lines[0]).toMatch(/ 127\.0\.0\.1 GET "\/ipfs\/\w+\?format=raw" 410 /)
    expect(lines.at(-1)).toMatch(/ 200 \d+ \d+ - /)
  })
})
