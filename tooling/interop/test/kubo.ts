/** A real Kubo node, offline on this machine, in a repository that is gone after the test file. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { setTimeout as wait } from 'node:timers/promises'
import type { TestContext } from 'vitest'
import { type BuiltGo, useBuiltGo } from './built-go.ts'

const execute = promisify(execFile)
const SOURCES = fileURLToPath(new URL('../kubo/', import.meta.url))

export interface KuboNode extends AsyncDisposable {
  /** The repository, for `IPFS_PATH`. */
  readonly repository: string
  /** What the node's own command prints. */
  ipfs (...args: readonly string[]): Promise<string>
}

export interface Kubo {
  /** Initialises a repository there, and starts a node on it. */
  start (repository: string): Promise<KuboNode>
  /** A node on a repository that there is. */
  restart (repository: string): Promise<KuboNode>
}

/** What a test file starts with. A whole Kubo compiles for minutes where none of it was compiled before: only for `long` runs, one of which is in CI. */
export const useKubo = (long: boolean): { kubo: (context: TestContext) => Kubo, at: BuiltGo<Kubo>['at'] } => {
  if (!long) return { kubo: (context) => context.skip('a whole Kubo node is built for it; made with DAGSTORE_LONG=1'), at: (name) => name }
  const { programs, at } = useBuiltGo({ sources: SOURCES, packages: ['github.com/ipfs/kubo/cmd/ipfs'], programs: kuboOf })
  return { kubo: programs, at }
}

const SETTINGS = [['Addresses.API', '"/ip4/127.0.0.1/tcp/0"'], ['Addresses.Gateway', '""'], ['Addresses.Swarm', '[]'], ['AutoConf.Enabled', 'false'], ['Bootstrap', '[]']] as const

const kuboOf = (binary: (name: string) => string): Kubo => {
  const program = binary('ipfs')
  const envOf = (repository: string): NodeJS.ProcessEnv => ({ ...process.env, IPFS_PATH: repository, IPFS_TELEMETRY: 'off' })
  const commandOf = (repository: string): KuboNode['ipfs'] => async (...args) => (await execute(program, [...args], { env: envOf(repository), maxBuffer: 1 << 26 })).stdout
  const restart = async (repository: string): Promise<KuboNode> => {
    const node = spawn(program, ['daemon', '--offline'], { env: envOf(repository), stdio: ['ignore', 'pipe', 'pipe'] })
    const ended = once(node, 'exit')
    let printed = ''
    for (const stream of [node.stdout, node.stderr]) stream.on('data', (chunk: Buffer) => { printed += chunk.toString() })
    while (!printed.includes('Daemon is ready')) {
      if (node.exitCode !== null) throw new Error(`the node has ended: ${printed}`)
      await Promise.race([ended, wait(20)])
    }
    return {
      repository,
      ipfs: commandOf(repository),
      [Symbol.asyncDispose]: async () => {
        node.kill('SIGTERM')
        await ended
      },
    }
  }
  return {
    restart,
    start: async (repository) => {
      const ipfs = commandOf(repository)
      await ipfs('init', '--profile=test')
      for (const [name, value] of SETTINGS) await ipfs('config', '--json', name, value)
      return restart(repository)
    },
  }
}
