import { ERRORS, type ErrorCode, MillraceError } from '@millrace/record'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { errorFromMessage, errorToMessage } from './errors.ts'
import { errorFromTrailers, errorTrailers, GRPC_STATUS, OK_TRAILERS, percentDecode, percentEncode } from './status.ts'

describe('trailers', () => {
  test('carry every code, its message and its details', () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      const error = new MillraceError(code, 'größer\nthan 100 %', { details: { topic: 'ä', at: 7, isNew: true } })
      const trailers = errorTrailers(error)
      for (const value of Object.values(trailers)) expect(value).toMatch(/^[ -~]*$/)
      expect(Number(trailers['grpc-status'])).toBeGreaterThan(0)
      expect(errorFromTrailers(trailers)).toMatchObject({ code, message: error.message, details: error.details })
    }
  })

  test('say that all is well', () => {
    expect(errorFromTrailers(OK_TRAILERS)).toBeUndefined()
  })

  test('give each kind the status that gRPC has for it', () => {
    const status = (code: ErrorCode) => Number(errorTrailers(new MillraceError(code, ''))['grpc-status'])
    expect(status('TOPIC_NOT_FOUND')).toBe(GRPC_STATUS.NOT_FOUND)
    expect(status('TOPIC_EXISTS')).toBe(GRPC_STATUS.ALREADY_EXISTS)
    expect(status('OFFSET_OUT_OF_RANGE')).toBe(GRPC_STATUS.OUT_OF_RANGE)
    expect(status('HOST_NOT_ALLOWED')).toBe(GRPC_STATUS.PERMISSION_DENIED)
    expect(status('LIMIT_REACHED')).toBe(GRPC_STATUS.RESOURCE_EXHAUSTED)
    expect(status('SHUTTING_DOWN')).toBe(GRPC_STATUS.UNAVAILABLE)
    expect(status('TIMED_OUT')).toBe(GRPC_STATUS.DEADLINE_EXCEEDED)
    expect(status('INTERNAL')).toBe(GRPC_STATUS.INTERNAL)
  })

  test('of others are understood by their status', () => {
    expect(errorFromTrailers({ 'grpc-status': '14', 'grpc-message': 'gone' })).toMatchObject({
      code: 'CONNECTION_FAILED',
      message: 'gone',
      retriable: true,
    })
    expect(errorFromTrailers({ 'grpc-status': '99' })).toMatchObject({ code: 'INTERNAL' })
    expect(errorFromTrailers({})).toMatchObject({ code: 'CONNECTION_FAILED' })
    expect(errorFromTrailers({ 'grpc-status': '5', 'millrace-code': 'FROM_LATER' })).toMatchObject({ code: 'INTERNAL' })
    expect(errorFromTrailers({ 'grpc-status': '5', 'millrace-details': '{%' })).toMatchObject({ details: {} })
  })

  test('bound the text that a client may have put into a message', () => {
    expect(errorTrailers(new MillraceError('INVALID_REQUEST', 'x'.repeat(1e6)))['grpc-message']!.length).toBeLessThan(
      4_000,
    )
  })
})

test('percent encoding comes back, and decoding takes anything', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => percentDecode(percentEncode(text)) === text.toWellFormed()),
  )
  fc.assert(fc.property(fc.string(), (text) => typeof percentDecode(text) === 'string'))
})

test('errors as fields of messages come back, unknown codes as INTERNAL', () => {
  const error = new MillraceError('OFFSET_OUT_OF_RANGE', 'no', { details: { highWatermark: 12, name: '1e3', on: 'x' } })
  const { code, message, details } = errorFromMessage(errorToMessage(error))
  expect({ code, message, details }).toEqual({ code: error.code, message: error.message, details: error.details })
  expect(errorFromMessage({ code: 'FROM_LATER', message: 'm' })).toMatchObject({
    code: 'INTERNAL',
    message: 'FROM_LATER: m',
  })
})
