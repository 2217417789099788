/**
 * zlib streams (RFC 1950) with a limit on what comes out, so that a small cookie cannot fill the memory.
 *
 * @module
 */

import { refuse } from "./refusal.ts";
import { bytesOf, joined } from "./web-crypto.ts";

/**
 * What was compressed. Gives up when it is no whole zlib stream, or holds more than `maxBytes`: no more
 * than one chunk above that is ever made.
 */
export async function inflate(compressed: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const node = builtinZlib();
  if (node === undefined) return await inflateByStream(compressed, maxBytes);
  try {
    return new Uint8Array(node.inflateSync(compressed, { maxOutputLength: maxBytes }));
  } catch (error) {
    if ((error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") return tooLarge(maxBytes);
    return refuse("malformed", "is no whole zlib stream");
  }
}

/** A zlib stream. Its bytes differ between runtimes and from Python's; what they stand for does not. */
export async function deflate(bytes: Uint8Array): Promise<Uint8Array> {
  const node = builtinZlib();
  if (node !== undefined) return new Uint8Array(node.deflateSync(bytes));
  const chunks: Uint8Array[] = [];
  const stream = new Blob([bytesOf(bytes)]).stream().pipeThrough(new CompressionStream("deflate"));
  for await (const chunk of chunksOf(stream)) chunks.push(chunk);
  return joined(chunks);
}

/** The same as {@link inflate} where there is no `node:zlib`. @internal */
export async function inflateByStream(
  compressed: Uint8Array,
  maxBytes: number,
): Promise<Uint8Array> {
  const blob = new Blob([bytesOf(compressed)]);
  const stream = blob.stream().pipeThrough(new DecompressionStream("deflate"));
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of chunksOf(stream)) {
      size += chunk.length;
      if (size > maxBytes) break;
      chunks.push(chunk);
    }
  } catch {
    return refuse("malformed", "is no whole zlib stream");
  }
  return size > maxBytes ? tooLarge(maxBytes) : joined(chunks);
}

async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // Not awaited: what is left of the stream is nobody's business any more.
    reader.cancel().catch(() => {});
  }
}

function tooLarge(maxBytes: number): never {
  return refuse("too-large", `holds more than ${maxBytes} bytes when it is decompressed`);
}

/** The part of `node:zlib` that is used. */
interface NodeZlib {
  inflateSync(bytes: Uint8Array, options: { maxOutputLength: number }): Uint8Array;
  deflateSync(bytes: Uint8Array): Uint8Array;
}

function builtinZlib(): NodeZlib | undefined {
  const { process } = globalThis as {
    process?: { getBuiltinModule?: (name: string) => unknown };
  };
  const zlib = process?.getBuiltinModule?.("node:zlib") as Partial<NodeZlib> | undefined;
  return typeof zlib?.inflateSync === "function" ? (zlib as NodeZlib) : undefined;
}
