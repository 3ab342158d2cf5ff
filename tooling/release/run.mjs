/**
 * Every package as its user gets it. Builds and packs all packages, then checks each tarball, installs it with the
 * tarballs it needs into an empty folder, and there loads, compiles, bundles and measures it and runs its README.
 *
 *     node tooling/release/run.mjs [--update] [--no-build] [--keep] [package…]
 *
 * `--update` writes budgets.json, and the sizes in the READMEs, from what is measured; `--keep` leaves the folders for a
 * look. Needs npm and its cache or the registry. One line per check, a count at the end; exit code 1 when any failed.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { budgetFor, overBudget, readBudgets, withSize, writeBudgets } from './src/budgets.mjs'
import { bundleSize } from './src/bundle.mjs'
import { pool, run } from './src/commands.mjs'
import { compilations, openCompilers, writeConsumer } from './src/compilers.mjs'
import { installInto, loadAll, measure } from './src/installation.mjs'
import { oldestNode } from './src/oldest-node.mjs'
import { runExamples } from './src/readme-examples.mjs'
import { createReport } from './src/report.mjs'
import { readTarball, tarballProblems } from './src/tarball.mjs'
import { closureOf, consumersOf, portableSpecifiersOf, readCatalog, readPackages, ROOT, specifiersOf } from './src/workspace.mjs'

const HERE = join(ROOT, 'tooling', 'release')
const BUDGETS = join(HERE, 'budgets.json')
const BIN = join(ROOT, 'node_modules', '.bin')
const WIDTH = 2

const args = process.argv.slice(2)
const flag = (name) => args.includes(name)
const packages = readPackages()
const catalog = readCatalog()
const wanted = args.filter((arg) => !arg.startsWith('--')).map((arg) => (arg.startsWith('@') ? arg : `@dagstore/${arg}`))
const unknown = wanted.filter((name) => !packages.has(name))
if (unknown.length > 0) {
  console.error(`no such package: ${unknown.join(', ')}`)
  process.exit(2)
}
const names = wanted.length === 0 ? [...packages.keys()] : wanted
const report = createReport()
const work = mkdtempSync(join(tmpdir(), 'dagstore-release-'))
const tarballs = new Map()
const compilers = openCompilers()
/** Packages that are compiled with `@types/node` are installed below a folder that has them, once for all; the others where there are none. */
const withTypes = join(work, 'with-types')

const failWith = (problems) => { if (problems.length > 0) throw new Error(problems.length === 1 ? problems[0] : `\n${problems.join('\n')}`) }

/** From nothing: a `dist` that was built upon would carry modules that are gone. */
const buildAfresh = async () => {
  for (const { folder } of packages.values()) rmSync(join(folder, 'dist'), { recursive: true, force: true })
  await run(join(BIN, 'turbo'), ['run', 'build', '--force', '--output-logs=errors-only', '--filter=./packages/*'], { cwd: ROOT, env: { PATH: `${BIN}${delimiter}${process.env.PATH}`, TURBO_TELEMETRY_DISABLED: '1' } })
}

const pack = async (pkg) => report.check(`${pkg.short} pack`, async () => {
  const output = await run(join(BIN, 'pnpm'), ['pack', '--json', '--pack-destination', work], { cwd: pkg.folder })
  const path = JSON.parse(output.slice(output.indexOf('{'))).filename
  tarballs.set(pkg.name, path)
  const files = readTarball(readFileSync(path))
  failWith(tarballProblems(files))
  return `${files.size} files`
})

const lint = (pkg) => report.check(`${pkg.short} publint`, async () => {
  const { messages, pkg: manifest } = await publint({ pack: { tarball: new Uint8Array(readFileSync(tarballs.get(pkg.name))).buffer }, strict: true })
  failWith(messages.map((message) => formatMessage(message, manifest, { color: false })))
})

const areTypesWrong = (pkg) => report.check(`${pkg.short} types resolve (esm-only)`, async () => {
  await run(process.execPath, [join(HERE, 'node_modules', '@arethetypeswrong', 'cli', 'dist', 'index.js'), tarballs.get(pkg.name), '--profile', 'esm-only', '--no-emoji', '--no-color', '--format', 'ascii'])
})

const install = async (pkg, folder) => report.check(`${pkg.short} install`, async () => {
  const closure = closureOf(packages, pkg.name)
  await installInto(folder, closure.map(({ name }) => tarballs.get(name)))
  return `from ${closure.length} tarballs`
})

const load = async (pkg, folder, node) => {
  let loaded
  await report.check(`${pkg.short} import and require`, async () => {
    loaded = await loadAll(folder, specifiersOf(pkg), node.path)
    return `${specifiersOf(pkg).length} exports, Node ${node.version.slice(1)}`
  })
  return loaded
}

const weigh = async (pkg, folder) => {
  const bundles = {}
  const bundled = await pool(1, portableSpecifiersOf(pkg), (specifier) => report.check(`${pkg.short} bundle for browsers ${specifier}`, async () => {
    bundles[specifier] = await bundleSize(folder, specifier)
    return `${(bundles[specifier].min / 1024).toFixed(1)} KiB minified, ${(bundles[specifier].gzip / 1024).toFixed(1)} KiB gzipped`
  }))
  return bundled.includes(false) ? undefined : { ...measure(folder), bundles }
}

