import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openDagstore } from '@dagstore/node'
import { createTokens } from '@dagstore/rpc'
import { parse } from 'smol-toml'
import { describe, expect, it } from 'vitest'
import { call, commandFile, startDaemon } from './daemon-process.ts'
import { dagstore, temporaryFolder } from './terminal.ts'

const bin = await commandFile()

describe('dagstore config', () => {
  it('prints a file of defaults that can be used as it is', async () => {
    const cwd = await temporaryFolder()
    const defaults = await dagstore(cwd, ['config', 'default'])
    expect(defaults.code).toBe(0)
    await mkdir(join(cwd, '.dagstore'))
    await writeFile(join(cwd, '.dagstore', 'config.toml'), defaults.stdout)
    const effective = await dagstore(cwd, ['config', 'effective'])
    expect(effective.code, effective.stderr).toBe(0)
    expect(effective.stdout.split('\n').filter((line) => line.includes(' = ')).every((line) => line.endsWith('# default'))).toBe(true)
    expect(JSON.parse((await dagstore(cwd, ['config', 'default', '--json'])).stdout)).toContainEqual(expect.objectContaining({ section: 'DAGStore', key: 'MaxConcurrentIndex', default: 5 }))
  })

  it('prints what holds and where it comes from, without secrets', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'lotus.toml'), '[API]\nListenAddress = "x"\n[DAGStore]\nMaxConcurrentIndex = 2\n[Pieces]\nLotusApiInfo = "a.secret.b:/ip4/127.0.0.1/tcp/2345/http"\n')
    const args = ['config', 'effective', '--config', 'lotus.toml', '--concurrency', '0', '--storage', 'a,b', '--storage', '/c', '--bytes-per-second', '50MiB', '--log-level', 'debug', '--log-format', 'json', '--listen', ':1', '--root', 'r']
    const { code, stdout, stderr } = await dagstore(cwd, args)
    expect(code, stderr).toBe(0)
    expect(stderr).toBe('lotus.toml: passed over [API], of other programs\n')
    expect(stdout).not.toContain('secret')
    expect(parse(stdout)).toMatchObject({
      DAGStore: { RootDir: join(cwd, 'r'), MaxConcurrentIndex: 0 },
      Daemon: { Listen: ':1', LogLevel: 'debug', LogFormat: 'json' },
      Indexing: { BytesPerSecond: '50MiB' },
      Pieces: { Storage: [join(cwd, 'a,b'), '/c'], LotusApiInfo: '***' },
    })
    const json = JSON.parse((await dagstore(cwd, [...args, '--json'])).stdout) as { readonly keys: readonly { readonly key: string }[] }
    expect(json).toMatchObject({ root: join(cwd, 'r'), file: 'lotus.toml', ignored: ['API'] })
    expect(json.keys.find(({ key }) => key === 'LotusApiInfo')).toMatchObject({ value: '***', origin: { kind: 'file', name: 'lotus.toml', line: 6 } })
    expect(json.keys.find(({ key }) => key === 'Listen')).toMatchObject({ value: ':1', origin: { kind: 'option', name: '--listen' } })
  })

  it.each([
    [['--concurrency', 'x'], 'want a whole number from 0'],
    [['--listen', 'nowhere'], 'want HOST:PORT'],
    [['--bytes-per-second', '5 bananas'], 'want a number of bytes'],
    [['--log-level', 'loud'], 'want debug'],
    [['--log-format', 'xml'], 'want text or json'],
    [['--config', ''], 'name a file'],
  ])('refuses %j with exit 2', async (args, says) => {
    const { code, stderr } = await dagstore(await temporaryFolder(), ['config', 'effective', ...args])
    expect(stderr).toContain(says)
    expect(code).toBe(2)
  })

  it('refuses a bad file with exit 2, file and line', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'x.toml'), '[DAGStore]\nGCInterva = "1m"\n')
    const { code, stderr } = await dagstore(cwd, ['config', 'effective', '--config', 'x.toml'])
    expect(stderr).toBe('dagstore: x.toml:2: [DAGStore] has no key GCInterva; did you mean GCInterval?\n')
    expect(code).toBe(2)
  })
})

