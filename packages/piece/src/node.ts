export { commpOf, type CommpOfOptions, createCommP } from './node-commp.ts'
