/** A program of the workspace as one file: a process that is killed while it works needs neither a build nor a loader. */
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

/**
 * @param entry - TypeScript source
 * @param out - path of the ES module that is written
 * @param classicLevel - URL of `classic-level` for the entry's package; native, so it stays where it is installed
 * @param external - packages that are looked for from where the file lies, when they are loaded
 */
export const bundleProgram = async (entry: URL, out: string, classicLevel: string, external: readonly string[] = []): Promise<void> => {
  await build({
    entryPoints: [fileURLToPath(entry)],
    outfile: out,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@dagstore/source'],
    external: [...external],
    logLevel: 'error',
    plugins: [{ name: 'native', setup: ({ onResolve }) => { onResolve({ filter: /^classic-level$/ }, () => ({ path: classicLevel, external: true })) } }],
    banner: { js: `import { createRequire as makeRequire } from 'node:module'\nconst require = makeRequire(${JSON.stringify(pathToFileURL(out).href)})` },
  })
}
