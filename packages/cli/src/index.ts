export { type ErrorCode, MillraceError, type Server, type ServerOptions, startServer } from '@millrace/server'
