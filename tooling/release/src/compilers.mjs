/** Consumers written in TypeScript: the compilers, module settings and sources that must work together. */
import { fork } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './commands.mjs'

const require = createRequire(import.meta.url)
const COMPILERS = ['typescript-7.0', 'typescript-6.0', 'typescript-5.9']
const MODES = {
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
}

const folderOf = (name) => dirname(require.resolve(`${name}/package.json`))
const commandOf = (name) => join(folderOf(name), JSON.parse(readFileSync(join(folderOf(name), 'package.json'), 'utf8')).bin.tsc)

/** Uses every exported value of every specifier, and the module's type as a whole. */
const consumerOf = (namesBySpecifier) => Object.entries(namesBySpecifier).map(([specifier, names], i) => {
  const renamed = names.map((name) => `${name} as ${name}${i}`).join(', ')
  return `import type * as All${i} from '${specifier}'
import { ${renamed} } from '${specifier}'
export const used${i}: readonly unknown[] = [${names.map((name) => `${name}${i}`).join(', ')}]
export const name${i}: keyof typeof All${i} | undefined = undefined
`
}).join('')

/** Every compiler, and the modes that each is tried in. */
export const compilations = () => ({ compilers: COMPILERS, modes: Object.keys(MODES) })

/** Write the consumer of an installation: a use of every export and, if there is one, the lines of use in `consumers/`; `types` as in tsconfig. */
export const writeConsumer = (folder, namesBySpecifier, linesOfUse, types) => {
  mkdirSync(join(folder, 'consumer'), { recursive: true })
  writeFileSync(join(folder, 'consumer', 'every-export.ts'), consumerOf(namesBySpecifier))
  if (existsSync(linesOfUse)) writeFileSync(join(folder, 'consumer', 'use.ts'), readFileSync(linesOfUse))
  for (const [mode, options] of Object.entries(MODES)) {
    writeFileSync(join(folder, `tsconfig.${mode}.json`), JSON.stringify({
      compilerOptions: { ...options, target: 'es2022', lib: ['es2022', 'dom'], types, strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, skipDefaultLibCheck: true, noEmit: true },
      include: ['consumer'],
    }))
  }
}

const PROCESS = fileURLToPath(new URL('./compiler-process.mjs', import.meta.url))

/** A compiler that is a program of its own is run each time; one in JavaScript stays, and is asked. */
export const openCompilers = () => {
  const running = new Map()
  let last = 0
  const start = (name) => {
    const child = fork(PROCESS, [folderOf(name)])
    const waiting = new Map()
    child.on('message', ({ id, complaints }) => {
      waiting.get(id)?.(complaints)
      waiting.delete(id)
    })
    child.on('exit', (code) => { for (const answer of waiting.values()) answer(`the compiler ended with ${code}`) })
    return { child, waiting }
  }
  const ask = (name, config, shared) => new Promise((resolve) => {
    if (!running.has(name)) running.set(name, start(name))
    const { child, waiting } = running.get(name)
    const id = last++
    waiting.set(id, resolve)
    child.send({ id, config, shared })
  })
  return {
    /**
     * @param shared - a folder of types above the installation, the same for all that lie below it
     * @throws with the compiler's complaints
     */
    compile: async (folder, { compiler, mode, shared }) => {
      const config = `tsconfig.${mode}.json`
      if (!existsSync(join(folderOf(compiler), 'lib', 'typescript.js'))) {
        await run(process.execPath, [commandOf(compiler), '-p', config, '--pretty', 'false'], { cwd: folder })
        return
      }
      const complaints = await ask(compiler, join(folder, config), [join(folderOf(compiler), 'lib'), shared])
      if (complaints !== '') throw new Error(`\n${complaints.trim()}`)
    },
    close: () => { for (const { child } of running.values()) child.disconnect() },
  }
}
