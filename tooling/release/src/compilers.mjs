/** Consumers written in TypeScript: the compilers, module settings and sources that must work together. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { run } from './commands.mjs'

const require = createRequire(import.meta.url)
const COMPILERS = ['typescript-7.0', 'typescript-6.0', 'typescript-5.9']
const MODES = {
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
}

const compilerOf = (name) => {
  const manifest = require.resolve(`${name}/package.json`)
  return join(dirname(manifest), JSON.parse(readFileSync(manifest, 'utf8')).bin.tsc)
}

/** Uses every exported value of every specifier, and the module's type as a whole. */
const consumerOf = (namesBySpecifier) => Object.entries(namesBySpecifier).map(([specifier, names], i) => {
  const renamed = names.map((name) => `${name} as ${name}${i}`).join(', ')
  return `import type * as All${i} from '${specifier}'
import { ${renamed} } from '${specifier}'
export const used${i}: readonly unknown[] = [${names.map((name) => `${name}${i}`).join(', ')}]
export const name${i}: keyof typeof All${i} | undefined = undefined
`
}).join('')

/** Every compiler with every mode: `{ compiler, mode }`. */
export const compilations = () => COMPILERS.flatMap((compiler) => Object.keys(MODES).map((mode) => ({ compiler, mode })))

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

/** @throws with the compiler's complaints */
export const compile = async (folder, { compiler, mode }) => {
  await run(process.execPath, [compilerOf(compiler), '-p', `tsconfig.${mode}.json`, '--pretty', 'false'], { cwd: folder })
}
