/** A PostgreSQL of the test's own, where one is installed: in a temporary folder, reached by a socket there. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

export interface PostgresServer {
  readonly url: (database: string) => string
  /** A new database with that in it; its URL. */
  create (sql: string): Promise<string>
  stop (): Promise<void>
}

const DEBIAN = '/usr/lib/postgresql'

/** The folder with `initdb`, `postgres` and `psql`; `undefined`: not installed. */
export const postgresPrograms = (): string | undefined => {
  const debian = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort().reverse().map((version) => join(DEBIAN, version, 'bin')) : []
  return [...debian, ...(process.env['PATH'] ?? '').split(delimiter)].find((folder) => ['initdb', 'postgres', 'psql'].every((program) => existsSync(join(folder, program))))
}

/** The server refuses to run as root. */
const anotherUser = (): { uid: number, gid: number } | undefined => {
  if (process.getuid?.() !== 0) return undefined
  const id = (option: string): number => Number(execFileSync('id', [option, 'nobody'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

export const startPostgres = async (programs: string): Promise<PostgresServer> => {
  const root = mkdtempSync(join(tmpdir(), 'dagstore-pg-'))
  const user = anotherUser()
  const [data, sockets] = [join(root, 'data'), join(root, 's')]
  chmodSync(root, 0o755)
  for (const folder of [data, sockets]) {
    mkdirSync(folder)
    if (user !== undefined) chownSync(folder, user.uid, user.gid)
  }
  execFileSync(join(programs, 'initdb'), ['-D', data, '-U', 'curio', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C'], { ...user, cwd: sockets, stdio: 'pipe' })
  const child: ChildProcess = spawn(join(programs, 'postgres'), ['-D', data, '-k', sockets, '-c', 'listen_addresses=', '-c', 'fsync=off'], { ...user, cwd: sockets, stdio: 'ignore' })
  const url = (database: string): string => `postgres://curio@/${database}?host=${encodeURIComponent(sockets)}`
  // a test that was given up leaves no server behind
  process.once('exit', () => { if (child.kill('SIGKILL')) rmSync(root, { recursive: true, force: true }) })
  const run = async (database: string, sql: string): Promise<void> => {
    const psql = spawn(join(programs, 'psql'), ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', sockets, '-U', 'curio', '-d', database], { stdio: ['pipe', 'ignore', 'pipe'] })
    const ended = once(psql, 'close')
    psql.stdin.on('error', () => {}).end(sql) // one that has ended tells why
    const said = (await psql.stderr.toArray()).join('')
    const [code] = await ended as [number | null]
    if (code !== 0) throw new Error(`psql: ${said}`)
  }
  let databases = 0
  const exited = new Promise<void>((resolve) => { child.once('exit', () => { resolve() }) })
  for (;;) {
    if (child.exitCode !== null) throw new Error('postgres ended')
    if (await run('postgres', 'select 1').then(() => true, () => false)) break
    await new Promise((resolve) => { setTimeout(resolve, 50) })
  }
  return {
    url,
    create: async (sql) => {
      const name = `db${++databases}`
      await run('postgres', `create database ${name}`)
      await run(name, sql)
      return url(name)
    },
    stop: async () => {
      child.kill('SIGQUIT')
      await exited
      rmSync(root, { recursive: true, force: true })
    },
  }
}
