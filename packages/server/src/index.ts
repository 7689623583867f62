export { type ErrorCode, MillraceError } from '@millrace/record'
export { CONFIG_FILE, CONFIG_VARIABLE, type Effective, loadSettings, toConfig } from './config.ts'
export { type Server, type ServerOptions, startServer } from './server.ts'
export { type Config, flagOf, LOG_LEVELS, type LogLevel, SETTINGS, type Setting, variableOf } from './settings.ts'
