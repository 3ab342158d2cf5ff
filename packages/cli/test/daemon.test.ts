/** `dagstore daemon` as a process: started, asked, stopped, killed. */
import { once } from 'node:events'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { fileUrl } from '@dagstore/mounts'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { readApiFiles } from '../src/api-files.ts'
import { call, commandFile, startCommand, startDaemon } from './daemon-process.ts'
import { temporaryFolder } from './terminal.ts'

const bin = await commandFile()

const putCar = async (folder: string, name: string, seed = 91, blocks = 20): Promise<string> => {
  await writeFile(join(folder, name), carV1([], makeBlocks(seed, blocks, { min: 50, max: 300 })))
  return fileUrl(join(folder, name))
}

describe('dagstore daemon', () => {
  it('answers over HTTP and WebSocket, says how it is, and leaves nothing behind when it is told to stop', async () => {
    const cwd = await temporaryFolder()
    const daemon = await startDaemon(bin, [], { cwd })
    expect(await readFile(join(daemon.root, 'api'), 'utf8')).toBe(`/ip4/127.0.0.1/tcp/${new URL(daemon.url).port}/http`)
    for (const name of ['api', 'token', 'jwt-secret']) expect((await stat(join(daemon.root, name))).mode & 0o777, name).toBe(0o600)
    expect((await call(daemon, 'Version')).result.Version).toBe('1.2.3')
    expect((await call({ url: daemon.url }, 'DagstoreListShards')).result, 'reading needs no token here').toEqual([])
    expect((await call({ url: daemon.url }, 'DagstoreGC')).error).toMatchObject({ code: 1, message: "missing permission to invoke 'DagstoreGC' (need 'admin')" })
    for (const path of ['/healthz', '/readyz']) expect((await fetch(daemon.url + path)).status).toBe(200)
    const metrics = await (await fetch(`${daemon.url}/metrics`)).text()
    expect(metrics).toContain('dagstore_info{version="1.2.3"')
    expect(metrics).toMatch(/dagstore_shards_errored 0/)

    const socket = new WebSocket(`${daemon.url.replace('http', 'ws')}/rpc/v0`, { headers: { authorization: `Bearer ${daemon.token}` } })
    await once(socket, 'open')
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'Filecoin.LogList', params: [] }))
    const [answer] = await once(socket, 'message') as [Buffer]
    expect((JSON.parse(answer.toString()) as { readonly result: unknown }).result).toContain('rpc')

    daemon.child.kill('SIGTERM')
    const { code, stderr } = await daemon.ended
    expect(code, stderr).toBe(0)
    expect(stderr).toContain('stopped')
    expect(stderr).not.toContain(daemon.token)
    const left = await readdir(daemon.root)
    for (const name of ['api', 'token', 'owner.json']) expect(left).not.toContain(name)
  })

  it('goes on after kill -9 at any moment: its files count no more, and nothing that was acknowledged is lost', async () => {
    const cwd = await temporaryFolder()
    const url = await putCar(cwd, 'a.car')
    const acknowledged: string[] = []
    let token: string | undefined
    for (let run = 0; run < 4; run++) {
      const daemon = await startDaemon(bin, [], { cwd })
      token ??= daemon.token
      const keys = ((await call(daemon, 'DagstoreListShards')).result as readonly { readonly Key: string }[]).map(({ Key }) => Key)
      expect(keys).toEqual(expect.arrayContaining(acknowledged))
      const adding = async (): Promise<void> => {
        for (let at = 0; ; at++) {
          const key = `${run}-${at}`
          const { result } = await call(daemon, 'DagstoreAdd', [[{ Key: key, MountURL: url, Eager: at % 2 === 0 }]])
          if (result[0].Error === '') acknowledged.push(key)
        }
      }
      const added = adding().catch(() => {}) // nobody answers any more
      // the first one may be killed before it has acknowledged anything, the others may not, however busy the machine is
      const before = acknowledged.length
      do await new Promise((resolve) => { setTimeout(resolve, 10 + run * 20) })
      while (run > 0 && acknowledged.length < before + 2)
      daemon.child.kill('SIGKILL')
      await daemon.ended
      await added
      expect(await readdir(daemon.root)).toEqual(expect.arrayContaining(['api', 'token', 'owner.json']))
      expect(await readApiFiles(daemon.root), 'they say nothing any more').toBeUndefined()
    }
    expect(acknowledged.length).toBeGreaterThan(4)
    const last = await startDaemon(bin, [], { cwd })
    expect((await readApiFiles(last.root))?.url).toBe(last.url)
    expect((await call(last, 'AuthVerify', [token])).result, 'tokens go on to hold').toEqual(['read', 'write', 'sign', 'admin'])
    for (;;) {
      const { result } = await call(last, 'DagstoreListShards')
      if ((result as readonly { readonly Key: string, readonly State: string }[]).filter(({ Key }) => acknowledged.includes(Key) && Number(Key.split('-')[1]) % 2 === 0).every(({ State }) => State === 'ShardStateAvailable')) break
    }
  })

  it('refuses a second one of the same store, naming the process and where it answers', async () => {
    const cwd = await temporaryFolder()
    const daemon = await startDaemon(bin, [], { cwd })
    const second = await startCommand(bin, ['daemon', '--listen', '127.0.0.1:0'], { cwd }).ended
    expect(second.code).toBe(1)
    expect(second.stderr).toContain(`process ${daemon.child.pid} `)
    expect(second.stderr).toContain(`which answers at ${daemon.url}`)
    expect(second.stderr).toContain('DAGSTORE_LOCKED')
    expect((await call(daemon, 'Version')).result, 'the first one goes on').toBeDefined()
    expect(await readdir(daemon.root)).toEqual(expect.arrayContaining(['api', 'token']))
  })

  it('says which storage path is none, by its name', async () => {
    const cwd = await temporaryFolder()
    const { code, stderr } = await startCommand(bin, ['daemon', '--listen', '127.0.0.1:0', '--storage', join(cwd, 'gone')], { cwd }).ended
    expect(code).toBe(1)
    expect(stderr).toContain(`dagstore: ${join(cwd, 'gone')}: `)
    expect(stderr).toContain('(IO_NOT_FOUND)')
  })

  it('says when somebody else listens where it should', async () => {
    const cwd = await temporaryFolder()
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => { server.close() })
    const { port } = server.address() as { readonly port: number }
    const { code, stderr } = await startCommand(bin, ['daemon', '--listen', `127.0.0.1:${port}`], { cwd }).ended
    expect(code).toBe(1)
    expect(stderr).toContain('SERVER_ADDRESS_IN_USE')
    expect(await readdir(join(cwd, '.dagstore'))).not.toContain('api')
  })
})
