import { describe } from 'vitest'
import { createMemoryDirectory } from '../src/index.ts'
import { directoryCases } from './directory-cases.ts'

describe('createMemoryDirectory', () => directoryCases(async () => createMemoryDirectory()))
