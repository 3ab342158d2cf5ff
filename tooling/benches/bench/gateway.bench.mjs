/**
 * The gateway of a store beside frisbii and boxo's gateway over the same CAR files, and beside servers that send the same bytes and do
 * nothing else. frisbii walks on go-car's storage, as its own command does, boxo on go-car's blockstores (`gateway.BlocksBackend`);
 * neither verifies what it reads.
 *
 * Servers and client are processes of their own. On a machine of two threads that is one for each, so that a server has no
 * second one to hash or to read on while it sends; bare sockets show what the client can take.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { makeServed, makeStore } from '../src/gateway-data.mjs'
import { buildPeers, residentBytes, startOurs, startPeer, startPlain } from '../src/gateway-servers.mjs'
import { median } from '../src/harness.mjs'
import { startLoad } from '../src/http-load.mjs'

export const title = 'Serve blocks and CARs by HTTP'
export const packages = ['trustless-gateway', 'node', 'dag', 'dagstore', 'carv2-index-mount']

const OURS = 'serveGateway'
const UNVERIFIED = 'serveGateway, hashing nothing'
const PEERS = { frisbii: 'frisbii', boxo: 'boxo gateway' }
const FILE = 'node:http from the file'
const MEMORY = 'node:http from memory'
const SOCKETS = 'bare sockets from memory'
const ROLES = { [OURS]: 'ours', [UNVERIFIED]: 'ours', [PEERS.frisbii]: 'peer', [PEERS.boxo]: 'peer', [FILE]: 'floor', [MEMORY]: 'floor', [SOCKETS]: 'floor' }

const PEER_GOAL = 1
const FLOOR_GOAL = 0.6
const CONNECTIONS = [1, 16, 256]
const MIDDLE = 16
const MIB = 1 << 20

/** Requests of one run by size and connections. */
const RAW_REQUESTS = { '1 KiB': [1000, 3000, 3000], '16 KiB': [800, 2000, 2000], '256 KiB': [250, 500, 512], '1 MiB': [80, 160, 256] }
/** File and requests of one run. */
const CAR_RUNS = {
  'large leaves': [['large leaves', 2], ['large leaves, short', 64], ['large leaves, short', 256]],
  'small leaves': [['small leaves', 2], ['small leaves', 16], ['small leaves, short', 256]],
}
const HELD_STREAMS = 256
const HELD_MS = 3000

export const run = async ({ compare, amounts, scratch, form }) => {
  const made = makeServed(join(scratch, 'cars'))
  const store = join(scratch, 'store')
  mkdirSync(store)
  await makeStore(store, made.cars)
  const second = join(scratch, 'second')
  mkdirSync(second)
  await makeStore(second, made.cars)
  const peers = Object.entries(buildPeers(scratch)).map(([peer, program]) => [PEERS[peer], () => startPeer(program, made.cars)])
  const start = {
    [OURS]: () => startOurs({ store }),
    ...Object.fromEntries(peers),
    [FILE]: async () => { const { ports, ...server } = await startPlain(made.places, 'file'); return { ...server, port: ports.http } },
  }
  const load = startLoad()
  const memory = await startPlain(made.places, 'memory')
  const servers = {
    [MEMORY]: { port: memory.ports.http },
    [SOCKETS]: { port: memory.ports.sockets },
    [UNVERIFIED]: await startOurs({ store: second, unverified: true }),
  }
  for (const [name, begin] of Object.entries(start)) servers[name] = await begin()
  const bench = { load, servers, compare, amounts, form }
  await mustBeSame(bench, [...Object.values(made.raw).map(({ paths }) => paths[0]), ...Object.values(made.files).map(({ path }) => path)])
  await measureRaw(bench, made.raw)
  await measureCars(bench, made.files)
  await measureHttp2(bench, made.raw, memory.ports.http2)
  for (const name of [UNVERIFIED, ...Object.keys(start)]) await servers[name].close()
  await memory.close()
  await measureHeld(bench, made.files, start)
  await load.end()
}

/** Every server gives the same bytes. */
const mustBeSame = async ({ load, servers }, paths) => {
  for (const path of paths) {
    const answers = await Promise.all(Object.entries(servers).map(async ([name, { port }]) => [name, await load.check({ port, path })]))
    const [, wanted] = answers.find(([name]) => name === FILE)
    for (const [name, { digest, bytes }] of answers) if (digest !== wanted.digest) throw new Error(`other bytes; server=${name} path=${path} want=${wanted.bytes} got=${bytes}`)
  }
}

