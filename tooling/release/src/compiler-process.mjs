/**
 * One TypeScript compiler in JavaScript for many compilations: warm, and with the files that all of them have parsed once.
 * The parent sends `{ id, config, shared }`, the path of a tsconfig and the folders whose files are the same for all
 * compilations, and gets `{ id, complaints }`. Files of `shared` are checked once for each way of looking for modules.
 */
import { createRequire } from 'node:module'
import { dirname } from 'node:path'

const ts = createRequire(import.meta.url)(process.argv[2])
const parsedBy = new Map()
const checkedBy = new Map()
const of = (maps, key, make) => {
  if (!maps.has(key)) maps.set(key, make())
  return maps.get(key)
}

const complaintsOf = (config, shared) => {
  const { options, fileNames, errors } = ts.getParsedCommandLineOfConfigFile(config, {}, { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (diagnostic) => { throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')) } })
  const isShared = (file) => shared.some((folder) => file.startsWith(folder))
  const settings = JSON.stringify({ ...options, configFilePath: undefined, pathsBasePath: undefined })
  const [parsed, checked] = [of(parsedBy, settings, () => new Map()), of(checkedBy, settings, () => new Set())]
  const host = ts.createCompilerHost(options)
  const parse = host.getSourceFile
  host.getSourceFile = (file, version, ...rest) => (isShared(file) ? of(parsed, `${file} ${version.impliedNodeFormat}`, () => parse(file, version, ...rest)) : parse(file, version, ...rest))
  const program = ts.createProgram({ rootNames: fileNames, options, host, configFileParsingDiagnostics: errors })
  const found = [...program.getConfigFileParsingDiagnostics(), ...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()]
  for (const file of program.getSourceFiles()) {
    if (checked.has(file.fileName)) continue
    const ofFile = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
    found.push(...ofFile)
    if (ofFile.length === 0 && isShared(file.fileName)) checked.add(file.fileName)
  }
  return ts.formatDiagnostics(ts.sortAndDeduplicateDiagnostics(found), { getCanonicalFileName: (name) => name, getCurrentDirectory: () => dirname(config), getNewLine: () => '\n' })
}

process.on('message', ({ id, config, shared }) => {
  try {
    process.send({ id, complaints: complaintsOf(config, shared) })
  } catch (error) {
    process.send({ id, complaints: `the compiler failed: ${error.stack}` })
  }
})