const makeStore = async (cwd: string): Promise<void> => (await openDagstore(join(cwd, '.dagstore'))).close()

describe('dagstore auth create-token', () => {
  it('prints a token that allows the permission and those before it, signed with the secret of the store', async () => {
    const cwd = await temporaryFolder()
    expect((await dagstore(cwd, ['auth', 'create-token', '--perm', 'read'])).stderr).toContain('no DAG store at .dagstore')
    await makeStore(cwd)
    const sign = await dagstore(cwd, ['auth', 'create-token', '--perm', 'sign'])
    expect(sign.code, sign.stderr).toBe(0)
    const file = join(cwd, '.dagstore', 'jwt-secret')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const tokens = createTokens(Buffer.from((await readFile(file, 'utf8')).trim(), 'hex'))
    expect(tokens.verify(sign.stdout.trim())).toEqual(['read', 'write', 'sign'])
    const { token, allow } = JSON.parse((await dagstore(cwd, ['auth', 'create-token', '--perm', 'admin', '--json'])).stdout) as { readonly token: string, readonly allow: readonly string[] }
    expect(allow).toEqual(['read', 'write', 'sign', 'admin'])
    expect(tokens.verify(token)).toEqual(allow)
  })

  it('is made once by several at a time, and refuses a file that holds something else', async () => {
    const cwd = await temporaryFolder()
    await makeStore(cwd)
    const made = await Promise.all(Array.from({ length: 8 }, () => dagstore(cwd, ['auth', 'create-token', '--perm', 'read'])))
    expect(new Set(made.map(({ stdout }) => stdout)).size).toBe(1)
    await writeFile(join(cwd, '.dagstore', 'jwt-secret'), 'x')
    const { code, stderr } = await dagstore(cwd, ['auth', 'create-token', '--perm', 'read'])
    expect(code).toBe(1)
    expect(stderr).toContain('jwt-secret')
  })

  it('has the daemon sign it that was named, whose secret is another one', async () => {
    const here = await temporaryFolder()
    await makeStore(here)
    const daemon = await startDaemon(bin, [], { cwd: await temporaryFolder() })
    const secretOf = async (root: string): Promise<ReturnType<typeof createTokens>> => createTokens(Buffer.from((await readFile(join(root, 'jwt-secret'), 'utf8')).trim(), 'hex'))
    const info = `${daemon.token}:${daemon.url}`
    for (const [args, env] of [[['--api-info', info], {}], [[], { DAGSTORE_API_INFO: info }]] as const) {
      const run = await dagstore(here, ['auth', 'create-token', '--perm', 'write', ...args], { env })
      expect(run).toMatchObject({ code: 0, stderr: '' })
      expect((await secretOf(daemon.root)).verify(run.stdout.trim())).toEqual(['read', 'write'])
    }
    await expect(stat(join(here, '.dagstore', 'jwt-secret')), 'nothing was signed here').rejects.toThrow()
    const denied = await dagstore(here, ['auth', 'create-token', '--perm', 'admin', '--api-info', daemon.url])
    expect(denied).toMatchObject({ code: 1, stdout: '' })
    expect(denied.stderr).toContain("(need 'admin'); ")
    expect(denied.stderr, 'what to do').toContain('dagstore auth create-token')
    // the daemon of the store at hand takes what is signed here
    const own = await dagstore(here, ['auth', 'create-token', '--perm', 'read', '--root', daemon.root, '--json'])
    expect(JSON.parse(own.stdout)).toMatchObject({ allow: ['read'] })
    expect((await call({ url: daemon.url, token: (JSON.parse(own.stdout) as { readonly token: string }).token }, 'Version')).error).toBeUndefined()
  })

  it('wants a permission that there is', async () => {
    expect((await dagstore(await temporaryFolder(), ['auth', 'create-token'])).code).toBe(2)
    expect((await dagstore(await temporaryFolder(), ['auth', 'create-token', '--perm', 'root'])).code).toBe(2)
  })
})
