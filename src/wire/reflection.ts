import reflectionText from "@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto" with {
  type: "text",
};
import alphaText from "@grpc/reflection/build/proto/grpc/reflection/v1alpha/reflection.proto" with {
  type: "text",
};
import { ReflectionV1Implementation } from "@grpc/reflection/build/src/implementations/reflection-v1.js";
import { FileDescriptorProto, type IFileDescriptorProto } from "protobufjs/ext/descriptor.js";
import { parseProto } from "./codec.ts";
import { converse, type Handler } from "./serve.ts";
import { method, type ProtoFile, protoFiles } from "./services.ts";

/**
 * The standard reflection service, by which tools call this node without its .proto files. The
 * index is the library's; its own way onto a server would read .proto files from the disk, where a
 * compiled binary has none.
 */
export function reflectionHandlers(): Handler[] {
  const descriptors = describe(protoFiles);
  const index = new ReflectionV1Implementation({
    contract: {
      format: "Protocol Buffer 3 DescriptorProto",
      type: {},
      fileDescriptorProtos: descriptors,
    },
  });
  return [
    serveIndex(reflectionText, "grpc.reflection.v1.ServerReflection"),
    serveIndex(alphaText, "grpc.reflection.v1alpha.ServerReflection"),
  ];

  function serveIndex(text: string, service: string): Handler {
    const rpc = method<Question, Reply>(
      parseProto(text).root.lookupService(service),
      "ServerReflectionInfo",
    );
    return converse(rpc, async function* (questions) {
      for await (const question of questions) yield index.handleServerReflectionRequest(question);
    });
  }
}

type Question = Parameters<ReflectionV1Implementation["handleServerReflectionRequest"]>[0];
type Reply = ReturnType<ReflectionV1Implementation["handleServerReflectionRequest"]>;

/** The files as descriptors, with those of Google's that they import, under their own names. */
function describe(files: readonly ProtoFile[]): Buffer[] {
  const described = new Map<string, Uint8Array>();
  for (const { name, root, imports } of files) {
    for (const file of root.toDescriptor("proto3").file ?? []) {
      const isImported = file.package === "google.protobuf";
      const ownName = isImported ? imports[0] : name;
      if (ownName === undefined || isEmpty(file)) continue;
      const dependency = isImported ? [] : [...imports];
      described.set(
        ownName,
        FileDescriptorProto.encode({ ...file, name: ownName, dependency }).finish(),
      );
    }
  }
  return [...described.values()].map((bytes) => Buffer.from(bytes));
}

/** The exporter makes a file of every namespace on the way, also of those that hold only others. */
function isEmpty(file: IFileDescriptorProto): boolean {
  return !file.messageType?.length && !file.service?.length;
}
