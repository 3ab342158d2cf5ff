/** Servers of the same CARs, each in a process of its own. */
import { execFileSync, fork, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Module and package of a peer. */
const PEERS = { boxo: ['go-gateway', './serve'], frisbii: ['go-retrieval', './frisbii'] }
const moduleOf = (name) => fileURLToPath(new URL(`../../interop/${name}`, import.meta.url))
const child = (name) => fileURLToPath(new URL(`../bench/children/${name}.mjs`, import.meta.url))

/** A child that says its ports in its first message, and ends when it is left alone. */
const forked = (name, parameters) => new Promise((resolve, reject) => {
  const process = fork(child(name), [JSON.stringify(parameters)])
  process.once('exit', (code) => { reject(new Error(`a server has ended; name=${name} code=${code}`)) })
  process.once('message', (ports) => {
    resolve({
      pid: process.pid,
      ports,
      close: () => new Promise((closed) => {
        process.removeAllListeners('exit')
        process.once('exit', closed)
        process.disconnect()
      }),
    })
  })
})

export const startOurs = async ({ store, unverified = false }) => {
  const { ports, ...server } = await forked('gateway-server', { store, unverified })
  return { ...server, port: ports.port }
}

/** Of one file, its payload and its DAG. */
export const startTransfers = async (parameters) => {
  const { ports: { port, sizeBytes }, ...server } = await forked('transfer-server', parameters)
  return { ...server, port, sizeBytes }
}

/** @param from - `memory` or `file`; ports by name of the server */
export const startPlain = (places, from) => forked('plain-server', { places, from })

/** @returns paths of the built programs by name; without those, and with a line that says why, that cannot be built here */
export const buildPeers = (scratch) => {
  const built = {}
  for (const [name, [module, program]] of Object.entries(PEERS)) {
    const path = join(scratch, `${name}-peer`)
    try {
      execFileSync('go', ['build', '-mod=readonly', '-o', path, program], { cwd: moduleOf(module), stdio: ['ignore', 'ignore', 'pipe'] })
      built[name] = path
    } catch (error) {
      console.log(`without ${name}: ${String(error.stderr ?? error.message).trim().split('\n')[0]}`)
    }
  }
  return built
}

export const startPeer = (program, cars) => new Promise((resolve, reject) => {
  const process = spawn(program, cars, { stdio: ['pipe', 'pipe', 'inherit'] })
  process.once('exit', (code) => { reject(new Error(`a peer has ended; program=${program} code=${code}`)) })
  process.stdout.once('data', (line) => {
    resolve({
      pid: process.pid,
      port: Number(new URL(String(line).trim()).port),
      close: () => new Promise((closed) => {
        process.removeAllListeners('exit')
        process.once('exit', closed)
        process.stdin.end()
      }),
    })
  })
})

/** Resident memory of a process in bytes; `undefined` where the system does not tell. */
export const residentBytes = (pid) => {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024
  } catch {
    return undefined
  }
}
