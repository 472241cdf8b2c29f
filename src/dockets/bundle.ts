import { assert } from "../base/assert.ts";
import { bounds } from "./bounds.ts";
import type { DocketBundle, Outcome } from "./types.ts";

/** Where one bundle lies in its page; what is inside it is counted from the bundle's start. */
export interface ScannedBundle {
  offset: number;
  length: number;
  docketOffset: number;
  docketLength: number;
  transactionOffsets: number[];
  transactionLengths: number[];
}

export interface ScannedPage {
  bundles: ScannedBundle[];
  /** The source's newest docket, as it says. */
  headNumber: number;
  /** Version of the first bundle's first transaction, as the source says. */
  firstVersion: number;
}

/**
 * Finds the documents in a `DocketPage` without copying any. Bundles are stored as they came, so
 * their framing has one spelling: fields in order, shortest varints, nothing else.
 */
export function scanPage(bytes: Uint8Array): Outcome<ScannedPage> {
  if (bytes.length > bounds.pageBytes) {
    return refused("size", `The page has ${bytes.length} bytes, more than ${bounds.pageBytes}`);
  }
  const cursor = new Cursor(bytes, bytes.length);
  const bundles: ScannedBundle[] = [];
  while (cursor.takes(bundleTag)) {
    const length = cursor.length();
    if (length < 0) return refused("schema", "The page's framing is broken");
    if (length > bounds.docketBytes) {
      return refused(
        "size",
        `A docket with its bodies has ${length} bytes, more than ${bounds.docketBytes}`,
      );
    }
    if (bundles.length === bounds.pageDockets) {
      return refused("size", `The page has more than ${bounds.pageDockets} dockets`);
    }
    const bundle = scanBundle(bytes, { offset: cursor.at, length });
    if (bundle === null)
      return refused("schema", `The framing of the page's docket ${bundles.length} is broken`);
    if (bundle.transactionOffsets.length > bounds.docketTransactions) {
      return refused("size", `A docket has more than ${bounds.docketTransactions} transactions`);
    }
    bundles.push(bundle);
    cursor.at += length;
  }
  const headNumber = cursor.takes(headNumberTag) ? cursor.varint() : 0;
  const firstVersion = headNumber >= 0 && cursor.takes(firstVersionTag) ? cursor.varint() : 0;
  if (headNumber < 0 || firstVersion < 0 || cursor.at !== bytes.length) {
    return refused("schema", "The page's framing is broken");
  }
  return { ok: true, value: { bundles, headNumber, firstVersion } };
}

/** The documents of one encoded bundle as views of its bytes; null when its framing is broken. */
export function readBundle(bytes: Uint8Array): DocketBundle | null {
  const bundle = scanBundle(bytes, { offset: 0, length: bytes.length });
  if (bundle === null) return null;
  return {
    docketData: documentAt(bytes, bundle.docketOffset, bundle.docketLength),
    transactionData: bundle.transactionOffsets.map((offset, index) =>
      documentAt(bytes, offset, bundle.transactionLengths[index] as number),
    ),
  };
}

/** Length of a bundle's first field: the docket document with its tag and its length. */
export function headerLength(bundle: Uint8Array): number {
  const cursor = new Cursor(bundle, bundle.length);
  const length = cursor.takes(docketTag) ? cursor.length() : -1;
  assert(length >= 0, "a bundle begins with its docket");
  return cursor.at + length;
}

export function encodeBundle(bundle: DocketBundle): Uint8Array<ArrayBuffer> {
  const { docketData, transactionData } = bundle;
  let length = framedLength(docketData.length);
  for (const data of transactionData) length += framedLength(data.length);
  const writer = new Writer(length);
  writer.field(docketTag, docketData);
  for (const data of transactionData) writer.field(transactionTag, data);
  return writer.bytes;
}

/** A frame of encoded bundles. */
export function encodePage(page: {
  bundles: readonly Uint8Array[];
  headNumber: number;
  firstVersion: number;
}): Uint8Array<ArrayBuffer> {
  let length = page.headNumber > 0 ? 1 + varintLength(page.headNumber) : 0;
  length += page.firstVersion > 0 ? 1 + varintLength(page.firstVersion) : 0;
  for (const bundle of page.bundles) length += framedLength(bundle.length);
  const writer = new Writer(length);
  for (const bundle of page.bundles) writer.field(bundleTag, bundle);
  if (page.headNumber > 0) writer.number(headNumberTag, page.headNumber);
  if (page.firstVersion > 0) writer.number(firstVersionTag, page.firstVersion);
  return writer.bytes;
}

const bundleTag = 0x0a;
const headNumberTag = 0x10;
const firstVersionTag = 0x18;
const docketTag = 0x0a;
const transactionTag = 0x12;

function scanBundle(
  bytes: Uint8Array,
  where: { offset: number; length: number },
): ScannedBundle | null {
  const end = where.offset + where.length;
  const cursor = new Cursor(bytes, end);
  cursor.at = where.offset;
  if (!cursor.takes(docketTag)) return null;
  const docketLength = cursor.length();
  if (docketLength < 0) return null;
  const docketOffset = cursor.at - where.offset;
  cursor.at += docketLength;
  const transactionOffsets: number[] = [];
  const transactionLengths: number[] = [];
  while (cursor.takes(transactionTag)) {
    const length = cursor.length();
    if (length < 0) return null;
    transactionOffsets.push(cursor.at - where.offset);
    transactionLengths.push(length);
    cursor.at += length;
  }
  if (cursor.at !== end) return null;
  return { ...where, docketOffset, docketLength, transactionOffsets, transactionLengths };
}

function documentAt(bytes: Uint8Array, offset: number, length: number): Uint8Array {
  return bytes.subarray(offset, offset + length);
}

function refused(code: "size" | "schema", message: string): Outcome<never> {
  return { ok: false, refusal: { code, message, docketNumber: null } };
}

class Cursor {
  at = 0;

  constructor(
    readonly bytes: Uint8Array,
    readonly end: number,
  ) {}

  /** Steps over the tag if it comes next. */
  takes(tag: number): boolean {
    if (this.at >= this.end || this.bytes[this.at] !== tag) return false;
    this.at += 1;
    return true;
  }

  /** A length that fits in what is left, or -1. */
  length(): number {
    const length = this.varint();
    return length >= 0 && length <= this.end - this.at ? length : -1;
  }

  /** A varint in its shortest spelling, or -1; -1 also for what is not a safe integer. */
  varint(): number {
    let value = 0;
    for (let scale = 1; this.at < this.end; scale *= 128) {
      const byte = this.bytes[this.at] as number;
      this.at += 1;
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) return -1;
      if (byte < 0x80) return byte === 0 && scale > 1 ? -1 : value;
    }
    return -1;
  }
}

class Writer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
  }

  field(tag: number, data: Uint8Array): void {
    this.number(tag, data.length);
    this.bytes.set(data, this.#at);
    this.#at += data.length;
  }

  number(tag: number, value: number): void {
    this.bytes[this.#at++] = tag;
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.bytes[this.#at++] = (rest % 128) | 0x80;
    this.bytes[this.#at++] = rest;
  }
}

function framedLength(length: number): number {
  return 1 + varintLength(length) + length;
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length += 1;
  return length;
}
