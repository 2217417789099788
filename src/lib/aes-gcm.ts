/**
 * AES-256-GCM with a tag of 16 bytes, by `node:crypto` where there is one (synchronous, several times
 * faster), else by Web crypto (a promise). Both give the same bytes.
 *
 * @module
 */

/** What encryption gives. */
export interface Encrypted {
  /** As long as the plaintext. */
  readonly ciphertext: Uint8Array;
  /** 16 bytes. */
  readonly tag: Uint8Array;
}

/**
 * One implementation. It answers with a value or with a promise, always the same of the two, and has
 * read its arguments when it returns: their memory may be used again at once.
 */
export interface AesGcm<AesKey = unknown> {
  /** Prepares a key of 32 bytes. */
  key(bytes: Uint8Array): AesKey | Promise<AesKey>;
  /** `data` is authenticated, not encrypted. */
  encrypt(
    key: AesKey,
    nonce: Uint8Array,
    data: Uint8Array,
    plaintext: Uint8Array,
  ): Encrypted | Promise<Encrypted>;
  /** The plaintext, or `undefined` when anything differs from what was encrypted. */
  decrypt(
    key: AesKey,
    nonce: Uint8Array,
    data: Uint8Array,
    encrypted: Encrypted,
  ): Uint8Array | undefined | Promise<Uint8Array | undefined>;
}

const TAG_BYTES = 16;

let best: AesGcm | undefined;

/** The fastest implementation that works here. Found out at the first use, not while loading. */
export function aesGcm(): AesGcm {
  best ??= nodeAesGcm() ?? webAesGcm();
  return best;
}

/** The implementation by `node:crypto`; `undefined` on a runtime without it, or with a hollow one. */
export function nodeAesGcm(): AesGcm | undefined {
  const node = builtinCrypto();
  if (node === undefined) return undefined;
  // Without this, Node before version 26 takes tags of four bytes.
  const options = { authTagLength: TAG_BYTES };
  const gcm: AesGcm<object> = {
    // A key object, not bytes: with bytes Node 24 imports the key anew at each use, for 12 µs.
    key: (bytes) => node.createSecretKey(bytes),

    encrypt(key, nonce, data, plaintext) {
      const cipher = node.createCipheriv("aes-256-gcm", key, nonce, options);
      cipher.setAAD(data);
      const ciphertext = cipher.update(plaintext);
      cipher.final();
      return { ciphertext, tag: cipher.getAuthTag() };
    },

    decrypt(key, nonce, data, { ciphertext, tag }) {
      if (tag.length !== TAG_BYTES) return undefined;
      const decipher = node.createDecipheriv("aes-256-gcm", key, nonce, options);
      decipher.setAAD(data);
      decipher.setAuthTag(tag);
      const plaintext = decipher.update(ciphertext);
      return isAuthentic(decipher) ? plaintext : undefined;
    },
  };
  return works(gcm) ? (gcm as AesGcm) : undefined;
}

/** Asks for the verdict, which comes as an error whose stack nobody reads and everybody would pay for. */
function isAuthentic(decipher: NodeDecipher): boolean {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    decipher.final();
    return true;
  } catch {
    return false;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** The implementation by Web crypto. */
export function webAesGcm(): AesGcm {
  const { subtle } = crypto;
  // Copies, because not every runtime makes its own before it returns.
  const parameters = (nonce: Uint8Array, data: Uint8Array) => ({
    name: "AES-GCM",
    iv: new Uint8Array(nonce),
    additionalData: new Uint8Array(data),
    tagLength: TAG_BYTES * 8,
  });
  const gcm: AesGcm<CryptoKey> = {
    async key(bytes) {
      const raw = new Uint8Array(bytes);
      return await subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
    },

    async encrypt(key, nonce, data, plaintext) {
      const input = new Uint8Array(plaintext);
      const output = new Uint8Array(await subtle.encrypt(parameters(nonce, data), key, input));
      const end = plaintext.length;
      return { ciphertext: output.subarray(0, end), tag: output.subarray(end) };
    },

    async decrypt(key, nonce, data, { ciphertext, tag }) {
      if (tag.length !== TAG_BYTES) return undefined;
      const input = new Uint8Array(ciphertext.length + TAG_BYTES);
      input.set(ciphertext);
      input.set(tag, ciphertext.length);
      try {
        return new Uint8Array(await subtle.decrypt(parameters(nonce, data), key, input));
      } catch {
        return undefined;
      }
    },
  };
  return gcm as AesGcm;
}

// Some runtimes have the functions of `node:crypto`, but not what is behind them.
function works(gcm: AesGcm<object>): boolean {
  const zeros = new Uint8Array(32);
  const nonce = zeros.subarray(0, 12);
  try {
    const key = gcm.key(zeros) as object;
    const encrypted = gcm.encrypt(key, nonce, zeros, zeros) as Encrypted;
    return (gcm.decrypt(key, nonce, zeros, encrypted) as Uint8Array).length === zeros.length;
  } catch {
    return false;
  }
}

/** The part of `node:crypto` that is used. */
interface NodeCrypto {
  createSecretKey(bytes: Uint8Array): object;
  createCipheriv(algorithm: string, key: object, nonce: Uint8Array, options: object): NodeCipher;
  createDecipheriv(
    algorithm: string,
    key: object,
    nonce: Uint8Array,
    options: object,
  ): NodeDecipher;
}

interface NodeCipher {
  setAAD(data: Uint8Array): unknown;
  update(input: Uint8Array): Uint8Array;
  final(): Uint8Array;
  getAuthTag(): Uint8Array;
}

interface NodeDecipher {
  setAAD(data: Uint8Array): unknown;
  setAuthTag(tag: Uint8Array): unknown;
  update(input: Uint8Array): Uint8Array;
  final(): Uint8Array;
}

function builtinCrypto(): NodeCrypto | undefined {
  const { process } = globalThis as {
    process?: { getBuiltinModule?: (name: string) => unknown };
  };
  return process?.getBuiltinModule?.("node:crypto") as NodeCrypto | undefined;
}
