export { CommandError, type CommandErrorCode } from './failure.ts'
export { main } from './main.ts'
export { processTerminal, type Terminal } from './terminal.ts'
