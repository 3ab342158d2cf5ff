/** A package installed from tarballs into an empty folder, and what can be measured and tried there. */
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './commands.mjs'

/** `npm install` of tarballs and registry packages into a new folder; no install scripts, the cache first. */
export const installInto = async (folder, what) => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "name": "consumer", "version": "0.0.0", "private": true, "type": "module" }\n')
  const args = ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error']
  await run('npm', [...args, ...what], { cwd: folder })
}

const walk = (folder, visit) => {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) walk(path, visit)
    else if (entry.isFile()) visit(path)
  }
}

/** Folders of installed packages below a `node_modules`, nested ones included. */
const installedPackages = (modules) => {
  if (!existsSync(modules)) return []
  return readdirSync(modules).filter((name) => !name.startsWith('.'))
    .flatMap((name) => (name.startsWith('@') ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`) : [name]))
    .flatMap((name) => [{ name, path: join(modules, name) }, ...installedPackages(join(modules, name, 'node_modules'))])
}

/** How many packages and KiB an installation is, and which packages in it carry native code. */
export const measure = (folder) => {
  const modules = join(folder, 'node_modules')
  const found = installedPackages(modules)
  const native = new Set()
  let bytes = 0
  for (const { name, path } of found) {
    const inner = join(path, 'node_modules')
    walk(path, (file) => {
      if (file.startsWith(inner)) return
      bytes += statSync(file).size
      if (file.endsWith('.node')) native.add(name)
    })
  }
  return { packages: found.length, kib: Math.ceil(bytes / 1024), native: [...native].sort() }
}

/** Load every specifier as an ES module and as CommonJS does; the names each exports. */
export const loadAll = async (folder, specifiers, node) => {
  const file = join(folder, 'load-all.mjs')
  writeFileSync(file, `import { createRequire } from 'node:module'
const require = createRequire(import.meta.url)
const names = {}
for (const specifier of ${JSON.stringify(specifiers)}) {
  names[specifier] = Object.keys(await import(specifier)).sort()
}
console.log(JSON.stringify(names))
`)
  const names = JSON.parse(await run(node, [file], { cwd: folder }))
  const required = join(folder, 'load-all.cjs')
  // another process, so that nothing is there from an import before
  writeFileSync(required, `const names = {}
for (const specifier of ${JSON.stringify(specifiers)}) names[specifier] = Object.keys(require(specifier)).filter((name) => name !== '__esModule').sort()
console.log(JSON.stringify(names))
`)
  const asCommonJs = JSON.parse(await run(node, ['--disable-warning=ExperimentalWarning', required], { cwd: folder }))
  for (const specifier of specifiers) {
    if (JSON.stringify(names[specifier]) !== JSON.stringify(asCommonJs[specifier])) throw new Error(`require("${specifier}") gives other names than import`)
  }
  return names
}
