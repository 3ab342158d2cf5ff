export { type HttpSourceOptions, openHttpSource } from './http/http-source.ts'
