// Generated from proto/ by scripts/generate.mjs. Do not edit.

/** One file of proto/, as reflection gives it. */
export interface ProtoFile {
  /** As imports have it. */
  readonly name: string
  readonly imports: readonly string[]
  /** Full names of its services. */
  readonly services: readonly string[]
  /** Full names of all that it declares. */
  readonly names: readonly string[]
  /** A google.protobuf.FileDescriptorProto, with comments, as base64. */
  readonly descriptor: string
}

export const PROTO_FILES: readonly ProtoFile[]
