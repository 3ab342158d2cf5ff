import { describe, expect, it } from 'vitest'
import { checkAmbient } from '../src/ambient.ts'
import { checkMachines } from '../src/machine.ts'
import { checkPlatform } from '../src/platform.ts'
import { sampleLayers, samplePackage } from './sample.ts'

const layers = sampleLayers({ a: 0, node: 4 }, ['node'])
const index = (text: string): Record<string, string> => ({ 'src/index.ts': text })

describe('checkPlatform', () => {
  it('allows Node behind ./node, in packages marked N, and under names that only look like it', () => {
    expect(checkPlatform([
      samplePackage('a', {
        'src/index.ts': "export * from './b.ts'",
        'src/b.ts': 'const a: ArrayBuffer = x.process.Buffer // process.env, Buffer\nconst process = (x: number): number => x\nprocess(1)',
        'src/node.ts': "import fs from 'node:fs'\nexport * from './node/file.ts'\nexport * from './b.ts'",
        'src/node/file.ts': 'export const file = Buffer.from(process.cwd())',
        'test/a.test.ts': "import fs from 'node:fs'",
      }, { exports: ['.', './node'] }),
      samplePackage('node', index("import { open } from 'node:fs/promises'\nimport { ClassicLevel } from 'classic-level'")),
    ], layers)).toEqual([])
  })

  it.each([
    { why: 'a built-in', text: "import fs from 'node:fs'", says: /index.ts:1: imports "node:fs"/ },
    { why: 'a built-in without its prefix', text: "import { join } from 'path'", says: /imports "path"/ },
    { why: 'a built-in in a dynamic import', text: "await import('node:fs')", says: /imports "node:fs"/ },
    { why: 'types of a built-in', text: "import type { Stats } from 'node:fs'", says: /imports "node:fs"/ },
    { why: 'the types of Node as a whole', text: '/// <reference types="node" />', says: /imports "node"/ },
    { why: 'Buffer', text: '\nexport const x = Buffer.from([])', says: /index.ts:2: uses Buffer/ },
    { why: 'Buffer as a type', text: 'export const x = (b: Buffer): void => {}', says: /uses Buffer/ },
    { why: 'process', text: 'process.env', says: /uses process/ },
    { why: 'process through globalThis', text: 'globalThis.process', says: /uses process/ },
    { why: 'process inside a template', text: '`${process.pid}`', says: /uses process/ },
    { why: '__dirname', text: 'export const here = __dirname', says: /uses __dirname/ },
    { why: 'setImmediate', text: 'setImmediate(f)', says: /uses setImmediate/ },
    { why: 'a type of NodeJS', text: 'let x: NodeJS.Timeout', says: /uses NodeJS/ },
    { why: 'the Node form of another package', text: "import '@dagstore/b/node'", says: /imports "@dagstore\/b\/node"/ },
    { why: 'a package marked N', text: "import '@dagstore/node'", says: /imports "@dagstore\/node"/ },
    { why: 'a database engine', text: "import { ClassicLevel } from 'classic-level'", says: /classic-level", which needs Node/ },
  ])('reports $why in a package that runs anywhere', ({ text, says }) => {
    expect(checkPlatform([samplePackage('a', index(text))], layers)).toEqual([expect.stringMatching(says)])
  })

  it('reports it in a file that "." reaches through others, and through a subpath that is not ./node', () => {
    const files = { 'src/index.ts': "export * from './b.ts'", 'src/b.ts': "import './node-file.ts'", 'src/node-file.ts': 'Buffer', 'src/http.ts': 'Buffer' }
    expect(checkPlatform([samplePackage('a', files, { exports: ['.', './http'] })], layers)).toHaveLength(2)
  })

  it('reports a Node file whose name does not say so', () => {
    const files = { 'src/index.ts': '', 'src/node.ts': "import './file.ts'", 'src/file.ts': "import 'node:fs'" }
    expect(checkPlatform([samplePackage('a', files, { exports: ['.', './node'] })], layers)).toEqual([expect.stringMatching(/src\/file.ts: needs Node, so its name/)])
  })
})

describe('checkAmbient', () => {
  it('allows dates made of values, names that look alike, tests, the ports and the command', () => {
    expect(checkAmbient([
      samplePackage('a', { 'src/index.ts': 'new Date(at)\nclock.setTimeout(1)\nsetImmediate(f)\nperformance.mark()\n// Date.now()\nmyDate.now()', 'test/a.test.ts': 'Date.now()' }),
      samplePackage('io', { 'src/clock.ts': 'Date.now()', 'src/random.ts': 'crypto.getRandomValues(x)' }),
      samplePackage('cli', index('setTimeout(f, 1)')),
    ])).toEqual([])
  })

  it.each([
    'Date.now()', 'Math.random()', 'setTimeout(f, 1)', 'setInterval(f, 1)', 'performance.now()', 'new Date()', 'new Date', 'new Date ( )',
    'globalThis.setTimeout(f)', 'const now = Date.now', 'crypto.randomUUID()', 'crypto.getRandomValues(x)', 'globalThis.Math.random()', 'AbortSignal.timeout(1)',
  ])('reports %s', (text) => {
    expect(checkAmbient([samplePackage('a', index(`\n${text}`))])).toEqual([expect.stringMatching(/src\/index.ts:2: uses /)])
  })

  it('reports it in io outside its clock', () => {
    expect(checkAmbient([samplePackage('io', index('Date.now()'))])).toHaveLength(1)
  })
})

describe('checkMachines', () => {
  it('allows types from anywhere and values of its own folder', () => {
    expect(checkMachines([samplePackage('a', { 'src/machine/step.ts': "import type { A } from '../a.ts'\nimport { b } from './b.ts'", 'src/a.ts': "import 'x'" })])).toEqual([])
  })

  it.each(["import { a } from '../a.ts'", "import { CID } from 'multiformats/cid'", "export * from '../a.ts'"])('reports %s', (text) => {
    expect(checkMachines([samplePackage('a', { 'src/machine/step.ts': text })])).toEqual([expect.stringMatching(/src\/machine\/step.ts:1: a state machine imports/)])
  })
})
