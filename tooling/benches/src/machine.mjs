/** What the figures were taken on, and against which versions. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os'

const here = new URL('../', import.meta.url)
const json = (path) => JSON.parse(readFileSync(new URL(path, here), 'utf8'))

/** Versions of the packages of others that measurements compare with. */
const peerVersions = () => {
  const names = Object.keys(json('package.json').dependencies).filter((name) => !name.startsWith('@dagstore'))
  return Object.fromEntries(names.map((name) => [name, json(`node_modules/${name}/package.json`).version]))
}

const GO_PEERS = { go: ['github.com/ipld/go-car/v2', 'github.com/filecoin-project/dagstore', 'github.com/filecoin-project/go-fil-commp-hashhash'], 'go-gateway': ['github.com/ipfs/boxo'], 'go-retrieval': ['github.com/ipld/frisbii'] }

/** Of Go and its modules; empty where Go is not installed. */
const goVersions = () => {
  try {
    const version = execFileSync('go', ['env', 'GOVERSION'], { stdio: ['ignore', 'pipe', 'ignore'] }).toString().trim()
    const modules = Object.entries(GO_PEERS).flatMap(([folder, names]) => {
      const mod = readFileSync(new URL(`../interop/${folder}/go.mod`, here), 'utf8')
      return names.map((name) => [name, new RegExp(`${name.replaceAll('.', '\\.')} v(\\S+)`).exec(mod)?.[1]])
    })
    return { go: version.replace(/^go/, ''), ...Object.fromEntries(modules.filter(([, found]) => found !== undefined)) }
  } catch {
    return {}
  }
}

export const machineFacts = () => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  threads: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  system: `${platform()} ${release()} ${arch()}`,
  node: process.version,
  peers: { ...peerVersions(), ...goVersions() },
  /** Above a fraction of `threads`, others were busy beside us: trust ratios only. */
  loadBefore: Number(loadavg()[0].toFixed(1)),
  date: new Date().toISOString().slice(0, 10),
})
