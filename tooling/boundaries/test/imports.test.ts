import { describe, expect, it } from 'vitest'
import { packageOf, scanImports } from '../src/imports.ts'

describe('scanImports', () => {
  it.each([
    { form: "import 'a'", typeOnly: false },
    { form: "import x from 'a'", typeOnly: false },
    { form: "import * as x from 'a'", typeOnly: false },
    { form: "import{x}from'a'", typeOnly: false },
    { form: "import { x, type Y } from 'a'", typeOnly: false },
    { form: "import {\n  x,\n  y,\n} from 'a'", typeOnly: false },
    { form: "import type { X } from 'a'", typeOnly: true },
    { form: "import type X from 'a'", typeOnly: true },
    { form: "import x from 'a' with { type: 'json' }", typeOnly: false },
    { form: "export * from 'a'", typeOnly: false },
    { form: "export * as x from 'a'", typeOnly: false },
    { form: "export { x } from 'a'", typeOnly: false },
    { form: "export type { X } from 'a'", typeOnly: true },
    { form: "const x = await import('a')", typeOnly: false },
    { form: 'const x = await import(`a`)', typeOnly: false },
    { form: "type X = import('a').X", typeOnly: false },
    { form: "const x = require('a')", typeOnly: false },
    { form: "new Worker(new URL('a', import.meta.url))", typeOnly: false },
    { form: "import.meta.resolve('a')", typeOnly: false },
    { form: '/// <reference types="a" />', typeOnly: true },
  ])('finds $form', ({ form, typeOnly }) => {
    expect(scanImports(`const before = 1\n${form}\nconst after = 2\n`)).toMatchObject([{ specifier: 'a', typeOnly }])
  })

  it.each([
    { what: 'a comment', source: "// import 'a'\n/* export * from 'a' */" },
    { what: 'a string', source: 'const x = "import \'a\'"' },
    { what: 'a template', source: "const x = `import y from 'a'`" },
    { what: 'a method of that name', source: "store.import('a')" },
    { what: 'an export of a value', source: "export const x = 'a'" },
    { what: 'a lib reference', source: '/// <reference lib="esnext.disposable" preserve="true" />' },
  ])('finds nothing in $what', ({ source }) => {
    expect(scanImports(source)).toEqual([])
  })

  it('keeps neighbouring statements apart and tells their lines', () => {
    const source = "import type { A } from 'a'\nimport { b } from 'b'\nexport { c } from './c.ts'\n"
    expect(scanImports(source)).toEqual([
      { specifier: 'a', line: 1, typeOnly: true },
      { specifier: 'b', line: 2, typeOnly: false },
      { specifier: './c.ts', line: 3, typeOnly: false },
    ])
  })
})

describe('packageOf', () => {
  it.each([
    ['multiformats/cid', 'multiformats'],
    ['@dagstore/io/node', '@dagstore/io'],
    ['./a.ts', undefined],
    ['node:fs', undefined],
    ['fs', 'fs'],
  ])('reads %s as %s', (specifier, name) => {
    expect(packageOf(specifier)).toBe(name)
  })
})
