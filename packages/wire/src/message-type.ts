import protobuf from 'protobufjs/minimal.js'
import { malformed } from './protobuf.ts'

/** A generated message class: what it takes to encode, what it gives when decoded. */
export interface MessageType<Message, Properties> {
  encode(message: Properties): protobuf.Writer
  decode(bytes: protobuf.Reader): Message
}

/** Byte fields are views. @throws MillraceError INVALID_REQUEST */
export function decodeMessage<Message>(type: MessageType<Message, never>, bytes: Buffer): Message {
  const reader = protobuf.Reader.create(bytes)
  // protobufjs would keep them, an object for each.
  reader.discardUnknown = true
  try {
    return type.decode(reader)
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : String(error))
  }
}

export function encodeMessage<Properties>(type: MessageType<unknown, Properties>, message: Properties): Buffer {
  return type.encode(message).finish() as Buffer
}