const budgets = readBudgets(BUDGETS)
const holdBudget = (pkg, measured) => report.check(`${pkg.short} budget`, () => {
  if (flag('--update')) budgets[pkg.name] = budgetFor(measured)
  failWith(overBudget(measured, budgets[pkg.name]))
  return `${measured.packages} packages, ${measured.kib} KiB, native: ${measured.native.join(', ') || 'none'}`
})

/** Run a script of `compositions/` in an installation of what its comments `// needs: a b` name. */
const compose = async (file, node) => {
  const name = `composition ${file.replace(/\.mjs$/, '')}`
  const script = join(HERE, 'compositions', file)
  const needs = [...readFileSync(script, 'utf8').matchAll(/^\/\/ needs: (.*)$/gm)].flatMap(([, list]) => list.split(' '))
  const ours = needs.filter((need) => packages.has(need)).flatMap((need) => closureOf(packages, need))
  await report.check(name, async () => {
    const missing = ours.filter((pkg) => !tarballs.has(pkg.name))
    failWith(missing.map((pkg) => `${pkg.name} could not be packed`))
    const folder = join(work, 'installed', `composition-${file}`)
    await installInto(folder, [...new Set(ours.map((pkg) => tarballs.get(pkg.name))), ...needs.filter((need) => !packages.has(need)).map((need) => `${need}@${catalog.get(need) ?? 'latest'}`)])
    cpSync(script, join(folder, file))
    return (await run(node.path, [file], { cwd: folder })).trim().split('\n').at(-1)
  })
}

const main = async () => {
  const started = Date.now()
  mkdirSync(join(work, 'installed'))
  if (!flag('--no-build')) await report.check('build', buildAfresh)
  const needed = new Set(names.flatMap((name) => closureOf(packages, name)))
  const compositions = wanted.length === 0 ? readdirSync(join(HERE, 'compositions')).filter((file) => file.endsWith('.mjs')) : []
  await pool(WIDTH, [...needed], pack)
  const node = await oldestNode()
  const packed = names.map((name) => packages.get(name)).filter((pkg) => tarballs.has(pkg.name))
  if (packed.some((pkg) => consumersOf(packages, pkg).some(({ types }) => types.length > 0))) await installInto(withTypes, [`@types/node@${catalog.get('@types/node')}`])
  await pool(WIDTH, packed, async (pkg) => {
    await lint(pkg)
    await areTypesWrong(pkg)
    const consumers = consumersOf(packages, pkg)
    const folder = join(consumers.some(({ types }) => types.length > 0) ? withTypes : join(work, 'installed'), pkg.short)
    if (!await install(pkg, folder)) return
    const measured = await weigh(pkg, folder)
    if (measured !== undefined) await holdBudget(pkg, measured)
    const loaded = await load(pkg, folder, node)
    for (const bin of Object.keys(pkg.manifest.bin ?? {})) {
      await report.check(`${pkg.short} command ${bin}`, async () => (await run(node.path, [join(folder, 'node_modules', pkg.name, pkg.manifest.bin[bin]), '--version'], { cwd: folder })).trim())
    }
    const readme = join(pkg.folder, 'README.md')
    await report.check(`${pkg.short} README example`, async () => `${await runExamples(existsSync(readme) ? readFileSync(readme, 'utf8') : '', folder, node.path)} run, Node ${node.version.slice(1)}`)
    if (loaded === undefined) return
    for (const { specifiers, types } of consumers) {
      writeConsumer(folder, Object.fromEntries(specifiers.map((specifier) => [specifier, loaded[specifier]])), join(HERE, 'consumers', `${pkg.short}.ts`), types)
      const { compilers: names, modes } = compilations()
      await pool(names.length, names, async (compiler) => {
        for (const mode of modes) {
          await report.check(`${pkg.short} ${compiler} ${mode}${types.length > 0 ? ' with @types/node' : ''}`, async () => {
            await compilers.compile(folder, { compiler, mode, shared: join(withTypes, 'node_modules') })
            return specifiers.map((specifier) => `.${specifier.slice(pkg.name.length)}`).join(' ')
          })
        }
      })
    }
    if (!flag('--keep')) rmSync(folder, { recursive: true, force: true })
  })
  await pool(WIDTH, compositions, (file) => compose(file, node))
  if (flag('--update')) for (const { folder, name } of packed) writeFileSync(join(folder, 'README.md'), withSize(readFileSync(join(folder, 'README.md'), 'utf8'), budgets[name]))
  if (flag('--update')) writeBudgets(BUDGETS, Object.fromEntries(Object.entries(budgets).filter(([name]) => packages.has(name)).sort(([a], [b]) => (a < b ? -1 : 1))))
  console.error(`${Math.round((Date.now() - started) / 1000)} s${flag('--keep') ? `, kept in ${work}` : ''}`)
}

try {
  await main()
} finally {
  compilers.close()
  if (!flag('--keep')) rmSync(work, { recursive: true, force: true })
}
process.exitCode = report.close()
