/** The client's side of a daemon, as a process of its own. */
import { request } from 'node:http'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { describe, expect, it } from 'vitest'
import { call, commandFile, type RunningDaemon, startCommand, startDaemon } from './daemon-process.ts'
import { temporaryFolder } from './terminal.ts'

const bin = await commandFile()

const run = async (daemon: RunningDaemon, ...args: readonly string[]): Promise<{ readonly code: number | null, readonly stdout: string, readonly stderr: string }> =>
  startCommand(bin, ['client', ...args, '--root', daemon.root], { cwd: join(daemon.root, '..') }).ended

const open = async (): Promise<RunningDaemon> => startDaemon(bin, [], { cwd: await temporaryFolder() })

const stop = async (daemon: RunningDaemon): Promise<void> => {
  daemon.child.kill('SIGTERM')
  expect((await daemon.ended).code).toBe(0)
}

describe('the client\'s side of a daemon', () => {
  it('imports, reads, retrieves and exports by files of its machine, named by whoever asks', async () => {
    const daemon = await open()
    const cwd = join(daemon.root, '..')
    const content = seededBytes(3, 2_500_000)
    await writeFile(join(cwd, 'in'), content)
    const [, id, root = ''] = /^Import (\d+), Root (\S+)\n$/.exec((await run(daemon, 'import', 'in')).stdout) ?? []
    expect((await run(daemon, 'local')).stdout).toBe(`${id}: ${root} @${join(cwd, 'in')} (import)\n`)
    expect(await run(daemon, 'retrieve', root, 'out')).toMatchObject({ code: 0, stdout: 'Success\n' })
    expect(Buffer.compare(await readFile(join(cwd, 'out')), content)).toBe(0)
    // L13: a CAR of references is nobody's
    expect((await run(daemon, 'export', '--car', root, 'out.car')).code).toBe(0)
    expect((await call(daemon, 'ClientCalcCommP', [join(cwd, 'out.car')])).result.Root).toEqual((await call(daemon, 'ClientDealPieceCID', [{ '/': root }])).result.PieceCID)
    // the same to whoever has no path there: a directory is no stream of bytes
    const download = (query: Record<string, string>, method = 'GET'): Promise<Response> =>
      fetch(`${daemon.url}/rest/v0/export?${new URLSearchParams(query)}`, { method, headers: { authorization: `Bearer ${daemon.token}` } })
    const whole = JSON.stringify({ Root: { '/': root } })
    expect(Buffer.compare(Buffer.from(await (await download({ export: whole })).arrayBuffer()), content)).toBe(0)
    expect((await download({ export: whole }, 'HEAD')).headers.get('content-length')).toBe('2500000')
    expect(Buffer.compare(Buffer.from(await (await download({ export: whole, car: 'true' })).arrayBuffer()), await readFile(join(cwd, 'out.car')))).toBe(0)
    const fromCar = JSON.stringify({ Root: { '/': root }, FromLocalCAR: join(cwd, 'out.car') })
    expect(Buffer.compare(Buffer.from(await (await download({ export: fromCar })).arrayBuffer()), content)).toBe(0)
    await mkdir(join(cwd, 'folder'))
    await writeFile(join(cwd, 'folder', 'a'), 'abc')
    const folder = { '/': (await run(daemon, 'import', '-q', 'folder')).stdout.trim() }
    expect(await (await download({ export: JSON.stringify({ Root: folder }) })).json()).toMatchObject({ code: 'COMMAND_REFUSED' })
    expect(await (await download({ export: JSON.stringify({ Root: folder, DAGs: [{ DataSelector: 'a' }] }) })).text()).toBe('abc')
    expect(await (await download({ export: JSON.stringify({ Root: { '/': 'bafkqaaa' }, DealID: 1 }) })).json()).toMatchObject({ code: 'COMMAND_REFUSED' })
    // L16
    for (const [method, params] of [['ClientImport', [{ Path: 'in', IsCAR: false }]], ['ClientCalcCommP', ['out.car']], ['ClientGenCar', [{ Path: 'in' }, 'x.car']], ['ClientExport', [{ Root: { '/': root } }, { Path: 'x' }]]] as const) {
      expect((await call(daemon, method, params)).error).toMatchObject({ code: -32602, message: expect.stringContaining('absolute path') })
    }
    await stop(daemon)
    // L17: who asks with a token tells nobody
    expect(daemon.said().stderr).not.toContain(daemon.token)
  })

  it('takes an upload, keeps nothing of one that was cut, and refuses one without a token', async () => {
    const daemon = await open()
    const upload = (headers: Record<string, string>): ReturnType<typeof request> => request(`${daemon.url}/rest/v0/import`, { method: 'PUT', headers })
    const token = { authorization: `Bearer ${daemon.token}` }
    const cut = upload({ ...token, 'content-length': '1000000' })
    cut.on('error', () => {}) // it is ended here
    await new Promise((resolve) => { cut.write(seededBytes(4, 300_000), resolve) })
    cut.destroy()
    const put = await fetch(`${daemon.url}/rest/v0/import`, { method: 'PUT', headers: token, body: new Uint8Array(seededBytes(5, 200_000)) })
    expect(await put.text()).toMatch(/^\{"Cid":\{"\/":"\S+"\},"ImportID":\d{19}\}$/)
    expect((await fetch(`${daemon.url}/rest/v0/import`, { method: 'PUT', body: 'x' })).status).toBe(401)
    expect((await call(daemon, 'ClientListImports')).result).toHaveLength(1)
    const piped = startCommand(bin, ['client', 'import', '-q', '-', '--root', daemon.root], { cwd: join(daemon.root, '..') })
    piped.child.stdin.end(seededBytes(5, 200_000))
    expect((await piped.ended).stdout.trim()).toBe((await call(daemon, 'ClientListImports')).result[0].Root['/'])
    await stop(daemon)
  })

  it('says at its start which imports are broken, and starts all the same', async () => {
    const first = await open()
    const cwd = join(first.root, '..')
    await writeFile(join(cwd, 'in'), seededBytes(6, 300))
    const { result: { ImportID } } = await call(first, 'ClientImport', [{ Path: join(cwd, 'in'), IsCAR: false }])
    await stop(first)
    const [car = ''] = (await readdir(join(first.root, 'imports'))).filter((name) => name.endsWith('.car'))
    await rm(join(first.root, 'imports', car))
    const text = await startDaemon(bin, [], { cwd })
    await text.until(/ WARN importmgr import has missing\/broken carv2; please reimport \{"id":\d{19},"source":"import","root":"\S+","original":"\S+in","error":".*"\}\n(?:.*\n)*?.* INFO importmgr sanity check completed \{"broken":1,"total":1\}\n/)
    expect((await call(text, 'ClientListImports')).result[0].Err).not.toBe('')
    await stop(text)
    const json = await startDaemon(bin, ['--log-format', 'json'], { cwd })
    await json.until(/"logger":"importmgr","msg":"sanity check completed","broken":1,"total":1\}/)
    expect(ImportID).toBeGreaterThan(0)
    await stop(json)
  })

  it('makes a deal with the daemon of a provider, and has the data back from there', async () => {
    const [provider, daemon] = [await open(), await open()]
    const cwd = join(daemon.root, '..')
    const content = seededBytes(7, 2_500_000)
    await writeFile(join(cwd, 'in'), content)
    const root = (await run(daemon, 'import', '-q', 'in')).stdout.trim()
    const deal = await run(daemon, 'deal', '--provider', provider.url, root)
    expect(deal).toMatchObject({ code: 0, stdout: expect.stringMatching(/^bafy\S+\n$/) })
    expect((await call(daemon, 'ClientGetDealInfo', [{ '/': deal.stdout.trim() }])).result).toMatchObject({ Provider: 'f01000', DataTransfer: { Status: 6, OtherPeer: '11' } })
    // from then on its address is enough, as for clients of Lotus
    expect((await call(daemon, 'ClientQueryAsk', ['', 'f01000'])).result).toMatchObject({ Miner: 'f01000' })
    expect((await call(daemon, 'ClientFindData', [{ '/': root }, null])).result).toMatchObject([{ Err: '', Miner: 'f01000' }])
    expect(await run(daemon, 'retrieve', '--no-local', root, 'out')).toMatchObject({ code: 0, stdout: 'Success\n' })
    expect(Buffer.compare(await readFile(join(cwd, 'out')), content)).toBe(0)
    await stop(daemon)
    // what it knew it knows again
    const again = await startDaemon(bin, [], { cwd })
    expect((await call(again, 'ClientListDeals')).result).toHaveLength(1)
    expect((await call(again, 'ClientListRetrievals')).result).toMatchObject([{ Status: 15, From: expect.stringContaining(provider.url) }])
    await stop(again)
    await stop(provider)
    // L17: tokens are in nobody's log
    for (const { said, token } of [provider, daemon]) expect(said().stderr).not.toContain(token)
  })

  it('is done by a command alone where there is none: the process stays until the provider has the data', async () => {
    const provider = await open()
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'in'), seededBytes(8, 1_500_000))
    const alone = (...args: readonly string[]): ReturnType<typeof startCommand>['ended'] => startCommand(bin, ['client', ...args], { cwd }).ended
    const root = (await alone('import', '-q', 'in')).stdout.trim()
    expect(await alone('deal', '--provider', provider.url, root)).toMatchObject({ code: 0, stderr: expect.stringContaining('StorageDeal') })
    expect(await alone('retrieve', '--no-local', root, 'out')).toMatchObject({ code: 0 })
    expect(Buffer.compare(await readFile(join(cwd, 'out')), await readFile(join(cwd, 'in')))).toBe(0)
    await stop(provider)
  })
})
