#!/usr/bin/env node
import { main } from './main.ts'
import { processTerminal } from './terminal.ts'

// waits by the clock keep no process, and a command is over when it says so
const waiting = setInterval(() => {}, 2 ** 30)
process.exitCode = await main(process.argv.slice(2), processTerminal())
clearInterval(waiting)
