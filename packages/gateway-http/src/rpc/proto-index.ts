import { type grpc, loadProtoFiles, type ProtoFile } from '@millrace/wire'

type Response = grpc.reflection.v1.ServerReflectionResponse.$Properties

/** gRPC's own numbers, which reflection answers with. */
const NOT_FOUND = 5
const UNIMPLEMENTED = 12

/** The files of proto/ by what they declare, as gRPC's reflection asks for them. */
export class ProtoIndex {
  private readonly files: readonly ProtoFile[]
  private readonly byName: ReadonlyMap<string, ProtoFile>
  private readonly bySymbol: ReadonlyMap<string, ProtoFile>

  constructor(files: readonly ProtoFile[]) {
    this.files = files
    this.byName = new Map(files.map((file) => [file.name, file]))
    this.bySymbol = new Map(files.flatMap((file) => file.names.map((name) => [name, file] as const)))
  }

  static async load(): Promise<ProtoIndex> {
    return new ProtoIndex(await loadProtoFiles())
  }

  /** The answer to one request; what is not found or not there is an answer too. */
  answer(request: grpc.reflection.v1.ServerReflectionRequest): Response {
    return { validHost: request.host, originalRequest: request, ...this.find(request) }
  }

  private find(request: grpc.reflection.v1.ServerReflectionRequest): Response {
    const { fileByFilename, fileContainingSymbol, fileContainingExtension, allExtensionNumbersOfType } = request
    switch (request.messageRequest) {
      case 'listServices': {
        const names = this.files.flatMap(({ services }) => services)
        return { listServicesResponse: { service: names.sort().map((name) => ({ name })) } }
      }
      case 'fileByFilename':
        return this.withImports(this.byName.get(fileByFilename ?? ''), `file ${fileByFilename}`)
      case 'fileContainingSymbol': {
        const symbol = (fileContainingSymbol ?? '').replace(/^\./, '')
        return this.withImports(this.bySymbol.get(symbol), `symbol ${symbol}`)
      }
      case 'fileContainingExtension':
        return notFound(`extension of ${fileContainingExtension?.containingType}`)
      case 'allExtensionNumbersOfType': {
        if (!this.bySymbol.has(allExtensionNumbersOfType ?? '')) return notFound(`type ${allExtensionNumbersOfType}`)
        return { allExtensionNumbersResponse: { baseTypeName: allExtensionNumbersOfType ?? '', extensionNumber: [] } }
      }
      default:
        return { errorResponse: { errorCode: UNIMPLEMENTED, errorMessage: 'a request that this server does not know' } }
    }
  }

  private withImports(file: ProtoFile | undefined, what: string): Response {
    if (file === undefined) return notFound(what)
    const found = new Set<ProtoFile>()
    const add = (one: ProtoFile | undefined): void => {
      if (one === undefined || found.has(one)) return
      found.add(one)
      for (const name of one.imports) add(this.byName.get(name))
    }
    add(file)
    return {
      fileDescriptorResponse: {
        fileDescriptorProto: [...found].map(({ descriptor }) => Buffer.from(descriptor, 'base64')),
      },
    }
  }
}

function notFound(what: string): Response {
  const shown = what.length > 200 ? `${what.slice(0, 200)}…` : what
  return { errorResponse: { errorCode: NOT_FOUND, errorMessage: `there is no ${shown}` } }
}
