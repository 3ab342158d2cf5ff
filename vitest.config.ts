import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig, mergeConfig, type ViteUserConfig } from 'vitest/config'
import library from './tooling/vitest-config/library.ts'
import LongestFirst from './tooling/vitest-config/sequence.ts'

const projects = ['packages', 'tooling'].flatMap((group) =>
  readdirSync(join(import.meta.dirname, group)).map((name) => join(group, name)).filter((folder) => existsSync(join(import.meta.dirname, folder, 'test'))))

const config: ViteUserConfig = mergeConfig(library, defineConfig({
  test: {
    // every processor; left to itself it keeps one free, which of two is half
    maxWorkers: '100%',
    sequence: { sequencer: LongestFirst },
    projects: projects.map((folder) => ({
      // a folder with a configuration of its own has put the common one into it
      extends: existsSync(join(import.meta.dirname, folder, 'vitest.config.ts')) ? `./${folder}/vitest.config.ts` : './tooling/vitest-config/library.ts',
      root: join(import.meta.dirname, folder),
      test: { name: folder.split('/')[1] ?? folder },
    })),
  },
}))

export default config
