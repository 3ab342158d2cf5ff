/** The bundle in a page of Chromium: that of the system, as Debian has it, where there is one, else one from npm. */
import { accessSync, constants } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CannotStart } from '../cannot-start.mjs'

export const packages = ['@sparticuz/chromium@147.0.0', 'puppeteer-core@24.43.1']

const NAMES = ['chromium-headless-shell', 'chromium']

/** The path of the one that is installed; `undefined`: none is. */
const installedBrowser = () => NAMES.flatMap((name) => (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name))).find((path) => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
})

/** `work` with a page at `url`. */
export const openPage = async ({ installed, url }, work) => {
  const { resolve } = createRequire(join(installed, 'package.json'))
  const load = async (name) => (await import(pathToFileURL(resolve(name)).href)).default
  const [chromium, puppeteer] = [await load('@sparticuz/chromium'), await load('puppeteer-core')]
  let browser
  try {
    browser = await puppeteer.launch({ args: chromium.args, executablePath: installedBrowser() ?? await chromium.executablePath(), headless: 'shell' })
  } catch (cause) {
    throw new CannotStart(`Chromium does not start: ${cause.message.split('\n')[0]}`, { cause })
  }
  try {
    const page = await browser.newPage()
    await page.goto(url)
    return await work(page)
  } finally {
    await browser.close()
  }
}

export const runIn = ({ base, installed }) => openPage({ installed, url: `${base}/page.html` }, (page) => page.evaluate(async (from) => {
  const { run } = await import(`${from}/script.mjs`)
  const compile = (name) => WebAssembly.compileStreaming(fetch(`${from}/${name}.wasm`))
  return [await run(from), await run(from, { hashes: await compile('hashes'), piece: await compile('piece') })]
}, base))
