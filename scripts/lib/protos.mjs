import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import protobuf from 'protobufjs'
import descriptor from 'protobufjs/ext/descriptor.js'

/** The paths of the .proto files in a directory, sorted. */
export async function protoPaths(directory) {
  const names = await readdir(directory, { recursive: true })
  return names
    .filter((name) => name.endsWith('.proto'))
    .sort()
    .map((name) => join(directory, name))
}

/**
 * The declarations of .proto files, with their comments, file by file.
 * @returns for each file its `name` as imports have it, its `package`, and its `messages`, `enums` and `services` as
 *   protobufjs has them
 */
export function loadProtos(directory, paths) {
  const root = new protobuf.Root()
  root.resolvePath = (origin, target) => (origin === '' ? target : join(directory, target))
  root.loadSync(paths, { keepCase: true, alternateCommentMode: true })
  root.resolveAll()
  const files = new Map(
    paths.map((path) => [
      path,
      { path, directory, name: relative(directory, path), package: '', messages: [], enums: [], services: [] },
    ]),
  )
  collect(root, files)
  return [...files.values()]
}

function collect(namespace, files) {
  for (const nested of namespace.nestedArray) {
    const file = files.get(nested.filename)
    if (nested instanceof protobuf.Type) file.messages.push(nested)
    else if (nested instanceof protobuf.Enum) file.enums.push(nested)
    else if (nested instanceof protobuf.Service) file.services.push(nested)
    else {
      collect(nested, files)
      continue
    }
    file.package = namespace.fullName.slice(1)
  }
}

/** A FileDescriptorProto's bytes, with the comments, and the full names that the file declares. */
export function describeFile(file) {
  const names = []
  const locations = []
  const messages = file.messages.map((type, index) => describeMessage(type, [4, index], names, locations))
  const enums = file.enums.map((type, index) => describeEnum(type, [5, index], names, locations))
  const services = file.services.map((service, index) => describeService(service, [6, index], names, locations))
  const proto = {
    name: file.name,
    package: file.package,
    dependency: importsOf(file),
    messageType: messages,
    enumType: enums,
    service: services,
    syntax: 'proto3',
    sourceCodeInfo: { location: locations },
  }
  const { FileDescriptorProto } = descriptor
  return {
    name: file.name,
    imports: proto.dependency,
    services: file.services.map(fullName),
    names,
    bytes: FileDescriptorProto.encode(FileDescriptorProto.fromObject(proto)).finish(),
  }
}

export function fullName({ fullName }) {
  return fullName.slice(1)
}

/** The other files whose messages and enums are used. */
function importsOf(file) {
  const types = [
    ...file.messages.flatMap(usedTypes),
    ...file.services.flatMap(({ methodsArray }) =>
      methodsArray.flatMap(({ resolvedRequestType, resolvedResponseType }) => [
        resolvedRequestType,
        resolvedResponseType,
      ]),
    ),
  ]
  const paths = types.map(({ filename }) => filename).filter((path) => path !== file.path)
  return [...new Set(paths)].map((path) => relative(file.directory, path)).sort()
}

function usedTypes(type) {
  const own = type.fieldsArray.map(({ resolvedType }) => resolvedType).filter((used) => used !== null)
  return [...own, ...type.nestedArray.filter((nested) => nested instanceof protobuf.Type).flatMap(usedTypes)].map(
    outermost,
  )
}

/** The file's name stands only at what is not nested in a message. */
function outermost(type) {
  return type.parent instanceof protobuf.Type ? outermost(type.parent) : type
}

function describeMessage(type, path, names, locations) {
  names.push(fullName(type))
  note(type.comment, path, locations)
  const message = type.toDescriptor('proto3').toJSON()
  for (const [index, field] of type.fieldsArray.entries()) {
    names.push(fullName(field))
    note(field.comment, [...path, 2, index], locations)
    const described = message.field[index]
    if (field instanceof protobuf.MapField) {
      // What protoc calls it, and others insist on.
      const entry = message.nestedType.find(({ name }) => name === described.typeName)
      entry.name = `${entry.name}Entry`
      described.typeName = `${type.fullName}.${entry.name}`
    } else if (field.resolvedType !== null) {
      described.typeName = field.resolvedType.fullName
    }
  }
  for (const nested of type.nestedArray) {
    const [kind, key] = nested instanceof protobuf.Enum ? [4, 'enumType'] : [3, 'nestedType']
    const index = message[key].findIndex(({ name }) => name === nested.name)
    const describe = nested instanceof protobuf.Enum ? describeEnum : describeMessage
    message[key][index] = describe(nested, [...path, kind, index], names, locations)
  }
  return message
}

function describeEnum(type, path, names, locations) {
  names.push(fullName(type))
  note(type.comment, path, locations)
  for (const [index, value] of Object.keys(type.values).entries()) {
    // Values stand beside their enum, not in it.
    names.push(`${fullName(type.parent)}.${value}`)
    note(type.comments[value], [...path, 2, index], locations)
  }
  return type.toDescriptor('proto3').toJSON()
}

function describeService(service, path, names, locations) {
  names.push(fullName(service))
  note(service.comment, path, locations)
  for (const [index, method] of service.methodsArray.entries()) {
    names.push(fullName(method))
    note(method.comment, [...path, 2, index], locations)
  }
  return service.toDescriptor().toJSON()
}

function note(comment, path, locations) {
  if (!comment) return
  const leadingComments = comment
    .split('\n')
    .map((line) => ` ${line}\n`)
    .join('')
  locations.push({ path, span: [0, 0, 0], leadingComments })
}
