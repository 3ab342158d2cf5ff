/** The ```js blocks of a README, run as a user would: an ES module in an empty folder, with only its own packages installed. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { run } from './commands.mjs'
import { closureOf } from './workspace.mjs'

export const examplesOf = (readme) => [...readme.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code)

/** Run each example of `readme` as a module beside `folder/node_modules`, each in an empty working folder, and with a temporary folder of its own. */
export const runExamples = async (readme, folder, node = process.execPath) => {
  const examples = examplesOf(readme)
  if (examples.length === 0) throw new Error('the README has no example in a ```js block')
  for (const [i, code] of examples.entries()) {
    const file = join(folder, `readme-example-${i + 1}.mjs`)
    const place = mkdtempSync(join(tmpdir(), 'dagstore-example-'))
    const [cwd, TMPDIR] = ['work', 'temporary'].map((name) => join(place, name))
    for (const made of [cwd, TMPDIR]) mkdirSync(made)
    writeFileSync(file, code)
    try {
      await run(node, [file], { cwd, env: { TMPDIR } })
    } finally {
      rmSync(place, { recursive: true, force: true })
    }
  }
  return examples.length
}

/** Every dependency of a package folder, as pnpm linked it. */
const linked = (folder) => {
  const modules = join(folder, 'node_modules')
  if (!existsSync(modules)) return []
  return readdirSync(modules).filter((name) => !name.startsWith('.'))
    .flatMap((name) => (name.startsWith('@') ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`) : [name]))
    .map((name) => [name, realpathSync(join(modules, name))])
}

/** A folder whose `node_modules` links to the built packages of a closure and to their dependencies, like an installation. */
export const linkClosure = (packages, name) => {
  const folder = mkdtempSync(join(tmpdir(), 'dagstore-linked-'))
  const targets = new Map()
  const closure = closureOf(packages, name)
  for (const pkg of closure) {
    if (!existsSync(join(pkg.folder, 'dist'))) throw new Error(`${pkg.name} is not built; run npm test at the root, or: npx turbo run build`)
    for (const [dependency, path] of linked(pkg.folder)) {
      if (pkg.manifest.dependencies?.[dependency] !== undefined) targets.set(dependency, path)
    }
  }
  for (const pkg of closure) targets.set(pkg.name, pkg.folder)
  for (const [dependency, path] of targets) {
    const link = join(folder, 'node_modules', dependency)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(path, link, 'junction')
  }
  return folder
}

/** Run the examples of a package's README against what is built in the workspace. */
export const runWorkspaceExamples = async (packages, name) => {
  const folder = linkClosure(packages, name)
  try {
    return await runExamples(readFileSync(join(packages.get(name).folder, 'README.md'), 'utf8'), folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
