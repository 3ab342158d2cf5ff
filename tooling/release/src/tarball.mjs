/** What is in a packed package, and what must and must not be. */
import { posix } from 'node:path'
import { gunzipSync } from 'node:zlib'

const BLOCK = 512
const text = (bytes) => bytes.toString('utf8').replace(/\0.*$/s, '')

/** The files of an npm tarball by their path below `package/`; long names by their pax or GNU headers. */
export const readTarball = (bytes) => {
  const tar = gunzipSync(bytes)
  const files = new Map()
  let longName
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0;) {
    const header = tar.subarray(at, at + BLOCK)
    const size = parseInt(text(header.subarray(124, 136)).trim() || '0', 8)
    const body = tar.subarray(at + BLOCK, at + BLOCK + size)
    const type = String.fromCharCode(header[156])
    const prefix = text(header.subarray(345, 500))
    if (type === 'L') longName = text(body)
    else if (type === 'x') longName = /^\d+ path=(.*)$/m.exec(text(body))?.[1]
    else {
      const name = longName ?? `${prefix === '' ? '' : `${prefix}/`}${text(header.subarray(0, 100))}`
      if (type === '0' || type === '\0') files.set(name.replace(/^package\//, ''), Buffer.from(body))
      longName = undefined
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
  return files
}

const REQUIRED = ['package.json', 'README.md', 'LICENSE-APACHE', 'LICENSE-MIT']
const UNWANTED = /(?:^|\/)(?:test|bench|node_modules|\.turbo)\/|\.test\.|\.tsbuildinfo$/

/** One line per fault of a packed package. */
export const tarballProblems = (files) => {
  const problems = []
  for (const name of REQUIRED) if (!files.has(name)) problems.push(`${name} is missing`)
  for (const name of files.keys()) if (UNWANTED.test(name)) problems.push(`${name} must not be packed`)
  const manifestText = files.get('package.json')?.toString() ?? '{}'
  for (const [protocol] of manifestText.matchAll(/"(?:workspace|catalog):[^"]*"/g)) problems.push(`package.json still says ${protocol}`)
  const manifest = JSON.parse(manifestText)
  for (const [subpath, conditions] of Object.entries(manifest.exports ?? {})) {
    for (const [condition, path] of Object.entries(conditions)) {
      if (!files.has(path.slice(2))) problems.push(`exports "${subpath}" "${condition}": ${path} is missing`)
    }
  }
  for (const [name, path] of Object.entries(manifest.bin ?? {})) {
    if (!files.has(path.replace(/^\.\//, ''))) problems.push(`bin "${name}": ${path} is missing`)
  }
  for (const [name, bytes] of files) {
    if (!name.endsWith('.map')) continue
    for (const source of JSON.parse(bytes.toString()).sources) {
      if (!files.has(posix.join(posix.dirname(name), source))) problems.push(`${name} points to ${source}, which is not packed`)
    }
  }
  return problems
}
