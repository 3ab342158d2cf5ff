import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const read = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')

describe('README.md', () => {
  it('lists the error codes, all of them and no others', () => {
    const codes = (text: string): string[] => [...new Set(text.match(/CARV2_[A-Z_]+/g))].sort()
    const table = read('README.md').split('| --- | --- |')[1]!
    expect(codes(table)).toEqual(codes(read('src/errors.ts')))
  })

  it('has an example that runs', async () => {
    const example = /```js\n([\s\S]*?)```/.exec(read('README.md'))![1]!
    const imports: Record<string, unknown> = {
      '@dagstore/carv2': await import('../src/index.ts'),
      '@dagstore/hashes': await import('@dagstore/hashes'),
      '@dagstore/io': await import('@dagstore/io'),
    }
    const body = example.replace(/^import (\{.*\}) from '(.*)'$/gm, 'const $1 = imports["$2"]')
    const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as new (...args: string[]) => (imports: unknown) => Promise<void>
    await expect(new AsyncFunction('imports', body)(imports)).resolves.toBeUndefined()
  })
})
