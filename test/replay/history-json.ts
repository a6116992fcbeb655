import { createRequire } from 'node:module';
import type { History } from '@temporalio/common/lib/proto-utils.js';

interface ProtoRoot {
  lookupType(name: string): { fromObject(value: unknown): unknown };
}
interface ProtoJson {
  toJson(type: unknown, message: unknown): unknown;
  fromJson(type: unknown, json: unknown, options: { ignoreUnknownFields: boolean }): unknown;
}

// The SDK's own conversion fails where npm installs protobufjs once for each of its packages: a type of one copy
// is unknown to another. Here both are asked of the copy that the types are made with.
const ofCommon = createRequire(createRequire(import.meta.url).resolve('@temporalio/common'));
const ofProto = createRequire(ofCommon.resolve('@temporalio/proto'));
const { toJson, fromJson } = ofProto('protobufjs/ext/protojson') as ProtoJson;
const { patchProtobufRoot } = ofProto('@temporalio/proto/lib/patch-protobuf-root') as {
  patchProtobufRoot(root: unknown): ProtoRoot;
};
const historyType = patchProtobufRoot(ofCommon('@temporalio/proto')).lookupType(
  'temporal.api.history.v1.History',
);

/** @returns the ProtoJSON text of a history, as other tools of Temporal write it */
export function historyToText(history: History): string {
  return JSON.stringify(toJson(historyType, historyType.fromObject(history)), null, 1);
}

/** @param json a parsed ProtoJSON history */
export function historyFromJson(json: unknown): History {
  return fromJson(historyType, json, { ignoreUnknownFields: true }) as History;
}
