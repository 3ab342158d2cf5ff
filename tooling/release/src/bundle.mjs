/** A browser bundle of one export with everything it needs. */
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

/** Sizes in bytes, minified and then gzipped. Fails when the bundle needs anything of Node. */
export const bundleSize = async (folder, specifier) => {
  const { outputFiles, metafile } = await build({
    stdin: { contents: `export * from '${specifier}'`, resolveDir: folder },
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    minify: true,
    logLevel: 'silent',
  }).catch((error) => { throw new Error(error.errors?.map(({ text, location }) => `${text} (${location?.file ?? 'entry'})`).join('\n') ?? error.message, { cause: error }) })
  const outside = Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter(({ external }) => external).map(({ path }) => path))
  if (outside.length > 0) throw new Error(`imports ${outside.join(', ')}`)
  const [{ contents }] = outputFiles
  const text = new TextDecoder().decode(contents)
  if (/["']node:[a-z]/.test(text)) throw new Error('the bundle names a Node built-in')
  return { min: contents.byteLength, gzip: gzipSync(contents, { level: 9 }).byteLength }
}
