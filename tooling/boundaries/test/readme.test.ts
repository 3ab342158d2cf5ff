import { describe, expect, it } from 'vitest'
import { checkFileLengths } from '../src/file-length.ts'
import { checkReadmes, errorCodesOf, examplesOf } from '../src/readme.ts'
import { samplePackage } from './sample.ts'

const errors = "/** Codes. */\nexport type AErrorCode =\n  // the bytes end too early\n  | 'A_SHORT'\n  | 'A_LONG'\n\nexport const other = 'A_OTHER'\n"
const readme = '# a\n\nOne sentence.\n\n```js\nimport \'@dagstore/a\'\n```\n\n| code | when |\n| --- | --- |\n| `A_SHORT` | too short; see `A_MORE` |\n| `A_LONG` | too long |\n\nRuns in: Node, browsers.\n'
const check = (text: string | undefined, source = errors): readonly string[] =>
  checkReadmes([samplePackage('a', { 'src/errors.ts': source }, text === undefined ? {} : { readme: text })])

describe('errorCodesOf', () => {
  it('takes the members of exported unions, with and without a leading bar, and nothing after them', () => {
    expect([...errorCodesOf([{ path: 'src/errors.ts', text: `${errors}export type BErrorCode = 'B_ONE' | "B_TWO"\ntype Hidden = 'A_HIDDEN'\n` }])]).toEqual(['A_SHORT', 'A_LONG', 'B_ONE', 'B_TWO'])
  })
})

describe('examplesOf', () => {
  it('gives the code of js blocks only', () => {
    expect(examplesOf('```js\na\n```\n\n```sh\nb\n```\n\n```js\nc\nd\n```\n')).toEqual(['a\n', 'c\nd\n'])
  })
})

describe('checkReadmes', () => {
  it('is content with a README that lists exactly the codes', () => {
    expect(check(readme)).toEqual([])
  })

  it.each([
    { why: 'no README', text: undefined, says: /missing/ },
    { why: 'too many lines', text: `${readme}${'\nmore'.repeat(60)}`, says: /lines; at most 60/ },
    { why: 'no example', text: readme.replace('```js', '```ts'), says: /no example/ },
    { why: 'no word on where it runs', text: readme.replace('Runs in', 'Goes with'), says: /what it runs in/ },
    { why: 'the unscoped command', text: `${readme}\nTry npx dagstore demo.`, says: /npx dagstore/ },
    { why: 'the unscoped command with a flag', text: `${readme}\nTry npx --yes dagstore demo.`, says: /npx dagstore/ },
    { why: 'a code left out', text: readme.replace('| `A_LONG` | too long |\n', ''), says: /does not list the error code A_LONG/ },
    { why: 'a code that does not exist', text: readme.replace('A_SHORT', 'A_SHRT'), says: /A_SHRT, which is in no/ },
  ])('reports $why', ({ text, says }) => {
    expect(check(text)).toContainEqual(expect.stringMatching(says))
  })

  it('allows, but does not ask for, codes of packages that it depends on at any depth', () => {
    const top = (text: string): readonly string[] => checkReadmes([
      samplePackage('low', { 'src/errors.ts': errors }, { readme }),
      samplePackage('mid', {}, { readme: readme.replaceAll('A_', 'B_').replace(/^.*`B_.*\n/gm, ''), manifest: { dependencies: { '@dagstore/low': '1' } } }),
      samplePackage('top', {}, { readme: text, manifest: { dependencies: { '@dagstore/mid': '1' } } }),
    ])
    expect(top(readme.replace('| `A_LONG` | too long |\n', ''))).toEqual([])
    expect(top(readme.replace('A_LONG', 'A_LANG'))).toEqual([expect.stringMatching(/packages\/top.*A_LANG/)])
  })

  it('reads several codes in one row', () => {
    const joined = readme.replace(/\| `A_SHORT`.*\n.*\n/, '| `A_SHORT`, `A_LONG` | another length; see `A_MORE` |\n')
    expect(check(joined)).toEqual([])
    expect(check(joined.replace('`A_LONG`', '`A_LANG`'))).toHaveLength(2)
  })

  it('allows npx with the scoped name', () => {
    expect(check(`${readme}\nTry npx @dagstore/cli demo.`)).toEqual([])
  })
})

describe('checkFileLengths', () => {
  it('reports a source file above the limit and no other', () => {
    const long = 'x\n'.repeat(401)
    expect(checkFileLengths([samplePackage('a', { 'src/a.ts': long, 'src/b.ts': 'x\n'.repeat(400), 'test/a.test.ts': long })])).toEqual([expect.stringMatching(/src\/a.ts: 401 lines/)])
  })
})