/** How a server does the requests of `load.paths`; figures of the runs that count. */
const caseOf = ({ load, servers }, name, connections, count) => {
  const runs = []
  return {
    name,
    role: ROLES[name],
    prepare: () => load.open({ port: servers[name].port, count: connections }),
    run: async () => { runs.push(await load.run({ count })) },
    details: () => {
      const counted = runs.filter((_, n) => n % 2 === 1) // each behind one that warms up
      const of = (value) => median(counted.map(value))
      return { p50Ms: of(({ latency }) => latency.p50), p99Ms: of(({ latency }) => latency.p99), firstByteMs: of(({ firstByte }) => firstByte.p50) }
    },
  }
}

const wanted = (servers) => [
  ...Object.values(PEERS).filter((peer) => servers[peer] !== undefined).map((peer) => ({ name: OURS, against: peer, atLeast: PEER_GOAL })),
  { name: OURS, against: FILE, atLeast: FLOOR_GOAL },
]

const measureRow = async (bench, { what, paths, connections, count, bytes, rounds }) => {
  const { load, servers, compare, form } = bench
  const isSmall = form === 'small'
  const requests = isSmall ? Math.max(connections, Math.ceil(count / 10)) : count
  await load.paths({ list: paths })
  const names = [OURS, ...Object.values(PEERS), FILE, MEMORY, ...(connections === MIDDLE ? [UNVERIFIED, SOCKETS] : [])].filter((name) => servers[name] !== undefined)
  await compare({
    what: `${what}, ${connections === 1 ? '1 connection' : `${connections} connections`}, ${requests} requests`,
    work: { bytes: requests * bytes, items: requests },
    rounds: isSmall ? 1 : rounds,
    cases: names.map((name) => caseOf(bench, name, connections, requests)),
    wanted: wanted(servers),
  })
}

const measureRaw = async (bench, raw) => {
  for (const [name, { bytes, paths }] of Object.entries(raw)) {
    for (const [n, connections] of CONNECTIONS.entries()) {
      await measureRow(bench, { what: `raw blocks of ${name}`, paths, connections, count: RAW_REQUESTS[name][n], bytes, rounds: 5 })
    }
  }
}

const measureCars = async (bench, files) => {
  for (const [name, runs] of Object.entries(CAR_RUNS)) {
    for (const [n, [file, count]] of runs.entries()) {
      const { path, bytes, blocks } = files[file]
      const what = `whole files as CARs, ${name} (${blocks} blocks, ${(bytes / MIB).toFixed(1)} MiB)`
      await measureRow(bench, { what, paths: [path], connections: CONNECTIONS[n], count, bytes, rounds: 3 })
    }
  }
}

const measureHttp2 = async ({ load, servers, compare, form }, raw, plainPort) => {
  const { bytes, paths } = raw['16 KiB']
  const count = form === 'small' ? 100 : 1000
  await load.paths({ list: paths })
  const plain = 'node:http2 from memory'
  const http2Case = (name, role, port) => ({ name, role, run: () => load.http2({ port, count, width: MIDDLE }) })
  await compare({
    what: `raw blocks of 16 KiB by HTTP/2, 1 connection, ${MIDDLE} streams, ${count} requests; the client of Node takes most of the time`,
    work: { bytes: count * bytes, items: count },
    rounds: form === 'small' ? 1 : 5,
    cases: [http2Case(OURS, 'ours', servers[OURS].port), http2Case(plain, 'floor', plainPort)],
  })
}

/** Readers that take a little and then nothing: what they cost. Each server is a new process that has served one of them before. */
const measureHeld = async ({ load, amounts, form }, files, start) => {
  const { path } = files['large leaves']
  const streams = form === 'small' ? MIDDLE : HELD_STREAMS
  const figures = []
  for (const [name, begin] of Object.entries(start)) {
    const server = await begin()
    await load.check({ port: server.port, path })
    const before = residentBytes(server.pid)
    await load.open({ port: server.port, count: streams })
    await load.hold({ path })
    await new Promise((resolve) => { setTimeout(resolve, HELD_MS) })
    const after = residentBytes(server.pid)
    await load.close()
    await server.close()
    if (before !== undefined) figures.push({ name, role: ROLES[name], value: (after - before) / streams / 1024 })
  }
  amounts({ what: `Resident memory of one of ${streams} streams of a CAR of 64 MiB whose readers take nothing`, unit: 'KiB', figures })
}
